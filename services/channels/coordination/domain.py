"""Pieces beyond the plan and pieces that are not there: whose duty they are, until when.

An item belongs to an order and a product. How many pieces of a back-order are still to come is
kept here; the order asks for it.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, NotFound, PermissionDenied


class Kind(StrEnum):
    """What an item is about."""

    PLAN_EXCESS = "PLAN_EXCESS"
    BACK_ORDER = "BACK_ORDER"


class State(StrEnum):
    """How far an item is."""

    OPEN = "OPEN"
    ANSWERED = "ANSWERED"
    DONE = "DONE"
    DROPPED = "DROPPED"


# An answer may be given again, as long as the goods are still to come. An order that comes back
# from its hold opens its items again.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.OPEN: frozenset({State.ANSWERED, State.DONE, State.DROPPED}),
    State.ANSWERED: frozenset({State.ANSWERED, State.DONE, State.DROPPED}),
    State.DONE: frozenset({State.OPEN}),
    State.DROPPED: frozenset({State.OPEN}),
}


@dataclass(frozen=True, slots=True)
class Item:
    """Hold something that is to be co-ordinated; `open_quantity` counts what is still to come."""

    order_id: str
    product_id: str
    kind: Kind
    partner_id: str
    unit_id: str
    quantity: int
    open_quantity: int
    promise_date: date | None
    duty: str
    create_time: datetime
    state: State = State.OPEN
    answer: str = ""
    answered_by: str = ""
    version: int = 1

    def answered(
        self, *, promise_date: date, answer: str, by: str, roles: Collection[str]
    ) -> "Item":
        """Say when the goods will be there.

        Errors: CoordinationDutyForbids, CoordinationStateForbids.
        """
        if self.duty not in roles:
            raise CoordinationDutyForbids(self.duty, by)
        if State.ANSWERED not in MOVES[self.state]:
            raise CoordinationStateForbids(self)
        return replace(
            self,
            promise_date=promise_date,
            state=State.ANSWERED,
            answer=answer,
            answered_by=by,
            version=self.version + 1,
        )


@dataclass(frozen=True, slots=True)
class Filled:
    """Say how many pieces that an order waited for are there now."""

    order_id: str
    product_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Filter:
    """Say which items a list is to have; an empty text and None mean all."""

    kind: Kind | None = None
    state: State | None = None
    product_id: str = ""
    order_id: str = ""


class CoordinationNotFound(NotFound):
    """Nothing of this kind is to be co-ordinated for the order and product."""

    reason = "COORDINATION_NOT_FOUND"

    def __init__(self, order_id: str, product_id: str, kind: Kind) -> None:
        """Name all three."""
        super().__init__(
            f"order {order_id} has no {kind} of product {product_id}",
            orderId=order_id,
            productId=product_id,
            kind=kind,
        )


class CoordinationStateForbids(FailedPrecondition):
    """The item needs no answer any more."""

    reason = "COORDINATION_STATE_FORBIDS"

    def __init__(self, item: Item) -> None:
        """Name the item and its state."""
        super().__init__(
            f"{item.kind} of product {item.product_id} in order {item.order_id} is {item.state}",
            orderId=item.order_id,
            productId=item.product_id,
            kind=item.kind,
            state=item.state,
        )


class CoordinationDutyForbids(PermissionDenied):
    """The answer is the duty of another role."""

    reason = "COORDINATION_DUTY_FORBIDS"

    def __init__(self, duty: str, subject: str) -> None:
        """Name the duty and who is not up to it."""
        super().__init__(
            f"the answer is the duty of {duty}, not of {subject}", duty=duty, subject=subject
        )
