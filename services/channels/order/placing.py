"""How orders come into being, many at once and in two halves.

`prepare` reads what prices are made of, settlement is asked for credit with no transaction open,
and `place` does the rest in one transaction.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from channels.coordination import usecases as coordination
from channels.coordination.usecases import Duties
from channels.order import approving, storage
from channels.order.approving import Drawn
from channels.order.domain import (
    Check,
    CheckKind,
    Credit,
    Order,
    OrderLine,
    Origin,
    State,
    excess_of,
)
from channels.order.errors import OfferAlreadyOrdered
from channels.order.facts import OrderHeld
from channels.partner import usecases as partners
from channels.partner.domain import Standing
from channels.price_override import usecases as overrides
from channels.price_override.domain import PriceOverride, agreed_line
from channels.pricing import usecases as pricing
from channels.pricing.domain import Quote, Wanted, sum_up
from channels.product import usecases as products
from channels.product.domain import Product
from channels.quota import usecases as quotas
from chassis import scope
from chassis.database import Transaction, together
from chassis.errors import Conflict, MantleError
from chassis.ids import derived_id
from chassis.outcome import Outcome
from chassis.period import Month
from chassis.policy.book import PolicyBook
from chassis.scope import Caller, Says

PLAN_EXCEEDED: Final = "PLAN_EXCEEDED"
NO_PLAN: Final = "NO_PLAN"


@dataclass(frozen=True, slots=True)
class Placing:
    """Hold what somebody orders."""

    request_id: str
    partner_id: str
    origin: Origin
    lines: Sequence[Wanted]


@dataclass(frozen=True, slots=True)
class Asked:
    """Hold an order that was priced, and what settlement said about its credit."""

    order: Order
    credit: Credit


@dataclass(frozen=True, slots=True)
class _Known:
    """Hold what was read for many orders at once.

    Shape: `taken` has the order ids that are in use and the offers that have a living order.
    """

    year: int
    says: Says
    partners: Mapping[str, Standing]
    products: Mapping[str, Product]
    taken: frozenset[str]
    overrides: Sequence[PriceOverride]


def prepare(
    tx: Transaction,
    wanted: Sequence[tuple[Caller, Placing]],
    *,
    book: PolicyBook,
    at: datetime,
    today: date,
) -> list[Order | MantleError]:
    """Check for many who orders what, and price it; nothing is written.

    Shape: an order or a refusal for each: PartnerNotFound, OutOfScope, PartnerStateForbids,
        AgreementMissing, ProductNotFound, ProductNotOnSale, ProductsExcludeEachOther,
        OfferAlreadyOrdered, PriceOverrideMissing, those of pricing; Conflict when a
        twin was faster.
    Source: R-080, R-088, R-091.
    """
    order_ids = [_order_id(one.request_id, by, on=today) for by, one in wanted]
    known = _read(tx, wanted, order_ids, year=today.year)
    found: list[Order | MantleError] = []
    for order_id, (by, one) in zip(order_ids, wanted, strict=True):
        try:
            standing = _admitted(known, one, by=by)
            quote = pricing.price(
                tx,
                book=book,
                partner=standing.partner,
                purchases_minor=standing.purchases_minor,
                lines=one.lines,
                on=today,
            )
            quote = _agreed(known, one, quote)
            _require_new(known, order_id)
        except MantleError as refused:
            found.append(refused)
            continue
        found.append(
            Order(
                order_id=order_id,
                partner_id=one.partner_id,
                unit_id=standing.partner.unit_id,
                origin=one.origin,
                order_date=today,
                lines=tuple(map(OrderLine, quote.lines)),
                total=quote.total,
                create_time=at,
            )
        )
    return found


def place(
    tx: Transaction,
    asked: Sequence[tuple[Caller, Asked]],
    *,
    book: PolicyBook,
    at: datetime,
    today: date,
) -> list[Outcome[Order] | MantleError]:
    """Write many orders down, approved or on hold, the first ones first.

    Shape: an outcome or a refusal for each: OfferAlreadyOrdered when another one was faster.
    Errors: OfferAlreadyOrdered for one that is alone, and Conflict for several, when the order that
        was faster is in another transaction.
    Source: R-080, R-084, R-086, R-087, R-090, R-093.
    """
    places = _first_of_each_offer([one.order for _, one in asked])
    chosen = [asked[place] for place in places]
    granted = [one.order for _, one in chosen if one.credit.granted]
    with together(tx):
        plans = quotas.planned(tx, {_month_of(one.order) for _, one in chosen})
        drawn = approving.draw(tx, granted)
        planned, goods = plans(), drawn()
    checked = _checked(tx, [one for _, one in chosen], planned=planned)
    ready = [
        order.moved(State.SUBMITTED, State.CHECKED, at=at, by=by.actor)
        for order, (by, _) in zip(checked, chosen, strict=True)
    ]
    duties = approving.duties_of(tx, ready, goods.stocks, book=book, today=today)
    with together(tx):
        outcomes = _decided(tx, ready, chosen, drawn=goods, duties=duties, at=at)
        coordination.add_all(tx, approving.excesses(ready, duties, at=at))
        if not storage.add_all(tx, [outcome.value for outcome in outcomes])():
            raise _outrun(ready)
    done = dict(zip(places, outcomes, strict=True))
    return [
        done.get(place) or OfferAlreadyOrdered(one.order.origin.offer_id)
        for place, (_, one) in enumerate(asked)
    ]


def _read(
    tx: Transaction,
    wanted: Sequence[tuple[Caller, Placing]],
    order_ids: Sequence[str],
    *,
    year: int,
) -> _Known:
    """Read at once what many orders need to know."""
    orders = [one for _, one in wanted]
    with together(tx):
        partners_found = partners.standings(tx, {one.partner_id for one in orders}, year=year)
        products_found = products.look_up(
            tx, {line.product_id for one in orders for line in one.lines}
        )
        taken = storage.taken(
            tx,
            order_ids=order_ids,
            offer_ids=[one.origin.offer_id for one in orders if one.origin.offer_id],
        )
        pairs = _agreed_pairs(orders)
        usable = overrides.usable(tx, pairs) if pairs else list
        standings, known_products, ids = partners_found(), products_found(), taken()
        approved = usable()
    units = {standing.partner.unit_id for standing in standings.values()}
    says = scope.says(tx, [by for by, _ in wanted], units)
    return _Known(year, says, standings, known_products, ids, approved)


def _agreed_pairs(orders: Sequence[Placing]) -> set[tuple[str, str]]:
    """Return partner and product of those lines whose price was agreed on."""
    return {
        (one.partner_id, line.product_id)
        for one in orders
        for line in one.lines
        if line.agreed is not None
    }


def _agreed(known: _Known, one: Placing, quote: Quote) -> Quote:
    """Give lines the prices that were agreed on.

    Errors: PriceOverrideMissing, CurrencyMismatch, AmountInvalid.
    """
    if all(line.agreed is None for line in one.lines):
        return quote
    lines = [
        agreed_line(
            line,
            wanted,
            known.overrides,
            partner_id=one.partner_id,
            project_id=one.origin.project_id,
            on=quote.on,
        )
        for line, wanted in zip(quote.lines, one.lines, strict=True)
    ]
    return sum_up(lines, quote.on)


def _order_id(request_id: str, by: Caller, *, on: date) -> str:
    """Give a repeat the same id, so that it asks settlement for the same order's credit again.

    Shape: another one on another day, because a request id is free again when its reply is gone; a
        repeat over midnight leaves its first reservation to expire.
    """
    return derived_id(request_id, f"PlaceOrder/{by.subject}/{on}", 0)


def _admitted(known: _Known, one: Placing, *, by: Caller) -> Standing:
    """Check who orders what."""
    standing = partners.require_ordering(
        known.partners, one.partner_id, says=known.says, by=by, year=known.year
    )
    products.require_orderable(known.products, [line.product_id for line in one.lines])
    if one.origin.offer_id in known.taken:
        raise OfferAlreadyOrdered(one.origin.offer_id)
    return standing


def _require_new(known: _Known, order_id: str) -> None:
    """Refuse an order that is there; the door then answers with the twin's reply.

    Errors: Conflict.
    """
    if order_id in known.taken:
        raise Conflict(f"order {order_id} was placed by the same request", orderId=order_id)


def _month_of(order: Order) -> tuple[str, Month]:
    return order.partner_id, Month.of(order.order_date)


def _first_of_each_offer(orders: Sequence[Order]) -> list[int]:
    """Return the places of those orders that are the first of their offer, or have none."""
    seen: set[str] = set()
    places = []
    for place, order in enumerate(orders):
        offer_id = order.origin.offer_id
        if not offer_id or offer_id not in seen:
            places.append(place)
        seen.add(offer_id)
    return places


def _outrun(orders: Sequence[Order]) -> MantleError:
    """Say that an order was faster; whose offer it has is known only when there is one."""
    if len(orders) == 1:
        return OfferAlreadyOrdered(orders[0].origin.offer_id)
    return Conflict("one of these orders' offers was ordered just now")


def _decided(
    tx: Transaction,
    ready: Sequence[Order],
    asked: Sequence[tuple[Caller, Asked]],
    *,
    drawn: Drawn,
    duties: Mapping[str, Duties],
    at: datetime,
) -> list[Outcome[Order]]:
    """Approve the orders that have credit, and let the others wait for it."""
    pairs = list(zip(ready, asked, strict=True))
    granted = [(by, order) for order, (by, one) in pairs if one.credit.granted]
    approved = iter(approving.approve_all(tx, granted, drawn, duties=duties, at=at))
    return [
        next(approved) if one.credit.granted else _held(order, by=by, at=at)
        for order, (by, one) in pairs
    ]


def _held(order: Order, *, by: Caller, at: datetime) -> Outcome[Order]:
    held = order.moved(State.CREDIT_HOLD, at=at, by=by.actor)
    return Outcome(held, facts=[OrderHeld(held)])


def _checked(
    tx: Transaction, asked: Sequence[Asked], *, planned: Mapping[tuple[str, str], Mapping[str, int]]
) -> list[Order]:
    """Add the results of the checks that need no stock; the orders count in turn."""
    ordered: Counter[tuple[str, Month, str]] = Counter()
    if planned:
        months = {_month_of(one.order) for one in asked}
        product_ids = {line.priced.product_id for one in asked for line in one.order.lines}
        ordered = storage.ordered_quantities(tx, months, product_ids)
    checked = []
    for one in asked:
        partner_id, month = _month_of(one.order)
        quantities = one.order.quantities()
        plan = planned.get((partner_id, str(month)))
        before = {product_id: ordered[partner_id, month, product_id] for product_id in quantities}
        for product_id, quantity in quantities.items():
            ordered[partner_id, month, product_id] += quantity
        excess = excess_of(quantities, planned=plan, ordered=before) if plan else {}
        checked.append(one.order.checked(_checks(one.credit, plan, excess), excess))
    return checked


def _checks(
    credit: Credit, plan: Mapping[str, int] | None, excess: Mapping[str, int]
) -> list[Check]:
    is_planned = not any(excess.values())
    plan_reason = ("" if plan else NO_PLAN) if is_planned else PLAN_EXCEEDED
    return [
        Check(CheckKind.AGREEMENT, passed=True),
        Check(CheckKind.PRICE, passed=True),
        Check(CheckKind.CREDIT, passed=credit.granted, reason=credit.reason),
        Check(CheckKind.PLAN, passed=is_planned, reason=plan_reason),
    ]
