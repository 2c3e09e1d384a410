"""The lines of a process' history, which are only ever added."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from chassis.process.node import Node


class Act(StrEnum):
    """Say what happened to a step, or to the process itself when it started."""

    STARTED = "STARTED"
    COMPLETED = "COMPLETED"
    REOPENED = "REOPENED"
    ASSIGNED = "ASSIGNED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """Hold one line of a process' history.

    Shape: `node` is None for the start; `role` is set when one was assigned; `id` is set by the
        database.
    """

    act: Act
    node: Node | None
    revision: int
    subject: str
    actor: str
    occur_time: datetime
    answer: str | None = None
    role: str | None = None
    note: str = ""
    id: int = 0
