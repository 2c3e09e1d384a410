"""A shipment's states, and how well deliveries keep to their days.

How many pieces may be shipped is the order's affair, which sets them aside.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, NotFound
from chassis.money import ratio


class State(StrEnum):
    """How far a shipment is."""

    PICKED = "PICKED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    CANCELLED = "CANCELLED"


# Source: R-289. What is sent has to arrive; only what is still in the warehouse can be put back.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.PICKED: frozenset({State.SHIPPED, State.CANCELLED}),
    State.SHIPPED: frozenset({State.DELIVERED}),
    State.DELIVERED: frozenset(),
    State.CANCELLED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Line:
    """Hold pieces of one product and batch."""

    product_id: str
    quantity: int
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Shipment:
    """Hold goods of one order that travel together."""

    shipment_id: str
    order_id: str
    partner_id: str
    unit_id: str
    lines: tuple[Line, ...]
    due_date: date
    pick_time: datetime
    state: State = State.PICKED
    carrier: str = ""
    delivery_proof: str = ""
    ship_time: datetime | None = None
    deliver_time: datetime | None = None
    deliver_date: date | None = None
    version: int = 1

    @property
    def on_time(self) -> bool:
        """Tell whether it was handed over by its last day."""
        return self.deliver_date is not None and self.deliver_date <= self.due_date

    def quantities(self) -> dict[str, int]:
        """Return the pieces of each product."""
        return pieces([self])

    def dispatch(self, *, carrier: str, at: datetime) -> "Shipment":
        """Send it; an empty carrier leaves what was said before.

        Errors: ShipmentStateForbids.
        """
        return replace(self._moved(State.SHIPPED), carrier=carrier or self.carrier, ship_time=at)

    def deliver(self, *, proof: str, at: datetime, on: date) -> "Shipment":
        """Hand it over.

        Errors: ShipmentStateForbids.
        Source: R-288: there is no delivery without a proof.
        """
        return replace(
            self._moved(State.DELIVERED), delivery_proof=proof, deliver_time=at, deliver_date=on
        )

    def cancel(self) -> "Shipment":
        """Put it back on the shelves.

        Errors: ShipmentStateForbids.
        """
        return self._moved(State.CANCELLED)

    def _moved(self, to: State) -> "Shipment":
        if to not in MOVES[self.state]:
            raise ShipmentStateForbids(self.shipment_id, self.state, to)
        return replace(self, state=to, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Filter:
    """Say which shipments a list is to have; an empty text and None mean all."""

    order_id: str = ""
    partner_id: str = ""
    state: State | None = None
    batch: str = ""


@dataclass(frozen=True, slots=True)
class Performance:
    """Count deliveries, and those of them that were on time."""

    deliveries: int
    on_time: int

    @property
    def share(self) -> Decimal | None:
        """Return the share that was on time with four decimals; None without a delivery.

        Source: R-288: 9 of 10 are 0.9000.
        """
        return ratio(self.on_time, self.deliveries, decimals=4) if self.deliveries else None


def pieces(shipments: Iterable[Shipment]) -> dict[str, int]:
    """Return the pieces of each product in shipments, those apart that were put back."""
    found: Counter[str] = Counter()
    for shipment in shipments:
        if shipment.state is not State.CANCELLED:
            for line in shipment.lines:
                found[line.product_id] += line.quantity
    return dict(found)


class ShipmentNotFound(NotFound):
    """No shipment has this id."""

    reason = "SHIPMENT_NOT_FOUND"

    def __init__(self, shipment_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no shipment {shipment_id}", shipmentId=shipment_id)


class ShipmentStateForbids(FailedPrecondition):
    """The shipment's state does not allow the move."""

    reason = "SHIPMENT_STATE_FORBIDS"

    def __init__(self, shipment_id: str, state: State, to: State) -> None:
        """Name the shipment and the move."""
        super().__init__(
            f"shipment {shipment_id} is {state} and cannot become {to}",
            shipmentId=shipment_id,
            state=state,
            to=to,
        )
