"""The front door of awards."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import award_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import Month, parse_date
from chassis.rpc.door import Door
from chassis.wire import to_money
from settlement.award import usecases, wire


class AwardServicer:
    """Serve `mantle.settlement.v1.AwardService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the business time and the company's zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def ProposeAward(self, request: pb.ProposeAwardRequest, context: grpc.ServicerContext) -> bytes:
        """Propose an award or a penalty."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.propose(
                tx,
                kind=wire.kind(request),
                beneficiary=wire.beneficiary(request),
                unit_id=request.unit_id,
                base=to_money(request.amount),
                reason=request.reason,
                award_date=parse_date(request.award_date),
                incentive=request.incentive,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.proposed,
        )

    def ApproveAward(self, request: pb.ApproveAwardRequest, context: grpc.ServicerContext) -> bytes:
        """Approve an award."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.approve(
                tx, award_id=request.award_id, by=who, at=self._clock.now()
            ),
            reply=wire.approved,
        )

    def BookAward(self, request: pb.BookAwardRequest, context: grpc.ServicerContext) -> bytes:
        """Post an award."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.book(
                tx,
                award_id=request.award_id,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.booked,
        )

    def GetAward(self, request: pb.GetAwardRequest, context: grpc.ServicerContext) -> bytes:
        """Return an award."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, award_id=request.award_id, by=who),
            reply=wire.got,
        )

    def ListAwards(self, request: pb.ListAwardsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of awards."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.listing(
                tx,
                page_of(request),
                beneficiary_id=request.beneficiary_id,
                state=wire.state(request),
                month=wire.month(request),
                by=who,
            ),
            reply=wire.listed,
        )

    def GetAwardStatement(
        self, request: pb.GetAwardStatementRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return somebody's month."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.statement(
                tx,
                beneficiary=wire.beneficiary(request),
                month=Month.parse(request.month),
                by=who,
            ),
            reply=wire.statement,
        )

    def CreateRanking(
        self, request: pb.CreateRankingRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Rank people."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.rank(
                tx,
                unit_id=request.unit_id,
                month=Month.parse(request.month),
                scores=wire.scores(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.ranked,
        )

    def ListRankings(self, request: pb.ListRankingsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of rankings."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_rankings(
                tx,
                page_of(request),
                unit_id=request.unit_id,
                month=wire.month(request),
                by=who,
            ),
            reply=wire.rankings,
        )
