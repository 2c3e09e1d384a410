"""Stocks and risks between channels' facts, the values here and an office's form."""

from decimal import Decimal

from mantle.channels.v1 import events_pb2, return_pb2
from mantle.planning.v1 import rolling_plan_pb2 as pb

from chassis.period import Month
from chassis.wire import from_decimal
from planning.rolling_plan.readings import ProductRisk, ReportedStock


def to_stocks(fact: events_pb2.PartnerStockReported) -> list[ReportedStock]:
    """Read what a partner reported, by product."""
    return [
        ReportedStock(
            partner_id=fact.partner_id,
            product_id=one.product_id,
            unit_id=fact.unit_id,
            month=Month.parse(fact.month),
            closing_quantity=one.closing_quantity,
            demand_quantity=one.demand_quantity,
        )
        for one in fact.stocks
    ]


def to_risk(one: return_pb2.QualityRisk) -> ProductRisk:
    """Read of which product too much came back."""
    return ProductRisk(
        partner_id=one.partner_id,
        product_id=one.product_id,
        unit_id=one.unit_id,
        year=one.year,
        back_percent=Decimal(one.back_percent),
        percent_max=Decimal(one.percent_max),
    )


def from_stock(one: ReportedStock) -> pb.ReportedStock:
    """Write what a partner reported last."""
    return pb.ReportedStock(
        partner_id=one.partner_id,
        product_id=one.product_id,
        month=str(one.month),
        closing_quantity=one.closing_quantity,
        demand_quantity=one.demand_quantity,
    )


def from_risk(one: ProductRisk) -> pb.ProductRisk:
    """Write of which product too much came back."""
    return pb.ProductRisk(
        partner_id=one.partner_id,
        product_id=one.product_id,
        year=one.year,
        back_percent=from_decimal(one.back_percent),
        percent_max=from_decimal(one.percent_max),
    )
