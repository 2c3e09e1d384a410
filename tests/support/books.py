"""What must hold for settlement's books whenever nothing is under way; asked as their owner."""

from collections.abc import Sequence
from typing import Any

import psycopg
import sqlalchemy as sa

from local.databases import ServiceDatabase
from settlement.ledger.block_storage import CHECK
from settlement.ledger.blocks import Block, Checked, verdict

BLOCKS_MAX = 1_000_000
CHAIN = CHECK % {"first": 1, "limit": BLOCKS_MAX}

MOVED = "kind IN ('POSTED', 'POST_PENDING')"
SIDES = f"""
  SELECT debit_account_id AS account_id, post_date, currency_code, amount_minor AS debits,
    0::bigint AS credits
  FROM transfer WHERE {MOVED}
  UNION ALL
  SELECT credit_account_id, post_date, currency_code, 0, amount_minor FROM transfer WHERE {MOVED}
"""
# Each names the rows that break a rule of the books; none, it is hoped.
RULES = {
    "debits equal credits in each currency": """
        SELECT currency_code, sum(debits_minor), sum(credits_minor) FROM account
        GROUP BY currency_code HAVING sum(debits_minor) <> sum(credits_minor)
        """,
    "an account keeps the currency of its transfers": f"""
        SELECT DISTINCT account_id FROM ({SIDES}) AS side JOIN account AS a USING (account_id)
        WHERE a.currency_code <> side.currency_code
        """,
    "an account's sums are those of its transfers": f"""
        SELECT account_id FROM account AS a LEFT JOIN (
          SELECT account_id, sum(debits) AS debits, sum(credits) AS credits
          FROM ({SIDES}) AS side GROUP BY account_id
        ) AS found USING (account_id)
        WHERE (a.debits_minor, a.credits_minor) <> (coalesce(debits, 0), coalesce(credits, 0))
        """,
    "a day's sums are those of its transfers": f"""
        SELECT account_id, post_date FROM account_day AS d FULL JOIN (
          SELECT account_id, post_date, sum(debits) AS debits, sum(credits) AS credits
          FROM ({SIDES}) AS side GROUP BY account_id, post_date
        ) AS found USING (account_id, post_date)
        WHERE (d.debits_minor, d.credits_minor) IS DISTINCT FROM (debits, credits)
        """,
    "a closed month's sums are those of all days to its end": """
        SELECT account_id, end_date FROM account_month AS m CROSS JOIN LATERAL (
          SELECT coalesce(sum(d.debits_minor), 0), coalesce(sum(d.credits_minor), 0)
          FROM account_day AS d WHERE d.account_id = m.account_id AND d.post_date <= m.end_date
        ) AS found (debits, credits)
        WHERE (m.debits_minor, m.credits_minor) <> (debits, credits)
        """,
    "a clearing account is zero when nothing is under way": """
        SELECT account_id FROM account WHERE code = 'clearing' AND debits_minor <> credits_minor
        """,
    "a pending transfer is resolved once": """
        SELECT pending_transfer_id FROM transfer WHERE pending_transfer_id IS NOT NULL
        GROUP BY pending_transfer_id HAVING count(*) > 1
        """,
}


def check_books(database: ServiceDatabase) -> None:
    """Assert every rule of the books on one moment of settlement's database."""
    broken = broken_rules(database)
    assert not broken, f"the books are broken: {broken}"


def broken_rules(database: ServiceDatabase) -> dict[str, list[Any]]:
    """Return the rules that do not hold, each with the first rows that break it."""
    url = sa.make_url(database.owner_url).set(drivername="postgresql")
    with psycopg.connect(url.render_as_string(hide_password=False)) as tx:
        tx.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        found = {rule: tx.execute(query).fetchmany(5) for rule, query in RULES.items()}
        found["the chain of blocks is whole"] = _broken_chain(tx)
    return {rule: rows for rule, rows in found.items() if rows}


def _broken_chain(tx: psycopg.Connection[Any]) -> list[Any]:
    rows = tx.execute(CHAIN.encode()).fetchall()
    return broken_block(rows)


def broken_block(rows: Sequence[Any]) -> list[Any]:
    """Return the first place where the chain breaks, from the rows that `CHAIN` finds."""
    blocks = [Checked(Block(*row[:7]), count=row[7], hash=row[8]) for row in rows]
    broken = verdict(None, blocks, limit=BLOCKS_MAX).broken
    return [] if broken is None else [broken]
