"""What other services told of orders, by copy."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from channels.timeline.domain import Entry, Kind, RebatePaid, Told
from chassis import arrays
from chassis.database import Transaction, run
from chassis.money import Money

TABLES = sa.MetaData()

order_fact_copy = sa.Table(
    "order_fact_copy",
    TABLES,
    sa.Column("order_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("event_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("occur_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3)),
    sa.Column("amount_minor", sa.BigInteger),
)

rebate_paid_copy = sa.Table(
    "rebate_paid_copy",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("occur_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("payment_id", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
)

# A fact that is told twice is kept once.
ADD_ALL = """
INSERT INTO order_fact_copy (order_id, event_id, kind, occur_time, source, reference,
  currency_code, amount_minor)
SELECT *
FROM unnest(%(order_ids)s::uuid[], %(event_ids)s::uuid[], %(kinds)s::text[],
    %(occur_times)s::timestamptz[], %(sources)s::text[], %(references)s::text[],
    %(currency_codes)s::text[], %(amounts_minor)s::bigint[])
ON CONFLICT DO NOTHING
"""


def add_all(tx: Transaction, told: Sequence[Told]) -> None:
    """Keep what was told of orders."""
    entries = [one.entry for one in told]
    amounts = [entry.amount for entry in entries]
    run(
        tx,
        ADD_ALL,
        {
            "order_ids": arrays.plain(one.order_id for one in told),
            "event_ids": arrays.plain(one.event_id for one in told),
            "kinds": arrays.plain(entry.kind for entry in entries),
            "occur_times": arrays.plain(entry.occur_time for entry in entries),
            "sources": arrays.texts(entry.actor for entry in entries),
            "references": arrays.texts(entry.reference for entry in entries),
            "currency_codes": arrays.plain(
                None if amount is None else amount.currency_code for amount in amounts
            ),
            "amounts_minor": arrays.plain(
                None if amount is None else amount.amount_minor for amount in amounts
            ),
        },
    )


def of_order(tx: Transaction, order_id: str) -> list[Entry]:
    """Return what was told of an order, the oldest first."""
    query = (
        sa.select(order_fact_copy)
        .where(order_fact_copy.c.order_id == order_id)
        .order_by(order_fact_copy.c.occur_time, order_fact_copy.c.event_id)
    )
    return [
        Entry(
            row.occur_time,
            Kind(row.kind),
            row.source,
            reference=row.reference,
            amount=None
            if row.currency_code is None
            else Money(row.currency_code, row.amount_minor),
        )
        for row in tx.execute(query)
    ]


def add_rebate(tx: Transaction, paid: RebatePaid) -> None:
    """Keep what was told of a partner's rebate."""
    amount = paid.entry.amount
    assert amount is not None, "a rebate is an amount"
    draft = insert(rebate_paid_copy).values(
        partner_id=paid.partner_id,
        event_id=paid.event_id,
        year=paid.year,
        occur_time=paid.entry.occur_time,
        source=paid.entry.actor,
        payment_id=paid.entry.reference,
        currency_code=amount.currency_code,
        amount_minor=amount.amount_minor,
    )
    tx.execute(draft.on_conflict_do_nothing())


def rebates(tx: Transaction, partner_id: str, years: Collection[int]) -> list[Entry]:
    """Return what a partner was paid as rebate of some years."""
    query = (
        sa.select(rebate_paid_copy)
        .where(
            rebate_paid_copy.c.partner_id == partner_id,
            rebate_paid_copy.c.year.in_(sorted(years)),
        )
        .order_by(rebate_paid_copy.c.occur_time, rebate_paid_copy.c.event_id)
    )
    return [
        Entry(
            row.occur_time,
            Kind.REBATE_PAID,
            row.source,
            reference=row.payment_id,
            amount=Money(row.currency_code, row.amount_minor),
        )
        for row in tx.execute(query)
    ]
