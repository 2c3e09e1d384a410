"""What is done with an expense after its request: decided, spent, paid, evaluated, closed, read.

Locks: expense, process, ledger.
"""

from dataclasses import replace
from datetime import date, datetime
from typing import Final, Unpack

from chassis import scope
from chassis.database import Transaction
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import DateRange, PeriodInvalid
from chassis.process import usecases as process
from chassis.scope import Caller
from settlement.expense import reporting, storage
from settlement.expense.domain import (
    Approval,
    Authority,
    Detail,
    Evaluation,
    Expense,
    ExpenseEvaluated,
    Which,
)
from settlement.expense.requesting import SERVICE, authority_of
from settlement.expense.states import Book, BudgetState, State, Step
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, Move, Reason, unit_account

SUBJECT_KIND: Final = "expense"
BOOKS: Final = {
    Book.SALES: AccountCode.SELLING_EXPENSE,
    Book.SERVICE: AccountCode.SERVICE_EXPENSE,
}


def approve(
    tx: Transaction, *, expense_id: str, note: str, by: Caller, at: datetime, today: date
) -> Outcome[Detail]:
    """Approve an expense; the last approval that it needs lets it be spent.

    Errors: ExpenseNotFound, OutOfScope, PolicyNotFound, AuthorityInsufficient, ExpenseStateForbids,
        ExpenseNeedsAnotherPerson, ExpenseBudgetNotHeld.
    Source: R-108, R-115.
    """
    one, role = _to_decide(tx, expense_id, by=by, today=today)
    one = one.approve(Approval(by.subject, role, note, at))
    if one.approved_enough:
        one = _decided(tx, one, role, agree=True, note=note, by=by, at=at)
    storage.add_last_approval(tx, one)
    return _saved(tx, one)


def reject(
    tx: Transaction, *, expense_id: str, note: str, by: Caller, at: datetime, today: date
) -> Outcome[Detail]:
    """Refuse an expense; its budget goes back.

    Errors: ExpenseNotFound, OutOfScope, PolicyNotFound, AuthorityInsufficient, ExpenseStateForbids,
        ExpenseNeedsAnotherPerson.
    """
    one, role = _to_decide(tx, expense_id, by=by, today=today)
    return _saved(tx, _decided(tx, one.give_up(), role, agree=False, note=note, by=by, at=at))


def spend(
    tx: Transaction, *, expense_id: str, spent: Money, by: Caller, at: datetime, today: date
) -> Outcome[Detail]:
    """Post what was spent of an approved expense.

    Errors: ExpenseNotFound, OutOfScope, StepRoleForbids, StepNotOpen, CurrencyMismatch,
        ExpenseExceeded, ExpenseBudgetNotHeld.
    Source: R-107, R-113.
    """
    one = _own(tx, expense_id, by=by)
    one = _done(tx, one, Step.SPEND, by=by, at=at, rpc="SpendExpense", answer="spent")
    one = one.spend(spent, on=today)
    ledger.post(tx, [spending(one, at=at)])
    return _saved(tx, one)


def spending(one: Expense, *, at: datetime) -> Move:
    """Say what a spent expense is in the ledger: each book has an account of its own.

    Source: R-113.
    """
    assert one.spend_date is not None
    currency = one.spent.currency_code
    return Move(
        one.transfer_id("spend"),
        unit_account(BOOKS[one.book], one.unit_id, currency),
        unit_account(AccountCode.EXPENSE_PAYABLE, one.unit_id, currency),
        one.spent,
        Reason("expense_spent", SUBJECT_KIND, one.expense_id, one.spend_date, at),
    )


def withdraw(
    tx: Transaction, *, expense_id: str, note: str, by: Caller, at: datetime
) -> Outcome[Detail]:
    """Give an approved expense up; its budget goes back.

    Errors: ExpenseNotFound, OutOfScope, StepRoleForbids, StepNotOpen.
    """
    one = _own(tx, expense_id, by=by)
    one = _done(
        tx, one, Step.SPEND, by=by, at=at, rpc="WithdrawExpense", answer="withdrawn", note=note
    )
    return _saved(tx, one.give_up())


def pay(
    tx: Transaction, *, expense_id: str, by: Caller, at: datetime, today: date
) -> Outcome[Detail]:
    """Pay what was spent.

    Errors: ExpenseNotFound, OutOfScope, StepRoleForbids, StepNotOpen.
    """
    one = _own(tx, expense_id, by=by)
    one = _done(tx, one, Step.PAY, by=by, at=at, rpc="PayExpense").pay(on=today)
    currency = one.spent.currency_code
    move = Move(
        one.transfer_id("pay"),
        unit_account(AccountCode.EXPENSE_PAYABLE, one.unit_id, currency),
        unit_account(AccountCode.CASH, one.unit_id, currency),
        one.spent,
        Reason("expense_paid", SUBJECT_KIND, expense_id, today, at),
    )
    ledger.post(tx, [move])
    return _saved(tx, one)


def evaluate(
    tx: Transaction,
    *,
    expense_id: str,
    before: DateRange,
    after: DateRange,
    opinion: str,
    by: Caller,
    at: datetime,
) -> Outcome[Detail]:
    """Compare the sales of the expense's unit before and after it.

    Errors: ExpenseNotFound, OutOfScope, StepRoleForbids, StepNotOpen, StepNeedsAnotherPerson,
        PeriodInvalid when the times overlap.
    Source: R-109.
    """
    if before.overlaps(after) or after.start < before.start:
        raise PeriodInvalid("begins before the time before it ends", str(after.start))
    one = _own(tx, expense_id, by=by)
    one = _done(tx, one, Step.EVALUATE, by=by, at=at, rpc="EvaluateExpense", note=opinion)
    currency = one.spent.currency_code
    found = Evaluation(
        before=before,
        after=after,
        sales_before=reporting.sales(tx, one.unit_id, before, currency_code=currency),
        sales_after=reporting.sales(tx, one.unit_id, after, currency_code=currency),
        spent=one.spent,
        opinion=opinion,
        evaluated_by=by.subject,
        at=at,
    )
    storage.save(tx, one)
    storage.add_evaluation(tx, expense_id, found)
    return Outcome(Detail(one, found), [ExpenseEvaluated(one, found)])


def close(tx: Transaction, *, expense_id: str, by: Caller, at: datetime) -> Outcome[Detail]:
    """End an expense that is paid and evaluated.

    Errors: ExpenseNotFound, OutOfScope, StepRoleForbids, StepNotOpen.
    """
    one = _own(tx, expense_id, by=by)
    return _saved(tx, _done(tx, one, Step.CLOSE, by=by, at=at, rpc="CloseExpense"))


def settle_budget(tx: Transaction, *, asked: Expense, said: BudgetState) -> Outcome[None]:
    """Keep what planning has said of a reservation, unless somebody has kept more meanwhile."""
    one = storage.get(tx, asked.expense_id, lock=True)
    if one.budget_state is asked.budget_state:
        storage.save(tx, one.kept(said))
    return Outcome(None)


def count_lost(tx: Transaction) -> int:
    """Count the expenses under way that have no budget any more."""
    return storage.count_lost(tx)


def get(tx: Transaction, *, expense_id: str, by: Caller) -> Detail:
    """Return an expense.

    Errors: ExpenseNotFound, OutOfScope.
    """
    found = storage.get(tx, expense_id)
    scope.require(tx, by, found.unit_id)
    return Detail(found, storage.evaluation(tx, found))


def list_expenses(tx: Transaction, part: Page, *, which: Which, by: Caller) -> Slice[Expense]:
    """Return a page of the expenses in the caller's scope."""
    return storage.page(tx, part, which, units=scope.units_of(by))


def _own(tx: Transaction, expense_id: str, *, by: Caller) -> Expense:
    found = storage.get(tx, expense_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _to_decide(tx: Transaction, expense_id: str, *, by: Caller, today: date) -> tuple[Expense, str]:
    """Return an expense that the caller may decide on, and the role by which."""
    one = _own(tx, expense_id, by=by)
    authority: Authority = authority_of(tx, one.unit_id, on=today)
    role = authority.role_of(one.amount, roles=by.roles, subject=by.subject)
    one.require_decider(by.subject, two_person=authority.two_person)
    return one, role


def _decided(
    tx: Transaction, one: Expense, role: str, *, agree: bool, note: str, by: Caller, at: datetime
) -> Expense:
    done = process.complete(
        tx,
        one.process_id,
        step=Step.DECIDE,
        by=by,
        at=at,
        answer="agree" if agree else "refuse",
        rpc=f"{SERVICE}/{'ApproveExpense' if agree else 'RejectExpense'}",
        authority_role=role,
        note=note,
    )
    return replace(one, state=State(done.state))


def _done(
    tx: Transaction, one: Expense, step: Step, *, rpc: str, **how: Unpack[process.Doing]
) -> Expense:
    completed = process.complete(tx, one.process_id, step=step, rpc=f"{SERVICE}/{rpc}", **how)
    return replace(one, state=State(completed.state))


def _saved(tx: Transaction, one: Expense) -> Outcome[Detail]:
    storage.save(tx, one)
    return Outcome(Detail(one, storage.evaluation(tx, one)))
