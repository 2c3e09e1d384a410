"""The people of the company and the front doors of the four services: every act of the demo is a
public RPC, sent by a person with one role in one unit.

Each call is a span of the demo, so that a trace begins where a customer or a planner acts and no
span's parent is missing.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import grpc
from google.protobuf.message import Message
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind

from chassis import telemetry
from chassis.ids import new_id
from chassis.rpc.client import CHANNEL_OPTIONS
from chassis.rpc.methods import Method, method_of
from chassis.rpc.status import read_details
from chassis.telemetry import Telemetry
from local.errors import LocalError
from local.platform import SERVICES, Platform
from local.tokens import ROOT_UNIT_ID

CALL_S: Final = 15.0
REPEATS_MAX: Final = 20
REPEAT_PAUSE_S: Final = 0.1
WAIT_S: Final = 15.0
PAGE_SIZE: Final = 500
# A write keeps its request_id over these, so that repeating is safe.
REPEATED: Final = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        grpc.StatusCode.ABORTED,
        grpc.StatusCode.DEADLINE_EXCEEDED,
    }
)


class Refused(LocalError):
    """A service said no; the reason is that of its contract."""

    def __init__(self, method: str, reason: str, *, code: grpc.StatusCode, message: str) -> None:
        """Keep what the status and its details said."""
        super().__init__(f"{method} was refused: {reason or code.name}, {message}")
        self.reason = reason
        self.code = code


class NeverCame(LocalError):
    """What another service should have told did not arrive in time."""

    def __init__(self, what: str, within_s: float) -> None:
        """Name what was waited for."""
        super().__init__(f"waited {within_s:.0f} s in vain for: {what}")


class Desk:
    """Hold one channel a service and one token a person."""

    def __init__(self, platform: Platform, measured: Telemetry) -> None:
        """Open the channels; they connect at the first call."""
        self._platform = platform
        self._telemetry = measured
        self._channels = {
            service: grpc.insecure_channel(
                platform.address(service), options=[*CHANNEL_OPTIONS, ("grpc.enable_http_proxy", 0)]
            )
            for service in SERVICES
        }
        self._tokens: dict[tuple[str, str], str] = {}
        self._methods: dict[type[Message], Method] = {}
        self._stubs: dict[tuple[str, str], Callable[..., Any]] = {}

    def person(self, role: str, unit_id: str = ROOT_UNIT_ID) -> "Person":
        """Return the person with this role in this unit."""
        return Person(self, role, unit_id)

    def ask(self, request: Message, *, role: str, unit_id: str, service: str = "") -> Any:
        """Send a request to the RPC that takes it and return the RPC's answer.

        Shape: `service` names who is asked where several serve the RPC; a write without
            `request_id` gets a new one, kept over repeats.
        Errors: Refused.
        """
        method = self._method(type(request))
        if method.writes and not getattr(request, "request_id", "set"):
            request.request_id = new_id()  # type: ignore[attr-defined]
        stub = self._stub(method, service or method.name.split(".")[1])
        for left in reversed(range(REPEATS_MAX)):
            try:
                return self._call(stub, request, method=method, token=self._token(role, unit_id))
            except Refused as refused:
                if refused.code not in REPEATED or not left:
                    raise
                time.sleep(REPEAT_PAUSE_S)
        raise AssertionError("the last repeat returns or raises")

    @contextmanager
    def begin(self, name: str, *, since: str = "", **ids: str) -> Iterator[Span]:
        """Begin a trace of its own, whatever is going on around it.

        Shape: `since` is the traceparent of an earlier trace to link to; `ids` are named as in the
            contract: `customer_id` becomes `mantle.customer.id`.
        """
        earlier = telemetry.parse_context(since)
        links = [Link(earlier)] if earlier is not None else []
        with self._telemetry.tracer.start_as_current_span(
            name, context=Context(), links=links, record_exception=False
        ) as span:
            for thing, value in ids.items():
                span.set_attribute(f"mantle.{thing.removesuffix('_id')}.id", value)
            yield span

    @contextmanager
    def unkept(self, name: str) -> Iterator[Span]:
        """Begin a trace of which nothing is kept, for what is done in thousands."""
        with telemetry.continued_span(self._telemetry, name, parent="", ratio=0.0) as span:
            yield span

    @contextmanager
    def root(self, name: str) -> Iterator[str]:
        """Begin a trace that goes on beside others, and give its traceparent to `step`."""
        span = self._telemetry.tracer.start_span(name, context=Context())
        try:
            yield telemetry.format_context(span.get_span_context())
        finally:
            span.end()

    @contextmanager
    def step(self, name: str, parent: str = "") -> Iterator[Span]:
        """Take a step within the current trace, or within the one of a traceparent."""
        with telemetry.continued_span(
            self._telemetry, name, parent=parent or telemetry.traceparent()
        ) as span:
            yield span

    def close(self) -> None:
        """Close the channels."""
        for channel in self._channels.values():
            channel.close()

    def _call(
        self, stub: Callable[..., Any], request: Message, *, method: Method, token: str
    ) -> Any:
        with telemetry.continued_span(
            self._telemetry, method.name, parent=telemetry.traceparent(), kind=SpanKind.CLIENT
        ) as span:
            span.set_attribute("rpc.system.name", "grpc")
            span.set_attribute("rpc.method", method.name)
            metadata = (
                ("authorization", f"Bearer {token}"),
                ("traceparent", telemetry.traceparent()),
            )
            try:
                answer = stub(request, timeout=CALL_S, metadata=metadata, wait_for_ready=True)
            except grpc.RpcError as error:
                span.set_attribute("rpc.response.status_code", error.code().name)
                raise _refused(method, error) from None
            span.set_attribute("rpc.response.status_code", "OK")
            return answer

    def _method(self, request: type[Message]) -> Method:
        if request not in self._methods:
            self._methods[request] = method_of(request)
        return self._methods[request]

    def _stub(self, method: Method, service: str) -> Callable[..., Any]:
        key = (service, method.name)
        if key not in self._stubs:
            self._stubs[key] = self._channels[service].unary_unary(
                f"/{method.name}",
                request_serializer=method.request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
        return self._stubs[key]

    def _token(self, role: str, unit_id: str) -> str:
        key = (role, unit_id)
        if key not in self._tokens:
            self._tokens[key] = self._platform.token(
                role, unit_id=unit_id, subject=f"{role}.{unit_id}"
            )
        return self._tokens[key]


@dataclass(frozen=True, slots=True)
class Person:
    """Be somebody: one role in one unit."""

    desk: Desk
    role: str
    unit_id: str

    def ask(self, request: Message, *, service: str = "") -> Any:
        """Send a request and return the answer.

        Errors: Refused.
        """
        return self.desk.ask(request, role=self.role, unit_id=self.unit_id, service=service)

    def ask_when_told(self, request: Message, *, reasons: frozenset[str]) -> Any:
        """Send a request that may be refused until a fact of another service has arrived.

        Shape: `reasons` are the refusals that mean "not yet".
        Errors: Refused for any other reason, or when it is still refused after 15 s.
        """
        ends_s = time.monotonic() + WAIT_S
        while True:
            try:
                return self.ask(request)
            except Refused as refused:
                if refused.reason not in reasons or time.monotonic() > ends_s:
                    raise
            time.sleep(REPEAT_PAUSE_S)

    def ask_unless(self, request: Message, *, reasons: frozenset[str], service: str = "") -> Any:
        """Send a request and return the answer, or None when it is refused for one of the reasons.

        Errors: Refused for any other reason.
        """
        try:
            return self.ask(request, service=service)
        except Refused as refused:
            if refused.reason not in reasons:
                raise
            return None

    def refusal(self, request: Message) -> str:
        """Send a request that must be refused and return the reason.

        Errors: LocalError when it is not refused.
        """
        try:
            self.ask(request)
        except Refused as refused:
            return refused.reason or refused.code.name
        raise LocalError(f"{type(request).__name__} of {self.role} should have been refused")


def until(
    condition: Callable[[], bool], what: str, *, within_s: float = WAIT_S, pause_s: float = 0.02
) -> float:
    """Wait until a condition holds and return how long that took.

    Units: seconds; `pause_s` between two looks, longer where a look is a long list.
    Errors: NeverCame.
    """
    begin_s = time.monotonic()
    while not condition():
        if time.monotonic() - begin_s > within_s:
            raise NeverCame(what, within_s)
        time.sleep(pause_s)
    return time.monotonic() - begin_s


def all_pages(person: Person, request: Any, items: str) -> list[Any]:
    """Read a whole list, page by page; `items` names the field with the items."""
    found: list[Any] = []
    request.page_size = PAGE_SIZE
    while True:
        answer = person.ask(request)
        found += getattr(answer, items)
        if not answer.next_page_token:
            return found
        request.page_token = answer.next_page_token


def _refused(method: Method, error: grpc.RpcError) -> Refused:
    reason, _ = read_details(error.trailing_metadata())
    return Refused(method.short, reason, code=error.code(), message=error.details() or "")
