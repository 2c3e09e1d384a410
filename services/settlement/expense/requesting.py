"""How an expense begins: looked at, its budget set aside at planning, then stored; both or nothing.

What planning has set aside for a request that then fails expires: it may be a twin's as well, so it
is not given back at once.
"""

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo

from chassis import scope
from chassis.database import Transaction
from chassis.ids import derived_id
from chassis.money import CurrencyMismatch, Money
from chassis.outcome import Outcome
from chassis.period import local_date
from chassis.policy import usecases as policy
from chassis.process import usecases as process
from chassis.process.definition import Definition
from chassis.scope import Caller
from settlement.expense import storage
from settlement.expense.domain import (
    KIND,
    PROCESS,
    Approval,
    Authority,
    BudgetLine,
    Expense,
    Rules,
    Wanted,
)
from settlement.expense.states import State, Step

SERVICE = "mantle.settlement.v1.ExpenseService"
REQUEST = f"{SERVICE}/RequestExpense"


@dataclass(frozen=True, slots=True)
class Checked:
    """Hold a request that the rules allow.

    Shape: twins of a request have the same ids and the same time, and so one reservation; a repeat
        in a later window of time has others. The budget is set aside until `expire_time`, for one
        to two windows, unless it is confirmed.
    """

    wanted: Wanted
    line: BudgetLine
    rules: Rules
    authority: Authority
    expense_id: str
    reserve_id: str
    expire_time: datetime


@dataclass(frozen=True, slots=True)
class Reserved:
    """Hold a request whose budget is set aside."""

    checked: Checked
    reservation_id: str


def check(
    tx: Transaction,
    wanted: Wanted,
    line: BudgetLine,
    *,
    request_id: str,
    by: Caller,
    at: datetime,
    zone: tzinfo,
) -> Checked:
    """Look at a request before anything is set aside for it.

    Errors: OutOfScope, PolicyNotFound, CurrencyMismatch, ExpenseTypeDisabled,
        ExpenseEvidenceMissing, AuthorityInsufficient.
    Source: R-115.
    """
    scope.require(tx, by, line.unit_id)
    if wanted.amount.currency_code != line.currency_code:
        raise CurrencyMismatch(line.currency_code, wanted.amount.currency_code)
    today = local_date(at, zone)
    rules = rules_of(tx, line.unit_id, on=today)
    rules.check(line.expense_type, payee=wanted.payee, attachments=wanted.attachments)
    authority = authority_of(tx, line.unit_id, on=today)
    authority.role_for(wanted.amount)
    window_s = rules.reservation_minutes * 60
    window = int(at.timestamp()) // window_s
    return Checked(
        wanted,
        line,
        rules,
        authority,
        expense_id=derived_id(request_id, f"{by.subject}/expense", window),
        reserve_id=derived_id(request_id, f"{by.subject}/reserve", window),
        expire_time=datetime.fromtimestamp((window + 2) * window_s, UTC),
    )


def request(
    tx: Transaction,
    definition: Definition,
    asked: Reserved,
    *,
    by: Caller,
    at: datetime,
    zone: tzinfo,
) -> Outcome[Expense]:
    """Store an expense whose budget is set aside, and send it to whoever has the authority.

    Errors: StepRoleForbids.
    Source: R-107, R-108.
    """
    checked, wanted, line = asked.checked, asked.checked.wanted, asked.checked.line
    begun = process.start(
        tx,
        definition,
        subject_kind=PROCESS,
        subject_id=checked.expense_id,
        unit_id=line.unit_id,
        by=by,
        at=at,
        zone=zone,
    )
    process_id = begun.process_id
    process.complete(tx, process_id, step=Step.REQUEST, by=by, at=at, rpc=REQUEST)
    done = process.complete(tx, process_id, step=Step.CHECK, by=by, at=at, rpc=REQUEST)
    new = Expense(
        expense_id=checked.expense_id,
        unit_id=line.unit_id,
        expense_type=line.expense_type,
        book=checked.rules.book_of(line.expense_type),
        purpose=wanted.purpose,
        payee=wanted.payee,
        attachments=wanted.attachments,
        budget_line_id=line.budget_line_id,
        reservation_id=asked.reservation_id,
        amount=wanted.amount,
        spent=Money(wanted.amount.currency_code, 0),
        state=State(done.state),
        process_id=process_id,
        approvals_needed=checked.rules.approvals_of(line.expense_type),
        requested_by=by.subject,
        request_time=at,
    )
    new = _routed(tx, new, checked, by=by, at=at)
    storage.add(tx, new)
    return Outcome(new)


def rules_of(tx: Transaction, unit_id: str, *, on: date) -> Rules:
    """Read the rules of expenses of a unit; its own go before the company's.

    Errors: PolicyNotFound.
    """
    found = policy.in_force(tx, kind=KIND, scopes=[f"unit:{unit_id}", ""], on=on)
    return Rules.read(found.parameters)


def authority_of(tx: Transaction, unit_id: str, *, on: date) -> Authority:
    """Read who may approve how much in a unit, from the copy of planning's policy.

    Errors: PolicyNotFound.
    """
    found = policy.in_force(tx, kind="authority", scopes=[f"unit:{unit_id}", ""], on=on)
    return Authority.read(found.parameters)


def _routed(
    tx: Transaction, new: Expense, checked: Checked, *, by: Caller, at: datetime
) -> Expense:
    """Approve at once what lies within the requester's own authority, else send it on."""
    own = [role for role in checked.authority.able(new.amount) if role in by.roles]
    if not (own and checked.rules.own_authority and new.approvals_needed == 1):
        role = checked.authority.role_for(new.amount)
        process.assign(tx, new.process_id, step=Step.DECIDE, role=role, by=by, at=at)
        return new
    done = process.complete(
        tx,
        new.process_id,
        step=Step.DECIDE,
        by=by,
        at=at,
        answer="agree",
        rpc=REQUEST,
        authority_role=own[0],
        note="within the requester's own authority",
    )
    approval = Approval(by.subject, own[0], "within the requester's own authority", at)
    return replace(new.approve(approval), state=State(done.state))
