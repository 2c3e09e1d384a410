"""A return: its table of moves, how many pieces may come back, and what they had cost.

Stock and money move when a return is settled and not before, so whatever ends earlier has left
nothing behind.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from channels.returns.errors import (
    ExchangeDifferenceDue,
    InspectionDoesNotFit,
    ReturnExceedsDelivered,
    ReturnNeedsAnotherPerson,
    ReturnStateForbids,
)
from chassis.allocation import split
from chassis.money import Money, UnitPrice, round_half_up, total


class Kind(StrEnum):
    """What a partner gets for its goods: a credit note, or other goods."""

    RETURN = "RETURN"
    EXCHANGE = "EXCHANGE"


class State(StrEnum):
    """How far a return is."""

    REQUESTED = "REQUESTED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    RECEIVED = "RECEIVED"
    INSPECTED = "INSPECTED"
    CREDITED = "CREDITED"
    REPLACED = "REPLACED"
    CLOSED = "CLOSED"


# Source: R-098. Whatever is not settled yet can be closed without an effect.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.REQUESTED: frozenset({State.APPROVED, State.REJECTED}),
    State.APPROVED: frozenset({State.RECEIVED, State.CLOSED}),
    State.REJECTED: frozenset(),
    State.RECEIVED: frozenset({State.INSPECTED, State.CLOSED}),
    State.INSPECTED: frozenset({State.CREDITED, State.REPLACED, State.CLOSED}),
    State.CREDITED: frozenset({State.CLOSED}),
    State.REPLACED: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
}
# How each kind is settled.
SETTLES: Final = {Kind.RETURN: State.CREDITED, Kind.EXCHANGE: State.REPLACED}
SETTLED: Final = frozenset(SETTLES.values())
NOTHING_TAKEN: Final = "the inspection took nothing"


@dataclass(frozen=True, slots=True)
class Line:
    """Hold pieces of a product that come back; `amount` is what those had cost that are taken.

    Shape: `accepted` and `restocked` are 0 before the inspection.
    """

    product_id: str
    quantity: int
    amount: Money
    batch: str = ""
    accepted: int = 0
    restocked: int = 0
    finding: str = ""


@dataclass(frozen=True, slots=True)
class Replacement:
    """Hold pieces of a product that an exchange gives, at the partner's price."""

    product_id: str
    quantity: int
    unit_price: UnitPrice
    amount: Money


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold what the inspection says of a product."""

    product_id: str
    accepted: int
    restocked: int
    text: str = ""


@dataclass(frozen=True, slots=True)
class Sold:
    """Hold what an order had of a product."""

    quantity: int
    amount: Money

    def cost(self, quantity: int, *, after: int) -> Money:
        """Return what pieces had cost when some came back before, so that all parts sum to the
        whole, whatever their order."""
        whole = self.amount.amount_minor
        until = round_half_up(whole * (after + quantity), self.quantity)
        return replace(
            self.amount, amount_minor=until - round_half_up(whole * after, self.quantity)
        )


@dataclass(frozen=True, slots=True)
class Move:
    """Hold one move between states; the first has no state before."""

    before: State | None
    after: State
    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class GoodsReturn:
    """Hold a return or an exchange; `moves` has every move, oldest first, unless it was read for a
    list."""

    return_id: str
    order_id: str
    partner_id: str
    customer_id: str
    unit_id: str
    kind: Kind
    reason_code: str
    note: str
    lines: tuple[Line, ...]
    replacements: tuple[Replacement, ...]
    requested_by: str
    request_time: datetime
    state: State = State.REQUESTED
    end_reason: str = ""
    receipt_slip: str = ""
    carrier: str = ""
    credit_note_issued: bool = False
    settle_date: date | None = None
    moves: tuple[Move, ...] = ()
    version: int = 1

    @property
    def is_inspected(self) -> bool:
        """Tell whether the accepted pieces are known."""
        return self.state in {State.INSPECTED, *SETTLED} or self.settle_date is not None

    @property
    def has_ended_for_nothing(self) -> bool:
        """Tell whether it claims no goods any more, and took none."""
        return self.state is State.REJECTED or (
            self.state is State.CLOSED and self.settle_date is None
        )

    @property
    def returned_amount(self) -> Money:
        """Return what the goods had cost."""
        code = self.lines[0].amount.currency_code
        return total(code, (line.amount for line in self.lines))

    @property
    def replacement_amount(self) -> Money:
        """Return what the replacements cost."""
        code = self.lines[0].amount.currency_code
        return total(code, (one.amount for one in self.replacements))

    @property
    def credit_amount(self) -> Money:
        """Return what the partner gets as a credit note, before any effect as well as after it.

        Source: R-094, R-097.
        """
        difference = self.returned_amount - self.replacement_amount
        return difference if difference.amount_minor > 0 else Money.zero(difference.currency_code)

    def claimed(self) -> dict[str, int]:
        """Return the pieces of each product that it took or still may take, above 0."""
        if self.has_ended_for_nothing:
            return {}
        pieces = {
            line.product_id: line.accepted if self.is_inspected else line.quantity
            for line in self.lines
        }
        return {product_id: quantity for product_id, quantity in pieces.items() if quantity}

    def begin(self) -> "GoodsReturn":
        """Write down the first move."""
        return replace(
            self, moves=(Move(None, State.REQUESTED, self.request_time, self.requested_by),)
        )

    def approve(self, *, at: datetime, by: str) -> "GoodsReturn":
        """Let the goods come.

        Errors: ReturnStateForbids, ReturnNeedsAnotherPerson.
        """
        approved = self.moved(State.APPROVED, at=at, by=by)
        if by == self.requested_by:
            raise ReturnNeedsAnotherPerson(self.return_id, by)
        return approved

    def inspect(self, findings: Iterable[Finding], *, at: datetime, by: str) -> "GoodsReturn":
        """Say what is taken; what nothing is said of is taken whole. With nothing taken it ends.

        Errors: ReturnStateForbids, InspectionDoesNotFit.
        """
        found = {one.product_id: one for one in findings}
        lines = []
        for line in self.lines:
            one = found.pop(line.product_id, None) or Finding(
                line.product_id, line.quantity, line.quantity
            )
            if one.accepted > line.quantity or one.restocked > one.accepted:
                raise InspectionDoesNotFit(self.return_id, line.product_id)
            lines.append(
                replace(line, accepted=one.accepted, restocked=one.restocked, finding=one.text)
            )
        for product_id in found:
            raise InspectionDoesNotFit(self.return_id, product_id)
        after = self.moved(State.INSPECTED, at=at, by=by, lines=tuple(lines))
        if any(line.accepted for line in lines):
            return after
        return after.moved(State.CLOSED, at=at, by=by, end_reason=NOTHING_TAKEN)

    def priced(self, sold: Mapping[str, Sold], credited: Mapping[str, int]) -> "GoodsReturn":
        """Say what its pieces had cost, when some of the order were credited before.

        Shape: exchanged pieces are no part of what is credited, so they cost what they cost alone.
        """
        is_return = self.kind is Kind.RETURN
        lines = [
            replace(
                line,
                amount=sold[line.product_id].cost(
                    line.accepted if self.is_inspected else line.quantity,
                    after=credited.get(line.product_id, 0) if is_return else 0,
                ),
            )
            for line in self.lines
        ]
        return replace(self, lines=tuple(lines))

    def require_no_difference_due(self) -> None:
        """Refuse an exchange for which the partner would have to pay.

        Errors: ExchangeDifferenceDue.
        """
        if self.returned_amount < self.replacement_amount:
            raise ExchangeDifferenceDue(self.returned_amount, self.replacement_amount)

    def settle(
        self, to: State, *, on: date, at: datetime, by: str, carrier: str = ""
    ) -> "GoodsReturn":
        """Let goods and money move; an exchange without a difference is done with that.

        Errors: ReturnStateForbids, also for a way that is not that of its kind;
            ExchangeDifferenceDue.
        """
        if to is not SETTLES[self.kind]:
            raise ReturnStateForbids(self.return_id, self.state, to)
        after = self.moved(to, at=at, by=by, settle_date=on, carrier=carrier)
        after.require_no_difference_due()
        if self.kind is Kind.EXCHANGE and not after.credit_amount.amount_minor:
            return after.moved(State.CLOSED, at=at, by=by)
        return after

    def credits(self) -> list[Line]:
        """Return what settlement takes back, each product once: pieces and amount of a return, of
        an exchange the difference alone, without pieces."""
        taken = [line for line in self.lines if line.accepted]
        if self.kind is Kind.RETURN:
            return [replace(line, quantity=line.accepted) for line in taken]
        minor = self.credit_amount.amount_minor
        if not minor:
            return []
        parts = split(minor, [line.amount.amount_minor for line in taken])
        return [
            replace(line, quantity=0, amount=replace(line.amount, amount_minor=part))
            for line, part in zip(taken, parts, strict=True)
            if part
        ]

    def restocked(self) -> dict[str, int]:
        """Return the pieces that can be sold again, above 0."""
        return {line.product_id: line.restocked for line in self.lines if line.restocked}

    def require_unsettled(self, to: State) -> None:
        """Refuse a move of what has had its effect.

        Errors: ReturnStateForbids.
        """
        if self.state in SETTLED:
            raise ReturnStateForbids(self.return_id, self.state, to)

    def moved(self, to: State, *, at: datetime, by: str, **changes: Any) -> "GoodsReturn":
        """Go to a state, and change other fields with it.

        Errors: ReturnStateForbids.
        """
        if to not in MOVES[self.state]:
            raise ReturnStateForbids(self.return_id, self.state, to)
        moves = (*self.moves, Move(self.state, to, at, by))
        return replace(self, state=to, moves=moves, version=self.version + 1, **changes)


@dataclass(frozen=True, slots=True)
class ReturnReason:
    """Hold a reason of the catalogue."""

    reason_code: str
    title: str
    title_zh: str


@dataclass(frozen=True, slots=True)
class Request:
    """Hold what a partner wants: pieces by product that come back, and pieces that it wants."""

    order_id: str
    lines: Sequence[tuple[str, int, str]]
    replacements: Sequence[tuple[str, int]]
    reason_code: str
    note: str


@dataclass(frozen=True, slots=True)
class Filter:
    """Say which returns a list is to have; an empty text and None mean all."""

    order_id: str = ""
    partner_id: str = ""
    state: State | None = None
    kind: Kind | None = None


def require_within(
    order_id: str,
    lines: Sequence[Line],
    *,
    delivered: Mapping[str, int],
    others: Iterable[GoodsReturn],
) -> None:
    """Refuse more than was delivered less what other returns of the order claim or took.

    Errors: ReturnExceedsDelivered.
    Source: R-095: of 1,000 of which 100 came back, 901 are refused and 900 accepted.
    """
    taken: Counter[str] = Counter()
    for one in others:
        taken.update(one.claimed())
    for line in lines:
        left = delivered.get(line.product_id, 0) - taken[line.product_id]
        if line.quantity > left:
            raise ReturnExceedsDelivered(
                order_id, line.product_id, quantity=line.quantity, left=left
            )


def credited_pieces(returns: Iterable[GoodsReturn]) -> Counter[str]:
    """Return the pieces of each product that returns took back for money."""
    found: Counter[str] = Counter()
    for one in returns:
        if one.kind is Kind.RETURN and one.settle_date is not None:
            found.update({line.product_id: line.accepted for line in one.lines})
    return found
