"""A year plan: where it stands, which phase is open, what its meetings and revisions hold.

Its state is the last milestone of its process; the claims are a mark on top of it. Its figures
stand in the cube.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import IntEnum, StrEnum
from typing import Final

from chassis.money import CurrencyMismatch, Money, UnitPrice
from chassis.period import Month
from planning.annual_plan.agenda import AGENDA, Item
from planning.annual_plan.errors import (
    PlanMeetingIncomplete,
    PlanPartUnknown,
    PlanPhaseIncomplete,
    PlanPhaseNotOpen,
    PlanViewsDiffer,
    TargetsFixed,
)

PROCESS: Final = "annual_plan"
# The version of a year's plan that is approved; adjustments count on from here.
APPROVED_VERSION: Final = 1


class State(StrEnum):
    """Where a year plan stands."""

    LAUNCHED = "LAUNCHED"
    APPROVED = "APPROVED"
    EFFECTIVE = "EFFECTIVE"
    PARTIALLY_CLAIMED = "PARTIALLY_CLAIMED"
    CLAIMED = "CLAIMED"
    ARCHIVED = "ARCHIVED"


class Step(IntEnum):
    """Name those steps of the process that an RPC of the capability completes."""

    LAUNCH = 1
    REGIONAL_SUMMARY = 3
    SALES_SUMMARY = 4
    SALES_PRELIMINARY = 5
    PRODUCT_SUMMARY = 6
    MARKET_SUMMARY = 7
    MARKET_PRELIMINARY = 8
    STRATEGY = 9
    TARGETS = 10
    MARKET_TARGETS = 11
    AREA_TARGETS = 12
    BALANCE = 13
    PRODUCT_PLAN = 14
    REGIONAL_PLAN = 16
    EXPANSION_PLAN = 17
    ANALYSIS = 20
    CONFIRM = 21
    CHALLENGE = 22
    PRODUCT_REVISION = 23
    REGIONAL_REVISION = 24
    EXPANSION_REVISION = 26
    APPROVE = 27
    CLAIM_MARKET = 28
    CLAIM_PRODUCT = 29
    CLAIM_SALES = 30
    CLAIM_REGION = 31
    ARCHIVE = 32


# Who signs each of the four claims, in the order of their steps.
CLAIMANTS: Final[Mapping[Step, str]] = {
    Step.CLAIM_MARKET: "market_director",
    Step.CLAIM_PRODUCT: "product_manager",
    Step.CLAIM_SALES: "sales_director",
    Step.CLAIM_REGION: "regional_manager",
}
CLAIMS: Final = tuple(CLAIMANTS)


class Decision(StrEnum):
    """What a challenge meeting decides."""

    AGREE = "AGREE"
    DISAGREE = "DISAGREE"


class PlanPart(StrEnum):
    """Name the parts of a plan that a challenge meeting has opinions on."""

    PRODUCT = "PRODUCT"
    REGION = "REGION"
    EXPANSION = "EXPANSION"


@dataclass(frozen=True, slots=True)
class Opinion:
    """Hold what a challenge meeting says about one part."""

    part: PlanPart
    comment: str


@dataclass(frozen=True, slots=True)
class Window:
    """Hold a window of the plan's calendar, and the step that must be done in it."""

    name_en: str
    name_zh: str
    step: int
    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """Hold a revision: the version of the cube with its figures, and what was decided about it.

    Shape: sales and profit are those of the financial analysis, None before it.
    """

    revision: int
    cube_version_id: str
    analysis_id: str = ""
    analysis: str = ""
    sales: Money | None = None
    profit: Money | None = None
    decision: Decision | None = None
    opinions: tuple[Opinion, ...] = ()
    decided_by: str = ""
    decide_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Provided:
    """Hold an information item that is there."""

    number: int
    text: str = ""
    amount: Money | None = None
    provided_by: str
    provide_time: datetime


@dataclass(frozen=True, slots=True)
class Participant:
    """Name a person at a meeting."""

    subject: str
    role: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """Hold a meeting: called, held, minuted."""

    kind: str
    planned: date | None = None
    held: date | None = None
    participants: tuple[Participant, ...] = ()
    minutes: str = ""
    decisions: tuple[str, ...] = ()
    minuted_by: str = ""

    @property
    def state(self) -> str:
        """Tell where it stands."""
        if self.held is None:
            return "PLANNED"
        return "MINUTED" if self.minutes else "HELD"

    def require_held(self, *, since: date | None) -> None:
        """Refuse to go on without it, or with one that was held before a day.

        Errors: PlanMeetingIncomplete.
        Source: R-024.
        """
        if self.held is None or (since and self.held < since):
            raise PlanMeetingIncomplete(self.kind)

    def require_complete(self) -> None:
        """Refuse minutes of a meeting that was not held, or without somebody in each role.

        Errors: PlanMeetingIncomplete.
        Source: R-004, R-024.
        """
        if not self.minutes:
            return
        wanted = set(AGENDA.meeting(self.kind).roles)
        missing = sorted(wanted - {one.role for one in self.participants})
        if self.held is None or missing:
            raise PlanMeetingIncomplete(self.kind, missing)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnualPlan:
    """Hold a year plan.

    Shape: `phase` is the open one, one more than there are when all are closed; `closings` has the
        times of those that are; `milestone` is the state of its process; `claims` counts those of
        the four claims that are signed; `target_versions` has the version of the cube for each
        view.
    """

    annual_plan_id: str
    unit_id: str
    fiscal_year: int
    currency_code: str
    version: int
    milestone: State
    phase: int
    revision: int
    claims: int
    process_id: str
    traceparent: str
    area_unit_ids: tuple[str, ...]
    office_unit_ids: tuple[str, ...]
    product_ids: tuple[str, ...]
    windows: tuple[Window, ...]
    target_versions: Mapping[str, str]
    cube_version_id: str
    launched_by: str
    launch_time: datetime
    closings: tuple[datetime, ...] = ()
    priorities: str = ""
    waiver_reason: str = ""

    @property
    def state(self) -> State:
        """Tell the state, with the claims on top of the milestone.

        Source: R-026.
        """
        if self.milestone is not State.EFFECTIVE or not self.claims:
            return self.milestone
        return State.CLAIMED if self.claims == len(CLAIMS) else State.PARTIALLY_CLAIMED

    @property
    def name(self) -> str:
        """Name the plan as the cube does."""
        return f"FY{self.fiscal_year}"

    @property
    def months(self) -> list[Month]:
        """List the months that are planned."""
        return Month(self.fiscal_year, 1).span(12)

    def require_phase(self, phase: int) -> None:
        """Refuse what belongs to a phase that is not reached.

        Errors: PlanPhaseNotOpen.
        """
        if self.phase < phase:
            raise PlanPhaseNotOpen(self.annual_plan_id, phase, open_phase=self.phase)

    def require_open(self, phase: int) -> None:
        """Refuse what belongs to a phase that is not reached, or closed already.

        Errors: PlanPhaseNotOpen.
        """
        if self.phase != phase:
            raise PlanPhaseNotOpen(self.annual_plan_id, phase, open_phase=self.phase)

    def require_not_closed(self, phase: int) -> None:
        """Refuse to change what belongs to a closed phase.

        Errors: PlanPhaseNotOpen.
        """
        if self.phase > phase:
            raise PlanPhaseNotOpen(self.annual_plan_id, phase, open_phase=self.phase)

    def require_currency(self, *amounts: Money | UnitPrice | None) -> None:
        """Refuse amounts in another currency than the plan's.

        Errors: CurrencyMismatch.
        """
        for amount in amounts:
            if amount is not None and amount.currency_code != self.currency_code:
                raise CurrencyMismatch(self.currency_code, amount.currency_code)

    def require_part(self, key: str, known: Sequence[str]) -> None:
        """Refuse an area or a product that is not planned.

        Errors: PlanPartUnknown.
        """
        if key not in known:
            raise PlanPartUnknown(self.annual_plan_id, key)

    def require_unfixed(self) -> None:
        """Refuse to change targets that the challenge meeting has agreed on.

        Errors: TargetsFixed.
        """
        if self.milestone is not State.LAUNCHED:
            raise TargetsFixed(self.annual_plan_id)

    def money(self, amount_minor: int) -> Money:
        """Return an amount in the plan's currency."""
        return Money(self.currency_code, amount_minor)

    def close(self, phase: int, missing: "Missing", *, at: datetime) -> "AnnualPlan":
        """Close the open phase, and open the next.

        Errors: PlanPhaseNotOpen, PlanPhaseIncomplete.
        Source: R-003, R-004.
        """
        self.require_open(phase)
        if missing:
            raise PlanPhaseIncomplete(
                self.annual_plan_id,
                phase,
                items=[item.number for item in missing.items],
                meetings=missing.meetings,
                steps=missing.steps,
            )
        return self.touched(phase=phase + 1, closings=(*self.closings, at))

    def reach(self, milestone: str, *, revision: int) -> "AnnualPlan":
        """Follow the process to its milestone and revision."""
        return self.touched(milestone=State(milestone), revision=revision)

    def balance(self, *, gap: Money, priorities: str, waiver_reason: str) -> "AnnualPlan":
        """Take over what the co-ordination meeting agreed on.

        Errors: PlanViewsDiffer when the views have a gap and nothing waives it.
        Source: R-012.
        """
        if gap.amount_minor and not waiver_reason.strip():
            raise PlanViewsDiffer(self.annual_plan_id, gap)
        return self.touched(priorities=priorities, waiver_reason=waiver_reason)

    def touched(self, **changes: object) -> "AnnualPlan":
        """Change it, and count the change."""
        return replace(self, version=self.version + 1, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """Hold what keeps a phase from being closed; false when nothing does."""

    items: tuple[Item, ...] = ()
    meetings: tuple[str, ...] = ()
    steps: tuple[int, ...] = ()

    def __bool__(self) -> bool:
        """Tell whether anything is missing."""
        return bool(self.items or self.meetings or self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Archive:
    """Hold an archived plan; it never changes."""

    annual_plan_id: str
    revision: int
    sha256: str
    content: str
    archived_by: str
    archive_time: datetime
