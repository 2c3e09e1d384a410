"""The tables of credit. An expired reservation stops counting in the query itself."""

from collections import Counter
from collections.abc import Collection, Mapping
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis import arrays, upsert
from chassis.database import Transaction, run
from chassis.money import Money
from settlement.credit.domain import (
    MOVES,
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
    sa.Column("overdue_since", sa.Date),
    sa.Column("waived_due_date", sa.Date),
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


# Written out once: building a statement costs more than running it. Accounts are locked before
# reservations, and both in the order of their keys.
FIND_ACCOUNTS = """
SELECT partner_id, unit_id, limit_minor, currency_code, credit_days, blocked, block_reason,
  overdue_since, waived_due_date
FROM credit_account
WHERE partner_id = ANY(%(partner_ids)s::text[])
"""
LOCK_ACCOUNTS = f"""{FIND_ACCOUNTS}
ORDER BY partner_id
FOR UPDATE
"""
LOCK_RESERVATIONS = """
SELECT r.owner_kind, r.owner_id, r.reservation_id::text, r.partner_id, r.amount_minor,
  r.currency_code, r.state, r.expire_time
FROM credit_reservation AS r
WHERE (r.owner_kind, r.owner_id) IN (
  SELECT * FROM unnest(%(owner_kinds)s::text[], %(owner_ids)s::text[]))
ORDER BY r.owner_kind, r.owner_id
FOR UPDATE
"""
RESERVED = """
SELECT partner_id, currency_code, sum(amount_minor)
FROM credit_reservation
WHERE partner_id = ANY(%(partner_ids)s::text[])
  AND (state = 'CONFIRMED' OR state = 'PENDING' AND expire_time > %(at)s)
GROUP BY partner_id, currency_code
"""
SAVE_ALL = """
INSERT INTO credit_reservation AS r (owner_kind, owner_id, reservation_id, partner_id, amount_minor,
  currency_code, state, expire_time)
SELECT * FROM unnest(%(owner_kinds)s::text[], %(owner_ids)s::text[], %(reservation_ids)s::uuid[],
  %(partner_ids)s::text[], %(amounts_minor)s::bigint[], %(currency_codes)s::text[],
  %(states)s::text[], %(expire_times)s::timestamptz[])
ON CONFLICT (owner_kind, owner_id) DO UPDATE SET reservation_id = excluded.reservation_id,
  partner_id = excluded.partner_id, amount_minor = excluded.amount_minor,
  currency_code = excluded.currency_code, state = excluded.state,
  expire_time = excluded.expire_time
"""
END_ALL = """
UPDATE credit_reservation AS r SET state = %(state)s
FROM unnest(%(owner_kinds)s::text[], %(owner_ids)s::text[]) AS done (owner_kind, owner_id)
WHERE r.owner_kind = done.owner_kind AND r.owner_id = done.owner_id
  AND r.state = ANY(%(before)s::text[])
"""
BLOCK_OVERDUE = """
UPDATE credit_account AS a SET overdue_since = late.since
FROM unnest(%(partner_ids)s::text[], %(days)s::date[]) AS late (partner_id, since)
WHERE a.partner_id = late.partner_id
"""
RELEASE_OVERDUE = """
UPDATE credit_account SET overdue_since = NULL WHERE partner_id = ANY(%(partner_ids)s::text[])
"""


def find_all(
    tx: Transaction, partner_ids: Collection[str], *, lock: bool = False
) -> dict[str, CreditAccount]:
    """Return those of the partners' accounts that exist, by partner."""
    statement = LOCK_ACCOUNTS if lock else FIND_ACCOUNTS
    found = run(tx, statement, {"partner_ids": arrays.texts(partner_ids)})
    return {
        partner_id: CreditAccount(
            partner_id=partner_id,
            unit_id=unit_id,
            limit=Money(currency_code, limit_minor),
            credit_days=credit_days,
            blocked=blocked,
            block_reason=block_reason,
            overdue_since=overdue_since,
            waived_due_date=waived_due_date,
        )
        for (
            partner_id, unit_id, limit_minor, currency_code, credit_days, blocked, block_reason,
            overdue_since, waived_due_date
        ) in found
    }  # fmt: skip


def lock_reservations(tx: Transaction, owners: Collection[Owner]) -> dict[Owner, Reservation]:
    """Lock and return the reservations that owners have; the partners' accounts are locked."""
    found = run(
        tx,
        LOCK_RESERVATIONS,
        {
            "owner_kinds": arrays.texts(owner.kind for owner in owners),
            "owner_ids": arrays.texts(owner.owner_id for owner in owners),
        },
    )
    reservations = {}
    for kind, owner_id, reservation_id, partner_id, minor, currency_code, state, expiry in found:
        owner, amount = Owner(kind, owner_id), Money(currency_code, minor)
        reservations[owner] = Reservation(
            reservation_id, owner, partner_id, amount, State(state), expiry
        )
    return reservations


def reserved(
    tx: Transaction, partner_ids: Collection[str], *, at: datetime
) -> Counter[tuple[str, str]]:
    """Sum what counts against the limits of partners.

    Shape: (partner, currency) → minor units.
    """
    values = {"partner_ids": arrays.texts(partner_ids), "at": at}
    found = run(tx, RESERVED, values)
    return Counter(
        {(partner_id, currency_code): int(minor) for partner_id, currency_code, minor in found}
    )


def save_all(tx: Transaction, changed: Collection[Reservation]) -> None:
    """Store reservations, new or changed, each once."""
    run(
        tx,
        SAVE_ALL,
        {
            "owner_kinds": arrays.texts(one.owner.kind for one in changed),
            "owner_ids": arrays.texts(one.owner.owner_id for one in changed),
            "reservation_ids": arrays.plain(one.reservation_id for one in changed),
            "partner_ids": arrays.texts(one.partner_id for one in changed),
            "amounts_minor": arrays.plain(one.amount.amount_minor for one in changed),
            "currency_codes": arrays.plain(one.amount.currency_code for one in changed),
            "states": arrays.plain(one.state for one in changed),
            "expire_times": arrays.plain(one.expire_time for one in changed),
        },
    )


def end_all(tx: Transaction, owners: Collection[Owner], state: State) -> None:
    """Move the reservations that may to a state; the partners' accounts are locked."""
    run(
        tx,
        END_ALL,
        {
            "owner_kinds": arrays.texts(owner.kind for owner in owners),
            "owner_ids": arrays.texts(owner.owner_id for owner in owners),
            "before": arrays.plain(one for one in State if state in MOVES[one]),
            "state": state,
        },
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
        overdue_since=row.overdue_since,
        waived_due_date=row.waived_due_date,
    )


def ensure(tx: Transaction, account: CreditAccount) -> None:
    """Open an account unless the partner has one."""
    tx.execute(insert(credit_account).values(_columns(account)).on_conflict_do_nothing())


def save(tx: Transaction, account: CreditAccount) -> None:
    """Store an account, new or changed."""
    upsert.put(tx, credit_account, _columns(account))


def save_overdue(tx: Transaction, since: Mapping[str, date | None]) -> None:
    """Store which partners are blocked by an invoice of which due day, or by none any more; their
    accounts are locked."""
    blocked = {one: day for one, day in since.items() if day is not None}
    released = since.keys() - blocked.keys()
    if blocked:
        values = {"partner_ids": arrays.texts(blocked), "days": arrays.plain(blocked.values())}
        run(tx, BLOCK_OVERDUE, values)
    if released:
        run(tx, RELEASE_OVERDUE, {"partner_ids": arrays.texts(released)})


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
    row = {
        "owner_kind": reservation.owner.kind,
        "owner_id": reservation.owner.owner_id,
        "reservation_id": reservation.reservation_id,
        "partner_id": reservation.partner_id,
        "amount_minor": reservation.amount.amount_minor,
        "currency_code": reservation.amount.currency_code,
        "state": reservation.state,
        "expire_time": reservation.expire_time,
    }
    upsert.put(tx, credit_reservation, row)


def _columns(account: CreditAccount) -> dict[str, Any]:
    return {
        "partner_id": account.partner_id,
        "unit_id": account.unit_id,
        "limit_minor": account.limit.amount_minor,
        "currency_code": account.limit.currency_code,
        "credit_days": account.credit_days,
        "blocked": account.blocked,
        "block_reason": account.block_reason,
        "overdue_since": account.overdue_since,
        "waived_due_date": account.waived_due_date,
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
