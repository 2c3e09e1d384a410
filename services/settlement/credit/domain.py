"""Credit accounts and reservations: what is available, and who may have it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, NotFound
from chassis.money import Money
from chassis.policy.parameters import Value

# Larger numbers are a mistake, and a date could not hold them.
DAYS_MAX: Final = 36_500
# What an order is called as the owner of a reservation; channels asks under the same name.
ORDER: Final = "order"


class State(StrEnum):
    """What has become of a reservation."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    RELEASED = "RELEASED"
    INVOICED = "INVOICED"
    CANCELLED = "CANCELLED"


# A released one begins anew: an order that was on hold asks again under its own name. That of a
# cancelled order never does, so that its approval, read again, reserves nothing.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.PENDING: frozenset(
        {State.PENDING, State.CONFIRMED, State.RELEASED, State.INVOICED, State.CANCELLED}
    ),
    State.CONFIRMED: frozenset({State.RELEASED, State.INVOICED, State.CANCELLED}),
    State.RELEASED: frozenset({State.PENDING, State.CONFIRMED, State.CANCELLED}),
    State.INVOICED: frozenset(),
    State.CANCELLED: frozenset(),
}


class CreditAccountNotFound(NotFound):
    """The partner has no credit account."""

    reason = "CREDIT_ACCOUNT_NOT_FOUND"

    def __init__(self, partner_id: str) -> None:
        """Name the partner."""
        super().__init__(f"partner {partner_id} has no credit account", partnerId=partner_id)


class CreditLimitExceeded(FailedPrecondition):
    """The amount is more than what the limit leaves."""

    reason = "CREDIT_LIMIT_EXCEEDED"

    def __init__(self, partner_id: str, available: Money, amount: Money) -> None:
        """Name the partner, what is left and what was asked for."""
        super().__init__(
            f"partner {partner_id} has {available.amount_minor} left and needs "
            f"{amount.amount_minor}",
            partnerId=partner_id,
            availableMinor=available.amount_minor,
            amountMinor=amount.amount_minor,
        )


class CreditBlocked(FailedPrecondition):
    """The partner's credit is blocked, by finance or because it has not paid in time."""

    reason = "CREDIT_BLOCKED"

    def __init__(self, partner_id: str) -> None:
        """Name the partner."""
        super().__init__(f"the credit of partner {partner_id} is blocked", partnerId=partner_id)


class CreditReservationFixed(FailedPrecondition):
    """What an owner has set aside is confirmed or at its end, and not what is asked for."""

    reason = "CREDIT_RESERVATION_FIXED"

    def __init__(self, reservation: "Reservation") -> None:
        """Name the owner, the state and the amount that is fixed."""
        owner, minor = reservation.owner, reservation.amount.amount_minor
        super().__init__(
            f"the credit of {owner.kind} {owner.owner_id} is {reservation.state} over {minor}",
            ownerKind=owner.kind,
            ownerId=owner.owner_id,
            state=reservation.state,
            amountMinor=minor,
        )


@dataclass(frozen=True, slots=True)
class Owner:
    """Name what a reservation is for."""

    kind: str
    owner_id: str


@dataclass(frozen=True, slots=True)
class CreditAccount:
    """Hold what a partner may owe.

    Shape: `credit_days` is None until the partner's activation is known here. `blocked` is what
        finance decided. `overdue_since` is the due day of the oldest invoice that blocks, or None;
        invoices that were due until `waived_due_date` do not block again.
    """

    partner_id: str
    unit_id: str
    limit: Money
    credit_days: int | None = None
    blocked: bool = False
    block_reason: str = ""
    overdue_since: date | None = None
    waived_due_date: date | None = None

    @property
    def is_closed(self) -> bool:
        """Tell whether anything keeps more from being reserved."""
        return self.blocked or self.overdue_since is not None


@dataclass(frozen=True, slots=True)
class Position:
    """Hold a credit account with what uses it up."""

    account: CreditAccount
    receivable: Money
    advance: Money
    reserved: Money

    @property
    def available(self) -> Money:
        """Return what may still be reserved; below zero after the limit was lowered."""
        return self.account.limit + self.advance - self.receivable - self.reserved

    def admit(self, amount: Money) -> None:
        """Refuse an amount that the limit does not leave.

        Errors: CreditBlocked, CreditLimitExceeded, CurrencyMismatch.
        Source: R-084.
        """
        if self.account.is_closed:
            raise CreditBlocked(self.account.partner_id)
        if amount > self.available:
            raise CreditLimitExceeded(self.account.partner_id, self.available, amount)


@dataclass(frozen=True, slots=True)
class Reservation:
    """Hold what is set aside for one owner."""

    reservation_id: str
    owner: Owner
    partner_id: str
    amount: Money
    state: State
    expire_time: datetime

    def may(self, to: State) -> bool:
        """Tell whether the reservation can move to a state."""
        return to in MOVES[self.state]

    def require_same(self, partner_id: str, amount: Money) -> None:
        """Refuse another partner or amount than this one's.

        Errors: CreditReservationFixed.
        """
        if (self.partner_id, self.amount) != (partner_id, amount):
            raise CreditReservationFixed(self)

    def counts(self, *, at: datetime) -> bool:
        """Tell whether the reservation uses up a limit."""
        is_pending = self.state is State.PENDING and at < self.expire_time
        return is_pending or self.state is State.CONFIRMED

    def covers(self, amount: Money, *, at: datetime) -> bool:
        """Tell whether an amount is still set aside by it.

        Errors: CurrencyMismatch.
        """
        return self.state is State.PENDING and at < self.expire_time and amount <= self.amount

    def move(self, to: State) -> "Reservation":
        """Move along the table; what is not in it stays, because facts may come late or twice."""
        return replace(self, state=to) if self.may(to) else self


@dataclass(frozen=True, slots=True)
class CreditConfirmRefused:
    """An owner's fact came when its credit was gone; `reason` is that of the refusal."""

    owner: Owner
    partner_id: str
    reason: str


def terms_problems(parameters: Mapping[str, Value]) -> list[str]:
    """Tell what is wrong with terms of payment whose shape is right."""
    names = ("credit_days", "grace_days", "reservation_minutes")
    return [
        f"{name}: must be 0 to {DAYS_MAX}"
        for name in names
        if isinstance(value := parameters.get(name, 0), int) and not 0 <= value <= DAYS_MAX
    ]


class BlockCause(StrEnum):
    """Why a partner's credit is blocked."""

    OVERDUE = "OVERDUE"
    MANUAL = "MANUAL"


@dataclass(frozen=True, slots=True)
class AccountBlocked:
    """Nothing more may be reserved on a partner's credit, for one cause more.

    Shape: the oldest due day and the amount are None when finance blocked it.
    """

    partner_id: str
    cause: BlockCause
    block_date: date
    note: str = ""
    oldest_due_date: date | None = None
    overdue_amount: Money | None = None


@dataclass(frozen=True, slots=True)
class AccountReleased:
    """Nothing blocks a partner's credit any more."""

    partner_id: str
    release_date: date
