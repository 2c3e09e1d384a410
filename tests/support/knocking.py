"""A caller of what is served in batches, without a wire: it knocks, and waits for its answer."""

import threading
import time
from collections.abc import Callable

from google.protobuf.message import Message
from opentelemetry.trace import INVALID_SPAN, Span

from chassis.errors import DeadlineExceeded
from chassis.rpc.call import Call
from chassis.rpc.messages import require_valid


class Knock:
    """Hold one call, and what became of it."""

    def __init__(self, call: Call, message: Message) -> None:
        """Say who calls and what for."""
        self.call = call
        self.message = message
        self.span: Span = INVALID_SPAN
        self.traceparent = ""
        self._reply = b""
        self._error: Exception | None = None
        self._answered = threading.Event()

    def enter(self) -> None:
        """Refuse what the contract forbids."""
        require_valid(self.message)

    def answer(self, reply: bytes) -> None:
        """Hear the answer."""
        self._reply = reply
        self._answered.set()

    def refuse(self, error: Exception) -> None:
        """Hear what became of it instead."""
        self._error = error
        self._answered.set()

    def answered(self, take: Callable[["Knock"], None]) -> bytes:
        """Knock, and return the answer.

        Errors: what the call was refused with; DeadlineExceeded.
        """
        take(self)
        if not self._answered.wait(max(0.0, self.call.ends_s - time.monotonic())):
            raise DeadlineExceeded("no answer within the deadline")
        if self._error is not None:
            raise self._error
        return self._reply
