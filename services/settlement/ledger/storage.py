"""The ledger's accounts and transfers. Rows of `transfer` are only ever inserted; an account's two
sums are their sums, kept beside them so that a balance is one row, and so are the sums of its days
(`balance_storage`)."""

from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from settlement.ledger.domain import (
    MOVING,
    Account,
    AccountCode,
    AccountRef,
    Kind,
    Transfer,
    sums,
)
from settlement.ledger.periods import TrialLine

TABLES = sa.MetaData()

account = sa.Table(
    "account",
    TABLES,
    sa.Column("account_id", sa.Text, primary_key=True),
    sa.Column("code", sa.Text, nullable=False),
    sa.Column("holder_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("debits_minor", sa.BigInteger, nullable=False),
    sa.Column("credits_minor", sa.BigInteger, nullable=False),
)

transfer = sa.Table(
    "transfer",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("transfer_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("debit_account_id", sa.Text, nullable=False),
    sa.Column("credit_account_id", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("pending_transfer_id", sa.Uuid(as_uuid=False)),
    sa.Column("expire_time", sa.DateTime(timezone=True)),
    sa.Column("post_date", sa.Date, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("subject_kind", sa.Text, nullable=False),
    sa.Column("subject_id", sa.Text, nullable=False),
    sa.Column("memo", sa.Text, nullable=False),
    sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("occur_date", sa.Date),
)

_MOVES = transfer.c.kind.in_(sorted(MOVING))


# What is posted goes through these, written out once: building a statement costs more than running
# it, and a batch has the same number of statements as a single posting.
TURN = "SELECT pg_advisory_xact_lock(hashtextextended('settlement posts a stretch', 0))"
OPEN_ACCOUNTS = """
INSERT INTO account (account_id, code, holder_id, unit_id, currency_code, debits_minor,
  credits_minor)
SELECT account_id, code, holder_id, unit_id, currency_code, 0, 0
FROM unnest(%(account_ids)s::text[], %(codes)s::text[], %(holder_ids)s::text[],
  %(unit_ids)s::text[], %(currency_codes)s::text[])
  AS new (account_id, code, holder_id, unit_id, currency_code)
ORDER BY account_id
ON CONFLICT DO NOTHING
"""
FIND_ACCOUNTS = """
SELECT account_id, code, holder_id, unit_id, currency_code, debits_minor, credits_minor
FROM account
WHERE account_id = ANY(%(account_ids)s::text[])
"""
# Who posts shares the months, who closes one has them alone. The lock is taken one statement before
# the open day is read, because a statement sees the moment at which it began.
SHARE_MONTHS = "pg_advisory_xact_lock_shared(hashtextextended('settlement months', 0))"
LOCK_ACCOUNTS = f"""
SELECT 1 FROM account, (SELECT {SHARE_MONTHS}) AS months
WHERE account_id = ANY(%(account_ids)s::text[])
ORDER BY account_id
FOR UPDATE OF account
"""
ADD = """
WITH moved AS (
  UPDATE account AS a
  SET debits_minor = a.debits_minor + sums.debits, credits_minor = a.credits_minor + sums.credits
  FROM (
    SELECT account_id, sum(debits)::bigint, sum(credits)::bigint
    FROM unnest(%(account_ids)s::text[], %(debits)s::bigint[], %(credits)s::bigint[])
      AS days (account_id, debits, credits)
    GROUP BY account_id
  ) AS sums (account_id, debits, credits)
  WHERE a.account_id = sums.account_id
), moved_day AS (
  INSERT INTO account_day AS d (account_id, post_date, debits_minor, credits_minor)
  SELECT account_id, greatest(day, open_from), sum(debits), sum(credits)
  FROM unnest(%(account_ids)s::text[], %(days)s::date[], %(debits)s::bigint[],
    %(credits)s::bigint[]) AS days (account_id, day, debits, credits), ledger_state
  GROUP BY 1, 2
  ON CONFLICT (account_id, post_date) DO UPDATE
  SET debits_minor = d.debits_minor + excluded.debits_minor,
    credits_minor = d.credits_minor + excluded.credits_minor
)
INSERT INTO transfer (transfer_id, kind, debit_account_id, credit_account_id, amount_minor,
  currency_code, pending_transfer_id, expire_time, purpose, subject_kind, subject_id, memo,
  record_time, post_date, occur_date)
SELECT transfer_id, kind, debit_account_id, credit_account_id, amount_minor, currency_code,
  pending_transfer_id, expire_time, purpose, subject_kind, subject_id, memo, record_time,
  greatest(day, open_from), CASE WHEN day < open_from THEN day END
FROM unnest(%(transfer_ids)s::uuid[], %(kinds)s::text[], %(debit_account_ids)s::text[],
  %(credit_account_ids)s::text[], %(amounts_minor)s::bigint[], %(currency_codes)s::text[],
  %(pending_transfer_ids)s::uuid[], %(expire_times)s::timestamptz[], %(post_dates)s::date[],
  %(purposes)s::text[], %(subject_kinds)s::text[], %(subject_ids)s::text[], %(memos)s::text[],
  %(record_times)s::timestamptz[]) AS new (transfer_id, kind, debit_account_id,
  credit_account_id, amount_minor, currency_code, pending_transfer_id, expire_time, day, purpose,
  subject_kind, subject_id, memo, record_time), ledger_state
ON CONFLICT DO NOTHING
RETURNING transfer_id::text, sequence
"""
# The kind stands in the text, so that the small indexes of pending transfers serve it.
_OPEN = """(SELECT coalesce(sum(amount_minor), 0)::bigint FROM transfer AS t
  WHERE {side} = %(account_id)s AND kind = 'PENDING'
    AND (expire_time IS NULL OR expire_time > %(at)s) AND NOT EXISTS (
      SELECT 1 FROM transfer AS later WHERE later.pending_transfer_id = t.transfer_id))"""
PENDING = (
    f"SELECT {_OPEN.format(side='debit_account_id')}, {_OPEN.format(side='credit_account_id')}"
)


def take_turn(tx: Transaction) -> None:
    """Wait until no other transaction has the turn, and keep it to the end of this one."""
    run(tx, TURN, {})


def open_accounts(tx: Transaction, refs: Iterable[AccountRef]) -> None:
    """Open those accounts that do not exist yet, in the order of their ids."""
    new = {ref.account_id: ref for ref in refs}
    if not new:
        return
    run(
        tx,
        OPEN_ACCOUNTS,
        {
            "account_ids": arrays.texts(new),
            "codes": arrays.plain(ref.code for ref in new.values()),
            "holder_ids": arrays.texts(ref.holder_id for ref in new.values()),
            "unit_ids": arrays.texts(ref.unit_id for ref in new.values()),
            "currency_codes": arrays.plain(ref.currency_code for ref in new.values()),
        },
    )


def find_accounts(tx: Transaction, account_ids: Collection[str]) -> dict[str, Account]:
    """Return the accounts that exist, without pending sums."""
    rows = run(tx, FIND_ACCOUNTS, {"account_ids": arrays.texts(account_ids)})
    return {
        account_id: Account(
            AccountRef(AccountCode(code), holder_id, unit_id, currency_code), debits, credits_
        )
        for account_id, code, holder_id, unit_id, currency_code, debits, credits_ in rows
    }


def lock_accounts(tx: Transaction, account_ids: Collection[str]) -> None:
    """Lock the accounts that exist in the order of their ids, so that two writers of the same
    accounts wait for each other and never in a circle."""
    run(tx, LOCK_ACCOUNTS, {"account_ids": arrays.texts(account_ids)})


def add(tx: Transaction, transfers: Sequence[Transfer]) -> dict[str, int]:
    """Insert transfers in their order, add them to the sums of their accounts, which are locked,
    and return the place in the ledger of each that was new.

    Shape: transfer id → sequence; one whose id, or whose pending transfer, was used before is
        missing, and the sums are wrong: the transaction cannot go on.
    """
    moved = sums(transfers)
    amounts = [one.amount for one in transfers]
    rows = run(
        tx,
        ADD,
        {
            "account_ids": arrays.texts(account_id for account_id, _ in moved),
            "days": arrays.plain(day for _, day in moved),
            "debits": arrays.plain(debits for debits, _ in moved.values()),
            "credits": arrays.plain(credits_ for _, credits_ in moved.values()),
            "transfer_ids": arrays.plain(one.transfer_id for one in transfers),
            "kinds": arrays.plain(one.kind for one in transfers),
            "debit_account_ids": arrays.texts(one.debit_account_id for one in transfers),
            "credit_account_ids": arrays.texts(one.credit_account_id for one in transfers),
            "amounts_minor": arrays.plain(amount.amount_minor for amount in amounts),
            "currency_codes": arrays.plain(amount.currency_code for amount in amounts),
            "pending_transfer_ids": arrays.plain(one.pending_transfer_id for one in transfers),
            "expire_times": arrays.plain(one.expire_time for one in transfers),
            "post_dates": arrays.plain(one.post_date for one in transfers),
            "purposes": arrays.texts(one.purpose for one in transfers),
            "subject_kinds": arrays.texts(one.subject_kind for one in transfers),
            "subject_ids": arrays.texts(one.subject_id for one in transfers),
            "memos": arrays.texts(one.memo for one in transfers),
            "record_times": arrays.plain(one.record_time for one in transfers),
        },
    )
    return dict(rows.fetchall())


def find_transfers(tx: Transaction, transfer_ids: Collection[str]) -> dict[str, Transfer]:
    """Return the transfers that exist, by id."""
    query = sa.select(*transfer.c).where(transfer.c.transfer_id.in_(sorted(set(transfer_ids))))
    return {row.transfer_id: _transfer(row) for row in tx.execute(query)}


def resolved(tx: Transaction, pending_transfer_ids: Collection[str]) -> set[str]:
    """Return those pending transfers that were posted or voided."""
    query = sa.select(transfer.c.pending_transfer_id).where(
        transfer.c.pending_transfer_id.in_(sorted(set(pending_transfer_ids)))
    )
    return {row.pending_transfer_id for row in tx.execute(query)}


def pending_sums(tx: Transaction, account_id: str, *, at: datetime) -> tuple[int, int]:
    """Sum the pending debits and credits that are neither resolved nor expired."""
    row = run(tx, PENDING, {"account_id": account_id, "at": at}).fetchone()
    assert row is not None
    return row[0], row[1]


def page(
    tx: Transaction,
    part: Page,
    *,
    account_id: str,
    start: date | None = None,
    until: date | None = None,
) -> Slice[Transfer]:
    """Return a page of an account's transfers by day, those of a day in the order of the ledger.

    Shape: each side of the account is read from its own index up to one page, so that a page of
        ten million transfers costs what a page of ten thousand does.
    """
    order = [transfer.c.post_date, transfer.c.sequence]
    sides = [
        keyset(_between(start, until).where(side == account_id), part, order).subquery()
        for side in (transfer.c.debit_account_id, transfer.c.credit_account_id)
    ]
    both = sa.union_all(*[sa.select(*side.c) for side in sides]).subquery()
    query = sa.select(*both.c).order_by(both.c.post_date, both.c.sequence).limit(part.size + 1)
    rows = tx.execute(query)
    return part.slice(map(_transfer, rows), key=lambda one: [one.post_date, one.sequence])


def _between(start: date | None, until: date | None) -> sa.Select[Any]:
    query = sa.select(*transfer.c)
    if start is not None:
        query = query.where(transfer.c.post_date >= start)
    return query if until is None else query.where(transfer.c.post_date <= until)


def moved(
    tx: Transaction, part: Page, groups: Sequence[Collection[str]], *, start: date, end: date
) -> Slice[Transfer]:
    """Return a page of the posted transfers that touch groups of accounts, by day and place; those
    within a group are left out.

    Shape: from one day up to and without another. Each side of an account is read from its own
        index up to one page.
    """
    order = [transfer.c.post_date, transfer.c.sequence]
    debit, credit = transfer.c.debit_account_id, transfer.c.credit_account_id
    sides = [
        keyset(
            sa.select(*transfer.c).where(
                side == account_id,
                other.not_in(sorted(group)),
                _MOVES,
                transfer.c.post_date >= start,
                transfer.c.post_date < end,
            ),
            part,
            order,
        ).subquery()
        for group in groups
        for account_id in sorted(group)
        for side, other in ((debit, credit), (credit, debit))
    ]
    both = sa.union(*[sa.select(*side.c) for side in sides]).subquery()
    query = sa.select(*both.c).order_by(both.c.post_date, both.c.sequence).limit(part.size + 1)
    rows = tx.execute(query)
    return part.slice(map(_transfer, rows), key=lambda one: [one.post_date, one.sequence])


def trial(tx: Transaction, *, units: sa.ScalarSelect[str] | None) -> list[TrialLine]:
    """Sum all accounts by currency and code, as they are now."""
    query = (
        sa.select(
            account.c.currency_code,
            account.c.code,
            sa.func.sum(account.c.debits_minor).label("debits"),
            sa.func.sum(account.c.credits_minor).label("credits"),
        )
        .group_by(account.c.currency_code, account.c.code)
        .order_by(account.c.currency_code, account.c.code)
    )
    if units is not None:
        query = query.where(account.c.unit_id.in_(units))
    return [_line(row) for row in tx.execute(query) if row.debits or row.credits]


def _line(row: Any) -> TrialLine:
    return TrialLine(
        AccountCode(row.code),
        Money(row.currency_code, int(row.debits)),
        Money(row.currency_code, int(row.credits)),
    )


def _transfer(row: Any) -> Transfer:
    return Transfer(
        transfer_id=row.transfer_id,
        kind=Kind(row.kind),
        debit_account_id=row.debit_account_id,
        credit_account_id=row.credit_account_id,
        amount=Money(row.currency_code, row.amount_minor),
        post_date=row.post_date,
        purpose=row.purpose,
        record_time=row.record_time,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        memo=row.memo,
        pending_transfer_id=row.pending_transfer_id,
        expire_time=row.expire_time,
        sequence=row.sequence,
        occur_date=row.occur_date,
    )
