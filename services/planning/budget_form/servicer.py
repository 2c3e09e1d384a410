"""The front door of the budget form."""

import grpc
from mantle.planning.v1 import budget_form_service_pb2 as pb

from chassis.paging import page_of
from chassis.rpc.door import Door
from planning.budget_form import usecases, wire


class BudgetFormServicer:
    """Serve `mantle.planning.v1.BudgetFormService`."""

    def __init__(self, door: Door) -> None:
        """Know the door."""
        self._door = door

    def GetBudgetForm(
        self, request: pb.GetBudgetFormRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a form."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(
                tx, unit_id=request.unit_id, fiscal_year=request.fiscal_year, by=who
            ),
            reply=wire.got,
        )

    def ListExpenseOpinions(
        self, request: pb.ListExpenseOpinionsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of opinions."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_opinions(
                tx,
                page_of(request),
                fiscal_year=request.fiscal_year,
                unit_id=request.unit_id,
                by=who,
            ),
            reply=wire.listed,
        )
