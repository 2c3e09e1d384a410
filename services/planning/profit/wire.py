"""Profit between the domain and the contract."""

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.message import Message
from mantle.planning.v1 import profit_pb2
from mantle.planning.v1 import profit_service_pb2 as pb
from mantle.type.v1 import money_pb2

from chassis.money import Money, format_decimal
from chassis.period import Month, PeriodInvalid
from chassis.wire import from_money, from_unit_price, to_decimal, to_unit_price
from planning.cube.domain import Axis
from planning.profit.catalogue import Label
from planning.profit.comparing import (
    Analysis,
    AnalysisLine,
    Board,
    BoardLine,
    Completion,
    CompletionReport,
    Gap,
)
from planning.profit.domain import Assumptions, Change, PriceAssumption
from planning.profit.tree import Figures, GrownTree, Node, WhatIf

MONTHS_MAX: Final = 60
_LABELS: Final = {one: profit_pb2.ProfitNode.Plan.Value(f"PLAN_{one}") for one in Label}
_SPLITS: Final[Mapping[int, Axis]] = MappingProxyType(
    {
        pb.GetProfitTreeRequest.SPLIT_UNIT: Axis.UNIT,
        pb.GetProfitTreeRequest.SPLIT_PRODUCT: Axis.PRODUCT,
        pb.GetProfitTreeRequest.SPLIT_MONTH: Axis.MONTH,
    }
)


def prices(messages: Iterable[profit_pb2.PriceAssumption]) -> tuple[PriceAssumption, ...]:
    """Read assumptions.

    Errors: AmountInvalid.
    """
    return tuple(
        PriceAssumption(
            one.product_id,
            one.channel,
            to_unit_price(one.list_price),
            to_decimal(one.channel_factor, "channel_factor"),
            to_decimal(one.allowance_share, "allowance_share"),
            to_unit_price(one.unit_cost),
        )
        for one in messages
    )


def sales_shares(messages: Iterable[profit_pb2.SalesShare]) -> dict[str, Decimal]:
    """Read which share of sales an expense is."""
    return {one.expense_type: to_decimal(one.share, "share") for one in messages}


def changes(messages: Iterable[profit_pb2.AssumptionChange]) -> tuple[Change, ...]:
    """Read what is other in a what-if.

    Errors: AmountInvalid.
    """
    return tuple(
        Change(
            one.product_id,
            one.channel,
            to_unit_price(one.list_price) if one.HasField("list_price") else None,
            to_decimal(one.channel_factor, "channel_factor")
            if one.HasField("channel_factor")
            else None,
            to_decimal(one.allowance_share, "allowance_share")
            if one.HasField("allowance_share")
            else None,
            to_unit_price(one.unit_cost) if one.HasField("unit_cost") else None,
        )
        for one in messages
    )


def months(request: pb.GetProfitTreeRequest | pb.RunWhatIfRequest) -> list[Month]:
    """Read the months from the first to the last.

    Errors: PeriodInvalid.
    """
    first, last = Month.parse(request.first_month), Month.parse(request.last_month)
    count = first.months_until(last) + 1
    if not 1 <= count <= MONTHS_MAX:
        raise PeriodInvalid(f"is not 1 to {MONTHS_MAX} months", f"{first}..{last}")
    return first.span(count)


def split(request: pb.GetProfitTreeRequest) -> Axis | None:
    """Read what a tree is to be split by."""
    return _SPLITS.get(request.split)


def replied(response: type[Any], version_id: str) -> Callable[[Assumptions], Message]:
    """Answer with the assumptions of a version, in the response of the RPC."""
    return lambda found: response(assumptions=_assumptions(version_id, found))


def computed(changed: int) -> pb.ComputeProfitResponse:
    """Answer how many cells changed."""
    return pb.ComputeProfitResponse(changed_cells=changed)


def what_if(found: WhatIf) -> pb.RunWhatIfResponse:
    """Answer with both trees and their difference."""
    return pb.RunWhatIfResponse(
        before=_tree(found.before),
        after=_tree(found.after),
        difference=_figures(found.difference, found.before.currency_code),
        assumptions=_assumptions(found.after.version_id, found.assumptions),
    )


def grown(found: GrownTree) -> pb.GetProfitTreeResponse:
    """Answer with a tree."""
    return pb.GetProfitTreeResponse(tree=_tree(found))


def analysed(found: Analysis) -> pb.AnalysePlanResponse:
    """Answer with an analysis."""
    money = found.plan.money
    target = found.profit_target
    return pb.AnalysePlanResponse(
        analysis=profit_pb2.PlanAnalysis(
            plan=_tree(found.plan),
            history=_tree(found.history),
            lines=[_analysis_line(one, found.plan.currency_code) for one in found.lines],
            variance=profit_pb2.SalesVariance(
                volume=from_money(money(found.variance.volume)),
                mix=from_money(money(found.variance.mix)),
                price=from_money(money(found.variance.price)),
            ),
            gaps=[_gap(one, found.plan.currency_code) for one in found.gaps],
            profit_target=from_money(target) if target else None,
            target_profit_percent=found.target_profit_percent,
        )
    )


def board(found: Board) -> pb.GetTargetBoardResponse:
    """Answer with a board."""
    return pb.GetTargetBoardResponse(
        version_id=found.version_id,
        currency_code=found.currency_code,
        lines=map(_board_line, found.lines),
    )


def completed(found: CompletionReport) -> pb.GetCompletionResponse:
    """Answer with a completion."""
    currency_code, usage = found.whole.currency_code, found.budget
    return pb.GetCompletionResponse(
        completion=_completion(found.whole),
        parts=map(_completion, found.parts),
        budget=profit_pb2.BudgetExecution(
            budget=_money(currency_code, usage.amount),
            used=_money(currency_code, usage.spent),
            remaining=_money(currency_code, usage.amount - usage.spent),
            percent=found.budget_percent,
        ),
        floor_percent=found.floor_percent,
        below_floor=found.below_floor,
    )


def _assumptions(version_id: str, found: Assumptions) -> profit_pb2.ProfitAssumptions:
    return profit_pb2.ProfitAssumptions(
        version_id=version_id,
        set_for_version_id=found.version_id,
        prices=map(_layered, found.prices),
        sales_shares=[
            profit_pb2.SalesShare(expense_type=code, share=format_decimal(share))
            for code, share in sorted(found.sales_shares.items())
        ],
    )


def _layered(one: PriceAssumption) -> profit_pb2.LayeredPrice:
    return profit_pb2.LayeredPrice(
        assumption=profit_pb2.PriceAssumption(
            product_id=one.product_id,
            channel=one.channel,
            list_price=from_unit_price(one.list_price),
            channel_factor=format_decimal(one.channel_factor),
            allowance_share=format_decimal(one.allowance_share),
            unit_cost=from_unit_price(one.unit_cost),
        ),
        channel_price=from_unit_price(one.channel_price),
        net_price=from_unit_price(one.net_price),
    )


def _tree(grown_tree: GrownTree) -> profit_pb2.ProfitTree:
    tree, currency_code = grown_tree.tree, grown_tree.currency_code
    return profit_pb2.ProfitTree(
        version_id=grown_tree.version_id,
        version_name=grown_tree.version_name,
        unit_id=grown_tree.unit_id,
        figures=_figures(tree.figures, currency_code),
        nodes=[_node(one, currency_code) for one in tree.nodes],
        market_plan=_money(currency_code, tree.of_plan(Label.MARKET)),
        sales_plan=_money(currency_code, tree.of_plan(Label.SALES)),
        charged_from_outside=_money(currency_code, tree.outside),
        margin=_money(currency_code, tree.figures.margin),
        profit_percent=tree.profit_percent,
        parts=[
            profit_pb2.ProfitPart(key=key, figures=_figures(figures, currency_code))
            for key, figures in grown_tree.parts
        ],
    )


def _figures(one: Figures, currency_code: str) -> profit_pb2.ProfitFigures:
    return profit_pb2.ProfitFigures(
        volume=one.volume,
        sales=_money(currency_code, one.sales),
        cost=_money(currency_code, one.cost),
        expenses=_money(currency_code, one.expenses),
        depreciation=_money(currency_code, one.depreciation),
        profit=_money(currency_code, one.profit),
        contribution=_money(currency_code, one.contribution),
    )


def _node(one: Node, currency_code: str) -> profit_pb2.ProfitNode:
    return profit_pb2.ProfitNode(
        code=one.code,
        name_en=one.name_en,
        name_zh=one.name_zh,
        parent_code=one.parent,
        amount=_money(currency_code, one.amount),
        plan=_LABELS[one.label] if one.label else profit_pb2.ProfitNode.PLAN_UNSPECIFIED,
        charged_from_outside=one.outside,
    )


def _analysis_line(one: AnalysisLine, currency_code: str) -> profit_pb2.AnalysisLine:
    return profit_pb2.AnalysisLine(
        code=one.code,
        name_en=one.name_en,
        name_zh=one.name_zh,
        plan=_money(currency_code, one.plan),
        history=_money(currency_code, one.history),
        change=_money(currency_code, one.plan - one.history),
        change_percent=one.change_percent,
        sales_percent=one.sales_percent,
    )


def _gap(one: Gap, currency_code: str) -> profit_pb2.TargetGap:
    return profit_pb2.TargetGap(
        unit_id=one.unit_id,
        plan=_money(currency_code, one.plan),
        target=_money(currency_code, one.target),
        difference=_money(currency_code, one.plan - one.target),
        difference_percent=one.difference_percent,
    )


def _board_line(one: BoardLine) -> profit_pb2.TargetBoardLine:
    return profit_pb2.TargetBoardLine(
        unit_id=one.unit_id,
        measure=one.measure,
        target=one.target,
        actual=one.actual,
        remaining=one.target - one.actual,
        percent=one.percent,
    )


def _completion(one: Completion) -> profit_pb2.Completion:
    return profit_pb2.Completion(
        unit_id=one.unit_id,
        plan=_money(one.currency_code, one.plan),
        actual=_money(one.currency_code, one.actual),
        percent=one.percent,
        forecast=_money(one.currency_code, one.forecast),
        forecast_percent=one.forecast_percent,
    )


def _money(currency_code: str, amount_minor: int) -> money_pb2.Money:
    return from_money(Money(currency_code, amount_minor))
