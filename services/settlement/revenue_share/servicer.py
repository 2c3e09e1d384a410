"""The front door of revenue share."""

from datetime import tzinfo
from decimal import Decimal

import grpc
from mantle.settlement.v1 import revenue_share_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import Month, parse_date
from chassis.process.definition import Definition
from chassis.rpc.door import Door
from chassis.wire import to_money
from settlement.revenue_share import distributing, usecases, wire


class RevenueShareServicer:
    """Serve `mantle.settlement.v1.RevenueShareService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo, definition: Definition) -> None:
        """Know the door, the business time, the company's zone and the process."""
        self._door = door
        self._clock = clock
        self._zone = zone
        self._definition = definition

    def DraftShareScheme(
        self, request: pb.DraftShareSchemeRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Draft a scheme."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.draft(
                tx,
                self._definition,
                unit_id=request.unit_id,
                title=request.title,
                steering_group=request.steering_group,
                currency_code=request.currency_code,
                zone=self._zone,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.drafted,
        )

    def ReviseShareScheme(
        self, request: pb.ReviseShareSchemeRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Revise a draft."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.revise(
                tx,
                scheme_id=request.scheme_id,
                title=request.title,
                steering_group=request.steering_group,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.revised,
        )

    def DiscussShareScheme(
        self, request: pb.DiscussShareSchemeRequest, context: grpc.ServicerContext
    ) -> bytes:
        """End the discussion."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.discuss(
                tx,
                scheme_id=request.scheme_id,
                agreed=request.agreed,
                comment=request.comment,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.discussed,
        )

    def StartShareTrial(
        self, request: pb.StartShareTrialRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Begin the trial."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.start_trial(
                tx,
                scheme_id=request.scheme_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.on_trial,
        )

    def ReviewShareTrial(
        self, request: pb.ReviewShareTrialRequest, context: grpc.ServicerContext
    ) -> bytes:
        """End the trial."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.review_trial(
                tx,
                scheme_id=request.scheme_id,
                effective=request.effective,
                comment=request.comment,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.reviewed,
        )

    def AdmitParticipant(
        self, request: pb.AdmitParticipantRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Admit a participant."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.admit(
                tx,
                scheme_id=request.scheme_id,
                entry=wire.capital_entry(request),
                score=Decimal(request.score),
                effective_date=parse_date(request.effective_date),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.admitted,
        )

    def CalculateDistribution(
        self, request: pb.CalculateDistributionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Calculate a distribution."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: distributing.calculate(
                tx,
                scheme_id=request.scheme_id,
                month=Month.parse(request.month),
                income=to_money(request.income),
                cost=to_money(request.cost),
                scores=wire.scores(request),
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.calculated,
        )

    def ApproveDistribution(
        self, request: pb.ApproveDistributionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Approve a distribution."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: distributing.approve(
                tx,
                distribution_id=request.distribution_id,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.approved,
        )

    def RejectDistribution(
        self, request: pb.RejectDistributionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Reject a distribution."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: distributing.reject(
                tx,
                distribution_id=request.distribution_id,
                why=request.reason,
                today=self._clock.today(self._zone),
                by=who,
            ),
            reply=wire.rejected,
        )

    def PayDistribution(
        self, request: pb.PayDistributionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Pay a distribution out."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: distributing.pay(
                tx,
                distribution_id=request.distribution_id,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.paid,
        )

    def GetShareScheme(
        self, request: pb.GetShareSchemeRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a scheme."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get_scheme(
                tx,
                scheme_id=request.scheme_id,
                by=who,
            ),
            reply=wire.got_scheme,
        )

    def ListShareSchemes(
        self, request: pb.ListShareSchemesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of schemes."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_schemes(
                tx,
                page_of(request),
                unit_id=request.unit_id,
                by=who,
            ),
            reply=wire.schemes,
        )

    def GetCapitalTable(
        self, request: pb.GetCapitalTableRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a capital table."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.capital_table(
                tx,
                scheme_id=request.scheme_id,
                as_of=parse_date(request.as_of_date) if request.HasField("as_of_date") else None,
                today=self._clock.today(self._zone),
                by=who,
            ),
            reply=wire.table,
        )

    def GetDistribution(
        self, request: pb.GetDistributionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a distribution."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: distributing.get_distribution(
                tx,
                distribution_id=request.distribution_id,
                by=who,
            ),
            reply=wire.got_distribution,
        )

    def ListDistributions(
        self, request: pb.ListDistributionsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of distributions."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: distributing.list_distributions(
                tx,
                page_of(request),
                scheme_id=request.scheme_id,
                by=who,
            ),
            reply=wire.distributions,
        )

    def GetShareStatement(
        self, request: pb.GetShareStatementRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return what a participant got."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.statement(
                tx,
                scheme_id=request.scheme_id,
                participant_id=request.participant_id,
                by=who,
            ),
            reply=wire.statement,
        )
