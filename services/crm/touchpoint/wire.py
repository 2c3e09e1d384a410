"""Touchpoints between the domain and the contract."""

from typing import Final

from mantle.crm.v1 import touchpoint_pb2
from mantle.crm.v1 import touchpoint_service_pb2 as pb

from chassis.paging import Slice
from crm.touchpoint.domain import ContactKind, Direction, Touchpoint

CONTACT_KINDS: Final = {
    ContactKind.INBOUND: touchpoint_pb2.CONTACT_KIND_INBOUND,
    ContactKind.OUTBOUND_CALL: touchpoint_pb2.CONTACT_KIND_OUTBOUND_CALL,
    ContactKind.MESSAGE: touchpoint_pb2.CONTACT_KIND_MESSAGE,
    ContactKind.STAFF: touchpoint_pb2.CONTACT_KIND_STAFF,
}
CONTACT_KINDS_READ: Final = {number: kind for kind, number in CONTACT_KINDS.items()}
_DIRECTIONS: Final = {
    Direction.INBOUND: touchpoint_pb2.Touchpoint.DIRECTION_INBOUND,
    Direction.OUTBOUND: touchpoint_pb2.Touchpoint.DIRECTION_OUTBOUND,
}
_DIRECTIONS_READ: Final = {number: direction for direction, number in _DIRECTIONS.items()}


def touchpoint_to_proto(source: Touchpoint) -> touchpoint_pb2.Touchpoint:
    """Write a touchpoint as the contract has it."""
    return touchpoint_pb2.Touchpoint(
        touchpoint_id=source.touchpoint_id,
        kind=source.kind,
        channel=source.channel,
        name=source.name,
        name_zh=source.name_zh,
        direction=_DIRECTIONS[source.direction],
        contact_kind=CONTACT_KINDS[source.contact_kind],
        active=source.active,
        version=source.version,
    )


def direction(request: pb.ListTouchpointsRequest) -> Direction | None:
    """Read the direction wanted, or None for both."""
    return _DIRECTIONS_READ.get(request.direction)


def active(request: pb.ChangeTouchpointRequest) -> bool | None:
    """Read the switch, or None when it is left alone."""
    return request.active if request.HasField("active") else None


def got(source: Touchpoint) -> pb.GetTouchpointResponse:
    """Write the answer of GetTouchpoint."""
    return pb.GetTouchpointResponse(touchpoint=touchpoint_to_proto(source))


def changed(source: Touchpoint) -> pb.ChangeTouchpointResponse:
    """Write the answer of ChangeTouchpoint."""
    return pb.ChangeTouchpointResponse(touchpoint=touchpoint_to_proto(source))


def listed(found: Slice[Touchpoint]) -> pb.ListTouchpointsResponse:
    """Write the answer of ListTouchpoints."""
    return pb.ListTouchpointsResponse(
        touchpoints=[touchpoint_to_proto(one) for one in found.items],
        next_page_token=found.next_page_token,
    )
