"""The tables of what follows an invoice: credit notes and pick-up notes; both only grow."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from settlement.receivable.credit_note import CreditedLine, CreditNote
from settlement.receivable.pickup import PickupLine, PickupNote

TABLES = sa.MetaData()

credit_note = sa.Table(
    "credit_note",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("credit_note_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("invoice_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("given_back_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("issue_date", sa.Date, nullable=False),
)

credit_note_line = sa.Table(
    "credit_note_line",
    TABLES,
    sa.Column("credit_note_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("line_number", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
)

pickup_note = sa.Table(
    "pickup_note",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("pickup_note_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("invoice_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("slip", sa.Text, nullable=False),
    sa.Column("pick_date", sa.Date, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
)

pickup_note_line = sa.Table(
    "pickup_note_line",
    TABLES,
    sa.Column("pickup_note_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("line_number", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
)

# The invoice is locked by whoever credits it or writes a note of its goods.
CREDIT_LINES = """
UPDATE invoice_line AS l SET credited_quantity = l.credited_quantity + part.quantity,
  credited_minor = l.credited_minor + part.amount_minor,
  kept_back_quantity = l.kept_back_quantity + part.kept_back
FROM unnest(%(line_numbers)s::integer[], %(quantities)s::bigint[], %(amounts_minor)s::bigint[],
  %(kept_back)s::bigint[]) AS part (line_number, quantity, amount_minor, kept_back)
WHERE l.invoice_id = %(invoice_id)s::uuid AND l.line_number = part.line_number
"""
PICK_LINES = """
UPDATE invoice_line AS l SET picked_quantity = part.quantity
FROM unnest(%(line_numbers)s::integer[], %(quantities)s::bigint[]) AS part (line_number, quantity)
WHERE l.invoice_id = %(invoice_id)s::uuid AND l.line_number = part.line_number
"""


def find_credit_note(tx: Transaction, credit_note_id: str) -> CreditNote | None:
    """Return a credit note, or None."""
    query = sa.select(*credit_note.c).where(credit_note.c.credit_note_id == credit_note_id)
    return next(iter(_credit_notes(tx, query)), None)


def add_credit_note(tx: Transaction, new: CreditNote) -> None:
    """Store a credit note, and what it takes from the invoice's lines."""
    tx.execute(
        sa.insert(credit_note).values(
            credit_note_id=new.credit_note_id,
            invoice_id=new.invoice_id,
            order_id=new.order_id,
            partner_id=new.partner_id,
            unit_id=new.unit_id,
            amount_minor=new.amount.amount_minor,
            given_back_minor=new.given_back.amount_minor,
            currency_code=new.amount.currency_code,
            reason=new.reason,
            issue_date=new.issue_date,
        )
    )
    if not new.lines:
        return
    tx.execute(
        sa.insert(credit_note_line),
        [
            {
                "credit_note_id": new.credit_note_id,
                "line_number": one.line_number,
                "product_id": one.product_id,
                "quantity": one.quantity,
                "amount_minor": one.amount.amount_minor,
            }
            for one in new.lines
        ],
    )
    run(
        tx,
        CREDIT_LINES,
        {
            "invoice_id": new.invoice_id,
            "line_numbers": arrays.plain(one.line_number for one in new.lines),
            "quantities": arrays.plain(one.quantity for one in new.lines),
            "amounts_minor": arrays.plain(one.amount.amount_minor for one in new.lines),
            "kept_back": arrays.plain(one.kept_back_quantity for one in new.lines),
        },
    )


def credit_notes(
    tx: Transaction,
    part: Page,
    *,
    units: sa.ScalarSelect[str] | None,
    partner_id: str = "",
    order_id: str = "",
) -> Slice[CreditNote]:
    """Return a page of credit notes, in the order in which they were issued; empty means all."""
    query = sa.select(*credit_note.c)
    if units is not None:
        query = query.where(credit_note.c.unit_id.in_(units))
    if partner_id:
        query = query.where(credit_note.c.partner_id == partner_id)
    if order_id:
        query = query.where(credit_note.c.order_id == order_id)
    found = _credit_notes(tx, keyset(query, part, [credit_note.c.sequence]))
    return part.slice(found, key=lambda one: [one.sequence])


def add_pickup(tx: Transaction, new: PickupNote, picked: Sequence[int]) -> None:
    """Store a pick-up note; `picked` is how much of each line of the invoice is picked up now."""
    tx.execute(
        sa.insert(pickup_note).values(
            pickup_note_id=new.pickup_note_id,
            invoice_id=new.invoice_id,
            partner_id=new.partner_id,
            unit_id=new.unit_id,
            slip=new.slip,
            pick_date=new.pick_date,
            recorded_by=new.recorded_by,
        )
    )
    tx.execute(
        sa.insert(pickup_note_line),
        [
            {
                "pickup_note_id": new.pickup_note_id,
                "line_number": number,
                "product_id": one.product_id,
                "quantity": one.quantity,
            }
            for number, one in enumerate(new.lines, 1)
        ],
    )
    run(
        tx,
        PICK_LINES,
        {
            "invoice_id": new.invoice_id,
            "line_numbers": arrays.plain(range(1, len(picked) + 1)),
            "quantities": arrays.plain(picked),
        },
    )


def pickups(tx: Transaction, part: Page, *, invoice_id: str) -> Slice[PickupNote]:
    """Return a page of the pick-up notes of an invoice, in the order in which they were written."""
    query = sa.select(*pickup_note.c).where(pickup_note.c.invoice_id == invoice_id)
    rows = tx.execute(keyset(query, part, [pickup_note.c.sequence])).all()
    lines: dict[str, list[PickupLine]] = {row.pickup_note_id: [] for row in rows}
    for line in _lines_of(tx, pickup_note_line.c.pickup_note_id, lines):
        lines[line.pickup_note_id].append(PickupLine(line.product_id, line.quantity))
    found = [
        PickupNote(
            pickup_note_id=row.pickup_note_id,
            invoice_id=row.invoice_id,
            partner_id=row.partner_id,
            unit_id=row.unit_id,
            lines=tuple(lines[row.pickup_note_id]),
            slip=row.slip,
            pick_date=row.pick_date,
            recorded_by=row.recorded_by,
            sequence=row.sequence,
        )
        for row in rows
    ]
    return part.slice(found, key=lambda one: [one.sequence])


def _lines_of(tx: Transaction, owner: sa.Column[str], lines: dict[str, Any]) -> Sequence[Any]:
    if not lines:
        return []
    table = owner.table
    query = sa.select(*table.c).where(owner.in_(sorted(lines)))
    return tx.execute(query.order_by(owner, table.c.line_number)).all()


def _credit_notes(tx: Transaction, query: sa.Select[Any]) -> list[CreditNote]:
    rows = tx.execute(query).all()
    lines: dict[str, list[CreditedLine]] = {row.credit_note_id: [] for row in rows}
    codes = {row.credit_note_id: row.currency_code for row in rows}
    for line in _lines_of(tx, credit_note_line.c.credit_note_id, lines):
        amount = Money(codes[line.credit_note_id], line.amount_minor)
        lines[line.credit_note_id].append(
            CreditedLine(line.line_number, line.product_id, line.quantity, amount)
        )
    return [
        CreditNote(
            credit_note_id=row.credit_note_id,
            invoice_id=row.invoice_id,
            order_id=row.order_id,
            partner_id=row.partner_id,
            unit_id=row.unit_id,
            lines=tuple(lines[row.credit_note_id]),
            amount=Money(row.currency_code, row.amount_minor),
            given_back=Money(row.currency_code, row.given_back_minor),
            reason=row.reason,
            issue_date=row.issue_date,
            sequence=row.sequence,
        )
        for row in rows
    ]
