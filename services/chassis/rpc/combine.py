"""Many calls of one RPC in one transaction, for rows that everybody wants at once.

A commit costs the same for one call and for thirty. Callers that wait together are served by one
thread: it holds their keys, lets the use case act on all of them, writes facts, replies and the
audit, and commits once. Where callers want rows of their own, a second lane serves the next batch
while the first waits for the database. A lone caller never waits for company: there is a window
only while others are inside who may still join, or when the batch before had several, who may come
again.

A refusal refuses its own call and leaves nothing of it. An unexpected error takes the batch apart,
halves by halves, until it is alone with the call that causes it.
"""

import logging
import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf.message import Message
from opentelemetry.trace import Span

from chassis.database import is_transient
from chassis.errors import DeadlineExceeded, MantleError, Overloaded
from chassis.rpc.call import Call
from chassis.rpc.status import known
from chassis.scope import Caller

Q = TypeVar("Q")

SIZE_MAX = 64
ENOUGH = 20
WINDOW_S = 0.003
WAITING_MAX = 1_000
STOP_S = 5.0
ATTEMPTS_MAX = 3

log = logging.getLogger(__name__)


class Arrival(Protocol):
    """Describe a call that waits: it enters once, and is answered or refused once."""

    call: Call

    @property
    def message(self) -> Message:
        """Return the request, read and found valid."""

    @property
    def span(self) -> Span:
        """Return the call's span, which is not the current one."""

    @property
    def traceparent(self) -> str:
        """Return the span's context, as W3C writes it."""

    def enter(self) -> None:
        """Find out who calls, until when, and what for; refuse who may not."""

    def answer(self, reply: bytes) -> None:
        """Send the answer."""

    def refuse(self, error: Exception) -> None:
        """Send what became of it instead."""


@dataclass(slots=True, eq=False)
class Slot(Generic[Q]):
    """Hold one waiting call: what it wants, and its answer once there is one.

    Shape: `wanted` is for the use case; the rest is the combiner's. `is_in` tells that the call has
        entered.
    """

    visit: Arrival
    wanted: Q
    is_in: bool = False
    reply: bytes | None = None
    error: Exception | None = None
    value: Any = None
    attempts: int = 0

    @property
    def call(self) -> Call:
        """Return the call, once it has entered."""
        return self.visit.call

    @property
    def caller(self) -> Caller:
        """Return who calls."""
        return self.visit.call.caller


Serve = Callable[[Sequence[Slot[Q]], float], None]


class Combiner(Generic[Q]):
    """Serve the waiting calls of one RPC together, in threads of its own.

    Shape: `check(slot)` refuses its call alone. `serve(slots, left_s)` then does in one transaction
        what there is to do, and sets `reply` or `error` of every slot, or `value` where the call
        goes on; an error that it raises has failed the transaction. `done(slots)` hears of the
        whole batch after that.
    Units: 64 calls a batch; the window is 3 ms at most, unless told otherwise.
    """

    def __init__(
        self,
        name: str,
        *,
        serve: Serve[Q],
        done: Callable[[Sequence[Slot[Q]]], None],
        check: Callable[[Slot[Q]], None] = lambda _: None,
        window_s: float = WINDOW_S,
        lanes: int = 1,
    ) -> None:
        """Start a thread for each lane.

        Shape: one lane collects and serves a batch while another waits for the database. Where all
            want the same rows, a second batch would wait for the first anyway.
        """
        self._serve = serve
        self._done = done
        self._check = check
        self._window_s = window_s
        self._queue: queue.SimpleQueue[Slot[Q] | None] = queue.SimpleQueue()
        # Open while a batch need not wait for more.
        self._gate = threading.Lock()
        self._gate.acquire()
        self._turn = threading.Lock()
        self._inside = 0
        self._served = 0
        self._waiting = 0
        self._last = 1
        self._count = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, name=f"combine {name} {lane}", daemon=True)
            for lane in range(lanes)
        ]
        for thread in self._threads:
            thread.start()

    def expect(self) -> None:
        """Let batches wait for a call that will be put here, as long as the window is."""
        with self._count:
            self._inside += 1

    def forget(self) -> None:
        """Expect one call less."""
        with self._count:
            self._inside -= 1
            if self._waiting > 0 and self._waiting >= self._inside - self._served:
                self._open()

    def put(self, slot: Slot[Q], *, is_expected: bool = False) -> None:
        """Let a call wait for its batch.

        Errors: Overloaded.
        """
        with self._count:
            if self._waiting >= WAITING_MAX:
                raise Overloaded("too many calls wait for the same batch")
            self._inside += not is_expected
            self._waiting += 1
            self._queue.put(slot)
            if self._is_full():
                self._open()

    def stop(self) -> None:
        """Serve what waits, then end the threads."""
        self._queue.put(None)
        with self._count:
            self._open()
        for thread in self._threads:
            thread.join(STOP_S)

    def _run(self) -> None:
        last = 1
        while batch := self._collected(last):
            last = len(batch)
            self._flush(batch)
            with self._count:
                self._inside -= last
                self._served -= last
            try:
                self._done(batch)
            except Exception:  # the thread must not end with a batch
                log.exception("batch not answered")

    def _collected(self, last: int) -> list[Slot[Q]]:
        """Wait for calls and take those that wait together, one lane at a time.

        Shape: none at the end. As many as the lane answered `last` may come again.
        """
        with self._turn:
            first = self._queue.get()
            if first is None:
                self._queue.put(None)
                return []
            with self._count:
                self._last = last
                self._gate.acquire(blocking=False)
                full = self._is_full()
            if not full:
                self._gate.acquire(timeout=self._window_s)
            batch = [first, *self._drained()]
            with self._count:
                self._waiting -= len(batch)
                self._served += len(batch)
            return batch

    def _is_full(self) -> bool:
        """Tell whether a batch need not wait for more; those who are being served cannot join."""
        others = self._inside - self._served
        return self._waiting >= ENOUGH or self._waiting >= max(others, self._last)

    def _open(self) -> None:
        if self._gate.locked():
            self._gate.release()

    def _drained(self) -> list[Slot[Q]]:
        taken: list[Slot[Q]] = []
        while len(taken) < SIZE_MAX - 1:
            try:
                slot = self._queue.get_nowait()
            except queue.Empty:
                break
            if slot is None:
                self._queue.put(None)
                break
            taken.append(slot)
        return taken

    def _flush(self, batch: Sequence[Slot[Q]]) -> None:
        alive = [slot for slot in batch if self._is_fit(slot)]
        if not alive:
            return
        try:
            self._serve(alive, max(slot.call.left_s() for slot in alive))
        except Exception as error:
            self._take_apart(alive, error)

    def _is_fit(self, slot: Slot[Q]) -> bool:
        try:
            if not slot.is_in:
                slot.visit.enter()
                slot.is_in = True
            if slot.call.ends_s <= time.monotonic():
                raise DeadlineExceeded("the deadline was over before its turn")
            self._check(slot)
        except Exception as error:  # of this call alone
            slot.error = error
            return False
        return True

    def _take_apart(self, batch: Sequence[Slot[Q]], error: Exception) -> None:
        for slot in batch:
            slot.reply, slot.error, slot.value = None, None, None
        if len(batch) == 1:
            self._try_again(batch[0], error)
            return
        if not isinstance(error, MantleError) and known(error) is None:
            log.warning("batch taken apart", extra={"error": type(error).__name__})
        middle = len(batch) // 2
        self._flush(batch[:middle])
        self._flush(batch[middle:])

    def _try_again(self, alone: Slot[Q], error: Exception) -> None:
        """Serve a call again that lost a deadlock, three times at most."""
        alone.attempts += 1
        if is_transient(error) and alone.attempts < ATTEMPTS_MAX:
            self._flush([alone])
        else:
            alone.error = error
