"""Reported sales between the domain and the contract."""

from datetime import date

from mantle.channels.v1 import sales_report_pb2
from mantle.channels.v1 import sales_report_service_pb2 as pb

from channels.sales_report.domain import Reported, ReportedSale, Sale, SaleLine
from chassis.paging import Slice
from chassis.wire import from_money, from_time, to_money


def to_sales(request: pb.ImportSalesRequest) -> list[Sale]:
    """Read what was sold.

    Errors: AmountInvalid.
    """
    return [
        Sale(
            sale_id=one.sale_id,
            customer_id=one.customer_id,
            sale_date=_day(one.sale_date),
            lines=tuple(
                SaleLine(line.product_id, line.quantity, to_money(line.amount))
                for line in one.lines
            ),
        )
        for one in request.sales
    ]


def taken(reported: Reported) -> pb.ImportSalesResponse:
    """Answer with the orders."""
    return pb.ImportSalesResponse(order_ids=reported.order_ids, total=from_money(reported.total))


def listed(page: Slice[ReportedSale]) -> pb.ListReportedSalesResponse:
    """Answer with a page of sales."""
    return pb.ListReportedSalesResponse(
        sales=map(_from_sale, page.items), next_page_token=page.next_page_token
    )


def _day(text: str) -> date | None:
    """Read a day; the contract lets 30 February pass, which is told with the sale's place."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _from_sale(sale: ReportedSale) -> sales_report_pb2.ReportedSale:
    return sales_report_pb2.ReportedSale(
        partner_id=sale.partner_id,
        sale_id=sale.sale_id,
        unit_id=sale.unit_id,
        order_id=sale.order_id,
        sale_date=sale.sale_date.isoformat(),
        report_time=from_time(sale.report_time),
    )
