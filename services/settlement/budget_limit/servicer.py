"""The front door of the budget limits."""

import grpc
from mantle.settlement.v1 import budget_limit_service_pb2 as pb

from chassis.paging import page_of
from chassis.rpc.door import Door
from settlement.budget_limit import usecases, wire


class BudgetLimitServicer:
    """Serve what planning told of budgets."""

    def __init__(self, door: Door) -> None:
        """Know the door."""
        self._door = door

    def GetBudgetLimits(
        self, request: pb.GetBudgetLimitsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of a year's limits."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(
                tx,
                page_of(request),
                unit_id=request.unit_id,
                fiscal_year=request.fiscal_year,
                by=who,
            ),
            reply=wire.got,
        )
