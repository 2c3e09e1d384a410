"""The front door of the yearly maintenance."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import maintenance_service_pb2 as pb

from channels.maintenance import awarding, usecases, wire
from channels.partner.wire import to_kind
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door


class MaintenanceServicer:
    """Serve `mantle.channels.v1.MaintenanceService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the time, and the company's time zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def StartMaintenance(
        self, request: pb.StartMaintenanceRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Start the evaluation of a year."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.start(
                tx,
                unit_id=request.unit_id,
                year=request.year,
                dry_run=request.dry_run,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=lambda done: wire.started(done.run.id, done.cycle),
        )

    def DecideReviews(
        self, request: pb.DecideReviewsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Decide on reviews."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.decide(
                tx,
                cycle_id=request.cycle_id,
                wanted={
                    one.review_id: usecases.Wanted(*wire.to_decision(one))
                    for one in request.decisions
                },
                by=who,
            ),
            reply=lambda done: wire.decided(done.cycle, done.count),
        )

    def ApproveReviews(
        self, request: pb.ApproveReviewsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Approve decisions."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.approve(
                tx,
                cycle_id=request.cycle_id,
                review_ids=request.review_ids,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=lambda done: wire.approved(done.cycle, done.count),
        )

    def CloseMaintenance(
        self, request: pb.CloseMaintenanceRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Close a maintenance."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.close(tx, cycle_id=request.cycle_id, by=who),
            reply=wire.cycle_in(pb.CloseMaintenanceResponse),
        )

    def GrantAwards(self, request: pb.GrantAwardsRequest, context: grpc.ServicerContext) -> bytes:
        """Rank partners and grant awards."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: awarding.grant(
                tx,
                unit_id=request.unit_id,
                year=request.year,
                kind=to_kind(request.kind),
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.granted,
        )

    def GetMaintenance(
        self, request: pb.GetMaintenanceRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a maintenance."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, cycle_id=request.cycle_id, by=who),
            reply=wire.cycle_in(pb.GetMaintenanceResponse),
        )

    def GetReview(self, request: pb.GetReviewRequest, context: grpc.ServicerContext) -> bytes:
        """Return a review."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get_review(tx, review_id=request.review_id, by=who),
            reply=wire.got_review,
        )

    def ListReviews(self, request: pb.ListReviewsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of reviews."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_reviews(
                tx,
                part=page_of(request),
                cycle_id=request.cycle_id,
                state=wire.wanted_state(request),
                by=who,
            ),
            reply=wire.listed_reviews,
        )

    def ListAwards(self, request: pb.ListAwardsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of awards."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: awarding.list_page(
                tx, part=page_of(request), by=who, year=request.year
            ),
            reply=wire.listed_awards,
        )
