"""Keep what other services tell of orders, and show it with what is known here."""

from collections.abc import Sequence
from datetime import tzinfo

from channels.coordination import usecases as coordination
from channels.order import usecases as orders
from channels.shipment import usecases as shipments
from channels.timeline import storage
from channels.timeline.domain import (
    Entry,
    Kind,
    RebatePaid,
    Timeline,
    Told,
    paid_years,
    timeline_of,
)
from chassis.database import Transaction
from chassis.scope import Caller


def keep(tx: Transaction, told: Sequence[Told]) -> None:
    """Keep what was told of orders; the same fact once."""
    if told:
        storage.add_all(tx, told)


def keep_rebate(tx: Transaction, paid: RebatePaid) -> None:
    """Keep what was told of a partner's rebate; the same fact once."""
    storage.add_rebate(tx, paid)


def of_order(tx: Transaction, *, order_id: str, zone: tzinfo, by: Caller) -> Timeline:
    """Return all that is known of an order.

    Errors: OrderNotFound, OutOfScope.
    """
    order = orders.get(tx, order_id=order_id, by=by)
    back_ordered = [
        Entry(item.create_time, Kind.BACK_ORDERED, item.duty, reference=item.product_id)
        for item in coordination.back_orders(tx, [order.order_id])
    ]
    own = shipments.of_order(tx, order.order_id)
    told = storage.of_order(tx, order.order_id)
    years = paid_years(told, zone)
    rebates = storage.rebates(tx, order.partner_id, years) if years else []
    return timeline_of(order, own, [*back_ordered, *told, *rebates])
