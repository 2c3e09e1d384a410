"""Caps, and transfers between lines: what one line gets another gives, under a total that stays.

A transfer has a process; its state is the last milestone of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, InvalidArgument, NotFound, Violation
from chassis.money import Money
from chassis.period import DateRange
from chassis.policy.parameters import Parameters, Value
from planning.budget.domain import BudgetLine

PROCESS: Final = "budget_transfer"


class Step(IntEnum):
    """The steps of the process."""

    REQUEST = 1
    DECIDE = 2


class TransferState(StrEnum):
    """Where a transfer stands."""

    REQUESTED = "REQUESTED"
    DONE = "DONE"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cap:
    """Hold a total, and what the lines below it sum to."""

    budget_cap_id: str
    unit_id: str
    name: str
    period: DateRange
    amount: Money
    created_by: str
    create_time: datetime
    allocated: Money

    @property
    def free(self) -> Money:
        """Tell what no line below it has."""
        return self.amount - self.allocated

    def holds(self, period: DateRange) -> bool:
        """Tell whether a period lies within its own."""
        own, end = self.period, period.end
        within = own.end is None or (end is not None and end <= own.end)
        return own.start <= period.start and within

    def require(self) -> None:
        """Refuse lines that sum to more than the cap.

        Errors: BudgetCapExceeded.
        Source: R-041.
        """
        if self.allocated > self.amount:
            raise BudgetCapExceeded(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """Hold a transfer from one line to another.

    Shape: `unit_id` is the lowest unit above both lines; `decided_by` is empty until it is decided.
    """

    transfer_id: str
    from_line_id: str
    to_line_id: str
    unit_id: str
    amount: Money
    reason: str
    state: TransferState
    process_id: str
    requested_by: str
    request_time: datetime
    decided_by: str = ""
    decide_time: datetime | None = None
    note: str = ""

    def decide(self, state: TransferState, *, by: str, at: datetime, note: str) -> "Transfer":
        """Keep what was decided."""
        return replace(self, state=state, decided_by=by, decide_time=at, note=note)


def require_one_period(giver: BudgetLine, taker: BudgetLine) -> None:
    """Refuse to take from one period for another; that is what carrying forward is for.

    Errors: BudgetPeriodsDiffer.
    Source: R-041.
    """
    if giver.period != taker.period:
        raise BudgetPeriodsDiffer(giver, taker)


def moved(giver: BudgetLine, taker: BudgetLine, amount: Money) -> tuple[BudgetLine, BudgetLine]:
    """Move an amount from one line to another; their sum stays.

    Errors: CurrencyMismatch, BudgetLineStateForbids, BudgetBelowCommitted.
    Source: R-041.
    """
    return giver.adjust(giver.amount - amount), taker.adjust(taker.amount + amount)


def carried(available: Money, *, share: Decimal, cap_minor: int | None) -> Money:
    """Tell what of an available amount goes into the next period.

    Shape: the share, rounded once, at most the cap and at most what is available.
    """
    part = available.times(share).amount_minor
    most = available.amount_minor if cap_minor is None else min(cap_minor, available.amount_minor)
    return replace(available, amount_minor=max(0, min(part, most)))


def carry_problems(parameters: Mapping[str, Value]) -> list[str]:
    """Tell what is wrong with a rule of what is carried forward, one sentence for each place."""
    read = Parameters(parameters)
    problems = []
    if not 0 <= read.decimal("share") <= 1:
        problems.append("parameters.share is not between 0 and 1")
    if "cap_minor" in read and read.integer("cap_minor") < 0:
        problems.append("parameters.cap_minor is below 0")
    return problems


def require_following(giver: BudgetLine, taker: BudgetLine, *, today: date) -> None:
    """Refuse to carry forward out of a period that is not over, or into one that does not follow.

    Errors: BudgetPeriodOpen.
    """
    assert giver.period.end is not None
    if giver.period.end > today or taker.period.start < giver.period.end:
        raise BudgetPeriodOpen(giver)


class BudgetCapNotFound(NotFound):
    """No budget cap has this id."""

    reason = "BUDGET_CAP_NOT_FOUND"

    def __init__(self, budget_cap_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no budget cap {budget_cap_id}", budgetCapId=budget_cap_id)


class BudgetCapExceeded(FailedPrecondition):
    """The lines below a cap would sum to more than the cap."""

    reason = "BUDGET_CAP_EXCEEDED"

    def __init__(self, cap: Cap) -> None:
        """Name the cap and both sums."""
        super().__init__(
            f"the lines below cap {cap.budget_cap_id} would sum to {cap.allocated.major()}, more"
            f" than {cap.amount.major()}",
            budgetCapId=cap.budget_cap_id,
            capMinor=cap.amount.amount_minor,
            sumMinor=cap.allocated.amount_minor,
        )


class BudgetOutsideCap(FailedPrecondition):
    """A line's unit does not lie in its cap's, or its period not within the cap's."""

    reason = "BUDGET_OUTSIDE_CAP"

    def __init__(self, cap: Cap, line: BudgetLine) -> None:
        """Name the cap and the line's unit and period."""
        super().__init__(
            f"unit {line.unit_id} from {line.period.start} to {line.period.end} does not lie in"
            f" cap {cap.budget_cap_id}",
            budgetCapId=cap.budget_cap_id,
            unitId=line.unit_id,
            startDate=line.period.start,
            endDate=line.period.end,
        )


class BudgetTransferNotFound(NotFound):
    """No budget transfer has this id."""

    reason = "BUDGET_TRANSFER_NOT_FOUND"

    def __init__(self, transfer_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no budget transfer {transfer_id}", transferId=transfer_id)


class BudgetTransferInvalid(InvalidArgument):
    """A transfer goes from one line to another."""

    reason = "BUDGET_TRANSFER_INVALID"

    def __init__(self, budget_line_id: str) -> None:
        """Name the line that both sides name."""
        message = f"{budget_line_id} cannot give to itself"
        super().__init__(
            message,
            [Violation("to_budget_line_id", "two_lines", message)],
            budgetLineId=budget_line_id,
        )


class BudgetPeriodsDiffer(FailedPrecondition):
    """The lines of a transfer have different periods."""

    reason = "BUDGET_PERIODS_DIFFER"

    def __init__(self, giver: BudgetLine, taker: BudgetLine) -> None:
        """Name both lines."""
        super().__init__(
            f"budget lines {giver.budget_line_id} and {taker.budget_line_id} have different"
            " periods",
            fromBudgetLineId=giver.budget_line_id,
            toBudgetLineId=taker.budget_line_id,
        )


class BudgetPeriodOpen(FailedPrecondition):
    """The line's period is not over yet, or the other line's does not follow it."""

    reason = "BUDGET_PERIOD_OPEN"

    def __init__(self, line: BudgetLine) -> None:
        """Name the line and the end of its period."""
        super().__init__(
            f"budget line {line.budget_line_id} runs until {line.period.end}, and what is left goes"
            " only into a later period",
            budgetLineId=line.budget_line_id,
            endDate=line.period.end,
        )
