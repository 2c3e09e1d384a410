"""A partner's commission by month, as rows: what moved within it, and the statements issued."""

from datetime import date
from typing import Any

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.period import Month
from settlement.commission.domain import IssuedStatement, StatementLine
from settlement.commission.reversals import commission_reversal
from settlement.commission.storage import TABLES, commission_entry, within

commission_statement = sa.Table(
    "commission_statement",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("statement_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("entry_count", sa.BigInteger, nullable=False),
    sa.Column("entry_minor", sa.BigInteger, nullable=False),
    sa.Column("reversal_count", sa.BigInteger, nullable=False),
    sa.Column("reversal_minor", sa.BigInteger, nullable=False),
    sa.Column("state_date", sa.Date, nullable=False),
    sa.UniqueConstraint("partner_id", "month", "currency_code"),
)

_entry = commission_entry.c
_back = commission_reversal.c
_statement = commission_statement.c


def statement_lines(
    tx: Transaction, *, partner_id: str, month: Month, currency_code: str
) -> list[StatementLine]:
    """Sum what a partner earned and what was taken back within a month, by kind and product."""
    columns = (_entry.event_kind, _entry.product_id)
    accrued = {
        (row.event_kind, row.product_id): (row.entries, int(row.total))
        for row in tx.execute(
            sa.select(*columns, *_summed(_entry.amount_minor))
            .where(
                _entry.partner_id == partner_id,
                _entry.currency_code == currency_code,
                within(_entry.accrue_date, month),
            )
            .group_by(*columns)
        )
    }
    columns = (_back.event_kind, _back.product_id)
    reversed_ = {
        (row.event_kind, row.product_id): (row.entries, int(row.total))
        for row in tx.execute(
            sa.select(*columns, *_summed(_back.amount_minor))
            .where(
                _back.partner_id == partner_id,
                _back.currency_code == currency_code,
                within(_back.reverse_date, month),
            )
            .group_by(*columns)
        )
    }
    nothing = (0, 0)
    lines = []
    for key in sorted(accrued.keys() | reversed_.keys()):
        count, minor = accrued.get(key, nothing)
        back_count, back_minor = reversed_.get(key, nothing)
        earned, back = Money(currency_code, minor), Money(currency_code, back_minor)
        lines.append(StatementLine(*key, count, earned, back_count, back))
    return lines


def _summed(column: sa.ColumnElement[Any]) -> list[sa.ColumnElement[Any]]:
    return [sa.func.count().label("entries"), sa.func.sum(column).label("total")]


# Partners with something to state, in the order of their ids; each part stops at the limit.
NEXT = """
SELECT partner_id FROM (
  (SELECT DISTINCT partner_id FROM commission_entry
   WHERE state = 'CONFIRMED' AND confirm_date < %(end)s::date AND partner_id > %(after)s
   ORDER BY partner_id LIMIT %(limit)s)
  UNION
  (SELECT DISTINCT partner_id FROM commission_entry
   WHERE payment_id IS NOT NULL AND statement_id IS NULL AND confirm_date < %(end)s::date
     AND partner_id > %(after)s
   ORDER BY partner_id LIMIT %(limit)s)
  UNION
  (SELECT DISTINCT partner_id FROM commission_reversal
   WHERE late AND statement_id IS NULL AND reverse_date < %(end)s::date
     AND partner_id > %(after)s
   ORDER BY partner_id LIMIT %(limit)s)
) AS due ORDER BY partner_id LIMIT %(limit)s
"""
# What was paid before is stated as it was then, whatever was taken back of it since: that comes off
# as such. It is locked one statement before, so that its sum and its reversals belong together.
LOCK_PAID = """
SELECT entry_id::text FROM commission_entry
WHERE payment_id IS NOT NULL AND statement_id IS NULL AND confirm_date < %(end)s::date
  AND partner_id > %(after)s AND partner_id <= %(until)s
ORDER BY sequence FOR UPDATE
"""
# The states move first and say what was stated, so that a row which somebody changes meanwhile
# counts as it is then; the ids follow from the key, so all parts meet in one statement.
STATE = """
WITH paid AS (
  UPDATE commission_entry AS e
  SET statement_id = md5(partner_id || '/' || %(month)s || '/' || currency_code)::uuid
  WHERE entry_id = ANY(%(paid)s::uuid[])
  RETURNING partner_id, currency_code, unit_id, amount_minor - reversed_minor + (
    SELECT coalesce(sum(b.amount_minor), 0) FROM commission_reversal AS b
    WHERE b.entry_id = e.entry_id AND b.late) AS minor
), stated AS (
  UPDATE commission_entry
  SET state = 'STATED',
    statement_id = md5(partner_id || '/' || %(month)s || '/' || currency_code)::uuid
  WHERE state = 'CONFIRMED' AND confirm_date < %(end)s::date
    AND partner_id > %(after)s AND partner_id <= %(until)s
  RETURNING partner_id, currency_code, unit_id, amount_minor - reversed_minor AS minor
), late AS (
  UPDATE commission_reversal
  SET statement_id = md5(partner_id || '/' || %(month)s || '/' || currency_code)::uuid
  WHERE late AND statement_id IS NULL AND reverse_date < %(end)s::date
    AND partner_id > %(after)s AND partner_id <= %(until)s
  RETURNING partner_id, currency_code, amount_minor AS minor,
    (SELECT unit_id FROM commission_entry AS e WHERE e.entry_id = commission_reversal.entry_id)
), moved AS (
  SELECT partner_id, currency_code, min(unit_id) AS unit_id, sum(entries)::bigint AS entries,
    sum(entry_minor)::bigint AS entry_minor, sum(reversals)::bigint AS reversals,
    sum(reversal_minor)::bigint AS reversal_minor
  FROM (
    SELECT partner_id, currency_code, min(unit_id) AS unit_id, count(*) AS entries,
      sum(minor) AS entry_minor, 0 AS reversals, 0 AS reversal_minor
    FROM (SELECT * FROM stated UNION ALL SELECT * FROM paid) AS earned
    GROUP BY partner_id, currency_code
    UNION ALL
    SELECT partner_id, currency_code, min(unit_id), 0, 0, count(*), sum(minor)
    FROM late GROUP BY partner_id, currency_code
  ) AS halves
  GROUP BY partner_id, currency_code
)
INSERT INTO commission_statement (statement_id, partner_id, unit_id, month, currency_code,
  entry_count, entry_minor, reversal_count, reversal_minor, state_date)
SELECT md5(partner_id || '/' || %(month)s || '/' || currency_code)::uuid, partner_id, unit_id,
  %(month)s, currency_code, entries, entry_minor, reversals, reversal_minor, %(today)s::date
FROM moved ORDER BY partner_id, currency_code
RETURNING statement_id::text, partner_id, unit_id, currency_code, entry_count, entry_minor,
  reversal_count, reversal_minor, sequence
"""


def next_partners(tx: Transaction, *, month: Month, after: str, limit: int) -> list[str]:
    """Return the next partners that have something to state for a month."""
    values = {"end": month.next().first_day, "after": after, "limit": limit}
    return [partner_id for (partner_id,) in run(tx, NEXT, values)]


def state(
    tx: Transaction, *, month: Month, after: str, until: str, today: date
) -> list[IssuedStatement]:
    """State what is confirmed of the partners behind one and up to another, paid or not, less what
    was taken back since their last statements."""
    values = {
        "month": str(month),
        "end": month.next().first_day,
        "after": after,
        "until": until,
        "today": today,
    }
    paid = [entry_id for (entry_id,) in run(tx, LOCK_PAID, values)]
    rows = run(tx, STATE, values | {"paid": arrays.plain(paid)})
    return [
        IssuedStatement(
            statement_id=statement_id,
            partner_id=partner_id,
            unit_id=unit_id,
            month=month,
            entry_count=entries,
            earned=Money(currency_code, entry_minor),
            reversal_count=reversals,
            taken_back=Money(currency_code, reversal_minor),
            state_date=today,
            sequence=sequence,
        )
        for (
            statement_id,
            partner_id,
            unit_id,
            currency_code,
            entries,
            entry_minor,
            reversals,
            reversal_minor,
            sequence,
        ) in rows
    ]


def page(
    tx: Transaction,
    part: Page,
    *,
    partner_id: str,
    month: Month | None,
    units: sa.ScalarSelect[str] | None,
) -> Slice[IssuedStatement]:
    """Return a page of the statements issued, in their order."""
    query = sa.select(*_statement)
    if units is not None:
        query = query.where(_statement.unit_id.in_(units))
    if partner_id:
        query = query.where(_statement.partner_id == partner_id)
    if month is not None:
        query = query.where(_statement.month == str(month))
    rows = tx.execute(keyset(query, part, [_statement.sequence]))
    return part.slice(map(_read, rows), key=lambda one: [one.sequence])


def _read(row: Any) -> IssuedStatement:
    return IssuedStatement(
        statement_id=row.statement_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        month=Month.parse(row.month),
        entry_count=row.entry_count,
        earned=Money(row.currency_code, row.entry_minor),
        reversal_count=row.reversal_count,
        taken_back=Money(row.currency_code, row.reversal_minor),
        state_date=row.state_date,
        sequence=row.sequence,
    )
