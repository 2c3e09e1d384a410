"""Nothing that a caller can send is a bug of ours, tells how we are made, or leaves something.

Each RPC gets 200 seeded requests: noise, broken and mutated messages, values beyond every bound. A
failure names its seed; the seeds are fixed, so the next run sends the same mutations again.
"""

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import grpc
import pytest
from google.protobuf.message import DecodeError, Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from chassis.rpc.methods import Method
from chassis.scope import SERVICE_ROLE
from chassis.settings import SERVICES
from tests.support.attempts import Answer, Attempt, attempt, send, send_all
from tests.support.examples import Example, all_methods, example_of, host_of
from tests.support.hostile import Mill, ids_in
from tests.support.server import CALL_S, ROOT_UNIT, START, Refused, World, whole_world

__all__ = ["whole_world"]

SEEDS = 200
TOO_LARGE = bytes(5 * 1024 * 1024)
BOMB = 64 * 1024 * 1024
# INTERNAL and UNKNOWN are bugs; UNAVAILABLE would blame a peer that only refused the same nonsense.
OUR_FAULT = {
    "UNKNOWN",
    "INTERNAL",
    "DATA_LOSS",
    "UNIMPLEMENTED",
    "UNAVAILABLE",
    "DEADLINE_EXCEEDED",
    "CANCELLED",
}
UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
NO_REASON = {"OK", *OUR_FAULT}
# What any RPC can answer; the contract does not repeat it at each.
GENERAL = {"REQUEST_INVALID", "REQUEST_ID_REUSED", "WRITE_CONFLICT", "OVERLOADED"}
# The inside of the house: code, files, libraries, statements.
INSIDE = re.compile(
    r"Traceback|\.py\b|, line \d+|psycopg|sqlalchemy|alembic|protovalidate|google\.protobuf|upb"
    r"|cel_expr|0x[0-9a-f]{8}|<class|<module|object at|NoneType|KeyError|ValueError|TypeError"
    r"|\bSELECT\b|\bINSERT INTO\b|\bUPDATE \w+ SET\b|\bpg_|DETAIL:|CONTEXT:|invalid input syntax"
    r"|site-packages|/services/|/usr/|/tmp/"
)


@dataclass(frozen=True, slots=True)
class Shot:
    """Hold one hostile request and what came back."""

    seed: str
    kind: str
    data: bytes
    answer: Answer

    def __str__(self) -> str:
        """Say all that is needed to send it again."""
        return f"{self.seed} {self.kind} {self.data[:2000].hex()} → {self.answer}"


@dataclass(frozen=True, slots=True)
class Barrage:
    """Hold all hostile requests of one RPC."""

    method: Method
    service: str
    shots: list[Shot]

    def first(self, wrong: Callable[[Answer], bool]) -> list[str]:
        """Return some of the requests whose answer is wrong, ready to be sent again."""
        return [str(shot) for shot in self.shots if wrong(shot.answer)][:3]


class Ground:
    """Hold an honest request of each RPC; a write's has all that it needs in the world.

    Shape: one is arranged when it is first asked for. What cannot be arranged fails the tests of
        its own RPC alone.
    """

    def __init__(self, world: World) -> None:
        """Begin without any."""
        self.world = world
        self._found: dict[str, Example | Refused] = {}
        self._ids: dict[str, list[str]] = {}

    def example(self, method: Method) -> Example:
        """Return the honest request of an RPC.

        Errors: Refused, when it could not be arranged.
        """
        if method.name not in self._found:
            self._found[method.name] = arranged(self.world, method)
        found = self._found[method.name]
        if isinstance(found, Refused):
            raise found
        return found

    def ids(self, service: str) -> list[str]:
        """Return the ids of things that exist, once all that a service needs is arranged.

        Shape: hostile requests may be done, so none is sent before.
        """
        if service not in self._ids:
            examples = [self._example_or_none(method) for method in methods_at(service)]
            self.world.clock.set(START)
            self.world.settle()
            found = {one for example in examples if example for one in ids_in(example.request)}
            self._ids[service] = sorted({*found, ROOT_UNIT} - {""})
        return self._ids[service]

    def _example_or_none(self, method: Method) -> Example | None:
        try:
            return self.example(method)
        except Refused:
            return None


@pytest.fixture(scope="module")
def ground(whole_world: World) -> Ground:
    """Give the honest requests of one world."""
    return Ground(whole_world)


@pytest.mark.place(-1)
@pytest.mark.parametrize("method", all_methods(), ids=lambda method: method.name)
def test_each_rpc_has_an_honest_request(method: Method, ground: Ground) -> None:
    assert isinstance(ground.example(method).request, method.request)


@pytest.fixture(scope="module", params=all_methods(), ids=lambda method: method.name)
def barrage(request: pytest.FixtureRequest, ground: Ground) -> Barrage:
    """Send all hostile requests of one RPC."""
    method: Method = request.param
    ids = ground.ids(host_of(method))
    example = ground.example(method)
    mold = attempt(ground.world, method, example)
    made = [
        (seed, *Mill(example.request, ids, seed=seed).grind())
        for seed in (f"{method.name}:{number}" for number in range(SEEDS))
    ]
    calls = [Attempt(method, mold.service, data, mold.token) for _, _, data in made]
    answers = send_all(ground.world, calls)
    shots = [Shot(*one, answer) for one, answer in zip(made, answers, strict=True)]
    return Barrage(method, mold.service, shots)


def test_nothing_that_is_sent_is_a_bug_of_ours(barrage: Barrage) -> None:
    assert barrage.first(lambda answer: answer.code in OUR_FAULT) == []


def test_a_refusal_tells_nothing_of_the_inside(barrage: Barrage) -> None:
    assert barrage.first(lambda answer: bool(INSIDE.search(answer.message))) == []


def test_a_refusal_has_a_reason_that_the_contract_names(barrage: Barrage) -> None:
    named = barrage.method.reasons | GENERAL

    assert (
        barrage.first(lambda answer: answer.code not in NO_REASON and answer.reason not in named)
        == []
    )


def test_what_was_refused_left_nothing(barrage: Barrage, whole_world: World) -> None:
    outcomes: dict[str, set[str]] = defaultdict(set)
    for shot in barrage.shots:
        outcomes[request_id_of(barrage.method, shot.data)].add(shot.answer.code)
    refused = [one for one, codes in outcomes.items() if UUID.fullmatch(one) and "OK" not in codes]

    done = whole_world.rows(
        barrage.service,
        "SELECT request_id::text FROM audit_entry"
        " WHERE outcome = 'DONE' AND request_id::text = ANY(%(refused)s)",
        refused=refused,
    )

    assert done == []


def test_the_service_goes_on(barrage: Barrage, whole_world: World) -> None:
    assert health(whole_world, barrage.service) == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("service", SERVICES)
def test_a_message_beyond_the_limit_is_not_even_read(service: str, whole_world: World) -> None:
    method = methods_at(service)[0]
    token = whole_world.token(SERVICE_ROLE)
    renew_connection(whole_world, service)

    answer = send(whole_world, Attempt(method, service, TOO_LARGE, token))

    assert answer.code == "RESOURCE_EXHAUSTED", answer
    assert health(whole_world, service) == health_pb2.HealthCheckResponse.SERVING


@pytest.mark.parametrize("service", SERVICES)
def test_a_message_that_swells_when_unpacked_is_refused(service: str, whole_world: World) -> None:
    method = methods_at(service)[0]
    renew_connection(whole_world, service)
    stub = whole_world.channel(service).unary_unary(f"/{method.name}")
    metadata = (("authorization", f"Bearer {whole_world.token(SERVICE_ROLE)}"),)

    with pytest.raises(grpc.RpcError) as refused:
        stub(bytes(BOMB), timeout=CALL_S, metadata=metadata, compression=grpc.Compression.Gzip)

    assert refused.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert health(whole_world, service) == health_pb2.HealthCheckResponse.SERVING


def renew_connection(world: World, service: str) -> None:
    """Let the next call have a new connection: one that comes of age while a large message is on
    its way takes the call with it."""
    world.channel(service)
    world.channels.pop(service).close()


def methods_at(service: str) -> list[Method]:
    """Return the RPCs whose hostile requests one service gets."""
    return [method for method in all_methods() if host_of(method) == service]


def arranged(world: World, method: Method) -> Example | Refused:
    """Return an example; of a read an empty request, from somebody who may send it."""
    if not method.writes:
        people = method.roles - {SERVICE_ROLE}
        role = min(people, default=SERVICE_ROLE if method.roles else "planning")
        return Example(method.request(), role=role, service=host_of(method))
    try:
        return example_of(world, method)
    except Refused as refused:
        return refused


def request_id_of(method: Method, data: bytes) -> str:
    """Return the id that a request carries, or "" when it carries none or cannot be read."""
    try:
        message: Message = method.request.FromString(data)
    except DecodeError:
        return ""
    return str(getattr(message, "request_id", ""))


def health(world: World, service: str) -> int:
    """Ask a service whether it is ready."""
    stub = health_pb2_grpc.HealthStub(world.channel(service))
    return int(stub.Check(health_pb2.HealthCheckRequest(service="ready"), timeout=CALL_S).status)
