"""The front door of closing the months."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import period_close_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import Month
from chassis.rpc.door import Door
from settlement.period_close import usecases, wire


class PeriodCloseServicer:
    """Serve `mantle.settlement.v1.PeriodCloseService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the business time and the company's zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def ClosePeriod(self, request: pb.ClosePeriodRequest, context: grpc.ServicerContext) -> bytes:
        """Ask for a month to be closed."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.close(
                tx,
                month=Month.parse(request.month),
                dry_run=request.dry_run,
                request_id=request.request_id,
                by=who,
                today=self._clock.today(self._zone),
            ),
            reply=wire.closing,
        )

    def ReopenPeriod(self, request: pb.ReopenPeriodRequest, context: grpc.ServicerContext) -> bytes:
        """Open a closed month again."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.reopen(
                tx,
                month=Month.parse(request.month),
                reason=request.reason,
                by=who,
                today=self._clock.today(self._zone),
            ),
            reply=wire.reopened,
        )

    def GetPeriod(self, request: pb.GetPeriodRequest, context: grpc.ServicerContext) -> bytes:
        """Return a month with its trial balance."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, month=Month.parse(request.month), by=who),
            reply=wire.got,
        )

    def ListPeriods(self, request: pb.ListPeriodsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of months."""
        return self._door.read(
            request,
            context,
            act=lambda tx, _who: usecases.listing(tx, page_of(request)),
            reply=wire.listed,
        )

    def PrepareLedgerExport(
        self, request: pb.PrepareLedgerExportRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Prepare the export of a closed month."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.prepare_export(
                tx, month=Month.parse(request.month), by=who, at=self._clock.now()
            ),
            reply=wire.prepared,
        )

    def SendLedgerExport(
        self, request: pb.SendLedgerExportRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Let the general ledger take an export."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.send_export(
                tx, export_id=request.export_id, by=who, at=self._clock.now()
            ),
            reply=wire.sent,
        )

    def ConfirmLedgerExport(
        self, request: pb.ConfirmLedgerExportRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record that the general ledger has booked an export."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.confirm_export(
                tx,
                export_id=request.export_id,
                reference=request.reference,
                booked=wire.booked(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.confirmed,
        )

    def GetLedgerExport(
        self, request: pb.GetLedgerExportRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return an export."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get_export(tx, export_id=request.export_id, by=who),
            reply=wire.got_export,
        )

    def ListLedgerExportLines(
        self, request: pb.ListLedgerExportLinesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of an export's lines."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_lines(
                tx,
                page_of(request),
                export_id=request.export_id,
                destination=wire.destination(request.destination),
                by=who,
            ),
            reply=wire.listed_lines,
        )
