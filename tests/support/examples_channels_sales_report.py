"""Examples of sales that partners report."""

from mantle.channels.v1 import sales_report_service_pb2 as reports

from chassis.ids import new_id
from tests.support import examples_channels as made
from tests.support.examples import Example
from tests.support.server import World


def a_sale(
    sale_id: str, product_id: str, *, minor: int = 1177, pieces: int = 1, day: str = "2026-03-01"
) -> reports.Sale:
    """Return a sale of one line."""
    line = reports.SaleLine(product_id=product_id, quantity=pieces, amount=made.cny(minor))
    return reports.Sale(sale_id=sale_id, customer_id="C1", sale_date=day, lines=[line])


def a_report(partner_id: str, *sales: reports.Sale) -> reports.ImportSalesRequest:
    """Return a report with a request id of its own."""
    return reports.ImportSalesRequest(request_id=new_id(), partner_id=partner_id, sales=sales)


def import_sales(world: World) -> Example:
    """Report two sales."""
    made.a_world(world)
    partner_id, product_id = made.a_partner(world), made.a_product(world)
    sales = [a_sale(one, product_id) for one in ("S1", "S2")]
    return Example(a_report(partner_id, *sales), "partner")
