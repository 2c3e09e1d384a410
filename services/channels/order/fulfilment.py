"""The way of an order's goods out of the warehouse, in one shipment or in several.

Every function locks the order first; its shipments change under that lock.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from channels.coordination import usecases as coordination
from channels.coordination.domain import Filled
from channels.order import usecases as orders
from channels.order.domain import PICKABLE, WAITING, Order, State
from channels.order.errors import (
    OrderStateForbids,
    ShipmentExceedsAllocation,
    ShipmentUnderWay,
)
from channels.order.facts import OrderDelivered, OrderShipped
from channels.policy_kinds import COOLING_OFF, DELIVERY
from channels.product import usecases as products
from channels.shipment import usecases as shipments
from channels.shipment.domain import Line, Shipment, pieces
from channels.shipment.domain import State as ShipmentState
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.period import local_date
from chassis.policy.book import PolicyBook
from chassis.policy.domain import WHOLE_COMPANY
from chassis.scope import Caller


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold what says when goods are due, and the company's time zone."""

    book: PolicyBook
    zone: tzinfo


def pick(
    tx: Transaction,
    *,
    order_id: str,
    lines: Sequence[Line],
    carrier: str,
    rules: Rules,
    by: Caller,
    at: datetime,
) -> Outcome[Shipment]:
    """Take goods of an order from the shelves.

    Errors: OrderNotFound, OrderStateForbids, ShipmentExceedsAllocation, PolicyNotFound, OutOfScope.
    Source: R-289.
    """
    order = orders.locked(tx, order_id, by)
    if order.state not in PICKABLE:
        raise OrderStateForbids(order_id, order.state, to=State.SHIPPED)
    _require_set_aside(order, lines, gone=pieces(shipments.of_order(tx, order_id)))
    picked = _picked(tx, order, lines, carrier=carrier, rules=rules, at=at)
    shipments.add(tx, picked)
    return Outcome(picked)


def dispatch(
    tx: Transaction, *, shipment_id: str, carrier: str, by: Caller, at: datetime
) -> Outcome[tuple[Shipment, Order]]:
    """Send a shipment; its order is sent when all its goods are.

    Errors: ShipmentNotFound, ShipmentStateForbids, OrderStateForbids, OutOfScope.
    """
    order, all_of_it = _locked(tx, shipment_id, by)
    sent = all_of_it[shipment_id].dispatch(carrier=carrier, at=at)
    shipments.save(tx, sent)
    facts = [*products.ship_stock(tx, sent.quantities()).facts]
    on_way = [
        one
        for one in (all_of_it | {shipment_id: sent}).values()
        if one.state is not ShipmentState.PICKED
    ]
    if pieces(on_way) != order.quantities():
        return Outcome((sent, order), facts=facts)
    shipped = order.ship(carrier=sent.carrier, at=at, by=by.actor)
    orders.save(tx, shipped, before=order)
    return Outcome((sent, shipped), facts=[*facts, OrderShipped(shipped)])


def hand_over(
    tx: Transaction,
    *,
    shipment_id: str,
    proof: str,
    rules: Rules,
    by: Caller,
    at: datetime,
) -> Outcome[tuple[Shipment, Order]]:
    """Hand a shipment over; its order is delivered when all its goods are.

    Errors: ShipmentNotFound, ShipmentStateForbids, PolicyNotFound, OutOfScope.
    Source: R-288.
    """
    order, all_of_it = _locked(tx, shipment_id, by)
    delivered = all_of_it[shipment_id].deliver(proof=proof, at=at, on=local_date(at, rules.zone))
    shipments.save(tx, delivered)
    done = [
        one
        for one in (all_of_it | {shipment_id: delivered}).values()
        if one.state is ShipmentState.DELIVERED
    ]
    if order.state is not State.SHIPPED or pieces(done) != order.quantities():
        return Outcome((delivered, order))
    after = _delivered(tx, order, proof=proof, rules=rules, by=by, at=at)
    return Outcome((delivered, after), facts=[OrderDelivered(after)])


def put_back(tx: Transaction, *, shipment_id: str, by: Caller) -> Outcome[Shipment]:
    """Put a picked shipment back on the shelves; its goods stay set aside for the order.

    Errors: ShipmentNotFound, ShipmentStateForbids, OutOfScope.
    """
    _, all_of_it = _locked(tx, shipment_id, by)
    after = all_of_it[shipment_id].cancel()
    shipments.save(tx, after)
    return Outcome(after)


def ship(
    tx: Transaction, *, order_id: str, carrier: str, rules: Rules, by: Caller, at: datetime
) -> Outcome[Order]:
    """Send all goods that are not sent yet; an order that waited for stock takes it now.

    Errors: OrderNotFound, OrderStateForbids, StockInsufficient, ShipmentUnderWay, PolicyNotFound,
        OutOfScope.
    """
    before = orders.locked(tx, order_id, by)
    order, facts = _stocked(tx, before, by=by, at=at)
    shipped = order.ship(carrier=carrier, at=at, by=by.actor)
    earlier = shipments.of_order(tx, order_id)
    for one in earlier:
        if one.state is ShipmentState.PICKED:
            raise ShipmentUnderWay(order_id, one.shipment_id)
    rest = _less(order.quantities(), pieces(earlier))
    lines = [Line(product_id, quantity) for product_id, quantity in rest.items()]
    picked = _picked(tx, order, lines, carrier=carrier, rules=rules, at=at)
    shipments.add(tx, picked.dispatch(carrier=carrier, at=at))
    facts += products.ship_stock(tx, rest).facts
    orders.save(tx, shipped, before=before)
    return Outcome(shipped, facts=[*facts, OrderShipped(shipped)])


def deliver(
    tx: Transaction, *, order_id: str, proof: str, rules: Rules, by: Caller, at: datetime
) -> Outcome[Order]:
    """Hand all goods over, with every shipment that is on its way.

    Errors: OrderNotFound, OrderStateForbids, PolicyNotFound, OutOfScope.
    """
    before = orders.locked(tx, order_id, by)
    delivered = _delivered(tx, before, proof=proof, rules=rules, by=by, at=at)
    today = local_date(at, rules.zone)
    for one in shipments.of_order(tx, order_id):
        if one.state is ShipmentState.SHIPPED:
            shipments.save(tx, one.deliver(proof=proof, at=at, on=today))
    return Outcome(delivered, facts=[OrderDelivered(delivered)])


def _locked(tx: Transaction, shipment_id: str, by: Caller) -> tuple[Order, dict[str, Shipment]]:
    """Lock the order of a shipment, and read all its shipments under the lock."""
    order = orders.locked(tx, shipments.find(tx, shipment_id).order_id, by)
    return order, {one.shipment_id: one for one in shipments.of_order(tx, order.order_id)}


def _require_set_aside(order: Order, lines: Sequence[Line], *, gone: Mapping[str, int]) -> None:
    """Refuse to pick more than is set aside and still in the warehouse.

    Errors: ShipmentExceedsAllocation.
    """
    left = _less(order.set_aside(), gone)
    wanted: dict[str, int] = {}
    for line in lines:
        wanted[line.product_id] = wanted.get(line.product_id, 0) + line.quantity
    for product_id, quantity in sorted(wanted.items()):
        if quantity > left.get(product_id, 0):
            raise ShipmentExceedsAllocation(
                order.order_id, product_id, quantity=quantity, allocated=left.get(product_id, 0)
            )


def _picked(
    tx: Transaction,
    order: Order,
    lines: Sequence[Line],
    *,
    carrier: str,
    rules: Rules,
    at: datetime,
) -> Shipment:
    return Shipment(
        shipment_id=new_id(),
        order_id=order.order_id,
        partner_id=order.partner_id,
        unit_id=order.unit_id,
        lines=tuple(lines),
        due_date=_due_date(tx, order, {line.product_id for line in lines}, rules=rules),
        pick_time=at,
        carrier=carrier,
    )


def _due_date(tx: Transaction, order: Order, product_ids: set[str], *, rules: Rules) -> date:
    """Return the last day on which a delivery is on time: some days after the approval, or the day
    that was promised for goods which were not there, whichever is later."""
    approved_on = max(
        (local_date(move.at, rules.zone) for move in order.moves if move.after is State.APPROVED),
        default=order.order_date,
    )
    days = max(
        rules.book.in_force(
            tx,
            kind=DELIVERY,
            scopes=[f"product:{product_id}", WHOLE_COMPANY],
            on=approved_on,
        ).parameters.integer("days")
        for product_id in product_ids
    )
    due = approved_on + timedelta(days=days)
    if not any(move.after is State.PARTIALLY_ALLOCATED for move in order.moves):
        return due
    promised = [
        item.promise_date
        for item in coordination.back_orders(tx, [order.order_id])
        if item.product_id in product_ids and item.promise_date is not None
    ]
    return max([due, *promised])


def _stocked(
    tx: Transaction, order: Order, *, by: Caller, at: datetime
) -> tuple[Order, list[object]]:
    """Take the goods that an order still waits for, all of them.

    Errors: StockInsufficient.
    """
    waited_for = order.waited_for()
    if order.state not in WAITING or not waited_for:
        return order, []
    facts = products.allocate_stock(tx, waited_for).facts
    coordination.fill(tx, [Filled(order.order_id, *one) for one in waited_for.items()])
    return order.stocked({}, at=at, by=by.actor), [*facts]


def cooling_off_days(tx: Transaction, order: Order, *, rules: Rules) -> int:
    """Return for how many days a delivered order can be cancelled: of several products the longest
    time holds, as it was on the order's day.

    Errors: PolicyNotFound.
    """
    return max(
        rules.book.in_force(
            tx,
            kind=COOLING_OFF,
            scopes=[f"product:{product_id}", WHOLE_COMPANY],
            on=order.order_date,
        ).parameters.integer("days")
        for product_id in order.quantities()
    )


def _delivered(
    tx: Transaction, order: Order, *, proof: str, rules: Rules, by: Caller, at: datetime
) -> Order:
    days = cooling_off_days(tx, order, rules=rules)
    after = order.deliver(
        proof=proof, cooling_off_end_time=at + timedelta(days=days), at=at, by=by.actor
    )
    orders.save(tx, after, before=order)
    return after


def _less(whole: Mapping[str, int], gone: Mapping[str, int]) -> dict[str, int]:
    """Return what is left of pieces, above 0."""
    left = {
        product_id: quantity - gone.get(product_id, 0) for product_id, quantity in whole.items()
    }
    return {product_id: quantity for product_id, quantity in left.items() if quantity > 0}
