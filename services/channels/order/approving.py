"""How orders become contracts: a number, and what is there of their goods set aside.

What is missing is ordered back, with a promised day; both it and what is beyond the plan are for
others to co-ordinate.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from channels.coordination import usecases as coordination
from channels.coordination.domain import Item, Kind
from channels.coordination.usecases import Duties
from channels.order import storage
from channels.order.domain import Missing, Order
from channels.order.facts import OrderApproved
from channels.product import usecases as products
from channels.product.domain import Stock
from chassis.database import Later, Transaction, together
from chassis.outcome import Outcome
from chassis.policy.book import PolicyBook
from chassis.scope import Caller


@dataclass(frozen=True, slots=True)
class Drawn:
    """Hold what approvals use up: numbers of contracts, and locked stocks by product."""

    numbers: Iterator[int]
    stocks: Mapping[str, Stock]


def approve(
    tx: Transaction, order: Order, *, book: PolicyBook, by: Caller, at: datetime, today: date
) -> Outcome[Order]:
    """Make an order a contract, and set aside what is there of its goods.

    Errors: PolicyNotFound when goods are missing and nobody says whose duty that is.
    """
    with together(tx):
        drawn = draw(tx, [order])()
    duties = duties_of(tx, [order], drawn.stocks, book=book, today=today)
    [approved] = approve_all(tx, [(by, order)], drawn, duties=duties, at=at)
    return approved


def draw(tx: Transaction, orders: Sequence[Order]) -> Later[Drawn]:
    """Draw numbers for orders that have none, and lock the stocks of their products."""
    numbers = storage.next_numbers(tx, sum(not order.contract_number for order in orders))
    stocks = products.lock_stocks(
        tx, {line.priced.product_id for order in orders for line in order.lines}
    )
    return lambda: Drawn(iter(numbers()), stocks())


def approve_all(
    tx: Transaction,
    orders: Sequence[tuple[Caller, Order]],
    drawn: Drawn,
    *,
    duties: Mapping[str, Duties],
    at: datetime,
) -> list[Outcome[Order]]:
    """Make orders contracts, the first ones first; what is missing is ordered back.

    Source: R-087.
    """
    wanted = [order.quantities() for _, order in orders]
    moved = products.allocate_in_turn(tx, drawn.stocks, wanted)
    found, short = [], []
    for (by, order), goods in zip(orders, moved, strict=True):
        number = order.contract_number or contract_number(next(drawn.numbers), order.order_date)
        missing = {
            product_id: Missing(quantity, duties[product_id].promise_date)
            for product_id, quantity in goods.missing.items()
        }
        approved = order.approve(number, missing, at=at, by=by.actor)
        if missing:
            short.append(approved)
        found.append(Outcome(approved, facts=[*goods.facts, OrderApproved(approved)]))
    coordination.add_all(tx, _back_orders(short, duties, at=at))
    return found


def duties_of(
    tx: Transaction,
    orders: Sequence[Order],
    stocks: Mapping[str, Stock],
    *,
    book: PolicyBook,
    today: date,
) -> dict[str, Duties]:
    """Return the duties of those products that may be missing or are beyond the plan.

    Shape: orders without credit count as well; one product too many costs nothing.
    """
    wanted: Counter[str] = Counter()
    beyond: set[str] = set()
    for order in orders:
        for line in order.lines:
            wanted[line.priced.product_id] += line.priced.quantity
            if line.excess_quantity:
                beyond.add(line.priced.product_id)
    for product_id, stock in stocks.items():
        if wanted[product_id] > stock.available:
            beyond.add(product_id)
    return {one: coordination.duties(tx, one, book=book, today=today) for one in sorted(beyond)}


def excesses(orders: Sequence[Order], duties: Mapping[str, Duties], *, at: datetime) -> list[Item]:
    """Return what production has to answer for, because it is beyond the plan.

    Source: R-086.
    """
    return [
        Item(
            order_id=order.order_id,
            product_id=line.priced.product_id,
            kind=Kind.PLAN_EXCESS,
            partner_id=order.partner_id,
            unit_id=order.unit_id,
            quantity=line.excess_quantity,
            open_quantity=0,
            promise_date=None,
            duty=duties[line.priced.product_id].excess,
            create_time=at,
        )
        for order in orders
        for line in order.lines
        if line.excess_quantity
    ]


def _back_orders(
    orders: Sequence[Order], duties: Mapping[str, Duties], *, at: datetime
) -> list[Item]:
    return [
        Item(
            order_id=order.order_id,
            product_id=product_id,
            kind=Kind.BACK_ORDER,
            partner_id=order.partner_id,
            unit_id=order.unit_id,
            quantity=quantity,
            open_quantity=quantity,
            promise_date=duties[product_id].promise_date,
            duty=duties[product_id].back_order,
            create_time=at,
        )
        for order in orders
        for product_id, quantity in order.waited_for().items()
    ]


def contract_number(number: int, day: date) -> str:
    """Write the number of a contract: `SC-2026-00000001`."""
    return f"SC-{day.year}-{number:08d}"
