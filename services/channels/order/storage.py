"""The tables of orders. An order's row is locked before anything of it changes; moves are only
inserted."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from channels.order import rows
from channels.order.domain import Filter, Move, Order, OrderLine, State
from channels.order.errors import OrderNotFound
from chassis import arrays, scope
from chassis.database import Later, Transaction, run
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.period import Month
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
    sa.Column("project_id", sa.Text, nullable=False),
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

# Every price that was not that of the policies.
price_deviation = sa.Table(
    "price_deviation",
    TABLES,
    sa.Column("order_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("override_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("unit_price", sa.Numeric, nullable=False),
    sa.Column("policy_unit_price", sa.Numeric, nullable=False),
    sa.Column("policy_amount_minor", sa.BigInteger, nullable=False),
    sa.Column("deviation", sa.Numeric, nullable=False),
    sa.Column("placed_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
)

# Partners whose orders on hold are looked at again, each with the last one that was.
credit_recheck = sa.Table(
    "credit_recheck",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("after_time", sa.DateTime(timezone=True)),
    sa.Column("after_order_id", sa.Uuid(as_uuid=False)),
    sa.Column("request_time", sa.DateTime(timezone=True), nullable=False),
)

CONTRACT_NUMBER = sa.Sequence("contract_number_seq", metadata=TABLES)


# Written out once: building a statement costs more than running it. Orders are inserted by their
# offers: two batches never wait for each other.
ADD_ALL = """
WITH made AS (
  INSERT INTO sales_order (order_id, partner_id, customer_id, unit_id, source, offer_id,
    campaign_id, offer_code, order_date, currency_code, total_minor, state, contract_number,
    checks, end_reason, carrier, delivery_proof, cooling_off_end_time, create_time, version,
    project_id)
  SELECT order_id, partner_id, customer_id, unit_id, source, offer_id, campaign_id, offer_code,
    order_date, currency_code, total_minor, state, contract_number, checks, '', '', proof,
    cooling_off_end_time, create_time, version, project_id
  FROM unnest(%(order_ids)s::uuid[], %(partner_ids)s::text[],
      %(customer_ids)s::text[], %(unit_ids)s::text[], %(sources)s::text[],
      %(offer_ids)s::uuid[], %(campaign_ids)s::uuid[], %(offer_codes)s::text[],
      %(order_dates)s::date[], %(currency_codes)s::text[],
      %(totals_minor)s::bigint[], %(states)s::text[],
      %(contract_numbers)s::text[], %(checks)s::jsonb[], %(delivery_proofs)s::text[],
      %(cooling_off_end_times)s::timestamptz[],
      %(create_times)s::timestamptz[], %(versions)s::bigint[], %(project_ids)s::text[])
    AS new (order_id, partner_id, customer_id, unit_id, source, offer_id, campaign_id,
      offer_code, order_date, currency_code, total_minor, state, contract_number, checks, proof,
      cooling_off_end_time, create_time, version, project_id)
  ORDER BY offer_id
  ON CONFLICT (offer_id) WHERE offer_id IS NOT NULL AND state NOT IN ('CANCELLED', 'REJECTED')
    DO NOTHING
  RETURNING order_id
), line AS (
  INSERT INTO sales_order_line (order_id, line_number, product_id, quantity, unit_price,
    amount_minor, excess_quantity, factors)
  SELECT new.*
  FROM unnest(%(line_order_ids)s::uuid[], %(line_numbers)s::integer[],
      %(product_ids)s::text[], %(quantities)s::bigint[],
      %(unit_prices)s::numeric[], %(amounts_minor)s::bigint[],
      %(excess_quantities)s::bigint[], %(factors)s::jsonb[])
    AS new (order_id, line_number, product_id, quantity, unit_price, amount_minor,
      excess_quantity, factors)
  JOIN made USING (order_id)
), move AS (
  INSERT INTO sales_order_move (order_id, move_number, from_state, to_state, move_time,
    moved_by)
  SELECT new.*
  FROM unnest(%(move_order_ids)s::uuid[], %(move_numbers)s::integer[],
      %(from_states)s::text[], %(to_states)s::text[],
      %(move_times)s::timestamptz[], %(moved_bys)s::text[])
    AS new (order_id, move_number, from_state, to_state, move_time, moved_by)
  JOIN made USING (order_id)
)
SELECT count(*) FROM made
"""
# Each looks by an index, whatever the planner believes of the size of the table.
TAKEN = """
SELECT CAST(order_id AS text)
FROM unnest(%(order_ids)s::uuid[]) AS wanted (order_id),
LATERAL (SELECT FROM sales_order AS o WHERE o.order_id = wanted.order_id LIMIT 1) AS found
UNION ALL
SELECT CAST(offer_id AS text)
FROM unnest(%(offer_ids)s::uuid[]) AS wanted (offer_id),
LATERAL (SELECT FROM sales_order AS o WHERE o.offer_id = wanted.offer_id
           AND o.state NOT IN ('CANCELLED', 'REJECTED') LIMIT 1) AS found
"""
ORDERED = """
SELECT wanted.partner_id, wanted.first_day, l.product_id, sum(l.quantity) AS quantity
FROM unnest(%(partner_ids)s::text[], %(firsts)s::date[], %(lasts)s::date[])
  AS wanted (partner_id, first_day, last_day)
JOIN sales_order AS o ON o.partner_id = wanted.partner_id
  AND o.order_date BETWEEN wanted.first_day AND wanted.last_day
  AND o.state NOT IN ('CANCELLED', 'REJECTED')
JOIN sales_order_line AS l ON l.order_id = o.order_id
  AND l.product_id = ANY(%(product_ids)s::text[])
GROUP BY wanted.partner_id, wanted.first_day, l.product_id
"""
CONTRACT_NUMBERS = (
    "SELECT nextval('contract_number_seq') FROM generate_series(1, %(count)s::integer)"
)
ADD_DEVIATIONS = """
INSERT INTO price_deviation (order_id, product_id, override_id, unit_price, policy_unit_price,
  policy_amount_minor, deviation, placed_by, create_time)
SELECT *
FROM unnest(%(order_ids)s::uuid[], %(product_ids)s::text[], %(override_ids)s::uuid[],
    %(unit_prices)s::numeric[], %(policy_unit_prices)s::numeric[],
    %(policy_amounts_minor)s::bigint[], %(deviations)s::numeric[], %(placed_bys)s::text[],
    %(create_times)s::timestamptz[])
"""
# Those that somebody else holds are left out: he takes the goods himself, or the next turn does.
LOCK_WAITING = """
SELECT CAST(order_id AS text)
FROM sales_order
WHERE order_id = ANY(%(order_ids)s::uuid[]) AND state IN ('APPROVED', 'PARTIALLY_ALLOCATED')
ORDER BY order_id
FOR UPDATE SKIP LOCKED
"""
LOCK_STATES = """
SELECT CAST(order_id AS text), state
FROM sales_order
WHERE order_id = ANY(%(order_ids)s::uuid[])
ORDER BY order_id
FOR UPDATE
"""
# Nothing else of an order changes with its moves.
ADD_MOVES = """
WITH moved AS (
  UPDATE sales_order AS o SET state = new.state, version = o.version + new.steps
  FROM unnest(%(order_ids)s::uuid[], %(states)s::text[], %(steps)s::bigint[])
    AS new (order_id, state, steps)
  WHERE o.order_id = new.order_id
)
INSERT INTO sales_order_move (order_id, move_number, from_state, to_state, move_time, moved_by)
SELECT new.order_id, new.place + (
    SELECT coalesce(max(m.move_number), 0) FROM sales_order_move AS m
    WHERE m.order_id = new.order_id
  ), new.from_state, new.to_state, new.move_time, new.moved_by
FROM unnest(%(move_order_ids)s::uuid[], %(places)s::integer[], %(from_states)s::text[],
    %(to_states)s::text[], %(move_times)s::timestamptz[], %(moved_bys)s::text[])
  AS new (order_id, place, from_state, to_state, move_time, moved_by)
"""


def add_all(tx: Transaction, new: Sequence[Order]) -> Later[bool]:
    """Insert orders with their lines and moves; False when one of them is missing, because its
    offer has a living order."""
    made = run(tx, ADD_ALL, rows.columns(new))
    deviations = rows.deviation_columns(new)
    if deviations is not None:
        run(tx, ADD_DEVIATIONS, deviations)
    return lambda: made.fetchone() == (len(new),)


def save(tx: Transaction, changed: Order, *, before: Order) -> None:
    """Write an order that was locked before, with the moves that are new."""
    row = rows.order_row(changed)
    tx.execute(
        sa.update(sales_order).where(sales_order.c.order_id == row.pop("order_id")).values(row)
    )
    _add_moves(tx, changed, after=len(before.moves))


def lock_waiting(tx: Transaction, order_ids: Iterable[str]) -> set[str]:
    """Lock and return those of the orders that wait for goods and that nobody else holds."""
    found = run(tx, LOCK_WAITING, {"order_ids": arrays.plain(order_ids)})
    return {order_id for (order_id,) in found}


def lock_states(tx: Transaction, order_ids: Iterable[str]) -> dict[str, State]:
    """Lock those of the orders that there are, and return their states by order."""
    found = run(tx, LOCK_STATES, {"order_ids": arrays.plain(order_ids)})
    return {order_id: State(state) for order_id, state in found}


def add_moves(tx: Transaction, moves: Mapping[str, Sequence[Move]]) -> None:
    """Take orders that are locked through moves, by order and each in its order."""
    placed = [
        (order_id, place, move)
        for order_id, own in moves.items()
        for place, move in enumerate(own, start=1)
    ]
    run(
        tx,
        ADD_MOVES,
        {
            "order_ids": arrays.plain(moves),
            "states": arrays.plain(own[-1].after for own in moves.values()),
            "steps": arrays.plain(len(own) for own in moves.values()),
            "move_order_ids": arrays.plain(order_id for order_id, _, _ in placed),
            "places": arrays.plain(place for _, place, _ in placed),
            "from_states": arrays.plain(move.before for _, _, move in placed),
            "to_states": arrays.plain(move.after for _, _, move in placed),
            "move_times": arrays.plain(move.at for _, _, move in placed),
            "moved_bys": arrays.texts(move.by for _, _, move in placed),
        },
    )


def taken(
    tx: Transaction, *, order_ids: Iterable[str], offer_ids: Iterable[str]
) -> Later[frozenset[str]]:
    """Return those ids that an order has, and those offers that have an order which is neither
    cancelled nor rejected."""
    values = {"order_ids": arrays.plain(order_ids), "offer_ids": arrays.plain(offer_ids)}
    found = run(tx, TAKEN, values)
    return lambda: frozenset(one for (one,) in found)


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
    tx: Transaction, wanted: Collection[tuple[str, Month]], product_ids: Iterable[str]
) -> Counter[tuple[str, Month, str]]:
    """Return the pieces of each product in partners' living orders of a month.

    Shape: (partner, month, product) → pieces.
    """
    found = run(
        tx,
        ORDERED,
        {
            "partner_ids": arrays.texts(partner_id for partner_id, _ in wanted),
            "firsts": arrays.plain(month.first_day for _, month in wanted),
            "lasts": arrays.plain(month.last_day for _, month in wanted),
            "product_ids": arrays.texts(product_ids),
        },
    )
    return Counter(
        {
            (partner_id, Month.of(first_day), product_id): int(quantity)
            for partner_id, first_day, product_id, quantity in found
        }
    )


def next_numbers(tx: Transaction, count: int) -> Later[list[int]]:
    """Return numbers that no contract has; numbers may be missing, none comes twice."""
    found = run(tx, CONTRACT_NUMBERS, {"count": count})
    return lambda: [one for (one,) in found]


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
