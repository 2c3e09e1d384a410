"""Open, answer and close what is to be co-ordinated.

Orders call this in their own transactions; whoever fills or drops holds the lock of the order.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from channels.coordination import storage
from channels.coordination.domain import Filled, Filter, Item, Kind
from channels.policy_kinds import COORDINATION
from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy.book import PolicyBook
from chassis.policy.domain import WHOLE_COMPANY
from chassis.scope import Caller


@dataclass(frozen=True, slots=True)
class Duties:
    """Hold whose duty a product's items are, and when what is missing today is promised."""

    promise_date: date
    back_order: str
    excess: str


def duties(tx: Transaction, product_id: str, *, book: PolicyBook, today: date) -> Duties:
    """Return the duties of a product; of the transaction only the policies are read.

    Errors: PolicyNotFound.
    Source: R-086, R-087.
    """
    policy = book.in_force(
        tx, kind=COORDINATION, scopes=[f"product:{product_id}", WHOLE_COMPANY], on=today
    )
    return Duties(
        today + timedelta(days=policy.parameters.integer("back_order_days")),
        policy.parameters.text("back_order_duty"),
        policy.parameters.text("excess_duty"),
    )


def add_all(tx: Transaction, new: Sequence[Item]) -> None:
    """Open items; what an order opened before it was on hold begins anew."""
    if new:
        storage.add_all(tx, new)


def waiting(tx: Transaction, product_ids: Collection[str], *, limit: int) -> list[str]:
    """Return orders that wait for pieces of the products, the oldest first."""
    return storage.waiting(tx, product_ids, limit=limit)


def waited_for(tx: Transaction) -> list[str]:
    """Return the products that orders wait for, sorted."""
    return storage.waited_for(tx)


def back_orders(tx: Transaction, order_ids: Collection[str]) -> list[Item]:
    """Return the back-orders of orders, also those that are done, the oldest first."""
    return storage.back_orders(tx, order_ids) if order_ids else []


def fill(tx: Transaction, filled: Iterable[Filled]) -> None:
    """Take pieces that are there off back-orders."""
    found = [one for one in filled if one.quantity]
    if found:
        storage.fill(tx, found)


def drop(tx: Transaction, order_id: str, *, kinds: Collection[Kind] = tuple(Kind)) -> None:
    """Drop what an order does not need any more."""
    storage.drop(tx, order_id, kinds)


def answer(
    tx: Transaction,
    *,
    order_id: str,
    product_id: str,
    kind: Kind,
    promise_date: date,
    text: str,
    by: Caller,
) -> Outcome[Item]:
    """Say when goods will be there.

    Errors: CoordinationNotFound, CoordinationDutyForbids, CoordinationStateForbids, OutOfScope.
    Source: R-086, R-087.
    """
    before = storage.lock(tx, order_id=order_id, product_id=product_id, kind=kind)
    scope.require(tx, by, before.unit_id)
    after = before.answered(promise_date=promise_date, answer=text, by=by.actor, roles=by.roles)
    storage.save_answer(tx, after)
    return Outcome(after)


def list_page(tx: Transaction, *, part: Page, by: Caller, wanted: Filter) -> Slice[Item]:
    """Return a page of the caller's items, the oldest first."""
    return storage.page(tx, part, by=by, wanted=wanted)
