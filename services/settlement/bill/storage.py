"""The table of bills."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from settlement.bill.domain import Bill, BillNotFound, State, Wanted

TABLES = sa.MetaData()

bill = sa.Table(
    "bill",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("bill_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("bill_number", sa.Text, nullable=False),
    sa.Column("drawer", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("receive_date", sa.Date, nullable=False),
    sa.Column("due_date", sa.Date, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("settle_date", sa.Date),
    sa.Column("receipt_id", sa.Uuid(as_uuid=False)),
    sa.Column("note", sa.Text, nullable=False),
    sa.UniqueConstraint("partner_id", "bill_number"),
)


def add(tx: Transaction, new: Bill) -> bool:
    """Store a new bill, and tell whether its number was free."""
    statement = (
        insert(bill)
        .values(
            bill_id=new.bill_id,
            partner_id=new.partner_id,
            unit_id=new.unit_id,
            bill_number=new.bill_number,
            drawer=new.drawer,
            amount_minor=new.amount.amount_minor,
            currency_code=new.amount.currency_code,
            receive_date=new.receive_date,
            due_date=new.due_date,
            state=new.state,
            note=new.note,
        )
        .on_conflict_do_nothing()
        .returning(bill.c.bill_id)
    )
    return tx.execute(statement).one_or_none() is not None


def get(tx: Transaction, bill_id: str, *, lock: bool = False) -> Bill:
    """Return a bill; whoever locks it has locked its partner's credit before.

    Errors: BillNotFound.
    """
    query = sa.select(*bill.c).where(bill.c.bill_id == bill_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise BillNotFound(bill_id)
    return _bill(row)


def save(tx: Transaction, changed: Bill) -> None:
    """Store what has become of a bill."""
    tx.execute(
        sa.update(bill)
        .where(bill.c.bill_id == changed.bill_id)
        .values(
            state=changed.state,
            settle_date=changed.settle_date,
            receipt_id=changed.receipt_id,
            note=changed.note,
        )
    )


def page(
    tx: Transaction, part: Page, wanted: Wanted, *, units: sa.ScalarSelect[str] | None
) -> Slice[Bill]:
    """Return a page of bills, in the order in which they were recorded."""
    query = sa.select(*bill.c)
    if units is not None:
        query = query.where(bill.c.unit_id.in_(units))
    if wanted.partner_id:
        query = query.where(bill.c.partner_id == wanted.partner_id)
    if wanted.state is not None:
        query = query.where(bill.c.state == wanted.state)
    rows = tx.execute(keyset(query, part, [bill.c.sequence])).all()
    return part.slice([_bill(row) for row in rows], key=lambda one: [one.sequence])


def pending(tx: Transaction, partner_id: str, currency_code: str) -> Money:
    """Sum the pending bills of a partner in a currency."""
    query = sa.select(sa.func.coalesce(sa.func.sum(bill.c.amount_minor), 0)).where(
        bill.c.partner_id == partner_id,
        bill.c.currency_code == currency_code,
        bill.c.state == State.PENDING,
    )
    return Money(currency_code, int(tx.execute(query).scalar_one()))


def _bill(row: Any) -> Bill:
    return Bill(
        bill_id=row.bill_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        bill_number=row.bill_number,
        drawer=row.drawer,
        amount=Money(row.currency_code, row.amount_minor),
        receive_date=row.receive_date,
        due_date=row.due_date,
        state=State(row.state),
        settle_date=row.settle_date,
        receipt_id=row.receipt_id,
        note=row.note,
        sequence=row.sequence,
    )
