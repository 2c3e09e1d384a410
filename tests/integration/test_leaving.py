"""A process that leaves: whoever calls it meanwhile is answered, there or at another process.

The channels are those of `chassis.rpc.client`, so what these calls survive our peers survive.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import grpc
import pytest
from mantle.events.v1 import event_log_service_pb2 as pb
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from chassis import telemetry
from chassis.rpc.access import Tokens
from chassis.rpc.client import CHANNEL_OPTIONS
from chassis.rpc.gate import Gate
from chassis.rpc.messages import in_batch
from chassis.rpc.server import Limits, Server
from chassis.rpc.service import service_named
from chassis.rpc.visit import Visit
from local.tokens import AUDIENCE, ISSUER, TokenIssuer
from tests.support import listening
from tests.support.requirements import req
from tests.support.waiting import until

SERVICE = service_named(pb.DESCRIPTOR, "EventLogService")
METHOD = "/mantle.events.v1.EventLogService/ListParkedEvents"
PLACES = 16
CALLS = 12
IN_A_ROW = 6
# A pool of its own, so that no connection of another test is taken over.
OPTIONS = [*CHANNEL_OPTIONS, ("grpc.use_local_subchannel_pool", 1)]


@dataclass
class Servicer:
    """Answer each call with its own name, or hold what comes.

    Shape: `open` lets the transport's thread go on; `hold` keeps calls as a batch does that waits.
    """

    name: str
    visits: list[Visit] = field(default_factory=list)
    open: threading.Event = field(default_factory=threading.Event)
    hold: bool = False

    @in_batch
    def ListParkedEvents(self, visit: Visit) -> None:
        self.visits.append(visit)
        self.open.wait()
        visit.enter()
        if not self.hold:
            visit.answer(pb.ListParkedEventsResponse(next_page_token=self.name).SerializeToString())

    def ReadEvents(self, _request: object, _context: object) -> bytes:
        return b""

    ReplayParkedEvent = ReadEvents


@dataclass
class Process:
    """One process that serves."""

    servicer: Servicer
    server: Server
    port: int

    def leave(self, grace_s: float) -> threading.Thread:
        """Begin to leave."""
        thread = threading.Thread(target=self.server.stop, args=(grace_s,))
        thread.start()
        return thread


@dataclass
class Two:
    """Two processes of a service, and a caller who knows both."""

    first: Process
    second: Process
    channel: grpc.Channel
    metadata: tuple[tuple[str, str], ...]

    def begin(self, timeout_s: float = 20) -> Any:
        stub = self.channel.unary_unary(
            METHOD,
            pb.ListParkedEventsRequest.SerializeToString,
            pb.ListParkedEventsResponse.FromString,
        )
        return stub.future(pb.ListParkedEventsRequest(), timeout=timeout_s, metadata=self.metadata)

    def answerer(self) -> str:
        """Return who answers a call."""
        found: str = self.begin().result(timeout=20).next_page_token
        return found


@pytest.fixture
def two(token_issuer: TokenIssuer) -> Iterator[Two]:
    first, second = _process("first", token_issuer), _process("second", token_issuer)
    address = f"ipv4:127.0.0.1:{first.port},127.0.0.1:{second.port}"
    token = token_issuer.mint("someone", ["service"])
    channel = grpc.insecure_channel(address, options=OPTIONS)
    found = Two(first, second, channel, (("authorization", f"Bearer {token}"),))
    for one in (first, second):
        one.servicer.open.set()
    both = {"first", "second"}
    until(lambda: {found.answerer() for _ in range(IN_A_ROW)} == both, "both to be called")
    yield found
    channel.close()
    for one in (first, second):
        one.servicer.open.set()
        one.server.stop(0)


def _process(name: str, issuer: TokenIssuer) -> Process:
    measured = telemetry.set_up("test", instance=name, exporter=InMemorySpanExporter())
    tokens = Tokens(str(issuer.keys_file), issuer=ISSUER, audience=AUDIENCE)
    server = Server(Gate(measured, tokens, concurrency=PLACES), Limits(PLACES, 1_000_000))
    servicer = Servicer(name)
    server.mount(SERVICE, servicer)
    port = server.start(f"127.0.0.1:{listening.choose()}", reflect=False)
    server.ready(True)
    return Process(servicer, server, port)


@req("R-311")
def test_a_call_that_nobody_had_taken_yet_is_answered_by_another_process(two: Two) -> None:
    """gRPC turns such calls away as CANCELLED (grpc/grpc#41785), which no retry covered."""
    first = two.first.servicer
    first.open.clear()
    begun = len(first.visits)
    calls = [two.begin(), two.begin()]
    until(lambda: len(first.visits) > begun, "the first's transport to be held by a call")
    calls += [two.begin() for _ in range(CALLS - len(calls))]
    until(lambda: sum(one.done() for one in calls) == CALLS // 2, "the second to answer its half")

    leaving = two.first.leave(grace_s=10)
    # Those that wait before the transport's thread are turned away, but for one that it has been
    # given already; the second answers them.
    until(lambda: sum(one.done() for one in calls) >= CALLS - 2, "who was turned away to be served")
    first.open.set()
    codes = [one.code() for one in calls if one.exception(timeout=20) or True]

    assert codes == [grpc.StatusCode.OK] * CALLS
    leaving.join(10)
    assert not leaving.is_alive()


@req("R-311")
def test_callers_are_gone_before_the_process_that_is_not_ready_leaves(two: Two) -> None:
    two.first.server.ready(False)

    until(
        lambda: {two.answerer() for _ in range(IN_A_ROW)} == {"second"},
        "calls to go to the process that is ready",
    )


@req("R-311")
def test_a_call_that_outlasts_the_grace_may_be_sent_again(two: Two) -> None:
    two.first.servicer.hold = two.second.servicer.hold = True
    begun = len(two.first.servicer.visits)
    calls = [two.begin() for _ in range(2)]
    until(lambda: len(two.first.servicer.visits) > begun, "a call to wait at the first")

    two.first.leave(grace_s=0.1).join(10)
    two.second.leave(grace_s=0.1).join(10)

    errors = [one.exception(timeout=20) for one in calls]
    assert {error.code() for error in errors} == {grpc.StatusCode.UNAVAILABLE}
