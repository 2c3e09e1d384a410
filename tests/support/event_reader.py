"""A reader of a log without services at its ends: facts are written and numbered by hand."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import zip_longest

import psycopg
from mantle.events.v1 import event_log_service_pb2 as pb
from mantle.type.v1 import org_unit_pb2

from chassis import telemetry
from chassis.clock import SystemClock
from chassis.database import Database
from chassis.events import sequencer, storage, usecases, wire
from chassis.events.applier import Applier, Handler
from chassis.events.domain import EventDraft, FactTable
from chassis.events.storage import Cause
from chassis.events.subscription import Subscription
from chassis.telemetry import Telemetry
from local.databases import ServiceDatabase
from tests.support.server import libpq


def number_all(place: ServiceDatabase) -> None:
    """Number what is committed, as a sequencer does that has just begun to lead."""
    with psycopg.connect(libpq(place.app_url), autocommit=True) as db:
        gaps = sequencer.start_from(db)
        while sequencer.number(db, gaps):
            pass


def write(database: Database, *keys: str, traceparents: Sequence[str] = ()) -> None:
    """Commit facts about units, one for each key, not numbered yet."""
    now = datetime.now(UTC)
    with database.transaction() as tx:
        storage.append(
            tx,
            [
                (
                    EventDraft(org_unit_pb2.OrgUnitChanged(unit_id=key, path=f"hq/{key}/"), key),
                    Cause(now, "someone", trace),
                )
                for key, trace in zip_longest(keys, traceparents, fillvalue="")
            ],
        )


class Log:
    """Answer a reader from a database, as the owner's service does."""

    name = "planning"

    def __init__(self, database: Database) -> None:
        """Know the database of the log's owner."""
        self._database = database

    def ask(self, request: pb.ReadEventsRequest, _response: object) -> pb.ReadEventsResponse:
        """Read a stretch, without waiting."""
        stretch = self._database.read(
            lambda tx: usecases.read(
                tx,
                after_position=request.after_position,
                log_epoch="",
                types=list(request.types),
                partitions=list(request.partitions),
                page_size=request.page_size,
            )
        )
        return wire.read_events_response(stretch)


def reader_of(
    log: Database,
    database: Database,
    handlers: Iterable[Handler],
    *,
    facts: FactTable | None = None,
    measured: Telemetry | None = None,
) -> Subscription:
    """Return what follows a log, to be stepped by hand."""
    applier = Applier(
        handlers,
        facts=facts or {},
        clock=SystemClock(),
        measured=measured or telemetry.set_up("test", instance="1"),
    )
    return Subscription(
        Log(log),  # type: ignore[arg-type]
        database,
        applier,
        owner="reader",
        committed=lambda: None,
    )
