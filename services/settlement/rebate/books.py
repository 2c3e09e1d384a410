"""What the yearly run writes of many partners: what is settled, corrected and paid."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from chassis import arrays
from chassis.database import Transaction, run
from chassis.money import Money
from settlement.rebate.batches import Accrued
from settlement.rebate.run import Line, RebateRun

FINAL_PERIOD = "final"
# Whoever was settled before, by another run, is left out; the primary key decides a race.
SETTLE = """
WITH line AS (
  SELECT partner_id, currency_code, unit_id, policy_id, credit_grade, amount_minor,
    purchases_minor - returns_minor - exclusions_minor AS base_minor
  FROM rebate_line
  WHERE run_id = %(run_id)s AND revision = %(revision)s
    AND partner_id BETWEEN %(first)s AND %(last)s
), settled AS (
  INSERT INTO rebate_settled (year, partner_id, currency_code, run_id, revision, amount_minor)
  SELECT %(year)s, partner_id, currency_code, %(run_id)s::uuid, %(revision)s, amount_minor
  FROM line ORDER BY partner_id, currency_code
  ON CONFLICT DO NOTHING
  RETURNING partner_id, currency_code
), before AS (
  SELECT partner_id, currency_code, sum(delta_minor)::bigint AS accrued_minor
  FROM rebate_accrual
  WHERE year = %(year)s AND partner_id BETWEEN %(first)s AND %(last)s
  GROUP BY partner_id, currency_code
), own AS (
  SELECT line.*, amount_minor - coalesce(accrued_minor, 0) AS delta_minor
  FROM line JOIN settled USING (partner_id, currency_code)
  LEFT JOIN before USING (partner_id, currency_code)
), trued AS (
  INSERT INTO rebate_accrual (year, partner_id, period, unit_id, currency_code, policy_id,
    credit_grade, base_minor, rebate_minor, delta_minor, transfer_id, post_date)
  SELECT %(year)s, partner_id, %(period)s, unit_id, currency_code, policy_id, credit_grade,
    base_minor, amount_minor, delta_minor, uuidv7(), %(on)s
  FROM own WHERE delta_minor <> 0
  RETURNING partner_id, currency_code, transfer_id, delta_minor
)
SELECT own.partner_id, own.unit_id, own.currency_code, own.base_minor, own.amount_minor,
  uuidv7()::text, trued.transfer_id::text, trued.delta_minor
FROM own LEFT JOIN trued USING (partner_id, currency_code)
ORDER BY own.partner_id, own.currency_code
"""
# A payment leaves nothing open of any year: what is owed back of one is taken off another.
PAY = """
WITH own AS (
  SELECT s.partner_id, s.currency_code, l.unit_id
  FROM rebate_settled AS s
  JOIN rebate_line AS l USING (run_id, revision, partner_id, currency_code)
  WHERE s.run_id = %(run_id)s AND s.year = %(year)s
    AND s.partner_id BETWEEN %(first)s AND %(last)s
), moved AS (
  SELECT year, partner_id, currency_code, amount_minor FROM rebate_settled
  WHERE partner_id BETWEEN %(first)s AND %(last)s
  UNION ALL SELECT year, partner_id, currency_code, delta_minor FROM rebate_adjustment
  WHERE partner_id BETWEEN %(first)s AND %(last)s
  UNION ALL SELECT year, partner_id, currency_code, delta_minor FROM rebate_offset
  WHERE partner_id BETWEEN %(first)s AND %(last)s
  UNION ALL SELECT r.year, p.partner_id, p.currency_code, -p.amount_minor
  FROM rebate_payment AS p JOIN rebate_run AS r USING (run_id)
  WHERE p.partner_id BETWEEN %(first)s AND %(last)s
), open AS (
  SELECT year, partner_id, currency_code, sum(amount_minor)::bigint AS open_minor
  FROM moved GROUP BY year, partner_id, currency_code
), owed AS (
  SELECT partner_id, currency_code, sum(open_minor)::bigint AS amount_minor
  FROM open GROUP BY partner_id, currency_code
), paid AS (
  INSERT INTO rebate_payment (payment_id, run_id, partner_id, currency_code, amount_minor, payout,
    pay_date)
  SELECT uuidv7(), %(run_id)s::uuid, partner_id, currency_code, amount_minor, %(payout)s,
    %(pay_date)s
  FROM own JOIN owed USING (partner_id, currency_code)
  WHERE amount_minor > 0
  ORDER BY partner_id, currency_code
  ON CONFLICT DO NOTHING
  RETURNING payment_id, partner_id, currency_code, amount_minor
), settled AS (
  INSERT INTO rebate_offset (payment_id, year, partner_id, currency_code, delta_minor)
  SELECT payment_id, year, partner_id, currency_code,
    CASE WHEN year = %(year)s THEN amount_minor ELSE 0 END - open_minor
  FROM paid JOIN open USING (partner_id, currency_code)
  WHERE CASE WHEN year = %(year)s THEN amount_minor ELSE 0 END <> open_minor
)
SELECT payment_id::text, partner_id, unit_id, currency_code, amount_minor
FROM paid JOIN own USING (partner_id, currency_code)
ORDER BY partner_id, currency_code
"""
SETTLED = """
SELECT l.run_id::text, l.partner_id, l.unit_id, l.year, l.policy_id::text, l.credit_grade,
  l.currency_code, l.purchases_minor, l.returns_minor, l.exclusions_minor, l.kept_rate_millionths,
  l.rebate_minor, l.amount_minor, l.revision, coalesce(base.minor, 0)::bigint,
  (s.amount_minor + coalesce(changed.minor, 0))::bigint
FROM rebate_settled AS s
JOIN rebate_line AS l USING (run_id, revision, partner_id, currency_code)
LEFT JOIN LATERAL (
  SELECT sum(CASE WHEN kind IN ('PURCHASE', 'READMISSION') THEN amount_minor ELSE -amount_minor END)
    AS minor
  FROM rebate_base AS b
  WHERE b.year = s.year AND b.partner_id = s.partner_id AND b.currency_code = s.currency_code
) AS base ON true
LEFT JOIN LATERAL (
  SELECT sum(delta_minor) AS minor FROM rebate_adjustment AS a
  WHERE a.year = s.year AND a.partner_id = s.partner_id AND a.currency_code = s.currency_code
) AS changed ON true
WHERE s.partner_id = ANY(%(partner_ids)s::text[])
ORDER BY s.partner_id, s.year, s.currency_code
"""
ADD_ADJUSTMENTS = """
INSERT INTO rebate_adjustment (adjustment_id, year, partner_id, currency_code, base_minor,
  rebate_minor, delta_minor, day)
SELECT * FROM unnest(%(adjustment_ids)s::uuid[], %(years)s::integer[], %(partner_ids)s::text[],
  %(currency_codes)s::text[], %(bases)s::bigint[], %(rebates)s::bigint[], %(deltas)s::bigint[],
  %(days)s::date[])
"""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Hold how much a partner's settled rebate changed, and the base and rebate that made it so.

    Units: minor units; `delta_minor` is below zero when rebate is clawed back.
    """

    adjustment_id: str
    line: Line
    base_minor: int
    rebate_minor: int
    delta_minor: int
    day: date


@dataclass(frozen=True, slots=True)
class Settled:
    """Hold what was settled for a partner, and the last true-up of its year when there is one."""

    partner_id: str
    unit_id: str
    amount: Money
    settle_id: str
    trued: Accrued | None


@dataclass(frozen=True, slots=True)
class Owed:
    """Hold what is paid to a partner."""

    payment_id: str
    partner_id: str
    unit_id: str
    amount: Money


def settle(tx: Transaction, own: RebateRun, *, first: str, last: str, on: date) -> list[Settled]:
    """Settle the lines of a range of partners whose year nobody settled before."""
    values = _values(own, first=first, last=last) | {"period": FINAL_PERIOD, "on": on}
    return [_settled(row) for row in run(tx, SETTLE, values)]


def pay(tx: Transaction, own: RebateRun, *, first: str, last: str) -> list[Owed]:
    """Write down what the partners of a range are paid: all that is payable, when it is above 0."""
    values = _values(own, first=first, last=last)
    values |= {"payout": own.payout, "pay_date": own.pay_date}
    return [
        Owed(payment_id, partner_id, unit_id, Money(code, minor))
        for payment_id, partner_id, unit_id, code, minor in run(tx, PAY, values)
    ]


def settled(tx: Transaction, partners: Collection[str]) -> list[tuple[Line, int, int]]:
    """Return what was settled for partners: the line, the base as it is now, and what the rebate
    is so far, corrections included."""
    found = run(tx, SETTLED, {"partner_ids": arrays.texts(sorted(set(partners)))})
    return [(line_of(row[:14]), row[14], row[15]) for row in found]


def add_adjustments(tx: Transaction, new: Sequence[Adjustment]) -> None:
    """Store corrections."""
    run(
        tx,
        ADD_ADJUSTMENTS,
        {
            "adjustment_ids": arrays.plain(one.adjustment_id for one in new),
            "years": arrays.plain(one.line.year for one in new),
            "partner_ids": arrays.texts(one.line.partner_id for one in new),
            "currency_codes": arrays.plain(one.line.amount.currency_code for one in new),
            "bases": arrays.plain(one.base_minor for one in new),
            "rebates": arrays.plain(one.rebate_minor for one in new),
            "deltas": arrays.plain(one.delta_minor for one in new),
            "days": arrays.plain(one.day for one in new),
        },
    )


def line_of(row: Sequence[Any]) -> Line:
    """Read a line from its columns, in the order of the statements."""
    run_id, partner_id, unit_id, year, policy_id, grade, code, *amounts, revision = row
    purchases, returns, exclusions, kept_rate, rebate, amount = amounts
    return Line(
        run_id=run_id,
        partner_id=partner_id,
        unit_id=unit_id,
        year=year,
        policy_id=policy_id,
        credit_grade=grade,
        purchases=Money(code, purchases),
        returns=Money(code, returns),
        exclusions=Money(code, exclusions),
        kept_rate=kept_rate,
        rebate=Money(code, rebate),
        amount=Money(code, amount),
        revision=revision,
    )


def _values(own: RebateRun, *, first: str, last: str) -> dict[str, object]:
    return {
        "run_id": own.run_id,
        "revision": own.revision,
        "year": own.year,
        "first": first,
        "last": last,
    }


def _settled(row: Sequence[Any]) -> Settled:
    partner_id, unit_id, code, base_minor, amount_minor, settle_id, transfer_id, delta_minor = row
    trued = None
    if transfer_id is not None:
        trued = Accrued(
            transfer_id, partner_id, unit_id, code, base_minor, amount_minor, delta_minor
        )
    return Settled(partner_id, unit_id, Money(code, amount_minor), settle_id, trued)
