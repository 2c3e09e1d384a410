"""The front door of commission."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import commission_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import Month
from chassis.rpc.door import Door
from settlement.commission import usecases, wire


class CommissionServicer:
    """Serve `mantle.settlement.v1.CommissionService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the business time and the company's zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def PayCommission(
        self, request: pb.PayCommissionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Pay what is confirmed."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.pay(
                tx,
                partner_id=request.partner_id,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.paid,
        )

    def GetCommissionStatement(
        self, request: pb.GetCommissionStatementRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a partner's month."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.statement(
                tx, partner_id=request.partner_id, month=Month.parse(request.month), by=who
            ),
            reply=wire.statement,
        )

    def ListCommissionEntries(
        self, request: pb.ListCommissionEntriesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of entries."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_entries(
                tx, page_of(request), wanted=wire.wanted(request), by=who
            ),
            reply=wire.listed,
        )
