"""The front door of grades."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import grading_service_pb2 as pb

from channels.grading import usecases, wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door


class GradingServicer:
    """Serve `mantle.channels.v1.GradingService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the time, and the company's time zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def ProposeCreditChange(
        self, request: pb.ProposeCreditChangeRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Propose a grade."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.propose(
                tx,
                partner_id=request.partner_id,
                scores=wire.to_scores(request.scores),
                reason=request.reason,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.ProposeCreditChangeResponse),
        )

    def ReviewCreditChange(
        self, request: pb.ReviewCreditChangeRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Review a change."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.review(
                tx, change_id=request.change_id, passed=request.passed, by=who
            ),
            reply=wire.replied(pb.ReviewCreditChangeResponse),
        )

    def DecideCreditChange(
        self, request: pb.DecideCreditChangeRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Approve or refuse a change."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.decide(
                tx,
                change_id=request.change_id,
                approved=request.approved,
                today=self._clock.today(self._zone),
                by=who,
            ),
            reply=wire.replied(pb.DecideCreditChangeResponse),
        )

    def GetCreditChange(
        self, request: pb.GetCreditChangeRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a change."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, change_id=request.change_id, by=who),
            reply=wire.replied(pb.GetCreditChangeResponse),
        )

    def ListCreditChanges(
        self, request: pb.ListCreditChangesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of changes."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx,
                part=page_of(request),
                by=who,
                partner_id=request.partner_id,
                state=wire.wanted_state(request),
            ),
            reply=wire.listed,
        )
