"""The front door of what is to be co-ordinated."""

import grpc
from mantle.channels.v1 import coordination_service_pb2 as pb

from channels.coordination import usecases, wire
from chassis.paging import page_of
from chassis.period import parse_date
from chassis.rpc.door import Door


class CoordinationServicer:
    """Serve `mantle.channels.v1.CoordinationService`."""

    def __init__(self, door: Door) -> None:
        """Know the door."""
        self._door = door

    def AnswerCoordination(
        self, request: pb.AnswerCoordinationRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Say when goods will be there."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.answer(
                tx,
                order_id=request.order_id,
                product_id=request.product_id,
                kind=wire.to_kind(request),
                promise_date=parse_date(request.promise_date),
                text=request.answer,
                by=who,
            ),
            reply=wire.answered,
        )

    def ListCoordinationItems(
        self, request: pb.ListCoordinationItemsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of what is to be co-ordinated."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx, part=page_of(request), by=who, wanted=wire.wanted(request)
            ),
            reply=wire.listed,
        )
