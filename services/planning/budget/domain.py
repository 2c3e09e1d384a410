"""Budget lines and reservations: what is spent and reserved together never exceeds the line.

A reservation is held while it is pending and not expired, or confirmed; what it holds is its amount
less what was spent of it. Whether there is enough, the line answers; what an amount may be approved
by, the authority.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, NotFound, PermissionDenied
from chassis.money import CurrencyMismatch, Money
from chassis.period import DateRange


class LineState(StrEnum):
    """Where a line stands."""

    DRAFT = "DRAFT"
    EFFECTIVE = "EFFECTIVE"


class ReservationState(StrEnum):
    """Where a reservation stands."""

    PENDING = "PENDING"
    CONFIRMED = "CONFIRMED"
    CONSUMED = "CONSUMED"
    RELEASED = "RELEASED"
    EXPIRED = "EXPIRED"


_S = ReservationState
MOVES: Final[Mapping[ReservationState, frozenset[ReservationState]]] = {
    _S.PENDING: frozenset({_S.CONFIRMED, _S.RELEASED, _S.EXPIRED}),
    _S.CONFIRMED: frozenset({_S.CONSUMED, _S.RELEASED}),
    _S.CONSUMED: frozenset(),
    _S.RELEASED: frozenset(),
    _S.EXPIRED: frozenset({_S.CONFIRMED, _S.RELEASED}),
}


@dataclass(frozen=True, slots=True)
class Owner:
    """Name what a reservation is for: a thing of a service."""

    service: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Part:
    """Name an amount of a line."""

    budget_line_id: str
    amount: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetLine:
    """Hold a line with what is reserved and spent at one moment."""

    budget_line_id: str
    unit_id: str
    name: str
    expense_type: str
    period: DateRange
    amount: Money
    reserved: Money
    spent: Money
    state: LineState
    version: int
    created_by: str
    approved_by: str = ""

    @property
    def committed(self) -> Money:
        """Tell what is spent and reserved."""
        return self.spent + self.reserved

    @property
    def available(self) -> Money:
        """Tell what can still be reserved."""
        return self.amount - self.committed

    def approve(self, *, by: str) -> "BudgetLine":
        """Make its money reservable.

        Errors: BudgetLineStateForbids.
        """
        if self.state is not LineState.DRAFT:
            raise BudgetLineStateForbids(self)
        return replace(self, state=LineState.EFFECTIVE, approved_by=by, version=self.version + 1)

    def adjust(self, amount: Money) -> "BudgetLine":
        """Change the whole of it, never below what is spent and reserved.

        Errors: CurrencyMismatch, BudgetLineStateForbids, BudgetBelowCommitted.
        Source: R-039.
        """
        self._require_effective(amount)
        if amount < self.committed:
            raise BudgetBelowCommitted(self, amount)
        return replace(self, amount=amount, version=self.version + 1)

    def require(self, wanted: Money) -> None:
        """Refuse to reserve more than is available.

        Errors: CurrencyMismatch, BudgetLineStateForbids, BudgetInsufficient.
        Source: R-110.
        """
        self._require_effective(wanted)
        if self.available < wanted:
            raise BudgetInsufficient(self, wanted)

    def spend(self, amount: Money) -> "BudgetLine":
        """Count what was spent, or what came back when the amount is negative."""
        return replace(self, spent=self.spent + amount, version=self.version + 1)

    def _require_effective(self, amount: Money) -> None:
        if amount.currency_code != self.amount.currency_code:
            raise CurrencyMismatch(self.amount.currency_code, amount.currency_code)
        if self.state is not LineState.EFFECTIVE:
            raise BudgetLineStateForbids(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """Hold a part of a line that is kept for an owner."""

    reservation_id: str
    budget_line_id: str
    owner: Owner
    amount: Money
    consumed: Money
    state: ReservationState
    expire_time: datetime | None

    @property
    def left(self) -> Money:
        """Tell what was not spent."""
        return self.amount - self.consumed

    def is_held(self, at: datetime) -> bool:
        """Tell whether it counts against its line."""
        if self.state is ReservationState.PENDING:
            return self.expire_time is not None and at < self.expire_time
        return self.state is ReservationState.CONFIRMED

    def confirm(self) -> "Reservation":
        """Keep it without an end; the caller has checked that the money is there.

        Errors: ReservationStateForbids.
        """
        return self._moved(ReservationState.CONFIRMED)

    def release(self) -> "Reservation":
        """Give it back, or what is left of it: one that was spent in part is consumed.

        Errors: ReservationStateForbids.
        """
        spent = self.consumed.amount_minor > 0
        return self._moved(ReservationState.CONSUMED if spent else ReservationState.RELEASED)

    def consume(self, amount: Money) -> "Reservation":
        """Spend a part and keep the rest.

        Errors: ReservationStateForbids, CurrencyMismatch, ReservationExceeded.
        """
        if self.state is not ReservationState.CONFIRMED:
            raise ReservationStateForbids(self, ReservationState.CONSUMED)
        if amount > self.left:
            raise ReservationExceeded(self, amount)
        return replace(self, consumed=self.consumed + amount)

    def restore(self, amount: Money) -> "Reservation":
        """Take back a part of what was spent, whatever its state; at most what was."""
        return replace(self, consumed=self.consumed - amount)

    def _moved(self, to: ReservationState) -> "Reservation":
        if to not in MOVES[self.state]:
            raise ReservationStateForbids(self, to)
        return replace(self, state=to)


@dataclass(frozen=True, slots=True)
class Authority:
    """Say up to which amount a role may approve.

    Shape: `limits_minor` are inclusive; roles in `unlimited` have no limit, others no authority.
        Under `two_person` nobody approves what they wrote.
    """

    limits_minor: Mapping[str, int]
    unlimited: frozenset[str]
    two_person: bool

    def require(self, amount: Money, *, roles: Collection[str], subject: str) -> None:
        """Refuse a caller without the authority over an amount.

        Errors: AuthorityInsufficient.
        """
        limit = max((self.limits_minor.get(role, -1) for role in roles), default=-1)
        if self.unlimited.isdisjoint(roles) and limit < amount.amount_minor:
            raise AuthorityInsufficient(amount, subject)

    def require_other(self, author: str, *, subject: str) -> None:
        """Refuse the author where two persons are asked for.

        Errors: ApproverIsAuthor.
        """
        if self.two_person and author == subject:
            raise ApproverIsAuthor(subject)


class BudgetLineNotFound(NotFound):
    """No budget line has this id."""

    reason = "BUDGET_LINE_NOT_FOUND"

    def __init__(self, budget_line_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no budget line {budget_line_id}", budgetLineId=budget_line_id)


class BudgetLineStateForbids(FailedPrecondition):
    """The line's state does not allow the move."""

    reason = "BUDGET_LINE_STATE_FORBIDS"

    def __init__(self, line: BudgetLine) -> None:
        """Name the line and its state."""
        super().__init__(
            f"budget line {line.budget_line_id} is {line.state}",
            budgetLineId=line.budget_line_id,
            state=line.state,
        )


class BudgetInsufficient(FailedPrecondition):
    """The line has less money available than is asked for."""

    reason = "BUDGET_INSUFFICIENT"

    def __init__(self, line: BudgetLine, wanted: Money) -> None:
        """Name the line and both amounts."""
        super().__init__(
            f"budget line {line.budget_line_id} has {line.available.major()} available,"
            f" not {wanted.major()}",
            budgetLineId=line.budget_line_id,
            availableMinor=line.available.amount_minor,
            wantedMinor=wanted.amount_minor,
        )


class BudgetBelowCommitted(FailedPrecondition):
    """A line cannot be lowered below what is spent and reserved."""

    reason = "BUDGET_BELOW_COMMITTED"

    def __init__(self, line: BudgetLine, wanted: Money) -> None:
        """Name the line, the least amount possible and the one that was wanted."""
        super().__init__(
            f"budget line {line.budget_line_id} has {line.committed.major()} spent and reserved,"
            f" more than {wanted.major()}",
            budgetLineId=line.budget_line_id,
            minimumMinor=line.committed.amount_minor,
            wantedMinor=wanted.amount_minor,
        )


class AuthorityInsufficient(PermissionDenied):
    """No role of the caller has the authority over this amount."""

    reason = "AUTHORITY_INSUFFICIENT"

    def __init__(self, amount: Money, subject: str) -> None:
        """Name the amount and the caller."""
        super().__init__(
            f"{subject} has no authority over {amount.major()}",
            amountMinor=amount.amount_minor,
            subject=subject,
        )


class ApproverIsAuthor(PermissionDenied):
    """A second person must approve what one person wrote."""

    reason = "APPROVER_IS_AUTHOR"

    def __init__(self, subject: str) -> None:
        """Name the person."""
        super().__init__(f"{subject} wrote it and cannot approve it", subject=subject)


class ReservationNotFound(NotFound):
    """No reservation has this id."""

    reason = "RESERVATION_NOT_FOUND"

    def __init__(self, reservation_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no reservation {reservation_id}", reservationId=reservation_id)


class ReservationStateForbids(FailedPrecondition):
    """The reservation's state does not allow the move."""

    reason = "RESERVATION_STATE_FORBIDS"

    def __init__(self, reservation: Reservation, to: ReservationState) -> None:
        """Name the reservation and the move."""
        super().__init__(
            f"reservation {reservation.reservation_id} is {reservation.state} and cannot become"
            f" {to}",
            reservationId=reservation.reservation_id,
            state=reservation.state,
            to=to,
        )


class ReservationExpired(FailedPrecondition):
    """The reservation would expire before it begins."""

    reason = "RESERVATION_EXPIRED"

    def __init__(self, expire_time: datetime) -> None:
        """Name the time."""
        super().__init__(
            f"the reservation would have expired at {expire_time.isoformat()}",
            expireTime=expire_time.isoformat(),
        )


class ReservationExceeded(FailedPrecondition):
    """More is to be spent than the reservation still holds."""

    reason = "RESERVATION_EXCEEDED"

    def __init__(self, reservation: Reservation, wanted: Money) -> None:
        """Name the reservation and both amounts."""
        super().__init__(
            f"reservation {reservation.reservation_id} holds {reservation.left.major()},"
            f" not {wanted.major()}",
            reservationId=reservation.reservation_id,
            leftMinor=reservation.left.amount_minor,
            wantedMinor=wanted.amount_minor,
        )
