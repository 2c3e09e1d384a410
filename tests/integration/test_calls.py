"""What a call leaves behind, however it ends: the right status, span, metric and log line."""

import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc
import pytest
from mantle.events.v1 import event_log_service_pb2 as pb
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import telemetry
from chassis.errors import FailedPrecondition
from chassis.ids import new_id
from chassis.lines import CallLine
from chassis.rpc.access import Tokens
from chassis.rpc.gate import Gate
from chassis.rpc.server import Limits, Server
from chassis.rpc.service import service_named
from local.tokens import AUDIENCE, ISSUER, TokenIssuer
from tests.support import listening
from tests.support.waiting import until

SERVICE = service_named(pb.DESCRIPTOR, "EventLogService")
METHOD = "mantle.events.v1.EventLogService/ListParkedEvents"
SECRET = "password=hunter2"


class Forbidden(FailedPrecondition):
    reason = "STEP_NOT_OPEN"


@dataclass
class Servicer:
    """Answer as a test wants it."""

    act: Callable[[], bytes] = lambda: b""
    context: Any = None

    def ListParkedEvents(self, _request: object, context: object) -> bytes:
        self.context = context
        return self.act()

    ReadEvents = ReplayParkedEvent = ListParkedEvents


@dataclass
class Bench:
    """One server with one method, and all that it says about a call."""

    servicer: Servicer
    spans: InMemorySpanExporter
    gate: Gate
    measured: telemetry.Telemetry
    stub: Any
    metadata: tuple[tuple[str, str], ...]
    lines: list[CallLine]

    def call(self, timeout_s: float = 9.0) -> Any:
        return self.stub(pb.ListParkedEventsRequest(), timeout=timeout_s, metadata=self.metadata)

    def span(self) -> Any:
        self.measured.traces.force_flush()
        until(lambda: bool(self.spans.get_finished_spans()), "the span of the call")
        return self.spans.get_finished_spans()[0]

    def code(self) -> str:
        points = self.gate.meter.metric().data.data_points
        return str(dict(points[0].attributes or {})["rpc.response.status_code"])

    def line(self) -> dict[str, Any]:
        return dict(json.loads(str(self.lines[-1])))


@pytest.fixture
def bench(token_issuer: TokenIssuer) -> Iterator[Bench]:
    spans = InMemorySpanExporter()
    measured = telemetry.set_up("test", instance="1", exporter=spans)
    tokens = Tokens(str(token_issuer.keys_file), issuer=ISSUER, audience=AUDIENCE)
    servicer = Servicer()
    lines: list[CallLine] = []
    gate = Gate(measured, tokens, concurrency=4, line=lines.append)
    server = Server(gate, Limits(4, 1_000_000))
    server.mount(SERVICE, servicer)
    port = server.start(f"127.0.0.1:{listening.choose()}", reflect=False)
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    token = token_issuer.mint("someone", ["service"])
    yield Bench(
        servicer,
        spans,
        gate,
        measured,
        channel.unary_unary(
            f"/{METHOD}",
            pb.ListParkedEventsRequest.SerializeToString,
            pb.ListParkedEventsResponse.FromString,
        ),
        (("authorization", f"Bearer {token}"),),
        lines,
    )
    channel.close()
    server.stop(1)


def test_a_call_that_succeeds_is_ok_everywhere(bench: Bench) -> None:
    bench.call()

    assert bench.span().name == METHOD
    assert bench.span().status.status_code.name == "UNSET"
    assert bench.code() == "OK"
    assert bench.line()["trace_id"] == f"{bench.span().context.trace_id:032x}"


def test_a_bug_is_internal_and_its_text_stays_inside(bench: Bench) -> None:
    def crash() -> bytes:
        raise ValueError(SECRET)

    bench.servicer.act = crash

    with pytest.raises(grpc.RpcError) as refused:
        bench.call()

    assert refused.value.code() is grpc.StatusCode.INTERNAL
    assert SECRET not in str(refused.value)
    assert bench.span().status.status_code.name == "ERROR"
    assert bench.span().attributes["error.type"] == "ValueError"
    assert SECRET not in bench.span().to_json()
    assert bench.code() == "INTERNAL"
    assert SECRET not in json.dumps(bench.line())


def test_a_refusal_is_no_fault_of_the_server(bench: Bench) -> None:
    def refuse() -> bytes:
        raise Forbidden("not now")

    bench.servicer.act = refuse

    with pytest.raises(grpc.RpcError) as refused:
        bench.call()

    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert bench.span().status.status_code.name == "UNSET"
    assert bench.code() == "FAILED_PRECONDITION"
    assert bench.line()["reason"] == "STEP_NOT_OPEN"


def test_a_deadline_that_passed_is_an_error_of_the_span(bench: Bench) -> None:
    entered = threading.Event()

    def outlive() -> bytes:
        entered.set()
        context = bench.servicer.context
        until(
            # The caller gives up a moment before the server knows that the time is over.
            lambda: not context.is_active() and context.time_remaining() <= 0,
            "the server hears of the deadline",
        )
        return b""

    def outlived() -> bool:
        with pytest.raises(grpc.RpcError) as refused:
            bench.call(timeout_s=0.3)
        assert refused.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
        return entered.is_set()

    bench.servicer.act = outlive

    until(outlived, "a call to arrive before its deadline")

    assert bench.span().status.status_code.name == "ERROR"
    assert bench.span().attributes["rpc.response.status_code"] == "DEADLINE_EXCEEDED"
    assert bench.code() == "DEADLINE_EXCEEDED"


def test_a_caller_that_went_away_is_cancelled_and_no_fault(bench: Bench) -> None:
    entered = threading.Event()

    def outlive() -> bytes:
        entered.set()
        until(lambda: not bench.servicer.context.is_active(), "the server hears of the cancel")
        return b""

    bench.servicer.act = outlive

    call = bench.stub.future(pb.ListParkedEventsRequest(), timeout=9, metadata=bench.metadata)
    assert entered.wait(9)
    call.cancel()

    assert bench.span().attributes["rpc.response.status_code"] == "CANCELLED"
    assert bench.span().status.status_code.name == "UNSET"
    assert bench.code() == "CANCELLED"


def test_a_trace_that_the_caller_began_goes_on(bench: Bench) -> None:
    trace_id = new_id().replace("-", "")
    bench.metadata += (("traceparent", f"00-{trace_id}-{'1' * 16}-01"),)

    bench.call()

    assert f"{bench.span().context.trace_id:032x}" == trace_id
    assert bench.span().parent is not None


@pytest.mark.parametrize(
    "text", ["", "garbage", "00-0-0-0", "00-" + "0" * 32 + "-" + "0" * 16 + "-01"]
)
def test_a_trace_context_that_is_none_begins_a_new_trace(bench: Bench, text: str) -> None:
    bench.metadata += (("traceparent", text),)

    bench.call()

    assert bench.span().parent is None


def test_more_calls_than_places_are_refused_and_not_queued(bench: Bench) -> None:
    free, entered = threading.Event(), threading.Semaphore(0)
    bench.servicer.act = lambda: (entered.release(), free.wait(10), b"")[2]
    held = [
        bench.stub.future(pb.ListParkedEventsRequest(), timeout=10, metadata=bench.metadata)
        for _ in range(4)
    ]
    assert all(entered.acquire(timeout=9) for _ in held)

    with pytest.raises(grpc.RpcError) as refused:
        bench.call()
    free.set()

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert [call.exception(timeout=10) for call in held] == [None] * 4
