"""A month's commission is stated: one statement a partner, by a run that goes on where it stopped.

A month is stated once. What is confirmed or taken back after its statement comes on the next one.
"""

from collections.abc import Callable
from datetime import date, tzinfo
from typing import Final

from chassis import scope, telemetry
from chassis.clock import Clock
from chassis.database import Transaction
from chassis.errors import FailedPrecondition
from chassis.outcome import Outcome
from chassis.period import Month
from chassis.scope import Caller
from chassis.work import usecases as work
from chassis.work.domain import Chunk, Cursor, Run
from chassis.work.runner import Step
from settlement.commission import statements
from settlement.commission.domain import CommissionStated

STATEMENTS: Final = "commission_statements"
PARTNERS_A_CHUNK: Final = 200


class CommissionMonthNotOver(FailedPrecondition):
    """The month is not over yet."""

    reason = "COMMISSION_MONTH_NOT_OVER"

    def __init__(self, month: Month, today: date) -> None:
        """Name the month and the day."""
        super().__init__(
            f"{month} is not over on {today.isoformat()}", month=str(month), today=today.isoformat()
        )


def settle(
    tx: Transaction,
    *,
    month: Month,
    dry_run: bool,
    by: Caller,
    today: date,
) -> Outcome[Run]:
    """Begin to state a month's commission to all partners.

    Shape: the same month again gives the first run, whatever became of it.
    Errors: CommissionMonthNotOver, OutOfScope for a caller who is not of the root.
    Source: R-118, R-124.
    """
    scope.require_root(tx, by)
    if today < month.next().first_day:
        raise CommissionMonthNotOver(month, today)
    begun = work.run(
        tx,
        STATEMENTS,
        str(month),
        unit_id=by.unit_id,
        requested_by=by.subject,
        cursor={"month": str(month), "after": ""},
        dry_run=dry_run,
        traceparent=telemetry.traceparent(),
    )
    return Outcome(begun)


def chunk(
    tx: Transaction, cursor: Cursor, *, today: date, partners: int = PARTNERS_A_CHUNK
) -> Chunk:
    """State the commission of the next partners, so many at most; what it did counts statements."""
    month, after = Month.parse(cursor["month"]), cursor["after"]
    found = statements.next_partners(tx, month=month, after=after, limit=partners)
    if not found:
        return Chunk(None, 0)
    made = statements.state(tx, month=month, after=after, until=found[-1], today=today)
    more = len(found) == partners
    following = {"month": str(month), "after": found[-1]} if more else None
    return Chunk(following, len(made), [CommissionStated(one) for one in made])


def steps(clock: Clock, *, zone: tzinfo) -> Callable[[Run], Step]:
    """Return what makes the step of a run: chunks that count for the day on which they are done."""

    def step(tx: Transaction, cursor: Cursor) -> Chunk:
        return chunk(tx, cursor, today=clock.today(zone))

    return lambda _: step
