"""Timelines between the domain and the contract."""

from typing import Final

from mantle.channels.v1 import order_pb2
from mantle.channels.v1 import order_service_pb2 as pb

from channels.order.wire import STATES, from_order
from channels.shipment.wire import from_shipment
from channels.timeline.domain import Entry, Kind, Timeline
from chassis.wire import from_money, from_time

KINDS: Final = {kind: order_pb2.OrderTimelineEntry.Kind.Value(f"KIND_{kind.name}") for kind in Kind}


def got(timeline: Timeline) -> pb.GetOrderTimelineResponse:
    """Answer with the timeline."""
    return pb.GetOrderTimelineResponse(
        order=from_order(timeline.order),
        entries=map(_from_entry, timeline.entries),
        shipments=map(from_shipment, timeline.shipments),
    )


def _from_entry(entry: Entry) -> order_pb2.OrderTimelineEntry:
    message = order_pb2.OrderTimelineEntry(
        occur_time=from_time(entry.occur_time),
        kind=KINDS[entry.kind],
        actor=entry.actor,
        reference=entry.reference,
        amount=None if entry.amount is None else from_money(entry.amount),
    )
    if entry.before is not None and entry.after is not None:
        # `from` is a word of Python, so it cannot be a keyword argument.
        setattr(message, "from", STATES[entry.before])
        message.to = STATES[entry.after]
    return message
