"""The front door of bills."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import bill_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import parse_date
from chassis.rpc.door import Door
from chassis.wire import to_money
from settlement.bill import usecases, wire
from settlement.receivable.matching import When


class BillServicer:
    """Serve `mantle.settlement.v1.BillService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the business time and the company's zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def RecordBill(self, request: pb.RecordBillRequest, context: grpc.ServicerContext) -> bytes:
        """Record a bill that a partner gave."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.record(
                tx,
                partner_id=request.partner_id,
                bill_number=request.bill_number,
                drawer=request.drawer,
                amount=to_money(request.amount),
                due_date=parse_date(request.due_date),
                by=who,
                when=self._now(),
            ),
            reply=wire.recorded,
        )

    def HonourBill(self, request: pb.HonourBillRequest, context: grpc.ServicerContext) -> bytes:
        """Turn a bill into money."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.honour(
                tx, bill_id=request.bill_id, by=who, when=self._now()
            ),
            reply=wire.honoured,
        )

    def DishonourBill(
        self, request: pb.DishonourBillRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Give a bill up."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.dishonour(
                tx, bill_id=request.bill_id, note=request.note, by=who, when=self._now()
            ),
            reply=wire.dishonoured,
        )

    def GetBill(self, request: pb.GetBillRequest, context: grpc.ServicerContext) -> bytes:
        """Return a bill."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, bill_id=request.bill_id, by=who),
            reply=wire.got,
        )

    def ListBills(self, request: pb.ListBillsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of bills."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx, page_of(request), wanted=wire.wanted(request), by=who
            ),
            reply=wire.listed,
        )

    def _now(self) -> When:
        return When(self._clock.now(), self._zone)
