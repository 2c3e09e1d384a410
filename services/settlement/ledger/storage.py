"""The ledger's tables. Rows of `transfer` are only ever inserted; an account's two sums are their
sums, kept beside them so that a balance is one row."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Transaction
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
    TrialLine,
)

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
)

_MOVES = transfer.c.kind.in_(sorted(MOVING))


def open_accounts(tx: Transaction, refs: Iterable[AccountRef]) -> None:
    """Open those accounts that do not exist yet, in the order of their ids."""
    rows = [
        {
            "account_id": ref.account_id,
            "code": ref.code,
            "holder_id": ref.holder_id,
            "unit_id": ref.unit_id,
            "currency_code": ref.currency_code,
            "debits_minor": 0,
            "credits_minor": 0,
        }
        for ref in sorted(set(refs), key=lambda ref: ref.account_id)
    ]
    if rows:
        tx.execute(insert(account).values(rows).on_conflict_do_nothing())


def find_accounts(
    tx: Transaction, account_ids: Collection[str], *, lock: bool = False
) -> dict[str, Account]:
    """Return the accounts that exist, without pending sums; locks are taken in the order of their
    ids, so that two writers of the same accounts wait for each other and never in a circle."""
    query = (
        sa.select(*account.c)
        .where(account.c.account_id.in_(sorted(set(account_ids))))
        .order_by(account.c.account_id)
    )
    rows = tx.execute(query.with_for_update() if lock else query)
    return {row.account_id: _account(row) for row in rows}


def add_sums(tx: Transaction, sums: Mapping[str, tuple[int, int]]) -> None:
    """Add debits and credits to accounts that are locked."""
    if not sums:
        return
    ids = sorted(sums)
    delta = (
        sa.func.unnest(
            sa.literal(ids, sa.ARRAY(sa.Text)),
            sa.literal([sums[one][0] for one in ids], sa.ARRAY(sa.BigInteger)),
            sa.literal([sums[one][1] for one in ids], sa.ARRAY(sa.BigInteger)),
        )
        .table_valued("account_id", "debits", "credits")
        .render_derived(name="delta")
    )
    tx.execute(
        sa.update(account)
        .where(account.c.account_id == delta.c.account_id)
        .values(
            debits_minor=account.c.debits_minor + delta.c.debits,
            credits_minor=account.c.credits_minor + delta.c.credits,
        )
    )


def add(tx: Transaction, transfers: Sequence[Transfer]) -> dict[str, int]:
    """Insert transfers in their order, and return the place in the ledger of each that was new.

    Shape: transfer id → sequence; one whose id, or whose pending transfer, was used before is
        missing.
    """
    rows = [
        {
            "transfer_id": one.transfer_id,
            "kind": one.kind,
            "debit_account_id": one.debit_account_id,
            "credit_account_id": one.credit_account_id,
            "amount_minor": one.amount.amount_minor,
            "currency_code": one.amount.currency_code,
            "pending_transfer_id": one.pending_transfer_id,
            "expire_time": one.expire_time,
            "post_date": one.post_date,
            "purpose": one.purpose,
            "subject_kind": one.subject_kind,
            "subject_id": one.subject_id,
            "memo": one.memo,
            "record_time": one.record_time,
        }
        for one in transfers
    ]
    statement = (
        insert(transfer)
        .values(rows)
        .on_conflict_do_nothing()
        .returning(transfer.c.transfer_id, transfer.c.sequence)
    )
    return {row.transfer_id: row.sequence for row in tx.execute(statement)}


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
    later = transfer.alias("later")
    is_open = ~sa.exists().where(later.c.pending_transfer_id == transfer.c.transfer_id)
    return _sums(
        tx,
        account_id,
        transfer.c.kind == Kind.PENDING,
        is_open,
        sa.or_(transfer.c.expire_time.is_(None), transfer.c.expire_time > at),
    )


def sums_until(tx: Transaction, account_id: str, day: date) -> tuple[int, int]:
    """Sum the posted debits and credits of an account up to and with a day."""
    return _sums(tx, account_id, _MOVES, transfer.c.post_date <= day)


def sums_before(tx: Transaction, account_id: str, day: date) -> tuple[int, int]:
    """Sum the posted debits and credits of an account up to and without a day."""
    return _sums(tx, account_id, _MOVES, transfer.c.post_date < day)


def page(
    tx: Transaction,
    part: Page,
    *,
    account_id: str,
    start: date | None = None,
    until: date | None = None,
) -> Slice[Transfer]:
    """Return a page of an account's transfers, in the order of the ledger."""
    query = sa.select(*transfer.c).where(_touches([account_id]))
    if start is not None:
        query = query.where(transfer.c.post_date >= start)
    if until is not None:
        query = query.where(transfer.c.post_date <= until)
    rows = tx.execute(keyset(query, part, [transfer.c.sequence]))
    return part.slice(map(_transfer, rows), key=lambda one: [one.sequence])


def moved(
    tx: Transaction, account_ids: Collection[str], *, start: date, end: date
) -> list[Transfer]:
    """Return all posted transfers of some accounts from one day up to and without another."""
    query = (
        sa.select(*transfer.c)
        .where(
            _touches(account_ids),
            _MOVES,
            transfer.c.post_date >= start,
            transfer.c.post_date < end,
        )
        .order_by(transfer.c.sequence)
    )
    return [_transfer(row) for row in tx.execute(query)]


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


def trial_until(
    tx: Transaction, day: date, *, units: sa.ScalarSelect[str] | None
) -> list[TrialLine]:
    """Sum all accounts by currency and code, up to and with a day."""
    query = (
        sa.select(
            account.c.currency_code,
            account.c.code,
            _total(transfer.c.debit_account_id == account.c.account_id).label("debits"),
            _total(transfer.c.credit_account_id == account.c.account_id).label("credits"),
        )
        .join(
            transfer,
            sa.or_(
                transfer.c.debit_account_id == account.c.account_id,
                transfer.c.credit_account_id == account.c.account_id,
            ),
        )
        .where(_MOVES, transfer.c.post_date <= day)
        .group_by(account.c.currency_code, account.c.code)
        .order_by(account.c.currency_code, account.c.code)
    )
    if units is not None:
        query = query.where(account.c.unit_id.in_(units))
    return [_line(row) for row in tx.execute(query)]


def _sums(tx: Transaction, account_id: str, *conditions: sa.ColumnElement[bool]) -> tuple[int, int]:
    row = tx.execute(
        sa.select(
            _total(transfer.c.debit_account_id == account_id).label("debits"),
            _total(transfer.c.credit_account_id == account_id).label("credits"),
        ).where(_touches([account_id]), *conditions)
    ).one()
    return int(row.debits), int(row.credits)


def _total(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[Any]:
    return sa.func.coalesce(sa.func.sum(transfer.c.amount_minor).filter(condition), 0)


def _touches(account_ids: Collection[str]) -> sa.ColumnElement[bool]:
    wanted = sorted(set(account_ids))
    return sa.or_(transfer.c.debit_account_id.in_(wanted), transfer.c.credit_account_id.in_(wanted))


def _account(row: Any) -> Account:
    ref = AccountRef(AccountCode(row.code), row.holder_id, row.unit_id, row.currency_code)
    return Account(ref, row.debits_minor, row.credits_minor)


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
    )
