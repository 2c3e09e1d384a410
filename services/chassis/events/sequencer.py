"""Give committed events their positions.

One sequencer works at a time, by a session lock; its table's primary key makes a second one collide
instead of double. An identity is handed out before its commit, so a number can come late: such gaps
are remembered and filled when the row appears, and dropped when every transaction of that time has
ended. No writer waits and none notifies; the process that committed pokes its own sequencer, and
polling stands behind it.
"""

import logging
import threading
import time
from dataclasses import dataclass, field

import psycopg

LOCK_KEY = 7_210_002
CHANNEL = "mantle_event_position"
POLL_S = 0.02
IDLE_POLL_S = 0.25
RETRY_S = 1.0
BATCH = 1000
IDLE_AFTER_ROUNDS = 100
SETTLE_S = 5.0
GAP_WINDOW = 100_000

log = logging.getLogger(__name__)

# One statement, so that a commit reaches its readers after one round trip; with the wake-up goes
# how far the log reaches.
_NUMBER = """
WITH found AS ({found} ORDER BY id LIMIT %(limit)s), numbered AS (
  INSERT INTO event_position (position, id)
  SELECT (SELECT coalesce(max(position), 0) FROM event_position) + row_number() OVER (ORDER BY id),
         id
  FROM found RETURNING position, id
)
SELECT array_agg(id ORDER BY id), pg_notify(%(channel)s, max(position)::text)
FROM numbered HAVING count(*) > 0
"""
# Two parts, each by its index: with OR, the plan for any identity would read the whole log.
NUMBER = _NUMBER.format(
    found="""
  SELECT id FROM event WHERE id = ANY(%(gaps)s)
  UNION ALL (SELECT id FROM event WHERE id > %(high)s ORDER BY id LIMIT %(limit)s)
"""
)
REBUILD = _NUMBER.format(
    found="""
  SELECT e.id FROM event e LEFT JOIN event_position p ON p.id = e.id WHERE p.id IS NULL
"""
)
SNAPSHOT = """
SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint
FROM pg_current_snapshot() s
"""


@dataclass(slots=True)
class Gaps:
    """Remember the identities below the highest seen that have no row yet.

    Shape: `fresh` is identity → monotonic seconds when first missed; `settled` is identity → the
    next transaction number some seconds later. An identity is taken before its writer has a
    transaction number, so the number is read only once the writer surely has one; the gap is
    dropped when no older transaction runs any more.
    """

    high: int = 0
    fresh: dict[int, float] = field(default_factory=dict)
    settled: dict[int, int] = field(default_factory=dict)

    def missing(self) -> list[int]:
        """Return the identities to look for again."""
        return [*self.settled, *self.fresh]

    def saw(self, ids: list[int], *, at_s: float) -> None:
        """Take note of rows that now have positions, in ascending order."""
        for identity in ids:
            if identity > self.high:
                self.fresh.update(dict.fromkeys(range(self.high + 1, identity), at_s))
                self.high = identity
            else:
                self.fresh.pop(identity, None)
                self.settled.pop(identity, None)

    def age(self, *, at_s: float, xmin: int, xmax: int) -> None:
        """Settle the gaps that are old enough, and drop those whose writers have all ended without
        a row."""
        self.settled = {identity: seen for identity, seen in self.settled.items() if seen > xmin}
        for identity, seen_s in list(self.fresh.items()):
            if at_s - seen_s >= SETTLE_S:
                self.settled[identity] = xmax
                del self.fresh[identity]


class Sequencer:
    """Run the numbering in a thread of its own, on a connection of its own.

    Units: polls every 20 ms while events come, every 250 ms when idle.
    """

    def __init__(self, url: str) -> None:
        """Take the address of the service's database, as psycopg reads it."""
        self._url = url
        self._poke = threading.Event()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)

    def start(self) -> None:
        """Begin to number events."""
        self._thread.start()

    def poke(self) -> None:
        """Tell that this process has committed an event."""
        self._poke.set()

    def stop(self) -> None:
        """Finish the current batch and give the lock back."""
        self._stop.set()
        self._poke.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with psycopg.connect(
                    self._url, autocommit=True, application_name="sequencer"
                ) as db:
                    self._lead(db)
            except psycopg.Error as error:
                log.warning("sequencer lost its connection", extra={"error": type(error).__name__})
            self._stop.wait(RETRY_S)

    def _lead(self, db: psycopg.Connection) -> None:
        if not self._leads(db):
            return
        gaps = self._rebuilt(db)
        idle = 0
        while not self._stop.is_set():
            done = number(db, gaps)
            idle = 0 if done else idle + 1
            if done < BATCH:
                self._poke.wait(POLL_S if idle < IDLE_AFTER_ROUNDS else IDLE_POLL_S)
                self._poke.clear()

    def _leads(self, db: psycopg.Connection) -> bool:
        """Wait until no other sequencer leads; False when asked to stop meanwhile."""
        while not self._stop.is_set():
            row = db.execute("SELECT pg_try_advisory_lock(%s)", [LOCK_KEY]).fetchone()
            if row is not None and row[0]:
                return True
            self._stop.wait(RETRY_S)
        return False

    def _rebuilt(self, db: psycopg.Connection) -> Gaps:
        """Number what an earlier leader left, whatever its identity, and go on from the highest."""
        while len(_numbered(db, REBUILD)) == BATCH:
            pass
        return start_from(db)


def start_from(db: psycopg.Connection) -> Gaps:
    """Return the state for a log whose committed rows all have positions.

    A transaction that is still open may hold a lower identity than the highest numbered; every
    missing identity of the recent past is therefore taken as a gap.
    """
    row = db.execute("SELECT coalesce(max(id), 0) FROM event_position").fetchone()
    high = int(row[0]) if row else 0
    missing = db.execute(
        "SELECT n FROM generate_series(greatest(1, %(high)s - %(window)s), %(high)s) n"
        " LEFT JOIN event_position p ON p.id = n WHERE p.id IS NULL",
        {"high": high, "window": GAP_WINDOW},
    ).fetchall()
    return Gaps(high, dict.fromkeys([row[0] for row in missing], time.monotonic()))


def number(db: psycopg.Connection, gaps: Gaps) -> int:
    """Number one batch of committed events and return how many there were."""
    xmin, xmax = _snapshot(db) if gaps.missing() else (0, 0)
    ids = _numbered(db, NUMBER, high=gaps.high, gaps=gaps.missing())
    gaps.saw(ids, at_s=time.monotonic())
    # A full batch may have left rows of a gap behind, so none may be dropped yet.
    if len(ids) < BATCH:
        gaps.age(at_s=time.monotonic(), xmin=xmin, xmax=xmax)
    return len(ids)


def _snapshot(db: psycopg.Connection) -> tuple[int, int]:
    row = db.execute(SNAPSHOT).fetchone()
    assert row is not None
    return int(row[0]), int(row[1])


def _numbered(db: psycopg.Connection, statement: str, **values: object) -> list[int]:
    """Give positions to what a statement finds, wake the readers, and return the identities in
    ascending order."""
    row = db.execute(statement.encode(), {"limit": BATCH, "channel": CHANNEL, **values}).fetchone()
    return [] if row is None else list(row[0])
