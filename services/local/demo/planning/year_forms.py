"""What people fill in for the year plan: targets, prices, the plans of the areas."""

from collections.abc import Mapping, Sequence
from typing import Final

from mantle.planning.v1 import annual_plan_content_pb2 as content
from mantle.planning.v1 import annual_plan_pb2 as pb
from mantle.planning.v1 import annual_plan_service_pb2 as rpc
from mantle.planning.v1 import annual_plan_target_pb2 as targets
from mantle.planning.v1 import profit_pb2
from mantle.planning.v1 import profit_service_pb2 as profit
from mantle.type.v1 import money_pb2

from local.demo.narrator import cny
from local.demo.planning import figures
from local.demo.planning import fixture as f1

ATTENDANTS: Final[dict[int, Sequence[str]]] = {
    pb.PLAN_MEETING_KIND_KICK_OFF: ("market_director", "sales_director", "finance"),
    pb.PLAN_MEETING_KIND_TARGET_CONFIRMATION: (
        "decision_layer",
        "market_director",
        "sales_director",
    ),
    pb.PLAN_MEETING_KIND_AREA_WORKSHOP: ("regional_manager", "sales_director"),
    pb.PLAN_MEETING_KIND_CHALLENGE: (
        "decision_layer",
        "market_director",
        "sales_director",
        "production",
        "finance",
    ),
    pb.PLAN_MEETING_KIND_TASK_RELEASE: ("decision_layer", "market_director", "sales_director"),
}


def yuan(amount: int) -> money_pb2.Money:
    """Return an amount of whole yuan."""
    return cny(amount * 100)


def product_targets() -> rpc.DecomposeTargetsRequest:
    """Decompose the targets to products: sales as given, profit evenly."""
    sales = [
        targets.TargetPart(product_id=product_id, amount=yuan(amount))
        for product_id, amount in f1.PRODUCT_TARGETS.items()
    ]
    even = [targets.TargetPart(product_id=product_id, weight=1) for product_id in f1.PRODUCTS]
    return rpc.DecomposeTargetsRequest(
        view=targets.TARGET_VIEW_PRODUCT,
        splits=[
            targets.TargetSplit(measure=targets.TARGET_MEASURE_SALES, parts=sales),
            targets.TargetSplit(measure=targets.TARGET_MEASURE_PROFIT, parts=even),
        ],
    )


def area_targets() -> rpc.DecomposeTargetsRequest:
    """Decompose the targets to areas: sales by weight, contribution as given."""
    sales = [
        targets.TargetPart(unit_id=area, weight=weight) for area, weight in f1.AREA_WEIGHTS.items()
    ]
    contribution = [
        targets.TargetPart(unit_id=area, amount=yuan(amount))
        for area, amount in f1.CONTRIBUTIONS.items()
    ]
    return rpc.DecomposeTargetsRequest(
        view=targets.TARGET_VIEW_AREA,
        splits=[
            targets.TargetSplit(measure=targets.TARGET_MEASURE_SALES, parts=sales),
            targets.TargetSplit(measure=targets.TARGET_MEASURE_CONTRIBUTION, parts=contribution),
        ],
    )


def assumptions(version_id: str) -> profit.SetAssumptionsRequest:
    """Set price layers, costs, and the expense that follows sales."""
    prices = [
        profit_pb2.PriceAssumption(
            product_id=product_id,
            list_price=unit_price(one.list_price),
            channel_factor=f1.CHANNEL_FACTOR,
            allowance_share=f1.ALLOWANCE,
            unit_cost=unit_price(one.unit_cost),
        )
        for product_id, one in f1.PRICES.items()
    ]
    share = profit_pb2.SalesShare(expense_type=f1.COMMISSION, share=f1.COMMISSION_SHARE)
    return profit.SetAssumptionsRequest(version_id=version_id, prices=prices, sales_shares=[share])


def unit_price(amount: str) -> money_pb2.UnitPrice:
    """Return a price of a piece from its text."""
    return money_pb2.UnitPrice(currency_code=figures.CURRENCY, amount=amount)


def regional_plan(
    area: str, volumes: Mapping[str, int], prices: Mapping[str, money_pb2.UnitPrice]
) -> content.RegionalPlan:
    """Write an area's plan, with one terminal a product."""
    return content.RegionalPlan(
        area_unit_id=area,
        lines=[
            content.RegionalPlanLine(
                product_id=product_id,
                terminal_id=f"H-{product_id}",
                volume=volume,
                unit_price=prices[product_id],
            )
            for product_id, volume in volumes.items()
        ],
        expenses=[
            content.AreaExpense(expense_type=expense_type, amount=yuan(amount))
            for expense_type, amount in f1.AREA_EXPENSES[area].items()
        ],
        competition="one rival",
        countermeasures="more visits",
    )
