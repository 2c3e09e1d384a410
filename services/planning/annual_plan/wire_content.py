"""What the steps of a year plan bring, read from the contract."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from mantle.planning.v1 import annual_plan_content_pb2 as pb
from mantle.planning.v1 import annual_plan_service_pb2 as service_pb

from chassis.money import Money
from chassis.wire import from_decimal, from_money, to_decimal, to_money, to_unit_price
from planning.annual_plan.content import (
    AreaExpense,
    ChannelSales,
    Contribution,
    Direction,
    ExpansionPlan,
    FirstPlan,
    MarketPreliminary,
    MarketSummary,
    NaturalGrowth,
    NewTerminal,
    ProductPlan,
    ProductPlanLine,
    ProductSummary,
    RegionalPlan,
    RegionalPlanLine,
    RegionalSummary,
    SalesPreliminary,
    SalesSummary,
    Strategy,
    Submission,
)

_DIRECTIONS: Final = {pb.StrategyDirection.Kind.Value(f"KIND_{one}"): one for one in Direction}


def contribution(request: service_pb.RecordContributionRequest) -> Contribution:
    """Read what one of the steps 3 to 9 brings; the contract sees to it that there is one."""
    kind = request.WhichOneof("content")
    found: Contribution = _CONTRIBUTIONS[str(kind)](getattr(request, str(kind)))
    return found


def submission(request: service_pb.SubmitPlanRequest) -> Submission:
    """Read the plan of a product, of an area, or of the channel expansion."""
    kind = request.WhichOneof("content")
    found: Submission = _SUBMISSIONS[str(kind)](getattr(request, str(kind)))
    return found


def first_plan_to_proto(plan: FirstPlan) -> pb.PreliminaryPlan:
    """Write a preliminary plan."""
    return pb.PreliminaryPlan(
        text=plan.text,
        base=from_money(plan.base),
        growth_percent=from_decimal(plan.growth_percent),
        budget=from_money(plan.budget),
    )


def _regional_summary(message: pb.RegionalSummary) -> RegionalSummary:
    return RegionalSummary(
        message.area_unit_id,
        message.text,
        to_money(message.actual),
        to_money(message.forecast),
    )


def _product_summary(message: pb.ProductSummary) -> ProductSummary:
    lines = tuple(ChannelSales(one.channel, to_money(one.amount)) for one in message.lines)
    return ProductSummary(message.product_id, message.text, lines)


def _first_plan(message: pb.PreliminaryPlan) -> FirstPlan:
    return FirstPlan(
        message.text,
        to_money(message.base),
        to_decimal(message.growth_percent, "content.growth_percent"),
        to_money(message.budget),
    )


def _strategy(message: pb.Strategy) -> Strategy:
    return Strategy(tuple((_DIRECTIONS[one.kind], one.text) for one in message.directions))


def _product_plan(message: pb.ProductPlan) -> ProductPlan:
    lines = tuple(
        ProductPlanLine(one.channel, one.activity, one.expense_type, to_money(one.amount))
        for one in message.lines
    )
    return ProductPlan(message.product_id, lines)


def _regional_plan(message: pb.RegionalPlan) -> RegionalPlan:
    return RegionalPlan(
        area_unit_id=message.area_unit_id,
        lines=tuple(
            RegionalPlanLine(
                one.product_id,
                one.channel,
                one.terminal_id,
                one.volume,
                to_unit_price(one.unit_price),
            )
            for one in message.lines
        ),
        expenses=tuple(
            AreaExpense(one.expense_type, one.product_id, one.terminal_id, to_money(one.amount))
            for one in message.expenses
        ),
        new_terminals=tuple(map(_new_terminal, message.new_terminals)),
        growths=tuple(map(_growth, message.growths)),
        competition=message.competition,
        countermeasures=message.countermeasures,
        requested=_requested(message),
    )


def _requested(message: pb.RegionalPlan) -> Money | None:
    return to_money(message.requested) if message.HasField("requested") else None


def _new_terminal(message: pb.NewTerminal) -> NewTerminal:
    return NewTerminal(
        terminal_id=message.terminal_id,
        product_id=message.product_id,
        channel=message.channel,
        volume=message.volume,
        unit_price=to_unit_price(message.unit_price),
        unit_cost=to_unit_price(message.unit_cost),
        development=to_money(message.development),
        verification=to_money(message.verification),
        bidding=to_money(message.bidding),
    )


def _growth(message: pb.NaturalGrowth) -> NaturalGrowth:
    percent = to_decimal(message.growth_percent, "regional_plan.growths.growth_percent")
    return NaturalGrowth(message.product_id, message.base_volume, percent)


def _expansion_plan(message: pb.ExpansionPlan) -> ExpansionPlan:
    return ExpansionPlan(message.win_count, tuple(message.keep_partner_ids), message.text)


_CONTRIBUTIONS: Final[Mapping[str, Callable[[Any], Contribution]]] = {
    "regional_summary": _regional_summary,
    "sales_summary": lambda message: SalesSummary(message.text),
    "sales_plan": lambda message: SalesPreliminary(_first_plan(message)),
    "product_summary": _product_summary,
    "market_summary": lambda message: MarketSummary(message.text),
    "market_plan": lambda message: MarketPreliminary(_first_plan(message)),
    "strategy": _strategy,
}
_SUBMISSIONS: Final[Mapping[str, Callable[[Any], Submission]]] = {
    "product_plan": _product_plan,
    "regional_plan": _regional_plan,
    "expansion_plan": _expansion_plan,
}
