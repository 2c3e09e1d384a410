"""The day of a front line: its opportunities, what of them succeeded, and what that earned."""

from collections import Counter
from collections.abc import Iterable
from datetime import date, datetime, tzinfo

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction, run
from chassis.money import Money
from chassis.period import local_date
from settlement.commission.domain import CommissionDay
from settlement.commission.storage import TABLES, commission_entry

# How many offers the customers of a partner were shown on a day, by fact of crm.
opportunity_day = sa.Table(
    "opportunity_day",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("shown_count", sa.BigInteger, nullable=False),
)

_entry = commission_entry.c

COUNT = """
INSERT INTO opportunity_day (partner_id, day, shown_count)
SELECT * FROM unnest(%(partner_ids)s::text[], %(days)s::date[], %(counts)s::bigint[])
ON CONFLICT (partner_id, day)
DO UPDATE SET shown_count = opportunity_day.shown_count + excluded.shown_count
"""


def count(tx: Transaction, shown: Iterable[tuple[str, datetime]], *, zone: tzinfo) -> None:
    """Count opportunities by partner and day; the company's own touchpoints have no partner."""
    counted = Counter((partner, local_date(at, zone)) for partner, at in shown if partner)
    if not counted:
        return
    keys = sorted(counted)
    values = {
        "partner_ids": arrays.texts(partner_id for partner_id, _ in keys),
        "days": arrays.plain(day for _, day in keys),
        "counts": arrays.plain(counted[key] for key in keys),
    }
    run(tx, COUNT, values)


def read(tx: Transaction, *, partner_id: str, day: date, currency_code: str) -> CommissionDay:
    """Read a day: the offers that still stand and what they earned.

    Source: R-120.
    """
    shown = sa.select(opportunity_day.c.shown_count).where(
        opportunity_day.c.partner_id == partner_id, opportunity_day.c.day == day
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
        opportunity_count=tx.execute(shown).scalar_one_or_none() or 0,
        success_count=len(rows),
        amount=Money(currency_code, sum(row.minor for row in rows)),
        offer_ids=tuple(sorted({row.offer_id for row in rows})),
    )
