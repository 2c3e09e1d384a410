"""Orders between the domain and the contract."""

from threading import local
from typing import Final, cast

from google.protobuf.message import Message
from mantle.channels.v1 import events_pb2, order_pb2
from mantle.channels.v1 import order_service_pb2 as pb

from channels.order.domain import (
    Check,
    CheckKind,
    Filter,
    Move,
    Order,
    OrderLine,
    Origin,
    Source,
    State,
)
from channels.order.facts import (
    OrderAllocated,
    OrderApproved,
    OrderCancelled,
    OrderDelivered,
    OrderHeld,
    OrderShipped,
)
from channels.pricing.domain import Wanted
from channels.pricing.wire import from_priced
from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.wire import from_money, from_time, to_unit_price

STATES: Final = {state: order_pb2.Order.State.Value(f"STATE_{state.name}") for state in State}
SOURCES: Final = {
    source: order_pb2.OrderSource.Value(f"ORDER_SOURCE_{source.name}") for source in Source
}
CHECK_KINDS: Final = {
    kind: order_pb2.OrderCheck.Kind.Value(f"KIND_{kind.name}") for kind in CheckKind
}
_LAST: Final = local()
STATES_READ: Final = {int(number): state for state, number in STATES.items()}
SOURCES_READ: Final = {int(number): source for source, number in SOURCES.items()}


def to_origin(request: pb.PlaceOrderRequest) -> Origin:
    """Read where an order comes from."""
    return Origin(
        source=SOURCES_READ[int(request.source)],
        customer_id=request.customer_id,
        offer_id=request.offer_id.lower(),
        campaign_id=request.campaign_id.lower(),
        offer_code=request.offer_code,
        project_id=request.project_id,
    )


def to_lines(request: pb.PlaceOrderRequest) -> list[Wanted]:
    """Read what is ordered.

    Errors: AmountInvalid.
    """
    return [
        Wanted(
            line.product_id,
            line.quantity,
            to_unit_price(line.agreed_unit_price) if line.HasField("agreed_unit_price") else None,
        )
        for line in request.lines
    ]


def wanted(request: pb.ListOrdersRequest) -> Filter:
    """Read which orders a list is to have."""
    return Filter(
        partner_id=request.partner_id,
        customer_id=request.customer_id,
        campaign_id=request.campaign_id.lower(),
        state=STATES_READ.get(int(request.state)),
        source=SOURCES_READ.get(int(request.source)),
    )


def from_order(order: Order) -> order_pb2.Order:
    """Write an order.

    Shape: to be put into another message, which copies it: an order is written for its reply and
        for its event, one right after the other, and only the first time costs.
    """
    if getattr(_LAST, "order", None) is not order:
        _LAST.order, _LAST.message = order, _from_order(order)
    return cast("order_pb2.Order", _LAST.message)


def _from_order(order: Order) -> order_pb2.Order:
    end = order.cooling_off_end_time
    return order_pb2.Order(
        order_id=order.order_id,
        partner_id=order.partner_id,
        customer_id=order.origin.customer_id,
        unit_id=order.unit_id,
        source=SOURCES[order.origin.source],
        state=STATES[order.state],
        contract_number=order.contract_number,
        order_date=order.order_date.isoformat(),
        lines=map(_from_line, order.lines),
        total=from_money(order.total),
        checks=map(_from_check, order.checks),
        offer_id=order.origin.offer_id,
        campaign_id=order.origin.campaign_id,
        offer_code=order.origin.offer_code,
        end_reason=order.end_reason,
        carrier=order.carrier,
        delivery_proof=order.delivery_proof,
        cooling_off_end_time=from_time(end) if end is not None else None,
        moves=map(_from_move, order.moves),
        create_time=from_time(order.create_time),
        version=order.version,
        project_id=order.origin.project_id,
    )


def placed(order: Order) -> pb.PlaceOrderResponse:
    """Answer with the order."""
    return pb.PlaceOrderResponse(order=from_order(order))


def released(order: Order) -> pb.ReleaseHoldResponse:
    """Answer with the order."""
    return pb.ReleaseHoldResponse(order=from_order(order))


def rejected(order: Order) -> pb.RejectOrderResponse:
    """Answer with the order."""
    return pb.RejectOrderResponse(order=from_order(order))


def shipped(order: Order) -> pb.ShipOrderResponse:
    """Answer with the order."""
    return pb.ShipOrderResponse(order=from_order(order))


def delivered(order: Order) -> pb.DeliverOrderResponse:
    """Answer with the order."""
    return pb.DeliverOrderResponse(order=from_order(order))


def cancelled(order: Order) -> pb.CancelOrderResponse:
    """Answer with the order."""
    return pb.CancelOrderResponse(order=from_order(order))


def got(order: Order) -> pb.GetOrderResponse:
    """Answer with the order."""
    return pb.GetOrderResponse(order=from_order(order))


def listed(page: Slice[Order]) -> pb.ListOrdersResponse:
    """Answer with a page of orders."""
    return pb.ListOrdersResponse(
        orders=map(from_order, page.items), next_page_token=page.next_page_token
    )


def _from_line(line: OrderLine) -> order_pb2.OrderLine:
    message = order_pb2.OrderLine(
        priced=from_priced(line.priced), excess_quantity=line.excess_quantity
    )
    if line.back_ordered:
        message.back_ordered_quantity = line.back_ordered
        message.promise_date = line.promise_date.isoformat() if line.promise_date else ""
    return message


def _from_check(check: Check) -> order_pb2.OrderCheck:
    return order_pb2.OrderCheck(
        kind=CHECK_KINDS[check.kind], passed=check.passed, reason=check.reason
    )


def _from_move(move: Move) -> order_pb2.OrderMove:
    message = order_pb2.OrderMove(
        to=STATES[move.after], move_time=from_time(move.at), moved_by=move.by
    )
    # `from` is a word of Python, so it cannot be a keyword argument.
    setattr(message, "from", STATES[move.before])
    return message


def _event(order: Order, payload: Message) -> EventDraft:
    # One partner's orders use up one limit: side by side their readers would only wait.
    return EventDraft(payload, f"order/{order.order_id}", group=f"partner/{order.partner_id}")


FACTS: Final[FactTable] = {
    OrderApproved: lambda fact: _event(
        fact.order, events_pb2.OrderApproved(order=from_order(fact.order))
    ),
    OrderHeld: lambda fact: _event(fact.order, events_pb2.OrderHeld(order=from_order(fact.order))),
    OrderAllocated: lambda fact: _event(
        fact.order, events_pb2.OrderAllocated(order=from_order(fact.order))
    ),
    OrderShipped: lambda fact: _event(
        fact.order, events_pb2.OrderShipped(order=from_order(fact.order))
    ),
    OrderDelivered: lambda fact: _event(
        fact.order, events_pb2.OrderDelivered(order=from_order(fact.order))
    ),
    OrderCancelled: lambda fact: _event(
        fact.order, events_pb2.OrderCancelled(order=from_order(fact.order))
    ),
}
