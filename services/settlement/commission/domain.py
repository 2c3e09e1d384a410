"""Commission entries: their states, what is taken back of them, and a partner's month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chassis.allocation import split_money
from chassis.errors import FailedPrecondition, NotFound
from chassis.money import Money, round_half_up
from chassis.period import Month
from settlement.commission.earning import NOTHING, Basis, Earning, Per, Returned


class State(StrEnum):
    """How far a commission is."""

    ACCRUED = "ACCRUED"
    CONFIRMED = "CONFIRMED"
    STATED = "STATED"
    PAID = "PAID"
    REVERSED = "REVERSED"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.ACCRUED: frozenset({State.CONFIRMED, State.REVERSED}),
    State.CONFIRMED: frozenset({State.STATED, State.PAID, State.REVERSED}),
    State.STATED: frozenset({State.PAID, State.REVERSED}),
    State.PAID: frozenset({State.REVERSED}),
    State.REVERSED: frozenset(),
}


# What nobody has accounted for yet: what is taken back of it is simply less of it.
UNSTATED: Final = frozenset({State.ACCRUED, State.CONFIRMED})
PAYABLE: Final = (State.CONFIRMED, State.STATED)


class Cause(StrEnum):
    """Why commission was taken back."""

    CANCELLED = "CANCELLED"
    RETURNED = "RETURNED"
    UNCOLLECTED = "UNCOLLECTED"
    SPLIT = "SPLIT"


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


class CommissionEntryNotFound(NotFound):
    """No commission entry has this id."""

    reason = "COMMISSION_ENTRY_NOT_FOUND"

    def __init__(self, entry_id: str) -> None:
        """Name the entry."""
        super().__init__(f"there is no commission entry {entry_id}", entryId=entry_id)


class CommissionSplitForbidden(FailedPrecondition):
    """The commission was taken back in part, stated or paid, or it waits for money."""

    reason = "COMMISSION_SPLIT_FORBIDDEN"

    def __init__(self, entry_id: str, state: State) -> None:
        """Name the entry and its state."""
        super().__init__(
            f"commission {entry_id} is {state} and cannot be split", entryId=entry_id, state=state
        )


@dataclass(frozen=True, slots=True)
class Share:
    """Hold how much of a split a partner gets, relative to the others."""

    partner_id: str
    weight: int


@dataclass(frozen=True, slots=True)
class Entry:
    """Hold what a partner earned for one event.

    Shape: `confirm_date` is None until the order is delivered, for nobody knows before how long it
        can be cancelled. `occasion` tells apart what the same lines earned by turns: empty for the
        order itself. `reversed_minor` is how much of it was taken back so far, for `returned`;
        `reverse_date` is the day on which nothing was left. `statement_id` and `payment_id` stay
        after a reversal, so that the next ones know what to take off.
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
    occasion: str = ""
    returned: Returned = NOTHING
    reversed_minor: int = 0
    statement_id: str | None = None

    @property
    def amount(self) -> Money:
        """Return what was earned, before anything was taken back."""
        return self.earning.amount

    @property
    def left(self) -> Money:
        """Return what still stands."""
        return Money(self.amount.currency_code, self.amount.amount_minor - self.reversed_minor)

    def confirm(self) -> "Entry":
        """Let it be paid, after the cooling-off."""
        return self._move(State.CONFIRMED)

    def pay(self, payment_id: str) -> "Entry":
        """Pay it."""
        return replace(self._move(State.PAID), payment_id=payment_id)

    def reverse(self, *, on: date) -> "Entry":
        """Take back what still stands."""
        return self.take_back(self.left.amount_minor, on=on)

    def take_back(self, amount_minor: int, *, on: date) -> "Entry":
        """Take back a part; the last one ends it."""
        assert 0 <= amount_minor <= self.left.amount_minor, f"{self.entry_id} has {self.left}"
        assert State.REVERSED in MOVES[self.state], f"commission {self.entry_id} is {self.state}"
        now = replace(self, reversed_minor=self.reversed_minor + amount_minor)
        if now.left.amount_minor:
            return now
        return replace(now._move(State.REVERSED), reverse_date=on)

    def require_whole(self) -> None:
        """Refuse to split what is not as it was earned.

        Shape: nothing was taken back, nobody has accounted for it, and it was earned by the order
            itself, not by money that may go back.
        Errors: CommissionSplitForbidden.
        """
        touched = self.reversed_minor or self.returned != NOTHING
        cash = self.earning.rate.basis is Basis.CASH
        if self.state not in UNSTATED or touched or cash:
            raise CommissionSplitForbidden(self.entry_id, self.state)

    def split(
        self, shares: Sequence[Share], *, ids: Sequence[str], on: date, at: datetime
    ) -> list["Entry"]:
        """Make an entry for each share, by largest remainder, so that they sum to this one.

        Source: R-125.
        """
        parts = split_money(self.amount, [one.weight for one in shares])
        made = [
            replace(
                self,
                entry_id=id_,
                partner_id=share.partner_id,
                earning=replace(
                    self.earning, rate=replace(self.earning.rate, amount=part), quantity=1
                ),
                accrue_date=on,
                accrue_time=at,
                state=State.ACCRUED,
                occasion=f"split:{self.entry_id}:{number}",
                sequence=0,
            )
            for number, (id_, share, part) in enumerate(zip(ids, shares, parts, strict=True), 1)
        ]
        return [one for one in made if one.amount.amount_minor]

    def give_back(self, more: Returned) -> tuple["Entry", int]:
        """Say what comes back with returned goods, in proportion, and how much that is in all.

        Shape: this entry with the goods counted, and the minor units to take back now. The shares
            of all returns sum to the whole, whatever their order, for each is the difference of two
            rounded sums.
        Source: R-096, R-124.
        """
        counted = replace(self, returned=self.returned + more)
        return counted, max(counted._due_back() - self.reversed_minor, 0)

    def _due_back(self) -> int:
        """Return how much has to be taken back for all that came back so far."""
        own, back = self.earning, self.returned
        whole = self.amount.amount_minor
        if back.quantity >= own.base_quantity:
            return whole
        by_amount = own.rate.per in (Per.ORDER, Per.AMOUNT) and own.base_minor > 0
        part, base = (
            (back.amount_minor, own.base_minor) if by_amount else (back.quantity, own.base_quantity)
        )
        return round_half_up(whole * min(part, base), base)

    def _move(self, to: State) -> "Entry":
        # Use cases choose by state, and a fact that comes twice finds nothing to move.
        assert to in MOVES[self.state], f"commission {self.entry_id} is {self.state}"
        return replace(self, state=to)


@dataclass(frozen=True, slots=True)
class Reversal:
    """Hold what was taken back of an entry, as it is afterwards.

    Shape: `late` when the entry was on a statement or paid before; then the next one takes it off.
        `source_id` is the return behind it, empty when there is none.
    """

    reversal_id: str
    entry: Entry
    amount: Money
    cause: Cause
    source_id: str
    reverse_date: date
    late: bool
    after_payment: bool


@dataclass(frozen=True, slots=True)
class Payment:
    """Hold commission that was paid."""

    payment_id: str
    partner_id: str
    amount: Money
    entry_count: int
    pay_date: date


def payment(
    payment_id: str, partner_id: str, *, due: Sequence[Entry], taken_back_minor: int, on: date
) -> Payment:
    """Sum what is to be paid: what is confirmed, less what was taken back after a payment.

    Errors: CommissionNothingToPay when that is 0 or less.
    Source: R-124.
    """
    payable = sum(one.left.amount_minor for one in due) - taken_back_minor
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
class IssuedStatement:
    """Hold what was stated to a partner at the end of a month, and is not stated again.

    Shape: `earned` of entries that were confirmed, less `taken_back` since the last statement.
    """

    statement_id: str
    partner_id: str
    unit_id: str
    month: Month
    entry_count: int
    earned: Money
    reversal_count: int
    taken_back: Money
    state_date: date
    sequence: int = 0

    @property
    def total(self) -> Money:
        """Return earned less taken back; below 0 when more was taken back."""
        return self.earned - self.taken_back


@dataclass(frozen=True, slots=True)
class CommissionDay:
    """Hold what a front line earned on a day; `offer_ids` are those behind its successes."""

    partner_id: str
    day: date
    opportunity_count: int
    success_count: int
    amount: Money
    offer_ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CommissionStated:
    """A partner's commission of a month was stated."""

    statement: IssuedStatement


@dataclass(frozen=True, slots=True)
class CommissionAccrued:
    """A partner earned commission."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class CommissionReversed:
    """Commission was taken back, in part or whole."""

    reversal: Reversal


@dataclass(frozen=True, slots=True)
class Wanted:
    """Say which entries a list is to have; empty and None mean all."""

    partner_id: str = ""
    campaign_id: str = ""
    order_id: str = ""
    state: State | None = None
    month: Month | None = None
