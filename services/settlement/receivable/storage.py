"""The tables of invoices and receipts."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from settlement.receivable.domain import (
    Allocation,
    Delivery,
    Invoice,
    InvoiceNotFound,
    Line,
    Receipt,
    State,
    Wanted,
)

TABLES = sa.MetaData()

invoice = sa.Table(
    "invoice",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("invoice_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("order_id", sa.Text, nullable=False, unique=True),
    sa.Column("contract_number", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("open_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("issue_date", sa.Date, nullable=False),
    sa.Column("due_date", sa.Date, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("credit_note_id", sa.Uuid(as_uuid=False), unique=True),
    sa.Column("credit_date", sa.Date),
)

invoice_line = sa.Table(
    "invoice_line",
    TABLES,
    sa.Column("invoice_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("line_number", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
)

receipt = sa.Table(
    "receipt",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("receipt_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("unallocated_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("receive_date", sa.Date, nullable=False),
    sa.UniqueConstraint("partner_id", "reference"),
)

receipt_allocation = sa.Table(
    "receipt_allocation",
    TABLES,
    sa.Column("allocation_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("receipt_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("invoice_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("undone", sa.Boolean, nullable=False),
)


def get(tx: Transaction, invoice_id: str) -> Invoice:
    """Return an invoice.

    Errors: InvoiceNotFound.
    """
    found = _invoices(tx, sa.select(*invoice.c).where(invoice.c.invoice_id == invoice_id))
    if not found:
        raise InvoiceNotFound(invoice_id)
    return found[0]


def of_order(tx: Transaction, order_id: str) -> Invoice | None:
    """Lock and return the invoice of an order, or None."""
    query = sa.select(*invoice.c).where(invoice.c.order_id == order_id).with_for_update()
    return next(iter(_invoices(tx, query)), None)


def open_invoices(tx: Transaction, partner_ids: Collection[str]) -> list[Invoice]:
    """Lock and return the invoices that partners have still to pay, the oldest first."""
    query = (
        sa.select(*invoice.c)
        .where(
            invoice.c.partner_id.in_(sorted(partner_ids)),
            invoice.c.state.in_([State.ISSUED, State.PARTIALLY_PAID]),
        )
        .order_by(invoice.c.issue_date, invoice.c.sequence)
        .with_for_update()
    )
    return _invoices(tx, query)


def page(
    tx: Transaction, part: Page, wanted: Wanted, *, units: sa.ScalarSelect[str] | None
) -> Slice[Invoice]:
    """Return a page of invoices, in the order in which they were issued."""
    query = sa.select(*invoice.c)
    if units is not None:
        query = query.where(invoice.c.unit_id.in_(units))
    if wanted.partner_id:
        query = query.where(invoice.c.partner_id == wanted.partner_id)
    if wanted.order_id:
        query = query.where(invoice.c.order_id == wanted.order_id)
    if wanted.state is not None:
        query = query.where(invoice.c.state == wanted.state)
    found = _invoices(tx, keyset(query, part, [invoice.c.sequence]))
    return part.slice(found, key=lambda one: [one.sequence])


def save(tx: Transaction, changed: Invoice) -> None:
    """Store what changed of an invoice."""
    tx.execute(
        sa.update(invoice)
        .where(invoice.c.invoice_id == changed.invoice_id)
        .values(
            state=changed.state,
            open_minor=changed.open_amount.amount_minor,
            credit_note_id=changed.credit_note_id,
            credit_date=changed.credit_date,
        )
    )


def add_receipt(tx: Transaction, new: Receipt) -> bool:
    """Store a new receipt, and tell whether its reference was free."""
    statement = (
        insert(receipt)
        .values(
            receipt_id=new.receipt_id,
            partner_id=new.partner_id,
            amount_minor=new.amount.amount_minor,
            unallocated_minor=new.unallocated.amount_minor,
            currency_code=new.amount.currency_code,
            reference=new.reference,
            receive_date=new.receive_date,
        )
        .on_conflict_do_nothing()
        .returning(receipt.c.receipt_id)
    )
    return tx.execute(statement).one_or_none() is not None


def receipts(tx: Transaction, receipt_ids: Sequence[str]) -> list[Receipt]:
    """Lock and return receipts, the oldest first."""
    return _receipts(tx, receipt.c.receipt_id.in_(sorted(set(receipt_ids))))


def save_receipt(tx: Transaction, changed: Receipt) -> None:
    """Store what is left of a receipt."""
    tx.execute(
        sa.update(receipt)
        .where(receipt.c.receipt_id == changed.receipt_id)
        .values(unallocated_minor=changed.unallocated.amount_minor)
    )


def undo_allocations(tx: Transaction, invoice_id: str, currency_code: str) -> list[Allocation]:
    """Take back what was paid for an invoice, and return it in a stable order."""
    c = receipt_allocation.c
    rows = tx.execute(
        sa.update(receipt_allocation)
        .where(c.invoice_id == invoice_id, c.undone.is_(False))
        .values(undone=True)
        .returning(c.allocation_id, c.receipt_id, c.invoice_id, c.amount_minor)
    ).all()
    return [
        Allocation(
            row.receipt_id,
            row.invoice_id,
            Money(currency_code, row.amount_minor),
            row.allocation_id,
        )
        for row in sorted(rows, key=lambda row: str(row.allocation_id))
    ]


def _receipts(tx: Transaction, *conditions: sa.ColumnElement[bool]) -> list[Receipt]:
    query = sa.select(*receipt.c).where(*conditions).order_by(receipt.c.sequence).with_for_update()
    return [
        Receipt(
            receipt_id=row.receipt_id,
            partner_id=row.partner_id,
            amount=Money(row.currency_code, row.amount_minor),
            unallocated=Money(row.currency_code, row.unallocated_minor),
            reference=row.reference,
            receive_date=row.receive_date,
        )
        for row in tx.execute(query)
    ]


def _invoices(tx: Transaction, query: sa.Select[Any]) -> list[Invoice]:
    """Run a query of invoices and put the lines of all of them in with one more statement."""
    rows = tx.execute(query).all()
    lines: dict[str, list[Line]] = {row.invoice_id: [] for row in rows}
    currencies = {row.invoice_id: row.currency_code for row in rows}
    if rows:
        found = tx.execute(
            sa.select(*invoice_line.c)
            .where(invoice_line.c.invoice_id.in_(sorted(lines)))
            .order_by(invoice_line.c.invoice_id, invoice_line.c.line_number)
        )
        for line in found:
            amount = Money(currencies[line.invoice_id], line.amount_minor)
            lines[line.invoice_id].append(Line(line.product_id, line.quantity, amount))
    return [_invoice(row, lines[row.invoice_id]) for row in rows]


def _invoice(row: Any, lines: Sequence[Line]) -> Invoice:
    return Invoice(
        invoice_id=row.invoice_id,
        delivery=Delivery(
            order_id=row.order_id,
            contract_number=row.contract_number,
            partner_id=row.partner_id,
            unit_id=row.unit_id,
            campaign_id=row.campaign_id,
            lines=tuple(lines),
            total=Money(row.currency_code, row.amount_minor),
        ),
        state=State(row.state),
        open_amount=Money(row.currency_code, row.open_minor),
        issue_date=row.issue_date,
        due_date=row.due_date,
        create_time=row.create_time,
        credit_note_id=row.credit_note_id,
        credit_date=row.credit_date,
        sequence=row.sequence,
    )
