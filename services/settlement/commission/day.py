"""The day of a front line: its opportunities, what of them succeeded, and what that earned."""

from collections.abc import Iterable
from datetime import date, datetime, tzinfo

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction, run
from chassis.money import Money
from chassis.period import local_date
from settlement.commission.domain import CommissionDay
from settlement.commission.storage import TABLES, commission_entry

# The offers that customers of a partner were shown, by fact of crm; each counts once, on its first
# day.
opportunity_copy = sa.Table(
    "opportunity_copy",
    TABLES,
    sa.Column("offer_id", sa.Text, primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
)

_entry = commission_entry.c

NOTE = """
INSERT INTO opportunity_copy (offer_id, partner_id, day)
SELECT * FROM unnest(%(offer_ids)s::text[], %(partner_ids)s::text[], %(days)s::date[])
ON CONFLICT DO NOTHING
"""


def note(tx: Transaction, shown: Iterable[tuple[str, str, datetime]], *, zone: tzinfo) -> None:
    """Keep opportunities with partner and day; the company's own touchpoints have no partner."""
    rows = sorted(
        (offer_id, partner_id, local_date(at, zone))
        for offer_id, partner_id, at in shown
        if partner_id
    )
    if not rows:
        return
    values = {
        "offer_ids": arrays.texts(offer_id for offer_id, _, _ in rows),
        "partner_ids": arrays.texts(partner_id for _, partner_id, _ in rows),
        "days": arrays.plain(day for _, _, day in rows),
    }
    run(tx, NOTE, values)


def read(tx: Transaction, *, partner_id: str, day: date, currency_code: str) -> CommissionDay:
    """Read a day: the offers that still stand and what they earned.

    Source: R-120.
    """
    shown = sa.select(sa.func.count()).where(
        opportunity_copy.c.partner_id == partner_id, opportunity_copy.c.day == day
    )
    left = _entry.amount_minor - _entry.reversed_minor
    rows = tx.execute(
        sa.select(_entry.offer_id, left.label("minor")).where(
            _entry.partner_id == partner_id,
            _entry.currency_code == currency_code,
            _entry.accrue_date == day,
            _entry.offer_id != "",
            left > 0,
        )
    ).all()
    return CommissionDay(
        partner_id=partner_id,
        day=day,
        opportunity_count=int(tx.execute(shown).scalar_one()),
        success_count=len(rows),
        amount=Money(currency_code, sum(row.minor for row in rows)),
        offer_ids=tuple(sorted({row.offer_id for row in rows})),
    )
