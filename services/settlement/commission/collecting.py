"""Commission on cash: what orders promise, and what the money that comes for them earns.

An order with promises is locked before its entries.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from settlement.commission import promises, storage
from settlement.commission.cash import CashOrder, Collected, Promise
from settlement.commission.domain import Entry
from settlement.commission.earning import NOTHING, Earning, Returned


def promise(tx: Transaction, new: Sequence[tuple[Promise, int]]) -> None:
    """Keep what orders earn when they are paid for, each with the order's total in minor units."""
    totals = {one.order_id: total for one, total in new}
    promises.add(tx, totals, [one for one, _ in new])


def earned(
    tx: Transaction, collections: Sequence[Collected], *, on: date, at: datetime
) -> tuple[list[Entry], list[tuple[Entry, int]]]:
    """Count what was collected, and return the new entries and what is to be taken back of older
    ones because matches were undone."""
    more: dict[str, int] = defaultdict(int)
    for one in collections:
        more[one.order_id] += one.signed_minor
    orders = promises.collect(tx, {order_id: (minor, 0) for order_id, minor in more.items()})
    if not orders:
        return [], []
    found = promises.of_orders(tx, sorted(orders))
    return _settled(tx, orders, found, on=on, at=at)


def returned(
    tx: Transaction, *, order_id: str, back: Mapping[str, Returned], on: date, at: datetime
) -> tuple[list[Entry], list[tuple[Entry, int]]]:
    """Lower what an order promises by what came back of it, and return what it earns anew and what
    is to be taken back.

    Shape: the money that went back is told apart from this, as a match that was undone; whatever
        comes first, both together leave what the kept goods earn.
    """
    whole = sum(back.values(), NOTHING)
    orders = promises.collect(tx, {order_id: (0, whole.amount_minor)})
    if not orders:
        return [], []
    lowered = [
        replace(one, returned=one.returned + back.get(one.earning.product_id, NOTHING))
        for one in promises.of_orders(tx, [order_id])
    ]
    promises.save(tx, lowered)
    return _settled(tx, orders, lowered, on=on, at=at)


def give_up(tx: Transaction, order_id: str) -> None:
    """Let an order earn nothing any more with money that comes or goes; what it earned is taken
    back as all that it earned."""
    if promises.collect(tx, {order_id: (0, 0)}):
        whole = [
            replace(
                one,
                returned=Returned(one.earning.base_quantity, one.earning.base_minor),
                earned_minor=0,
            )
            for one in promises.of_orders(tx, [order_id])
        ]
        promises.save(tx, whole)


def _settled(
    tx: Transaction,
    orders: Mapping[str, CashOrder],
    found: Sequence[Promise],
    *,
    on: date,
    at: datetime,
) -> tuple[list[Entry], list[tuple[Entry, int]]]:
    new: list[Entry] = []
    less: list[tuple[Entry, int]] = []
    changed = []
    for one in found:
        order = orders[one.order_id]
        due = one.due(order)
        if due > one.earned_minor:
            new.append(_entry(one, due - one.earned_minor, order, on=on, at=at))
        elif due < one.earned_minor:
            less += _last_first(tx, one, one.earned_minor - due)
        if due != one.earned_minor:
            changed.append(one.turn(due))
    promises.save(tx, changed)
    return new, less


def _last_first(tx: Transaction, one: Promise, minor: int) -> list[tuple[Entry, int]]:
    """Choose what is to be taken back of what a promise earned, the last turn first."""
    parts = []
    standing = storage.of_promise(tx, one) if minor else []
    for entry in reversed(standing):
        part = min(entry.left.amount_minor, minor)
        parts += [(entry, part)] if part else []
        minor -= part
    assert minor == 0, f"order {one.order_id} earned less than it says"
    return parts


def _entry(one: Promise, minor: int, order: CashOrder, *, on: date, at: datetime) -> Entry:
    own = one.earning
    rate = replace(own.rate, amount=Money(own.rate.amount.currency_code, minor))
    return Entry(
        entry_id=new_id(),
        partner_id=one.partner_id,
        unit_id=one.unit_id,
        order_id=one.order_id,
        offer_id=one.offer_id,
        campaign_id=one.campaign_id,
        earning=Earning(rate, own.product_id, 1, own.base_minor, own.base_quantity),
        policy_id=one.policy_id,
        accrue_date=on,
        accrue_time=at,
        confirm_date=order.confirm_date,
        occasion=f"cash:{one.turns + 1}",
    )
