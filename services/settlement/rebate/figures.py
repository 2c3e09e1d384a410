"""What is read of rebate for people: sums, accruals, corrections and payments."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from settlement.rebate.domain import BaseEntry
from settlement.rebate.run import Payout
from settlement.rebate.statement import (
    AccrualLine,
    Correction,
    Known,
    Offset,
    Payment,
    Sums,
)
from settlement.rebate.storage import (
    entry_of,
    rebate_accrual,
    rebate_adjustment,
    rebate_agreement_copy,
    rebate_base,
    rebate_offset,
    rebate_partner_copy,
    rebate_payment,
    rebate_run,
)

SUMS = """
SELECT coalesce(sum(amount_minor) FILTER (WHERE kind = 'PURCHASE'), 0)::bigint,
  coalesce(sum(amount_minor) FILTER (WHERE kind = 'RETURN'), 0)::bigint,
  (coalesce(sum(amount_minor) FILTER (WHERE kind = 'EXCLUSION'), 0)
    - coalesce(sum(amount_minor) FILTER (WHERE kind = 'READMISSION'), 0))::bigint
FROM rebate_base
WHERE year = %(year)s AND currency_code = %(currency_code)s
"""
SUMS_OF = f"{SUMS} AND partner_id = %(partner_id)s"
SUMS_BELOW = f"{SUMS} AND unit_id = ANY(%(units)s::text[])"
# An adjustment has no unit of its own: it belongs to the line that it corrects.
COST = """
SELECT coalesce(sum(delta_minor), 0)::bigint, count(DISTINCT partner_id)
FROM (
  SELECT partner_id, delta_minor FROM rebate_accrual
  WHERE year = %(year)s AND currency_code = %(currency_code)s
    AND unit_id = ANY(%(units)s::text[])
  UNION ALL
  SELECT a.partner_id, a.delta_minor FROM rebate_adjustment AS a
  JOIN rebate_settled AS s USING (year, partner_id, currency_code)
  JOIN rebate_line AS l USING (run_id, revision, partner_id, currency_code)
  WHERE a.year = %(year)s AND a.currency_code = %(currency_code)s
    AND l.unit_id = ANY(%(units)s::text[])
) AS moved
"""
PAID = """
SELECT coalesce(sum(p.amount_minor), 0)::bigint
FROM rebate_payment AS p
JOIN rebate_run AS r USING (run_id)
JOIN rebate_line AS l ON l.run_id = p.run_id AND l.revision = r.revision
  AND l.partner_id = p.partner_id AND l.currency_code = p.currency_code
WHERE r.year = %(year)s AND p.currency_code = %(currency_code)s
  AND l.unit_id = ANY(%(units)s::text[])
"""


def sums_of(tx: Transaction, *, partner_id: str, year: int, currency_code: str) -> Sums:
    """Sum a partner's base."""
    values = {"partner_id": partner_id, "year": year, "currency_code": currency_code}
    [row] = run(tx, SUMS_OF, values)
    return Sums(*row)


def sums_below(tx: Transaction, *, year: int, units: Collection[str], currency_code: str) -> Sums:
    """Sum the base of all partners of some units."""
    [row] = run(tx, SUMS_BELOW, _of_units(year, units, currency_code))
    return Sums(*row)


def cost(
    tx: Transaction, *, year: int, units: Collection[str], currency_code: str
) -> tuple[int, int]:
    """Return what rebate on a year has cost some units so far, and on how many partners."""
    [(cost_minor, partners)] = run(tx, COST, _of_units(year, units, currency_code))
    return cost_minor, partners


def paid(tx: Transaction, *, year: int, units: Collection[str], currency_code: str) -> int:
    """Return what the runs of a year paid to partners of some units."""
    [(paid_minor,)] = run(tx, PAID, _of_units(year, units, currency_code))
    return int(paid_minor)


def partner(tx: Transaction, *, partner_id: str, year: int) -> Known:
    """Return what is known of a partner in a year."""
    grade = tx.execute(
        sa.select(rebate_partner_copy.c.credit_grade).where(
            rebate_partner_copy.c.partner_id == partner_id
        )
    ).scalar_one_or_none()
    own = rebate_agreement_copy.c
    agreed = tx.execute(
        sa.select(*own).where(own.partner_id == partner_id, own.year == year)
    ).one_or_none()
    if agreed is None:
        return Known(grade or "", "", None)
    minor = agreed.target_minor
    target = None if minor is None else Money(agreed.currency_code, minor)
    return Known(grade or "", agreed.policy_scope, target)


def base_page(tx: Transaction, part: Page, *, partner_id: str, year: int) -> Slice[BaseEntry]:
    """Return a page of a partner's base, by entry."""
    own = rebate_base.c
    query = sa.select(*own).where(own.partner_id == partner_id, own.year == year)
    rows = tx.execute(keyset(query, part, [own.entry_id]))
    return part.slice(map(entry_of, rows), key=lambda one: [one.entry_id])


def accruals(tx: Transaction, *, partner_id: str, year: int) -> list[AccrualLine]:
    """Return what was accrued for a partner's year, in the order of the days."""
    own = rebate_accrual.c
    query = (
        sa.select(*own)
        .where(own.partner_id == partner_id, own.year == year)
        .order_by(own.post_date, own.period, own.currency_code)
    )
    return [
        AccrualLine(
            row.period,
            row.base_minor,
            row.rebate_minor,
            row.delta_minor,
            row.transfer_id,
            row.post_date,
        )
        for row in tx.execute(query)
    ]


def corrections(tx: Transaction, *, partner_id: str, year: int) -> list[Correction]:
    """Return what was corrected of a partner's year, in the order in which it was."""
    own = rebate_adjustment.c
    query = (
        sa.select(*own).where(own.partner_id == partner_id, own.year == year).order_by(own.sequence)
    )
    return [
        Correction(row.adjustment_id, row.base_minor, row.rebate_minor, row.delta_minor, row.day)
        for row in tx.execute(query)
    ]


def payments(tx: Transaction, *, partner_id: str, year: int) -> list[Payment]:
    """Return what a partner was paid for a year."""
    own = rebate_payment.c
    query = (
        sa.select(*own)
        .join(rebate_run, rebate_run.c.run_id == own.run_id)
        .where(own.partner_id == partner_id, rebate_run.c.year == year)
        .order_by(own.pay_date, own.payment_id)
    )
    return [_payment(row) for row in tx.execute(query)]


def offsets(tx: Transaction, *, partner_id: str, year: int, currency_code: str) -> list[Offset]:
    """Return what payments settled of a partner's year across years, in their order."""
    own = rebate_offset.c
    query = (
        sa.select(own.payment_id, own.delta_minor)
        .where(own.partner_id == partner_id, own.year == year, own.currency_code == currency_code)
        .order_by(own.payment_id)
    )
    return [Offset(row.payment_id, row.delta_minor) for row in tx.execute(query)]


def _payment(row: Any) -> Payment:
    return Payment(
        row.payment_id,
        row.run_id,
        Money(row.currency_code, row.amount_minor),
        Payout(row.payout),
        row.pay_date,
    )


def _of_units(year: int, units: Collection[str], currency_code: str) -> dict[str, object]:
    return {"year": year, "units": arrays.texts(units), "currency_code": currency_code}
