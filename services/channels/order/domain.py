"""An order: its table of moves, its checks, and what each step does to it.

The order is told about credit, stock and plan; it asks nobody.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from channels.order.errors import CoolingOffOver, OrderStateForbids
from channels.pricing.domain import PricedLine
from chassis.money import Money


class State(StrEnum):
    """How far an order is."""

    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    CHECKED = "CHECKED"
    CREDIT_HOLD = "CREDIT_HOLD"
    APPROVED = "APPROVED"
    PARTIALLY_ALLOCATED = "PARTIALLY_ALLOCATED"
    ALLOCATED = "ALLOCATED"
    SHIPPED = "SHIPPED"
    DELIVERED = "DELIVERED"
    INVOICED = "INVOICED"
    SETTLED = "SETTLED"
    CLOSED = "CLOSED"
    REJECTED = "REJECTED"
    CANCELLED = "CANCELLED"


# Source: R-090. Goods on their way cannot be cancelled; they have to arrive first. Until they are
# sent, an order whose credit is gone waits for it again.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.DRAFT: frozenset({State.SUBMITTED}),
    State.SUBMITTED: frozenset({State.CHECKED}),
    State.CHECKED: frozenset({State.APPROVED, State.CREDIT_HOLD}),
    State.CREDIT_HOLD: frozenset({State.APPROVED, State.REJECTED, State.CANCELLED}),
    State.APPROVED: frozenset(
        {State.PARTIALLY_ALLOCATED, State.ALLOCATED, State.CREDIT_HOLD, State.CANCELLED}
    ),
    State.PARTIALLY_ALLOCATED: frozenset({State.ALLOCATED, State.CREDIT_HOLD, State.CANCELLED}),
    State.ALLOCATED: frozenset({State.SHIPPED, State.CREDIT_HOLD, State.CANCELLED}),
    State.SHIPPED: frozenset({State.DELIVERED}),
    State.DELIVERED: frozenset({State.INVOICED, State.CANCELLED}),
    State.INVOICED: frozenset({State.SETTLED, State.CANCELLED}),
    State.SETTLED: frozenset({State.CLOSED, State.CANCELLED}),
    State.CLOSED: frozenset(),
    State.REJECTED: frozenset(),
    State.CANCELLED: frozenset(),
}
ENDED: Final = frozenset({State.REJECTED, State.CANCELLED})
# In these an order waits for goods, and in these goods of it can be picked.
WAITING: Final = frozenset({State.APPROVED, State.PARTIALLY_ALLOCATED})
PICKABLE: Final = frozenset({State.PARTIALLY_ALLOCATED, State.ALLOCATED})
# What an order goes through when settlement invoices it or is paid; in any other state it stays as
# it is, because such a fact may come late, twice, or before the other.
ON_INVOICE: Final[Mapping[State, Sequence[State]]] = {State.DELIVERED: [State.INVOICED]}
ON_PAYMENT: Final[Mapping[State, Sequence[State]]] = {
    State.DELIVERED: [State.INVOICED, State.SETTLED],
    State.INVOICED: [State.SETTLED],
}


class Source(StrEnum):
    """Through which door an order came."""

    CALL_CENTRE = "CALL_CENTRE"
    OFFICE = "OFFICE"
    OFFER = "OFFER"
    PARTNER = "PARTNER"


class CheckKind(StrEnum):
    """What is checked before an order is approved."""

    AGREEMENT = "AGREEMENT"
    PRICE = "PRICE"
    CREDIT = "CREDIT"
    PLAN = "PLAN"
    STOCK = "STOCK"


STOCK_SHORT: Final = "STOCK_INSUFFICIENT"
_PLACES: Final = {kind: place for place, kind in enumerate(CheckKind)}


@dataclass(frozen=True, slots=True)
class Check:
    """Hold the result of a check; `reason` is empty when there is nothing to say."""

    kind: CheckKind
    passed: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class OrderLine:
    """Hold a priced product, and how many of its pieces are beyond the monthly plan.

    Shape: `back_ordered` pieces were not there and are promised for a day.
    """

    priced: PricedLine
    excess_quantity: int = 0
    back_ordered: int = 0
    promise_date: date | None = None

    def exceeding(self, quantity: int | None) -> "OrderLine":
        """Take over how many pieces are beyond the plan; None changes nothing."""
        if quantity is None or quantity == self.excess_quantity:
            return self
        return replace(self, excess_quantity=quantity)


@dataclass(frozen=True, slots=True)
class Move:
    """Hold one move between states."""

    before: State
    after: State
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class Note:
    """Hold what settlement told of an order, and when that was."""

    order_id: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Origin:
    """Say where an order came from; the offer's fields are empty where there is none."""

    source: Source
    customer_id: str = ""
    offer_id: str = ""
    campaign_id: str = ""
    offer_code: str = ""
    project_id: str = ""


@dataclass(frozen=True, slots=True)
class Missing:
    """Say how many pieces of a product are not there, and for when they are promised."""

    quantity: int
    promise_date: date | None


@dataclass(frozen=True, slots=True)
class Order:
    """Hold an order; `moves` has every move, oldest first, unless it was read for a list."""

    order_id: str
    partner_id: str
    unit_id: str
    origin: Origin
    order_date: date
    lines: tuple[OrderLine, ...]
    total: Money
    create_time: datetime
    state: State = State.DRAFT
    contract_number: str = ""
    checks: tuple[Check, ...] = ()
    end_reason: str = ""
    carrier: str = ""
    delivery_proof: str = ""
    cooling_off_end_time: datetime | None = None
    moves: tuple[Move, ...] = ()
    version: int = 1

    def quantities(self) -> dict[str, int]:
        """Return the pieces of each product."""
        return {line.priced.product_id: line.priced.quantity for line in self.lines}

    def set_aside(self) -> dict[str, int]:
        """Return the pieces of each product that are not waited for, above 0."""
        return {
            line.priced.product_id: line.priced.quantity - line.back_ordered
            for line in self.lines
            if line.priced.quantity > line.back_ordered
        }

    def waited_for(self) -> dict[str, int]:
        """Return the pieces of each product that are waited for, above 0."""
        return {
            line.priced.product_id: line.back_ordered for line in self.lines if line.back_ordered
        }

    def lacking(self, missing: Mapping[str, Missing]) -> "Order":
        """Say what the order waits for; a product that is not named waits for nothing."""
        if not missing and not any(line.back_ordered for line in self.lines):
            return self
        lines = []
        for line in self.lines:
            lacks = missing.get(line.priced.product_id)
            back_ordered, promise = (lacks.quantity, lacks.promise_date) if lacks else (0, None)
            lines.append(replace(line, back_ordered=back_ordered, promise_date=promise))
        return replace(self, lines=tuple(lines))

    def moved(self, *states: State, at: datetime, by: str, **changes: Any) -> "Order":
        """Go through the states one after the other, and change other fields with them.

        Errors: OrderStateForbids at the first that the table does not allow.
        """
        before, moves = self.state, list(self.moves)
        for state in states:
            self._require_move(before, state)
            moves.append(Move(before, state, at, by))
            before = state
        version = self.version + len(states)
        return replace(self, state=before, moves=tuple(moves), version=version, **changes)

    def _merged(self, checks: Sequence[Check]) -> tuple[Check, ...]:
        kinds = {check.kind for check in checks}
        kept = [check for check in self.checks if check.kind not in kinds]
        return tuple(sorted([*kept, *checks], key=lambda check: _PLACES[check.kind]))

    def require_move(self, to: State) -> None:
        """Refuse a move that the table does not allow.

        Errors: OrderStateForbids.
        """
        self._require_move(self.state, to)

    def _require_move(self, before: State, to: State) -> None:
        if to not in MOVES[before]:
            raise OrderStateForbids(self.order_id, before, to=to)

    def checked(self, checks: Sequence[Check], excess: Mapping[str, int]) -> "Order":
        """Take over the results of checks, in place of earlier ones of the same kind."""
        lines = tuple(line.exceeding(excess.get(line.priced.product_id)) for line in self.lines)
        return replace(self, checks=self._merged(checks), lines=lines)

    def approve(
        self, contract_number: str, missing: Mapping[str, Missing], *, at: datetime, by: str
    ) -> "Order":
        """Make the order a contract with a number; what is there of its goods is set aside.

        Source: R-087.
        """
        known = self.lacking(missing)
        goods = Check(CheckKind.STOCK, passed=not missing, reason=STOCK_SHORT if missing else "")
        return known.moved(
            State.APPROVED,
            *known._goods_state(),
            at=at,
            by=by,
            contract_number=contract_number,
            checks=self._merged([goods]),
        )

    def stocked(self, missing: Mapping[str, Missing], *, at: datetime, by: str) -> "Order":
        """Take goods over that came in, when the order waits for fewer than before."""
        known = self.lacking(missing)
        goods = Check(CheckKind.STOCK, passed=not missing, reason=STOCK_SHORT if missing else "")
        checks = self._merged([goods])
        states = [state for state in known._goods_state() if state is not self.state]
        if states:
            return known.moved(*states, at=at, by=by, checks=checks)
        return replace(known, checks=checks, version=self.version + 1)

    def _goods_state(self) -> list[State]:
        """Return where an approved order goes by its goods: nowhere when nothing is there."""
        if not self.waited_for():
            return [State.ALLOCATED]
        return [State.PARTIALLY_ALLOCATED] if self.set_aside() else []

    def lose_credit(self, reason: str, *, under_way: bool, at: datetime, by: str) -> "Order":
        """Note that the credit is gone, and wait for it again unless goods are under way.

        Shape: an order that has ended stays as it is.
        """
        if not MOVES[self.state]:
            return self
        noted = self.checked([Check(CheckKind.CREDIT, passed=False, reason=reason)], {})
        if State.CREDIT_HOLD in MOVES[self.state] and not under_way:
            return noted.lacking({}).moved(State.CREDIT_HOLD, at=at, by=by)
        return replace(noted, version=self.version + 1)

    def ship(self, *, carrier: str, at: datetime, by: str) -> "Order":
        """Send the goods."""
        return self.moved(State.SHIPPED, at=at, by=by, carrier=carrier)

    def deliver(
        self, *, proof: str, cooling_off_end_time: datetime, at: datetime, by: str
    ) -> "Order":
        """Hand the goods over; from now on the cooling-off time runs."""
        return self.moved(
            State.DELIVERED,
            at=at,
            by=by,
            delivery_proof=proof,
            cooling_off_end_time=cooling_off_end_time,
        )

    def cancel(self, *, reason: str, at: datetime, by: str) -> "Order":
        """Take the order back.

        Errors: OrderStateForbids; CoolingOffOver, from the very instant on at which it ends.
        """
        cancelled = self.moved(State.CANCELLED, at=at, by=by)
        end = self.cooling_off_end_time
        if end is not None and at >= end:
            raise CoolingOffOver(self.order_id, end)
        return replace(cancelled.lacking({}), end_reason=reason)

    def reject(self, *, reason: str, at: datetime, by: str) -> "Order":
        """Refuse the order while it is on hold."""
        return self.moved(State.REJECTED, at=at, by=by, end_reason=reason)


@dataclass(frozen=True, slots=True)
class Credit:
    """Hold what settlement said; `reason` is empty when it granted the credit."""

    granted: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Filter:
    """Say which orders a list is to have; an empty text and None mean all."""

    partner_id: str = ""
    customer_id: str = ""
    campaign_id: str = ""
    state: State | None = None
    source: Source | None = None


def excess_of(
    quantities: Mapping[str, int], *, planned: Mapping[str, int], ordered: Mapping[str, int]
) -> dict[str, int]:
    """Return how many pieces of each product go beyond the plan.

    Shape: 0 to the quantity of each product; a product without a plan line has a plan of 0.
    Source: R-086: plan 5,000, ordered 4,600, new 600 are 200 beyond.
    """
    return {
        product_id: max(
            0,
            min(
                quantity,
                ordered.get(product_id, 0) + quantity - planned.get(product_id, 0),
            ),
        )
        for product_id, quantity in quantities.items()
    }
