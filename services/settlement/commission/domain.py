"""Commission entries: what earns how much, their states, and a partner's month."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chassis.errors import FailedPrecondition
from chassis.money import Money
from chassis.period import Month


class State(StrEnum):
    """How far a commission is."""

    ACCRUED = "ACCRUED"
    CONFIRMED = "CONFIRMED"
    PAID = "PAID"
    REVERSED = "REVERSED"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.ACCRUED: frozenset({State.CONFIRMED, State.REVERSED}),
    State.CONFIRMED: frozenset({State.PAID, State.REVERSED}),
    State.PAID: frozenset({State.REVERSED}),
    State.REVERSED: frozenset(),
}


class Per(StrEnum):
    """What a rate is earned for: the order, a line of it, or each piece."""

    ORDER = "order"
    LINE = "line"
    PIECE = "piece"


class CommissionNothingToPay(FailedPrecondition):
    """The partner has no confirmed commission that is not paid yet."""

    reason = "COMMISSION_NOTHING_TO_PAY"

    def __init__(self, partner_id: str, payable_minor: int) -> None:
        """Name the partner and what is payable, which is 0 or less."""
        super().__init__(
            f"partner {partner_id} has {payable_minor} to be paid",
            partnerId=partner_id,
            payableMinor=payable_minor,
        )


@dataclass(frozen=True, slots=True)
class SaleLine:
    """Hold what was sold of one product."""

    product_id: str
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Sale:
    """Hold what is known of an approved order."""

    order_id: str
    partner_id: str
    unit_id: str
    source: str
    offer_id: str
    campaign_id: str
    lines: tuple[SaleLine, ...]


@dataclass(frozen=True, slots=True)
class Rate:
    """Hold what an event earns."""

    event_kind: str
    per: Per
    amount: Money


@dataclass(frozen=True, slots=True)
class Earning:
    """Hold what a sale earned by one rate; `product_id` is empty when the whole order did."""

    rate: Rate
    product_id: str
    quantity: int


def earnings(
    sale: Sale, rates: Sequence[Rate], matching: Sequence[Collection[str]]
) -> list[Earning]:
    """Say what a sale earns.

    Shape: `matching` has for each line of the sale the kinds of event that it is. An order's rate
        is earned once, when one of its lines matches.
    Source: R-118, R-119.
    """
    found: list[Earning] = []
    for rate in rates:
        lines = [
            line
            for line, kinds in zip(sale.lines, matching, strict=True)
            if rate.event_kind in kinds
        ]
        match rate.per:
            case Per.ORDER:
                found += [Earning(rate, "", 1)] if lines else []
            case Per.LINE:
                found += [Earning(rate, line.product_id, 1) for line in lines]
            case Per.PIECE:
                found += [Earning(rate, line.product_id, line.quantity) for line in lines]
    return found


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold what a partner earned for one event.

    Shape: `confirm_date` is None until the order is delivered, for nobody knows before how long it
        can be cancelled. `payment_id` stays after a reversal, so that the next payment knows what
        to take off.
    """

    entry_id: str
    partner_id: str
    unit_id: str
    order_id: str
    offer_id: str
    campaign_id: str
    earning: Earning
    policy_id: str
    accrue_date: date
    accrue_time: datetime
    confirm_date: date | None = None
    state: State = State.ACCRUED
    reverse_date: date | None = None
    payment_id: str | None = None
    sequence: int = 0

    @property
    def amount(self) -> Money:
        """Return rate times quantity."""
        rate = self.earning.rate.amount
        return Money(rate.currency_code, rate.amount_minor * self.earning.quantity)

    def confirm(self) -> "Entry":
        """Let it be paid, after the cooling-off."""
        return self._move(State.CONFIRMED)

    def pay(self, payment_id: str) -> "Entry":
        """Pay it."""
        return replace(self._move(State.PAID), payment_id=payment_id)

    def reverse(self, *, on: date) -> "Entry":
        """Take it back."""
        return replace(self._move(State.REVERSED), reverse_date=on)

    def _move(self, to: State) -> "Entry":
        # Use cases choose by state, and a fact that comes twice finds nothing to move.
        assert to in MOVES[self.state], f"commission {self.entry_id} is {self.state}"
        return replace(self, state=to)


@dataclass(frozen=True, slots=True)
class Payment:
    """Hold commission that was paid."""

    payment_id: str
    partner_id: str
    amount: Money
    entry_count: int
    pay_date: date


def payment(
    payment_id: str, partner_id: str, *, due: Sequence[Entry], taken_back: Sequence[Entry], on: date
) -> Payment:
    """Sum what is to be paid: what is confirmed, less what was taken back after a payment.

    Errors: CommissionNothingToPay when that is 0 or less.
    Source: R-124.
    """
    payable = sum(one.amount.amount_minor for one in due)
    payable -= sum(one.amount.amount_minor for one in taken_back)
    if payable <= 0:
        raise CommissionNothingToPay(partner_id, payable)
    amount = Money(due[0].amount.currency_code, payable)
    return Payment(payment_id, partner_id, amount, len(due), on)


@dataclass(frozen=True, slots=True)
class StatementLine:
    """Hold what one kind of event earned within a month."""

    event_kind: str
    product_id: str
    accrued_count: int
    accrued: Money
    reversed_count: int
    reversed: Money

    @property
    def total(self) -> Money:
        """Return earned less taken back."""
        return self.accrued - self.reversed


@dataclass(frozen=True, slots=True)
class Statement:
    """Hold what a partner earned within a month, by kind of event and product."""

    partner_id: str
    month: Month
    currency_code: str
    lines: tuple[StatementLine, ...]

    @property
    def total(self) -> Money:
        """Return earned less taken back, over all lines."""
        return Money(self.currency_code, sum(line.total.amount_minor for line in self.lines))


@dataclass(frozen=True, slots=True)
class CommissionAccrued:
    """A partner earned commission."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class CommissionReversed:
    """Commission was taken back."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class Wanted:
    """Say which entries a list is to have; empty and None mean all."""

    partner_id: str = ""
    campaign_id: str = ""
    order_id: str = ""
    state: State | None = None
    month: Month | None = None
