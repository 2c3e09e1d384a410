"""The one interceptor: what happens around every call, in one order.

trace → log → metrics → errors → identity → deadline → admission → validation → servicer. One
function walks the concerns, because six stacked interceptors cost half of the throughput. The
request arrives as bytes and leaves as bytes: garbage is told from a bug, and a stored reply needs
no second encoding.
"""

import logging
import queue
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import grpc
from google.protobuf.message import Message
from opentelemetry.trace import Span, SpanKind

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
    current_call,
)
from chassis.rpc.held import HeldCall
from chassis.rpc.messages import parsed, require_valid
from chassis.rpc.meter import CallMeter
from chassis.rpc.methods import Handler, Method
from chassis.rpc.status import DETAILS_KEY, Refusal, known, refusal
from chassis.rpc.visit import Concerns, Denied, Visit
from chassis.scope import Caller

log = logging.getLogger("mantle.rpc")

ASIDE_THREADS = 2


@dataclass(frozen=True, slots=True)
class Route:
    """Name where a call goes: its contract, who serves it, and whether it counts against the
    limit."""

    method: Method
    handler: Handler
    admission: bool


@dataclass(slots=True)
class _Visit:
    """One call on its way through the concerns, and what it turned out to be."""

    route: Route
    request: bytes
    context: grpc.ServicerContext
    metadata: dict[str, str | bytes]
    span: Span
    code: str = "OK"
    reason: str = ""
    caller: Caller | None = None


class Gate:
    """Wrap a servicer's methods with the concerns of every call.

    Units: `concurrency` calls are served at once; another one waits `queue_wait_s` seconds at most
    and is then refused.
    """

    def __init__(
        self,
        measured: telemetry.Telemetry,
        tokens: Tokens,
        *,
        concurrency: int,
        queue_wait_s: float = 0.05,
        denied: Denied = lambda *_: None,
        line: Callable[[CallLine], object] = lambda _: None,
    ) -> None:
        """Prepare admission, metrics and validation for all methods of a server."""
        self._telemetry = measured
        self._tokens = tokens
        self._queue_wait_s = queue_wait_s
        # A queue of places: taking one costs a tenth of a semaphore written in Python.
        self._places: queue.SimpleQueue[None] = queue.SimpleQueue()
        for _ in range(concurrency):
            self._places.put(None)
        self._denied = denied
        self._line = line
        self.meter = CallMeter()
        aside = ThreadPoolExecutor(ASIDE_THREADS, thread_name_prefix="denied")
        self._concerns = Concerns(measured, tokens, self.meter, denied, line, aside)
        measured.sources.append(self.meter.metric)

    def wrap(self, method: Method, handler: Handler, *, admission: bool = True) -> Handler:
        """Return the function that serves one RPC: bytes in, bytes out, every error a status.

        Shape: `admission` is off for waiting readers, who have threads of their own.
        """
        route = Route(method, handler, admission)

        ratio = None if admission else 0.0

        def serve(request: bytes, context: grpc.ServicerContext) -> bytes:
            started_s = time.perf_counter()
            metadata = dict(context.invocation_metadata())
            parent = metadata.get("traceparent")
            with telemetry.continued_span(
                self._telemetry,
                method.name,
                parent=parent if isinstance(parent, str) else "",
                kind=SpanKind.SERVER,
                ratio=ratio,
            ) as span:
                visit = _Visit(route, request, context, metadata, span)
                reply = self._answered(visit)
                self._observe(visit, time.perf_counter() - started_s)
            return reply

        return serve

    def admit(self, method: Method, take: Callable[[Visit], None]) -> Callable[[HeldCall], None]:
        """Return what takes over the calls of an RPC that is served in batches."""
        concerns = self._concerns
        return lambda held: take(Visit(concerns, method, held))

    def _answered(self, visit: _Visit) -> bytes:
        """Run the walk; an error becomes status, reason and details, and the reply is empty."""
        try:
            reply = self._walk(visit)
        except Exception as error:  # the one place where every error ends
            if known(error) is None:
                log.exception("unexpected error")
                visit.reason = type(error).__name__
            return self._refuse(visit, refusal(error))
        if not visit.context.is_active():
            gone = (visit.context.time_remaining() or 0) <= 0
            visit.code = visit.reason = "DEADLINE_EXCEEDED" if gone else "CANCELLED"
        return reply

    def _refuse(self, visit: _Visit, answer: Refusal) -> bytes:
        visit.code = answer.code.name
        visit.reason = visit.reason or answer.reason
        visit.context.set_code(answer.code)
        visit.context.set_details(answer.message)
        visit.context.set_trailing_metadata(((DETAILS_KEY, answer.details),))
        return b""

    def _walk(self, visit: _Visit) -> bytes:
        """Go through identity, deadline, admission and validation to the servicer."""
        route = visit.route
        caller = visit.caller = behind(
            self._tokens.caller(_text(visit, "authorization")), _actor(visit)
        )
        try:
            admit(route.method, caller)
            left_s = _left_s(visit.context)
            message = parsed(route.method, visit.request)
            if not route.admission:
                return self._served(visit, message, left_s)
            self._enter(left_s)
            try:
                return self._served(visit, message, left_s)
            finally:
                self._places.put(None)
        except errors.PermissionDenied as refused:
            self._denied(route.method, caller, refused)
            raise

    def _enter(self, left_s: float) -> None:
        try:
            self._places.get(timeout=min(self._queue_wait_s, left_s / 4))
        except queue.Empty:
            raise errors.Overloaded("the service has no place free; come back later") from None

    def _served(self, visit: _Visit, message: Message, left_s: float) -> bytes:
        require_valid(message)
        telemetry.annotate_ids(visit.span, message)
        method, caller = visit.route.method, visit.caller
        assert caller is not None, "identity comes first"
        request_id = getattr(message, "request_id", "")
        token = current_call.set(Call(method, caller, time.monotonic() + left_s, request_id))
        try:
            return visit.route.handler(message, visit.context)
        finally:
            current_call.reset(token)

    def _observe(self, visit: _Visit, duration_s: float) -> None:
        method, code, reason = visit.route.method.name, visit.code, visit.reason
        self.meter.record((method, code, reason), duration_s)
        if visit.span.is_recording():
            roles = visit.caller.roles if visit.caller else ()
            telemetry.describe_call(visit.span, method, code=code, reason=reason, roles=roles)
        context = visit.span.get_span_context()
        self._line(CallLine(time.time(), method, code, reason, duration_s, context))


def _text(visit: _Visit, key: str) -> str | None:
    value = visit.metadata.get(key)
    return value if isinstance(value, str) else None


def _actor(visit: _Visit) -> str | None:
    value = visit.metadata.get(ACTOR_KEY)
    return value.decode(errors="replace") if isinstance(value, bytes) else None


def _left_s(context: grpc.ServicerContext) -> float:
    # Without a deadline grpc answers 9e18, or None; both mean that the caller set none.
    remaining = context.time_remaining() or NO_DEADLINE_S * 2
    left_s = DEADLINE_S_DEFAULT if remaining > NO_DEADLINE_S else remaining
    if left_s < DEADLINE_S_MIN:
        raise DeadlineTooShort(max(0.0, left_s))
    return min(left_s, DEADLINE_S_MAX) - ANSWER_RESERVE_S
