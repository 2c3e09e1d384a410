"""What can be done with orders.

An order is placed in two halves: `prepare` reads what the price is made of, settlement is asked for
credit with no transaction open, and `place` does the rest in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

from channels.order import storage
from channels.order.domain import (
    HANDED_OVER,
    Check,
    CheckKind,
    Credit,
    Filter,
    Order,
    OrderApproved,
    OrderCancelled,
    OrderDelivered,
    OrderHeld,
    OrderLine,
    OrderShipped,
    Origin,
    State,
    excess_of,
)
from channels.order.errors import CreditRefused, OfferAlreadyOrdered
from channels.partner import usecases as partners
from channels.policy_kinds import COOLING_OFF
from channels.pricing import usecases as pricing
from channels.pricing.domain import Wanted
from channels.product import usecases as products
from channels.product.domain import StockInsufficient
from channels.quota import usecases as quotas
from chassis import scope
from chassis.database import Transaction
from chassis.errors import Conflict
from chassis.ids import derived_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.policy.book import PolicyBook
from chassis.policy.domain import WHOLE_COMPANY
from chassis.scope import Caller

CLOSE_BATCH: Final = 200
PLAN_EXCEEDED: Final = "PLAN_EXCEEDED"
NO_PLAN: Final = "NO_PLAN"


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold an order that was priced, and what settlement said about its credit."""

    order: Order
    credit: Credit


def prepare(
    tx: Transaction,
    *,
    request_id: str,
    partner_id: str,
    origin: Origin,
    lines: Sequence[Wanted],
    book: PolicyBook,
    by: Caller,
    at: datetime,
    today: date,
) -> Order:
    """Check who orders what, and price it; nothing is written.

    Errors: PartnerNotFound, OutOfScope, PartnerStateForbids, AgreementMissing, ProductNotFound,
        ProductNotOnSale, ProductsExcludeEachOther, OfferAlreadyOrdered, those of pricing; Conflict
        when a twin was faster.
    Source: R-080, R-091.
    """
    partner = partners.get(tx, partner_id=partner_id, by=by)
    partner.require_active()
    partners.require_agreement(tx, partner_id=partner_id, year=today.year)
    products.require_orderable(tx, [line.product_id for line in lines])
    if origin.offer_id and storage.has_living(tx, origin.offer_id):
        raise OfferAlreadyOrdered(origin.offer_id)
    quote = pricing.price(tx, book=book, partner=partner, lines=lines, on=today)
    return Order(
        order_id=_order_id(tx, request_id, by, on=today),
        partner_id=partner_id,
        unit_id=partner.unit_id,
        origin=origin,
        order_date=today,
        lines=tuple(OrderLine(line) for line in quote.lines),
        total=quote.total,
        create_time=at,
    )


def place(tx: Transaction, asked: Asked, *, by: Caller, at: datetime) -> Outcome[Order]:
    """Write the order down, approved or on hold.

    Errors: OfferAlreadyOrdered when a twin was faster.
    Source: R-080, R-084, R-086, R-090, R-093.
    """
    order = _checked(tx, asked).moved(State.SUBMITTED, State.CHECKED, at=at, by=by.actor)
    if not asked.credit.granted:
        held = order.moved(State.CREDIT_HOLD, at=at, by=by.actor)
        _add(tx, held)
        return Outcome(held, facts=[OrderHeld(held)])
    approved = _approved(tx, order, by=by.actor, at=at)
    _add(tx, approved.value)
    return approved


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
    approved = _approved(tx, checked, by=by.actor, at=at)
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


def invoiced(tx: Transaction, *, order_id: str, source: str, at: datetime) -> Outcome[None]:
    """Take note that settlement issued the invoice; only a delivered order moves.

    Errors: OrderNotFound.
    """
    before = storage.get(tx, order_id, lock=True)
    if before.state is State.DELIVERED:
        storage.save(tx, before.moved(State.INVOICED, at=at, by=source), before=before)
    return Outcome(None)


def settled(tx: Transaction, *, order_id: str, source: str, at: datetime) -> Outcome[None]:
    """Take note that settlement was paid; an order that was cancelled meanwhile stays cancelled.

    Errors: OrderNotFound.
    """
    before = storage.get(tx, order_id, lock=True)
    if before.state in HANDED_OVER and before.state is not State.SETTLED:
        steps = [State.INVOICED, State.SETTLED]
        left = steps[steps.index(State.SETTLED) :] if before.state is State.INVOICED else steps
        storage.save(tx, before.moved(*left, at=at, by=source), before=before)
    return Outcome(None)


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


def _order_id(tx: Transaction, request_id: str, by: Caller, *, on: date) -> str:
    """Give a repeat the same id, so that it asks settlement for the same order's credit again.

    Shape: another one on another day, because a request id is free again when its reply is gone; a
        repeat over midnight leaves its first reservation to expire.
    Errors: Conflict when a twin's order is there; the door then answers with the twin's reply.
    """
    order_id = derived_id(request_id, f"PlaceOrder/{by.subject}/{on}", 0)
    if storage.exists(tx, order_id):
        raise Conflict(f"order {order_id} was placed by the same request", orderId=order_id)
    return order_id


def _locked(tx: Transaction, order_id: str, by: Caller) -> Order:
    order = storage.get(tx, order_id, lock=True)
    scope.require(tx, by, order.unit_id)
    return order


def _add(tx: Transaction, order: Order) -> None:
    if not storage.add(tx, order):
        raise OfferAlreadyOrdered(order.origin.offer_id)


def _checked(tx: Transaction, asked: Asked) -> Order:
    """Add the results of the checks that need no stock."""
    order = asked.order
    month = Month.of(order.order_date)
    planned = quotas.planned(tx, partner_id=order.partner_id, month=month)
    ordered = storage.ordered_quantities(
        tx,
        partner_id=order.partner_id,
        first=month.first_day,
        last=month.last_day,
        product_ids=order.quantities(),
    )
    excess = (
        excess_of(order.quantities(), planned=planned, ordered=ordered)
        if planned
        else dict.fromkeys(order.quantities(), 0)
    )
    is_planned = not any(excess.values())
    plan_reason = ("" if planned else NO_PLAN) if is_planned else PLAN_EXCEEDED
    checks = [
        Check(CheckKind.AGREEMENT, passed=True),
        Check(CheckKind.PRICE, passed=True),
        Check(CheckKind.CREDIT, passed=asked.credit.granted, reason=asked.credit.reason),
        Check(CheckKind.PLAN, passed=is_planned, reason=plan_reason),
    ]
    return order.checked(checks, excess)


def _approved(tx: Transaction, order: Order, *, by: str, at: datetime) -> Outcome[Order]:
    """Make the order a contract, and set its goods aside if they are there."""
    number = order.contract_number or storage.next_contract_number(tx, order.order_date.year)
    approved = order.approve(number, at=at, by=by)
    facts: Sequence[object] = []
    try:
        facts = products.allocate_stock(tx, order.quantities()).facts
    except StockInsufficient as short:
        check = Check(CheckKind.STOCK, passed=False, reason=short.reason)
        approved = approved.checked([check], {})
    else:
        approved = approved.checked([Check(CheckKind.STOCK, passed=True)], {})
        approved = approved.moved(State.ALLOCATED, at=at, by=by)
    return Outcome(approved, facts=[*facts, OrderApproved(approved)])
