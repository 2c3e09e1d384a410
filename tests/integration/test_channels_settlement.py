"""Orders with the real settlement beside: credit, invoice, payment."""

import pytest
from mantle.channels.v1 import order_pb2
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.settlement.v1 import invoice_service_pb2 as invoices

from tests.support import examples_channels as made
from tests.support.requirements import req
from tests.support.server import World

Order = order_pb2.Order
LIMIT_MINOR = 20_000_000


def at_list_price(world: World, product_id: str) -> str:
    made.a_policy(
        world,
        kind="channel_terms",
        scope=f"product:{product_id}",
        start_date="2026-03-02",
        values={"channel_factor": "1", "allowance": "0"},
    )
    return product_id


def delivered(world: World, partner_id: str, product_id: str, quantity: int) -> str:
    order = world.call(made.order_of(partner_id, product_id, quantity)).order
    assert order.state == Order.STATE_ALLOCATED
    world.call(orders.ShipOrderRequest(order_id=order.order_id), role="logistics")
    world.call(
        orders.DeliverOrderRequest(order_id=order.order_id, proof="slip 7"), role="logistics"
    )
    world.settle()
    return str(order.order_id)


@req("R-084")
@pytest.mark.parametrize(
    ("cents", "state"), [(0, Order.STATE_ALLOCATED), (1, Order.STATE_CREDIT_HOLD)]
)
def test_credit_counts_what_is_owed_and_what_is_ordered(
    world: World, cents: int, state: int
) -> None:
    partner_id = made.a_partner(made.a_world(world), "D1", limit_minor=LIMIT_MINOR)
    product_id = at_list_price(world, made.a_product(world, amount="100.00"))
    cent_id = at_list_price(world, made.a_product(world, amount="0.01"))
    world.settle()
    delivered(world, partner_id, product_id, 1500)
    request = made.order_of(partner_id, product_id, 500)
    if cents:
        request.lines.add(product_id=cent_id, quantity=cents)

    order = world.call(request).order

    assert order.total.amount_minor == 5_000_000 + cents
    assert order.state == state


@req("R-090")
def test_a_paid_invoice_settles_the_order(world: World) -> None:
    partner_id = made.a_partner(made.a_world(world), limit_minor=LIMIT_MINOR)
    product_id = at_list_price(world, made.a_product(world, amount="100.00"))
    world.settle()
    order_id = delivered(world, partner_id, product_id, 10)

    invoiced = world.call(orders.GetOrderRequest(order_id=order_id)).order
    world.call(
        invoices.RecordReceiptRequest(
            partner_id=partner_id, amount=made.cny(100_000), reference="bank 1"
        ),
        role="finance",
    )
    world.settle()
    settled = world.call(orders.GetOrderRequest(order_id=order_id)).order

    assert invoiced.state == Order.STATE_INVOICED
    assert settled.state == Order.STATE_SETTLED
