"""Goods that come in go to the orders that wait for them, the oldest first.

Two that set aside the last piece at the same time meet at the lock of its stock. Orders that
somebody else holds just now are left to the next turn, so nobody ever waits in a circle.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

from channels.coordination import usecases as coordination
from channels.coordination.domain import Filled, Item
from channels.order import storage
from channels.order.domain import Missing, Order
from channels.order.facts import OrderAllocated
from channels.product import usecases as products
from channels.product.domain import Stock
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.scope import Caller

REFILL_BATCH: Final = 100


def receive(
    tx: Transaction, *, product_id: str, quantity: int, by: Caller, at: datetime
) -> Outcome[Stock]:
    """Add pieces that arrived, and set them aside for the orders that wait for them.

    Errors: ProductNotFound, StockNotKept.
    Source: R-087.
    """
    received = products.receive_stock(tx, product_id=product_id, quantity=quantity)
    filled = _refill(tx, [product_id], by=by.actor, at=at)
    if not filled.facts:
        return received
    stock = products.get_stock(tx, product_id=product_id)
    return Outcome(stock, facts=[*received.facts, *filled.facts])


def refill_due(tx: Transaction, *, by: str, at: datetime) -> Outcome[bool]:
    """Set aside what is there by now for the orders that wait, whoever brought it; True when there
    may be more."""
    waited_for = coordination.waited_for(tx)
    if not waited_for:
        return Outcome(False)
    free = {
        product_id
        for product_id, stock in products.lock_stocks(tx, waited_for)().items()
        if stock.available
    }
    return _refill(tx, free, by=by, at=at) if free else Outcome(False)


def _refill(
    tx: Transaction, product_ids: Collection[str], *, by: str, at: datetime
) -> Outcome[bool]:
    """Serve the oldest orders that wait for products whose stocks are locked."""
    waiting = coordination.waiting(tx, product_ids, limit=REFILL_BATCH)
    held = storage.lock_waiting(tx, waiting) if waiting else set()
    if not held:
        return Outcome(False)
    # Read again under the locks: only who holds an order changes what it waits for.
    items = [item for item in coordination.back_orders(tx, held) if item.open_quantity]
    mine = [order_id for order_id in waiting if order_id in held]
    wanted = [
        {
            item.product_id: item.open_quantity
            for item in items
            if item.order_id == order_id and item.product_id in product_ids
        }
        for order_id in mine
    ]
    stocks = products.lock_stocks(tx, product_ids)()
    moved = products.allocate_in_turn(tx, stocks, wanted)
    facts: list[object] = []
    for order_id, before, goods in zip(mine, wanted, moved, strict=True):
        filled = {one: pieces - goods.missing.get(one, 0) for one, pieces in before.items()}
        facts += goods.facts
        if any(filled.values()):
            own = [item for item in items if item.order_id == order_id]
            facts.append(OrderAllocated(_served(tx, order_id, own, filled=filled, by=by, at=at)))
    return Outcome(bool(facts) and len(waiting) == REFILL_BATCH, facts=facts)


def _served(
    tx: Transaction,
    order_id: str,
    items: Collection[Item],
    *,
    filled: Mapping[str, int],
    by: str,
    at: datetime,
) -> Order:
    """Take off what an order waited for, and move it when that is enough."""
    coordination.fill(tx, [Filled(order_id, *one) for one in filled.items()])
    missing = {
        item.product_id: Missing(left, item.promise_date)
        for item in items
        if (left := item.open_quantity - filled.get(item.product_id, 0))
    }
    before = storage.get(tx, order_id)
    after = before.stocked(missing, at=at, by=by)
    storage.save(tx, after, before=before)
    return after
