"""The tables of shipments. Who changes a shipment holds the lock of its order; what a line carries
never changes."""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from channels.shipment.domain import (
    Filter,
    Line,
    Performance,
    Shipment,
    ShipmentNotFound,
    State,
)
from chassis import arrays, scope
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

shipment = sa.Table(
    "shipment",
    TABLES,
    sa.Column("shipment_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("carrier", sa.Text, nullable=False),
    sa.Column("delivery_proof", sa.Text, nullable=False),
    sa.Column("due_date", sa.Date, nullable=False),
    sa.Column("pick_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("ship_time", sa.DateTime(timezone=True)),
    sa.Column("deliver_time", sa.DateTime(timezone=True)),
    sa.Column("deliver_date", sa.Date),
    sa.Column("version", sa.BigInteger, nullable=False),
)

shipment_line = sa.Table(
    "shipment_line",
    TABLES,
    sa.Column("shipment_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("line_number", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
)

ADD = """
WITH made AS (
  INSERT INTO shipment (shipment_id, order_id, partner_id, unit_id, state, carrier,
    delivery_proof, due_date, pick_time, ship_time, deliver_time, deliver_date, version)
  VALUES (%(shipment_id)s, %(order_id)s, %(partner_id)s, %(unit_id)s, %(state)s, %(carrier)s,
    %(delivery_proof)s, %(due_date)s, %(pick_time)s, %(ship_time)s, %(deliver_time)s,
    %(deliver_date)s, %(version)s)
  RETURNING shipment_id
)
INSERT INTO shipment_line (shipment_id, line_number, product_id, quantity, batch)
SELECT made.shipment_id, new.*
FROM made, unnest(%(line_numbers)s::integer[], %(product_ids)s::text[],
    %(quantities)s::bigint[], %(batches)s::text[])
  AS new (line_number, product_id, quantity, batch)
"""


def add(tx: Transaction, new: Shipment) -> None:
    """Insert a shipment with its lines."""
    values = _row(new) | {
        "line_numbers": arrays.plain(range(1, len(new.lines) + 1)),
        "product_ids": arrays.texts(line.product_id for line in new.lines),
        "quantities": arrays.plain(line.quantity for line in new.lines),
        "batches": arrays.texts(line.batch for line in new.lines),
    }
    run(tx, ADD, values)


def save(tx: Transaction, changed: Shipment) -> None:
    """Write a shipment whose order is locked."""
    row = _row(changed)
    shipment_id = row.pop("shipment_id")
    tx.execute(sa.update(shipment).where(shipment.c.shipment_id == shipment_id).values(row))


def get(tx: Transaction, shipment_id: str) -> Shipment:
    """Return a shipment.

    Errors: ShipmentNotFound.
    """
    query = sa.select(shipment).where(shipment.c.shipment_id == shipment_id)
    found = _whole(tx, tx.execute(query).all())
    if not found:
        raise ShipmentNotFound(shipment_id)
    return found[0]


def of_order(tx: Transaction, order_id: str) -> list[Shipment]:
    """Return the shipments of an order, the oldest first."""
    query = (
        sa.select(shipment)
        .where(shipment.c.order_id == order_id)
        .order_by(shipment.c.pick_time, shipment.c.shipment_id)
    )
    return _whole(tx, tx.execute(query).all())


def page(tx: Transaction, part: Page, *, by: Caller, wanted: Filter) -> Slice[Shipment]:
    """Return a page of the shipments in the caller's scope, the newest first."""
    query = _in_scope(sa.select(shipment), by)
    for column, value in (
        (shipment.c.order_id, wanted.order_id),
        (shipment.c.partner_id, wanted.partner_id),
        (shipment.c.state, wanted.state),
    ):
        query = query.where(column == value) if value else query
    if wanted.batch:
        carries = sa.select(shipment_line.c.shipment_id).where(
            shipment_line.c.batch == wanted.batch
        )
        query = query.where(shipment.c.shipment_id.in_(carries))
    columns = [shipment.c.pick_time, shipment.c.shipment_id]
    found = _whole(tx, tx.execute(keyset(query, part, columns, descending=True)).all())
    return part.slice(found, key=lambda one: (one.pick_time, one.shipment_id))


def performance(
    tx: Transaction, *, first_day: date, last_day: date, partner_id: str, by: Caller
) -> Performance:
    """Count the deliveries of some days in the caller's scope, and those that were on time."""
    on_time = sa.func.count().filter(shipment.c.deliver_date <= shipment.c.due_date)
    query = sa.select(sa.func.count(), on_time).where(
        shipment.c.state == State.DELIVERED,
        shipment.c.deliver_date.between(first_day, last_day),
    )
    if partner_id:
        query = query.where(shipment.c.partner_id == partner_id)
    deliveries, kept = tx.execute(_in_scope(query, by)).one()
    return Performance(deliveries, kept)


def delivered_pieces(
    tx: Transaction, *, partner_id: str, first_day: date, last_day: date
) -> dict[str, int]:
    """Return the pieces of each product that a partner was delivered in some days."""
    query = (
        sa.select(shipment_line.c.product_id, sa.func.sum(shipment_line.c.quantity))
        .join(shipment, shipment.c.shipment_id == shipment_line.c.shipment_id)
        .where(
            shipment.c.partner_id == partner_id,
            shipment.c.deliver_date.between(first_day, last_day),
        )
        .group_by(shipment_line.c.product_id)
    )
    return {product_id: int(quantity) for product_id, quantity in tx.execute(query)}


def _in_scope(query: sa.Select[Any], by: Caller) -> sa.Select[Any]:
    units = scope.units_of(by)
    return query if units is None else query.where(shipment.c.unit_id.in_(units))


def _row(source: Shipment) -> dict[str, Any]:
    return {
        "shipment_id": source.shipment_id,
        "order_id": source.order_id,
        "partner_id": source.partner_id,
        "unit_id": source.unit_id,
        "state": str(source.state),
        "carrier": source.carrier,
        "delivery_proof": source.delivery_proof,
        "due_date": source.due_date,
        "pick_time": source.pick_time,
        "ship_time": source.ship_time,
        "deliver_time": source.deliver_time,
        "deliver_date": source.deliver_date,
        "version": source.version,
    }


def _whole(tx: Transaction, rows: Sequence[Any]) -> list[Shipment]:
    lines = _lines(tx, [row.shipment_id for row in rows])
    return [
        Shipment(
            shipment_id=row.shipment_id,
            order_id=row.order_id,
            partner_id=row.partner_id,
            unit_id=row.unit_id,
            lines=tuple(lines[row.shipment_id]),
            due_date=row.due_date,
            pick_time=row.pick_time,
            state=State(row.state),
            carrier=row.carrier,
            delivery_proof=row.delivery_proof,
            ship_time=row.ship_time,
            deliver_time=row.deliver_time,
            deliver_date=row.deliver_date,
            version=row.version,
        )
        for row in rows
    ]


def _lines(tx: Transaction, shipment_ids: Iterable[str]) -> dict[str, list[Line]]:
    found: dict[str, list[Line]] = {shipment_id: [] for shipment_id in shipment_ids}
    if not found:
        return found
    query = (
        sa.select(shipment_line)
        .where(shipment_line.c.shipment_id.in_(sorted(found)))
        .order_by(shipment_line.c.shipment_id, shipment_line.c.line_number)
    )
    for row in tx.execute(query):
        found[row.shipment_id].append(Line(row.product_id, row.quantity, row.batch))
    return found
