"""The front door of collection."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import collection_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import Month
from chassis.rpc.door import Door
from settlement.collection import usecases, wire


class CollectionServicer:
    """Serve `mantle.settlement.v1.CollectionService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the business time and the company's zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def ListAgeings(self, request: pb.ListAgeingsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of what partners have open by age."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_ageings(
                tx,
                page_of(request),
                partner_id=request.partner_id,
                by=who,
                today=self._clock.today(self._zone),
            ),
            reply=wire.ageings_listed,
        )

    def ListOverdueInvoices(
        self, request: pb.ListOverdueInvoicesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of the invoices that were not paid in time."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_overdue(
                tx,
                page_of(request),
                partner_id=request.partner_id,
                by=who,
                today=self._clock.today(self._zone),
            ),
            reply=wire.overdue_listed,
        )

    def ListDunningNotices(
        self, request: pb.ListDunningNoticesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of reminders."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_notices(
                tx, page_of(request), partner_id=request.partner_id, by=who
            ),
            reply=wire.notices_listed,
        )

    def GetExposure(self, request: pb.GetExposureRequest, context: grpc.ServicerContext) -> bytes:
        """Return what uses a partner's credit up."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.exposure(
                tx,
                partner_id=request.partner_id,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.exposure,
        )

    def SetCollectionTarget(
        self, request: pb.SetCollectionTargetRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Say what a unit is to collect."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.set_target(
                tx, target=wire.target(request), by=who, at=self._clock.now()
            ),
            reply=wire.target_set,
        )

    def GetCollectionStatistics(
        self, request: pb.GetCollectionStatisticsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return what came in against the targets."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.collected(
                tx,
                unit_id=request.unit_id,
                start=Month.parse(request.start_month),
                end=Month.parse(request.end_month),
                currency_code=request.currency_code,
                by=who,
            ),
            reply=wire.collected,
        )
