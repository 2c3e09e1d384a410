"""The front door of the rolling plan."""

from collections.abc import Callable
from datetime import tzinfo

import grpc
from google.protobuf.message import Message
from mantle.planning.v1 import rolling_plan_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import Month
from chassis.process.definition import Definition
from chassis.rpc.door import Door
from planning.rolling_plan import balance, reports, usecases, wire
from planning.rolling_plan.domain import Cycle
from planning.rolling_plan.peers import SupplyDesk
from planning.rolling_plan.supply import CheckKind


class RollingPlanServicer:
    """Serve the cycles of the rolling plan."""

    def __init__(
        self,
        door: Door,
        clock: Clock,
        *,
        zone: tzinfo,
        definition: Definition,
        supply: SupplyDesk,
    ) -> None:
        """Know the door, the time, the process of new cycles, and whom to ask about supply."""
        self._door = door
        self._clock = clock
        self._zone = zone
        self._definition = definition
        self._supply = supply

    def OpenRollingCycle(
        self, request: pb.OpenRollingCycleRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Open a cycle."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.open_cycle(
                tx,
                self._definition,
                unit_id=request.unit_id,
                month=Month.parse(request.month),
                office_ids=list(request.office_ids),
                zone=self._zone,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.OpenRollingCycleResponse),
        )

    def RecordCustomerDemand(
        self, request: pb.RecordCustomerDemandRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record what customers have and need."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.record_demand(
                tx,
                cycle_id=request.cycle_id,
                unit_id=request.unit_id,
                notes=wire.notes(request),
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.RecordCustomerDemandResponse, office=request.unit_id),
        )

    def RecordLocalSituation(
        self, request: pb.RecordLocalSituationRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record the local situation."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.record_situation(
                tx,
                cycle_id=request.cycle_id,
                unit_id=request.unit_id,
                situation=request.situation,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.RecordLocalSituationResponse, office=request.unit_id),
        )

    def SubmitOfficeDraft(
        self, request: pb.SubmitOfficeDraftRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Submit a draft."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.submit_draft(
                tx,
                cycle_id=request.cycle_id,
                unit_id=request.unit_id,
                lines=wire.lines(request.lines),
                tool=wire.tool(request),
                note=request.note,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.SubmitOfficeDraftResponse),
        )

    def CheckOfficeDraft(
        self, request: pb.CheckOfficeDraftRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Pass a draft or give it back."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.check_draft(
                tx,
                cycle_id=request.cycle_id,
                unit_id=request.unit_id,
                passed=wire.passes(request),
                comment=request.comment,
                lines=wire.lines(request.lines),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.CheckOfficeDraftResponse),
        )

    def FileOfficeForecast(
        self, request: pb.FileOfficeForecastRequest, context: grpc.ServicerContext
    ) -> bytes:
        """File a channel manager's forecast."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.file_office(
                tx, cycle_id=request.cycle_id, unit_id=request.unit_id, by=who, at=self._clock.now()
            ),
            reply=wire.replied(pb.FileOfficeForecastResponse),
        )

    def MergeForecasts(
        self, request: pb.MergeForecastsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Merge all offices."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.merge(
                tx, cycle_id=request.cycle_id, by=who, at=self._clock.now()
            ),
            reply=wire.replied(pb.MergeForecastsResponse),
        )

    def FileRegionalForecasts(
        self, request: pb.FileRegionalForecastsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """File the regional managers' forecasts."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.file_regions(
                tx, cycle_id=request.cycle_id, by=who, at=self._clock.now()
            ),
            reply=wire.replied(pb.FileRegionalForecastsResponse),
        )

    def AdjustForecast(
        self, request: pb.AdjustForecastRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Adjust for one director."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.adjust(
                tx,
                cycle_id=request.cycle_id,
                side=wire.side(request),
                changes=wire.changes(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.AdjustForecastResponse),
        )

    def GiveConsent(self, request: pb.GiveConsentRequest, context: grpc.ServicerContext) -> bytes:
        """Say whether a director consents."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.give_consent(
                tx,
                cycle_id=request.cycle_id,
                side=wire.side(request),
                given=request.consent,
                by=who,
            ),
            reply=wire.replied(pb.GiveConsentResponse),
        )

    def AgreeForecast(
        self, request: pb.AgreeForecastRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Keep the minutes of the meeting."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.agree(
                tx, cycle_id=request.cycle_id, minutes=request.minutes, by=who, at=self._clock.now()
            ),
            reply=wire.replied(pb.AgreeForecastResponse),
        )

    def DraftMonthlyPlan(
        self, request: pb.DraftMonthlyPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Make the draft of the plan."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.draft_plan(
                tx, cycle_id=request.cycle_id, by=who, at=self._clock.now()
            ),
            reply=wire.replied(pb.DraftMonthlyPlanResponse),
        )

    def CheckCapacity(
        self, request: pb.CheckCapacityRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Ask production."""
        reply = wire.replied(pb.CheckCapacityResponse)
        return self._checked(request, context, kind=CheckKind.CAPACITY, reply=reply)

    def CheckMaterial(
        self, request: pb.CheckMaterialRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Ask supply."""
        reply = wire.replied(pb.CheckMaterialResponse)
        return self._checked(request, context, kind=CheckKind.MATERIAL, reply=reply)

    def CoordinateSupply(
        self, request: pb.CoordinateSupplyRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Cut the draft to what can be supplied."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: balance.coordinate(
                tx, cycle_id=request.cycle_id, minutes=request.minutes, by=who, at=self._clock.now()
            ),
            reply=wire.replied(pb.CoordinateSupplyResponse),
        )

    def ApproveRollingPlan(
        self, request: pb.ApproveRollingPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Approve the plan."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: balance.approve(
                tx, cycle_id=request.cycle_id, by=who, at=self._clock.now()
            ),
            reply=wire.replied(pb.ApproveRollingPlanResponse),
        )

    def ArchiveRollingPlan(
        self, request: pb.ArchiveRollingPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """File the plan."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: balance.archive(
                tx, cycle_id=request.cycle_id, by=who, at=self._clock.now()
            ),
            reply=wire.replied(pb.ArchiveRollingPlanResponse),
        )

    def AcknowledgePlan(
        self, request: pb.AcknowledgePlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Acknowledge the plan."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: balance.acknowledge(
                tx,
                cycle_id=request.cycle_id,
                group=wire.group(request),
                unit_id=request.unit_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.AcknowledgePlanResponse),
        )

    def GetRollingCycle(
        self, request: pb.GetRollingCycleRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a cycle."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, cycle_id=request.cycle_id, by=who),
            reply=wire.replied(pb.GetRollingCycleResponse),
        )

    def ListRollingCycles(
        self, request: pb.ListRollingCyclesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List cycles."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(tx, page_of(request), by=who),
            reply=wire.listed,
        )

    def GetOfficeForm(
        self, request: pb.GetOfficeFormRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return an office's form."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reports.office_form(
                tx,
                cycle_id=request.cycle_id,
                unit_id=request.unit_id,
                today=self._clock.today(self._zone),
                by=who,
            ),
            reply=wire.got_form,
        )

    def GetMergedForecast(
        self, request: pb.GetMergedForecastRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return the merged figures."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reports.merged(
                tx, cycle_id=request.cycle_id, month=wire.month_or_none(request.month), by=who
            ),
            reply=wire.got_merged,
        )

    def GetForecastAccuracy(
        self, request: pb.GetForecastAccuracyRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return how good the forecasts were."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reports.accuracy(tx, cycle_id=request.cycle_id, by=who),
            reply=wire.got_accuracy,
        )

    def GetDeliveryLog(
        self, request: pb.GetDeliveryLogRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return who has acknowledged a plan."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reports.deliveries(tx, cycle_id=request.cycle_id, by=who),
            reply=wire.got_deliveries,
        )

    def _checked(
        self,
        request: pb.CheckCapacityRequest | pb.CheckMaterialRequest,
        context: grpc.ServicerContext,
        *,
        kind: CheckKind,
        reply: Callable[[Cycle], Message],
    ) -> bytes:
        """Ask the neighbour with no transaction open, then keep what it said."""
        cycle_id = request.cycle_id
        return self._door.write(
            request,
            context,
            ask=lambda who, read: self._supply.ask(
                kind, read(lambda tx: balance.wanted(tx, cycle_id=cycle_id, by=who))
            ),
            act=lambda tx, who, answers: balance.keep_answer(
                tx, cycle_id=cycle_id, kind=kind, answers=answers, by=who, at=self._clock.now()
            ),
            reply=reply,
        )
