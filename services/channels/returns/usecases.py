"""What can be done with returns, from the request to the settlement.

Every function that changes one locks its order first: all returns of an order stand in one queue,
and with whoever cancels it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo
from typing import Final

from channels.order import usecases as orders
from channels.order.domain import Order
from channels.order.domain import State as OrderState
from channels.policy_kinds import RETURN_REASONS
from channels.pricing import usecases as pricing
from channels.pricing.domain import Wanted
from channels.product import usecases as products
from channels.product.domain import Stock
from channels.returns import storage, watching
from channels.returns.domain import (
    Filter,
    Finding,
    GoodsReturn,
    Kind,
    Line,
    Replacement,
    Request,
    ReturnReason,
    Sold,
    State,
    credited_pieces,
    require_within,
)
from channels.returns.errors import OrderExchanged, OrderNotReturnable, ReturnReasonUnknown
from channels.returns.facts import ReturnCredited, ReturnRejected
from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import local_date
from chassis.policy.book import PolicyBook
from chassis.policy.domain import WHOLE_COMPANY
from chassis.scope import Caller

# From its delivery on, and until it is taken back whole.
RETURNABLE: Final = frozenset(
    {OrderState.DELIVERED, OrderState.INVOICED, OrderState.SETTLED, OrderState.CLOSED}
)


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold the policies in memory, and the company's time zone."""

    book: PolicyBook
    zone: tzinfo


def request(
    tx: Transaction, wish: Request, *, rules: Rules, by: Caller, at: datetime
) -> Outcome[GoodsReturn]:
    """Ask for a return, or for an exchange when replacements are wanted.

    Errors: OrderNotFound, OrderNotReturnable, ReturnReasonUnknown, ReturnExceedsDelivered,
        ExchangeDifferenceDue, PolicyNotFound, OutOfScope, and those of a price.
    Source: R-094, R-095, R-097.
    """
    order = orders.locked(tx, wish.order_id, by)
    _require_returnable(order)
    today = local_date(at, rules.zone)
    if wish.reason_code not in {
        one.reason_code for one in _reasons(tx, rules.book, unit_id=order.unit_id, on=today)
    }:
        raise ReturnReasonUnknown(wish.reason_code)
    nothing = Money.zero(order.total.currency_code)
    lines = tuple(
        Line(product_id, quantity, nothing, batch) for product_id, quantity, batch in wish.lines
    )
    others = storage.of_order(tx, order.order_id)
    require_within(order.order_id, lines, delivered=order.quantities(), others=others)
    replacements = _replacements(tx, order, wish, rules=rules, by=by, on=today)
    new = GoodsReturn(
        return_id=new_id(),
        order_id=order.order_id,
        partner_id=order.partner_id,
        customer_id=order.origin.customer_id,
        unit_id=order.unit_id,
        kind=Kind.EXCHANGE if replacements else Kind.RETURN,
        reason_code=wish.reason_code,
        note=wish.note,
        lines=lines,
        replacements=replacements,
        requested_by=by.actor,
        request_time=at,
    ).begin()
    priced = new.priced(_sold(order), credited_pieces(others))
    priced.require_no_difference_due()
    storage.add(tx, priced)
    return Outcome(priced)


def approve(tx: Transaction, *, return_id: str, by: Caller, at: datetime) -> Outcome[GoodsReturn]:
    """Let the goods come.

    Errors: ReturnNotFound, ReturnStateForbids, ReturnNeedsAnotherPerson, OutOfScope.
    """
    _, before = _locked(tx, return_id, by)
    return _saved(tx, before.approve(at=at, by=by.actor), before=before)


def reject(
    tx: Transaction, *, return_id: str, reason: str, by: Caller, at: datetime
) -> Outcome[GoodsReturn]:
    """Refuse the goods; nothing moves, and whoever tells partners is told.

    Errors: ReturnNotFound, ReturnStateForbids, OutOfScope.
    Source: R-098.
    """
    _, before = _locked(tx, return_id, by)
    after = before.moved(State.REJECTED, at=at, by=by.actor, end_reason=reason)
    storage.save(tx, after, before=before)
    return Outcome(after, facts=[ReturnRejected(after)])


def receive(
    tx: Transaction, *, return_id: str, slip: str, by: Caller, at: datetime
) -> Outcome[GoodsReturn]:
    """Record that the goods came in.

    Errors: ReturnNotFound, ReturnStateForbids, OutOfScope.
    """
    _, before = _locked(tx, return_id, by)
    after = before.moved(State.RECEIVED, at=at, by=by.actor, receipt_slip=slip)
    return _saved(tx, after, before=before)


def inspect(
    tx: Transaction,
    *,
    return_id: str,
    findings: Iterable[Finding],
    by: Caller,
    at: datetime,
) -> Outcome[GoodsReturn]:
    """Record what is taken of the goods.

    Errors: ReturnNotFound, ReturnStateForbids, InspectionDoesNotFit, OutOfScope.
    """
    order, before = _locked(tx, return_id, by)
    after = before.inspect(findings, at=at, by=by.actor)
    return _saved(tx, _priced(tx, order, after), before=before)


def settle(
    tx: Transaction,
    *,
    return_id: str,
    to: State,
    carrier: str = "",
    rules: Rules,
    by: Caller,
    at: datetime,
) -> Outcome[GoodsReturn]:
    """Let goods and money move: the return is credited, or the exchange's other goods are sent.

    Errors: ReturnNotFound, ReturnStateForbids, OrderNotReturnable, ExchangeDifferenceDue,
        StockInsufficient, PolicyNotFound, OutOfScope.
    Source: R-094, R-097.
    """
    order, before = _locked(tx, return_id, by)
    on = local_date(at, rules.zone)
    priced = _priced(tx, order, before)
    after = priced.settle(to, on=on, at=at, by=by.actor, carrier=carrier)
    _require_returnable(order)
    storage.save(tx, after, before=before)
    taken_back = after.credits()
    return Outcome(
        after,
        facts=[
            *_stock_moved(tx, after),
            *([ReturnCredited(after, taken_back)] if taken_back else []),
            *watching.watch(tx, after, book=rules.book, on=on, at=at),
        ],
    )


def close(
    tx: Transaction, *, return_id: str, reason: str, by: Caller, at: datetime
) -> Outcome[GoodsReturn]:
    """End a return that is not settled, without any effect.

    Errors: ReturnNotFound, ReturnStateForbids, OutOfScope.
    """
    _, before = _locked(tx, return_id, by)
    before.require_unsettled(State.CLOSED)
    after = before.moved(State.CLOSED, at=at, by=by.actor, end_reason=reason)
    return _saved(tx, after, before=before)


def cancel_order(
    tx: Transaction, *, order_id: str, reason: str, by: Caller, at: datetime
) -> Outcome[Order]:
    """Take an order back, unless goods of it were exchanged.

    Errors: OrderExchanged, and those of `orders.cancel`.
    """
    orders.locked(tx, order_id, by)
    if storage.is_exchanged(tx, order_id):
        raise OrderExchanged(order_id)
    return orders.cancel(tx, order_id=order_id, reason=reason, by=by, at=at)


def note_credit_note(tx: Transaction, *, return_id: str, source: str, at: datetime) -> None:
    """Take note that settlement issued the credit note of a return, which is done with that; a note
    that is not of a return changes nothing."""
    found = storage.find(tx, return_id)
    if found is None:
        return
    platform = Caller(source, frozenset({scope.SERVICE_ROLE}), "", source)
    _, before = _locked(tx, return_id, platform)
    if not before.credit_note_issued:
        after = before.moved(State.CLOSED, at=at, by=source, credit_note_issued=True)
        storage.save(tx, after, before=before)


def get(tx: Transaction, *, return_id: str, by: Caller) -> GoodsReturn:
    """Return a return.

    Errors: ReturnNotFound, OutOfScope.
    """
    found = storage.get(tx, return_id)
    scope.require(tx, by, found.unit_id)
    return found


def list_page(tx: Transaction, *, part: Page, by: Caller, wanted: Filter) -> Slice[GoodsReturn]:
    """Return a page of the returns in the caller's scope, the newest first."""
    return storage.page(tx, part, by=by, wanted=wanted)


def reasons(tx: Transaction, *, book: PolicyBook, by: Caller, on: date) -> Sequence[ReturnReason]:
    """Return the reasons of the caller's unit.

    Errors: PolicyNotFound.
    """
    return _reasons(tx, book, unit_id=by.unit_id, on=on)


def _reasons(
    tx: Transaction, book: PolicyBook, *, unit_id: str, on: date
) -> Sequence[ReturnReason]:
    scopes = [f"unit:{unit_id}", WHOLE_COMPANY] if unit_id else [WHOLE_COMPANY]
    policy = book.in_force(tx, kind=RETURN_REASONS, scopes=scopes, on=on)
    return [
        ReturnReason(one.text("reason_code"), one.text("title"), one.text("title_zh"))
        for one in policy.parameters.records("reasons")
    ]


def _locked(tx: Transaction, return_id: str, by: Caller) -> tuple[Order, GoodsReturn]:
    """Lock the order of a return, and read the return under the lock."""
    order = orders.locked(tx, get(tx, return_id=return_id, by=by).order_id, by)
    return order, storage.get(tx, return_id)


def _require_returnable(order: Order) -> None:
    """Refuse an order whose goods cannot come back.

    Errors: OrderNotReturnable.
    """
    if order.state not in RETURNABLE:
        raise OrderNotReturnable(order.order_id, order.state)


def _priced(tx: Transaction, order: Order, own: GoodsReturn) -> GoodsReturn:
    """Say what the pieces had cost, behind those that came back meanwhile."""
    others = [one for one in storage.of_order(tx, order.order_id) if one.return_id != own.return_id]
    return own.priced(_sold(order), credited_pieces(others))


def _sold(order: Order) -> Mapping[str, Sold]:
    return {
        line.priced.product_id: Sold(line.priced.quantity, line.priced.amount)
        for line in order.lines
    }


def _replacements(
    tx: Transaction, order: Order, wish: Request, *, rules: Rules, by: Caller, on: date
) -> tuple[Replacement, ...]:
    """Price what is wanted for the goods, as an order of today would be."""
    if not wish.replacements:
        return ()
    ids = [product_id for product_id, _ in wish.replacements]
    products.require_orderable(products.get_all(tx, ids), ids)
    quote = pricing.quote(
        tx,
        book=rules.book,
        partner_id=order.partner_id,
        lines=[Wanted(*one) for one in wish.replacements],
        on=on,
        by=by,
    )
    return tuple(
        Replacement(line.product_id, line.quantity, line.unit_price, line.amount)
        for line in quote.lines
    )


def _stock_moved(tx: Transaction, after: GoodsReturn) -> list[object]:
    """Take what can be sold again into stock, and send the replacements.

    Errors: StockInsufficient.
    """
    back = after.restocked()
    sent = {one.product_id: one.quantity for one in after.replacements}
    # All at once and in one order, before any of them moves.
    products.lock_stocks(tx, {*back, *sent})()
    facts = [*products.move_stock(tx, back, Stock.receive).facts]
    if sent:
        facts += products.allocate_stock(tx, sent).facts
        facts += products.ship_stock(tx, sent).facts
    return facts


def _saved(tx: Transaction, after: GoodsReturn, *, before: GoodsReturn) -> Outcome[GoodsReturn]:
    storage.save(tx, after, before=before)
    return Outcome(after)
