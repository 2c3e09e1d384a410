"""Bills of exchange: money that comes on a later day, or does not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from typing import Final

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound
from chassis.money import Money


class State(StrEnum):
    """What has become of a bill."""

    PENDING = "PENDING"
    HONOURED = "HONOURED"
    DISHONOURED = "DISHONOURED"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.PENDING: frozenset({State.HONOURED, State.DISHONOURED}),
    State.HONOURED: frozenset(),
    State.DISHONOURED: frozenset(),
}


class BillNotFound(NotFound):
    """No bill has this id."""

    reason = "BILL_NOT_FOUND"

    def __init__(self, bill_id: str) -> None:
        """Name the bill."""
        super().__init__(f"there is no bill {bill_id}", billId=bill_id)


class BillNumberUsed(AlreadyExists):
    """A bill of this partner has the same number."""

    reason = "BILL_NUMBER_USED"

    def __init__(self, partner_id: str, bill_number: str) -> None:
        """Name the partner and the number."""
        super().__init__(
            f"partner {partner_id} has a bill {bill_number} already",
            partnerId=partner_id,
            billNumber=bill_number,
        )


class BillStateForbids(FailedPrecondition):
    """The bill was honoured or dishonoured already."""

    reason = "BILL_STATE_FORBIDS"

    def __init__(self, bill_id: str, state: State, to: State) -> None:
        """Name the bill, its state and what was asked for."""
        super().__init__(
            f"bill {bill_id} is {state} and cannot become {to}", billId=bill_id, state=state, to=to
        )


@dataclass(frozen=True, slots=True)
class Bill:
    """Hold a bill that a partner gave.

    Shape: `settle_date` is None while it is pending; `receipt_id` is there once it is honoured, and
        `note` says why it was not.
    """

    bill_id: str
    partner_id: str
    unit_id: str
    bill_number: str
    drawer: str
    amount: Money
    receive_date: date
    due_date: date
    state: State = State.PENDING
    settle_date: date | None = None
    receipt_id: str | None = None
    note: str = ""
    sequence: int = 0

    def honour(self, *, receipt_id: str, on: date) -> "Bill":
        """Turn it into a receipt.

        Errors: BillStateForbids.
        """
        return replace(self._move(State.HONOURED), receipt_id=receipt_id, settle_date=on)

    def dishonour(self, *, note: str, on: date) -> "Bill":
        """Give it up.

        Errors: BillStateForbids.
        """
        return replace(self._move(State.DISHONOURED), note=note, settle_date=on)

    def _move(self, to: State) -> "Bill":
        if to not in MOVES[self.state]:
            raise BillStateForbids(self.bill_id, self.state, to)
        return replace(self, state=to)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Say which bills a list is to have; empty and None mean all."""

    partner_id: str = ""
    state: State | None = None
