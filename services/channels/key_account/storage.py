"""The table of large customers and dossiers."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from channels.key_account.domain import KeyAccount, KeyAccountNotFound, State
from channels.selection.rows import checks_from_json, checks_to_json
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

key_account = sa.Table(
    "key_account",
    TABLES,
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("checks", JSONB, nullable=False),
    sa.Column("manager", sa.Text, nullable=False),
    sa.Column("assign_year", sa.Integer, nullable=False),
    sa.Column("currency_code", sa.CHAR(3)),
    sa.Column("revenue_minor", sa.BigInteger),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)


def ensure(tx: Transaction, new: Sequence[KeyAccount]) -> list[KeyAccount]:
    """Insert those that are not known, and return all of them locked, by id."""
    if not new:
        return []
    drafts = sorted((_row(one) for one in new), key=lambda row: str(row["customer_id"]))
    tx.execute(insert(key_account).values(drafts).on_conflict_do_nothing())
    query = sa.select(key_account).where(
        key_account.c.customer_id.in_([one.customer_id for one in new])
    )
    query = query.order_by(key_account.c.customer_id).with_for_update()
    return [_account(row) for row in tx.execute(query)]


def get(tx: Transaction, customer_id: str) -> KeyAccount:
    """Return a customer, locked.

    Errors: KeyAccountNotFound.
    """
    query = sa.select(key_account).where(key_account.c.customer_id == customer_id)
    row = tx.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise KeyAccountNotFound(customer_id)
    return _account(row)


def save(tx: Transaction, changed: KeyAccount) -> None:
    """Write a customer that was locked before."""
    row = _row(changed)
    own = key_account.c.customer_id == row.pop("customer_id")
    tx.execute(sa.update(key_account).where(own).values(row))


def managed(tx: Transaction, customer_ids: Collection[str]) -> set[str]:
    """Return those of the customers that have a manager."""
    query = sa.select(key_account.c.customer_id).where(
        key_account.c.customer_id.in_(customer_ids), key_account.c.manager != ""
    )
    return set(tx.execute(query).scalars())


def loads(tx: Transaction, managers: Collection[str]) -> dict[str, int]:
    """Count the customers of managers."""
    query = (
        sa.select(key_account.c.manager, sa.func.count())
        .where(key_account.c.manager.in_(managers))
        .group_by(key_account.c.manager)
    )
    return {manager: count for manager, count in tx.execute(query)}


def page(tx: Transaction, part: Page, *, by: Caller, manager: str) -> Slice[KeyAccount]:
    """Return a page of the customers in the caller's scope, by id."""
    query = sa.select(key_account)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(key_account.c.unit_id.in_(units))
    if manager:
        query = query.where(key_account.c.manager == manager)
    found = [_account(row) for row in tx.execute(keyset(query, part, [key_account.c.customer_id]))]
    return part.slice(found, key=lambda one: (one.customer_id,))


def _row(source: KeyAccount) -> dict[str, Any]:
    revenue = source.revenue
    return {
        "customer_id": source.customer_id,
        "unit_id": source.unit_id,
        "state": source.state,
        "checks": checks_to_json(source.checks),
        "manager": source.manager,
        "assign_year": source.assign_year,
        "currency_code": revenue.currency_code if revenue else None,
        "revenue_minor": revenue.amount_minor if revenue else None,
        "create_time": source.create_time,
        "version": source.version,
    }


def _account(row: sa.Row[Any]) -> KeyAccount:
    known = row.currency_code is not None
    return KeyAccount(
        customer_id=row.customer_id,
        unit_id=row.unit_id,
        state=State(row.state),
        create_time=row.create_time,
        checks=checks_from_json(row.checks),
        manager=row.manager,
        assign_year=row.assign_year,
        revenue=Money(row.currency_code, row.revenue_minor) if known else None,
        version=row.version,
    )
