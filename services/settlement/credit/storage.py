"""The tables of credit. An expired reservation stops counting in the query itself."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Transaction
from chassis.money import Money
from settlement.credit.domain import (
    CreditAccount,
    CreditAccountNotFound,
    Owner,
    Reservation,
    State,
)

TABLES = sa.MetaData()

credit_account = sa.Table(
    "credit_account",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("limit_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("credit_days", sa.Integer),
    sa.Column("blocked", sa.Boolean, nullable=False),
    sa.Column("block_reason", sa.Text, nullable=False),
)

credit_reservation = sa.Table(
    "credit_reservation",
    TABLES,
    sa.Column("owner_kind", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, primary_key=True),
    sa.Column("reservation_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("expire_time", sa.DateTime(timezone=True), nullable=False),
)


def get(tx: Transaction, partner_id: str, *, lock: bool = False) -> CreditAccount:
    """Return a credit account.

    Shape: whoever changes what uses up a limit locks it first, before any row of the ledger.
    Errors: CreditAccountNotFound.
    """
    query = sa.select(*credit_account.c).where(credit_account.c.partner_id == partner_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise CreditAccountNotFound(partner_id)
    return CreditAccount(
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        limit=Money(row.currency_code, row.limit_minor),
        credit_days=row.credit_days,
        blocked=row.blocked,
        block_reason=row.block_reason,
    )


def ensure(tx: Transaction, account: CreditAccount) -> None:
    """Open an account unless the partner has one."""
    tx.execute(insert(credit_account).values(_columns(account)).on_conflict_do_nothing())


def save(tx: Transaction, account: CreditAccount) -> None:
    """Store an account, new or changed."""
    columns = _columns(account)
    draft = insert(credit_account).values(columns)
    tx.execute(
        draft.on_conflict_do_update(index_elements=[credit_account.c.partner_id], set_=columns)
    )


def reserved_minor(
    tx: Transaction, account: CreditAccount, *, at: datetime, without: Owner | None = None
) -> int:
    """Sum what counts against a limit, without one owner's own part."""
    c = credit_reservation.c
    query = sa.select(sa.func.coalesce(sa.func.sum(c.amount_minor), 0)).where(
        c.partner_id == account.partner_id,
        c.currency_code == account.limit.currency_code,
        c.state.in_([State.PENDING, State.CONFIRMED]),
        sa.or_(c.state == State.CONFIRMED, c.expire_time > at),
    )
    if without is not None:
        query = query.where(sa.tuple_(c.owner_kind, c.owner_id) != (without.kind, without.owner_id))
    return int(tx.execute(query).scalar_one())


def find_reservation(tx: Transaction, owner: Owner, *, lock: bool = False) -> Reservation | None:
    """Return the reservation of an owner, or None; whoever locks it has locked the partner's
    account before."""
    c = credit_reservation.c
    query = sa.select(*c).where(c.owner_kind == owner.kind, c.owner_id == owner.owner_id)
    if lock:
        query = query.with_for_update()
    row = tx.execute(query).one_or_none()
    return None if row is None else _reservation(row)


def save_reservation(tx: Transaction, reservation: Reservation) -> None:
    """Store a reservation, new or changed."""
    columns = {
        "owner_kind": reservation.owner.kind,
        "owner_id": reservation.owner.owner_id,
        "reservation_id": reservation.reservation_id,
        "partner_id": reservation.partner_id,
        "amount_minor": reservation.amount.amount_minor,
        "currency_code": reservation.amount.currency_code,
        "state": reservation.state,
        "expire_time": reservation.expire_time,
    }
    draft = insert(credit_reservation).values(columns)
    tx.execute(draft.on_conflict_do_update(index_elements=["owner_kind", "owner_id"], set_=columns))


def _columns(account: CreditAccount) -> dict[str, Any]:
    return {
        "partner_id": account.partner_id,
        "unit_id": account.unit_id,
        "limit_minor": account.limit.amount_minor,
        "currency_code": account.limit.currency_code,
        "credit_days": account.credit_days,
        "blocked": account.blocked,
        "block_reason": account.block_reason,
    }


def _reservation(row: Any) -> Reservation:
    return Reservation(
        reservation_id=row.reservation_id,
        owner=Owner(row.owner_kind, row.owner_id),
        partner_id=row.partner_id,
        amount=Money(row.currency_code, row.amount_minor),
        state=State(row.state),
        expire_time=row.expire_time,
    )
