"""B5: an order, from the request to the commit, against one hand-written statement; and an agent's
order with the credit of the real settlement.

Both halves are gRPC servers on the same core with as many threads, and both ask the same stand-in
for credit; what is compared is everything else that the service does.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from statistics import median
from typing import Any

import psycopg
from mantle.channels.v1 import order_pb2
from mantle.channels.v1 import order_service_pb2 as pb
from mantle.channels.v1 import stock_service_pb2 as stock
from psycopg import sql
from psycopg.rows import dict_row

from chassis.ids import new_id
from chassis.rpc.methods import method_of
from tests.bench import arrange
from tests.bench.counts import count
from tests.bench.load import Client, each
from tests.bench.machine import cpu_s
from tests.bench.pairs import Run, Sizes, Slice, calling, compare
from tests.bench.stage import CONCURRENCY, Side, Stage, settle, side
from tests.bench.table import Row, at_least
from tests.support import examples_channels as examples
from tests.support.books import check_books
from tests.support.server import libpq

METHOD = method_of(pb.PlaceOrderRequest)
IN_FLIGHT = 16
PARTNERS, PRODUCTS = 100, 30
STOCK = 10_000_000
LIMIT_MINOR = 10_000_000_000
GOAL, RATE_GOAL = 0.80, 200
SLICES, SLICE_S = 12, 1.0
ANY_ID = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
ROLE = "sales_administration"
VARYING = {
    "event_id", "record_time", "request_id", "fingerprint", "reply", "payload", "contract_number",
    "create_time", "occur_time", "move_time", "id", "trace_id", "traceparent", "order_id",
    "ordering_key", "partition", "product_id", "partner_id",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Form:
    """Say what an order is like: its lines, who places it, and for whom."""

    lines: int
    source: order_pb2.OrderSource.ValueType
    kind: str


OFFICE = Form(3, order_pb2.ORDER_SOURCE_OFFICE, "DISTRIBUTOR")
# An agent buys with its discount: list price, discount and terms make the price of each line.
AGENT = Form(5, order_pb2.ORDER_SOURCE_PARTNER, "AGENT")


@dataclass(frozen=True, slots=True)
class Shop:
    """Hold what can be ordered, by whom, and how."""

    partner_ids: list[str]
    product_ids: list[str]
    form: Form


def furnished(made: Side, *, short: bool, form: Form = OFFICE) -> Shop:
    """Put products with stock on sale and let partners order."""
    arrange.tell_root(made, "channels")
    if form is AGENT:
        examples.a_policy(
            made.world,
            kind="discount",
            scope="channel:agent",
            start_date=made.stage.clock.now().date().isoformat(),
            values={"rate": "0.05", "convention": "DISCOUNT_SHARE"},
            conditions={"qualifies": "quantity >= 1"},
        )
    partners, products = (4, 6) if short else (PARTNERS, PRODUCTS)
    product_ids = [f"P{number:03}" for number in range(products)]
    for product_id in product_ids:
        examples.a_product(made.world, product_id, stock_kept=True)
        made.world.call(
            stock.ReceiveStockRequest(product_id=product_id, quantity=STOCK), role="logistics"
        )
    partner_ids = [f"D{number:03}" for number in range(partners)]
    for partner_id in partner_ids:
        examples.a_partner(made.world, partner_id, limit_minor=LIMIT_MINOR, kind=form.kind)
    return Shop(partner_ids, product_ids, form)


def orders(shop: Shop) -> Iterator[bytes]:
    """Give requests for one piece of some products each, each sent once."""
    random = Random(arrange.SEED)
    while True:
        yield pb.PlaceOrderRequest(
            request_id=new_id(),
            partner_id=random.choice(shop.partner_ids),
            source=shop.form.source,
            lines=[
                pb.PlaceOrderLine(product_id=one, quantity=1)
                for one in random.sample(shop.product_ids, shop.form.lines)
            ],
        ).SerializeToString()


def buyer(made: Side, shop: Shop, address: str = "") -> Client:
    """Return a client that orders."""
    token = made.stage.issuer.mint("bench", [ROLE], unit_id="hq")
    return Client(address or made.address("channels"), METHOD.name, each(orders(shop)), token=token)


def captured(made: Side, order_id: str) -> dict[str, list[dict[str, Any]]]:
    """Return the rows that an order left, by table."""
    found: dict[str, list[dict[str, Any]]] = {}
    with psycopg.connect(libpq(made.databases["channels"].owner_url), row_factory=dict_row) as db:
        for table, condition in (
            ("sales_order", "order_id = %(id)s"),
            ("sales_order_line", "order_id = %(id)s"),
            ("sales_order_move", "order_id = %(id)s"),
            ("event", "ordering_key = %(key)s"),
            ("idempotency_key", "position(%(bytes)s in reply) > 0"),
        ):
            query = f"SELECT * FROM {table} WHERE {condition} ORDER BY 1, 2"
            values = {"id": order_id, "key": f"order/{order_id}", "bytes": order_id.encode()}
            found[table] = db.execute(query, values).fetchall()
        keys = [row["request_id"] for row in found["idempotency_key"]]
        query = "SELECT * FROM audit_entry WHERE request_id = ANY(%s)"
        found["audit_entry"] = db.execute(query, [keys]).fetchall()
    return found


def shape(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, str]]]:
    """Return rows without what differs between two orders of the same things."""
    return {
        table: [
            {
                name: ANY_ID.sub("<id>", str(value))
                for name, value in row.items()
                if name not in VARYING
            }
            for row in found
        ]
        for table, found in rows.items()
    }


def statement_of(rows: dict[str, list[dict[str, Any]]]) -> str:
    """Return the one statement that writes such rows, with everything constant written into it.

    Shape: parameters `order_id`, `request_id`, `partner_id`, `product_ids`, `fingerprint`, `reply`,
        `payload` and `event_id`. Stock is locked in the order of the products, as the service does.
    """
    [key], [order], [event], [audit] = (
        rows[table] for table in ("idempotency_key", "sales_order", "event", "audit_entry")
    )
    order_id, now = sql.SQL("%(order_id)s::uuid"), sql.SQL("now()")
    number = sql.SQL("'SC-2026-' || lpad(nextval('contract_number_seq')::text, 8, '0')")
    parts = [
        sql.SQL("key AS ({} ON CONFLICT DO NOTHING RETURNING 1)").format(
            _insert(
                "idempotency_key",
                key,
                request_id=sql.SQL("%(request_id)s::uuid"),
                fingerprint=sql.SQL("%(fingerprint)s"),
                reply=sql.SQL("%(reply)s"),
                record_time=now,
            )
        ),
        sql.SQL("stock AS (SELECT s.product_id FROM product_stock s, key"
                " WHERE s.product_id = ANY(%(product_ids)s) ORDER BY 1 FOR UPDATE OF s)"),
        sql.SQL("taken AS (UPDATE product_stock s SET allocated = allocated + 1 FROM stock"
                " WHERE s.product_id = stock.product_id RETURNING 1)"),
        sql.SQL("made AS ({} FROM key RETURNING 1)").format(
            _insert(
                "sales_order",
                order,
                order_id=order_id,
                partner_id=sql.SQL("%(partner_id)s"),
                contract_number=number,
                create_time=now,
            )
        ),
    ]  # fmt: skip
    line = rows["sales_order_line"][0]
    parts.append(
        sql.SQL(
            "line AS ({} FROM key, unnest(%(product_ids)s::text[]) WITH ORDINALITY"
            " AS l(product_id, place) RETURNING 1)"
        ).format(
            _insert(
                "sales_order_line",
                line,
                order_id=order_id,
                line_number=sql.SQL("l.place"),
                product_id=sql.SQL("l.product_id"),
            )
        )
    )
    for place, move in enumerate(rows["sales_order_move"]):
        parts.append(
            sql.SQL("{} AS ({} FROM key RETURNING 1)").format(
                sql.Identifier(f"move{place}"),
                _insert("sales_order_move", move, order_id=order_id, move_time=now),
            )
        )
    parts += [
        sql.SQL("told AS ({} FROM key RETURNING 1)").format(
            _insert(
                "event",
                event,
                event_id=sql.SQL("%(event_id)s::uuid"),
                ordering_key=sql.SQL("'order/' || %(order_id)s"),
                payload=sql.SQL("%(payload)s"),
                record_time=sql.SQL("clock_timestamp()"),
            )
        ),
        sql.SQL("audited AS ({} FROM key RETURNING 1)").format(
            _insert(
                "audit_entry",
                audit,
                request_id=sql.SQL("%(request_id)s::uuid"),
                record_time=sql.SQL("clock_timestamp()"),
            )
        ),
    ]
    whole = sql.SQL("WITH {} SELECT count(*) FROM key").format(sql.SQL(", ").join(parts))
    return whole.as_string(None)


def _insert(table: str, row: dict[str, Any], **given: sql.Composable) -> sql.Composable:
    """Return an INSERT … SELECT of a row's constants, with some columns given as expressions."""
    names = [name for name in row if name != "id"]
    values = [given.get(name) or sql.Literal(_plain(row[name])) for name in names]
    return sql.SQL("INSERT INTO {} ({}) SELECT {}").format(
        sql.Identifier(table),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(values),
    )


def _plain(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value


def template(made: Side, shop: Shop) -> dict[str, Any]:
    """Capture one order with the service, and return what the baseline needs to do the same."""
    placed = pb.PlaceOrderResponse.FromString(buyer(made, shop).one()).order
    assert placed.state == order_pb2.Order.STATE_ALLOCATED, "the order got credit and goods"
    rows = captured(made, placed.order_id)
    [key], [event] = rows["idempotency_key"], rows["event"]
    return {
        "statement": statement_of(rows),
        "order_id": placed.order_id,
        "reply": bytes(key["reply"]).hex(),
        "payload": bytes(event["payload"]).hex(),
        "shape": shape(rows),
    }


@contextmanager
def against_statement(stage: Stage, sizes: Sizes, form: Form) -> Iterator[tuple[Run, Run]]:
    """Open channels, and the hand-written capture over a database that channels furnished."""
    with (
        side(stage, "channels", spans=True) as made,
        side(stage, "channels") as other,
    ):
        shop = furnished(made, short=sizes.short, form=form)
        furnished(other, short=sizes.short, form=form)
        known = template(other, shop)
        other.processes["channels"].stop()
        place = stage.directory / "order.json"
        place.write_text(json.dumps(known))
        bare = stage.launch(
            "order_capture",
            CONCURRENCY * 2,
            libpq(other.databases["channels"].app_url),
            f"127.0.0.1:{other.stand_in_port}",
            place,
        )
        with stage.running(bare):
            clients = buyer(made, shop), buyer(other, shop, bare.address)
            require_same_rows(made, other, clients, known["shape"])
            yield (
                calling(
                    clients[0],
                    in_flight=IN_FLIGHT,
                    service=lambda: made.pids("channels"),
                    database=stage.backends_of(made.databases["channels"]),
                ),
                calling(
                    clients[1],
                    in_flight=IN_FLIGHT,
                    service=lambda: [bare.pid],
                    database=stage.backends_of(other.databases["channels"]),
                ),
            )


def require_same_rows(
    made: Side, other: Side, clients: tuple[Client, Client], expected: object
) -> None:
    """See that the same request leaves the same rows in both halves."""
    placed = [pb.PlaceOrderResponse.FromString(one.one()).order for one in clients]
    ours = shape(captured(made, placed[0].order_id))
    theirs = shape(captured(other, placed[1].order_id))
    assert {table: len(rows) for table, rows in ours.items()} == {
        table: len(rows) for table, rows in theirs.items()
    }, "both halves write as many rows"
    assert ours == theirs, "both halves write the same rows"


@contextmanager
def with_settlement(stage: Stage, sizes: Sizes) -> Iterator[tuple[Side, Run]]:
    """Open channels and settlement, which grants the credit and follows the orders by their facts;
    at the end it has followed all of them, and its books are right."""
    with side(stage, "channels", "settlement", spans=True) as made:
        arrange.tell_root(made, "settlement")
        client = buyer(made, furnished(made, short=sizes.short, form=AGENT))
        settle(made)
        yield (
            made,
            calling(
                client,
                in_flight=IN_FLIGHT,
                service=lambda: made.pids("channels"),
                database=lambda: [
                    *made.pids("settlement"),
                    *stage.backends_of(*made.databases.values())(),
                ],
            ),
        )
        settle(made)
        check_books(made.databases["settlement"])


def whole(stage: Stage, sizes: Sizes) -> Row:
    """Measure an agent's order with price, stock and real credit."""
    slices: list[Slice] = []
    settlement_s = 0.0
    with with_settlement(stage, sizes) as (made, half):
        half(sizes.warm_s)
        for _ in range(2 if sizes.short else SLICES):
            before_s = cpu_s(made.pids("settlement"))
            slices.append(half(SLICE_S))
            settlement_s += cpu_s(made.pids("settlement")) - before_s
    failed = sum(one.failed for one in slices)
    assert not failed, f"{failed} orders were refused"
    orders_ = sum(one.calls for one in slices)
    rate = median(one.rate for one in slices)
    channels_us = sum(one.service_cpu_s for one in slices) / orders_ * 1e6
    settlement_us = settlement_s / orders_ * 1e6
    database_us = sum(one.database_cpu_s for one in slices) / orders_ * 1e6 - settlement_us
    return Row(
        "orders of agents",
        f"PlaceOrder of {AGENT.lines} lines by agents: discounted price, stock, credit of the real"
        f" settlement, which accrues commission behind it, {IN_FLIGHT} in flight, both services on"
        " one core; the books add up after it",
        f"≥ {RATE_GOAL}/s",
        f"{rate:.0f}/s; CPU an order: channels {channels_us:.0f} µs, settlement"
        f" {settlement_us:.0f} µs, PostgreSQL {database_us:.0f} µs",
        at_least(rate, RATE_GOAL),
    )


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure order capture in both forms, and count what one order does."""
    arranged: Callable[[Side], Client] = lambda made: buyer(  # noqa: E731
        made, furnished(made, short=True)
    )
    counts = count(stage, "channels", arranged)
    return [
        _row(stage, sizes, "B5 order capture", OFFICE),
        _row(stage, sizes, "B5 order capture, agent", AGENT),
        whole(stage, sizes),
        Row("B5 counts", "one PlaceOrder; by hand 1 round trip, 1 transaction", "–", str(counts)),
    ]


def _row(stage: Stage, sizes: Sizes, name: str, form: Form) -> Row:
    found = compare(lambda: against_statement(stage, sizes, form), sizes)
    who = "an agent with its discount" if form is AGENT else "the office"
    return Row(
        name,
        f"PlaceOrder of {form.lines} lines by {who}, {IN_FLIGHT} in flight, credit granted by a"
        " stand-in process / one hand-written prepared statement behind a bare gRPC server that"
        " asks the same stand-in",
        f"≥ {GOAL}",
        f"{found.throughput}; CPU {found.service_cpu}, with PostgreSQL {found.whole_cpu}"
        f" ({found.level('ours', lambda one: one.rate):.0f}/s,"
        f" {found.level('ours', lambda one: one.service_us):.0f} µs of channels and"
        f" {found.level('ours', lambda one: one.whole_us - one.service_us):.0f} µs of"
        f" PostgreSQL an order; by hand {found.level('baseline', lambda one: one.rate):.0f}/s,"
        f" {found.level('baseline', lambda one: one.service_us):.0f} µs and"
        f" {found.level('baseline', lambda one: one.whole_us - one.service_us):.0f} µs)",
        at_least(found.throughput.median, GOAL),
        f"{found.same}; CPU {found.same_cpu}",
    )
