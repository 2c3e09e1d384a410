"""The tables of orders. An order's row is locked before anything of it changes; moves are only
inserted."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from channels.order import rows
from channels.order.domain import ENDED, Filter, Move, Order, OrderLine, State
from channels.order.errors import OrderNotFound
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

sales_order = sa.Table(
    "sales_order",
    TABLES,
    sa.Column("order_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("offer_id", sa.Uuid(as_uuid=False)),
    sa.Column("campaign_id", sa.Uuid(as_uuid=False)),
    sa.Column("offer_code", sa.Text, nullable=False),
    sa.Column("order_date", sa.Date, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("total_minor", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("contract_number", sa.Text, unique=True),
    sa.Column("checks", JSONB, nullable=False),
    sa.Column("end_reason", sa.Text, nullable=False),
    sa.Column("carrier", sa.Text, nullable=False),
    sa.Column("delivery_proof", sa.Text, nullable=False),
    sa.Column("cooling_off_end_time", sa.DateTime(timezone=True)),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

sales_order_line = sa.Table(
    "sales_order_line",
    TABLES,
    sa.Column("order_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("line_number", sa.Integer, primary_key=True),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("unit_price", sa.Numeric, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("excess_quantity", sa.BigInteger, nullable=False),
    sa.Column("factors", JSONB, nullable=False),
)

sales_order_move = sa.Table(
    "sales_order_move",
    TABLES,
    sa.Column("order_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("move_number", sa.Integer, primary_key=True),
    sa.Column("from_state", sa.Text, nullable=False),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("move_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("moved_by", sa.Text, nullable=False),
)

CONTRACT_NUMBER = sa.Sequence("contract_number_seq", metadata=TABLES)

_LIVING = sales_order.c.state.not_in(sorted(ENDED))


def add(tx: Transaction, new: Order) -> bool:
    """Insert an order with its lines and moves; False when its offer has a living one."""
    statement = (
        insert(sales_order)
        .values(rows.order_row(new))
        .on_conflict_do_nothing(
            index_elements=[sales_order.c.offer_id],
            index_where=sa.text("offer_id IS NOT NULL AND state NOT IN ('CANCELLED', 'REJECTED')"),
        )
    )
    if tx.execute(statement.returning(sa.literal(1))).first() is None:
        return False
    tx.execute(sa.insert(sales_order_line), rows.line_rows(new))
    _add_moves(tx, new, after=0)
    return True


def save(tx: Transaction, changed: Order, *, before: Order) -> None:
    """Write an order that was locked before, with the moves that are new."""
    row = rows.order_row(changed)
    tx.execute(
        sa.update(sales_order).where(sales_order.c.order_id == row.pop("order_id")).values(row)
    )
    _add_moves(tx, changed, after=len(before.moves))


def exists(tx: Transaction, order_id: str) -> bool:
    """Tell whether an order has this id."""
    query = sa.select(sa.exists().where(sales_order.c.order_id == order_id))
    return bool(tx.execute(query).scalar_one())


def has_living(tx: Transaction, offer_id: str) -> bool:
    """Tell whether an offer has an order that is neither cancelled nor rejected."""
    query = sa.select(sa.exists().where(sales_order.c.offer_id == offer_id, _LIVING))
    return bool(tx.execute(query).scalar_one())


def get(tx: Transaction, order_id: str, *, lock: bool = False) -> Order:
    """Return an order with its moves.

    Errors: OrderNotFound.
    """
    query = sa.select(sales_order).where(sales_order.c.order_id == order_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise OrderNotFound(order_id)
    moves = tx.execute(
        sa.select(sales_order_move)
        .where(sales_order_move.c.order_id == order_id)
        .order_by(sales_order_move.c.move_number)
    )
    found = [
        Move(State(one.from_state), State(one.to_state), one.move_time, one.moved_by)
        for one in moves
    ]
    return rows.order_of(row, _lines(tx, [row])[row.order_id], moves=tuple(found))


def page(tx: Transaction, part: Page, *, by: Caller, wanted: Filter) -> Slice[Order]:
    """Return a page of the orders in the caller's scope without their moves, the newest first."""
    query = sa.select(sales_order)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(sales_order.c.unit_id.in_(units))
    for column, value in (
        (sales_order.c.partner_id, wanted.partner_id),
        (sales_order.c.customer_id, wanted.customer_id),
        (sales_order.c.campaign_id, wanted.campaign_id),
        (sales_order.c.state, wanted.state),
        (sales_order.c.source, wanted.source),
    ):
        query = query.where(column == value) if value else query
    columns = [sales_order.c.create_time, sales_order.c.order_id]
    found = tx.execute(keyset(query, part, columns, descending=True)).all()
    lines = _lines(tx, found)
    orders = [rows.order_of(row, lines[row.order_id]) for row in found]
    return part.slice(orders, key=lambda one: (one.create_time, one.order_id))


def ordered_quantities(
    tx: Transaction, *, partner_id: str, first: date, last: date, product_ids: Iterable[str]
) -> dict[str, int]:
    """Return the pieces of each product in a partner's living orders of some days."""
    query = (
        sa.select(
            sales_order_line.c.product_id,
            sa.func.sum(sales_order_line.c.quantity).label("quantity"),
        )
        .join(sales_order, sales_order.c.order_id == sales_order_line.c.order_id)
        .where(
            sales_order.c.partner_id == partner_id,
            sales_order.c.order_date.between(first, last),
            sales_order_line.c.product_id.in_(sorted(set(product_ids))),
            _LIVING,
        )
        .group_by(sales_order_line.c.product_id)
    )
    return {row.product_id: int(row.quantity) for row in tx.execute(query)}


def next_contract_number(tx: Transaction, year: int) -> str:
    """Return a number that no contract has; numbers may be missing, none comes twice."""
    number = tx.execute(sa.select(CONTRACT_NUMBER.next_value())).scalar_one()
    return f"SC-{year}-{number:08d}"


def lock_closable(tx: Transaction, *, at: datetime, limit: int) -> list[str]:
    """Lock and return paid orders whose cooling-off time is over, as many as nobody else holds."""
    query = (
        sa.select(sales_order.c.order_id)
        .where(sales_order.c.state == State.SETTLED, sales_order.c.cooling_off_end_time <= at)
        .order_by(sales_order.c.order_id)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return list(tx.execute(query).scalars())


def _add_moves(tx: Transaction, order: Order, *, after: int) -> None:
    new = [
        {
            "order_id": order.order_id,
            "move_number": number,
            "from_state": move.before,
            "to_state": move.after,
            "move_time": move.at,
            "moved_by": move.by,
        }
        for number, move in enumerate(order.moves, start=1)
        if number > after
    ]
    if new:
        tx.execute(sa.insert(sales_order_move), new)


def _lines(tx: Transaction, orders: Iterable[Any]) -> dict[str, tuple[OrderLine, ...]]:
    """Return the lines of orders by order id, each in its order."""
    currencies = {row.order_id: row.currency_code for row in orders}
    query = (
        sa.select(sales_order_line)
        .where(sales_order_line.c.order_id.in_(sorted(currencies)))
        .order_by(sales_order_line.c.order_id, sales_order_line.c.line_number)
    )
    found: dict[str, list[OrderLine]] = {order_id: [] for order_id in currencies}
    for row in tx.execute(query):
        found[row.order_id].append(rows.line_of(row, currencies[row.order_id]))
    return {order_id: tuple(lines) for order_id, lines in found.items()}
