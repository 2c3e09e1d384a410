"""The front door of returns and exchanges."""

from datetime import tzinfo
from typing import Final

import grpc
from mantle.channels.v1 import return_service_pb2 as pb

from channels.returns import usecases, watching, wire
from channels.returns.domain import State
from channels.returns.usecases import Rules
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.policy.book import PolicyBook
from chassis.rpc.door import Door

PAGE_SIZE_MAX: Final = 200


class ReturnServicer:
    """Serve `mantle.channels.v1.ReturnService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo, book: PolicyBook) -> None:
        """Know the door, the time, the company's time zone and the policies in memory."""
        self._door = door
        self._clock = clock
        self._rules = Rules(book, zone)

    def RequestReturn(
        self, request: pb.RequestReturnRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Ask for a return or an exchange."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.request(
                tx, wire.to_request(request), rules=self._rules, by=who, at=self._clock.now()
            ),
            reply=wire.requested,
        )

    def ApproveReturn(
        self, request: pb.ApproveReturnRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Let the goods come."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.approve(
                tx,
                return_id=request.return_id.lower(),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.approved,
        )

    def RejectReturn(self, request: pb.RejectReturnRequest, context: grpc.ServicerContext) -> bytes:
        """Refuse the goods."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.reject(
                tx,
                return_id=request.return_id.lower(),
                reason=request.reason,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.rejected,
        )

    def ReceiveReturn(
        self, request: pb.ReceiveReturnRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record that the goods came in."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.receive(
                tx,
                return_id=request.return_id.lower(),
                slip=request.receipt_slip,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.received,
        )

    def InspectReturn(
        self, request: pb.InspectReturnRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record what is taken of the goods."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.inspect(
                tx,
                return_id=request.return_id.lower(),
                findings=wire.to_findings(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.inspected,
        )

    def CreditReturn(self, request: pb.CreditReturnRequest, context: grpc.ServicerContext) -> bytes:
        """Let settlement take back what the goods caused."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.settle(
                tx,
                return_id=request.return_id.lower(),
                to=State.CREDITED,
                rules=self._rules,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.credited,
        )

    def ReplaceReturn(
        self, request: pb.ReplaceReturnRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Send what an exchange gives."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.settle(
                tx,
                return_id=request.return_id.lower(),
                to=State.REPLACED,
                carrier=request.carrier,
                rules=self._rules,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replaced,
        )

    def CloseReturn(self, request: pb.CloseReturnRequest, context: grpc.ServicerContext) -> bytes:
        """End a return without an effect."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.close(
                tx,
                return_id=request.return_id.lower(),
                reason=request.reason,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.closed,
        )

    def GetReturn(self, request: pb.GetReturnRequest, context: grpc.ServicerContext) -> bytes:
        """Return a return."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, return_id=request.return_id.lower(), by=who),
            reply=wire.got,
        )

    def ListReturns(self, request: pb.ListReturnsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of returns."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx,
                part=page_of(request, size_max=PAGE_SIZE_MAX),
                by=who,
                wanted=wire.wanted(request),
            ),
            reply=wire.listed,
        )

    def GetReturnReasons(
        self, request: pb.GetReturnReasonsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return the catalogue of reasons."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.reasons(
                tx, book=self._rules.book, by=who, on=self._clock.today(self._rules.zone)
            ),
            reply=wire.reasons,
        )

    def ListReturnRates(
        self, request: pb.ListReturnRatesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of how much came back."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: watching.rates(
                tx,
                part=page_of(request, size_max=PAGE_SIZE_MAX),
                wanted=wire.wanted_rates(request),
                by=who,
            ),
            reply=wire.rates,
        )

    def ListQualityRisks(
        self, request: pb.ListQualityRisksRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of quality-risk items."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: watching.risks(
                tx,
                part=page_of(request, size_max=PAGE_SIZE_MAX),
                wanted=wire.wanted_risks(request),
                by=who,
            ),
            reply=wire.risks,
        )
