"""The customers, their subscriptions, and the imports they came by."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from chassis import upsert
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from crm.customer.domain import (
    Customer,
    CustomerNotFound,
    Kind,
    Status,
    Subscription,
    SubscriptionState,
)
from crm.customer.rows import ERRORS_SHOWN_MAX, Import, ImportNotFound, RowError
from crm.touchpoint.domain import ContactKind

TABLES = sa.MetaData()

customer = sa.Table(
    "customer",
    TABLES,
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("phone", sa.Text, nullable=False),
    sa.Column("time_zone", sa.Text, nullable=False),
    sa.Column("tags", ARRAY(sa.Text), nullable=False),
    sa.Column("consents", ARRAY(sa.Text), nullable=False),
    sa.Column("attributes", JSONB, nullable=False),
    sa.Column("scores", JSONB, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

subscription = sa.Table(
    "subscription",
    TABLES,
    sa.Column("customer_id", sa.Text, sa.ForeignKey(customer.c.customer_id), primary_key=True),
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("change_time", sa.DateTime(timezone=True), nullable=False),
)

customer_import = sa.Table(
    "customer_import",
    TABLES,
    sa.Column("import_id", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("rows_received", sa.BigInteger, nullable=False),
    sa.Column("rows_new", sa.BigInteger, nullable=False),
    sa.Column("rows_updated", sa.BigInteger, nullable=False),
    sa.Column("rows_rejected", sa.BigInteger, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("update_time", sa.DateTime(timezone=True), nullable=False),
)

customer_import_error = sa.Table(
    "customer_import_error",
    TABLES,
    sa.Column("import_id", sa.Text, sa.ForeignKey(customer_import.c.import_id), primary_key=True),
    sa.Column("row_number", sa.BigInteger, primary_key=True),
    sa.Column("field", sa.Text, primary_key=True),
    sa.Column("problem", sa.Text, nullable=False),
)


def get(tx: Transaction, customer_id: str, *, lock: bool = False) -> Customer:
    """Return a customer with all subscriptions.

    Errors: CustomerNotFound.
    """
    found = find(tx, [customer_id], lock=lock)
    if not found:
        raise CustomerNotFound(customer_id)
    rows = tx.execute(
        sa.select(subscription)
        .where(subscription.c.customer_id == customer_id)
        .order_by(subscription.c.product_id)
    ).all()
    return _customer(found[0], [_subscription(row) for row in rows])


def find(tx: Transaction, customer_ids: Collection[str], *, lock: bool) -> Sequence[sa.Row[Any]]:
    """Return the rows of those of the customers that are known, by id; locked in that order."""
    query = (
        sa.select(customer)
        .where(customer.c.customer_id.in_(sorted(customer_ids)))
        .order_by(customer.c.customer_id)
    )
    return tx.execute(query.with_for_update() if lock else query).all()


def known(tx: Transaction, customer_ids: Collection[str]) -> dict[str, Customer]:
    """Return those of the customers that are known, locked, without their subscriptions."""
    return {row.customer_id: _customer(row) for row in find(tx, customer_ids, lock=True)}


def save(tx: Transaction, customers: Sequence[Customer]) -> None:
    """Write customers, new and known ones, without their subscriptions."""
    upsert.put(tx, customer, [_row(one) for one in customers], keep=["create_time"])


def save_subscriptions(tx: Transaction, subscriptions: Iterable[tuple[str, Subscription]]) -> None:
    """Write subscriptions, each with the id of its customer."""
    rows = [
        {
            "customer_id": customer_id,
            "product_id": one.product_id,
            "state": one.state.value,
            "change_time": one.change_time,
        }
        for customer_id, one in sorted(
            subscriptions, key=lambda pair: (pair[0], pair[1].product_id)
        )
    ]
    upsert.put(tx, subscription, rows)


def listing(
    tx: Transaction,
    page: Page,
    *,
    units: sa.ScalarSelect[str] | None,
    unit_id: str,
    tag: str,
    kind: Kind | None,
) -> Slice[Customer]:
    """Return a page of customers by id, without their subscriptions."""
    query = sa.select(customer)
    if units is not None:
        query = query.where(customer.c.unit_id.in_(units))
    if unit_id:
        query = query.where(customer.c.unit_id == unit_id)
    if tag:
        query = query.where(customer.c.tags.contains([tag]))
    if kind is not None:
        query = query.where(customer.c.kind == kind)
    rows = tx.execute(keyset(query, page, [customer.c.customer_id]))
    return page.slice(rows, key=lambda row: (row.customer_id,)).map(_customer)


def begin_import(tx: Transaction, *, import_id: str, unit_id: str, at: datetime) -> Import:
    """Return an import, begun now unless it was before, and hold it."""
    tx.execute(
        insert(customer_import)
        .values(_import_row(Import(import_id, unit_id, create_time=at, update_time=at)))
        .on_conflict_do_nothing()
    )
    return get_import(tx, import_id, lock=True)


def get_import(tx: Transaction, import_id: str, *, lock: bool = False) -> Import:
    """Return an import.

    Errors: ImportNotFound.
    """
    query = sa.select(customer_import).where(customer_import.c.import_id == import_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise ImportNotFound(import_id)
    return Import(
        import_id=row.import_id,
        unit_id=row.unit_id,
        rows_new=row.rows_new,
        rows_updated=row.rows_updated,
        rows_rejected=row.rows_rejected,
        create_time=row.create_time,
        update_time=row.update_time,
    )


def save_import(tx: Transaction, progress: Import, errors: Sequence[RowError]) -> None:
    """Write how far an import is, and which rows were refused; the last word on a row counts."""
    tx.execute(
        sa.update(customer_import)
        .where(customer_import.c.import_id == progress.import_id)
        .values(_import_row(progress))
    )
    if not errors:
        return
    unique = {(one.row_number, one.field): one.problem for one in errors}
    rows = [
        {
            "import_id": progress.import_id,
            "row_number": number,
            "field": name,
            "problem": problem,
        }
        for (number, name), problem in sorted(unique.items())
    ]
    upsert.put(tx, customer_import_error, rows)


def import_errors(tx: Transaction, import_id: str) -> list[RowError]:
    """Return the first 1,000 refused rows of an import, by row and field."""
    found = tx.execute(
        sa.select(customer_import_error)
        .where(customer_import_error.c.import_id == import_id)
        .order_by(customer_import_error.c.row_number, customer_import_error.c.field)
        .limit(ERRORS_SHOWN_MAX)
    )
    return [RowError(row.row_number, row.field, row.problem) for row in found]


def _row(one: Customer) -> dict[str, object]:
    return {
        "customer_id": one.customer_id,
        "unit_id": one.unit_id,
        "kind": one.kind.value,
        "status": one.status.value,
        "display_name": one.display_name,
        "phone": one.phone,
        "time_zone": one.time_zone,
        "tags": sorted(one.tags),
        "consents": sorted(one.consents),
        "attributes": dict(one.attributes),
        "scores": dict(one.scores),
        "create_time": one.create_time,
        "version": one.version,
    }


def _customer(row: sa.Row[Any], subscriptions: Sequence[Subscription] = ()) -> Customer:
    return Customer(
        customer_id=row.customer_id,
        unit_id=row.unit_id,
        kind=Kind(row.kind),
        status=Status(row.status),
        display_name=row.display_name,
        phone=row.phone,
        time_zone=row.time_zone,
        tags=frozenset(row.tags),
        consents=frozenset(ContactKind(kind) for kind in row.consents),
        attributes=row.attributes,
        scores=row.scores,
        subscriptions=tuple(subscriptions),
        create_time=row.create_time,
        version=row.version,
    )


def _subscription(row: sa.Row[Any]) -> Subscription:
    return Subscription(row.product_id, SubscriptionState(row.state), row.change_time)


def _import_row(progress: Import) -> dict[str, object]:
    return {
        "import_id": progress.import_id,
        "unit_id": progress.unit_id,
        "rows_received": progress.rows_received,
        "rows_new": progress.rows_new,
        "rows_updated": progress.rows_updated,
        "rows_rejected": progress.rows_rejected,
        "create_time": progress.create_time,
        "update_time": progress.update_time,
    }
