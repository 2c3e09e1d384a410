"""A case with its table of moves, and what is counted of many."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final

from chassis.errors import FailedPrecondition, NotFound, PermissionDenied


class Kind(StrEnum):
    """What a case is."""

    COMPLAINT = "COMPLAINT"
    ENQUIRY = "ENQUIRY"
    SERVICE = "SERVICE"
    NOTICE = "NOTICE"


class State(StrEnum):
    """How far a case is."""

    OPEN = "OPEN"
    ASSIGNED = "ASSIGNED"
    SOLVED = "SOLVED"
    CALLED_BACK = "CALLED_BACK"
    CLOSED = "CLOSED"
    REOPENED = "REOPENED"


# Source: catalogue 2.3. Whoever takes a case may solve it at once.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.OPEN: frozenset({State.ASSIGNED, State.SOLVED}),
    State.ASSIGNED: frozenset({State.ASSIGNED, State.SOLVED}),
    State.SOLVED: frozenset({State.CALLED_BACK, State.REOPENED, State.CLOSED}),
    State.CALLED_BACK: frozenset({State.CLOSED}),
    State.CLOSED: frozenset(),
    State.REOPENED: frozenset({State.ASSIGNED, State.SOLVED}),
}


@dataclass(frozen=True, slots=True)
class Opening:
    """Say what a new case is; `cause` names the fact that opens it when no person does."""

    customer_id: str
    kind: Kind
    subject: str
    touchpoint_id: str = ""
    order_id: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class ServiceCase:
    """Hold a case; `traceparent` is the trace that it was opened in.

    Shape: `open_date` is the day of `open_time` in the company's time zone.
    """

    case_id: str
    customer_id: str
    unit_id: str
    kind: Kind
    subject: str
    opened_by: str
    open_time: datetime
    open_date: date
    due_time: datetime
    touchpoint_id: str = ""
    cause: str = ""
    traceparent: str = ""
    state: State = State.OPEN
    category: str = ""
    department: str = ""
    order_ids: tuple[str, ...] = ()
    return_ids: tuple[str, ...] = ()
    solution: str = ""
    satisfied: bool | None = None
    callback_note: str = ""
    reopened_count: int = 0
    close_time: datetime | None = None
    version: int = 1

    @property
    def is_in_time(self) -> bool:
        """Tell whether it was closed until it was due.

        Source: R-224.
        """
        return self.close_time is not None and self.close_time <= self.due_time

    def assign(self, *, category: str, department: str) -> "ServiceCase":
        """Classify it and give it to a department.

        Errors: ServiceCaseStateForbids.
        """
        return self._moved(State.ASSIGNED, category=category, department=department)

    def solve(self, solution: str) -> "ServiceCase":
        """Say what was done.

        Errors: ServiceCaseStateForbids.
        """
        return self._moved(State.SOLVED, solution=solution)

    def call_back(self, *, satisfied: bool, note: str) -> "ServiceCase":
        """Keep what the customer says of the solution; who is not content has it reopened.

        Errors: ServiceCaseStateForbids.
        Source: R-225.
        """
        return self._moved(
            State.CALLED_BACK if satisfied else State.REOPENED,
            satisfied=satisfied,
            callback_note=note,
            reopened_count=self.reopened_count + (not satisfied),
        )

    def close(self, *, at: datetime) -> "ServiceCase":
        """End it.

        Errors: ServiceCaseStateForbids.
        """
        return self._moved(State.CLOSED, close_time=at)

    def ordered(self, order_id: str) -> "ServiceCase":
        """Keep an order that it led to."""
        kept = dict.fromkeys((*self.order_ids, order_id))
        return replace(self, order_ids=tuple(kept), version=self.version + 1)

    def returned(self, return_id: str) -> "ServiceCase":
        """Keep a return that it led to."""
        kept = dict.fromkeys((*self.return_ids, return_id))
        return replace(self, return_ids=tuple(kept), version=self.version + 1)

    def require_living(self) -> None:
        """Refuse a case that is over.

        Errors: ServiceCaseStateForbids.
        """
        if self.state is State.CLOSED:
            raise ServiceCaseStateForbids(self.case_id, self.state, self.state)

    def can_be_solved(self) -> bool:
        """Tell whether a solution is still missing."""
        return State.SOLVED in MOVES[self.state]

    def _moved(self, to: State, **changes: Any) -> "ServiceCase":
        if to not in MOVES[self.state]:
            raise ServiceCaseStateForbids(self.case_id, self.state, to)
        return replace(self, state=to, version=self.version + 1, **changes)


@dataclass(frozen=True, slots=True)
class Filter:
    """Say which cases a list is to have; an empty text and None mean all."""

    customer_id: str = ""
    kind: Kind | None = None
    state: State | None = None
    overdue_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Days:
    """Say of which days and kind cases are counted; the last day is included."""

    first: date
    last: date
    kind: Kind | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """Hold how cases were dealt with."""

    opened: int
    closed: int
    closed_in_time: int
    called_back: int
    satisfied: int


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """Hold what is asked of channels for a case."""

    case: ServiceCase
    partner_id: str
    lines: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class ReturnTerms:
    """Hold what is to come back, and of which order."""

    case: ServiceCase
    order_id: str
    lines: Sequence[tuple[str, int]]
    reason_code: str


class ServiceCaseNotFound(NotFound):
    """No case has this id."""

    reason = "SERVICE_CASE_NOT_FOUND"

    def __init__(self, case_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no case {case_id}", caseId=case_id)


class ServiceCaseStateForbids(FailedPrecondition):
    """The case's state does not allow the move."""

    reason = "SERVICE_CASE_STATE_FORBIDS"

    def __init__(self, case_id: str, state: State, to: State) -> None:
        """Name the case and the move."""
        super().__init__(
            f"case {case_id} is {state} and cannot become {to}",
            caseId=case_id,
            state=state,
            to=to,
        )


class ServiceCaseRefused(FailedPrecondition):
    """Channels refused what the customer wants; the case stays as it is."""

    reason = "SERVICE_CASE_REFUSED"

    def __init__(self, case_id: str, peer_reason: str) -> None:
        """Name the case and channels' reason."""
        super().__init__(
            f"what case {case_id} asks for was refused: {peer_reason}",
            caseId=case_id,
            peerReason=peer_reason,
        )


class ServiceCaseOrderForeign(PermissionDenied):
    """The order is not that of the case's customer."""

    reason = "SERVICE_CASE_ORDER_FOREIGN"

    def __init__(self, case_id: str, order_id: str) -> None:
        """Name the case and the order."""
        super().__init__(
            f"order {order_id} is not of the customer of case {case_id}",
            caseId=case_id,
            orderId=order_id,
        )


class ServiceCasePartnerMissing(FailedPrecondition):
    """Nobody is named who sells."""

    reason = "SERVICE_CASE_PARTNER_MISSING"

    def __init__(self, case_id: str) -> None:
        """Name the case."""
        super().__init__(f"nobody is named who sells for case {case_id}", caseId=case_id)
