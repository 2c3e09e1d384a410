"""The front door of filings."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import group_filing_service_pb2 as pb

from channels.group_filing import usecases, wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door


class GroupFilingServicer:
    """Serve `mantle.channels.v1.GroupFilingService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the time, and the company's time zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def FileClient(self, request: pb.FileClientRequest, context: grpc.ServicerContext) -> bytes:
        """File a client."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.file_client(
                tx,
                unit_id=request.unit_id,
                client_id=request.client_id,
                project=request.project,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.filing_in(pb.FileClientResponse),
        )

    def ConfirmFiling(
        self, request: pb.ConfirmFilingRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Confirm a filing."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.confirm(tx, filing_id=request.filing_id, by=who),
            reply=wire.filing_in(pb.ConfirmFilingResponse),
        )

    def RecordMeasuring(
        self, request: pb.RecordMeasuringRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record who was measured."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.measure(
                tx,
                filing_id=request.filing_id,
                planned=request.planned,
                sizes=wire.to_sizes(request),
                by=who,
            ),
            reply=wire.filing_in(pb.RecordMeasuringResponse),
        )

    def WaiveMeasuring(
        self, request: pb.WaiveMeasuringRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Let production begin before everybody is measured."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.waive(
                tx,
                filing_id=request.filing_id,
                reason=request.reason,
                reference=request.reference,
                by=who,
            ),
            reply=wire.filing_in(pb.WaiveMeasuringResponse),
        )

    def GetFiling(self, request: pb.GetFilingRequest, context: grpc.ServicerContext) -> bytes:
        """Return a filing."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, filing_id=request.filing_id, by=who),
            reply=wire.filing_in(pb.GetFilingResponse),
        )

    def ListFilings(self, request: pb.ListFilingsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of filings."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx, part=page_of(request), by=who, wanted=wire.wanted(request)
            ),
            reply=wire.listed,
        )
