"""How sales that are handed over already become orders: along the table of moves to its delivery in
one step, many at once.

Nobody is asked for credit, and no goods of the company are set aside: both are long gone.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Final

from channels.order import approving, storage
from channels.order.domain import Check, CheckKind, Order, State
from channels.order.facts import OrderApproved, OrderDelivered
from channels.order.fulfilment import Rules, cooling_off_days
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.period import start_of_day
from chassis.scope import Caller

WAY: Final = (
    State.SUBMITTED,
    State.CHECKED,
    State.APPROVED,
    State.ALLOCATED,
    State.SHIPPED,
    State.DELIVERED,
)


def hand_over(
    tx: Transaction,
    drafts: Sequence[Order],
    *,
    proofs: Sequence[str],
    rules: Rules,
    by: Caller,
    at: datetime,
) -> Outcome[Sequence[Order]]:
    """Write orders down whose goods the customers have, each with what proves it.

    Shape: the orders in their order, approved and delivered; all approvals are told before all
        deliveries, so that others can take each kind at once. The cooling-off time began with the
        day after the order's.
    Errors: PolicyNotFound.
    """
    numbers = storage.next_numbers(tx, len(drafts))()
    ends: dict[tuple[date, frozenset[str]], datetime] = {}
    orders = []
    for draft, number, proof in zip(drafts, numbers, proofs, strict=True):
        key = draft.order_date, frozenset(draft.quantities())
        if key not in ends:
            ends[key] = _cooling_off_end(tx, draft, rules)
        moved = draft.moved(
            *WAY,
            at=at,
            by=by.actor,
            contract_number=approving.contract_number(number, draft.order_date),
            checks=(Check(CheckKind.AGREEMENT, passed=True),),
            delivery_proof=proof,
            cooling_off_end_time=ends[key],
        )
        orders.append(moved)
    made = storage.add_all(tx, orders)()
    assert made, "an order without an offer is never outrun"
    return Outcome(orders, facts=[*map(OrderApproved, orders), *map(OrderDelivered, orders)])


def _cooling_off_end(tx: Transaction, order: Order, rules: Rules) -> datetime:
    days = cooling_off_days(tx, order, rules=rules)
    return start_of_day(order.order_date + timedelta(days=days + 1), rules.zone)
