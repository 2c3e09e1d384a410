"""The tables of invoices and receipts."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis import arrays
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from settlement.receivable.domain import (
    Allocation,
    Delivery,
    Invoice,
    InvoiceNotFound,
    Line,
    PickupState,
    Receipt,
    ReceiptKind,
    State,
    Wanted,
)
from settlement.receivable.hand import ReceiptNotFound

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
    sa.Column("credited_minor", sa.BigInteger, nullable=False),
    sa.Column("pickup_state", sa.Text, nullable=False),
    sa.Column("pickup_date", sa.Date),
    sa.Column("dunning_level", sa.Integer, nullable=False),
)

invoice_line = sa.Table(
    "invoice_line",
    TABLES,
    sa.Column("invoice_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("line_number", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("credited_quantity", sa.BigInteger, nullable=False),
    sa.Column("credited_minor", sa.BigInteger, nullable=False),
    sa.Column("picked_quantity", sa.BigInteger, nullable=False),
    sa.Column("kept_back_quantity", sa.BigInteger, nullable=False),
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
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("by_hand", sa.Boolean, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
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
    sa.Column("returned_minor", sa.BigInteger, nullable=False),
    sa.Column("match_date", sa.Date),
)

# Allocations before receipts, as whoever matches does; the partner's credit is locked before both.
GIVE_BACK = """
WITH back AS (
  UPDATE receipt_allocation AS a SET returned_minor = a.returned_minor + part.amount_minor,
    undone = a.returned_minor + part.amount_minor = a.amount_minor
  FROM unnest(%(allocation_ids)s::uuid[], %(amounts_minor)s::bigint[])
    AS part (allocation_id, amount_minor)
  WHERE a.allocation_id = part.allocation_id
  RETURNING a.receipt_id, part.amount_minor
)
UPDATE receipt AS r SET unallocated_minor = r.unallocated_minor + s.amount_minor
FROM (SELECT receipt_id, sum(amount_minor)::bigint AS amount_minor FROM back GROUP BY 1) AS s
WHERE r.receipt_id = s.receipt_id
"""


def get(tx: Transaction, invoice_id: str, *, lock: bool = False) -> Invoice:
    """Return an invoice; whoever locks it has locked its partner's credit before.

    Errors: InvoiceNotFound.
    """
    query = sa.select(*invoice.c).where(invoice.c.invoice_id == invoice_id)
    found = _invoices(tx, query.with_for_update() if lock else query)
    if not found:
        raise InvoiceNotFound(invoice_id)
    return found[0]


def of_order(tx: Transaction, order_id: str) -> Invoice | None:
    """Lock and return the invoice of an order, or None."""
    query = sa.select(*invoice.c).where(invoice.c.order_id == order_id).with_for_update()
    return next(iter(_invoices(tx, query)), None)


def open_invoices(tx: Transaction, partner_ids: Collection[str]) -> list[Invoice]:
    """Lock and return the invoices that partners have still to pay, the oldest first; without those
    whose settlement waits for the last pick-up."""
    query = (
        sa.select(*invoice.c)
        .where(
            invoice.c.partner_id.in_(sorted(partner_ids)),
            invoice.c.state.in_([State.ISSUED, State.PARTIALLY_PAID]),
            invoice.c.pickup_state != PickupState.OPEN,
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
            credited_minor=changed.credited_minor,
            pickup_state=changed.pickup_state,
            pickup_date=changed.pickup_date,
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
            unit_id=new.unit_id,
            by_hand=new.by_hand,
            kind=new.kind,
        )
        .on_conflict_do_nothing()
        .returning(receipt.c.receipt_id)
    )
    return tx.execute(statement).one_or_none() is not None


def receipt_of(tx: Transaction, receipt_id: str) -> Receipt:
    """Return a receipt as it is now, without locking it.

    Errors: ReceiptNotFound.
    """
    found = tx.execute(
        sa.select(*receipt.c).where(receipt.c.receipt_id == receipt_id)
    ).one_or_none()
    if found is None:
        raise ReceiptNotFound(receipt_id)
    return _receipt(found)


def receipt_page(
    tx: Transaction,
    part: Page,
    *,
    partner_id: str,
    unallocated: bool,
    units: sa.ScalarSelect[str] | None,
) -> Slice[Receipt]:
    """Return a page of receipts, in the order in which they came."""
    query = sa.select(*receipt.c)
    if units is not None:
        query = query.where(receipt.c.unit_id.in_(units))
    if partner_id:
        query = query.where(receipt.c.partner_id == partner_id)
    if unallocated:
        query = query.where(receipt.c.unallocated_minor > 0)
    rows = tx.execute(keyset(query, part, [receipt.c.sequence])).all()
    return part.slice([_receipt(row) for row in rows], key=lambda one: [one.sequence])


def receipts(tx: Transaction, receipt_ids: Sequence[str]) -> list[Receipt]:
    """Lock and return receipts, the oldest first."""
    return _receipts(tx, receipt.c.receipt_id.in_(sorted(set(receipt_ids))))


def allocations(tx: Transaction, invoice_id: str, currency_code: str) -> list[Allocation]:
    """Return what pays an invoice now, in the order in which it came; the invoice is locked."""
    c = receipt_allocation.c
    rows = tx.execute(
        sa.select(
            c.allocation_id,
            c.receipt_id,
            c.invoice_id,
            (c.amount_minor - c.returned_minor).label("left_minor"),
        )
        .where(c.invoice_id == invoice_id, c.undone.is_(False))
        .order_by(c.allocation_id)
    )
    return [
        Allocation(
            row.receipt_id, row.invoice_id, Money(currency_code, row.left_minor), row.allocation_id
        )
        for row in rows
    ]


def give_back(tx: Transaction, parts: Sequence[Allocation]) -> None:
    """Store which parts of allocations, and so of their receipts, go back to the partner."""
    values = {
        "allocation_ids": arrays.plain(one.allocation_id for one in parts),
        "amounts_minor": arrays.plain(one.amount.amount_minor for one in parts),
    }
    run(tx, GIVE_BACK, values)


def _receipts(tx: Transaction, *conditions: sa.ColumnElement[bool]) -> list[Receipt]:
    query = sa.select(*receipt.c).where(*conditions).order_by(receipt.c.sequence).with_for_update()
    return [_receipt(row) for row in tx.execute(query)]


def _receipt(row: Any) -> Receipt:
    return Receipt(
        receipt_id=row.receipt_id,
        partner_id=row.partner_id,
        amount=Money(row.currency_code, row.amount_minor),
        unallocated=Money(row.currency_code, row.unallocated_minor),
        reference=row.reference,
        receive_date=row.receive_date,
        unit_id=row.unit_id,
        by_hand=row.by_hand,
        sequence=row.sequence,
        kind=ReceiptKind(row.kind),
    )


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
            lines[line.invoice_id].append(
                Line(
                    line.product_id,
                    line.quantity,
                    amount,
                    line.credited_quantity,
                    line.credited_minor,
                    line.picked_quantity,
                    line.kept_back_quantity,
                )
            )
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
        credited_minor=row.credited_minor,
        pickup_state=PickupState(row.pickup_state),
        pickup_date=row.pickup_date,
        dunning_level=row.dunning_level,
    )
