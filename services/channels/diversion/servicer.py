"""The front door of diversion."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import diversion_service_pb2 as pb

from channels.diversion import usecases, wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door


class DiversionServicer:
    """Serve `mantle.channels.v1.DiversionService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the time, and the company's time zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def ScanBatch(self, request: pb.ScanBatchRequest, context: grpc.ServicerContext) -> bytes:
        """Trace a batch."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.scan_batch(
                tx, scan=wire.to_scan(request), by=who, at=self._clock.now()
            ),
            reply=wire.traced,
        )

    def ConfirmDiversion(
        self, request: pb.ConfirmDiversionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Confirm a case."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.confirm(
                tx,
                case_id=request.case_id,
                decision=request.decision,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.case_in(pb.ConfirmDiversionResponse),
        )

    def DismissDiversion(
        self, request: pb.DismissDiversionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Dismiss a case."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.dismiss(
                tx, case_id=request.case_id, decision=request.decision, by=who, at=self._clock.now()
            ),
            reply=wire.case_in(pb.DismissDiversionResponse),
        )

    def GetDiversionCase(
        self, request: pb.GetDiversionCaseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a case."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, case_id=request.case_id, by=who),
            reply=wire.case_in(pb.GetDiversionCaseResponse),
        )

    def ListDiversionCases(
        self, request: pb.ListDiversionCasesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of cases."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx, part=page_of(request), by=who, wanted=wire.wanted(request)
            ),
            reply=wire.listed,
        )
