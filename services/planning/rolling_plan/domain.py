"""A rolling cycle: what offices draft, directors adjust, and whom the approved plan is sent to.

Its state is the last milestone of the process `rolling_plan`; its figures stand in the cube, in
versions that it names. Forecasting tools are in `tools`, what can be supplied is in `supply`, and
what goes wrong in `errors`.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum, StrEnum
from itertools import pairwise
from typing import Final

from chassis.period import Month
from planning.cube.domain import Cell
from planning.monthly_plan.domain import MonthlyPlan
from planning.plan_side import DIRECTORS, Side
from planning.rolling_plan.errors import (
    CalendarInvalid,
    ConsentMissing,
    MonthOutsideHorizon,
    PlanNotApproved,
    RollingCycleClosed,
    SideForbids,
    SupplyUnavailable,
)
from planning.rolling_plan.supply import CheckState, SupplyCheck
from planning.rolling_plan.tools import Tool

PROCESS: Final = "rolling_plan"
EACH: Final = "office"
MEASURE: Final = "volume"
SKIPPED_MONTHS: Final = 2
HORIZON_MONTHS: Final = 3
HISTORY_MONTHS: Final = 12
DAY_MAX: Final = 31
# Figures of one event, unless a single office has more.
FIGURES_TOLD_MAX: Final = 8_000


class State(StrEnum):
    """Where a cycle stands, in order."""

    OPEN = "OPEN"
    OFFICE_DRAFT = "OFFICE_DRAFT"
    REGION_APPROVED = "REGION_APPROVED"
    MERGED = "MERGED"
    ADJUSTED = "ADJUSTED"
    DRAFT_AGREED = "DRAFT_AGREED"
    SUPPLY_CHECKED = "SUPPLY_CHECKED"
    COORDINATED = "COORDINATED"
    APPROVED = "APPROVED"
    ARCHIVED = "ARCHIVED"


APPROVED_STATES: Final = frozenset({State.APPROVED, State.ARCHIVED})


class Step(IntEnum):
    """Name the steps of the process by their numbers."""

    TALK = 1
    LOOK = 2
    DRAFT = 3
    CHECK = 4
    FILE_OFFICE = 5
    MERGE = 6
    FILE_REGIONS = 7
    ADJUST_SALES = 8
    ADJUST_MARKET = 9
    AGREE = 10
    DRAFT_PLAN = 11
    CAPACITY = 12
    MATERIAL = 13
    COORDINATE = 14
    APPROVE = 15
    ARCHIVE = 16


# The days of policy `calendar` are those of these stages; a step is due with its stage.
STAGES: Final[Sequence[tuple[Step, ...]]] = (
    (),
    tuple(Step(number) for number in range(1, 8)),
    tuple(Step(number) for number in range(8, 15)),
    (Step.APPROVE, Step.ARCHIVE),
)


ADJUSTS: Final[Mapping[Side, Step]] = {
    Side.SALES: Step.ADJUST_SALES,
    Side.MARKET: Step.ADJUST_MARKET,
}


class Reason(StrEnum):
    """Why a director adjusts."""

    CHANNEL_PROMOTION = "CHANNEL_PROMOTION"
    COMPETITOR = "COMPETITOR"
    SPECIAL_EVENT = "SPECIAL_EVENT"
    NEW_PRODUCT = "NEW_PRODUCT"
    PRICE_CHANGE = "PRICE_CHANGE"
    CONSUMER_PROMOTION = "CONSUMER_PROMOTION"


class Layer(StrEnum):
    """Whose forecast was filed."""

    CHANNEL_MANAGER = "CHANNEL_MANAGER"
    REGIONAL_MANAGER = "REGIONAL_MANAGER"
    PLANNING = "PLANNING"


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Hold the days on which the stages of a cycle are due."""

    start: date
    merge: date
    coordination: date
    approval: date

    @classmethod
    def of(cls, month: Month, days: Sequence[int]) -> "Deadlines":
        """Take the days of the month that policy `calendar` names.

        Errors: CalendarInvalid.
        """
        ascending = all(before < after for before, after in pairwise((0, *days, DAY_MAX + 1)))
        if len(days) != len(STAGES) or not ascending:
            raise CalendarInvalid(days)
        start, merge, coordination, approval = (month.day(number) for number in days)
        return cls(start, merge, coordination, approval)


def due_days(days: Sequence[int]) -> dict[int, int]:
    """Tell on which day of the month each step is due, by step."""
    return {int(step): day for day, steps in zip(days, STAGES, strict=True) for step in steps}


@dataclass(frozen=True, slots=True)
class CustomerNote:
    """Hold what a customer sells of a product a month, has in stock and said.

    Units: pieces.
    """

    partner_id: str
    product_id: str
    sell_out: int
    stock: int
    note: str
    suggested: int = 0


@dataclass(frozen=True, slots=True)
class Line:
    """Hold how much of a product an office will sell in a month; `partner_id` may be empty.

    Units: pieces.
    """

    product_id: str
    channel: str
    partner_id: str
    month: Month
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Hold what one office did in a cycle; its figures stand in the cube."""

    unit_id: str
    draft_version: int = 0
    tool: Tool | None = None
    note: str = ""
    situation: str = ""
    customers: tuple[CustomerNote, ...] = ()
    comment: str = ""
    passed: bool = False
    submitted_by: str = ""

    def submit(self, *, tool: Tool, note: str, by: str) -> "Office":
        """Take a draft over, the next version."""
        return replace(
            self,
            draft_version=self.draft_version + 1,
            tool=tool,
            note=note,
            passed=False,
            submitted_by=by,
        )

    def check(self, *, passed: bool, comment: str) -> "Office":
        """Keep what the regional manager said."""
        return replace(self, passed=passed, comment=comment)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """Hold a change that a director made of the merged forecast, and why; empty texts mean all.

    Units: pieces more, or fewer below 0.
    """

    side: Side
    reason: Reason
    note: str
    delta: int
    unit_id: str
    product_id: str
    channel: str
    month: Month
    adjusted_by: str
    adjust_time: datetime


@dataclass(frozen=True, slots=True)
class Filed:
    """Hold that a layer's forecast was filed, and in which version of the cube it stands."""

    layer: Layer
    unit_id: str
    version_id: str
    filed_by: str
    file_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """Hold a cycle.

    Shape: `version_id` holds its figures in the cube, `office_version_id` the offices' drafts as
        they submitted them. `plan_version` is 0 before the approval.
    """

    cycle_id: str
    unit_id: str
    month: Month
    state: State
    deadlines: Deadlines
    offices: Mapping[str, Office]
    version_id: str
    office_version_id: str
    process_id: str
    created_by: str
    create_time: datetime
    consents: Mapping[Side, bool]
    minutes: str = ""
    plan_version: int = 0
    adjustments: tuple[Adjustment, ...] = ()
    checks: tuple[SupplyCheck, ...] = ()
    filed: tuple[Filed, ...] = ()

    @property
    def horizon(self) -> list[Month]:
        """List the months that it plans."""
        return horizon(self.month)

    @property
    def history_months(self) -> list[Month]:
        """List the months before it that its forms show."""
        return self.month.plus(-HISTORY_MONTHS).span(HISTORY_MONTHS)

    @property
    def units(self) -> set[str]:
        """Name the units that take part."""
        return {self.unit_id, *self.offices}

    def part_of(self, units: Collection[str]) -> "Cycle":
        """Show what concerns some of its units: all of it to whoever sees its own unit.

        Shape: of an office no more than its own work, and of the whole no sums that the others'
            could be told from.
        Source: R-183.
        """
        if self.unit_id in units:
            return self
        return replace(
            self,
            offices={unit_id: one for unit_id, one in self.offices.items() if unit_id in units},
            adjustments=tuple(one for one in self.adjustments if one.unit_id in units),
            checks=(),
            filed=tuple(one for one in self.filed if one.unit_id in units),
        )

    def require_running(self) -> None:
        """Refuse what would change an approved plan.

        Errors: RollingCycleClosed.
        """
        if self.state in APPROVED_STATES:
            raise RollingCycleClosed(self.cycle_id, self.state)

    def require_approved(self) -> None:
        """Refuse what only an approved plan has.

        Errors: PlanNotApproved.
        """
        if self.state not in APPROVED_STATES:
            raise PlanNotApproved(self.cycle_id, self.state)

    def require_horizon(self, months: Collection[Month]) -> None:
        """Refuse months that it does not plan.

        Errors: MonthOutsideHorizon, naming the first.
        """
        planned = self.horizon
        for month in sorted(months):
            if month not in planned:
                raise MonthOutsideHorizon(month, first=planned[0], last=planned[-1])

    def reach(self, milestone: str) -> "Cycle":
        """Follow the process to its milestone."""
        return replace(self, state=State(milestone))

    def keep(self, office: Office) -> "Cycle":
        """Take over what an office did."""
        return replace(self, offices={**self.offices, office.unit_id: office})

    def consent(self, side: Side, *, given: bool, roles: Collection[str], by: str) -> "Cycle":
        """Take over what a director says to the agreement.

        Errors: SideForbids.
        """
        if DIRECTORS[side] not in roles:
            raise SideForbids(side, by)
        return replace(self, consents={**self.consents, side: given})

    def require_consent(self) -> None:
        """Refuse to go on before both directors consent.

        Errors: ConsentMissing.
        """
        missing = [side for side in Side if not self.consents[side]]
        if missing:
            raise ConsentMissing(self.cycle_id, missing)

    def require_supply(self) -> None:
        """Refuse to go on when production or supply was asked last and did not answer.

        Errors: SupplyUnavailable.
        """
        if self.checks and self.checks[-1].state is CheckState.UNAVAILABLE:
            raise SupplyUnavailable(self.cycle_id, self.checks[-1].kind)

    def approve(self, plan_version: int) -> "Cycle":
        """Give the plan its version."""
        return replace(self, plan_version=plan_version)


@dataclass(frozen=True, slots=True)
class RollingPlanApproved:
    """A cycle's plan is in force: what partners are to be sold, and its figures; of some offices
    when it is told in parts."""

    cycle: Cycle
    plans: Sequence[MonthlyPlan]
    cells: Sequence[Cell]


def told_in_parts(
    cycle: Cycle, plans: Sequence[MonthlyPlan], cells: Sequence[Cell]
) -> list[RollingPlanApproved]:
    """Tell of an approved plan, in as many parts as its figures need; one at least.

    Shape: an office is never divided.
    """
    counts = Counter(cell.address.unit_id for cell in cells)
    groups: list[set[str]] = [set()]
    told = 0
    for unit_id, count in sorted(counts.items()):
        if told and told + count > FIGURES_TOLD_MAX:
            groups.append(set())
            told = 0
        groups[-1].add(unit_id)
        told += count
    return [
        RollingPlanApproved(
            cycle,
            [plan for plan in plans if plan.unit_id in group],
            [cell for cell in cells if cell.address.unit_id in group],
        )
        for group in groups
    ]


def horizon(month: Month) -> list[Month]:
    """List the months that a cycle plans: its month and the next are left out.

    Source: R-043.
    """
    return month.plus(SKIPPED_MONTHS).span(HORIZON_MONTHS)
