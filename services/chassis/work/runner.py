"""Take runs forward, chunk by chunk.

Several pods may do so at once: a claim gives a run a new epoch and a lease, and a chunk commits
only while its epoch is the newest one. The effect of a chunk and the cursor behind it share a
transaction, so a pod may die anywhere.
"""

import logging
from collections.abc import Callable, Mapping

import psycopg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from chassis.database import Transaction, is_transient
from chassis.errors import MantleError
from chassis.outcome import Outcome
from chassis.work import storage
from chassis.work.backdoor import BackDoor
from chassis.work.domain import Chunk, Cursor, Run, preview_of

LEASE_S = 60
INTERNAL = "INTERNAL: a bug of ours; the log has the story under the id of the run"

Step = Callable[[Transaction, Cursor], Chunk]

log = logging.getLogger(__name__)


class RunLost(Exception):
    """Another epoch holds the run now, or it has ended; what this chunk did must be rolled back."""


class Runner:
    """Take up the runs of the kinds that this service knows.

    Shape: `kinds` makes the step function of a run; the step takes the transaction and the cursor
        and gives a Chunk. It must do the same for the same cursor, and never commits.
    Units: a lease of `lease_s` seconds, renewed by each chunk; keep chunks well below it.
    """

    def __init__(
        self,
        back_door: BackDoor,
        *,
        kinds: Mapping[str, Callable[[Run], Step]],
        lease_s: int = LEASE_S,
    ) -> None:
        """Know the kinds; nothing is taken up before the first turn."""
        self._back_door = back_door
        self._kinds = kinds
        self._lease_s = lease_s
        self._current: Run | None = None

    def turn(self) -> bool:
        """Do one chunk of the run at hand, or of the next one.

        Shape: False when there is nothing to do.
        Errors: DBAPIError when the database is away; the lease then lets any pod go on from the
            last chunk.
        """
        run = self._current or self._claimed()
        self._current = None
        if run is None:
            return False
        self._current = self._forward(run)
        return True

    def drain(self) -> int:
        """Take turns until there is nothing to do, and count them."""
        turns = 0
        while self.turn():
            turns += 1
        return turns

    def release(self) -> None:
        """Give the run at hand back, so that another pod need not wait for the lease."""
        run, self._current = self._current, None
        if run is not None:
            self._back_door.quietly(lambda tx: storage.release(tx, run))

    def _claimed(self) -> Run | None:
        return self._back_door.quietly(
            lambda tx: storage.claim(tx, list(self._kinds), lease_s=self._lease_s)
        )

    def _forward(self, run: Run) -> Run | None:
        """Do a chunk; the run as it then is, or None when there is no more to do here."""
        try:
            return self._back_door.act(
                f"work {run.kind}", lambda tx: self._chunk(tx, run), parent=run.traceparent
            )
        except RunLost:
            log.warning("run lost to another epoch or ended", extra=_fields(run))
        except MantleError as error:
            log.warning("run refused", extra=_fields(run) | {"reason": error.reason})
            self._fail(run, f"{error.reason}: {error}")
        except Exception as error:
            if _is_passing(error):
                raise
            log.exception("run failed", extra=_fields(run))
            self._fail(run, INTERNAL)
        return None

    def _chunk(self, tx: Transaction, run: Run) -> Outcome[Run | None]:
        # The read spares a zombie its work; what stops it is the epoch in the UPDATE of advance().
        if not storage.holds(tx, run):
            raise RunLost
        step = self._kinds[run.kind](run)
        chunk = _rehearsed(tx, run, step) if run.dry_run else step(tx, run.cursor)
        after = storage.advance(tx, run, chunk, lease_s=self._lease_s)
        if after is None:
            raise RunLost
        facts = () if run.dry_run else chunk.facts
        return Outcome(None if chunk.cursor is None else after, facts)

    def _fail(self, run: Run, message: str) -> None:
        self._back_door.quietly(lambda tx: storage.fail(tx, run, message))


def _is_passing(error: Exception) -> bool:
    """Tell whether the database was away or busy, which says nothing about the chunk.

    Shape: the lease then runs out, and any pod tries the chunk again.
    """
    if isinstance(error, PoolTimeout):
        return True
    if not isinstance(error, DBAPIError):
        return False
    busy = isinstance(error.orig, (psycopg.errors.LockNotAvailable, psycopg.errors.AdminShutdown))
    return busy or error.connection_invalidated or is_transient(error)


def _rehearsed(tx: Transaction, run: Run, step: Step) -> Chunk:
    """Do the step, undo what it wrote, and keep its facts as preview rows."""
    savepoint = tx.begin_nested()
    chunk = step(tx, run.cursor)
    savepoint.rollback()
    before = storage.count_previews(tx, run)
    rows = [preview_of(fact, before + place) for place, fact in enumerate(chunk.facts, start=1)]
    storage.add_previews(tx, run, rows)
    return chunk


def _fields(run: Run) -> dict[str, object]:
    return {"run_id": run.id, "kind": run.kind, "epoch": run.epoch}
