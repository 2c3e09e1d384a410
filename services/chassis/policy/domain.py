"""A version of a rule set: its states, its days, and what one version does to another.

An approved version answers for its days for ever. A successor takes days away from its end, so that
every day of a kind and scope has one answer at most; the state stays `APPROVED`, because the days
that are left still count.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final, TypeAlias

from chassis.errors import (
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    Violation,
)
from chassis.period import DateRange
from chassis.policy.parameters import Parameters, Shape, Value, check_shape

WHOLE_COMPANY: Final = ""
PLATFORM: Final = "system"


class State(StrEnum):
    """What has become of a version."""

    DRAFT = "DRAFT"
    APPROVED = "APPROVED"
    WITHDRAWN = "WITHDRAWN"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.DRAFT: frozenset({State.APPROVED, State.WITHDRAWN}),
    State.APPROVED: frozenset({State.WITHDRAWN}),
    State.WITHDRAWN: frozenset(),
}


class VariableType(StrEnum):
    """What a variable of a condition holds."""

    INT = "int"
    STRING = "string"
    BOOL = "bool"
    TIMESTAMP = "timestamp"
    INT_LIST = "list<int>"
    STRING_LIST = "list<string>"


Variables: TypeAlias = Mapping[str, VariableType]
Bindable: TypeAlias = bool | int | str | datetime | list[int] | list[str]


@dataclass(frozen=True, slots=True)
class KindSpec:
    """Declare a kind of rule set that a service owns.

    Shape: `parameters` is the shape of the values, `variables` what conditions may speak about,
        `conditions` the names that every version must have (others may be added). Without
        `two_person` the author may approve; with `backdated` a version may begin before the day of
        its approval. `problems` tells what is wrong with parameters whose shape is right, one
        sentence for each place, each begun with the place.
    """

    approve_roles: frozenset[str]
    parameters: Mapping[str, Shape] = field(default_factory=dict)
    variables: Variables = field(default_factory=dict)
    conditions: frozenset[str] = frozenset()
    two_person: bool = True
    backdated: bool = False
    problems: Callable[[Mapping[str, Value]], Sequence[str]] | None = None

    def __post_init__(self) -> None:
        """Refuse a declaration that no version could satisfy."""
        check_shape(self.parameters)


PolicyKinds: TypeAlias = Mapping[str, KindSpec]


@dataclass(frozen=True, slots=True)
class Draft:
    """Hold what an author writes."""

    kind: str
    scope: str
    valid: DateRange
    parameters: Mapping[str, Value]
    conditions: Mapping[str, str]
    summary: str = ""
    assumed: bool = False


@dataclass(frozen=True, slots=True)
class Policy:
    """Hold a version of a rule set.

    Shape: `conditions` keep their order. `planned_end` is the end that was approved, `successor_id`
        the version that ended this one, `revision` the number of changes, from 1.
    """

    policy_id: str
    kind: str
    scope: str
    version: int
    valid: DateRange
    planned_end: date | None
    state: State
    assumed: bool
    summary: str
    parameters: Parameters
    conditions: Mapping[str, str]
    variables: Variables
    created_by: str
    create_time: datetime
    approved_by: str = ""
    approve_time: datetime | None = None
    withdrawn_by: str = ""
    withdraw_time: datetime | None = None
    successor_id: str | None = None
    revision: int = 1

    def approve(self, *, by: str, at: datetime) -> "Policy":
        """Make the version hold on its days.

        Errors: PolicyStateForbids.
        """
        self._require_move(State.APPROVED)
        return replace(
            self,
            state=State.APPROVED,
            approved_by=by,
            approve_time=at,
            revision=self.revision + 1,
        )

    def withdraw(self, *, by: str, at: datetime, today: date) -> "Policy":
        """Take the version back, so that today is the first day without it.

        Shape: a version that has begun keeps its past days and its state, and ends today; any other
            is `WITHDRAWN`.
        Errors: PolicyStateForbids, also when it has ended already.
        """
        self._require_move(State.WITHDRAWN)
        # No successor touches it any more: a gap before the next version is what was asked for.
        marked = replace(
            self, withdrawn_by=by, withdraw_time=at, successor_id=None, revision=self.revision + 1
        )
        if not self.has_begun(today):
            return replace(marked, state=State.WITHDRAWN)
        if today not in self.valid:
            raise PolicyStateForbids(self, State.WITHDRAWN)
        return replace(marked, valid=DateRange(self.valid.start, today), planned_end=today)

    def end_for(self, successor: "Policy") -> "Policy":
        """Give the days from the successor's start on to the successor."""
        return replace(
            self,
            valid=DateRange(self.valid.start, successor.valid.start),
            successor_id=successor.policy_id,
            revision=self.revision + 1,
        )

    def reopen_after(self, withdrawn: "Policy") -> "Policy":
        """Take back the days that a successor had, which was withdrawn before it began.

        Shape: `withdrawn` is the successor as it was until now.
        """
        ends = [end for end in (self.planned_end, withdrawn.valid.end) if end is not None]
        return replace(
            self,
            valid=DateRange(self.valid.start, min(ends, default=None)),
            successor_id=withdrawn.successor_id,
            revision=self.revision + 1,
        )

    def has_begun(self, today: date) -> bool:
        """Tell whether the version was in force on a day before today."""
        return self.state is State.APPROVED and self.valid.start < today

    def holds_on(self, day: date) -> bool:
        """Tell whether the version is in force on a day."""
        return self.state is State.APPROVED and day in self.valid

    def _require_move(self, to: State) -> None:
        if to not in MOVES[self.state]:
            raise PolicyStateForbids(self, to)


@dataclass(frozen=True, slots=True)
class PolicyApproved:
    """A version was approved; `ended` is the predecessor as it is now."""

    policy: Policy
    ended: Policy | None


@dataclass(frozen=True, slots=True)
class PolicyWithdrawn:
    """An approved version was taken back; `reopened` is the predecessor that goes on."""

    policy: Policy
    reopened: Policy | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Say which versions a list is to have; None means all."""

    kind: str | None = None
    scope: str | None = None
    state: State | None = None
    on: date | None = None


@dataclass(frozen=True, slots=True)
class ConditionResult:
    """Tell what became of a condition; `problem` is empty when it could be computed."""

    name: str
    text: str
    holds: bool
    problem: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """Tell what a policy answers to sample values.

    Shape: `candidates` are all versions in force in the scopes asked for, the nearest first.
    """

    policy: Policy
    results: Sequence[ConditionResult]
    candidates: Sequence[Policy]


def predecessor_of(policy: Policy, approved: Sequence[Policy]) -> Policy | None:
    """Find the approved version that a new one follows, or None when it shares a day with none.

    Shape: `approved` are all approved versions of the kind and scope.
    Errors: PolicyOverlaps when the new one does not begin after the other and reach at least as
        far.
    """
    found = [other for other in approved if other.valid.overlaps(policy.valid)]
    for other in found:
        if other.valid.start >= policy.valid.start or _ends_before(policy.valid, other.valid):
            raise PolicyOverlaps(policy, other)
    # Approved versions share no day, so at most one of them has the day on which the new one
    # begins.
    return found[0] if found else None


def nearest(policies: Sequence[Policy], scopes: Sequence[str]) -> list[Policy]:
    """Order versions as their scopes are given; versions of other scopes are left out."""
    rank = {scope: number for number, scope in reversed(list(enumerate(scopes)))}
    known = [policy for policy in policies if policy.scope in rank]
    return sorted(known, key=lambda policy: rank[policy.scope])


def _ends_before(valid: DateRange, other: DateRange) -> bool:
    if valid.end is None:
        return False
    return other.end is None or valid.end < other.end


class PolicyNotFound(NotFound):
    """No policy has this id, or none of this kind holds in these scopes on this day."""

    reason = "POLICY_NOT_FOUND"

    @classmethod
    def by_id(cls, policy_id: str) -> "PolicyNotFound":
        """Name the id that nothing has."""
        return cls(f"there is no policy {policy_id}", policyId=policy_id)

    @classmethod
    def in_force(cls, kind: str, scopes: Sequence[str], on: date) -> "PolicyNotFound":
        """Name the kind, the scopes and the day without an answer."""
        where = ", ".join(scope or "the whole company" for scope in scopes)
        message = f"no policy {kind} holds on {on} for {where}"
        return cls(message, kind=kind, scope=where, at=on)


class PolicyKindNotOwned(FailedPrecondition):
    """Another service owns policies of this kind."""

    reason = "POLICY_KIND_NOT_OWNED"

    def __init__(self, kind: str) -> None:
        """Name the kind."""
        super().__init__(f"policies of kind {kind} are written in another service", kind=kind)


class PolicyInvalid(InvalidArgument):
    """The parameters or conditions are not what the kind asks for."""

    reason = "POLICY_INVALID"

    def __init__(self, kind: str, problems: Sequence[str]) -> None:
        """Keep every problem as a violation, so that an author can mend all of them at once."""
        violations = [
            Violation(problem.split(" ", 1)[0], "policy", problem) for problem in problems
        ]
        text = "; ".join(problems[:5])
        super().__init__(
            f"this is not a policy of kind {kind}: {text}", violations, kind=kind, problems=text
        )


class PolicyStateForbids(FailedPrecondition):
    """The version's state does not allow the move."""

    reason = "POLICY_STATE_FORBIDS"

    def __init__(self, policy: Policy, to: State) -> None:
        """Name the version and the move."""
        end = policy.valid.end or "further notice"
        super().__init__(
            f"policy {policy.policy_id} is {policy.state} until {end} and cannot become {to}",
            policyId=policy.policy_id,
            state=policy.state,
            endDate=end,
            to=to,
        )


class PolicyOverlaps(FailedPrecondition):
    """Another approved version holds on one of the days, and the new one is not its successor."""

    reason = "POLICY_OVERLAPS"

    def __init__(self, policy: Policy, other: Policy) -> None:
        """Name both versions."""
        super().__init__(
            f"policy {policy.policy_id} shares days with {other.policy_id} and does not follow it",
            policyId=policy.policy_id,
            overlaps=other.policy_id,
        )


class PolicyBackdated(FailedPrecondition):
    """The version begins before the day of its approval."""

    reason = "POLICY_BACKDATED"

    def __init__(self, policy: Policy, today: date) -> None:
        """Name the version and both days."""
        super().__init__(
            f"policy {policy.policy_id} begins on {policy.valid.start}, before today, {today}",
            policyId=policy.policy_id,
            startDate=policy.valid.start,
            today=today,
        )


class PolicyApproverIsAuthor(PermissionDenied):
    """A second person must approve what one person wrote."""

    reason = "POLICY_APPROVER_IS_AUTHOR"

    def __init__(self, policy: Policy) -> None:
        """Name the version and its author."""
        super().__init__(
            f"{policy.created_by} wrote policy {policy.policy_id} and cannot approve it",
            policyId=policy.policy_id,
            subject=policy.created_by,
        )


class PolicyApproverRoleForbids(PermissionDenied):
    """None of the caller's roles may approve policies of this kind."""

    reason = "POLICY_APPROVER_ROLE_FORBIDS"

    def __init__(self, policy: Policy, spec: KindSpec) -> None:
        """Name the version and the roles that may."""
        allowed = ", ".join(sorted(spec.approve_roles))
        super().__init__(
            f"policy {policy.policy_id} of kind {policy.kind} needs one of: {allowed}",
            policyId=policy.policy_id,
            kind=policy.kind,
            roles=allowed,
        )
