"""The front door of the monthly plan."""

import grpc
from mantle.planning.v1 import monthly_plan_service_pb2 as pb

from chassis.clock import Clock
from chassis.period import Month
from chassis.rpc.door import Door
from planning.monthly_plan import usecases, wire


class MonthlyPlanServicer:
    """Serve monthly plans."""

    def __init__(self, door: Door, clock: Clock) -> None:
        """Know the door and the business time."""
        self._door = door
        self._clock = clock

    def PublishMonthlyPlan(
        self, request: pb.PublishMonthlyPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Publish a plan."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.publish(
                tx,
                unit_id=request.unit_id,
                month=Month.parse(request.month),
                lines=wire.lines(request.lines),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.published,
        )

    def GetMonthlyPlan(
        self, request: pb.GetMonthlyPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a plan."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(
                tx,
                unit_id=request.unit_id,
                month=Month.parse(request.month),
                plan_version=request.plan_version,
                by=who,
            ),
            reply=wire.got,
        )
