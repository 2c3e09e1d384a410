"""Remove touch facts after their time: `python -m chassis.retention`, as owner, once a day.

Reference facts stay for ever, and so does the newest fact, whose position the next one follows.
What is removed is written down by type in the same transaction, so that a reader behind it gets
POSITION_EXPIRED and never a silent gap.
"""

import os
import sys

import sqlalchemy as sa

TOUCH_KEEP_MONTHS = 13
BATCH = 5_000

EXPIRE = sa.text(
    """
    WITH old AS (
      SELECT p.position, p.id, e.type FROM event e JOIN event_position p ON p.id = e.id
      WHERE e.keep = 'touch' AND e.record_time < now() - make_interval(months => :months)
        AND p.position < (SELECT max(position) FROM event_position)
      ORDER BY p.position LIMIT :batch
    ), gone AS (
      DELETE FROM event USING old WHERE event.id = old.id
    ), freed AS (
      DELETE FROM event_position USING old WHERE event_position.position = old.position
    ), told AS (
      INSERT INTO event_expired (type, position)
      SELECT type, max(position) FROM old GROUP BY type
      ON CONFLICT (type) DO UPDATE
        SET position = greatest(event_expired.position, excluded.position)
    )
    SELECT count(*) FROM old
    """
)


def expire(owner_url: str, *, months: int = TOUCH_KEEP_MONTHS) -> int:
    """Remove every touch fact that is older, a batch a transaction, and return how many there were.

    Units: months of real time; 5,000 facts a transaction.
    """
    engine = sa.create_engine(owner_url, poolclass=sa.NullPool)
    removed = 0
    while True:
        with engine.begin() as tx:
            batch = int(tx.execute(EXPIRE, {"months": months, "batch": BATCH}).scalar_one())
        removed += batch
        if batch < BATCH:
            engine.dispose()
            return removed


def main() -> int:
    """Expire the facts of the database that the environment names."""
    if "MANTLE_OWNER_DATABASE_URL" not in os.environ:
        sys.stderr.write("usage: MANTLE_OWNER_DATABASE_URL=… python -m chassis.retention\n")
        return 2
    removed = expire(os.environ["MANTLE_OWNER_DATABASE_URL"])
    sys.stdout.write(f"{removed} touch facts removed\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
