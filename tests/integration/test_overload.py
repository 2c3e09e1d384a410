"""More than fits: every call is answered in time and truly, and nothing is done for nobody."""

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc
from mantle.events.v1 import event_log_service_pb2 as log_pb
from mantle.planning.v1 import budget_service_pb2 as budgets
from mantle.work.v1 import work_service_pb2 as work_pb

from chassis import telemetry
from chassis.errors import DeadlineExceeded
from chassis.ids import new_id
from chassis.rpc.access import Tokens
from chassis.rpc.call import ANSWER_RESERVE_S, Call, current_call
from chassis.rpc.client import Peer
from chassis.rpc.combine import Combiner, Slot
from chassis.rpc.gate import Gate
from chassis.rpc.methods import method_of
from chassis.rpc.server import LIVE, Limits, Server
from chassis.rpc.service import service_named
from chassis.rpc.status import read_details
from chassis.scope import Caller
from local.tokens import AUDIENCE, ISSUER, TokenIssuer
from tests.bench.cases.overload import RESERVED, require_true
from tests.bench.crowd import DEADLINE_EXCEEDED, OK, RESOURCE_EXHAUSTED, Crowd, Load, Manner, Want
from tests.bench.load import Client, each
from tests.support import examples_planning as made
from tests.support import listening
from tests.support.knocking import Knock
from tests.support.server import World
from tests.support.waiting import until

PLACES = 4
CALLERS = 50
PLENTY_MINOR = 10**9
TIMES = 5
PEAK_CALLS = 150
LOAD_S = 1.5
ANSWERS = {
    (OK, ""),
    (RESOURCE_EXHAUSTED, "OVERLOADED"),
    (DEADLINE_EXCEEDED, "DEADLINE_EXCEEDED"),
    (DEADLINE_EXCEEDED, "DEADLINE_TOO_SHORT"),
    # Given up by the caller itself.
    (DEADLINE_EXCEEDED, ""),
}
RESERVE = method_of(budgets.ReserveBudgetRequest)
CALLER = Caller("someone", frozenset({"finance"}), "hq", "someone")


@pytest.fixture
def small(world: World) -> World:
    """Planning with four places."""
    world.concurrency, world.trace_ratio = PLACES, 0.0
    return world.start("planning")


def holds(world: World, line_id: str) -> Iterator[bytes]:
    for _ in itertools.count():
        request = made.a_hold(world, line_id, 1)
        request.request_id = new_id()
        yield request.SerializeToString()


def test_five_times_what_fits_is_answered_truly_and_a_lone_call_comes_through_at_once(
    small: World,
) -> None:
    line_id, other_id = (made.a_line(small, PLENTY_MINOR) for _ in range(2))
    address, token = f"127.0.0.1:{small.ports['planning']}", small.token("finance")
    alone = Client(address, RESERVE.name, each(holds(small, other_id)), token=token)
    crowd = Crowd(
        address,
        RESERVE.name,
        each(holds(small, line_id)),
        token=token,
        manner=Manner(throttled=False, tries=2, in_flight_max=CALLERS),
    )
    wants: list[Want] = []

    def overrun() -> bool:
        peak = alone.closed(in_flight=PLACES, calls=PEAK_CALLS)
        assert peak.failed == 0
        offered = crowd.offer([Load(TIMES * peak.done / peak.seconds, LOAD_S)])
        wants.extend(offered)
        codes = Counter(want.code for want in offered)
        return codes[OK] > PEAK_CALLS / 4 and codes[RESOURCE_EXHAUSTED] > 0

    # A machine that stands still for a moment makes the peak look low, or the crowd late.
    until(overrun, "a stretch with more than fits, of which enough is served", within_s=30)
    small.call(made.a_hold(small, other_id, 1), role="finance", timeout_s=5)
    alone.close()
    crowd.close()

    assert {(want.code, want.reason) for want in wants} <= ANSWERS
    require_true(wants, dict(small.rows("planning", RESERVED, lines=[line_id])))


@dataclass
class Asked:
    """A peer that notes how long each of its callers would wait, and a service that asks it."""

    peer: Peer
    left_s: list[float] = field(default_factory=list)
    hold: threading.Event | None = None
    wait_until_s: float = 0.0
    entered: int = 0
    error: Exception | None = None

    def note(self, _data: bytes, context: grpc.ServicerContext) -> bytes:
        self.left_s.append(context.time_remaining())
        return b""

    def ListParkedEvents(self, _request: Message, _context: grpc.ServicerContext) -> bytes:
        self.entered += 1
        if self.hold is not None:
            self.hold.wait(10)
            return b""
        call = current_call.get()
        assert call is not None
        until(
            lambda: not self.wait_until_s or call.left_s() < self.wait_until_s,
            "some of the time is used up",
        )
        try:
            self.peer.ask(work_pb.GetRunRequest(run_id="1"), work_pb.GetRunResponse)
        except DeadlineExceeded as error:
            self.error = error
            raise
        return b""

    ReadEvents = ReplayParkedEvent = ListParkedEvents


@dataclass
class Line:
    """A caller, a service and the peer that it asks."""

    asked: Asked
    stub: Any
    metadata: tuple[tuple[str, str], ...]
    lines: list[str]
    gate: Gate
    channel: grpc.Channel

    def call(self, timeout_s: float) -> grpc.StatusCode:
        """Call with a deadline, and return the status."""
        request = log_pb.ListParkedEventsRequest()
        try:
            self.stub(request, timeout=timeout_s, metadata=self.metadata)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code
        return grpc.StatusCode.OK


@pytest.fixture
def line(token_issuer: TokenIssuer) -> Iterator[Line]:
    measured = telemetry.set_up("test", instance="1", sample_ratio=0.0)
    tokens = Tokens(str(token_issuer.keys_file), issuer=ISSUER, audience=AUDIENCE)
    token = token_issuer.mint("someone", ["service"])
    port_of_peer = listening.choose()
    peer = Peer("planning", f"127.0.0.1:{port_of_peer}", token=lambda: token, measured=measured)
    asked = Asked(peer)
    handlers: Any = {"GetRun": grpc.unary_unary_rpc_method_handler(asked.note)}
    other = grpc.server(ThreadPoolExecutor(2))
    work = "mantle.work.v1.WorkService"
    other.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(work, handlers),))
    assert other.add_insecure_port(f"127.0.0.1:{port_of_peer}") == port_of_peer
    other.start()
    lines: list[str] = []
    gate = Gate(measured, tokens, concurrency=2, line=lines.append)
    server = Server(gate, Limits(2, 1_000_000))
    server.mount(service_named(log_pb.DESCRIPTOR, "EventLogService"), asked)
    port = server.start(f"127.0.0.1:{listening.choose()}", reflect=False)
    channel = grpc.insecure_channel(f"127.0.0.1:{port}")
    stub = channel.unary_unary(
        "/mantle.events.v1.EventLogService/ListParkedEvents",
        log_pb.ListParkedEventsRequest.SerializeToString,
    )
    yield Line(asked, stub, (("authorization", f"Bearer {token}"),), lines, gate, channel)
    channel.close()
    server.stop(1)
    peer.close()
    other.stop(0).wait()


def test_what_finds_no_place_is_refused_at_once_with_its_reason_and_counted(line: Line) -> None:
    line.asked.hold = threading.Event()
    request = log_pb.ListParkedEventsRequest()
    calls = [line.stub.future(request, timeout=9, metadata=line.metadata) for _ in range(90)]

    until(lambda: sum(one.done() for one in calls) == 88, "all but two are refused")
    alive = health_pb2_grpc.HealthStub(line.channel).Check(
        health_pb2.HealthCheckRequest(service=LIVE), timeout=5
    )
    line.asked.hold.set()
    errors = [error for one in calls if (error := one.exception(timeout=10))]

    assert {read_details(error.trailing_metadata())[0] for error in errors} == {"OVERLOADED"}
    assert alive.status == health_pb2.HealthCheckResponse.SERVING
    assert counted(line.gate, "OVERLOADED") == len(errors) == 88


def counted(gate: Gate, reason: str) -> int:
    points = gate.meter.metric().data.data_points
    return sum(one.count for one in points if reason in dict(one.attributes).values())


def test_a_peer_is_told_what_is_left_of_the_deadline_less_the_time_to_answer(line: Line) -> None:
    # gRPC rounds what is left up on both ways: to a millisecond below a second, to ten above.
    given_s, rounded_s = 0.99, 0.005
    codes = (line.call(timeout_s=given_s) for _ in range(20))

    assert grpc.StatusCode.OK in codes
    assert 0 < line.asked.left_s[-1] < given_s - ANSWER_RESERVE_S + rounded_s


def test_what_a_call_has_used_up_is_taken_from_what_its_peer_gets(line: Line) -> None:
    line.asked.wait_until_s = 9.2

    line.call(timeout_s=9.5)

    [left_s] = line.asked.left_s
    assert 5 < left_s < 9.3


def test_a_peer_is_not_asked_when_too_little_is_left_for_its_answer(line: Line) -> None:
    line.asked.wait_until_s = 0.09

    def gave_up() -> bool:
        assert line.call(timeout_s=0.4) is grpc.StatusCode.DEADLINE_EXCEEDED
        return line.asked.error is not None

    until(gave_up, "a call to arrive before its deadline, and to be given up")

    assert line.asked.left_s == []


def test_a_call_that_comes_with_too_little_time_is_not_begun(line: Line) -> None:
    def refused() -> bool:
        assert line.call(timeout_s=0.09) is grpc.StatusCode.DEADLINE_EXCEEDED
        return bool(line.lines)

    until(refused, "a call to arrive before its deadline")

    assert "DEADLINE_TOO_SHORT" in line.lines[0]
    assert line.asked.entered == 0


def answered(slots: Sequence[Slot[str]]) -> None:
    for slot in slots:
        if slot.error is not None:
            slot.visit.refuse(slot.error)
        else:
            slot.visit.answer(b"")


def test_one_lane_serves_while_another_waits() -> None:
    """What one batch waits for, the database above all, must not hold up the next."""
    meeting = threading.Barrier(2)
    batches: list[list[str]] = []

    def serve(slots: Sequence[Slot[str]], _left_s: float) -> None:
        meeting.wait(10)
        batches.append([slot.wanted for slot in slots])
        for slot in slots:
            slot.reply = b""

    combiner: Combiner[str] = Combiner("test", serve=serve, done=answered, lanes=2)

    def submit(wanted: str) -> bytes:
        call = Call(method_of(work_pb.CancelRunRequest), CALLER, time.monotonic() + 20, new_id())
        message = work_pb.CancelRunRequest(request_id=call.request_id, run_id=new_id())
        return Knock(call, message).answered(lambda visit: combiner.put(Slot(visit, wanted)))

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(submit, "first")
        until(lambda: meeting.n_waiting == 1, "the first batch is being served")
        second = pool.submit(submit, "second")
        replies = [first.result(10), second.result(10)]
    combiner.stop()

    assert replies == [b"", b""]
    assert sorted(batches) == [["first"], ["second"]]


def test_a_call_whose_deadline_passed_before_its_turn_does_no_work() -> None:
    go_on, begun = threading.Event(), threading.Event()
    served: list[str] = []

    def serve(slots: Any, _left_s: float) -> None:
        begun.set()
        go_on.wait(10)
        served.extend(slot.wanted for slot in slots)

    combiner: Combiner[str] = Combiner("test", serve=serve, done=answered)
    method = method_of(work_pb.CancelRunRequest)

    def submit(wanted: str, left_s: float) -> bytes:
        call = Call(method, CALLER, time.monotonic() + left_s, new_id())
        message = work_pb.CancelRunRequest(request_id=call.request_id, run_id=new_id())
        return Knock(call, message).answered(lambda visit: combiner.put(Slot(visit, wanted)))

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(submit, "first", 20.0)
        assert begun.wait(5)
        with pytest.raises(DeadlineExceeded):
            submit("late", 0.05)
        go_on.set()
        first.result(10)
        submit("last", 20.0)
    combiner.stop()

    assert served == ["first", "last"]
