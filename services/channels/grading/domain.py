"""Points, what they are worth, and a change of a partner's grade from proposal to force."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from channels.partner.domain import Credit, Grade
from chassis.errors import (
    AlreadyExists,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
)

TENTH: Final = Decimal("0.1")
# Who may do what a lower role may: the vice president stands above the director.
RANKS: Final[Mapping[str, int]] = {"sales_director": 1, "marketing_vp": 2}


@dataclass(frozen=True, slots=True)
class Score:
    """Hold the points of a criterion with the field that they were taken from."""

    criterion: str
    points: Decimal
    source: str


@dataclass(frozen=True, slots=True)
class GradeTerms:
    """Hold what a grade needs, gives, and who approves it."""

    grade: Grade
    points_min: Decimal
    credit: Credit
    approver_role: str


@dataclass(frozen=True, slots=True)
class Rating:
    """Hold what points are worth; no terms below the lowest grade."""

    points: Decimal
    scores: tuple[Score, ...]
    terms: GradeTerms | None
    policy_ids: tuple[str, ...]


def weigh(scores: Sequence[Score], weights: Mapping[str, Decimal]) -> Decimal:
    """Return the weighted points, rounded half up once to one digit.

    Units: 0 to 100; weights are relative.
    Errors: ScoresIncomplete when it is not exactly one score a criterion.
    Source: R-063.
    """
    given = {score.criterion: score.points for score in scores}
    if given.keys() != weights.keys() or len(given) != len(scores):
        raise ScoresIncomplete(
            missing=sorted(weights.keys() - given.keys()),
            unknown=sorted(given.keys() - weights.keys()),
        )
    total = sum((given[name] * weight for name, weight in weights.items()), Decimal(0))
    return (total / sum(weights.values())).quantize(TENTH, ROUND_HALF_UP)


def grade_of(points: Decimal, table: Sequence[GradeTerms]) -> GradeTerms | None:
    """Return the best grade that the points reach, None below the lowest.

    Source: R-064.
    """
    reached = [terms for terms in table if points >= terms.points_min]
    return max(reached, key=lambda terms: terms.points_min, default=None)


def grade_below(grade: Grade, table: Sequence[GradeTerms]) -> GradeTerms | None:
    """Return the next lower grade; None below the lowest, and of a grade that is not there."""
    floor = next((terms.points_min for terms in table if terms.grade is grade), Decimal(0))
    lower = [terms for terms in table if terms.points_min < floor]
    return max(lower, key=lambda terms: terms.points_min, default=None)


class State(StrEnum):
    """How far a credit change is."""

    PROPOSED = "PROPOSED"
    REVIEWED = "REVIEWED"
    IN_FORCE = "IN_FORCE"
    REFUSED = "REFUSED"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.PROPOSED: frozenset({State.REVIEWED, State.REFUSED}),
    State.REVIEWED: frozenset({State.IN_FORCE, State.REFUSED}),
    State.IN_FORCE: frozenset(),
    State.REFUSED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class CreditChange:
    """Hold a change of a partner's grade; nobody does two of its three acts."""

    change_id: str
    partner_id: str
    unit_id: str
    state: State
    from_grade: Grade
    rating: Rating
    terms: GradeTerms
    reason: str
    proposed_by: str
    create_time: datetime
    reviewed_by: str = ""
    decided_by: str = ""
    version: int = 1

    def review(self, *, passed: bool, by: str) -> "CreditChange":
        """Pass the proposal on, or refuse it.

        Errors: CreditChangeStateForbids, CreditChangeNeedsAnotherPerson.
        """
        after = self._moved(State.REVIEWED if passed else State.REFUSED, since=State.PROPOSED)
        self._require_other(by, self.proposed_by)
        return replace(after, reviewed_by=by)

    def decide(self, *, approved: bool, by: str, roles: frozenset[str]) -> "CreditChange":
        """Approve the change by the role of its grade or one above it, or refuse it.

        Errors: CreditChangeStateForbids, CreditChangeNeedsAnotherPerson,
            CreditChangeApproverForbids.
        """
        after = self._moved(State.IN_FORCE if approved else State.REFUSED, since=State.REVIEWED)
        self._require_other(by, self.proposed_by, self.reviewed_by)
        rank = max((RANKS.get(role, 0) for role in roles), default=0)
        if rank < RANKS[self.terms.approver_role]:
            raise CreditChangeApproverForbids(self.change_id, self.terms.approver_role)
        return replace(after, decided_by=by)

    def _moved(self, to: State, *, since: State) -> "CreditChange":
        if self.state is not since or to not in MOVES[self.state]:
            raise CreditChangeStateForbids(self.change_id, self.state, to)
        return replace(self, state=to, version=self.version + 1)

    def _require_other(self, by: str, *others: str) -> None:
        if by in others:
            raise CreditChangeNeedsAnotherPerson(self.change_id, by)


class ScoresIncomplete(InvalidArgument):
    """The points are not exactly one for each criterion."""

    reason = "SCORES_INCOMPLETE"

    def __init__(self, *, missing: Sequence[str], unknown: Sequence[str]) -> None:
        """Name the criteria that are missing and those that are unknown."""
        gone, strange = ", ".join(missing), ", ".join(unknown)
        super().__init__(
            f"one score for each criterion is needed; missing: {gone or '-'}, unknown: "
            f"{strange or '-'}",
            missing=gone,
            unknown=strange,
        )


class GradeNotAcceptable(FailedPrecondition):
    """The points are below the lowest grade."""

    reason = "GRADE_NOT_ACCEPTABLE"

    def __init__(self, partner_id: str, points: Decimal) -> None:
        """Name the partner and its points."""
        super().__init__(
            f"partner {partner_id} has {points} points, which is no grade",
            partnerId=partner_id,
            points=points,
        )


class CreditChangeNotFound(NotFound):
    """No credit change has this id."""

    reason = "CREDIT_CHANGE_NOT_FOUND"

    def __init__(self, change_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no credit change {change_id}", changeId=change_id)


class CreditChangeOpen(AlreadyExists):
    """The partner has a credit change that is not decided yet."""

    reason = "CREDIT_CHANGE_OPEN"

    def __init__(self, partner_id: str) -> None:
        """Name the partner."""
        super().__init__(f"partner {partner_id} has an open credit change", partnerId=partner_id)


class CreditChangeStateForbids(FailedPrecondition):
    """The credit change's state does not allow the move."""

    reason = "CREDIT_CHANGE_STATE_FORBIDS"

    def __init__(self, change_id: str, state: State, to: State) -> None:
        """Name the change, its state and the one it cannot reach."""
        super().__init__(
            f"credit change {change_id} is {state} and cannot become {to}",
            changeId=change_id,
            state=state,
            to=to,
        )


class CreditChangeNeedsAnotherPerson(PermissionDenied):
    """The caller has proposed or reviewed the change."""

    reason = "CREDIT_CHANGE_NEEDS_ANOTHER_PERSON"

    def __init__(self, change_id: str, subject: str) -> None:
        """Name the change and the caller."""
        super().__init__(
            f"{subject} had a part in credit change {change_id}",
            changeId=change_id,
            subject=subject,
        )


class CreditChangeApproverForbids(PermissionDenied):
    """The policy wants a higher role for this grade."""

    reason = "CREDIT_CHANGE_APPROVER_FORBIDS"

    def __init__(self, change_id: str, approver_role: str) -> None:
        """Name the change and the role."""
        super().__init__(
            f"credit change {change_id} is for {approver_role} to approve",
            changeId=change_id,
            approverRole=approver_role,
        )
