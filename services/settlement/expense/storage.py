"""The tables of expenses."""

from collections.abc import Iterable
from datetime import date, datetime, tzinfo
from typing import Any

import sqlalchemy as sa

from chassis import arrays, telemetry
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.period import DateRange, local_date
from settlement.expense.domain import Approval, Evaluation, Expense, Which
from settlement.expense.errors import ExpenseNotFound
from settlement.expense.states import ENDED, Book, BudgetState, State

TABLES = sa.MetaData()

expense = sa.Table(
    "expense",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("expense_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("expense_type", sa.Text, nullable=False),
    sa.Column("book", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("payee", sa.Text, nullable=False),
    sa.Column("attachments", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("budget_line_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("reservation_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("spent_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("process_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("approvals_needed", sa.Integer, nullable=False),
    sa.Column("budget_state", sa.Text, nullable=False),
    sa.Column("budget_wanted", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("request_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("spend_date", sa.Date),
    sa.Column("pay_date", sa.Date),
    sa.Column("traceparent", sa.Text, nullable=False),
)

expense_approval = sa.Table(
    "expense_approval",
    TABLES,
    sa.Column("expense_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("place", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("approve_time", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("expense_id", "approved_by"),
)

expense_evaluation = sa.Table(
    "expense_evaluation",
    TABLES,
    sa.Column("expense_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("before_start", sa.Date, nullable=False),
    sa.Column("before_end", sa.Date, nullable=False),
    sa.Column("after_start", sa.Date, nullable=False),
    sa.Column("after_end", sa.Date, nullable=False),
    sa.Column("sales_before_minor", sa.BigInteger, nullable=False),
    sa.Column("sales_after_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("opinion", sa.Text, nullable=False),
    sa.Column("evaluated_by", sa.Text, nullable=False),
    sa.Column("evaluate_time", sa.DateTime(timezone=True), nullable=False),
)

# The offers that customers accepted, by fact of crm; each counts once, however often it is told.
success_copy = sa.Table(
    "success_copy",
    TABLES,
    sa.Column("offer_id", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
)

_one = expense.c
_approval = expense_approval.c
_success = success_copy.c

NOTE = """
INSERT INTO success_copy (offer_id, unit_id, day)
SELECT * FROM unnest(%(offer_ids)s::text[], %(unit_ids)s::text[], %(days)s::date[])
ON CONFLICT DO NOTHING
"""


def add(tx: Transaction, one: Expense) -> None:
    """Store a new expense, with its approvals."""
    fixed = {
        "expense_id": one.expense_id,
        "unit_id": one.unit_id,
        "expense_type": one.expense_type,
        "book": one.book,
        "purpose": one.purpose,
        "payee": one.payee,
        "attachments": list(one.attachments),
        "budget_line_id": one.budget_line_id,
        "reservation_id": one.reservation_id,
        "amount_minor": one.amount.amount_minor,
        "currency_code": one.amount.currency_code,
        "process_id": one.process_id,
        "approvals_needed": one.approvals_needed,
        "requested_by": one.requested_by,
        "request_time": one.request_time,
    }
    tx.execute(sa.insert(expense).values(fixed | _changing(one)))
    for place in range(1, len(one.approvals) + 1):
        _add_approval(tx, one, place)


def save(tx: Transaction, one: Expense) -> None:
    """Store what changes of an expense."""
    tx.execute(sa.update(expense).where(_one.expense_id == one.expense_id).values(_changing(one)))


def add_last_approval(tx: Transaction, one: Expense) -> None:
    """Store the approval that was added last."""
    _add_approval(tx, one, len(one.approvals))


def get(tx: Transaction, expense_id: str, *, lock: bool = False) -> Expense:
    """Return an expense, locked if asked for.

    Errors: ExpenseNotFound.
    """
    query = sa.select(*_one).where(_one.expense_id == expense_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise ExpenseNotFound(expense_id)
    return _read(row, _approvals(tx, [expense_id]).get(expense_id, []))


def page(
    tx: Transaction, part: Page, which: Which, *, units: sa.ScalarSelect[str] | None
) -> Slice[Expense]:
    """Return a page of expenses, in the order in which they were asked for."""
    query = sa.select(*_one)
    if units is not None:
        query = query.where(_one.unit_id.in_(units))
    if which.unit_id:
        query = query.where(_one.unit_id == which.unit_id)
    if which.book is not None:
        query = query.where(_one.book == which.book)
    if which.state is not None:
        query = query.where(_one.state == which.state)
    rows = tx.execute(keyset(query, part, [_one.sequence])).all()
    approvals = _approvals(tx, [row.expense_id for row in rows])
    found = [_read(row, approvals.get(row.expense_id, [])) for row in rows]
    return part.slice(found, key=lambda one: [one.sequence])


def next_to_keep(tx: Transaction) -> Expense | None:
    """Return the oldest expense whose reservation is not yet what it is to be."""
    query = (
        sa.select(*_one)
        .where(
            _one.budget_state != _one.budget_wanted,
            _one.budget_state != BudgetState.LOST,
        )
        .order_by(_one.sequence)
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    return None if row is None else _read(row, [])


def count_lost(tx: Transaction) -> int:
    """Count the expenses that have not ended and whose reservation planning does not have."""
    query = sa.select(sa.func.count()).where(
        _one.budget_state == BudgetState.LOST, _one.state.not_in(sorted(ENDED))
    )
    return tx.execute(query).scalar_one()


def add_evaluation(tx: Transaction, expense_id: str, one: Evaluation) -> None:
    """Store what an expense brought."""
    tx.execute(
        sa.insert(expense_evaluation).values(
            expense_id=expense_id,
            before_start=one.before.start,
            before_end=one.before.end,
            after_start=one.after.start,
            after_end=one.after.end,
            sales_before_minor=one.sales_before.amount_minor,
            sales_after_minor=one.sales_after.amount_minor,
            currency_code=one.spent.currency_code,
            opinion=one.opinion,
            evaluated_by=one.evaluated_by,
            evaluate_time=one.at,
        )
    )


def evaluation(tx: Transaction, one: Expense) -> Evaluation | None:
    """Return what an expense brought; None before it is evaluated."""
    query = sa.select(*expense_evaluation.c).where(
        expense_evaluation.c.expense_id == one.expense_id
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        return None
    return Evaluation(
        before=DateRange(row.before_start, row.before_end),
        after=DateRange(row.after_start, row.after_end),
        sales_before=Money(row.currency_code, row.sales_before_minor),
        sales_after=Money(row.currency_code, row.sales_after_minor),
        spent=one.spent,
        opinion=row.opinion,
        evaluated_by=row.evaluated_by,
        at=row.evaluate_time,
    )


def note_successes(
    tx: Transaction, accepted: Iterable[tuple[str, str, datetime]], *, zone: tzinfo
) -> None:
    """Keep accepted offers with their units and days, in one statement; each counts once."""
    rows = sorted((offer_id, unit_id, local_date(at, zone)) for offer_id, unit_id, at in accepted)
    if rows:
        values = {
            "offer_ids": arrays.texts(offer_id for offer_id, _, _ in rows),
            "unit_ids": arrays.texts(unit_id for _, unit_id, _ in rows),
            "days": arrays.plain(day for _, _, day in rows),
        }
        run(tx, NOTE, values)


def successes(
    tx: Transaction, units: sa.ScalarSelect[str] | None, *, start: date, end: date
) -> int:
    """Count the accepted offers of units from one day up to and without another."""
    query = sa.select(sa.func.count()).where(_success.day >= start, _success.day < end)
    if units is not None:
        query = query.where(_success.unit_id.in_(units))
    return int(tx.execute(query).scalar_one())


def _add_approval(tx: Transaction, one: Expense, place: int) -> None:
    approval = one.approvals[place - 1]
    tx.execute(
        sa.insert(expense_approval).values(
            expense_id=one.expense_id,
            place=place,
            approved_by=approval.approved_by,
            role=approval.role,
            note=approval.note,
            approve_time=approval.at,
        )
    )


def _approvals(tx: Transaction, expense_ids: list[str]) -> dict[str, list[Approval]]:
    query = (
        sa.select(*_approval)
        .where(_approval.expense_id.in_(expense_ids))
        .order_by(_approval.expense_id, _approval.place)
    )
    found: dict[str, list[Approval]] = {}
    for row in tx.execute(query):
        one = Approval(row.approved_by, row.role, row.note, row.approve_time)
        found.setdefault(row.expense_id, []).append(one)
    return found


def _changing(one: Expense) -> dict[str, Any]:
    return {
        "state": one.state,
        "spent_minor": one.spent.amount_minor,
        "budget_state": one.budget_state,
        "budget_wanted": one.budget_wanted,
        "spend_date": one.spend_date,
        "pay_date": one.pay_date,
        # What the budget is asked for later belongs to the trace of who wanted it.
        "traceparent": telemetry.traceparent(),
    }


def _read(row: Any, approvals: list[Approval]) -> Expense:
    return Expense(
        expense_id=row.expense_id,
        unit_id=row.unit_id,
        expense_type=row.expense_type,
        book=Book(row.book),
        purpose=row.purpose,
        payee=row.payee,
        attachments=tuple(row.attachments),
        budget_line_id=row.budget_line_id,
        reservation_id=row.reservation_id,
        amount=Money(row.currency_code, row.amount_minor),
        spent=Money(row.currency_code, row.spent_minor),
        state=State(row.state),
        process_id=row.process_id,
        approvals_needed=row.approvals_needed,
        requested_by=row.requested_by,
        request_time=row.request_time,
        budget_state=BudgetState(row.budget_state),
        budget_wanted=BudgetState(row.budget_wanted),
        approvals=tuple(approvals),
        spend_date=row.spend_date,
        pay_date=row.pay_date,
        sequence=row.sequence,
        traceparent=row.traceparent,
    )
