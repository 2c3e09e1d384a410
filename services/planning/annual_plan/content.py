"""What the steps of a year plan bring: summaries, first plans, the strategy, and the plans of
products, areas and channel expansion. Values and their arithmetic; the figures go to the cube."""

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

from chassis.money import Money, UnitPrice, round_half_up


class Direction(StrEnum):
    """Name the six directions of the marketing strategy."""

    PRICING = "PRICING"
    PRODUCT_MIX = "PRODUCT_MIX"
    REGION = "REGION"
    MEANS = "MEANS"
    CHANNEL = "CHANNEL"
    SALES_FORCE = "SALES_FORCE"


@dataclass(frozen=True, slots=True)
class RegionalSummary:
    """Hold a region's nine months and the forecast of its last quarter."""

    area_unit_id: str
    text: str
    actual: Money
    forecast: Money

    @property
    def expected(self) -> Money:
        """Tell what the whole year comes to.

        Source: R-006.
        """
        return self.actual + self.forecast


@dataclass(frozen=True, slots=True)
class SalesSummary:
    """Hold the sales director's summary."""

    text: str


@dataclass(frozen=True, slots=True)
class MarketSummary:
    """Hold the market director's summary."""

    text: str


@dataclass(frozen=True, slots=True)
class ChannelSales:
    """Hold a year's sales in one channel."""

    channel: str
    amount: Money


@dataclass(frozen=True, slots=True)
class ProductSummary:
    """Hold a product's year by channel."""

    product_id: str
    text: str
    lines: tuple[ChannelSales, ...]


@dataclass(frozen=True, slots=True)
class FirstPlan:
    """Hold a preliminary plan and budget; nothing in it binds anybody."""

    text: str
    base: Money
    growth_percent: Decimal
    budget: Money

    @property
    def sales(self) -> Money:
        """Tell what base and growth come to, rounded half up once.

        Source: R-008.
        """
        return self.base + self.base.times(self.growth_percent / 100)


@dataclass(frozen=True, slots=True)
class SalesPreliminary:
    """Hold the sales director's preliminary plan."""

    plan: FirstPlan


@dataclass(frozen=True, slots=True)
class MarketPreliminary:
    """Hold the market director's preliminary plan."""

    plan: FirstPlan


@dataclass(frozen=True, slots=True)
class Strategy:
    """Hold the directions that are agreed."""

    directions: tuple[tuple[Direction, str], ...]


@dataclass(frozen=True, slots=True)
class ProductPlanLine:
    """Hold an activity for a product and what it costs in the year."""

    channel: str
    activity: str
    expense_type: str
    amount: Money


@dataclass(frozen=True, slots=True)
class ProductPlan:
    """Hold the plan of one product."""

    product_id: str
    lines: tuple[ProductPlanLine, ...]


@dataclass(frozen=True, slots=True)
class RegionalPlanLine:
    """Hold the year's volume of a product at a terminal."""

    product_id: str
    channel: str
    terminal_id: str
    volume: int
    unit_price: UnitPrice

    @property
    def sales(self) -> Money:
        """Tell what is sold, rounded half up once."""
        return self.unit_price.times(self.volume)


@dataclass(frozen=True, slots=True)
class AreaExpense:
    """Hold an expense of an area in the year."""

    expense_type: str
    product_id: str
    terminal_id: str
    amount: Money


DEVELOPMENT: Final = "expense_hospital_development"
VERIFICATION: Final = "expense_clinical_verification"
BIDDING: Final = "expense_bidding"
# What it costs to win a terminal, as expense types.
NEW_TERMINAL_TYPES: Final = frozenset({DEVELOPMENT, VERIFICATION, BIDDING})


@dataclass(frozen=True, slots=True)
class NewTerminal:
    """Hold a terminal to be won, what that costs and what it brings in its first year."""

    terminal_id: str
    product_id: str
    channel: str
    volume: int
    unit_price: UnitPrice
    unit_cost: UnitPrice
    development: Money
    verification: Money
    bidding: Money

    @property
    def sales(self) -> Money:
        """Tell what is sold, rounded half up once."""
        return self.unit_price.times(self.volume)

    @property
    def spend(self) -> Money:
        """Tell what it costs to win it."""
        return self.development + self.verification + self.bidding

    @property
    def margin(self) -> Money:
        """Tell what its volume brings above its cost."""
        return self.sales - self.unit_cost.times(self.volume)

    @property
    def contribution(self) -> Money:
        """Tell margin less spend; below zero it is to be looked at.

        Source: R-015.
        """
        return self.margin - self.spend


@dataclass(frozen=True, slots=True)
class NaturalGrowth:
    """Hold the growth of terminals that the company does not look after."""

    product_id: str
    base_volume: int
    growth_percent: Decimal

    @property
    def expected_volume(self) -> int:
        """Tell the pieces that are expected, rounded half up.

        Source: R-015.
        """
        numerator, denominator = (1 + self.growth_percent / 100).as_integer_ratio()
        return round_half_up(self.base_volume * numerator, denominator)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionalPlan:
    """Hold the plan of an area by product and terminal."""

    area_unit_id: str
    lines: tuple[RegionalPlanLine, ...]
    expenses: tuple[AreaExpense, ...]
    new_terminals: tuple[NewTerminal, ...]
    growths: tuple[NaturalGrowth, ...]
    competition: str
    countermeasures: str
    requested: Money | None


@dataclass(frozen=True, slots=True)
class ExpansionPlan:
    """Hold the customers to win and to keep."""

    win_count: int
    keep_partner_ids: tuple[str, ...]
    text: str


Contribution: TypeAlias = (
    RegionalSummary
    | SalesSummary
    | SalesPreliminary
    | ProductSummary
    | MarketSummary
    | MarketPreliminary
    | Strategy
)
Submission: TypeAlias = ProductPlan | RegionalPlan | ExpansionPlan
Content: TypeAlias = Contribution | Submission
KINDS: Final[dict[str, type[Content]]] = {
    kind.__name__: kind
    for kind in (
        RegionalSummary,
        SalesSummary,
        SalesPreliminary,
        ProductSummary,
        MarketSummary,
        MarketPreliminary,
        Strategy,
        ProductPlan,
        RegionalPlan,
        ExpansionPlan,
    )
}


def key_of(content: Content) -> str:
    """Tell for which product or area something is; empty when it is for the whole."""
    match content:
        case ProductSummary() | ProductPlan():
            return content.product_id
        case RegionalSummary() | RegionalPlan():
            return content.area_unit_id
        case _:
            return ""


def amounts_of(content: Content) -> list[Money | UnitPrice | None]:
    """List all that has a currency."""
    match content:
        case RegionalSummary():
            return [content.actual, content.forecast]
        case ProductSummary() | ProductPlan():
            return [line.amount for line in content.lines]
        case SalesPreliminary() | MarketPreliminary():
            return [content.plan.base, content.plan.budget]
        case RegionalPlan():
            return _amounts_of_area(content)
        case _:
            return []


def expense_types_of(content: Content) -> set[str]:
    """Name the expense types that are planned."""
    match content:
        case ProductPlan():
            return {line.expense_type for line in content.lines}
        case RegionalPlan():
            winning = NEW_TERMINAL_TYPES if content.new_terminals else frozenset()
            return {one.expense_type for one in content.expenses} | winning
        case _:
            return set()


def _amounts_of_area(plan: RegionalPlan) -> list[Money | UnitPrice | None]:
    found: list[Money | UnitPrice | None] = [line.unit_price for line in plan.lines]
    found += [one.amount for one in plan.expenses]
    for one in plan.new_terminals:
        found += [one.unit_price, one.unit_cost, one.development, one.verification, one.bidding]
    return [*found, plan.requested]
