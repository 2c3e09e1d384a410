"""Sales that partners report: all or nothing, once, delivered at once, and what settlement makes of
them."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from mantle.channels.v1 import events_pb2, order_pb2
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import sales_report_service_pb2 as reports
from mantle.settlement.v1 import credit_service_pb2 as credit
from mantle.settlement.v1 import events_pb2 as settlement_pb
from mantle.settlement.v1 import invoice_pb2
from mantle.settlement.v1 import invoice_service_pb2 as invoices

from tests.support import examples_channels as made
from tests.support.channels_world import Shop, shop
from tests.support.examples_channels_sales_report import a_report, a_sale
from tests.support.requirements import req
from tests.support.server import Refused, World

__all__ = ["shop"]

Order = order_pb2.Order
STATES = [
    Order.STATE_SUBMITTED,
    Order.STATE_CHECKED,
    Order.STATE_APPROVED,
    Order.STATE_ALLOCATED,
    Order.STATE_SHIPPED,
    Order.STATE_DELIVERED,
]


def own_orders(shop: Shop, partner_id: str) -> Any:
    return shop.world.call(orders.ListOrdersRequest(partner_id=partner_id)).orders


@req("R-081", "R-090")
def test_a_reported_sale_is_an_order_that_is_delivered(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world, stock_kept=True)
    request = a_report(
        partner_id, a_sale("S1", product_id, pieces=3, minor=1000), a_sale("S2", product_id)
    )

    answer = shop.world.call(request, role="partner")
    again = shop.world.call(request, role="partner")

    first, second = (shop.order(order_id) for order_id in answer.order_ids)
    listed = shop.world.call(reports.ListReportedSalesRequest(partner_id=partner_id)).sales
    assert answer.total == made.cny(2177)
    assert again == answer
    assert len(own_orders(shop, partner_id)) == 2
    assert [move.to for move in first.moves] == STATES
    assert (first.state, first.source) == (Order.STATE_DELIVERED, order_pb2.ORDER_SOURCE_PARTNER)
    assert (first.order_date, first.customer_id, first.delivery_proof) == ("2026-03-01", "C1", "S1")
    assert first.lines[0].priced.unit_price.amount == "3.333333"
    assert first.total == made.cny(1000)
    # Seven days after the end of the day of the sale, in the company's time zone.
    assert first.cooling_off_end_time.ToJsonString() == "2026-03-08T16:00:00Z"
    assert first.contract_number != second.contract_number
    assert [(one.sale_id, one.order_id) for one in listed] == [
        ("S1", first.order_id),
        ("S2", second.order_id),
    ]
    assert not shop.desk.asked
    assert [one.order.order_id for one in shop.facts(events_pb2.OrderApproved)] == list(
        answer.order_ids
    )
    assert shop.facts(events_pb2.OrderDelivered)[0].order == first


def test_one_wrong_sale_leaves_nothing_of_the_report(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    shop.world.call(a_report(partner_id, a_sale("S1", product_id)))
    wrong = a_report(
        partner_id, a_sale("S2", product_id), a_sale("S1", product_id), a_sale("S3", "P-NONE")
    )

    with pytest.raises(Refused) as refused:
        shop.world.call(wrong)

    assert refused.value.reason == "SALES_REPORT_INVALID"
    assert refused.value.metadata == {"sales": "2"}
    assert "sales[1].sale_id" in refused.value.message
    assert len(own_orders(shop, partner_id)) == 1
    assert len(shop.facts(events_pb2.OrderDelivered)) == 1


def test_of_two_reports_of_one_sale_one_is_taken(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    together = Barrier(2)

    def report() -> str:
        together.wait()
        try:
            shop.world.call(a_report(partner_id, a_sale("S1", product_id)))
        except Refused as refused:
            return refused.reason
        return ""

    with ThreadPoolExecutor(2) as pool:
        answers = [pool.submit(report) for _ in range(2)]
        found = sorted(answer.result() for answer in answers)

    assert found == ["", "SALES_REPORT_INVALID"]
    assert len(own_orders(shop, partner_id)) == 1


def test_a_partner_that_never_signed_reports_nothing(shop: Shop) -> None:
    product_id = made.a_product(shop.world)
    partner_id = made.a_prospect(shop.world)

    with pytest.raises(Refused) as refused:
        shop.world.call(a_report(partner_id, a_sale("S1", product_id)))

    assert refused.value.reason == "PARTNER_STATE_FORBIDS"


def test_what_is_handed_over_is_owed_whatever_the_limit_says(world: World) -> None:
    partner_id = made.a_partner(made.a_world(world), limit_minor=100)
    product_id = made.a_product(world)
    world.settle()
    sales = [a_sale(f"S{number}", product_id, minor=100 + number) for number in range(200)]

    answer = world.call(a_report(partner_id, *sales))
    world.settle()

    issued = world.call(
        invoices.ListInvoicesRequest(partner_id=partner_id, page_size=500), role="finance"
    ).invoices
    account = world.call(
        credit.GetCreditAccountRequest(partner_id=partner_id), role="finance"
    ).account
    refused = settlement_pb.CreditConfirmRefused.DESCRIPTOR.full_name
    [(count,)] = world.rows(
        "settlement", "SELECT count(*) FROM event WHERE type = %(type)s", type=refused
    )
    states = world.rows("channels", "SELECT DISTINCT state FROM sales_order")
    assert {one.order_id for one in issued} == set(answer.order_ids)
    assert {one.state for one in issued} == {invoice_pb2.Invoice.STATE_ISSUED}
    assert account.available.amount_minor == 100 - answer.total.amount_minor
    assert count == 0
    assert states == [("INVOICED",)]
