"""Partners' stocks between the domain and the contract."""

from collections.abc import Sequence
from typing import Final

from mantle.channels.v1 import events_pb2, partner_stock_pb2
from mantle.channels.v1 import partner_stock_service_pb2 as pb

from channels.partner_stock.domain import Filter, PartnerStock, PartnerStockReported, Report
from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.wire import from_time


def to_reports(request: pb.ReportPartnerStockRequest) -> list[Report]:
    """Read what a partner says."""
    return [
        Report(
            product_id=line.product_id,
            opening=line.opening_quantity if line.HasField("opening_quantity") else None,
            came_in=line.in_quantity,
            went_out=line.out_quantity,
            demand=line.demand_quantity,
        )
        for line in request.lines
    ]


def wanted(request: pb.ListPartnerStockRequest) -> Filter:
    """Read which reports a list is to have."""
    return Filter(request.partner_id, request.product_id, request.month)


def from_stock(stock: PartnerStock) -> partner_stock_pb2.PartnerStock:
    """Write a stock."""
    return partner_stock_pb2.PartnerStock(
        partner_id=stock.partner_id,
        unit_id=stock.unit_id,
        product_id=stock.product_id,
        month=stock.month,
        opening_quantity=stock.opening,
        in_quantity=stock.came_in,
        out_quantity=stock.went_out,
        closing_quantity=stock.closing,
        demand_quantity=stock.demand,
        delivered_quantity=stock.delivered,
        reported_by=stock.reported_by,
        report_time=from_time(stock.report_time),
        version=stock.version,
    )


def reported(stocks: Sequence[PartnerStock]) -> pb.ReportPartnerStockResponse:
    """Answer with the stocks."""
    return pb.ReportPartnerStockResponse(stocks=map(from_stock, stocks))


def listed(page: Slice[PartnerStock]) -> pb.ListPartnerStockResponse:
    """Answer with a page of stocks."""
    return pb.ListPartnerStockResponse(
        stocks=map(from_stock, page.items), next_page_token=page.next_page_token
    )


def _reported_event(fact: PartnerStockReported) -> EventDraft:
    payload = events_pb2.PartnerStockReported(
        partner_id=fact.partner_id,
        unit_id=fact.unit_id,
        month=fact.month,
        stocks=map(from_stock, fact.stocks),
    )
    return EventDraft(payload, f"partner/{fact.partner_id}")


FACTS: Final[FactTable] = {PartnerStockReported: _reported_event}
