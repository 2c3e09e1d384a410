"""Examples of goods that come back, and the small steps that their tests are arranged with."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import Message
from mantle.channels.v1 import order_pb2, return_pb2
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import return_service_pb2 as pb

from chassis.ids import new_id
from tests.support import examples_channels as made
from tests.support.examples import Example
from tests.support.examples_channels_fulfilment import receive
from tests.support.server import World

ASKS, DECIDES, STORES = "customer_service", "sales_administration", "logistics"


def deliver(world: World, order_id: str) -> None:
    """Send an order and hand it over."""
    world.call(orders.ShipOrderRequest(order_id=order_id), role="logistics")
    world.call(orders.DeliverOrderRequest(order_id=order_id, proof="slip 7"), role="logistics")


def a_delivered_order(world: World, *, quantity: int = 10) -> order_pb2.Order:
    """Deliver pieces of a new product to a new partner."""
    partner_id = made.a_partner(made.a_world(world))
    product_id = made.a_product(world)
    world.settle()
    placed = made.order_of(partner_id, product_id, quantity)
    order: order_pb2.Order = world.call(placed, role="sales_administration").order
    deliver(world, order.order_id)
    world.settle()
    return order


def return_of(
    order: order_pb2.Order,
    quantity: int = 1,
    *,
    wanted: Mapping[str, int] | None = None,
    product_id: str = "",
) -> pb.RequestReturnRequest:
    """Return a request to give pieces of an order's first line back, for other goods if any are
    wanted."""
    line = pb.ReturnLine(
        product_id=product_id or order.lines[0].priced.product_id, quantity=quantity
    )
    return pb.RequestReturnRequest(
        request_id=new_id(),
        order_id=order.order_id,
        lines=[line],
        replacements=[
            pb.ReplacementLine(product_id=one, quantity=pieces)
            for one, pieces in (wanted or {}).items()
        ],
        reason_code="DEFECT",
    )


def call(world: World, request: Message, role: str) -> return_pb2.GoodsReturn:
    """Send a request, and return the return that it speaks of."""
    reply: Any = world.call(request, role=role)
    found: return_pb2.GoodsReturn = reply.goods_return
    return found


def inspected(world: World, request: pb.RequestReturnRequest) -> str:
    """Take a return as far as its inspection, with nothing to find fault with."""
    return_id = call(world, request, ASKS).return_id
    call(world, pb.ApproveReturnRequest(return_id=return_id), DECIDES)
    call(world, pb.ReceiveReturnRequest(return_id=return_id, receipt_slip="W-1"), STORES)
    call(world, pb.InspectReturnRequest(return_id=return_id), STORES)
    return str(return_id)


def credited(world: World, request: pb.RequestReturnRequest) -> str:
    """Take a return whole, to its credit."""
    return_id = inspected(world, request)
    call(world, pb.CreditReturnRequest(return_id=return_id), DECIDES)
    return return_id


def a_requested_return(world: World) -> str:
    """Ask for a return."""
    return str(call(world, return_of(a_delivered_order(world)), ASKS).return_id)


def an_approved_return(world: World) -> str:
    """Ask for a return as one person and approve it as another."""
    return_id = a_requested_return(world)
    call(world, pb.ApproveReturnRequest(return_id=return_id), DECIDES)
    return return_id


def a_received_return(world: World) -> str:
    """Let the goods of a return come in."""
    return_id = an_approved_return(world)
    call(world, pb.ReceiveReturnRequest(return_id=return_id, receipt_slip="W-1"), STORES)
    return return_id


def request_return(world: World) -> Example:
    """Ask for a return of one piece."""
    return Example(return_of(a_delivered_order(world)), ASKS)


def approve_return(world: World) -> Example:
    """Approve a return."""
    return_id = a_requested_return(world)
    return Example(pb.ApproveReturnRequest(request_id=new_id(), return_id=return_id), DECIDES)


def reject_return(world: World) -> Example:
    """Reject a return."""
    request = pb.RejectReturnRequest(
        request_id=new_id(), return_id=a_requested_return(world), reason="opened"
    )
    return Example(request, DECIDES)


def receive_return(world: World) -> Example:
    """Receive a return."""
    request = pb.ReceiveReturnRequest(
        request_id=new_id(), return_id=an_approved_return(world), receipt_slip="W-1"
    )
    return Example(request, STORES)


def inspect_return(world: World) -> Example:
    """Inspect a return."""
    request = pb.InspectReturnRequest(request_id=new_id(), return_id=a_received_return(world))
    return Example(request, STORES)


def credit_return(world: World) -> Example:
    """Credit a return."""
    return_id = inspected(world, return_of(a_delivered_order(world)))
    return Example(pb.CreditReturnRequest(request_id=new_id(), return_id=return_id), DECIDES)


def replace_return(world: World) -> Example:
    """Send what an exchange gives."""
    order = a_delivered_order(world)
    other = made.a_product(world, stock_kept=True)
    receive(world, other, 5)
    return_id = inspected(world, return_of(order, 1, wanted={other: 1}))
    return Example(pb.ReplaceReturnRequest(request_id=new_id(), return_id=return_id), STORES)


def close_return(world: World) -> Example:
    """Close a return whose goods did not come."""
    request = pb.CloseReturnRequest(
        request_id=new_id(), return_id=an_approved_return(world), reason="never came"
    )
    return Example(request, DECIDES)
