"""What is to be co-ordinated, between the domain and the contract."""

from typing import Final

from mantle.channels.v1 import coordination_pb2
from mantle.channels.v1 import coordination_service_pb2 as pb

from channels.coordination.domain import Filter, Item, Kind, State
from chassis.paging import Slice
from chassis.wire import from_time

KINDS: Final = {
    kind: coordination_pb2.CoordinationItem.Kind.Value(f"KIND_{kind.name}") for kind in Kind
}
STATES: Final = {
    state: coordination_pb2.CoordinationItem.State.Value(f"STATE_{state.name}") for state in State
}
KINDS_READ: Final = {int(number): kind for kind, number in KINDS.items()}
STATES_READ: Final = {int(number): state for state, number in STATES.items()}


def to_kind(request: pb.AnswerCoordinationRequest) -> Kind:
    """Read what is answered."""
    return KINDS_READ[int(request.kind)]


def wanted(request: pb.ListCoordinationItemsRequest) -> Filter:
    """Read which items a list is to have."""
    return Filter(
        kind=KINDS_READ.get(int(request.kind)),
        state=STATES_READ.get(int(request.state)),
        product_id=request.product_id,
        order_id=request.order_id.lower(),
    )


def from_item(item: Item) -> coordination_pb2.CoordinationItem:
    """Write an item."""
    return coordination_pb2.CoordinationItem(
        order_id=item.order_id,
        product_id=item.product_id,
        kind=KINDS[item.kind],
        partner_id=item.partner_id,
        unit_id=item.unit_id,
        quantity=item.quantity,
        open_quantity=item.open_quantity,
        promise_date=item.promise_date.isoformat() if item.promise_date else "",
        duty=item.duty,
        state=STATES[item.state],
        answer=item.answer,
        answered_by=item.answered_by,
        create_time=from_time(item.create_time),
        version=item.version,
    )


def answered(item: Item) -> pb.AnswerCoordinationResponse:
    """Answer with the item."""
    return pb.AnswerCoordinationResponse(item=from_item(item))


def listed(page: Slice[Item]) -> pb.ListCoordinationItemsResponse:
    """Answer with a page of items."""
    return pb.ListCoordinationItemsResponse(
        items=map(from_item, page.items), next_page_token=page.next_page_token
    )
