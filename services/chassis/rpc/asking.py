"""What a write asks a peer before it acts, many at once, and how it is given back."""

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from chassis import telemetry
from chassis.database import Transaction
from chassis.errors import MantleError
from chassis.rpc.call import current_call
from chassis.rpc.combine import Slot
from chassis.rpc.status import PeerRefused
from chassis.scope import Caller

Q = TypeVar("Q")
P = TypeVar("P")
A = TypeVar("A")

ERRANDS_MAX = 64

Prepare = Callable[[Transaction, Sequence[tuple[Caller, Q]]], Sequence[P | MantleError]]
Errand = Callable[[Sequence[Slot[Any]]], None]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Asking(Generic[Q, P, A]):
    """Hold the stages before the transaction of a write that needs the word of a peer.

    Shape: `prepare(tx, [(caller, item), …])` reads for many, and gives for each what
        `ask([prepared, …])` needs, or a refusal. `ask` gives an answer or an error for each; what
        it raises itself is for all. An answer is what `act` gets in place of the item, and
        `undo(answer)` gives it back
        when `act` itself refuses this very call.
    """

    prepare: Prepare[Q, P]
    ask: Callable[[Sequence[P]], Sequence[A | Exception]]
    undo: Callable[[A], None]


class Errands:
    """Do in threads aside what takes as long as a peer does."""

    def __init__(self, name: str) -> None:
        """Start with no thread; there are 64 at most."""
        self._threads = ThreadPoolExecutor(ERRANDS_MAX, thread_name_prefix=f"{name}: ask")

    def send(self, group: Sequence[Slot[Any]], errand: Errand) -> None:
        """Do something for calls of one actor, as if in a call's own thread.

        Shape: in the trace of the first that is recorded, which the others link to, and inside the
            longest deadline. The errand answers for itself.
        """
        leader = max(group, key=lambda slot: slot.call.ends_s)
        recorded = [slot.visit.span for slot in group if slot.visit.span.is_recording()]
        span = recorded[0] if recorded else leader.visit.span
        for other in recorded[1:]:
            with telemetry.current(other):
                telemetry.link(telemetry.format_context(span.get_span_context()))

        def run() -> None:
            token = current_call.set(leader.call)
            try:
                with telemetry.current(span):
                    errand(group)
            except Exception:  # the thread must not end with it
                log.exception("errand not done")
            finally:
                current_call.reset(token)

        self._threads.submit(run)

    def stop(self) -> None:
        """Wait for what is under way."""
        self._threads.shutdown()


def give_back(undo: Callable[[A], None], answers: A) -> None:
    """Give back what was asked for; when that fails, its expiry does it, and the caller still hears
    why the request was refused."""
    try:
        undo(answers)
    except (MantleError, PeerRefused) as error:
        log.warning("not given back at once", extra={"reason": error.reason})
