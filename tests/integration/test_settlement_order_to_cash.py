"""One order from its approval to its money, over channels and settlement and back."""

from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1.order_pb2 import Order
from mantle.settlement.v1 import credit_service_pb2 as credit
from mantle.settlement.v1 import invoice_service_pb2 as invoices

from tests.support.examples_channels import an_order
from tests.support.requirements import req
from tests.support.server import World


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
