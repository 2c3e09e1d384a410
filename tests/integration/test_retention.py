"""Touch facts leave after their time, and a reader behind them is told."""

import psycopg
import pytest

from chassis import retention
from chassis.database import Database
from chassis.events import usecases
from chassis.events.usecases import PositionExpired, Stretch
from tests.support.postgres import DatabaseFor
from tests.support.server import libpq

INSERT = """
WITH new AS (
  INSERT INTO event (event_id, type, ordering_key, partition, keep, occur_time, record_time, actor,
                     traceparent, payload)
  VALUES (gen_random_uuid(), %(type)s, 'k', 1, %(keep)s, now(),
          now() - make_interval(months => %(months)s), '', '', '')
  RETURNING id
)
INSERT INTO event_position SELECT %(position)s, id FROM new
"""
ROWS = [("touched", "touch", 14), ("agreed", "reference", 14), ("touched", "touch", 1)]


def read(database: Database, *types: str, after: int) -> Stretch:
    return database.read(
        lambda tx: usecases.read(
            tx, after_position=after, log_epoch="", types=types, partitions=[], page_size=10
        )
    )


def test_old_touch_facts_go_and_a_reader_behind_them_is_told(database_for: DatabaseFor) -> None:
    place = database_for("chassis_alone")
    with psycopg.connect(libpq(place.owner_url)) as db:
        for position, (kind, keep, months) in enumerate(ROWS, start=1):
            db.execute(INSERT, {"type": kind, "keep": keep, "months": months, "position": position})

    removed = retention.expire(place.owner_url)

    database = Database(place.app_url, size=1)
    assert removed == 1
    assert [event.position for event in read(database, after=1).events] == [2, 3]
    assert [event.position for event in read(database, "agreed", after=0).events] == [2]
    with pytest.raises(PositionExpired):
        read(database, "touched", after=0)
    database.close()
