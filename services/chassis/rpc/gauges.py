"""What an alarm watches between calls: readers that lag, facts that are parked, late steps."""

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from opentelemetry.metrics import CallbackOptions, Meter, Observation
from sqlalchemy.exc import SQLAlchemyError

from chassis.clock import Clock
from chassis.database import Database, Transaction
from chassis.events import cursors
from chassis.events.subscription import Subscription
from chassis.process import inbox

log = logging.getLogger(__name__)

Callback = Callable[[CallbackOptions], Iterable[Observation]]


def observe(
    meter: Meter, *, database: Database, clock: Clock, subscriptions: Sequence[Subscription]
) -> None:
    """Register the gauges; each is read when metrics are exported.

    Units: events behind the end of the peer's log, seconds since it was last read, parked events,
        overdue steps by definition.
    """

    def lag(_options: CallbackOptions) -> Iterable[Observation]:
        return [Observation(one.lag, {"mantle.event.source": one.source}) for one in subscriptions]

    def silence(_options: CallbackOptions) -> Iterable[Observation]:
        return [
            Observation(one.silence_s, {"mantle.event.source": one.source}) for one in subscriptions
        ]

    meter.create_observable_gauge("mantle.event.lag", [lag], unit="{event}")
    meter.create_observable_gauge("mantle.event.silence.seconds", [silence], unit="s")
    meter.create_observable_gauge(
        "mantle.event.parked",
        [_read(database, lambda tx: [Observation(cursors.parked_count(tx))])],
        unit="{event}",
    )
    meter.create_observable_gauge(
        "mantle.process.overdue",
        [_read(database, lambda tx: _overdue(tx, clock.now()))],
        unit="{step}",
    )


def count(
    meter: Meter, name: str, query: Callable[[Transaction], int], *, database: Database, unit: str
) -> None:
    """Register a gauge of a service's own: how many of something there are.

    Units: as `unit` says, in the spelling of OpenTelemetry.
    """
    read = _read(database, lambda tx: [Observation(query(tx))])
    meter.create_observable_gauge(name, [read], unit=unit)


def _overdue(tx: Transaction, at: datetime) -> list[Observation]:
    """Observe each definition, so that whoever is warned knows which process is late."""
    return [
        Observation(count, {"mantle.process.definition": name})
        for name, count in inbox.overdue_counts(tx, at).items()
    ]


def _read(database: Database, query: Callable[[Transaction], list[Observation]]) -> Callback:
    def read(_options: CallbackOptions) -> Iterable[Observation]:
        try:
            return database.read(query, timeout_s=2)
        except SQLAlchemyError as error:
            log.warning("gauge not read", extra={"error": type(error).__name__})
            return []

    return read
