"""Reservations: parts of budget lines that are kept for an owner.

A reservation is held while it is pending and not expired, or confirmed; what it holds is its amount
less what was spent of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from chassis.errors import FailedPrecondition, NotFound
from chassis.money import Money
from planning.budget.domain import Owner


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
