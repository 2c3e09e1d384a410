"""Reading the log: nothing is looked over, whatever is numbered meanwhile."""

import threading
import time
from datetime import UTC, datetime

import psycopg
import pytest
from mantle.type.v1 import org_unit_pb2

from chassis.database import Database
from chassis.events import cursors, sequencer, usecases
from chassis.events.domain import EventDraft, ReceivedEvent, partition_of, shard_of
from chassis.events.storage import EVENT_BYTES_MAX, Cause, EventTooLarge, append
from chassis.outcome import Outcome
from tests.support.event_reader import number_all, reader_of, write
from tests.support.postgres import DatabaseFor
from tests.support.server import libpq

WRITE = """
WITH new AS (
  INSERT INTO event (event_id, type, ordering_key, partition, keep, occur_time, actor, traceparent,
                     payload)
  VALUES (gen_random_uuid(), %(type)s, 'k', 1, 'reference', now(), '', '', '')
  RETURNING id
)
INSERT INTO event_position SELECT %(position)s, id FROM new
"""
MANY = """
INSERT INTO event (event_id, type, ordering_key, partition, keep, occur_time, actor, traceparent,
                   payload)
SELECT gen_random_uuid(), 'late', 'k', 0, 'reference', now(), '', '', ''
FROM generate_series(1, %(count)s)
"""
EVENTS = 3_000
WANTED_EACH = 25


def test_a_reader_of_few_types_looks_over_nothing_while_the_log_grows(
    database_for: DatabaseFor,
) -> None:
    place = database_for("chassis_alone")
    ended = threading.Event()

    def write() -> None:
        with psycopg.connect(libpq(place.app_url), autocommit=True) as db:
            for position in range(1, EVENTS + 1):
                kind = "wanted" if position % WANTED_EACH == 0 else "other"
                db.execute(WRITE, {"type": kind, "position": position})
        ended.set()

    writer = threading.Thread(target=write)
    database = Database(place.app_url, size=1)
    writer.start()
    found: list[int] = []
    after = 0
    while not (ended.is_set() and after == EVENTS):
        stretch = database.read(
            lambda tx, after=after: usecases.read(  # type: ignore[misc]
                tx, after_position=after, log_epoch="", types=["wanted"], partitions=[], page_size=9
            )
        )
        found += [event.position for event in stretch.events]
        after = stretch.next_position
    writer.join()
    database.close()

    assert found == list(range(WANTED_EACH, EVENTS + 1, WANTED_EACH))


def test_a_late_transaction_of_many_events_is_numbered_whole(database_for: DatabaseFor) -> None:
    place = database_for("chassis_alone")
    many = sequencer.BATCH * 2 + 500
    numbering = psycopg.connect(libpq(place.app_url), autocommit=True)
    with psycopg.connect(libpq(place.app_url)) as late, numbering as db:
        gaps = sequencer.start_from(db)
        late.execute(MANY, {"count": many})
        database = Database(place.app_url, size=1)
        write(database, "quick")
        sequencer.number(db, gaps)
        settled(db, gaps)
        late.commit()
        while sequencer.number(db, gaps):
            pass
        numbered = db.execute("SELECT count(*) FROM event_position").fetchone()
    database.close()

    assert numbered == (many + 1,)


def settled(db: psycopg.Connection, gaps: sequencer.Gaps) -> None:
    """Let the gaps become so old that they are dropped once their writers have ended."""
    row = db.execute("SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint").fetchone()
    assert row is not None
    gaps.age(at_s=time.monotonic() + sequencer.SETTLE_S, xmin=0, xmax=int(row[0]))


def test_a_shard_that_is_ahead_of_the_others_is_not_applied_again(
    database_for: DatabaseFor,
) -> None:
    """A pod that takes over a shard which lags reads from there on, for all its shards."""
    database = Database(database_for("chassis_alone").app_url, size=2)
    place = database_for("chassis_alone")
    log = Database(place.app_url, size=2)
    keys = [f"unit-{number % 40}" for number in range(600)]
    write(log, *keys)
    number_all(place)
    applied: list[int] = []

    def apply(_tx: object, event: ReceivedEvent, _fact: object) -> Outcome[None]:
        applied.append(event.position)
        return Outcome(None)

    with database.transaction() as tx:
        cursors.take_leases(tx, source="planning", owner="reader")
        tx.exec_driver_sql("UPDATE subscription_cursor SET position = 600 WHERE shard IN (0, 1)")
    reader = reader_of(log, database, [(org_unit_pb2.OrgUnitChanged, apply)])
    for _ in range(4):
        reader.step()
    database.close()
    log.close()

    behind = [place for place, key in enumerate(keys, 1) if shard_of(partition_of(key)) > 1]
    assert applied == behind


def test_a_page_ends_before_it_is_too_large_for_a_message(database_for: DatabaseFor) -> None:
    """A reader takes 4 MiB; a page above that would stop it for ever."""
    place = database_for("chassis_alone")
    large = WRITE.replace("'', '', '')", "'', '', %(payload)s)")
    with psycopg.connect(libpq(place.app_url), autocommit=True) as db:
        for position in range(1, 4):
            told = {"type": "wanted", "position": position, "payload": bytes(1_500_000)}
            db.execute(large, told)
    database = Database(place.app_url, size=1)

    pages = []
    after = 0
    while after < 3:
        stretch = database.read(
            lambda tx, after=after: usecases.read(  # type: ignore[misc]
                tx, after_position=after, log_epoch="", types=[], partitions=[], page_size=9
            )
        )
        pages.append([event.position for event in stretch.events])
        after = stretch.next_position
    database.close()

    assert pages == [[1], [2], [3]]


def test_an_event_that_no_reader_could_take_is_not_written(database_for: DatabaseFor) -> None:
    place = database_for("chassis_alone")
    draft = EventDraft(org_unit_pb2.OrgUnitChanged(unit_id="x" * EVENT_BYTES_MAX), "k")
    cause = Cause(datetime.now(UTC), "", "")
    database = Database(place.app_url, size=1)

    with pytest.raises(EventTooLarge), database.transaction() as tx:
        append(tx, [(draft, cause)])
    database.close()

    with psycopg.connect(libpq(place.app_url)) as db:
        assert db.execute("SELECT count(*) FROM event").fetchone() == (0,)
