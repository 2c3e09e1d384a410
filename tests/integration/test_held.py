"""Calls that wait without a thread: to their callers they are calls like all others."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from mantle.events.v1 import event_log_service_pb2 as pb
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import telemetry
from chassis.errors import Conflict, FailedPrecondition, PermissionDenied
from chassis.ids import new_id
from chassis.lines import CallLine
from chassis.rpc import held
from chassis.rpc.access import Tokens
from chassis.rpc.gate import Gate
from chassis.rpc.messages import in_batch
from chassis.rpc.server import Limits, Server
from chassis.rpc.service import service_named
from chassis.rpc.status import read_details
from chassis.rpc.visit import Visit
from local.tokens import AUDIENCE, ISSUER, TokenIssuer
from tests.support import listening
from tests.support.waiting import until

SERVICE = service_named(pb.DESCRIPTOR, "EventLogService")
METHOD = "mantle.events.v1.EventLogService/ListParkedEvents"
READ = "mantle.events.v1.EventLogService/ReadEvents"
PLACES = 4
WAITING = 2
ROOM = PLACES * 2
REPLY = pb.ListParkedEventsResponse(next_page_token="x")


class Forbidden(FailedPrecondition):
    reason = "STEP_NOT_OPEN"

    def __init__(self) -> None:
        super().__init__("not now", step="7")


@dataclass
class Servicer:
    """Take calls, and answer them when a test says so, in a thread that is not theirs."""

    visits: list[Visit] = field(default_factory=list)
    act: Callable[[Visit], None] = lambda visit: visit.answer(REPLY.SerializeToString())
    hold: bool = False

    @in_batch
    def ListParkedEvents(self, visit: Visit) -> None:
        self.visits.append(visit)
        if not self.hold:
            threading.Thread(target=self.serve, args=(visit,)).start()

    def serve(self, visit: Visit) -> None:
        try:
            visit.enter()
        except Exception as error:
            visit.refuse(error)
        else:
            self.act(visit)

    def ReadEvents(self, _request: object, _context: object) -> bytes:
        return b""

    ReplayParkedEvent = ReadEvents


@dataclass
class Line:
    """One server with one such method, a caller, and all that is told of a call."""

    servicer: Servicer
    server: Server
    gate: Gate
    channel: grpc.Channel
    metadata: tuple[tuple[str, str], ...]
    lines: list[CallLine]
    spans: InMemorySpanExporter
    measured: telemetry.Telemetry
    denied: list[str]

    @property
    def stub(self) -> Any:
        return self.channel.unary_unary(
            f"/{METHOD}",
            pb.ListParkedEventsRequest.SerializeToString,
            pb.ListParkedEventsResponse.FromString,
        )

    def begin(self, timeout_s: float = 9) -> Any:
        return self.stub.future(
            pb.ListParkedEventsRequest(), timeout=timeout_s, metadata=self.metadata
        )

    def read(self) -> Any:
        """Begin a call that gets a thread."""
        stub = self.channel.unary_unary(
            f"/{READ}", pb.ReadEventsRequest.SerializeToString, pb.ReadEventsResponse.FromString
        )
        return stub.future(pb.ReadEventsRequest(), timeout=9, metadata=self.metadata)

    def error(self, timeout_s: float = 9) -> Any:
        return self.begin(timeout_s).exception(timeout=10)

    def counted(self, reason: str) -> int:
        points = self.gate.meter.metric().data.data_points
        return sum(one.count for one in points if reason in dict(one.attributes or {}).values())


@pytest.fixture
def line(token_issuer: TokenIssuer) -> Iterator[Line]:
    spans = InMemorySpanExporter()
    measured = telemetry.set_up("test", instance="1", exporter=spans)
    tokens = Tokens(str(token_issuer.keys_file), issuer=ISSUER, audience=AUDIENCE)
    lines: list[CallLine] = []
    denied: list[str] = []
    gate = Gate(
        measured,
        tokens,
        concurrency=PLACES,
        line=lines.append,
        denied=lambda method, _caller, _refused: denied.append(method.short),
    )
    server = Server(gate, Limits(PLACES, 1_000_000))
    servicer = Servicer()
    server.mount(SERVICE, servicer)
    port = server.start(f"127.0.0.1:{listening.choose()}", reflect=False)
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    token = token_issuer.mint("someone", ["service"])
    yield Line(
        servicer,
        server,
        gate,
        channel,
        (("authorization", f"Bearer {token}"),),
        lines,
        spans,
        measured,
        denied,
    )
    for visit in servicer.visits:
        visit.answer(b"")
    channel.close()
    server.stop(1)


def test_an_answer_from_another_thread_is_an_ordinary_answer(line: Line) -> None:
    call = line.begin()

    assert call.result(timeout=10) == REPLY
    assert call.code() is grpc.StatusCode.OK
    assert [one.code for one in line.lines] == ["OK"]
    assert line.counted("OK") == 1


def test_a_refusal_has_its_code_reason_and_details(line: Line) -> None:
    line.servicer.act = lambda visit: visit.refuse(Forbidden())

    error = line.error()

    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert read_details(error.trailing_metadata()) == ("STEP_NOT_OPEN", {"step": "7"})
    assert error.details() == "not now"
    assert line.counted("STEP_NOT_OPEN") == 1


def test_a_bug_is_internal_and_its_text_stays_inside(line: Line) -> None:
    line.servicer.act = lambda visit: visit.refuse(ZeroDivisionError("password=hunter2"))

    error = line.error()

    assert error.code() is grpc.StatusCode.INTERNAL
    assert "hunter2" not in error.details()
    assert line.lines[0].reason == "ZeroDivisionError"


def test_who_has_no_token_is_refused(line: Line) -> None:
    line.metadata = ()

    assert line.error().code() is grpc.StatusCode.UNAUTHENTICATED


def test_a_denial_is_written_down_before_it_is_answered(line: Line) -> None:
    line.servicer.act = lambda visit: visit.refuse(PermissionDenied("not yours"))

    error = line.error()

    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert line.denied == ["ListParkedEvents"]


def test_a_message_that_is_none_is_an_invalid_argument(line: Line) -> None:
    raw = line.channel.unary_unary(f"/{METHOD}")

    error = raw.future(b"\xff\xff", timeout=9, metadata=line.metadata).exception(timeout=10)

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_call_without_a_message_is_refused_and_gives_its_place_back(line: Line) -> None:
    silent = line.channel.stream_unary(f"/{METHOD}")

    for _ in range(ROOM + 1):
        error = silent.future(iter(()), timeout=9, metadata=line.metadata).exception(timeout=10)
        assert error.code() is grpc.StatusCode.UNIMPLEMENTED

    assert line.begin().result(timeout=10) == REPLY


def test_too_little_time_is_refused_before_anything_is_begun(line: Line) -> None:
    def refused() -> bool:
        assert line.error(timeout_s=0.09).code() is grpc.StatusCode.DEADLINE_EXCEEDED
        return bool(line.lines)

    until(refused, "a call to arrive before its deadline")

    assert line.lines[0].reason == "DEADLINE_TOO_SHORT"


def test_a_deadline_ends_the_wait_and_the_late_answer_is_told_as_such(line: Line) -> None:
    line.servicer.hold = True

    def ended() -> bool:
        assert line.error(timeout_s=0.3).code() is grpc.StatusCode.DEADLINE_EXCEEDED
        return bool(line.servicer.visits)

    until(ended, "a call to arrive before its deadline")
    visit = line.servicer.visits[0]
    until(lambda: visit._held.left_s() <= 0, "the service knows")
    line.servicer.serve(visit)

    assert [one.code for one in line.lines] == ["DEADLINE_EXCEEDED"]


def test_a_caller_that_went_away_is_cancelled_and_no_fault(line: Line) -> None:
    line.servicer.hold = True
    call = line.begin()
    until(lambda: bool(line.servicer.visits), "the call has arrived")
    [visit] = line.servicer.visits

    call.cancel()
    until(lambda: not visit._held.is_active(), "the service knows")
    line.servicer.serve(visit)

    assert [one.code for one in line.lines] == ["CANCELLED"]


def test_more_calls_than_places_are_refused_and_the_others_answered(line: Line) -> None:
    line.servicer.hold = True
    calls = [line.begin() for _ in range(20)]
    until(lambda: sum(one.done() for one in calls) == 20 - ROOM, "all but those in places are out")
    # A call has its place before its message is here.
    until(lambda: len(line.servicer.visits) == ROOM, "those in places have arrived")

    for visit in list(line.servicer.visits):
        line.servicer.serve(visit)
    errors = [error for one in calls if (error := one.exception(timeout=10))]

    assert {read_details(error.trailing_metadata())[0] for error in errors} == {"OVERLOADED"}
    assert len(errors) == 20 - ROOM
    assert line.counted("OVERLOADED") == 20 - ROOM


def test_a_crowd_that_is_served_in_batches_leaves_the_threads_free(line: Line) -> None:
    line.servicer.hold = True
    crowd = [line.begin() for _ in range(ROOM)]
    until(lambda: len(line.servicer.visits) == ROOM, "no place is left for another of them")

    read = line.read()

    assert read.exception(timeout=10) is None
    assert line.error().code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert not any(one.done() for one in crowd)


def test_a_crowd_on_threads_leaves_the_places_of_batches_free(line: Line) -> None:
    for _ in range(PLACES + WAITING):
        line.server._thread_places.enter()

    assert line.read().exception(timeout=10).code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert line.begin().result(timeout=10) == REPLY


def test_a_refused_call_leaves_nothing_that_the_server_waits_for(line: Line) -> None:
    for _ in range(ROOM):
        line.server._batch_places.enter()

    assert line.error().code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert line.server._server.stop(9).wait(5)


def test_those_that_are_inside_are_answered_before_the_server_stops(line: Line) -> None:
    line.servicer.hold = True
    call = line.begin()
    until(lambda: bool(line.servicer.visits), "the call has arrived")

    stopping = threading.Thread(target=line.server.stop, args=(5,))
    stopping.start()
    line.servicer.serve(line.servicer.visits[0])

    assert call.result(timeout=10) == REPLY
    stopping.join(10)
    assert not stopping.is_alive()


def test_a_call_that_cannot_be_taken_is_refused_and_the_server_lives(line: Line) -> None:
    line.servicer.visits = Unwilling()

    assert line.error().code() is grpc.StatusCode.ABORTED

    line.servicer.visits = []
    assert line.begin().result(timeout=10) == REPLY


class Unwilling(list[Visit]):
    """Visits that cannot be kept."""

    def append(self, _visit: Visit) -> None:
        raise Conflict("no room")


def test_a_trace_that_the_caller_began_goes_on(line: Line) -> None:
    trace_id = new_id().replace("-", "")
    line.metadata += (("traceparent", f"00-{trace_id}-00f067aa0ba902b7-01"),)

    line.begin().result(timeout=10)
    line.measured.traces.force_flush()

    [span] = line.spans.get_finished_spans()
    assert f"{span.context.trace_id:032x}" == trace_id
    assert (span.name, span.attributes["rpc.response.status_code"]) == (METHOD, "OK")


def test_a_grpc_that_nobody_tried_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grpc, "__version__", "1.999.0")

    with pytest.raises(held.TransportChanged):
        held.require_known_transport()
