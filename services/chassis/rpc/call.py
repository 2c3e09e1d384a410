"""What is known of the call that a thread serves: who, until when, and which ids its own calls
get."""

import time
from contextvars import ContextVar
from dataclasses import dataclass, field

from chassis.errors import DeadlineExceeded
from chassis.ids import derived_id
from chassis.rpc.methods import Method
from chassis.scope import Caller

ANSWER_RESERVE_S = 0.02
DEADLINE_S_MIN = 0.1
DEADLINE_S_DEFAULT = 10.0
DEADLINE_S_MAX = 60.0
# Without a deadline grpc says 9e18 seconds, or none.
NO_DEADLINE_S = 1e9
# Binary, because a name need not be ASCII.
ACTOR_KEY = "mantle-actor-bin"


class DeadlineTooShort(DeadlineExceeded):
    """Less time is left than an answer takes; nothing was begun."""

    reason = "DEADLINE_TOO_SHORT"

    def __init__(self, left_s: float) -> None:
        """Tell how much was left."""
        super().__init__(f"{left_s * 1000:.0f} ms are too short", leftMs=int(left_s * 1000))


@dataclass(slots=True)
class Call:
    """Carry the facts of one call to whatever serves it.

    Units: `ends_s` is on the monotonic clock; 20 ms are kept back to answer.
    """

    method: Method
    caller: Caller
    ends_s: float
    request_id: str
    ordinal: int = field(default=0)

    def left_s(self) -> float:
        """Return the seconds left to work, never below 1 ms, so that a limit of zero cannot mean no
        limit."""
        return max(0.001, self.ends_s - time.monotonic())

    def next_request_id(self, method: str) -> str:
        """Return the id for the next write to a peer; a repeat of this call makes the same ids in
        the same order."""
        self.ordinal += 1
        return derived_id(self.request_id, method, self.ordinal)


current_call: ContextVar[Call | None] = ContextVar("current_call", default=None)
