"""An adjustment: what the month showed, what the meeting set, what is changed, and who claimed it.

Its state is the last milestone of the process `adjustment`; the plan's figures stand in the cube.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import IntEnum, StrEnum
from typing import Final

from chassis.allocation import split
from chassis.money import Money
from chassis.period import Month
from planning.adjustment.errors import (
    AdjustmentChangesYear,
    AdjustmentClosed,
    AdjustmentMissesTarget,
    AdjustmentOutsideYear,
    ReviewReasonMissing,
)
from planning.cube.domain import Cell
from planning.plan_side import Side
from planning.telling import in_parts

PROCESS: Final = "adjustment"
SALES: Final = "sales"
EXPENSE: Final = "expense"
VOLUME: Final = "volume"
# Figures of one event; the longest names make 2 MiB of them.
FIGURES_TOLD_MAX: Final = 12_000
_HUNDREDTH: Final = Decimal("0.01")


class State(StrEnum):
    """Where an adjustment stands."""

    OPEN = "OPEN"
    REPORTED = "REPORTED"
    REVIEWED = "REVIEWED"
    NO_CHANGE = "NO_CHANGE"
    ADJUSTING = "ADJUSTING"
    CHECKED = "CHECKED"
    ARCHIVED = "ARCHIVED"


ENDED: Final = frozenset({State.NO_CHANGE, State.ARCHIVED})


class Step(IntEnum):
    """Name the steps of the process by their numbers."""

    REPORT = 1
    REVIEW = 2
    TARGET = 3
    COMPILE = 4
    PROPOSE_MARKET = 5
    PROPOSE_SALES = 6
    ADJUST = 7
    CHECK = 8
    CLAIM_MARKET = 9
    CLAIM_SALES = 10
    ARCHIVE = 11


PROPOSES: Final[Mapping[Side, Step]] = {
    Side.MARKET: Step.PROPOSE_MARKET,
    Side.SALES: Step.PROPOSE_SALES,
}
CLAIMS: Final[Mapping[Side, Step]] = {
    Side.MARKET: Step.CLAIM_MARKET,
    Side.SALES: Step.CLAIM_SALES,
}


class CauseCode(StrEnum):
    """Why plan and actual differ."""

    MARKET = "MARKET"
    COMPETITION = "COMPETITION"
    PRICE = "PRICE"
    SUPPLY = "SUPPLY"
    EXECUTION = "EXECUTION"
    REGULATION = "REGULATION"
    PLAN = "PLAN"


@dataclass(frozen=True, slots=True)
class PlanInForce:
    """Hold which version of a year's plan is in force, and where in the cube it stands."""

    unit_id: str
    fiscal_year: int
    plan_version: int
    version_id: str


@dataclass(frozen=True, slots=True)
class TrackingLine:
    """Hold target and actual of a unit, with all that is below it, in minor units."""

    measure: str
    unit_id: str
    target: int
    actual: int

    @property
    def variance_percent(self) -> Decimal | None:
        """Tell how far the actual is from the target; None without a target.

        Units: percent, two digits behind the point.
        Source: R-032.
        """
        if self.target == 0:
            return None
        share = Decimal(self.actual - self.target) * 100 / abs(self.target)
        return share.quantize(_HUNDREDTH, ROUND_HALF_UP)

    def is_major(self, major_share: Decimal) -> bool:
        """Tell whether the variance goes beyond a share, in either direction; the share itself does
        not.

        Shape: an actual without a target always does.
        Source: R-033.
        """
        return abs(self.actual - self.target) > major_share * abs(self.target)


@dataclass(frozen=True, slots=True)
class TrackingReport:
    """Hold how a month kept to plan and budget, and from which share on a variance is major."""

    lines: tuple[TrackingLine, ...]
    major_share: Decimal

    @property
    def major(self) -> bool:
        """Tell whether any variance is major."""
        return any(line.is_major(self.major_share) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Target:
    """Hold what the months after the one looked at must have more, or less below 0."""

    measure: str
    unit_id: str
    change: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Hold a change of the plan over some months; empty texts mean all."""

    measure: str
    unit_id: str
    product_id: str
    channel: str
    first_month: Month
    last_month: Month
    change: int

    @property
    def months(self) -> list[Month]:
        """List its months."""
        return self.first_month.span(self.first_month.months_until(self.last_month) + 1)

    def parts(self) -> dict[Month, int]:
        """Share the change evenly, to the last unit, the first months having the larger parts.

        Source: R-037.
        """
        months = self.months
        return dict(zip(months, split(self.change, [1] * len(months)), strict=True))

    def require_year(self, year: int) -> None:
        """Refuse months that are not of a year, or not in order.

        Errors: AdjustmentOutsideYear.
        """
        first, last = self.first_month, self.last_month
        if last < first or first.year != year or last.year != year:
            raise AdjustmentOutsideYear(first, last, year)


@dataclass(frozen=True, slots=True)
class MonthlySales:
    """Hold what was sold in a month."""

    month: Month
    sales: Money


@dataclass(frozen=True, slots=True)
class Activity:
    """Hold what a marketing activity cost."""

    campaign_id: str
    name: str
    cost: Money


@dataclass(frozen=True, slots=True)
class ActivityReport:
    """Hold the year's sales by month and its marketing activities."""

    months: tuple[MonthlySales, ...]
    activities: tuple[Activity, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Hold what a director proposed."""

    side: Side
    shifts: tuple[Shift, ...]
    note: str
    proposed_by: str
    propose_time: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """Hold that a director claimed the adjusted plan."""

    side: Side
    claimed_by: str
    claim_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Hold an adjustment.

    Shape: `version_id` is empty and `plan_version` 0 before the plan was changed; `attempt` counts
        how often it was.
    """

    adjustment_id: str
    unit_id: str
    month: Month
    state: State
    process_id: str
    base: PlanInForce
    currency_code: str
    report: TrackingReport
    created_by: str
    create_time: datetime
    major: bool = False
    review_reason: str = ""
    cause_code: CauseCode | None = None
    cause: str = ""
    targets: tuple[Target, ...] = ()
    activities: ActivityReport | None = None
    packages: tuple[Package, ...] = ()
    shifts: tuple[Shift, ...] = ()
    check_comment: str = ""
    claims: tuple[Claim, ...] = ()
    plan_version: int = 0
    version_id: str = ""
    attempt: int = 0
    effective: bool = False
    archive_hash: str = ""

    @property
    def year(self) -> int:
        """Tell the year whose plan it is."""
        return self.month.year

    def require_running(self) -> None:
        """Refuse what would change an adjustment that has ended.

        Errors: AdjustmentClosed.
        """
        if self.state in ENDED:
            raise AdjustmentClosed(self.adjustment_id, self.state)

    def reach(self, milestone: str) -> "Adjustment":
        """Follow the process to its milestone."""
        return replace(self, state=State(milestone))

    def review(self, *, major: bool, reason: str) -> "Adjustment":
        """Take over what the meeting decided; against the rule only with a reason.

        Errors: ReviewReasonMissing.
        Source: R-033.
        """
        if major != self.report.major and not reason:
            raise ReviewReasonMissing(self.adjustment_id, rule_says_major=self.report.major)
        return replace(self, major=major, review_reason=reason)

    def propose(self, package: Package) -> "Adjustment":
        """Take over a director's package."""
        others = tuple(one for one in self.packages if one.side is not package.side)
        return replace(self, packages=(*others, package))

    def proposed(self) -> tuple[Shift, ...]:
        """List the changes of both packages, the market's first."""
        ordered = sorted(self.packages, key=lambda one: one.side)
        return tuple(shift for package in ordered for shift in package.shifts)

    def require_shifts(self, shifts: Sequence[Shift]) -> None:
        """Refuse changes outside the year, and those that change the year's total.

        Errors: AdjustmentOutsideYear, AdjustmentChangesYear.
        Source: R-037.
        """
        for shift in shifts:
            shift.require_year(self.year)
        for (measure, unit_id), change in sums(shifts).items():
            if change:
                raise AdjustmentChangesYear(measure, unit_id, change)

    def shift(self, shifts: tuple[Shift, ...], *, version_id: str) -> "Adjustment":
        """Take over how the plan was changed, and the version that has it."""
        return replace(
            self,
            shifts=shifts,
            version_id=version_id,
            plan_version=self.base.plan_version + 1,
            attempt=self.attempt + 1,
        )

    @property
    def months_behind(self) -> list[Month]:
        """List the months of the year after the one looked at."""
        return self.month.plus(1).span(self.month.months_until(Month(self.year, 12)))

    def rebase(self, base: PlanInForce) -> "Adjustment":
        """Go on from the plan in force, when another adjustment has replaced the one before."""
        return replace(self, base=base)

    def require_targets(self, brought: Mapping[Target, int]) -> None:
        """Refuse a plan that does not bring what the meeting set for the months behind.

        Shape: `brought` has for each target what its unit has more there, all below it included.
        Errors: AdjustmentMissesTarget.
        Source: R-037.
        """
        for target, change in brought.items():
            if change != target.change:
                raise AdjustmentMissesTarget(
                    target.measure, target.unit_id, wanted=target.change, change=change
                )

    def claim(self, claim: Claim) -> "Adjustment":
        """Take over a claim; with both, the plan is in force."""
        claims = (*self.claims, claim)
        return replace(self, claims=claims, effective={one.side for one in claims} == set(Side))


@dataclass(frozen=True, slots=True)
class PlanAdjusted:
    """An adjusted plan is in force: its targets and its budgets, or a part of them."""

    adjustment: Adjustment
    quotas: Sequence[Cell]
    limits: Sequence[Cell]
    part: int = 0
    part_count: int = 1


def told_in_parts(
    adjustment: Adjustment, quotas: Sequence[Cell], limits: Sequence[Cell]
) -> list[PlanAdjusted]:
    """Tell of an adjusted plan, in as many parts as its figures need; one at least."""
    parts = in_parts(quotas, limits, most=FIGURES_TOLD_MAX)
    return [
        PlanAdjusted(adjustment, some_quotas, some_limits, part, len(parts))
        for part, (some_quotas, some_limits) in enumerate(parts)
    ]


def sums(shifts: Sequence[Shift]) -> dict[tuple[str, str], int]:
    """Sum changes by measure and unit."""
    found: defaultdict[tuple[str, str], int] = defaultdict(int)
    for shift in shifts:
        found[shift.measure, shift.unit_id] += shift.change
    return dict(found)
