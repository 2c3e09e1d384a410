"""Keep shipments. Orders call this in their own transactions, and hold the lock of the order."""

from datetime import date

from channels.shipment import storage
from channels.shipment.domain import Filter, Performance, Shipment
from chassis import scope
from chassis.database import Transaction
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.scope import Caller


def add(tx: Transaction, new: Shipment) -> None:
    """Keep a new shipment."""
    storage.add(tx, new)


def save(tx: Transaction, changed: Shipment) -> None:
    """Keep what became of a shipment."""
    storage.save(tx, changed)


def of_order(tx: Transaction, order_id: str) -> list[Shipment]:
    """Return the shipments of an order, the oldest first."""
    return storage.of_order(tx, order_id)


def find(tx: Transaction, shipment_id: str) -> Shipment:
    """Return a shipment for one who looks at its order's unit.

    Errors: ShipmentNotFound.
    """
    return storage.get(tx, shipment_id)


def get(tx: Transaction, *, shipment_id: str, by: Caller) -> Shipment:
    """Return a shipment.

    Errors: ShipmentNotFound, OutOfScope.
    """
    found = storage.get(tx, shipment_id)
    scope.require(tx, by, found.unit_id)
    return found


def list_page(tx: Transaction, *, part: Page, by: Caller, wanted: Filter) -> Slice[Shipment]:
    """Return a page of the caller's shipments, the newest first."""
    return storage.page(tx, part, by=by, wanted=wanted)


def performance(
    tx: Transaction, *, first_day: date, last_day: date, partner_id: str, by: Caller
) -> Performance:
    """Count the deliveries of some days in the caller's units, and those that were on time.

    Source: R-288.
    """
    return storage.performance(
        tx, first_day=first_day, last_day=last_day, partner_id=partner_id, by=by
    )


def delivered_pieces(tx: Transaction, *, partner_id: str, month: Month) -> dict[str, int]:
    """Return the pieces of each product that a partner was delivered in a month."""
    return storage.delivered_pieces(
        tx, partner_id=partner_id, first_day=month.first_day, last_day=month.last_day
    )
