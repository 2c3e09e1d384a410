"""Expenses as messages, and which fact becomes which event."""

from decimal import Decimal
from typing import Final

from mantle.settlement.v1 import events_pb2
from mantle.settlement.v1 import expense_pb2 as pb
from mantle.settlement.v1 import expense_service_pb2 as service_pb

from chassis.events.domain import EventDraft, FactTable
from chassis.money import format_decimal
from chassis.paging import Slice
from chassis.period import DateRange, parse_date
from chassis.wire import from_money, from_time, to_money
from settlement.expense.domain import (
    Approval,
    Detail,
    Evaluation,
    Expense,
    ExpenseEvaluated,
    Wanted,
    Which,
)
from settlement.expense.figures import ExpenseUse, SuccessCost, Successes
from settlement.expense.states import Book, BudgetState, State

_STATES: Final = {one: pb.Expense.State.Value(f"STATE_{one}") for one in State}
_BUDGET_STATES: Final = {
    one: pb.Expense.BudgetState.Value(f"BUDGET_STATE_{one}") for one in BudgetState
}
_BOOKS: Final = {one: pb.ExpenseBook.Value(f"EXPENSE_BOOK_{one}") for one in Book}
_STATE_OF: Final = {number: one for one, number in _STATES.items()}
_BOOK_OF: Final = {number: one for one, number in _BOOKS.items()}


def wanted(request: service_pb.RequestExpenseRequest) -> Wanted:
    """Read what is asked for."""
    return Wanted(
        request.budget_line_id,
        to_money(request.amount),
        request.purpose,
        request.payee,
        tuple(request.attachments),
    )


def which(request: service_pb.ListExpensesRequest) -> Which:
    """Read which expenses are wanted."""
    return Which(request.unit_id, _BOOK_OF.get(request.book), _STATE_OF.get(request.state))


def period(start: str, end: str) -> DateRange:
    """Read a time.

    Errors: PeriodInvalid.
    """
    return DateRange(parse_date(start), parse_date(end))


def requested(one: Expense) -> service_pb.RequestExpenseResponse:
    """Answer with a new expense."""
    return service_pb.RequestExpenseResponse(expense=message(one))


def approved(one: Detail) -> service_pb.ApproveExpenseResponse:
    """Answer with an expense that somebody approved."""
    return service_pb.ApproveExpenseResponse(expense=detailed(one))


def rejected(one: Detail) -> service_pb.RejectExpenseResponse:
    """Answer with a refused expense."""
    return service_pb.RejectExpenseResponse(expense=detailed(one))


def spent(one: Detail) -> service_pb.SpendExpenseResponse:
    """Answer with a spent expense."""
    return service_pb.SpendExpenseResponse(expense=detailed(one))


def withdrawn(one: Detail) -> service_pb.WithdrawExpenseResponse:
    """Answer with an expense that was given up."""
    return service_pb.WithdrawExpenseResponse(expense=detailed(one))


def paid(one: Detail) -> service_pb.PayExpenseResponse:
    """Answer with a paid expense."""
    return service_pb.PayExpenseResponse(expense=detailed(one))


def evaluated(one: Detail) -> service_pb.EvaluateExpenseResponse:
    """Answer with an evaluated expense."""
    return service_pb.EvaluateExpenseResponse(expense=detailed(one))


def closed(one: Detail) -> service_pb.CloseExpenseResponse:
    """Answer with a closed expense."""
    return service_pb.CloseExpenseResponse(expense=detailed(one))


def got(one: Detail) -> service_pb.GetExpenseResponse:
    """Answer with an expense."""
    return service_pb.GetExpenseResponse(expense=detailed(one))


def listed(found: Slice[Expense]) -> service_pb.ListExpensesResponse:
    """Answer with a page of expenses."""
    return service_pb.ListExpensesResponse(
        expenses=map(message, found.items), next_page_token=found.next_page_token
    )


def used(one: ExpenseUse) -> service_pb.GetExpenseUseResponse:
    """Answer with how much of a budget is used."""
    report = pb.ExpenseUse(
        unit_id=one.unit_id,
        fiscal_year=one.fiscal_year,
        as_of_date=one.as_of.isoformat(),
        budget=from_money(one.budget),
        spent=from_money(one.spent),
        sales_spent=from_money(one.sales_spent),
        service_spent=from_money(one.service_spent),
        commission_spent=from_money(one.commission_spent),
        sales=from_money(one.sales),
        use_percent=_decimal(one.use_percent),
        budget_to_sales_percent=_decimal(one.budget_to_sales_percent),
        spent_to_sales_percent=_decimal(one.spent_to_sales_percent),
    )
    return service_pb.GetExpenseUseResponse(expense_use=report)


def success_cost(one: SuccessCost) -> service_pb.GetSuccessCostResponse:
    """Answer with what a success costs."""
    report = pb.SuccessCost(
        unit_id=one.unit_id,
        baseline=_successes(one.baseline),
        period=_successes(one.now),
        change_percent=_decimal(one.change_percent),
        goal_percent=format_decimal(one.goal_percent),
        goal_reached=one.goal_reached,
    )
    return service_pb.GetSuccessCostResponse(success_cost=report)


def detailed(one: Detail) -> pb.Expense:
    """Write an expense with its evaluation."""
    found = message(one.expense)
    if one.evaluation is not None:
        found.evaluation.CopyFrom(_evaluation(one.evaluation))
    return found


def message(one: Expense) -> pb.Expense:
    """Write an expense without its evaluation."""
    return pb.Expense(
        expense_id=one.expense_id,
        unit_id=one.unit_id,
        expense_type=one.expense_type,
        book=_BOOKS[one.book],
        state=_STATES[one.state],
        purpose=one.purpose,
        payee=one.payee,
        attachments=one.attachments,
        budget_line_id=one.budget_line_id,
        reservation_id=one.reservation_id,
        budget_state=_BUDGET_STATES[one.budget_state],
        amount=from_money(one.amount),
        spent=from_money(one.spent),
        process_id=one.process_id,
        approvals_needed=one.approvals_needed,
        approvals=map(_approval, one.approvals),
        requested_by=one.requested_by,
        request_time=from_time(one.request_time),
        spend_date=None if one.spend_date is None else one.spend_date.isoformat(),
        pay_date=None if one.pay_date is None else one.pay_date.isoformat(),
    )


def _approval(one: Approval) -> pb.ExpenseApproval:
    return pb.ExpenseApproval(
        approved_by=one.approved_by, role=one.role, note=one.note, approve_time=from_time(one.at)
    )


def _evaluation(one: Evaluation) -> pb.ExpenseEvaluation:
    return pb.ExpenseEvaluation(
        sales_before=from_money(one.sales_before),
        sales_after=from_money(one.sales_after),
        uplift_percent=_decimal(one.uplift_percent),
        return_ratio=format_decimal(one.return_ratio),
        opinion=one.opinion,
        evaluated_by=one.evaluated_by,
        evaluate_time=from_time(one.at),
        before_start=one.before.start.isoformat(),
        before_end=_end(one.before),
        after_start=one.after.start.isoformat(),
        after_end=_end(one.after),
    )


def _successes(one: Successes) -> pb.SuccessCostPeriod:
    return pb.SuccessCostPeriod(
        start_date=one.period.start.isoformat(),
        end_date=_end(one.period),
        spent=from_money(one.spent),
        successes=one.count,
        cost_per_success=None if one.cost is None else from_money(one.cost),
    )


def _end(one: DateRange) -> str:
    assert one.end is not None
    return one.end.isoformat()


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else format_decimal(value)


def _evaluated(fact: ExpenseEvaluated) -> EventDraft:
    one, found = fact.expense, fact.evaluation
    assert one.spend_date is not None
    payload = events_pb2.ExpenseEvaluated(
        expense_id=one.expense_id,
        unit_id=one.unit_id,
        fiscal_year=one.spend_date.year,
        expense_type=one.expense_type,
        purpose=one.purpose,
        spent=from_money(one.spent),
        sales_before=from_money(found.sales_before),
        sales_after=from_money(found.sales_after),
        opinion=found.opinion,
        evaluated_by=found.evaluated_by,
    )
    return EventDraft(payload, f"expense/{one.expense_id}")


FACTS: Final[FactTable] = {ExpenseEvaluated: _evaluated}
