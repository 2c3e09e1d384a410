"""What accounts had moved by the end of a day: their days, the closed months, and the day from
which postings are open.

A posting adds to the day of its accounts (`storage.ADD`). Closing a month writes down what each
account and each code had moved by its end, so that a balance of any later day is one row and the
days after it, however many transfers there are.
"""

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Rows, Transaction, run, together
from chassis.money import Money
from settlement.ledger.domain import (
    AccountCode,
    unit_account,
)
from settlement.ledger.periods import MonthLine, TrialLine
from settlement.ledger.storage import SHARE_MONTHS, account

TABLES = sa.MetaData()

account_day = sa.Table(
    "account_day",
    TABLES,
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("post_date", sa.Date, primary_key=True),
    sa.Column("debits_minor", sa.BigInteger, nullable=False),
    sa.Column("credits_minor", sa.BigInteger, nullable=False),
)

account_month = sa.Table(
    "account_month",
    TABLES,
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("end_date", sa.Date, primary_key=True),
    sa.Column("debits_minor", sa.BigInteger, nullable=False),
    sa.Column("credits_minor", sa.BigInteger, nullable=False),
)

trial_month = sa.Table(
    "trial_month",
    TABLES,
    sa.Column("end_date", sa.Date, primary_key=True),
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, primary_key=True),
    sa.Column("currency_code", sa.CHAR(3), primary_key=True),
    sa.Column("debits_minor", sa.BigInteger, nullable=False),
    sa.Column("credits_minor", sa.BigInteger, nullable=False),
)

ledger_state = sa.Table(
    "ledger_state",
    TABLES,
    sa.Column("singleton", sa.Boolean, primary_key=True),
    sa.Column("open_from", sa.Date),
    sa.Column("candidate_sequence", sa.BigInteger, nullable=False),
    sa.Column("candidate_xid", sa.BigInteger, nullable=False),
)

SHARE = f"SELECT {SHARE_MONTHS}"
OWN = "SELECT pg_advisory_xact_lock(hashtextextended('settlement months', 0))"
OPEN_FROM = "SELECT open_from FROM ledger_state"
SUMS = """
WITH month AS (
  SELECT end_date, debits_minor, credits_minor FROM account_month
  WHERE account_id = %(account_id)s AND end_date <= %(day)s ORDER BY end_date DESC LIMIT 1
), days AS (
  SELECT sum(debits_minor) AS debits, sum(credits_minor) AS credits FROM account_day
  WHERE account_id = %(account_id)s AND post_date <= %(day)s
    AND post_date > coalesce((SELECT end_date FROM month), '-infinity')
)
SELECT (coalesce((SELECT debits_minor FROM month), 0) + coalesce(debits, 0))::bigint,
  (coalesce((SELECT credits_minor FROM month), 0) + coalesce(credits, 0))::bigint
FROM days
"""
CLOSE_ACCOUNTS = """
WITH part AS (
  SELECT account_id FROM account WHERE account_id > %(after)s ORDER BY account_id LIMIT %(limit)s
), closed AS (
  INSERT INTO account_month (account_id, end_date, debits_minor, credits_minor)
  SELECT account_id, %(end)s, coalesce(m.debits_minor, 0) + d.debits,
    coalesce(m.credits_minor, 0) + d.credits
  FROM part LEFT JOIN LATERAL (
    SELECT end_date, debits_minor, credits_minor FROM account_month AS before
    WHERE before.account_id = part.account_id AND end_date < %(end)s
    ORDER BY end_date DESC LIMIT 1
  ) AS m ON true CROSS JOIN LATERAL (
    SELECT sum(debits_minor) AS debits, sum(credits_minor) AS credits FROM account_day AS day
    WHERE day.account_id = part.account_id AND post_date <= %(end)s
      AND post_date > coalesce(m.end_date, '-infinity')
    HAVING count(*) > 0
  ) AS d
  ON CONFLICT DO NOTHING
)
SELECT max(account_id), count(*) FROM part
"""
# A document is what one thing caused for one purpose on a day; what is posted by hand is its own.
DOCUMENTS = """
SELECT count(*), count(DISTINCT (purpose, subject_kind, subject_id,
  CASE WHEN subject_id = '' THEN transfer_id END))
FROM transfer
WHERE post_date = %(day)s AND kind IN ('POSTED', 'POST_PENDING')
"""


def open_from(tx: Transaction) -> date | None:
    """Return the first day that is open, and keep it so to the end of the transaction; None while
    no month was ever closed."""
    with together(tx):
        run(tx, SHARE, {})
        return _first_day(run(tx, OPEN_FROM, {}))


def own_months(tx: Transaction) -> date | None:
    """Wait until nobody posts and let nobody post before the end of the transaction; return the
    first day that is open."""
    with together(tx):
        run(tx, OWN, {})
        return _first_day(run(tx, OPEN_FROM, {}))


def open_months_from(tx: Transaction, day: date | None) -> None:
    """Set the first day that is open; the months are owned."""
    tx.execute(sa.update(ledger_state).values(open_from=day))


def first_posting(tx: Transaction) -> date | None:
    """Return the first day for which anything was posted."""
    found: date | None = tx.execute(sa.select(sa.func.min(account_day.c.post_date))).scalar_one()
    return found


def sums_until(tx: Transaction, account_id: str, day: date) -> tuple[int, int]:
    """Sum the posted debits and credits of an account up to and with a day."""
    row = run(tx, SUMS, {"account_id": account_id, "day": day}).fetchone()
    assert row is not None
    return row[0], row[1]


def trial_until(
    tx: Transaction, day: date, *, units: sa.ScalarSelect[str] | None
) -> list[TrialLine]:
    """Sum all accounts by currency and code, up to and with a day."""
    moved = _moved_until(day)
    query = (
        sa.select(moved.c.currency_code, moved.c.code, *_totals(moved))
        .group_by(moved.c.currency_code, moved.c.code)
        .order_by(moved.c.currency_code, moved.c.code)
    )
    if units is not None:
        query = query.where(moved.c.unit_id.in_(units))
    return [
        TrialLine(AccountCode(code), Money(currency, int(debits)), Money(currency, int(credits_)))
        for currency, code, debits, credits_ in tx.execute(query)
    ]


def month_lines(
    tx: Transaction, end: date, *, units: sa.ScalarSelect[str] | None = None
) -> list[MonthLine]:
    """Return the trial balance of a closed month by unit, currency and code, with its opening."""
    before = trial_month.alias("before")
    last = sa.select(sa.func.max(trial_month.c.end_date)).where(trial_month.c.end_date < end)
    same = [before.c[name] == trial_month.c[name] for name in ("unit_id", "code", "currency_code")]
    query = (
        sa.select(*trial_month.c, before.c.debits_minor, before.c.credits_minor)
        .outerjoin(before, sa.and_(before.c.end_date == last.scalar_subquery(), *same))
        .where(trial_month.c.end_date == end)
        .order_by(trial_month.c.unit_id, trial_month.c.currency_code, trial_month.c.code)
    )
    if units is not None:
        query = query.where(trial_month.c.unit_id.in_(units))
    return [
        MonthLine(
            unit_account(AccountCode(code), unit_id, currency_code),
            opening=(opening_debits or 0, opening_credits or 0),
            closing=(debits, credits_),
        )
        for _, unit_id, code, currency_code, debits, credits_, opening_debits, opening_credits in (
            tx.execute(query)
        )
    ]


def close_accounts(tx: Transaction, end: date, *, after: str, limit: int) -> tuple[str | None, int]:
    """Write down what the next accounts had moved by the end of a month.

    Shape: the last account id of this part, None after the last part, and how many it had; doing a
        part again changes nothing.
    """
    row = run(tx, CLOSE_ACCOUNTS, {"end": end, "after": after, "limit": limit}).fetchone()
    assert row is not None
    last, count = row
    return (last if count == limit else None), count


def close_trial(tx: Transaction, end: date) -> None:
    """Write down what the accounts of each unit and code had moved by the end of a month."""
    moved = _moved_until(end)
    keys = [moved.c.unit_id, moved.c.code, moved.c.currency_code]
    query = sa.select(sa.literal(end, sa.Date), *keys, *_totals(moved)).group_by(*keys)
    names = [column.name for column in trial_month.c]
    tx.execute(insert(trial_month).from_select(names, query).on_conflict_do_nothing())


def forget_month(tx: Transaction, end: date) -> None:
    """Delete what closing a month wrote down; the days keep what it was made of."""
    tx.execute(sa.delete(account_month).where(account_month.c.end_date == end))
    tx.execute(sa.delete(trial_month).where(trial_month.c.end_date == end))


def documents(tx: Transaction, day: date) -> tuple[int, int]:
    """Count the posted transfers of a day, and the documents behind them."""
    row = run(tx, DOCUMENTS, {"day": day}).fetchone()
    assert row is not None
    return row[0], row[1]


def _moved_until(day: date) -> sa.Subquery:
    """Sum from the last closed month up to and with a day, by unit, code and currency."""
    last = (
        sa.select(sa.func.max(trial_month.c.end_date))
        .where(trial_month.c.end_date <= day)
        .scalar_subquery()
    )
    names = ("unit_id", "code", "currency_code")
    amounts = ("debits_minor", "credits_minor")
    months = sa.select(*[trial_month.c[name] for name in (*names, *amounts)]).where(
        trial_month.c.end_date == last
    )
    ever: sa.ColumnElement[date] = sa.literal_column("'-infinity'::date")
    days = (
        sa.select(*[account.c[name] for name in names], *[account_day.c[name] for name in amounts])
        .join(account, account.c.account_id == account_day.c.account_id)
        .where(
            account_day.c.post_date <= day,
            account_day.c.post_date > sa.func.coalesce(last, ever),
        )
    )
    return sa.union_all(months, days).subquery()


def _totals(moved: sa.Subquery) -> list[sa.ColumnElement[Any]]:
    return [sa.func.sum(moved.c.debits_minor), sa.func.sum(moved.c.credits_minor)]


def _first_day(rows: Rows) -> date | None:
    row = rows.fetchone()
    assert row is not None
    found: date | None = row[0]
    return found
