"""The front door of visits and findings."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import inspection_service_pb2 as pb

from channels.inspection import usecases, wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door


class InspectionServicer:
    """Serve `mantle.channels.v1.InspectionService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the time, and the company's time zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def CreateVisitPlan(
        self, request: pb.CreateVisitPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Plan visits."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.plan(
                tx,
                unit_id=request.unit_id,
                kind=wire.to_kind(request),
                title=request.title,
                days=wire.to_days(request),
                visits=wire.to_planned(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.planned,
        )

    def RecordVisit(self, request: pb.RecordVisitRequest, context: grpc.ServicerContext) -> bytes:
        """Report a visit."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.record(
                tx,
                visit_id=request.visit_id,
                seen=wire.to_seen(request),
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.visit_in(pb.RecordVisitResponse),
        )

    def MissVisit(self, request: pb.MissVisitRequest, context: grpc.ServicerContext) -> bytes:
        """Give a visit up."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.miss(
                tx, visit_id=request.visit_id, reason=request.reason, by=who
            ),
            reply=wire.visit_in(pb.MissVisitResponse),
        )

    def RaiseFinding(self, request: pb.RaiseFindingRequest, context: grpc.ServicerContext) -> bytes:
        """Write down what is wrong."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.find(
                tx,
                visit_id=request.visit_id,
                description=request.description,
                batch=request.batch,
                due_date=wire.to_due_date(request),
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.finding_in(pb.RaiseFindingResponse),
        )

    def RecordCorrection(
        self, request: pb.RecordCorrectionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record what was done about it."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.correct(
                tx, finding_id=request.finding_id, correction=request.correction, by=who
            ),
            reply=wire.finding_in(pb.RecordCorrectionResponse),
        )

    def RecheckFinding(
        self, request: pb.RecheckFindingRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record what another person says of it."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.recheck(
                tx,
                finding_id=request.finding_id,
                passed=request.passed,
                note=request.note,
                today=self._clock.today(self._zone),
                by=who,
            ),
            reply=wire.finding_in(pb.RecheckFindingResponse),
        )

    def GetVisitPlan(self, request: pb.GetVisitPlanRequest, context: grpc.ServicerContext) -> bytes:
        """Return a plan."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get_plan(tx, plan_id=request.plan_id, by=who),
            reply=wire.got_plan,
        )

    def ListVisits(self, request: pb.ListVisitsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of visits."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_visits(
                tx, part=page_of(request), by=who, wanted=wire.visits_wanted(request)
            ),
            reply=wire.visits_listed,
        )

    def ListFindings(self, request: pb.ListFindingsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of findings."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_findings(
                tx, part=page_of(request), by=who, wanted=wire.findings_wanted(request)
            ),
            reply=wire.findings_listed,
        )
