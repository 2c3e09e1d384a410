"""The front door of penalties."""

import grpc
from mantle.settlement.v1 import penalty_service_pb2 as pb

from chassis.paging import page_of
from chassis.rpc.door import Door
from settlement.penalty import usecases, wire


class PenaltyServicer:
    """Serve `mantle.settlement.v1.PenaltyService`."""

    def __init__(self, door: Door) -> None:
        """Know the door."""
        self._door = door

    def GetDiversionPenalty(
        self, request: pb.GetDiversionPenaltyRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a penalty."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, case_id=request.case_id, by=who),
            reply=wire.got,
        )

    def ListDiversionPenalties(
        self, request: pb.ListDiversionPenaltiesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of penalties."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx, part=page_of(request), by=who, partner_id=request.partner_id
            ),
            reply=wire.listed,
        )
