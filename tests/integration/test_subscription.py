"""Applying a peer's facts: many at once, one by one where something fails, and beside others."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import psycopg
import pytest
import sqlalchemy as sa
from mantle.type.v1 import org_unit_pb2
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import scope, telemetry
from chassis.database import Database, Transaction
from chassis.errors import Conflict, PeerUnavailable
from chassis.events import cursors, usecases
from chassis.events.applier import Many
from chassis.events.domain import EventDraft, ReceivedEvent
from chassis.outcome import Outcome
from chassis.scope import Caller
from local.databases import ServiceDatabase
from tests.support.event_reader import number_all, reader_of, write
from tests.support.postgres import DatabaseFor
from tests.support.server import libpq
from tests.support.waiting import until

FACT = org_unit_pb2.OrgUnitChanged
Received = Sequence[tuple[ReceivedEvent, org_unit_pb2.OrgUnitChanged]]
SUPPORT = Caller("support", frozenset({"service"}), "", "support")
TRACE = "00-{:032x}-{:016x}-{}"


@dataclass(slots=True)
class Ends:
    """The databases of a log's owner and of its reader."""

    owner: ServiceDatabase
    own: ServiceDatabase
    log: Database
    database: Database

    def tell(self, *keys: str, traceparents: Sequence[str] = ()) -> None:
        """Commit and number facts about units."""
        write(self.log, *keys, traceparents=traceparents)
        number_all(self.owner)

    def rows(self, query: str) -> list[tuple[object, ...]]:
        """Run a query in the reader's database."""
        with psycopg.connect(libpq(self.own.owner_url)) as db:
            return db.execute(query.encode()).fetchall()


@pytest.fixture
def ends(database_for: DatabaseFor) -> Iterator[Ends]:
    """Give a test a log and a reader's database."""
    owner, own = database_for("chassis_alone"), database_for("chassis_alone")
    made = Ends(owner, own, Database(owner.app_url, size=3), Database(own.app_url, size=3))
    yield made
    made.log.close()
    made.database.close()


@dataclass(slots=True)
class Copier:
    """Keep copies of units, many at once, and refuse one of them."""

    refused: str = ""
    calls: list[list[str]] = field(default_factory=list)

    def copy(self, tx: Transaction, received: Received) -> list[Outcome[None]]:
        """Copy units."""
        self.calls.append([fact.unit_id for _, fact in received])
        for event, fact in received:
            if fact.unit_id == self.refused:
                raise Conflict("refused")
            scope.copy_unit(
                tx, unit_id=fact.unit_id, path=fact.path, version=1, at=event.occur_time
            )
        return [Outcome(None, facts=[fact]) for _, fact in received]


def test_facts_of_one_type_are_applied_at_once(ends: Ends) -> None:
    keys = [f"u{number}" for number in range(150)]
    ends.tell(*keys)
    copier = Copier()

    reader = reader_of(ends.log, ends.database, [(FACT, Many(copier.copy))], facts={FACT: again})
    reader.step()

    assert copier.calls == [keys]
    assert ends.rows("SELECT count(*) FROM org_unit_copy") == [(150,)]
    assert ends.rows("SELECT DISTINCT position FROM subscription_cursor") == [(150,)]


def test_what_fails_among_many_is_parked_with_its_key_alone(ends: Ends) -> None:
    keys = [f"u{number}" for number in range(20)]
    ends.tell(*keys, "u7")
    copier = Copier(refused="u7")

    reader = reader_of(ends.log, ends.database, [(FACT, Many(copier.copy))], facts={FACT: again})
    reader.step()

    healthy = [(key,) for key in sorted(keys) if key != "u7"]
    assert ends.rows('SELECT unit_id FROM org_unit_copy ORDER BY unit_id COLLATE "C"') == healthy
    assert ends.rows("SELECT position, reason FROM parked_event ORDER BY 1") == [
        (8, "WRITE_CONFLICT"),
        (21, "BLOCKED_BY_EARLIER"),
    ]
    assert ends.rows("SELECT count(*) FROM event") == [(len(healthy),)]
    assert ends.rows("SELECT DISTINCT position FROM subscription_cursor WHERE shard = 0") == [(21,)]


def again(fact: org_unit_pb2.OrgUnitChanged) -> EventDraft:
    return EventDraft(fact, fact.unit_id)


def test_each_of_many_tells_its_facts_in_its_own_trace(ends: Ends) -> None:
    traces = [TRACE.format(number, number, "01" if number % 2 else "00") for number in range(1, 8)]
    keys = [f"u{number}" for number in range(1, 8)]
    ends.tell(*keys, traceparents=traces)
    kept = InMemorySpanExporter()
    measured = telemetry.set_up("test", instance="1", exporter=kept)
    telemetry.trace_statements(ends.database.engine, measured)

    reader = reader_of(
        ends.log,
        ends.database,
        [(FACT, Many(Copier().copy))],
        facts={FACT: again},
        measured=measured,
    )
    reader.step()
    measured.stop()

    told = ends.rows("SELECT ordering_key, split_part(traceparent, '-', 2) FROM event ORDER BY id")
    assert told == [(key, trace.split("-")[1]) for key, trace in zip(keys, traces, strict=True)]
    spans = [one for one in kept.get_finished_spans() if one.name == "apply OrgUnitChanged"]
    assert sorted(one.context.trace_id for one in spans if one.context) == [1, 3, 5, 7]
    assert [[event.name for event in one.events] for one in spans] == [["OrgUnitChanged"]] * 4
    statements = [one for one in kept.get_finished_spans() if one.name == "INSERT"]
    assert {one.parent.span_id for one in statements if one.parent} == {
        one.context.span_id for one in spans if one.context
    }


def test_a_neighbours_lock_parks_nothing(ends: Ends) -> None:
    """The row is free again when the event is tried alone for the second time."""
    ends.tell("u1")
    ends.rows("INSERT INTO org_unit_copy VALUES ('u1', 'old/u1/', 0, now()) RETURNING 1")
    neighbour = psycopg.connect(libpq(ends.own.owner_url))
    neighbour.execute("SELECT path FROM org_unit_copy FOR UPDATE")
    tries: list[str] = []

    def copy(
        tx: Transaction, event: ReceivedEvent, fact: org_unit_pb2.OrgUnitChanged
    ) -> Outcome[None]:
        tries.append(fact.unit_id)
        if len(tries) == 3:
            neighbour.rollback()
        tx.execute(sa.text("SET LOCAL lock_timeout = '20ms'"))
        scope.copy_unit(tx, unit_id=fact.unit_id, path=fact.path, version=1, at=event.occur_time)
        return Outcome(None)

    reader_of(ends.log, ends.database, [(FACT, copy)]).step()
    neighbour.close()

    assert len(tries) == 3
    assert ends.rows("SELECT reason FROM parked_event") == []
    assert ends.rows("SELECT path FROM org_unit_copy") == [("hq/u1/",)]


def test_nothing_is_parked_behind_an_event_that_is_being_replayed(ends: Ends) -> None:
    """Else it would wait for ever: the one that it waits for has left the list."""
    copier = Copier(refused="u1")
    reader = reader_of(ends.log, ends.database, [(FACT, Many(copier.copy))], facts={FACT: again})
    ends.tell("u1")
    reader.step()
    [(event_id,)] = ends.rows("SELECT event_id::text FROM parked_event")
    copier.refused = ""
    ends.tell("u1")

    beside = threading.Thread(target=reader.step)
    with ends.database.transaction() as tx:
        usecases.replay(
            tx,
            str(event_id),
            applier_of=lambda _: reader._applier,
            by=SUPPORT,
            at=datetime.now(UTC),
        )
        beside.start()
        until(lambda: waits(ends) or not beside.is_alive(), "the reader to wait for the replay")
    beside.join(10)

    assert ends.rows("SELECT position FROM parked_event WHERE applied_time IS NULL") == []
    assert copier.calls[-2:] == [["u1"], ["u1"]]


def waits(ends: Ends) -> bool:
    """Tell whether somebody waits in the reader's database for a key."""
    return bool(
        ends.rows(
            "SELECT 1 FROM pg_locks JOIN pg_database d ON d.oid = database"
            " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
        )
    )


def test_a_renewal_of_leases_is_one_statement(ends: Ends) -> None:
    statements = counted(ends.database)
    with ends.database.transaction() as tx:
        first = cursors.take_leases(tx, source="planning", owner="reader")
    statements.clear()

    with ends.database.transaction() as tx:
        again = cursors.take_leases(tx, source="planning", owner="reader")

    assert len(statements) == 1
    assert again == first
    assert [lease.shard for lease in first] == [0, 1, 2, 3]


def test_two_readers_share_the_shards_of_a_source(ends: Ends) -> None:
    held: dict[str, list[int]] = {}
    for owner in ("one", "two", "one", "two"):
        with ends.database.transaction() as tx:
            leases = cursors.take_leases(tx, source="planning", owner=owner)
        held[owner] = [lease.shard for lease in leases]

    assert held == {"one": [0, 1], "two": [2, 3]}


def test_a_peer_that_is_away_costs_no_statements(ends: Ends) -> None:
    asked: list[int] = []

    class Away:
        name = "planning"

        def ask(self, *_: object) -> None:
            asked.append(1)
            raise PeerUnavailable("planning")

    reader = reader_of(ends.log, ends.database, [(FACT, Many(Copier().copy))])
    reader._peer = Away()  # type: ignore[assignment]
    statements = counted(ends.database)
    reader.start()

    def takes() -> int:
        return sum("subscription_member" in one for one in list(statements))

    # Leases are renewed every three seconds, however slowly the attempts come.
    until(lambda: len(asked) >= 5 and takes() < len(asked) - 1, "attempts without statements")
    reader.stop()
    reader.join(timeout_s=10)


def counted(database: Database) -> list[str]:
    """Return a list that grows by each statement."""
    statements: list[str] = []

    @sa.event.listens_for(database.engine, "before_cursor_execute")
    def note(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        statements.append(statement)

    return statements
