"""A campaign: what is planned, where it stands, and what may be done with it there.

Its state is the last milestone of its process; pausing and stopping are marks on top of it. What
came of it is computed in `planning.campaign.results`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, NotFound
from chassis.money import Money, total
from chassis.policy.domain import VariableType
from planning.campaign.results import Result

PROCESS: Final = "campaign"


class State(StrEnum):
    """Where a campaign stands."""

    PLANNING = "PLANNING"
    ALLOCATED = "ALLOCATED"
    IN_APPROVAL = "IN_APPROVAL"
    APPROVED = "APPROVED"
    EXECUTING = "EXECUTING"
    ENDED = "ENDED"
    EVALUATED = "EVALUATED"
    CLOSED = "CLOSED"
    PAUSED = "PAUSED"
    STOPPED = "STOPPED"


class Step(IntEnum):
    """Name the steps of the process by their numbers."""

    PLAN = 1
    ALLOCATE = 2
    SUBMIT = 3
    SIGN_INITIATOR = 4
    SIGN_PRODUCT_AND_TARIFF = 5
    SIGN_WORDING = 6
    SIGN_SUPPORT = 7
    APPROVE = 8
    START = 9
    END = 10
    EVALUATE = 11
    CLOSE = 12


class GoalKind(StrEnum):
    """What a goal measures."""

    PROFIT = "PROFIT"
    MARKET_SHARE = "MARKET_SHARE"
    GROWTH_RATE = "GROWTH_RATE"
    SALES = "SALES"
    PRICE = "PRICE"
    QUALITY = "QUALITY"
    PRODUCT_SYSTEM = "PRODUCT_SYSTEM"
    CHANNELS = "CHANNELS"
    PROMOTION = "PROMOTION"
    AWARENESS = "AWARENESS"
    COMPETITOR_GAP = "COMPETITOR_GAP"


# What every condition may speak about, beside the attributes that a plan declares.
OFFER_VARIABLES: Final[Mapping[str, VariableType]] = {
    "tags": VariableType.STRING_LIST,
    "owned_product_ids": VariableType.STRING_LIST,
    "event_type": VariableType.STRING,
    "touchpoint_kind": VariableType.STRING,
}


@dataclass(frozen=True, slots=True)
class Goal:
    """Hold a number that a campaign is to move, in a unit of its own."""

    kind: GoalKind
    unit: str
    baseline: Decimal
    target: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """Hold one thing that a campaign offers, and when.

    Shape: an empty list of event types or touchpoint kinds means all of them; an empty condition
        always holds.
    Units: `propensity` and `score_cut` 0 to 1; `value` of one success.
    """

    offer_code: str
    product_id: str
    wording: str
    event_types: tuple[str, ...]
    touchpoint_kinds: tuple[str, ...]
    required_tags: tuple[str, ...]
    excluded_tags: tuple[str, ...]
    condition: str
    propensity: Decimal
    value: Money
    score_cut: Decimal
    moment: str
    valid_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Hold what is planned; a revision replaces the whole of it.

    Shape: `attributes` are the variables that conditions may speak about, by name.
    Units: `margin_share` 0 to 1.
    """

    name: str
    segment: str
    goals: tuple[Goal, ...]
    audience: str
    offers: tuple[Offer, ...]
    wording: str
    support: str
    budget: Money
    start_time: datetime
    end_time: datetime
    margin_share: Decimal
    attributes: Mapping[str, VariableType]

    @property
    def conditions(self) -> list[str]:
        """List the texts that must compile."""
        texts = [self.audience, *(offer.condition for offer in self.offers)]
        return [text for text in texts if text]

    @property
    def variables(self) -> dict[str, VariableType]:
        """Tell what its conditions may speak about."""
        return {**self.attributes, **OFFER_VARIABLES}

    @property
    def product_ids(self) -> list[str]:
        """List the products that it offers, sorted."""
        return sorted({offer.product_id for offer in self.offers})


@dataclass(frozen=True, slots=True)
class Allocation:
    """Hold a part of the budget, and the reservation that it comes from."""

    budget_line_id: str
    unit_id: str
    amount: Money
    reservation_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Hold a campaign.

    Shape: `milestone` is the state of its process; `result` and `evaluate_time` are there from the
        evaluation on.
    """

    campaign_id: str
    unit_id: str
    version: int
    milestone: State
    plan: Plan
    process_id: str
    traceparent: str
    created_by: str
    create_time: datetime
    paused: bool = False
    stopped: bool = False
    allocations: tuple[Allocation, ...] = ()
    reason: str = ""
    result: Result | None = None
    lesson: str = ""
    evaluate_time: datetime | None = None

    @property
    def state(self) -> State:
        """Tell the state, with pausing and stopping."""
        if self.paused:
            return State.PAUSED
        if self.stopped and self.milestone is State.ENDED:
            return State.STOPPED
        return self.milestone

    def revise(self, plan: Plan) -> "Campaign":
        """Replace the plan.

        Errors: CampaignStateForbids.
        """
        self._require(State.PLANNING, to=State.PLANNING)
        return replace(self, plan=plan, version=self.version + 1)

    def require_sum(self, parts: tuple[Allocation, ...]) -> None:
        """Refuse parts that are not together the budget.

        Errors: CurrencyMismatch, AllocationSumDiffers.
        """
        budget = self.plan.budget
        together = total(budget.currency_code, [part.amount for part in parts])
        if together != budget:
            raise AllocationSumDiffers(self, together)

    def allocate(self, parts: tuple[Allocation, ...]) -> "Campaign":
        """Take over what was reserved."""
        return replace(self, allocations=parts)

    def reach(self, milestone: str) -> "Campaign":
        """Follow the process to its milestone; an approval settles every objection."""
        reached = State(milestone)
        return replace(
            self,
            milestone=reached,
            paused=self.paused and reached is State.EXECUTING,
            reason="" if reached is State.APPROVED else self.reason,
            version=self.version + 1,
        )

    def refuse(self, reason: str) -> "Campaign":
        """Go back to planning: what was reserved is given back."""
        return replace(self, allocations=(), reason=reason)

    def pause(self) -> "Campaign":
        """Withhold its offers.

        Errors: CampaignStateForbids.
        """
        self._require(State.EXECUTING, to=State.PAUSED)
        return replace(self, paused=True, version=self.version + 1)

    def resume(self) -> "Campaign":
        """Make its offers again.

        Errors: CampaignStateForbids.
        """
        self._require(State.PAUSED, to=State.EXECUTING)
        return replace(self, paused=False, version=self.version + 1)

    def stop(self, reason: str) -> "Campaign":
        """Mark that it ends before its time."""
        return replace(self, stopped=True, reason=reason)

    def evaluate(self, result: Result, *, at: datetime) -> "Campaign":
        """Fix what came of it."""
        return replace(self, result=result, evaluate_time=at)

    def learn(self, lesson: str) -> "Campaign":
        """Keep what the next campaign should know."""
        return replace(self, lesson=lesson)

    def _require(self, state: State, *, to: State) -> None:
        if self.state is not state:
            raise CampaignStateForbids(self, to)


@dataclass(frozen=True, slots=True)
class CampaignApproved:
    """A campaign has all its sign-offs."""

    campaign: Campaign


@dataclass(frozen=True, slots=True)
class CampaignStarted:
    """A campaign went live."""

    campaign: Campaign


@dataclass(frozen=True, slots=True)
class CampaignPaused:
    """A campaign's offers are withheld."""

    campaign: Campaign


@dataclass(frozen=True, slots=True)
class CampaignResumed:
    """A paused campaign goes on."""

    campaign: Campaign


@dataclass(frozen=True, slots=True)
class CampaignStopped:
    """A campaign ended before its time."""

    campaign: Campaign


@dataclass(frozen=True, slots=True)
class CampaignEnded:
    """A campaign came to its end."""

    campaign: Campaign


@dataclass(frozen=True, slots=True)
class CampaignEvaluated:
    """A campaign's results are fixed."""

    campaign: Campaign


class CampaignNotFound(NotFound):
    """No campaign has this id."""

    reason = "CAMPAIGN_NOT_FOUND"

    def __init__(self, campaign_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no campaign {campaign_id}", campaignId=campaign_id)


class CampaignStateForbids(FailedPrecondition):
    """The campaign's state does not allow the move."""

    reason = "CAMPAIGN_STATE_FORBIDS"

    def __init__(self, campaign: Campaign, to: State) -> None:
        """Name the campaign and the move."""
        super().__init__(
            f"campaign {campaign.campaign_id} is {campaign.state} and cannot become {to}",
            campaignId=campaign.campaign_id,
            state=campaign.state,
            to=to,
        )


class AllocationSumDiffers(FailedPrecondition):
    """The parts do not sum to the campaign's budget."""

    reason = "ALLOCATION_SUM_DIFFERS"

    def __init__(self, campaign: Campaign, together: Money) -> None:
        """Name the campaign and both amounts."""
        budget = campaign.plan.budget
        super().__init__(
            f"the parts sum to {together.major()}, the budget of campaign {campaign.campaign_id}"
            f" is {budget.major()}",
            campaignId=campaign.campaign_id,
            budgetMinor=budget.amount_minor,
            sumMinor=together.amount_minor,
        )


class ProductUnknown(FailedPrecondition):
    """An offer names a product that is not on sale."""

    reason = "PRODUCT_UNKNOWN"

    def __init__(self, product_id: str) -> None:
        """Name the product."""
        super().__init__(f"product {product_id} is not on sale", productId=product_id)
