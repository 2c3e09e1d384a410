"""A yearly run as a value: its states, its lines, what is told of it, and what is refused."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, NotFound
from chassis.money import Money

PROCESS: Final = "rebate_run"
ACCRUAL_KIND: Final = "rebate_accrual"
COMPUTE_KIND: Final = "rebate_run"
SETTLE_KIND: Final = "rebate_settle"
PAY_KIND: Final = "rebate_pay"


class Step:
    """Number the steps of the process."""

    COMPUTE = 1
    REVIEW = 2
    APPROVE = 3
    PAY = 4


class State(StrEnum):
    """How far a run is; the milestones of its process."""

    OPEN = "OPEN"
    ACCRUED = "ACCRUED"
    REVIEWED = "REVIEWED"
    APPROVED = "APPROVED"
    PAID = "PAID"


class Payout(StrEnum):
    """How a rebate is paid: as credit against the next orders, or as money."""

    ADVANCE = "ADVANCE"
    CASH = "CASH"


class RebateRunNotFound(NotFound):
    """No rebate run has this id."""

    reason = "REBATE_RUN_NOT_FOUND"

    def __init__(self, run_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no rebate run {run_id}", runId=run_id)


class RebateRunBusy(FailedPrecondition):
    """The work on the run's last step is not done yet."""

    reason = "REBATE_RUN_BUSY"

    def __init__(self, run_id: str, work_state: str) -> None:
        """Name the run and the state of the work."""
        super().__init__(
            f"the work on rebate run {run_id} is {work_state}", runId=run_id, workState=work_state
        )


class RebateYearNotOver(FailedPrecondition):
    """The year can still bring purchases."""

    reason = "REBATE_YEAR_NOT_OVER"

    def __init__(self, year: int) -> None:
        """Name the year."""
        super().__init__(f"the year {year} is not over", year=year)


class RebateMonthNotOver(FailedPrecondition):
    """The month can still bring purchases."""

    reason = "REBATE_MONTH_NOT_OVER"

    def __init__(self, month: object) -> None:
        """Name the month."""
        super().__init__(f"the month {month} is not over", month=month)


class RebateExclusionNotFound(NotFound):
    """Nothing was excluded under this id."""

    reason = "REBATE_EXCLUSION_NOT_FOUND"

    def __init__(self, exclusion_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no exclusion {exclusion_id}", exclusionId=exclusion_id)


@dataclass(frozen=True, slots=True)
class RebateRun:
    """Hold a run: over all partners of a unit and those below it, or over one partner that left.

    Shape: `revision` counts how often its lines were computed; only the last ones count.
    """

    run_id: str
    year: int
    partner_id: str
    unit_id: str
    process_id: str
    state: State
    day: date
    created_by: str
    create_time: datetime
    revision: int = 0
    payout: Payout | None = None
    pay_date: date | None = None

    @property
    def work_key(self) -> str:
        """Return the key of the work that computes the lines of this revision."""
        return f"{self.run_id}/{self.revision}"

    def compute(self, state: str, *, on: date) -> "RebateRun":
        """Begin the computing, anew when the lines before were sent back."""
        return replace(self, state=State(state), revision=self.revision + 1, day=on)

    def reach(self, state: str) -> "RebateRun":
        """Follow the process to its milestone."""
        return replace(self, state=State(state))

    def pay(self, state: str, *, payout: Payout, on: date) -> "RebateRun":
        """Begin the payment."""
        return replace(self, state=State(state), payout=payout, pay_date=on)


@dataclass(frozen=True, slots=True)
class RunTotal:
    """Hold the sums of a run's lines in one currency."""

    partner_count: int
    purchases: Money
    base: Money
    amount: Money
    paid: Money


@dataclass(frozen=True, slots=True)
class RunShown:
    """Hold a run with its sums, one for each currency."""

    run: RebateRun
    totals: Sequence[RunTotal]


@dataclass(frozen=True, slots=True)
class Line:
    """Hold what a run found for one partner.

    Units: `kept_rate` in millionths of the rebate: what was not forfeited.
    """

    run_id: str
    partner_id: str
    unit_id: str
    year: int
    policy_id: str
    credit_grade: str
    purchases: Money
    returns: Money
    exclusions: Money
    kept_rate: int
    rebate: Money
    amount: Money
    revision: int

    @property
    def base_minor(self) -> int:
        """Return what the tiers were asked for."""
        return (self.purchases - self.returns - self.exclusions).amount_minor


@dataclass(frozen=True, slots=True)
class RebateAccrued:
    """A month changed what a unit's partners are to get back; it became less when `reversal`."""

    accrual_id: str
    unit_id: str
    month: str
    amount: Money
    reversal: bool
    partner_count: int


@dataclass(frozen=True, slots=True)
class RebateComputed:
    """A partner's rebate was tried in a dry run; `accrued_minor` is the change that it makes."""

    partner_id: str
    unit_id: str
    currency_code: str
    base_minor: int
    rebate_minor: int
    amount_minor: int


@dataclass(frozen=True, slots=True)
class RebatePaid:
    """A partner was paid its rebate."""

    payment_id: str
    run_id: str
    partner_id: str
    unit_id: str
    year: int
    amount: Money
    payout: Payout
    pay_date: date
