"""Reading the log: nothing is looked over, whatever is numbered meanwhile."""

import threading

import psycopg

from chassis.database import Database
from chassis.events import usecases
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
