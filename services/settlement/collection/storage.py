"""The tables of reminders and of collection targets."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from chassis import upsert
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.period import Month
from settlement.collection.domain import Notice, Target

TABLES = sa.MetaData()

dunning_notice = sa.Table(
    "dunning_notice",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("notice_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("invoice_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("level", sa.Integer, nullable=False),
    sa.Column("overdue_days", sa.Integer, nullable=False),
    sa.Column("open_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("notice_date", sa.Date, nullable=False),
    sa.UniqueConstraint("invoice_id", "level"),
)

collection_target = sa.Table(
    "collection_target",
    TABLES,
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("currency_code", sa.CHAR(3), primary_key=True),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("set_by", sa.Text, nullable=False),
    sa.Column("set_time", sa.DateTime(timezone=True), nullable=False),
)


def add_notices(tx: Transaction, new: Sequence[Notice]) -> None:
    """Store reminders, in their order."""
    tx.execute(
        sa.insert(dunning_notice),
        [
            {
                "notice_id": one.notice_id,
                "invoice_id": one.invoice_id,
                "order_id": one.order_id,
                "partner_id": one.partner_id,
                "unit_id": one.unit_id,
                "level": one.level,
                "overdue_days": one.overdue_days,
                "open_minor": one.open_amount.amount_minor,
                "currency_code": one.open_amount.currency_code,
                "notice_date": one.notice_date,
            }
            for one in new
        ],
    )


def notices(
    tx: Transaction, part: Page, *, partner_id: str, units: sa.ScalarSelect[str] | None
) -> Slice[Notice]:
    """Return a page of reminders, in the order in which they were made."""
    query = sa.select(*dunning_notice.c)
    if units is not None:
        query = query.where(dunning_notice.c.unit_id.in_(units))
    if partner_id:
        query = query.where(dunning_notice.c.partner_id == partner_id)
    found = [
        Notice(
            notice_id=row.notice_id,
            invoice_id=row.invoice_id,
            order_id=row.order_id,
            partner_id=row.partner_id,
            unit_id=row.unit_id,
            level=row.level,
            overdue_days=row.overdue_days,
            open_amount=Money(row.currency_code, row.open_minor),
            notice_date=row.notice_date,
            sequence=row.sequence,
        )
        for row in tx.execute(keyset(query, part, [dunning_notice.c.sequence]))
    ]
    return part.slice(found, key=lambda one: [one.sequence])


def save_target(tx: Transaction, target: Target, *, by: str, at: datetime) -> None:
    """Store a target, in the place of the one before."""
    row = {
        "unit_id": target.unit_id,
        "month": str(target.month),
        "currency_code": target.amount.currency_code,
        "amount_minor": target.amount.amount_minor,
        "set_by": by,
        "set_time": at,
    }
    upsert.put(tx, collection_target, row)


def targets(
    tx: Transaction, unit_id: str, *, months: Sequence[Month], currency_code: str
) -> dict[str, int]:
    """Return a unit's targets by month, in minor units; months without one are missing."""
    c = collection_target.c
    query = sa.select(c.month, c.amount_minor).where(
        c.unit_id == unit_id,
        c.currency_code == currency_code,
        c.month >= str(months[0]),
        c.month <= str(months[-1]),
    )
    return {month: minor for month, minor in tx.execute(query)}
