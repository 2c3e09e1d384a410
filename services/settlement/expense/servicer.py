"""The front door of expenses."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import expense_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import parse_date
from chassis.process.definition import Definition
from chassis.rpc.door import Door, Read
from chassis.scope import Caller
from chassis.wire import to_money
from settlement.expense import reporting, requesting, usecases, wire
from settlement.expense.peers import BudgetDesk
from settlement.expense.requesting import Reserved


class ExpenseServicer:
    """Serve `mantle.settlement.v1.ExpenseService`."""

    def __init__(
        self, door: Door, clock: Clock, *, zone: tzinfo, definition: Definition, budget: BudgetDesk
    ) -> None:
        """Know the door, the business time, the company's zone, the process, and who has the
        budget."""
        self._door = door
        self._clock = clock
        self._zone = zone
        self._definition = definition
        self._budget = budget

    def RequestExpense(
        self, request: pb.RequestExpenseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Ask for an expense."""
        return self._door.write(
            request,
            context,
            ask=lambda who, read: self._reserved(request, who, read),
            act=lambda tx, who, asked: requesting.request(
                tx, self._definition, asked, by=who, at=self._clock.now(), zone=self._zone
            ),
            reply=wire.requested,
        )

    def ApproveExpense(
        self, request: pb.ApproveExpenseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Approve an expense."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.approve(
                tx,
                expense_id=request.expense_id,
                note=request.note,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.approved,
        )

    def RejectExpense(
        self, request: pb.RejectExpenseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Refuse an expense."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.reject(
                tx,
                expense_id=request.expense_id,
                note=request.note,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.rejected,
        )

    def SpendExpense(self, request: pb.SpendExpenseRequest, context: grpc.ServicerContext) -> bytes:
        """Spend an expense."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.spend(
                tx,
                expense_id=request.expense_id,
                spent=to_money(request.amount),
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.spent,
        )

    def WithdrawExpense(
        self, request: pb.WithdrawExpenseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Give an expense up."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.withdraw(
                tx,
                expense_id=request.expense_id,
                note=request.note,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.withdrawn,
        )

    def PayExpense(self, request: pb.PayExpenseRequest, context: grpc.ServicerContext) -> bytes:
        """Pay an expense."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.pay(
                tx,
                expense_id=request.expense_id,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.paid,
        )

    def EvaluateExpense(
        self, request: pb.EvaluateExpenseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Evaluate an expense."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.evaluate(
                tx,
                expense_id=request.expense_id,
                before=wire.period(request.before_start, request.before_end),
                after=wire.period(request.after_start, request.after_end),
                opinion=request.opinion,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.evaluated,
        )

    def CloseExpense(self, request: pb.CloseExpenseRequest, context: grpc.ServicerContext) -> bytes:
        """Close an expense."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.close(
                tx,
                expense_id=request.expense_id,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.closed,
        )

    def GetExpense(self, request: pb.GetExpenseRequest, context: grpc.ServicerContext) -> bytes:
        """Return an expense."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, expense_id=request.expense_id, by=who),
            reply=wire.got,
        )

    def ListExpenses(self, request: pb.ListExpensesRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of expenses."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_expenses(
                tx, page_of(request), which=wire.which(request), by=who
            ),
            reply=wire.listed,
        )

    def GetExpenseUse(
        self, request: pb.GetExpenseUseRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return how much of a budget is used."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reporting.use(
                tx,
                unit_id=request.unit_id,
                fiscal_year=request.fiscal_year,
                as_of=parse_date(request.as_of_date) if request.HasField("as_of_date") else None,
                today=self._clock.today(self._zone),
                by=who,
            ),
            reply=wire.used,
        )

    def GetSuccessCost(
        self, request: pb.GetSuccessCostRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return what a success costs."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: reporting.success_cost(
                tx,
                unit_id=request.unit_id,
                baseline=wire.period(request.baseline_start, request.baseline_end),
                period=wire.period(request.start_date, request.end_date),
                currency_code=request.currency_code,
                today=self._clock.today(self._zone),
                by=who,
            ),
            reply=wire.success_cost,
        )

    def _reserved(self, request: pb.RequestExpenseRequest, who: Caller, read: Read) -> Reserved:
        """Look at the line and the rules, and only then have budget set aside."""
        line = self._budget.line(request.budget_line_id)
        checked = read(
            lambda tx: requesting.check(
                tx,
                wire.wanted(request),
                line,
                request_id=request.request_id,
                by=who,
                at=self._clock.now(),
                zone=self._zone,
            )
        )
        reservation_id = self._budget.reserve(
            line,
            checked.wanted.amount,
            expense_id=checked.expense_id,
            request_id=checked.reserve_id,
            until=checked.expire_time,
        )
        return Reserved(checked, reservation_id)
