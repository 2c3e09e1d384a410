"""The run that closes a month, chunk by chunk; a dry run does the same and leaves nothing.

A chunk finds in its cursor what the one before found out, because in a dry run nothing of that
stands: the lock, then parts of the accounts, then the days of the month, then the end.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Final

from chassis.clock import Clock
from chassis.database import Transaction
from chassis.period import Month, parse_date
from chassis.work.domain import Chunk, Cursor, Run
from chassis.work.runner import Step
from settlement.ledger import months, sealing
from settlement.period_close import storage
from settlement.period_close.domain import Counts, Head, Period

KIND: Final = "close_period"
# A chunk counts whole days until it has this many.
CHUNK_TRANSFERS: Final = 200_000


def first_cursor(period: Period) -> Cursor:
    """Say with what the run of a month begins."""
    return {"month": str(period.month), "phase": "lock"}


def steps(clock: Clock) -> Callable[[Run], Step]:
    """Make what makes the step of a run."""

    def step_of(run: Run) -> Step:
        def finish(tx: Transaction, cursor: Cursor) -> Chunk:
            return _finish(tx, cursor, run=run, clock=clock)

        phases: dict[str, Step] = {
            "lock": _lock,
            "accounts": _accounts,
            "days": _days,
            "finish": finish,
        }
        return lambda tx, cursor: phases[cursor["phase"]](tx, cursor)

    return step_of


def _lock(tx: Transaction, cursor: Cursor) -> Chunk:
    months.lock(tx, Month.parse(cursor["month"]))
    return Chunk({**cursor, "phase": "accounts", "after": ""}, 0)


def _accounts(tx: Transaction, cursor: Cursor) -> Chunk:
    month = Month.parse(cursor["month"])
    last, count = months.write_balances(tx, month, after=cursor["after"])
    if last is not None:
        return Chunk({**cursor, "after": last}, count)
    days = {"phase": "days", "day": month.first_day.isoformat(), "transfers": 0, "documents": 0}
    return Chunk({"month": cursor["month"], **days}, count)


def _days(tx: Transaction, cursor: Cursor) -> Chunk:
    month, day = Month.parse(cursor["month"]), parse_date(cursor["day"])
    counts = Counts(cursor["transfers"], cursor["documents"])
    begin = counts.transfers
    while day in month and counts.transfers - begin < CHUNK_TRANSFERS:
        counts = counts.plus(*months.documents(tx, day))
        day += timedelta(days=1)
    after = {
        "month": str(month),
        "phase": "days" if day in month else "finish",
        "day": day.isoformat(),
        "transfers": counts.transfers,
        "documents": counts.documents,
    }
    return Chunk(after, counts.transfers - begin)


def _finish(tx: Transaction, cursor: Cursor, *, run: Run, clock: Clock) -> Chunk:
    storage.take_turn(tx)
    period = storage.get(tx, Month.parse(cursor["month"]))
    if run.dry_run:
        # Nobody asked to close it, and what the trial does to it is undone.
        period = Period(period.month).closing(run.id, by=run.requested_by)
    lines = months.write_trial(tx, period.month)
    block = sealing.head(tx)
    closed, fact = period.closed(
        Counts(cursor["transfers"], cursor["documents"]),
        lines,
        head=Head(block.block_number, block.hash) if block else None,
        at=clock.now(),
    )
    storage.save(tx, closed)
    return Chunk(None, 1, [fact])
