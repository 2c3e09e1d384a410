"""The front door of the touchpoints."""

import grpc
from mantle.crm.v1 import touchpoint_service_pb2 as pb

from chassis.paging import page_of
from chassis.rpc.door import Door
from crm.touchpoint import usecases, wire


class TouchpointServicer:
    """Serve `mantle.crm.v1.TouchpointService`."""

    def __init__(self, door: Door) -> None:
        """Know the door."""
        self._door = door

    def GetTouchpoint(
        self, request: pb.GetTouchpointRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return one touchpoint."""
        return self._door.read(
            request,
            context,
            act=lambda tx, _: usecases.get(tx, touchpoint_id=request.touchpoint_id),
            reply=wire.got,
        )

    def ListTouchpoints(
        self, request: pb.ListTouchpointsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of the touchpoints."""
        return self._door.read(
            request,
            context,
            act=lambda tx, _: usecases.listing(
                tx,
                page=page_of(request, size_max=100),
                active_only=request.active_only,
                direction=wire.direction(request),
            ),
            reply=wire.listed,
        )

    def ChangeTouchpoint(
        self, request: pb.ChangeTouchpointRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Rename or switch a touchpoint."""
        return self._door.write(
            request,
            context,
            act=lambda tx, _: usecases.change(
                tx,
                touchpoint_id=request.touchpoint_id,
                active=wire.active(request),
                name=request.name,
                name_zh=request.name_zh,
            ),
            reply=wire.changed,
        )
