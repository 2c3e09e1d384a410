"""What was taken back of commission, as rows; use cases of commission alone use it."""

from collections.abc import Sequence

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction, run
from settlement.commission.domain import Entry, Reversal
from settlement.commission.storage import TABLES

commission_reversal = sa.Table(
    "commission_reversal",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("reversal_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("entry_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("event_kind", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("source_id", sa.Text, nullable=False),
    sa.Column("reverse_date", sa.Date, nullable=False),
    sa.Column("late", sa.Boolean, nullable=False),
    sa.Column("after_payment", sa.Boolean, nullable=False),
    sa.Column("statement_id", sa.Uuid(as_uuid=False)),
    sa.Column("netted_payment_id", sa.Uuid(as_uuid=False)),
)

_back = commission_reversal.c

SAVE_TAKEN_BACK = """
UPDATE commission_entry AS e
SET state = part.state, reversed_minor = part.reversed_minor, reverse_date = part.reverse_date,
  returned_minor = part.returned_minor, returned_quantity = part.returned_quantity
FROM unnest(%(entry_ids)s::uuid[], %(states)s::text[], %(reversed_minor)s::bigint[],
  %(reverse_dates)s::date[], %(returned_minor)s::bigint[], %(returned_quantities)s::bigint[])
  AS part (entry_id, state, reversed_minor, reverse_date, returned_minor, returned_quantity)
WHERE e.entry_id = part.entry_id
"""
ADD_REVERSALS = """
INSERT INTO commission_reversal (reversal_id, entry_id, partner_id, event_kind, product_id,
  amount_minor, currency_code, cause, source_id, reverse_date, late, after_payment)
SELECT * FROM unnest(%(reversal_ids)s::uuid[], %(entry_ids)s::uuid[], %(partner_ids)s::text[],
  %(event_kinds)s::text[], %(product_ids)s::text[], %(amounts_minor)s::bigint[],
  %(currency_codes)s::text[], %(causes)s::text[], %(source_ids)s::text[],
  %(reverse_dates)s::date[], %(lates)s::boolean[], %(after_payments)s::boolean[])
"""


def save_taken_back(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Store how much of some entries came back and was taken back."""
    if not entries:
        return
    run(
        tx,
        SAVE_TAKEN_BACK,
        {
            "entry_ids": arrays.plain(one.entry_id for one in entries),
            "states": arrays.plain(one.state for one in entries),
            "reversed_minor": arrays.plain(one.reversed_minor for one in entries),
            "reverse_dates": arrays.plain(one.reverse_date for one in entries),
            "returned_minor": arrays.plain(one.returned.amount_minor for one in entries),
            "returned_quantities": arrays.plain(one.returned.quantity for one in entries),
        },
    )


def add_reversals(tx: Transaction, new: Sequence[Reversal]) -> None:
    """Store what was taken back, in its order."""
    if not new:
        return
    run(
        tx,
        ADD_REVERSALS,
        {
            "reversal_ids": arrays.plain(one.reversal_id for one in new),
            "entry_ids": arrays.plain(one.entry.entry_id for one in new),
            "partner_ids": arrays.texts(one.entry.partner_id for one in new),
            "event_kinds": arrays.texts(one.entry.earning.rate.event_kind for one in new),
            "product_ids": arrays.texts(one.entry.earning.product_id for one in new),
            "amounts_minor": arrays.plain(one.amount.amount_minor for one in new),
            "currency_codes": arrays.plain(one.amount.currency_code for one in new),
            "causes": arrays.plain(one.cause for one in new),
            "source_ids": arrays.texts(one.source_id for one in new),
            "reverse_dates": arrays.plain(one.reverse_date for one in new),
            "lates": arrays.plain(one.late for one in new),
            "after_payments": arrays.plain(one.after_payment for one in new),
        },
    )


def net(tx: Transaction, partner_id: str, currency_code: str, *, payment_id: str) -> int:
    """Let a payment take off all that was taken back after earlier ones, and return how much that
    is in minor units."""
    rows = tx.execute(
        sa.update(commission_reversal)
        .where(
            _back.partner_id == partner_id,
            _back.currency_code == currency_code,
            _back.after_payment,
            _back.netted_payment_id.is_(None),
        )
        .values(netted_payment_id=payment_id)
        .returning(_back.amount_minor)
    )
    return sum(row.amount_minor for row in rows)
