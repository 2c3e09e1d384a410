"""The front door of prices."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import pricing_service_pb2 as pb

from channels.order import execution
from channels.price_override import usecases as overrides
from channels.price_override import wire as override_wire
from channels.pricing import usecases, wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.policy.book import PolicyBook
from chassis.rpc.door import Door
from chassis.wire import to_unit_price


class PricingServicer:
    """Serve `mantle.channels.v1.PricingService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo, book: PolicyBook) -> None:
        """Know the door, the time, the company's time zone and the policies in memory."""
        self._door = door
        self._clock = clock
        self._zone = zone
        self._book = book

    def QuotePrice(self, request: pb.QuotePriceRequest, context: grpc.ServicerContext) -> bytes:
        """Price lines for a partner."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.quote(
                tx,
                book=self._book,
                partner_id=request.partner_id,
                lines=wire.wanted(request),
                on=wire.wanted_day(request, self._clock.today(self._zone)),
                by=who,
            ),
            reply=wire.quoted,
        )

    def RequestPriceOverride(
        self, request: pb.RequestPriceOverrideRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Ask for a price that differs from the policies."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: overrides.request(
                tx,
                book=self._book,
                partner_id=request.partner_id,
                product_id=request.product_id,
                project_id=request.project_id,
                unit_price=to_unit_price(request.unit_price),
                valid=override_wire.to_valid(request),
                reason=request.reason,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=override_wire.requested,
        )

    def ApprovePriceOverride(
        self, request: pb.ApprovePriceOverrideRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Allow a price that differs from the policies."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: overrides.approve(
                tx,
                book=self._book,
                override_id=request.override_id,
                decision=request.decision,
                by=who,
                today=self._clock.today(self._zone),
            ),
            reply=override_wire.approved,
        )

    def RejectPriceOverride(
        self, request: pb.RejectPriceOverrideRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Refuse a price that differs from the policies."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: overrides.reject(
                tx, override_id=request.override_id, decision=request.decision, by=who
            ),
            reply=override_wire.rejected,
        )

    def ListPriceOverrides(
        self, request: pb.ListPriceOverridesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of prices that differ from the policies."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: overrides.list_page(
                tx, part=page_of(request), by=who, wanted=override_wire.wanted(request)
            ),
            reply=override_wire.listed,
        )

    def ListPriceExecutions(
        self, request: pb.ListPriceExecutionsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of how prices were carried out."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: execution.list_page(
                tx, part=page_of(request), by=who, wanted=wire.wanted_executions(request)
            ),
            reply=wire.executed,
        )
