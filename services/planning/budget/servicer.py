"""The front door of budgets."""

from datetime import tzinfo

import grpc
from mantle.planning.v1 import budget_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.process.definition import Definition
from chassis.rpc.combined import Combined
from chassis.rpc.door import Door
from chassis.rpc.messages import in_batch
from chassis.rpc.visit import Visit
from chassis.wire import to_money, to_time
from planning.budget import caps, plan_lines, transfer_wire, transfers, usecases, wire
from planning.budget.reservation import (
    Reservation,
)


class BudgetServicer:
    """Serve budget lines and reservations."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo, transfer: Definition) -> None:
        """Know the door, the business time, the zone whose days count, and the process of a
        transfer."""
        self._transfer = transfer
        self._door = door
        self._clock = clock
        self._zone = zone
        self._reserving: Combined[usecases.Wanted, Reservation] = door.combined(
            "reserve budget",
            item=_wanted,
            act=lambda tx, wanted: usecases.reserve_together(tx, wanted, at=clock.now()),
            reply=wire.reserved,
        )

    def CreateBudgetLine(
        self, request: pb.CreateBudgetLineRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Write a line."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.create_line(
                tx,
                unit_id=request.unit_id,
                name=request.name,
                expense_type=request.expense_type,
                period=wire.period(request),
                amount=to_money(request.amount),
                by=who,
                budget_cap_id=request.budget_cap_id,
            ),
            reply=wire.created,
        )

    def ApproveBudgetLine(
        self, request: pb.ApproveBudgetLineRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Approve a line."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.approve_line(
                tx,
                budget_line_id=request.budget_line_id,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.approved,
        )

    def AdjustBudgetLine(
        self, request: pb.AdjustBudgetLineRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Change the amount of a line."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.adjust_line(
                tx,
                budget_line_id=request.budget_line_id,
                amount=to_money(request.amount),
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.adjusted,
        )

    @in_batch
    def ReserveBudget(self, visit: Visit) -> None:
        """Hold a part of a line."""
        self._reserving.take(visit)

    def ConfirmReservation(
        self, request: pb.ConfirmReservationRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Keep a reservation."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.confirm(
                tx,
                reservation_id=request.reservation_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.confirmed,
        )

    def ReleaseReservation(
        self, request: pb.ReleaseReservationRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Give a reservation back."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.release(
                tx,
                reservation_id=request.reservation_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.released,
        )

    def ConsumeReservation(
        self, request: pb.ConsumeReservationRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Spend from a reservation."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.consume(
                tx,
                reservation_id=request.reservation_id,
                amount=to_money(request.amount),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.consumed,
        )

    def GetBudgetLine(
        self, request: pb.GetBudgetLineRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a line."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get_line(
                tx,
                budget_line_id=request.budget_line_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.got,
        )

    def ListBudgetLines(
        self, request: pb.ListBudgetLinesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List lines."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_lines(
                tx,
                page_of(request),
                wanted=wire.which(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.listed,
        )

    def CreateBudgetCap(
        self, request: pb.CreateBudgetCapRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Fix a total."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: caps.create(
                tx,
                unit_id=request.unit_id,
                name=request.name,
                period=wire.period(request),
                amount=to_money(request.amount),
                by=who,
                at=self._clock.now(),
            ),
            reply=transfer_wire.cap_created,
        )

    def RequestBudgetTransfer(
        self, request: pb.RequestBudgetTransferRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Ask for a transfer."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: transfers.request(
                tx,
                self._transfer,
                lines=transfer_wire.lines(request),
                amount=to_money(request.amount),
                reason=request.reason,
                by=who,
                at=self._clock.now(),
                zone=self._zone,
            ),
            reply=transfer_wire.requested,
        )

    def ApproveBudgetTransfer(
        self, request: pb.ApproveBudgetTransferRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Agree to a transfer."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: transfers.approve(
                tx,
                transfer_id=request.transfer_id,
                note=request.note,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=transfer_wire.transferred,
        )

    def RefuseBudgetTransfer(
        self, request: pb.RefuseBudgetTransferRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Refuse a transfer."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: transfers.refuse(
                tx,
                transfer_id=request.transfer_id,
                note=request.note,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=transfer_wire.refused,
        )

    def CarryForwardBudgetLine(
        self, request: pb.CarryForwardBudgetLineRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Close a line, and carry forward what may be."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: transfers.carry_forward(
                tx,
                lines=transfer_wire.lines(request),
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=transfer_wire.carried_forward,
        )

    def GetBudgetCap(self, request: pb.GetBudgetCapRequest, context: grpc.ServicerContext) -> bytes:
        """Return a cap."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: caps.get(
                tx,
                budget_cap_id=request.budget_cap_id,
                by=who,
            ),
            reply=transfer_wire.got_cap,
        )

    def GetBudgetTransfer(
        self, request: pb.GetBudgetTransferRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a transfer."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: transfers.get(
                tx,
                transfer_id=request.transfer_id,
                by=who,
            ),
            reply=transfer_wire.got_transfer,
        )

    def GetPlanBudget(
        self, request: pb.GetPlanBudgetRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Sum the lines of a plan."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: plan_lines.get_plan(
                tx,
                plan_id=request.plan_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=transfer_wire.got_plan,
        )


def _wanted(request: pb.ReserveBudgetRequest) -> usecases.Wanted:
    return usecases.Wanted(
        wire.part(request), wire.owner(request), to_time(request.expire_time, "expire_time")
    )
