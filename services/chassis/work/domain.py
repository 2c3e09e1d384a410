"""A run: its states, their moves, what one chunk gives back, and how a fact looks as a preview."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, NamedTuple

from chassis.errors import FailedPrecondition, NotFound

Cursor = Mapping[str, Any]


class State(StrEnum):
    """Say where a run stands."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


# RUNNING leads to itself: a pod takes over from one that died.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.PENDING: frozenset({State.RUNNING, State.CANCELLED}),
    State.RUNNING: frozenset({State.RUNNING, State.DONE, State.FAILED, State.CANCELLED}),
    State.FAILED: frozenset({State.PENDING}),
    State.DONE: frozenset(),
    State.CANCELLED: frozenset(),
}


class RunNotFound(NotFound):
    """No run has this id."""

    reason = "RUN_NOT_FOUND"

    def __init__(self, run_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no run {run_id}", runId=run_id)


class RunStateForbids(FailedPrecondition):
    """The run's state does not allow the move."""

    reason = "RUN_STATE_FORBIDS"

    def __init__(self, run_id: str, state: State, to: State) -> None:
        """Name the run, its state and the state it cannot reach."""
        super().__init__(
            f"run {run_id} is {state} and cannot become {to}", runId=run_id, state=state, to=to
        )


class Chunk(NamedTuple):
    """Give back what one chunk did.

    Shape: `cursor` is where the next chunk begins, None after the last; `done` how many things this
        chunk did; `facts` what became true, in order; `total` how many things the whole run has,
        when the chunk knows.
    """

    cursor: Cursor | None
    done: int
    facts: Sequence[object] = ()
    total: int | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """Hold one piece of long work.

    Shape: one for each (kind, key, dry_run). `epoch` grows with each pod that takes it up, and only
        the newest epoch may write; `cursor` is where the next chunk begins.
    Units: all times are real, by the database's clock.
    """

    id: str
    kind: str
    key: str
    dry_run: bool
    state: State
    cursor: Cursor
    epoch: int
    total: int | None
    done_count: int
    message: str
    unit_id: str
    requested_by: str
    traceparent: str
    create_time: datetime
    started_time: datetime | None
    ended_time: datetime | None

    def require_move(self, to: State) -> None:
        """Refuse a move that the table does not have.

        Errors: RunStateForbids.
        """
        if to not in MOVES[self.state]:
            raise RunStateForbids(self.id, self.state, to)


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """Hold a fact that a dry run found; `ordinal` counts from 1."""

    ordinal: int
    fact: str
    content: Mapping[str, Any]


def preview_of(fact: Any, ordinal: int) -> PreviewRow:
    """Describe a fact by its name and its fields.

    Shape: a fact is a dataclass; decimals, dates and ids become text, so that nothing turns into a
        float.
    """
    content = json.loads(json.dumps(asdict(fact), default=_as_json))
    return PreviewRow(ordinal, type(fact).__name__, content)


def _as_json(value: Any) -> Any:
    return sorted(value) if isinstance(value, (set, frozenset)) else str(value)
