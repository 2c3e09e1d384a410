"""The front door of commission."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import commission_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import Month, parse_date
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

    def SettleCommission(
        self, request: pb.SettleCommissionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Begin to state a month."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.settle(
                tx,
                month=Month.parse(request.month),
                dry_run=request.dry_run,
                by=who,
                today=self._clock.today(self._zone),
            ),
            reply=wire.settling,
        )

    def SplitCommission(
        self, request: pb.SplitCommissionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Share what was earned."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.split(
                tx,
                entry_id=request.entry_id,
                shares=wire.shares(request),
                by=who,
                at=self._clock.now(),
                on=self._clock.today(self._zone),
            ),
            reply=wire.split,
        )

    def ListCommissionStatements(
        self, request: pb.ListCommissionStatementsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of issued statements."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_statements(
                tx,
                page_of(request),
                partner_id=request.partner_id,
                month=Month.parse(request.month) if request.HasField("month") else None,
                by=who,
            ),
            reply=wire.statements,
        )

    def GetCommissionDay(
        self, request: pb.GetCommissionDayRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a front line's day."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.day(
                tx, partner_id=request.partner_id, day=parse_date(request.day), by=who
            ),
            reply=wire.day,
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
