"""What can be done with orders that are there; `placing` makes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from channels.order import placing, storage
from channels.order.domain import (
    ON_INVOICE,
    ON_PAYMENT,
    Check,
    CheckKind,
    Filter,
    Move,
    Note,
    Order,
    OrderCancelled,
    OrderDelivered,
    OrderHeld,
    OrderShipped,
    State,
)
from channels.order.errors import CreditRefused, OrderNotFound
from channels.order.placing import Asked
from channels.policy_kinds import COOLING_OFF
from channels.product import usecases as products
from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy.book import PolicyBook
from chassis.policy.domain import WHOLE_COMPANY
from chassis.scope import Caller

CLOSE_BATCH: Final = 200


def to_release(tx: Transaction, *, order_id: str, by: Caller) -> Order:
    """Return an order that is on hold.

    Errors: OrderNotFound, OrderStateForbids, OutOfScope.
    """
    order = get(tx, order_id=order_id, by=by)
    order.require_move(State.APPROVED)
    return order


def release(tx: Transaction, asked: Asked, *, by: Caller, at: datetime) -> Outcome[Order]:
    """Approve an order that was on hold.

    Errors: CreditRefused; OrderStateForbids when somebody else was faster.
    """
    before = _locked(tx, asked.order.order_id, by)
    before.require_move(State.APPROVED)
    if not asked.credit.granted:
        raise CreditRefused(before.order_id, asked.credit.reason)
    checked = before.checked([Check(CheckKind.CREDIT, passed=True)], {})
    [approved] = placing.approve(tx, [(by, checked)], at=at)
    storage.save(tx, approved.value, before=before)
    return approved


def reject(
    tx: Transaction, *, order_id: str, reason: str, by: Caller, at: datetime
) -> Outcome[Order]:
    """Refuse an order that is on hold.

    Errors: OrderNotFound, OrderStateForbids, OutOfScope.
    """
    before = _locked(tx, order_id, by)
    after = before.reject(reason=reason, at=at, by=by.actor)
    storage.save(tx, after, before=before)
    return Outcome(after, facts=[OrderCancelled(after)])


def ship(
    tx: Transaction, *, order_id: str, carrier: str, by: Caller, at: datetime
) -> Outcome[Order]:
    """Send the goods; an order that waited for stock takes it now.

    Errors: OrderNotFound, OrderStateForbids, StockInsufficient, OutOfScope.
    """
    before = _locked(tx, order_id, by)
    order = before
    facts: list[object] = []
    if order.state is State.APPROVED:
        facts += products.allocate_stock(tx, order.quantities()).facts
        order = order.checked([Check(CheckKind.STOCK, passed=True)], {})
        order = order.moved(State.ALLOCATED, at=at, by=by.actor)
    shipped = order.ship(carrier=carrier, at=at, by=by.actor)
    facts += products.ship_stock(tx, order.quantities()).facts
    storage.save(tx, shipped, before=before)
    return Outcome(shipped, facts=[*facts, OrderShipped(shipped)])


def deliver(
    tx: Transaction, *, order_id: str, proof: str, book: PolicyBook, by: Caller, at: datetime
) -> Outcome[Order]:
    """Hand the goods over.

    Shape: of several products the longest cooling-off time holds, as it was on the order's day.
    Errors: OrderNotFound, OrderStateForbids, PolicyNotFound, OutOfScope.
    """
    before = _locked(tx, order_id, by)
    policies = [
        book.in_force(
            tx,
            kind=COOLING_OFF,
            scopes=[f"product:{product_id}", WHOLE_COMPANY],
            on=before.order_date,
        )
        for product_id in before.quantities()
    ]
    days = max(policy.parameters.integer("days") for policy in policies)
    delivered = before.deliver(
        proof=proof, cooling_off_end_time=at + timedelta(days=days), at=at, by=by.actor
    )
    storage.save(tx, delivered, before=before)
    return Outcome(delivered, facts=[OrderDelivered(delivered)])


def cancel(
    tx: Transaction, *, order_id: str, reason: str, by: Caller, at: datetime
) -> Outcome[Order]:
    """Take an order back; what was set aside for it is free again.

    Errors: OrderNotFound, OrderStateForbids, CoolingOffOver, OutOfScope.
    """
    before = _locked(tx, order_id, by)
    cancelled = before.cancel(reason=reason, at=at, by=by.actor)
    facts: Sequence[object] = []
    if before.state is State.ALLOCATED:
        facts = products.free_stock(tx, before.quantities()).facts
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
    before = storage.get(tx, order_id, lock=True)
    after = before.lose_credit(reason, at=at, by=source)
    storage.save(tx, after, before=before)
    if after.state is before.state:
        return Outcome(None)
    facts: Sequence[object] = []
    if before.state is State.ALLOCATED:
        facts = products.free_stock(tx, before.quantities()).facts
    return Outcome(None, facts=[*facts, OrderHeld(after)])


def close_due(tx: Transaction, *, by: str, at: datetime) -> Outcome[bool]:
    """Close paid orders whose cooling-off time is over; True when there may be more."""
    due = storage.lock_closable(tx, at=at, limit=CLOSE_BATCH)
    for order_id in due:
        before = storage.get(tx, order_id)
        storage.save(tx, before.moved(State.CLOSED, at=at, by=by), before=before)
    return Outcome(len(due) == CLOSE_BATCH)


def get(tx: Transaction, *, order_id: str, by: Caller) -> Order:
    """Return an order with its moves.

    Errors: OrderNotFound, OutOfScope.
    """
    order = storage.get(tx, order_id)
    scope.require(tx, by, order.unit_id)
    return order


def list_page(tx: Transaction, *, part: Page, by: Caller, wanted: Filter) -> Slice[Order]:
    """Return a page of the caller's orders without their moves, the newest first."""
    return storage.page(tx, part, by=by, wanted=wanted)


def _locked(tx: Transaction, order_id: str, by: Caller) -> Order:
    order = storage.get(tx, order_id, lock=True)
    scope.require(tx, by, order.unit_id)
    return order


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
