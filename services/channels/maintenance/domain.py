"""A yearly maintenance, the review of a partner, and the ranking."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_FLOOR, ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from channels.partner.domain import Grade, Kind, Terms
from channels.turnover.domain import TENTH, PartnerYear
from chassis.errors import AlreadyExists, FailedPrecondition, NotFound, PermissionDenied
from chassis.money import Money

HUNDRED: Final = Decimal(100)


class CycleState(StrEnum):
    """How far a maintenance is."""

    OPEN = "OPEN"
    CLOSED = "CLOSED"


class State(StrEnum):
    """How far a review is."""

    OPEN = "OPEN"
    EVALUATED = "EVALUATED"
    DECIDED = "DECIDED"
    APPROVED = "APPROVED"
    DONE = "DONE"


# A decision can be taken anew until it is approved.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.OPEN: frozenset({State.EVALUATED}),
    State.EVALUATED: frozenset({State.DECIDED}),
    State.DECIDED: frozenset({State.DECIDED, State.APPROVED}),
    State.APPROVED: frozenset({State.DONE}),
    State.DONE: frozenset(),
}


class Decision(StrEnum):
    """What becomes of a partner."""

    RENEW = "RENEW"
    ADJUST = "ADJUST"
    TERMINATE = "TERMINATE"


@dataclass(frozen=True, slots=True)
class Rules:
    """Hold how a year is judged, and from how many points on what is proposed."""

    target_weight: int
    punctual_weight: int
    renew_min: Decimal
    adjust_min: Decimal

    def points(self, figures: PartnerYear) -> Decimal | None:
        """Return the points of a year with one digit, None when there is nothing to judge by.

        Shape: more than the target counts as the target; without a target, or without invoices, the
            other measure alone decides.
        Source: R-073, R-074.
        """
        parts: list[tuple[int, Decimal]] = []
        if figures.target_percent is not None:
            parts.append((self.target_weight, min(figures.target_percent, HUNDRED)))
        if figures.late_percent is not None:
            parts.append((self.punctual_weight, HUNDRED - figures.late_percent))
        weight = sum(weight for weight, _ in parts)
        if not weight:
            return None
        total = sum((weight * share for weight, share in parts), Decimal(0))
        return (total / weight).quantize(TENTH, ROUND_HALF_UP)

    def proposal(self, points: Decimal | None) -> Decision:
        """Return what points mean; nobody is dropped for want of data, a person looks at it."""
        if points is None:
            return Decision.ADJUST
        if points >= self.renew_min:
            return Decision.RENEW
        return Decision.ADJUST if points >= self.adjust_min else Decision.TERMINATE


@dataclass(frozen=True, slots=True)
class Maintenance:
    """Hold the maintenance of a unit and year."""

    cycle_id: str
    unit_id: str
    year: int
    state: CycleState
    run_id: str
    create_time: datetime

    def require_open(self) -> None:
        """Refuse when it is closed.

        Errors: MaintenanceClosed.
        """
        if self.state is not CycleState.OPEN:
            raise MaintenanceClosed(self.cycle_id)


@dataclass(frozen=True, slots=True)
class Counts:
    """Hold how many reviews there are, how they ended, and how many did not."""

    reviews: int = 0
    renewed: int = 0
    adjusted: int = 0
    terminated: int = 0
    open_reviews: int = 0


@dataclass(frozen=True, slots=True)
class Cycle:
    """Hold a maintenance with its counts."""

    maintenance: Maintenance
    counts: Counts


@dataclass(frozen=True, slots=True)
class Review:
    """Hold what became of a partner in a maintenance; `terms` only where they are changed."""

    review_id: str
    cycle_id: str
    partner_id: str
    unit_id: str
    state: State
    figures: PartnerYear
    points: Decimal | None
    proposal: Decision
    from_grade: Grade
    to_grade: Grade
    decision: Decision | None = None
    reason: str = ""
    terms: Terms | None = None
    decided_by: str = ""
    approved_by: str = ""

    def decide(self, decision: Decision, *, reason: str, terms: Terms | None, by: str) -> "Review":
        """Decide, or decide anew.

        Errors: ReviewStateForbids.
        """
        after = self._moved(State.DECIDED)
        kept = terms if decision is Decision.ADJUST else None
        return replace(after, decision=decision, reason=reason, terms=kept, decided_by=by)

    def approve(self, *, by: str) -> "Review":
        """Approve the decision; another person than the one who took it.

        Errors: ReviewStateForbids, ReviewNeedsAnotherPerson.
        """
        after = self._moved(State.APPROVED)
        if by == self.decided_by:
            raise ReviewNeedsAnotherPerson(self.review_id, by)
        return replace(after, approved_by=by)

    def finish(self) -> "Review":
        """Say that the decision has taken effect."""
        return self._moved(State.DONE)

    def _moved(self, to: State) -> "Review":
        if to not in MOVES[self.state]:
            raise ReviewStateForbids(self.review_id, self.state, to)
        return replace(self, state=to)


@dataclass(frozen=True, slots=True)
class Ranked:
    """Hold what a partner bought in a year that is ranked."""

    partner_id: str
    unit_id: str
    purchases: Money


@dataclass(frozen=True, slots=True)
class Award:
    """Hold an award of a ranking."""

    award_id: str
    partner_id: str
    unit_id: str
    kind: Kind
    year: int
    rank: int
    purchases: Money
    amount: Money
    grant_time: datetime


@dataclass(frozen=True, slots=True)
class Granted:
    """Hold the awards of a ranking, and of how many."""

    awards: tuple[Award, ...]
    ranked: int


def best_of(found: Sequence[Ranked], *, share: Decimal, of: int) -> list[Ranked]:
    """Return the best of a ranking, the best first; of equals the one with the smaller id.

    Shape: a share of all `of` partners, rounded down, at least one; nobody who bought nothing.
    Source: R-078.
    """
    places = max(1, int((share * of).to_integral_value(ROUND_FLOOR)))
    bought = [one for one in found if one.purchases.amount_minor > 0]
    ordered = sorted(bought, key=lambda one: (-one.purchases.amount_minor, one.partner_id))
    return ordered[:places]


@dataclass(frozen=True, slots=True)
class PartnerReviewed:
    """A partner was evaluated."""

    review_id: str
    partner_id: str
    unit_id: str
    year: int
    target_percent: str
    late_percent: str
    proposal: Decision


@dataclass(frozen=True, slots=True)
class AwardGranted:
    """A partner earned an award; due from this day on."""

    award: Award
    grant_date: str


class MaintenanceNotFound(NotFound):
    """No maintenance has this id."""

    reason = "MAINTENANCE_NOT_FOUND"

    def __init__(self, cycle_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no maintenance {cycle_id}", cycleId=cycle_id)


class MaintenanceClosed(FailedPrecondition):
    """The maintenance is closed."""

    reason = "MAINTENANCE_CLOSED"

    def __init__(self, cycle_id: str) -> None:
        """Name the maintenance."""
        super().__init__(f"maintenance {cycle_id} is closed", cycleId=cycle_id)


class MaintenanceUnfinished(FailedPrecondition):
    """The maintenance is still evaluating, or has reviews that are not done."""

    reason = "MAINTENANCE_UNFINISHED"

    def __init__(self, cycle_id: str, open_reviews: int) -> None:
        """Name the maintenance and how many reviews are open."""
        super().__init__(
            f"maintenance {cycle_id} is still evaluating or has {open_reviews} open reviews",
            cycleId=cycle_id,
            openReviews=open_reviews,
        )


class ReviewNotFound(NotFound):
    """The maintenance has no such review."""

    reason = "REVIEW_NOT_FOUND"

    def __init__(self, review_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no review {review_id}", reviewId=review_id)


class ReviewStateForbids(FailedPrecondition):
    """The review's state does not allow the move."""

    reason = "REVIEW_STATE_FORBIDS"

    def __init__(self, review_id: str, state: State, to: State) -> None:
        """Name the review, its state and the one it cannot reach."""
        super().__init__(
            f"review {review_id} is {state} and cannot become {to}",
            reviewId=review_id,
            state=state,
            to=to,
        )


class ReviewNeedsAnotherPerson(PermissionDenied):
    """The caller has decided on the review."""

    reason = "REVIEW_NEEDS_ANOTHER_PERSON"

    def __init__(self, review_id: str, subject: str) -> None:
        """Name the review and the caller."""
        super().__init__(
            f"{subject} has decided on review {review_id}", reviewId=review_id, subject=subject
        )


class AwardsGranted(AlreadyExists):
    """The awards of this kind, unit and year are granted already."""

    reason = "AWARDS_GRANTED"

    def __init__(self, unit_id: str, year: int, kind: Kind) -> None:
        """Name unit, year and kind."""
        super().__init__(
            f"the awards of {kind} in {unit_id} for {year} are granted",
            unitId=unit_id,
            year=year,
            kind=kind,
        )
