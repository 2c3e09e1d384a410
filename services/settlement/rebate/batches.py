"""What the runs do with the base of many partners at once, in the database.

A chunk is a range of partners. The rules come in as brackets, which the
domain made; here a base only finds its bracket, so no rule is written down twice.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from chassis import arrays
from chassis.database import Rows, Transaction, run
from settlement.rebate.domain import Rules

NEXT_PARTNERS = """
SELECT min(partner_id), max(partner_id), count(*)
FROM (
  SELECT DISTINCT partner_id FROM rebate_month
  WHERE year = %(year)s AND partner_id > %(after)s
  ORDER BY partner_id LIMIT %(limit)s
) AS next
"""
RULES: Final = """
scope AS MATERIALIZED (
  SELECT * FROM unnest(%(scope_numbers)s::integer[], %(scopes)s::text[], %(policy_ids)s::uuid[])
    AS scope (scope_number, scope, policy_id)
), rule AS MATERIALIZED (
  SELECT * FROM unnest(%(rule_numbers)s::integer[], %(rule_scopes)s::integer[], %(grades)s::text[])
    AS rule (rule_number, scope_number, credit_grade)
), bracket AS MATERIALIZED (
  SELECT * FROM unnest(%(bracket_rules)s::integer[], %(bracket_currencies)s::text[],
    %(froms)s::bigint[], %(uptos)s::bigint[], %(offsets)s::numeric[], %(rates)s::numeric[])
    AS bracket (rule_number, currency_code, from_minor, upto_minor, offset_millionths, rate)
), lost AS MATERIALIZED (
  SELECT f.partner_id, share.scope_number, sum(share.millionths) AS millionths
  FROM rebate_forfeit AS f
  JOIN unnest(%(share_scopes)s::integer[], %(causes)s::text[], %(shares)s::integer[])
    AS share (scope_number, cause, millionths) USING (cause)
  WHERE f.year = %(year)s AND f.partner_id BETWEEN %(first)s AND %(last)s
  GROUP BY f.partner_id, share.scope_number
)"""
TOTAL: Final = """
total AS (
  SELECT partner_id, currency_code, min(unit_id) AS unit_id,
    sum(purchases_minor)::bigint AS purchases_minor, sum(returns_minor)::bigint AS returns_minor,
    sum(exclusions_minor)::bigint AS exclusions_minor,
    sum(purchases_minor - returns_minor - exclusions_minor)::bigint AS base_minor
  FROM rebate_month
  WHERE year = %(year)s AND partner_id BETWEEN %(first)s AND %(last)s AND month < %(until)s
  GROUP BY partner_id, currency_code
  HAVING min(unit_id) = ANY(%(units)s::text[])
)"""
# Who was settled already, by the yearly run or when it left, is not rated again.
RATED: Final = """
placed AS (
  SELECT t.*, coalesce(known.credit_grade, '') AS credit_grade,
    coalesce(agreed.scope_number, own.scope_number, unit.scope_number, company.scope_number)
      AS scope_number
  FROM total AS t
  LEFT JOIN rebate_partner_copy AS known USING (partner_id)
  LEFT JOIN rebate_agreement_copy AS agreement
    ON agreement.partner_id = t.partner_id AND agreement.year = %(year)s
  LEFT JOIN scope AS agreed ON agreed.scope = nullif(agreement.policy_scope, '')
  LEFT JOIN scope AS own ON own.scope = 'partner:' || t.partner_id
  LEFT JOIN scope AS unit ON unit.scope = 'unit:' || t.unit_id
  LEFT JOIN scope AS company ON company.scope = ''
  WHERE (%(again)s OR NOT EXISTS (
      SELECT 1 FROM rebate_settled AS s
      WHERE s.year = %(year)s AND s.partner_id = t.partner_id
        AND s.currency_code = t.currency_code))
), ruled AS (
  SELECT placed.*, scope.policy_id, coalesce(graded.rule_number, every.rule_number) AS rule_number,
    greatest(0, 1000000 - coalesce(lost.millionths, 0))::integer AS kept
  FROM placed
  JOIN scope USING (scope_number)
  JOIN rule AS every ON every.scope_number = placed.scope_number AND every.credit_grade = ''
  LEFT JOIN rule AS graded ON graded.scope_number = placed.scope_number
    AND graded.credit_grade = placed.credit_grade AND placed.credit_grade <> ''
  LEFT JOIN lost ON lost.partner_id = placed.partner_id
    AND lost.scope_number = placed.scope_number
), rated AS (
  SELECT ruled.*,
    coalesce(round(exact.millionths * 0.000001), 0)::bigint AS rebate_minor,
    coalesce(round(exact.millionths * ruled.kept * 0.000000000001), 0)::bigint AS amount_minor
  FROM ruled
  LEFT JOIN bracket AS b ON b.rule_number = ruled.rule_number
    AND b.currency_code = ruled.currency_code AND b.from_minor <= ruled.base_minor
    AND (b.upto_minor IS NULL OR ruled.base_minor < b.upto_minor)
  LEFT JOIN LATERAL (
    SELECT b.offset_millionths + (ruled.base_minor - b.from_minor) * b.rate AS millionths
  ) AS exact ON true
)"""
# A later month has counted what an earlier one, whose turn comes late, would count.
ACCRUE = f"""
WITH {RULES}, {TOTAL}, {RATED}, before AS (
  SELECT partner_id, currency_code, sum(delta_minor)::bigint AS accrued_minor,
    max(period) AS last_period
  FROM rebate_accrual
  WHERE year = %(year)s AND partner_id BETWEEN %(first)s AND %(last)s
  GROUP BY partner_id, currency_code
)
INSERT INTO rebate_accrual (year, partner_id, period, unit_id, currency_code, policy_id,
  credit_grade, base_minor, rebate_minor, delta_minor, transfer_id, post_date)
SELECT %(year)s, partner_id, %(period)s, unit_id, currency_code, policy_id, credit_grade,
  base_minor, amount_minor, amount_minor - coalesce(accrued_minor, 0), uuidv7(), %(post_date)s
FROM rated LEFT JOIN before USING (partner_id, currency_code)
WHERE amount_minor <> coalesce(accrued_minor, 0)
  AND (last_period IS NULL OR last_period <= %(period)s)
ORDER BY partner_id, currency_code
ON CONFLICT DO NOTHING
RETURNING transfer_id::text, partner_id, unit_id, currency_code, base_minor, rebate_minor,
  delta_minor
"""
COMPUTE = f"""
WITH {RULES}, {TOTAL}, {RATED}
INSERT INTO rebate_line (run_id, revision, partner_id, currency_code, year, unit_id, policy_id,
  credit_grade, purchases_minor, returns_minor, exclusions_minor, kept_rate_millionths,
  rebate_minor, amount_minor)
SELECT %(run_id)s::uuid, %(revision)s, partner_id, currency_code, %(year)s, unit_id, policy_id,
  credit_grade, purchases_minor, returns_minor, exclusions_minor, kept, rebate_minor, amount_minor
FROM rated
ORDER BY partner_id, currency_code
ON CONFLICT DO NOTHING
RETURNING partner_id, unit_id, currency_code, purchases_minor, returns_minor, exclusions_minor,
  rebate_minor, amount_minor
"""
SIMULATE = f"""
WITH {RULES}, {TOTAL}, {RATED}
SELECT partner_id, unit_id, currency_code, purchases_minor, returns_minor, exclusions_minor,
  rebate_minor, amount_minor
FROM rated
ORDER BY partner_id, currency_code
"""


@dataclass(frozen=True, slots=True)
class Range:
    """Hold a range of partners of a year: from `first` up to and with `last`."""

    year: int
    first: str
    last: str

    def values(self) -> dict[str, object]:
        """Return it as the statements take it."""
        return {"year": self.year, "first": self.first, "last": self.last}


@dataclass(frozen=True, slots=True)
class Accrued:
    """Hold what a month changed of a partner's rebate; `delta_minor` is below zero when the rebate
    on the year so far became less."""

    transfer_id: str
    partner_id: str
    unit_id: str
    currency_code: str
    base_minor: int
    rebate_minor: int
    delta_minor: int


@dataclass(frozen=True, slots=True)
class Rated:
    """Hold what a partner's year came to."""

    partner_id: str
    unit_id: str
    currency_code: str
    purchases_minor: int
    returns_minor: int
    exclusions_minor: int
    rebate_minor: int
    amount_minor: int


def next_range(
    tx: Transaction, *, year: int, after: str, partners: int
) -> tuple[Range | None, bool]:
    """Return the next range of about so many partners, None when there is none left, and whether
    there may be more behind it."""
    values = {"year": year, "after": after, "limit": partners}
    [(first, last, found)] = run(tx, NEXT_PARTNERS, values)
    return (None if first is None else Range(year, first, last)), found == partners


def accrue(
    tx: Transaction,
    part: Range,
    rules: Sequence[Rules],
    *,
    units: Collection[str],
    until: date,
    period: str,
    post_date: date,
) -> list[Accrued]:
    """Store what the year so far, up to and without a day, changes of what was accrued before."""
    values = part.values() | rule_values(rules, units=units)
    values |= {"until": until, "period": period, "post_date": post_date}
    return [Accrued(*row) for row in run(tx, ACCRUE, values)]


def compute(
    tx: Transaction,
    part: Range,
    rules: Sequence[Rules],
    *,
    units: Collection[str],
    run_id: str,
    revision: int,
) -> list[Rated]:
    """Store the lines of a yearly run."""
    values = part.values() | rule_values(rules, units=units)
    values |= {"run_id": run_id, "revision": revision, "until": date.max}
    return _rated(run(tx, COMPUTE, values))


def simulate(
    tx: Transaction,
    part: Range,
    rules: Sequence[Rules],
    *,
    units: Collection[str],
    again: bool = False,
) -> list[Rated]:
    """Say what a yearly run would come to, and store nothing; `again` with those who were settled
    already."""
    values = part.values() | rule_values(rules, units=units) | {"again": again, "until": date.max}
    return _rated(run(tx, SIMULATE, values))


def _rated(rows: Rows) -> list[Rated]:
    return [Rated(*row) for row in rows]


def rule_values(rules: Sequence[Rules], *, units: Collection[str]) -> dict[str, object]:
    """Write rules as the arrays that the statements take.

    Shape: a rule for each scope and each grade that is capped there, beside one for all others.
    """
    numbered = [
        (place, grade, rules[place])
        for place in range(len(rules))
        for grade in ("", *sorted(rules[place].grade_caps))
    ]
    brackets = [
        (number, one.currency_code, bracket)
        for number, (_, grade, one) in enumerate(numbered)
        for bracket in one.brackets(grade)
    ]
    shares = _shares(rules)
    return {
        "again": False,
        "units": arrays.texts(units),
        "scope_numbers": arrays.plain(range(len(rules))),
        "scopes": arrays.texts(one.scope for one in rules),
        "policy_ids": arrays.plain(one.policy_id for one in rules),
        "rule_numbers": arrays.plain(range(len(numbered))),
        "rule_scopes": arrays.plain(place for place, _, _ in numbered),
        "grades": arrays.texts(grade for _, grade, _ in numbered),
        "bracket_rules": arrays.plain(number for number, _, _ in brackets),
        "bracket_currencies": arrays.plain(code for _, code, _ in brackets),
        "froms": arrays.plain(one.from_minor for _, _, one in brackets),
        "uptos": arrays.plain(one.upto_minor for _, _, one in brackets),
        "offsets": arrays.plain(one.offset for _, _, one in brackets),
        "rates": arrays.plain(one.rate for _, _, one in brackets),
        "share_scopes": arrays.plain(place for place, _, _ in shares),
        "causes": arrays.plain(cause for _, cause, _ in shares),
        "shares": arrays.plain(share for _, _, share in shares),
    }


def _shares(rules: Sequence[Rules]) -> list[tuple[int, str, int]]:
    return [
        (place, cause, share)
        for place, one in enumerate(rules)
        for cause, share in one.shares().items()
    ]
