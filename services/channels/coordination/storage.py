"""The table of what is to be co-ordinated.

Who changes how many pieces of an order are still to come holds the lock of that order; an answer
locks its item alone.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from channels.coordination.domain import (
    CoordinationNotFound,
    Filled,
    Filter,
    Item,
    Kind,
    State,
)
from chassis import arrays, scope
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

coordination_item = sa.Table(
    "coordination_item",
    TABLES,
    sa.Column("order_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("open_quantity", sa.BigInteger, nullable=False),
    sa.Column("promise_date", sa.Date),
    sa.Column("duty", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("answered_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

# An order that was on hold meanwhile begins its items anew.
ADD_ALL = """
INSERT INTO coordination_item AS i (order_id, product_id, kind, partner_id, unit_id, quantity,
  open_quantity, promise_date, duty, state, answer, answered_by, create_time, version)
SELECT order_id, product_id, kind, partner_id, unit_id, quantity, open_quantity, promise_date,
  duty, 'OPEN', '', '', create_time, 1
FROM unnest(%(order_ids)s::uuid[], %(product_ids)s::text[], %(kinds)s::text[],
    %(partner_ids)s::text[], %(unit_ids)s::text[], %(quantities)s::bigint[],
    %(open_quantities)s::bigint[], %(promise_dates)s::date[], %(duties)s::text[],
    %(create_times)s::timestamptz[])
  AS new (order_id, product_id, kind, partner_id, unit_id, quantity, open_quantity,
    promise_date, duty, create_time)
ON CONFLICT (order_id, product_id, kind) DO UPDATE SET
  quantity = excluded.quantity, open_quantity = excluded.open_quantity,
  promise_date = excluded.promise_date, duty = excluded.duty, state = 'OPEN', answer = '',
  answered_by = '', create_time = excluded.create_time, version = i.version + 1
"""
WAITING = """
SELECT CAST(order_id AS text)
FROM coordination_item
WHERE product_id = ANY(%(product_ids)s::text[]) AND open_quantity > 0
GROUP BY order_id
ORDER BY min(create_time), order_id
LIMIT %(limit)s::integer
"""
WAITED_FOR = """
SELECT DISTINCT product_id FROM coordination_item WHERE open_quantity > 0 ORDER BY product_id
"""
FILL = """
UPDATE coordination_item AS i SET open_quantity = i.open_quantity - new.quantity,
  state = CASE WHEN i.open_quantity = new.quantity THEN 'DONE' ELSE i.state END,
  version = i.version + 1
FROM unnest(%(order_ids)s::uuid[], %(product_ids)s::text[], %(quantities)s::bigint[])
  AS new (order_id, product_id, quantity)
WHERE i.order_id = new.order_id AND i.product_id = new.product_id AND i.kind = 'BACK_ORDER'
"""
DROP = """
UPDATE coordination_item SET open_quantity = 0, state = 'DROPPED', version = version + 1
WHERE order_id = %(order_id)s::uuid AND kind = ANY(%(kinds)s::text[])
  AND state IN ('OPEN', 'ANSWERED')
"""


def add_all(tx: Transaction, new: Sequence[Item]) -> None:
    """Insert items, or begin them anew."""
    run(
        tx,
        ADD_ALL,
        {
            "order_ids": arrays.plain(one.order_id for one in new),
            "product_ids": arrays.texts(one.product_id for one in new),
            "kinds": arrays.plain(one.kind for one in new),
            "partner_ids": arrays.texts(one.partner_id for one in new),
            "unit_ids": arrays.texts(one.unit_id for one in new),
            "quantities": arrays.plain(one.quantity for one in new),
            "open_quantities": arrays.plain(one.open_quantity for one in new),
            "promise_dates": arrays.plain(one.promise_date for one in new),
            "duties": arrays.texts(one.duty for one in new),
            "create_times": arrays.plain(one.create_time for one in new),
        },
    )


def waiting(tx: Transaction, product_ids: Collection[str], *, limit: int) -> list[str]:
    """Return orders that wait for pieces of the products, the oldest first."""
    values = {"product_ids": arrays.texts(product_ids), "limit": limit}
    return [order_id for (order_id,) in run(tx, WAITING, values)]


def waited_for(tx: Transaction) -> list[str]:
    """Return the products that orders wait for, sorted."""
    return [product_id for (product_id,) in run(tx, WAITED_FOR, {})]


def back_orders(tx: Transaction, order_ids: Iterable[str]) -> list[Item]:
    """Return the back-orders of orders, also those that are done, the oldest first."""
    query = (
        sa.select(coordination_item)
        .where(
            coordination_item.c.order_id.in_(sorted(order_ids)),
            coordination_item.c.kind == Kind.BACK_ORDER,
        )
        .order_by(coordination_item.c.create_time, *coordination_item.primary_key)
    )
    return [_item(row) for row in tx.execute(query)]


def fill(tx: Transaction, filled: Sequence[Filled]) -> None:
    """Take pieces that are there off back-orders whose orders are locked."""
    run(
        tx,
        FILL,
        {
            "order_ids": arrays.plain(one.order_id for one in filled),
            "product_ids": arrays.texts(one.product_id for one in filled),
            "quantities": arrays.plain(one.quantity for one in filled),
        },
    )


def drop(tx: Transaction, order_id: str, kinds: Collection[Kind]) -> None:
    """Drop what an order that is locked does not need any more."""
    run(tx, DROP, {"order_id": order_id, "kinds": arrays.plain(kinds)})


def lock(tx: Transaction, *, order_id: str, product_id: str, kind: Kind) -> Item:
    """Lock and return an item.

    Errors: CoordinationNotFound.
    """
    query = sa.select(coordination_item).where(*_is(order_id, product_id, kind))
    row = tx.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise CoordinationNotFound(order_id, product_id, kind)
    return _item(row)


def save_answer(tx: Transaction, changed: Item) -> None:
    """Write the answer of an item that was locked before."""
    tx.execute(
        sa.update(coordination_item)
        .where(*_is(changed.order_id, changed.product_id, changed.kind))
        .values(
            promise_date=changed.promise_date,
            state=changed.state,
            answer=changed.answer,
            answered_by=changed.answered_by,
            version=changed.version,
        )
    )


def page(tx: Transaction, part: Page, *, by: Caller, wanted: Filter) -> Slice[Item]:
    """Return a page of the items in the caller's scope, the oldest first."""
    query = sa.select(coordination_item)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(coordination_item.c.unit_id.in_(units))
    for column, value in (
        (coordination_item.c.kind, wanted.kind),
        (coordination_item.c.state, wanted.state),
        (coordination_item.c.product_id, wanted.product_id),
        (coordination_item.c.order_id, wanted.order_id),
    ):
        query = query.where(column == value) if value else query
    columns = [coordination_item.c.create_time, *coordination_item.primary_key]
    found = [_item(row) for row in tx.execute(keyset(query, part, columns))]
    return part.slice(
        found, key=lambda one: (one.create_time, one.order_id, one.product_id, one.kind)
    )


def _is(order_id: str, product_id: str, kind: Kind) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        coordination_item.c.order_id == order_id,
        coordination_item.c.product_id == product_id,
        coordination_item.c.kind == kind,
    )


def _item(row: Any) -> Item:
    return Item(
        order_id=row.order_id,
        product_id=row.product_id,
        kind=Kind(row.kind),
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        quantity=row.quantity,
        open_quantity=row.open_quantity,
        promise_date=row.promise_date,
        duty=row.duty,
        create_time=row.create_time,
        state=State(row.state),
        answer=row.answer,
        answered_by=row.answered_by,
        version=row.version,
    )
