"""The front door of fund plans."""

from datetime import tzinfo

import grpc
from mantle.planning.v1 import fund_plan_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import Month
from chassis.rpc.door import Door
from planning.fund_plan import usecases, wire


class FundPlanServicer:
    """Serve `mantle.planning.v1.FundPlanService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the business time and the zone whose days count."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def WriteFundPlan(
        self, request: pb.WriteFundPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Write a plan."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.write(
                tx,
                key=wire.key(request),
                funds=wire.funds(request),
                capital=wire.capital(request),
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.written,
        )

    def SubmitFundPlan(
        self, request: pb.SubmitFundPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Hand a plan in."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.submit(
                tx, key=wire.key(request), by=who, today=self._clock.today(self._zone)
            ),
            reply=wire.submitted,
        )

    def GetFundPlan(self, request: pb.GetFundPlanRequest, context: grpc.ServicerContext) -> bytes:
        """Return a plan."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, key=wire.key(request), by=who),
            reply=wire.got,
        )

    def ListFundPlans(
        self, request: pb.ListFundPlansRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of plans."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_plans(
                tx,
                page_of(request),
                month=Month.parse(request.month),
                half=wire.half(request.half),
                by=who,
            ),
            reply=wire.listed,
        )

    def GetCompanyFundPlan(
        self, request: pb.GetCompanyFundPlanRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return the sum of plans."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.company(
                tx, key=wire.key(request), currency_code=request.currency_code, by=who
            ),
            reply=wire.summed,
        )
