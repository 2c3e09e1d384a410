"""What happens around a call that is served in a batch: the concerns of the gate, in its order.

trace → log → metrics → errors → identity → deadline → validation. The batch walks them for all its
calls one after the other, which costs a fraction of what it costs between two switches of threads.
Admission is the turnstile's alone: a call that waits here has no thread.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from google.protobuf.message import Message
from opentelemetry.trace import Span

from chassis import errors, telemetry
from chassis.lines import CallLine
from chassis.rpc.access import Tokens, admit, behind
from chassis.rpc.call import (
    ACTOR_KEY,
    ANSWER_RESERVE_S,
    DEADLINE_S_DEFAULT,
    DEADLINE_S_MAX,
    DEADLINE_S_MIN,
    NO_DEADLINE_S,
    Call,
    DeadlineTooShort,
)
from chassis.rpc.held import HeldCall
from chassis.rpc.messages import parsed, require_valid
from chassis.rpc.meter import CallMeter
from chassis.rpc.methods import Method
from chassis.rpc.status import known, refusal
from chassis.scope import Caller

log = logging.getLogger("mantle.rpc")

Denied = Callable[[Method, Caller, errors.PermissionDenied], None]


@dataclass(frozen=True, slots=True)
class Concerns:
    """Hold what all calls of a server share.

    Shape: `denied` writes a refusal down, `line` logs a call; `aside` has threads for what a batch
        must not wait for.
    """

    telemetry: telemetry.Telemetry
    tokens: Tokens
    meter: CallMeter
    denied: Denied
    line: Callable[[CallLine], object]
    aside: ThreadPoolExecutor


class Visit:
    """One call on its way through the concerns, into a batch and out of it.

    Shape: `call`, `message`, `span` and `traceparent` are there once it has entered.
    """

    __slots__ = ("_concerns", "_held", "_method", "_started_ns", "call", "message", "span")

    call: Call
    message: Message

    def __init__(self, concerns: Concerns, method: Method, held: HeldCall) -> None:
        """Begin; nothing is looked at yet."""
        self._concerns = concerns
        self._method = method
        self._held = held
        self._started_ns = time.time_ns()
        self.span: Span = telemetry.NO_SPAN

    @property
    def traceparent(self) -> str:
        """Return the context of the call's span, as W3C writes it."""
        return telemetry.format_context(self.span.get_span_context())

    def enter(self) -> None:
        """Find out who calls, until when, and what for.

        Errors: Unauthenticated; RoleForbids; DeadlineTooShort; InvalidArgument.
        """
        concerns, held, method = self._concerns, self._held, self._method
        metadata = dict(held.metadata)
        self.span = telemetry.open_span(
            concerns.telemetry,
            method.name,
            parent=_text(metadata.get("traceparent")),
            started_ns=self._started_ns,
        )
        caller = concerns.tokens.caller(_text(metadata.get("authorization")))
        if (actor := metadata.get(ACTOR_KEY)) and isinstance(actor, bytes):
            caller = behind(caller, actor.decode(errors="replace"))
        self.call = Call(method, caller, 0.0, "")
        admit(method, caller)
        self.call.ends_s = _ends_s(held)
        self.message = parsed(method, held.request)
        require_valid(self.message)
        telemetry.annotate_ids(self.span, self.message)
        self.call.request_id = getattr(self.message, "request_id", "")

    def answer(self, reply: bytes) -> None:
        """Send the answer, and tell of it."""
        gone = ""
        if self._held.left_s() <= 0:
            gone = "DEADLINE_EXCEEDED"
        elif not self._held.is_active():
            gone = "CANCELLED"
        self._observe(gone or "OK", gone)
        self._held.reply(reply)

    def refuse(self, error: Exception) -> None:
        """Send what became of it, and tell of it; a denial is written down first."""
        if isinstance(error, errors.PermissionDenied):
            self._concerns.aside.submit(self._deny, error)
        else:
            self._refuse(error)

    def _deny(self, error: errors.PermissionDenied) -> None:
        try:
            self._concerns.denied(self._method, self.call.caller, error)
        except Exception as failed:  # the caller hears of the failure, as of any other
            self._refuse(failed)
        else:
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        answer, reason = refusal(error), ""
        if known(error) is None:
            with telemetry.current(self.span):
                log.error("unexpected error", exc_info=error)
            reason = type(error).__name__
        self._observe(answer.code.name, reason or answer.reason)
        self._held.refuse(answer)

    def _observe(self, code: str, reason: str) -> None:
        name = self._method.name
        duration_s = time.monotonic() - self._held.arrived_s
        self._concerns.meter.record((name, code, reason), duration_s)
        span = self.span
        if span.is_recording():
            roles = self.call.caller.roles if hasattr(self, "call") else ()
            telemetry.describe_call(span, name, code=code, reason=reason, roles=roles)
            span.end()
        context = span.get_span_context()
        self._concerns.line(CallLine(time.time(), name, code, reason, duration_s, context))


def _text(value: str | bytes | None) -> str:
    return value if isinstance(value, str) else ""


def _ends_s(held: HeldCall) -> float:
    """Return the end on the monotonic clock, less the time to answer.

    Shape: too short is what was too short when the call arrived.
    Errors: DeadlineTooShort.
    """
    now_s = time.monotonic()
    left_s = held.left_s() + now_s - held.arrived_s
    if left_s > NO_DEADLINE_S:
        left_s = DEADLINE_S_DEFAULT
    if left_s < DEADLINE_S_MIN:
        raise DeadlineTooShort(max(0.0, left_s))
    return held.arrived_s + min(left_s, DEADLINE_S_MAX) - ANSWER_RESERVE_S
