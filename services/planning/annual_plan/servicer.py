"""The front door of year plans."""

from datetime import tzinfo
from typing import Any

import grpc
from mantle.planning.v1 import annual_plan_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.process.definition import Definition
from chassis.rpc.door import Door
from chassis.scope import Caller
from planning.annual_plan import (
    archiving,
    deciding,
    drafting,
    phases,
    reporting,
    usecases,
    wire,
    wire_content,
    wire_report,
)

PLANS_DEFAULT = 20
PLANS_MAX = 100
TARGETS_DEFAULT = 100


class AnnualPlanServicer:
    """Serve year plans from the launch to the archive."""

    def __init__(self, door: Door, clock: Clock, *, definition: Definition, zone: tzinfo) -> None:
        """Know the door, the business time and its zone, and the process that new plans follow."""
        self._door = door
        self._clock = clock
        self._definition = definition
        self._zone = zone

    def LaunchAnnualPlan(
        self, request: pb.LaunchAnnualPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Launch the plan of a year."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.launch(
                tx,
                self._definition,
                unit_id=request.unit_id,
                fiscal_year=request.fiscal_year,
                currency_code=request.currency_code,
                area_unit_ids=request.area_unit_ids,
                office_unit_ids=request.office_unit_ids,
                product_ids=request.product_ids,
                **self._now(who),
            ),
            reply=wire.replied(pb.LaunchAnnualPlanResponse),
        )

    def ProvideInfoItem(
        self, request: pb.ProvideInfoItemRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Provide an information item."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: phases.provide_item(
                tx,
                annual_plan_id=request.annual_plan_id,
                number=request.number,
                text=request.text,
                amount=wire.item_amount(request),
                **self._now(who),
            ),
            reply=wire.replied(pb.ProvideInfoItemResponse),
        )

    def RecordPlanMeeting(
        self, request: pb.RecordPlanMeetingRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Call a meeting, or record what it brought."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: phases.record_meeting(
                tx,
                annual_plan_id=request.annual_plan_id,
                meeting=wire.meeting(request, minuted_by=who.subject),
                **self._now(who),
            ),
            reply=wire.replied(pb.RecordPlanMeetingResponse),
        )

    def ClosePlanPhase(
        self, request: pb.ClosePlanPhaseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Close the open phase."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: phases.close_phase(
                tx, annual_plan_id=request.annual_plan_id, phase=request.phase, **self._now(who)
            ),
            reply=wire.replied(pb.ClosePlanPhaseResponse),
        )

    def RecordContribution(
        self, request: pb.RecordContributionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record what one of the steps 3 to 9 brings."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: drafting.contribute(
                tx,
                annual_plan_id=request.annual_plan_id,
                content=wire_content.contribution(request),
                **self._now(who),
            ),
            reply=wire.replied(pb.RecordContributionResponse),
        )

    def SetTargets(self, request: pb.SetTargetsRequest, context: grpc.ServicerContext) -> bytes:
        """Set the company's targets."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: drafting.set_targets(
                tx,
                annual_plan_id=request.annual_plan_id,
                amounts=wire.amounts(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.targets_replied(pb.SetTargetsResponse),
        )

    def DecomposeTargets(
        self, request: pb.DecomposeTargetsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Decompose the company's targets."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: drafting.decompose(
                tx,
                annual_plan_id=request.annual_plan_id,
                view=wire.target_view(request),
                splits=wire.splits(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.targets_replied(pb.DecomposeTargetsResponse),
        )

    def BalanceTargets(
        self, request: pb.BalanceTargetsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record what the co-ordination meeting agreed on."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: drafting.balance(
                tx,
                annual_plan_id=request.annual_plan_id,
                priorities=request.priorities,
                waiver_reason=request.waiver_reason,
                **self._now(who),
            ),
            reply=wire.replied(pb.BalanceTargetsResponse),
        )

    def SubmitPlan(self, request: pb.SubmitPlanRequest, context: grpc.ServicerContext) -> bytes:
        """Submit a plan of a product, an area or the channel expansion."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: drafting.submit(
                tx,
                annual_plan_id=request.annual_plan_id,
                content=wire_content.submission(request),
                **self._now(who),
            ),
            reply=wire.replied(pb.SubmitPlanResponse),
        )

    def RecordFinancialAnalysis(
        self, request: pb.RecordFinancialAnalysisRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record the financial analysis of the current revision."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: deciding.record_analysis(
                tx,
                annual_plan_id=request.annual_plan_id,
                analysis=request.analysis,
                **self._now(who),
            ),
            reply=wire.replied(pb.RecordFinancialAnalysisResponse),
        )

    def ConfirmTargets(
        self, request: pb.ConfirmTargetsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Confirm the targets."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: deciding.confirm(
                tx, annual_plan_id=request.annual_plan_id, **self._now(who)
            ),
            reply=wire.replied(pb.ConfirmTargetsResponse),
        )

    def DecideChallenge(
        self, request: pb.DecideChallengeRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record what the challenge meeting decided."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: deciding.challenge(
                tx,
                annual_plan_id=request.annual_plan_id,
                decision=wire.decision(request),
                opinions=wire.opinions(request),
                **self._now(who),
            ),
            reply=wire.replied(pb.DecideChallengeResponse),
        )

    def ApproveAnnualPlan(
        self, request: pb.ApproveAnnualPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Put plan, targets and budget in force."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: deciding.approve(
                tx, annual_plan_id=request.annual_plan_id, **self._now(who)
            ),
            reply=wire.replied(pb.ApproveAnnualPlanResponse),
        )

    def ClaimPlan(self, request: pb.ClaimPlanRequest, context: grpc.ServicerContext) -> bytes:
        """Sign a claim."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: deciding.claim(
                tx,
                annual_plan_id=request.annual_plan_id,
                step=wire.claim_step(request),
                key=request.key,
                signature=request.signature,
                **self._now(who),
            ),
            reply=wire.replied(pb.ClaimPlanResponse),
        )

    def ArchiveAnnualPlan(
        self, request: pb.ArchiveAnnualPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Archive plan and budget."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: deciding.archive(
                tx, annual_plan_id=request.annual_plan_id, **self._now(who)
            ),
            reply=wire_report.archived,
        )

    def GetAnnualPlan(
        self, request: pb.GetAnnualPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a plan."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(
                tx, annual_plan_id=request.annual_plan_id, **self._now(who)
            ),
            reply=wire.replied(pb.GetAnnualPlanResponse),
        )

    def ListAnnualPlans(
        self, request: pb.ListAnnualPlansRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of plans."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx,
                page_of(request, size_default=PLANS_DEFAULT, size_max=PLANS_MAX),
                **self._now(who),
            ),
            reply=wire.listed,
        )

    def ListTargets(self, request: pb.ListTargetsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of the targets of a plan."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reporting.list_targets(
                tx,
                page_of(request, size_default=TARGETS_DEFAULT),
                annual_plan_id=request.annual_plan_id,
                by=who,
            ),
            reply=wire.listed_targets,
        )

    def GetPlanReport(
        self, request: pb.GetPlanReportRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return the report on a plan."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reporting.report(
                tx,
                annual_plan_id=request.annual_plan_id,
                area_unit_id=request.area_unit_id,
                by=who,
                zone=self._zone,
            ),
            reply=wire_report.reported,
        )

    def GetPlanArchive(
        self, request: pb.GetPlanArchiveRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return an archived plan with its score."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: archiving.get(tx, annual_plan_id=request.annual_plan_id, by=who),
            reply=wire_report.got_archive,
        )

    def _now(self, who: Caller) -> dict[str, Any]:
        """Say who calls, and when: what nearly every use case must know."""
        return {"by": who, "at": self._clock.now(), "zone": self._zone}
