"""One order from its approval to its money, over channels and settlement and back."""

from datetime import timedelta

import psycopg
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1.order_pb2 import Order
from mantle.settlement.v1 import credit_service_pb2 as credit
from mantle.settlement.v1 import invoice_service_pb2 as invoices

from tests.support.examples_channels import a_partner, a_product, a_world, an_order, order_of
from tests.support.requirements import req
from tests.support.server import World, libpq


def state_of(world: World, order_id: str) -> Order.State:
    request = orders.GetOrderRequest(order_id=order_id)
    state: Order.State = world.call(request, role="finance").order.state
    return state


@req("R-136")
def test_a_payment_that_meets_the_invoice_settles_the_order(world: World) -> None:
    order = an_order(world)
    world.call(orders.ShipOrderRequest(order_id=order.order_id, carrier="van"), role="logistics")
    world.call(orders.DeliverOrderRequest(order_id=order.order_id, proof="slip"), role="logistics")
    world.settle()
    invoiced = state_of(world, order.order_id)

    receipt = invoices.RecordReceiptRequest(
        partner_id=order.partner_id, amount=order.total, reference="BANK-1"
    )
    world.call(receipt, role="finance")
    world.settle()

    request = credit.GetCreditAccountRequest(partner_id=order.partner_id)
    account = world.call(request, role="finance").account
    assert (invoiced, state_of(world, order.order_id)) == (
        Order.STATE_INVOICED,
        Order.STATE_SETTLED,
    )
    assert account.available == account.limit


def test_an_order_approved_on_a_reservation_that_expired_goes_back_on_hold(world: World) -> None:
    partner_id = a_partner(a_world(world), limit_minor=1_000)
    request = order_of(partner_id, a_product(world))
    world.settle()

    # Settlement's reader is held up for longer than a reservation lasts.
    with psycopg.connect(libpq(world.database("settlement").owner_url)) as held_up:
        held_up.execute("SELECT 1 FROM subscription_cursor WHERE source = 'channels' FOR UPDATE")
        first = world.call(request).order
        world.clock.advance(timedelta(minutes=3))
        second = world.call(request).order
    world.settle()

    asked = credit.GetCreditAccountRequest(partner_id=partner_id)
    account = world.call(asked, role="finance").account
    assert (first.state, second.state) == (Order.STATE_ALLOCATED, Order.STATE_ALLOCATED)
    assert state_of(world, first.order_id) == Order.STATE_CREDIT_HOLD
    assert state_of(world, second.order_id) == Order.STATE_ALLOCATED
    assert account.available.amount_minor == 1_000 - second.total.amount_minor
