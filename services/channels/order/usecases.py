"""What can be done with orders that are there; `placing` makes them."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Final

from channels.coordination import usecases as coordination
from channels.coordination.domain import Item, Kind
from channels.order import approving, storage
from channels.order.domain import (
    ON_INVOICE,
    ON_PAYMENT,
    PICKABLE,
    WAITING,
    Check,
    CheckKind,
    Filter,
    Missing,
    Move,
    Note,
    Order,
    State,
)
from channels.order.errors import CreditRefused, OrderNotFound, ShipmentUnderWay
from channels.order.facts import OrderCancelled, OrderHeld
from channels.order.placing import Asked
from channels.product import usecases as products
from channels.shipment import usecases as shipments
from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy.book import PolicyBook
from chassis.scope import Caller

CLOSE_BATCH: Final = 1000


def to_release(tx: Transaction, *, order_id: str, by: Caller) -> Order:
    """Return an order that is on hold.

    Errors: OrderNotFound, OrderStateForbids, OutOfScope.
    """
    order = get(tx, order_id=order_id, by=by)
    order.require_move(State.APPROVED)
    return order


def release(
    tx: Transaction, asked: Asked, *, book: PolicyBook, by: Caller, at: datetime, today: date
) -> Outcome[Order]:
    """Approve an order that was on hold.

    Errors: CreditRefused; OrderStateForbids when somebody else was faster; PolicyNotFound.
    """
    before = locked(tx, asked.order.order_id, by)
    before.require_move(State.APPROVED)
    if not asked.credit.granted:
        raise CreditRefused(before.order_id, asked.credit.reason)
    checked = before.checked([Check(CheckKind.CREDIT, passed=True)], {})
    approved = approving.approve(tx, checked, book=book, by=by, at=at, today=today)
    save(tx, approved.value, before=before)
    return approved


def reject(
    tx: Transaction, *, order_id: str, reason: str, by: Caller, at: datetime
) -> Outcome[Order]:
    """Refuse an order that is on hold.

    Errors: OrderNotFound, OrderStateForbids, OutOfScope.
    """
    before = locked(tx, order_id, by)
    after = before.reject(reason=reason, at=at, by=by.actor)
    _drop(tx, before)
    storage.save(tx, after, before=before)
    return Outcome(after, facts=[OrderCancelled(after)])


def cancel(
    tx: Transaction, *, order_id: str, reason: str, by: Caller, at: datetime
) -> Outcome[Order]:
    """Take an order back; what was set aside for it is free again.

    Errors: OrderNotFound, OrderStateForbids, CoolingOffOver, ShipmentUnderWay, OutOfScope.
    """
    before = locked(tx, order_id, by)
    cancelled = before.cancel(reason=reason, at=at, by=by.actor)
    facts: Sequence[object] = []
    if before.state in PICKABLE:
        under_way = _under_way(tx, order_id)
        if under_way is not None:
            raise ShipmentUnderWay(order_id, under_way)
        facts = products.free_stock(tx, before.set_aside()).facts
    _drop(tx, before)
    storage.save(tx, cancelled, before=before)
    return Outcome(cancelled, facts=[*facts, OrderCancelled(cancelled)])


def invoiced_all(tx: Transaction, notes: Sequence[Note], *, source: str) -> None:
    """Take note that settlement issued the invoices of orders; only delivered orders move.

    Errors: OrderNotFound.
    """
    _advance(tx, notes, ON_INVOICE, by=source)


def settled_all(tx: Transaction, notes: Sequence[Note], *, source: str) -> None:
    """Take note that settlement was paid for orders; one that was cancelled meanwhile stays
    cancelled.

    Errors: OrderNotFound.
    """
    _advance(tx, notes, ON_PAYMENT, by=source)


def lose_credit(
    tx: Transaction, *, order_id: str, reason: str, source: str, at: datetime
) -> Outcome[None]:
    """Put an order on hold whose credit was gone when settlement confirmed it; goods that were set
    aside for it are free again.

    Shape: on an order that was sent it is only noted.
    Errors: OrderNotFound.
    """
    before = _whole(tx, storage.get(tx, order_id, lock=True))
    under_way = before.state in PICKABLE and _under_way(tx, order_id) is not None
    after = before.lose_credit(reason, under_way=under_way, at=at, by=source)
    storage.save(tx, after, before=before)
    if after.state is before.state:
        return Outcome(None)
    facts: Sequence[object] = []
    if before.state in PICKABLE:
        facts = products.free_stock(tx, before.set_aside()).facts
    if before.waited_for():
        coordination.drop(tx, order_id, kinds=[Kind.BACK_ORDER])
    return Outcome(None, facts=[*facts, OrderHeld(after)])


def close_due(tx: Transaction, *, by: str, at: datetime) -> Outcome[bool]:
    """Close paid orders whose cooling-off time is over; True when there may be more."""
    due = storage.lock_closable(tx, at=at, limit=CLOSE_BATCH)
    if due:
        closing = Move(State.SETTLED, State.CLOSED, at, by)
        storage.add_moves(tx, {order_id: [closing] for order_id in due})
    return Outcome(len(due) == CLOSE_BATCH)


def get(tx: Transaction, *, order_id: str, by: Caller) -> Order:
    """Return an order with its moves.

    Errors: OrderNotFound, OutOfScope.
    """
    order = storage.get(tx, order_id)
    scope.require(tx, by, order.unit_id)
    return _whole(tx, order)


def list_page(tx: Transaction, *, part: Page, by: Caller, wanted: Filter) -> Slice[Order]:
    """Return a page of the caller's orders without their moves, the newest first."""
    found = storage.page(tx, part, by=by, wanted=wanted)
    items = coordination.back_orders(
        tx, [order.order_id for order in found.items if order.state in WAITING]
    )
    return found.map(lambda order: _lacking(order, items))


def locked(tx: Transaction, order_id: str, by: Caller) -> Order:
    """Lock and return an order, for what else happens to its goods.

    Errors: OrderNotFound, OutOfScope.
    """
    order = storage.get(tx, order_id, lock=True)
    scope.require(tx, by, order.unit_id)
    return _whole(tx, order)


def save(tx: Transaction, changed: Order, *, before: Order) -> None:
    """Keep what became of an order that was locked before."""
    storage.save(tx, changed, before=before)


def _whole(tx: Transaction, order: Order) -> Order:
    """Add what an order waits for, which only some orders do."""
    if order.state not in WAITING:
        return order
    return _lacking(order, coordination.back_orders(tx, [order.order_id]))


def _lacking(order: Order, items: Sequence[Item]) -> Order:
    if order.state not in WAITING:
        return order
    own = [item for item in items if item.order_id == order.order_id]
    if not own:
        # It was approved before back-orders were kept, and waits for everything.
        quantities = order.quantities()
        return order.lacking({one: Missing(quantities[one], None) for one in quantities})
    return order.lacking(
        {
            item.product_id: Missing(item.open_quantity, item.promise_date)
            for item in own
            if item.open_quantity
        }
    )


def _under_way(tx: Transaction, order_id: str) -> str | None:
    """Return a shipment of the order that was picked and not put back, or None."""
    found = [one for one in shipments.of_order(tx, order_id) if one.state != "CANCELLED"]
    return found[0].shipment_id if found else None


def _drop(tx: Transaction, order: Order) -> None:
    """Drop what an order that ends needs of others, if it needs anything."""
    if order.waited_for() or any(line.excess_quantity for line in order.lines):
        coordination.drop(tx, order.order_id)


def _advance(
    tx: Transaction, notes: Sequence[Note], steps: Mapping[State, Sequence[State]], *, by: str
) -> None:
    """Take orders as far as a fact about each takes them from where they are."""
    states = storage.lock_states(tx, [note.order_id for note in notes])
    moves: dict[str, list[Move]] = {}
    for note in notes:
        if note.order_id not in states:
            raise OrderNotFound(note.order_id)
        for after in steps.get(states[note.order_id], ()):
            move = Move(states[note.order_id], after, note.at, by)
            moves.setdefault(note.order_id, []).append(move)
            states[note.order_id] = after
    if moves:
        storage.add_moves(tx, moves)
