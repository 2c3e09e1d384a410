"""The occurrences of a step in a running process, and what is known of each."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chassis.process.definition import Definition


class StepState(StrEnum):
    """Say where a step stands; a dormant one counts as done until an answer reopens it."""

    WAITING = "WAITING"
    OPEN = "OPEN"
    DONE = "DONE"
    DORMANT = "DORMANT"


@dataclass(frozen=True, slots=True, order=True)
class Node:
    """Name one occurrence of a step; `key` is empty for a step that does not repeat."""

    step: int
    key: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Hold what is known of one node.

    Shape: `role` is who may complete it, None while no authority is assigned. `unit_id` is the unit
        it belongs to. `answer`, `done_by` and `done_time` are there while it is done, `open_time`
        from its opening on.
    """

    state: StepState
    unit_id: str
    role: str | None = None
    answer: str | None = None
    done_by: str | None = None
    done_time: datetime | None = None
    open_time: datetime | None = None
    due_time: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """Carry one attempt to complete a node.

    Shape: `rpc` is the full name of the method that tries, None for CompleteStep. `authority_role`
        is the role that an authority rule picked just now. `other_than` are subjects that must not
        complete it.
    """

    node: Node
    subject: str
    roles: frozenset[str]
    at: datetime
    answer: str | None = None
    rpc: str | None = None
    authority_role: str | None = None
    other_than: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenStep:
    """Hold one line of an inbox: an open node and the process it belongs to."""

    process_id: str
    definition: Definition
    subject_kind: str
    subject_id: str
    state: str
    revision: int
    node: Node
    status: Status
