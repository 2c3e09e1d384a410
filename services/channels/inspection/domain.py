"""Visits with their plans and reports, and findings with their tables of moves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from channels.turnover.domain import percent
from chassis.errors import FailedPrecondition, InvalidArgument, NotFound, PermissionDenied
from chassis.policy.parameters import Parameters, Value


class Kind(StrEnum):
    """What visits are for."""

    PARTNER = "PARTNER"
    INSPECTION = "INSPECTION"


class VisitState(StrEnum):
    """How far a visit is."""

    PLANNED = "PLANNED"
    DONE = "DONE"
    MISSED = "MISSED"


class FindingState(StrEnum):
    """How far a finding is."""

    OPEN = "OPEN"
    CORRECTED = "CORRECTED"
    CLOSED = "CLOSED"
    REOPENED = "REOPENED"


VISIT_MOVES: Final[Mapping[VisitState, frozenset[VisitState]]] = {
    VisitState.PLANNED: frozenset({VisitState.DONE, VisitState.MISSED}),
    VisitState.DONE: frozenset(),
    VisitState.MISSED: frozenset(),
}
# Source: R-213. What did not pass is put right once more.
FINDING_MOVES: Final[Mapping[FindingState, frozenset[FindingState]]] = {
    FindingState.OPEN: frozenset({FindingState.CORRECTED}),
    FindingState.CORRECTED: frozenset({FindingState.CLOSED, FindingState.REOPENED}),
    FindingState.CLOSED: frozenset(),
    FindingState.REOPENED: frozenset({FindingState.CORRECTED}),
}


@dataclass(frozen=True, slots=True)
class Planned:
    """Hold a visit that somebody is to make."""

    partner_id: str
    visitor: str
    visit_date: date


@dataclass(frozen=True, slots=True)
class VisitPlan:
    """Hold visits that a unit's people are to make."""

    plan_id: str
    unit_id: str
    kind: Kind
    title: str
    start_date: date
    end_date: date
    created_by: str
    create_time: datetime


@dataclass(frozen=True, slots=True)
class Coverage:
    """Hold a plan and how much of it is done."""

    plan: VisitPlan
    planned: int
    done: int
    missed: int

    @property
    def done_percent(self) -> Decimal:
        """Return the visits that were made in percent of those planned, with one digit.

        Source: R-079: 18 of 20 are 90.0; R-208: 21 of 24 are 87.5.
        """
        return percent(self.done, self.planned)


@dataclass(frozen=True, slots=True)
class ProductCount:
    """Hold pieces of a product."""

    product_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Score:
    """Hold the points for an item of the checklist."""

    name: str
    points: int


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what a visit found.

    Shape: `scores` in the order of the checklist; empty without an inspection.
    Source: R-079, R-208.
    """

    stock_counts: tuple[ProductCount, ...]
    display: str
    orders: tuple[ProductCount, ...]
    competitor_note: str
    scores: tuple[Score, ...]
    points_max: int
    recorded_by: str
    record_time: datetime

    @property
    def points(self) -> int:
        """Return the sum of the points."""
        return sum(one.points for one in self.scores)


@dataclass(frozen=True, slots=True)
class Visit:
    """Hold a visit."""

    visit_id: str
    plan_id: str
    unit_id: str
    partner_id: str
    visitor: str
    visit_date: date
    state: VisitState = VisitState.PLANNED
    report: Report | None = None
    missed_reason: str = ""
    version: int = 1

    def done(self, report: Report, *, on: date) -> "Visit":
        """Report it.

        Errors: VisitStateForbids.
        """
        return replace(self._move(VisitState.DONE), report=report, visit_date=on)

    def missed(self, reason: str) -> "Visit":
        """Give it up.

        Errors: VisitStateForbids.
        """
        return replace(self._move(VisitState.MISSED), missed_reason=reason)

    def require_done(self) -> None:
        """Refuse a finding of a visit that nobody made.

        Errors: VisitStateForbids.
        """
        if self.state is not VisitState.DONE:
            raise VisitStateForbids(self.visit_id, self.state, VisitState.DONE)

    def _move(self, to: VisitState) -> "Visit":
        if to not in VISIT_MOVES[self.state]:
            raise VisitStateForbids(self.visit_id, self.state, to)
        return replace(self, state=to, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold something that a visit found wrong, until it is put right."""

    finding_id: str
    visit_id: str
    unit_id: str
    partner_id: str
    description: str
    batch: str
    due_date: date
    raised_by: str
    raise_time: datetime
    state: FindingState = FindingState.OPEN
    correction: str = ""
    corrected_by: str = ""
    check_note: str = ""
    checked_by: str = ""
    reopened_count: int = 0
    version: int = 1

    def correct(self, correction: str, *, by: str) -> "Finding":
        """Say what was done about it.

        Errors: FindingStateForbids.
        """
        return replace(self._move(FindingState.CORRECTED), correction=correction, corrected_by=by)

    def recheck(self, *, passed: bool, note: str, due_date: date, by: str) -> "Finding":
        """Look at it as another person than who corrected it.

        Shape: `due_date` is the new last day when it does not pass.
        Errors: FindingStateForbids, FindingNeedsAnotherPerson.
        Source: R-213.
        """
        moved = self._move(FindingState.CLOSED if passed else FindingState.REOPENED)
        if by == self.corrected_by:
            raise FindingNeedsAnotherPerson(self.finding_id, by)
        checked = replace(moved, check_note=note, checked_by=by)
        if passed:
            return checked
        return replace(checked, due_date=due_date, reopened_count=self.reopened_count + 1)

    def _move(self, to: FindingState) -> "Finding":
        if to not in FINDING_MOVES[self.state]:
            raise FindingStateForbids(self.finding_id, self.state, to)
        return replace(self, state=to, version=self.version + 1)


@dataclass(frozen=True, slots=True)
class VisitFilter:
    """Say which visits a list is to have; an empty text and None mean all."""

    plan_id: str = ""
    partner_id: str = ""
    state: VisitState | None = None


@dataclass(frozen=True, slots=True)
class FindingFilter:
    """Say which findings a list is to have; an empty text and None mean all."""

    partner_id: str = ""
    state: FindingState | None = None


@dataclass(frozen=True, slots=True)
class Checklist:
    """Hold the items of an inspection and the most points of each, in their order."""

    items: Mapping[str, int]

    def scored(self, visit_id: str, given: Sequence[Score]) -> tuple[Score, ...]:
        """Return the points in the order of the checklist, every item once.

        Errors: ChecklistMismatch.
        """
        points = {one.name: one.points for one in given}
        for name in sorted(points.keys() - self.items.keys()):
            raise ChecklistMismatch(visit_id, name, "is not of the checklist")
        for name, points_max in self.items.items():
            if name not in points:
                raise ChecklistMismatch(visit_id, name, "is missing")
            if points[name] > points_max:
                raise ChecklistMismatch(visit_id, name, f"has more than {points_max} points")
        return tuple(Score(name, points[name]) for name in self.items)

    @property
    def points_max(self) -> int:
        """Return the most points that it gives."""
        return sum(self.items.values())


NO_CHECKLIST: Final = Checklist({})


def checklist_of(rules: Parameters) -> Checklist:
    """Read the checklist of a policy `inspection`."""
    return Checklist(
        {item.text("name"): item.integer("points_max") for item in rules.records("checklist")}
    )


def inspection_problems(values: Mapping[str, Value]) -> list[str]:
    """Tell what is wrong with the rules: an item twice, an item without points, no days."""
    rules = Parameters(values)
    found = []
    items = rules.records("checklist")
    names = [item.text("name") for item in items]
    if len(set(names)) < len(names):
        found.append("parameters.checklist has an item twice")
    if any(item.integer("points_max") < 1 for item in items):
        found.append("parameters.checklist has an item without points")
    if rules.integer("finding_days") < 0:
        found.append("parameters.finding_days is below 0")
    return found


class VisitPlanNotFound(NotFound):
    """No plan has this id."""

    reason = "VISIT_PLAN_NOT_FOUND"

    def __init__(self, plan_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no plan of visits {plan_id}", planId=plan_id)


class VisitNotFound(NotFound):
    """No visit has this id."""

    reason = "VISIT_NOT_FOUND"

    def __init__(self, visit_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no visit {visit_id}", visitId=visit_id)


class VisitStateForbids(FailedPrecondition):
    """The visit's state does not allow it."""

    reason = "VISIT_STATE_FORBIDS"

    def __init__(self, visit_id: str, state: VisitState, to: VisitState) -> None:
        """Name the visit and the move."""
        super().__init__(
            f"visit {visit_id} is {state} and cannot be used as or become {to}",
            visitId=visit_id,
            state=state,
            to=to,
        )


class ChecklistMismatch(InvalidArgument):
    """The points are not those of the checklist."""

    reason = "CHECKLIST_MISMATCH"

    def __init__(self, visit_id: str, item: str, problem: str) -> None:
        """Name the visit, the item and what is wrong with it."""
        super().__init__(
            f"{item} of visit {visit_id} {problem}", visitId=visit_id, item=item, problem=problem
        )


class FindingNotFound(NotFound):
    """No finding has this id."""

    reason = "FINDING_NOT_FOUND"

    def __init__(self, finding_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no finding {finding_id}", findingId=finding_id)


class FindingStateForbids(FailedPrecondition):
    """The finding's state does not allow the move."""

    reason = "FINDING_STATE_FORBIDS"

    def __init__(self, finding_id: str, state: FindingState, to: FindingState) -> None:
        """Name the finding and the move."""
        super().__init__(
            f"finding {finding_id} is {state} and cannot become {to}",
            findingId=finding_id,
            state=state,
            to=to,
        )


class FindingNeedsAnotherPerson(PermissionDenied):
    """Who corrected something cannot re-check it."""

    reason = "FINDING_NEEDS_ANOTHER_PERSON"

    def __init__(self, finding_id: str, subject: str) -> None:
        """Name the finding and the person."""
        super().__init__(
            f"{subject} corrected finding {finding_id} and cannot re-check it",
            findingId=finding_id,
            subject=subject,
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """Hold what somebody says that a visit found."""

    visit_date: date
    stock_counts: Sequence[ProductCount]
    display: str
    orders: Sequence[ProductCount]
    competitor_note: str
    scores: Sequence[Score]
