"""The front door of profit."""

from datetime import tzinfo

import grpc
from mantle.planning.v1 import profit_service_pb2 as pb

from chassis.clock import Clock
from chassis.period import Month
from chassis.rpc.door import Door
from planning.profit import reports, usecases, wire


class ProfitServicer:
    """Serve profit trees, what-ifs and completion."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the time and the company's time zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def SetAssumptions(
        self, request: pb.SetAssumptionsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Set the assumptions of a version."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.set_assumptions(
                tx,
                request.version_id,
                prices=wire.prices(request.prices),
                sales_shares=wire.sales_shares(request.sales_shares),
                by=who,
                today=self._clock.today(self._zone),
            ),
            reply=wire.replied(pb.SetAssumptionsResponse, request.version_id),
        )

    def ComputeProfit(
        self, request: pb.ComputeProfitRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Compute the amounts of a version."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.compute(
                tx, request.version_id, by=who, at=self._clock.now()
            ),
            reply=wire.computed,
        )

    def RunWhatIf(self, request: pb.RunWhatIfRequest, context: grpc.ServicerContext) -> bytes:
        """Compute a branch with other assumptions."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.run_what_if(
                tx,
                request.version_id,
                name=request.name,
                changes=wire.changes(request.changes),
                sales_shares=wire.sales_shares(request.sales_shares),
                unit_id=request.unit_id,
                months=wire.months(request),
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.what_if,
        )

    def GetAssumptions(
        self, request: pb.GetAssumptionsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return the assumptions of a version."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get_assumptions(tx, request.version_id, by=who),
            reply=wire.replied(pb.GetAssumptionsResponse, request.version_id),
        )

    def GetProfitTree(
        self, request: pb.GetProfitTreeRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a profit tree."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.tree(
                tx,
                request.version_id,
                unit_id=request.unit_id,
                months=wire.months(request),
                products=frozenset(request.product_ids),
                channels=frozenset(request.channels),
                split=wire.split(request),
                by=who,
            ),
            reply=wire.grown,
        )

    def AnalysePlan(self, request: pb.AnalysePlanRequest, context: grpc.ServicerContext) -> bytes:
        """Analyse a plan."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reports.analyse(
                tx,
                request.version_id,
                unit_id=request.unit_id,
                fiscal_year=request.fiscal_year,
                history_version_id=request.history_version_id,
                target_version_id=request.target_version_id,
                by=who,
            ),
            reply=wire.analysed,
        )

    def GetTargetBoard(
        self, request: pb.GetTargetBoardRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return the target board."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reports.board(
                tx,
                unit_id=request.unit_id,
                fiscal_year=request.fiscal_year,
                version_id=request.version_id,
                measures=tuple(request.measures),
                by=who,
            ),
            reply=wire.board,
        )

    def GetCompletion(
        self, request: pb.GetCompletionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return how far a plan is completed."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reports.completion(
                tx,
                unit_id=request.unit_id,
                last_month=Month.parse(request.last_month),
                version_id=request.version_id,
                by=who,
                today=self._clock.today(self._zone),
            ),
            reply=wire.completed,
        )
