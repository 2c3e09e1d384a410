"""What an alarm watches between calls: readers that lag, facts that are parked, late steps."""

import logging
from collections.abc import Callable, Iterable, Sequence

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
        overdue steps.
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
        "mantle.event.parked", [_counted(database, cursors.parked_count)], unit="{event}"
    )
    meter.create_observable_gauge(
        "mantle.process.overdue",
        [_counted(database, lambda tx: inbox.overdue_count(tx, clock.now()))],
        unit="{step}",
    )


def _counted(database: Database, query: Callable[[Transaction], int]) -> Callback:
    def read(_options: CallbackOptions) -> Iterable[Observation]:
        try:
            return [Observation(database.read(query, timeout_s=2))]
        except SQLAlchemyError as error:
            log.warning("gauge not read", extra={"error": type(error).__name__})
            return []

    return read
