"""Entries of an order's timeline, from its own history and from what others told."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import StrEnum

from channels.order.domain import Order
from channels.order.domain import State as OrderState
from channels.shipment.domain import Shipment
from channels.shipment.domain import State as ShipmentState
from chassis.money import Money
from chassis.period import local_date


class Kind(StrEnum):
    """What happened, in the order in which entries of one instant are shown."""

    MOVED = "MOVED"
    BACK_ORDERED = "BACK_ORDERED"
    SHIPMENT_PICKED = "SHIPMENT_PICKED"
    SHIPMENT_SHIPPED = "SHIPMENT_SHIPPED"
    SHIPMENT_DELIVERED = "SHIPMENT_DELIVERED"
    CREDIT_REFUSED = "CREDIT_REFUSED"
    INVOICE_ISSUED = "INVOICE_ISSUED"
    COMMISSION_ACCRUED = "COMMISSION_ACCRUED"
    PAYMENT_MATCHED = "PAYMENT_MATCHED"
    INVOICE_PAID = "INVOICE_PAID"
    CREDIT_NOTE_ISSUED = "CREDIT_NOTE_ISSUED"
    COMMISSION_REVERSED = "COMMISSION_REVERSED"
    REBATE_PAID = "REBATE_PAID"


_PLACES = {kind: place for place, kind in enumerate(Kind)}


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold something that happened; states are there only for a move."""

    occur_time: datetime
    kind: Kind
    actor: str
    reference: str = ""
    amount: Money | None = None
    before: OrderState | None = None
    after: OrderState | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """Hold what another service told of an order."""

    order_id: str
    event_id: str
    entry: Entry


@dataclass(frozen=True, slots=True)
class RebatePaid:
    """Hold what settlement told of a partner's rebate of a year."""

    partner_id: str
    event_id: str
    year: int
    entry: Entry


@dataclass(frozen=True, slots=True)
class Timeline:
    """Hold an order with all that is known of it, the oldest first."""

    order: Order
    entries: Sequence[Entry]
    shipments: Sequence[Shipment]


def timeline_of(order: Order, shipments: Sequence[Shipment], rest: Sequence[Entry]) -> Timeline:
    """Put together what happened to an order.

    Shape: entries of one instant keep the order of the process, those of one kind their own.
    """
    moves = [
        Entry(move.at, Kind.MOVED, move.by, before=move.before, after=move.after)
        for move in order.moves
    ]
    found = [*moves, *_of_shipments(shipments), *rest]
    ordered = sorted(found, key=lambda one: (one.occur_time, _PLACES[one.kind]))
    return Timeline(order, ordered, shipments)


def paid_years(told: Sequence[Entry], zone: tzinfo) -> set[int]:
    """Return the calendar years in which money was given to the order's invoice."""
    return {
        local_date(entry.occur_time, zone).year
        for entry in told
        if entry.kind is Kind.PAYMENT_MATCHED
    }


def _of_shipments(shipments: Sequence[Shipment]) -> list[Entry]:
    found = []
    for one in shipments:
        if one.state is ShipmentState.CANCELLED:
            continue
        for at, kind in (
            (one.pick_time, Kind.SHIPMENT_PICKED),
            (one.ship_time, Kind.SHIPMENT_SHIPPED),
            (one.deliver_time, Kind.SHIPMENT_DELIVERED),
        ):
            if at is not None:
                found.append(Entry(at, kind, one.carrier, reference=one.shipment_id))
    return found
