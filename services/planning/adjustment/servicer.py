"""The front door of adjustments."""

from datetime import tzinfo

import grpc
from mantle.planning.v1 import adjustment_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import Month
from chassis.process.definition import Definition
from chassis.rpc.door import Door
from planning.adjustment import usecases, wire


class AdjustmentServicer:
    """Serve adjustments of the year's plan."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo, definition: Definition) -> None:
        """Know the door, the time, and the process that new adjustments follow."""
        self._door = door
        self._clock = clock
        self._zone = zone
        self._definition = definition

    def FileTrackingReport(
        self, request: pb.FileTrackingReportRequest, context: grpc.ServicerContext
    ) -> bytes:
        """File a tracking report."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.file_report(
                tx,
                self._definition,
                unit_id=request.unit_id,
                month=Month.parse(request.month),
                zone=self._zone,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.FileTrackingReportResponse),
        )

    def ReviewVariance(
        self, request: pb.ReviewVarianceRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Decide whether a variance is major."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.review(
                tx,
                adjustment_id=request.adjustment_id,
                major=wire.is_major(request),
                reason=request.reason,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.ReviewVarianceResponse),
        )

    def SetNewTargets(
        self, request: pb.SetNewTargetsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Name the cause and set targets."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.set_targets(
                tx,
                adjustment_id=request.adjustment_id,
                cause_code=wire.cause_code(request),
                cause=request.cause,
                targets=wire.targets(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.SetNewTargetsResponse),
        )

    def CompileActivities(
        self, request: pb.CompileActivitiesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Compile sales and activities."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.compile_activities(
                tx,
                adjustment_id=request.adjustment_id,
                zone=self._zone,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.CompileActivitiesResponse),
        )

    def ProposePackage(
        self, request: pb.ProposePackageRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Propose a package."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.propose(
                tx,
                adjustment_id=request.adjustment_id,
                side=wire.side(request),
                shifts=wire.shifts(request.shifts),
                note=request.note,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.ProposePackageResponse),
        )

    def AdjustPlan(self, request: pb.AdjustPlanRequest, context: grpc.ServicerContext) -> bytes:
        """Make the next version of the plan."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.adjust_plan(
                tx,
                adjustment_id=request.adjustment_id,
                shifts=wire.shifts(request.shifts),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.AdjustPlanResponse),
        )

    def CheckAdjustment(
        self, request: pb.CheckAdjustmentRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Check the adjusted plan."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.check(
                tx,
                adjustment_id=request.adjustment_id,
                passed=wire.passes(request),
                comment=request.comment,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.CheckAdjustmentResponse),
        )

    def ClaimAdjustment(
        self, request: pb.ClaimAdjustmentRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Claim the adjusted plan."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.claim(
                tx,
                adjustment_id=request.adjustment_id,
                side=wire.side(request),
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.ClaimAdjustmentResponse),
        )

    def ArchiveAdjustment(
        self, request: pb.ArchiveAdjustmentRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Archive an adjustment."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.archive(
                tx,
                adjustment_id=request.adjustment_id,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.replied(pb.ArchiveAdjustmentResponse),
        )

    def GetAdjustment(
        self, request: pb.GetAdjustmentRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return an adjustment."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, adjustment_id=request.adjustment_id, by=who),
            reply=wire.replied(pb.GetAdjustmentResponse),
        )

    def ListAdjustments(
        self, request: pb.ListAdjustmentsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List adjustments."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(tx, page_of(request), by=who),
            reply=wire.listed,
        )
