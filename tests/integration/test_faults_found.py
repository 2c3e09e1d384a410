"""What the fault trials found, each as the smallest case that shows it."""

from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.crm.v1 import events_pb2, offer_pb2

from chassis.ids import derived_id, new_id
from tests.support.crm_world import Front, front

__all__ = ["front"]

PLACE_ORDER = "mantle.channels.v1.OrderService/PlaceOrder"


def test_a_yes_whose_first_call_died_is_answered_with_its_own_order(front: Front) -> None:
    """The event of the order accepts the offer before the client repeats; a repeat is no rival."""
    front.campaign()
    offer = front.shown(front.customer())
    request_id, order_id = new_id(), new_id()
    placed = orders.PlaceOrderRequest(offer_id=offer.offer_id)
    front.orders.orders[order_id] = placed
    front.orders.by_request[derived_id(request_id, PLACE_ORDER, 1)] = order_id
    front.tell("channels", channels_pb.OrderApproved(order=front.order(offer, order_id)))

    reply = front.answer(offer.offer_id, offer_pb2.ANSWER_ACCEPT, request_id=request_id)

    assert reply.offer.order_id == order_id
    assert front.orders.standing == [order_id]
    assert len(front.facts(events_pb2.OfferAnswered)) == 1
