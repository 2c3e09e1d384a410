"""Sending many calls at once and looking at all their answers, refusals included."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import grpc

from chassis.rpc.methods import Method
from chassis.rpc.status import read_details
from tests.support.examples import Example, host_of
from tests.support.server import CALL_S, World, with_request_id

# What a caller may simply send again: nothing was done, or the same id finds what was.
REPEATABLE = {"RESOURCE_EXHAUSTED", "UNAVAILABLE"}
REPEATS_MAX = 200


@dataclass(frozen=True, slots=True)
class Attempt:
    """Hold one call to be made: bytes for an RPC of a service, with a token or without."""

    method: Method
    service: str
    data: bytes
    token: str | None


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what came back; `code` is OK or the status' name, `reply` the bytes of an OK."""

    code: str
    reason: str = ""
    message: str = ""
    reply: bytes = b""

    def __str__(self) -> str:
        """Say code and reason, and the server's sentence."""
        return f"{self.code} {self.reason}: {self.message}"


def attempt(world: World, method: Method, example: Example) -> Attempt:
    """Return the call that sends an example as whom it was made for."""
    token = world.token(example.role, unit_id=example.unit_id, subject=example.subject)
    data = with_request_id(example.request).SerializeToString(deterministic=True)
    return Attempt(method, example.service or host_of(method), data, token)


def send(world: World, one: Attempt) -> Answer:
    """Make one call."""
    [answer] = send_all(world, [one])
    return answer


def send_all(world: World, attempts: Iterable[Attempt], *, in_flight: int = 12) -> Iterator[Answer]:
    """Make calls, some at once, and give their answers in the order of the calls."""
    flying: deque[Any] = deque()
    for one in attempts:
        if len(flying) >= in_flight:
            yield _answer(flying.popleft())
        flying.append(_launched(world, one))
    while flying:
        yield _answer(flying.popleft())


def send_until_done(world: World, one: Attempt, *, times: int) -> list[Answer]:
    """Make the same call many times at once, and those again that the service had no place for."""
    done: list[Answer] = []
    for _ in range(REPEATS_MAX):
        left = times - len(done)
        answers = list(send_all(world, [one] * left, in_flight=left))
        done += [answer for answer in answers if answer.code not in REPEATABLE]
        if len(done) == times:
            return done
    raise AssertionError(f"{one.method.name} still had no place: {answers[-1]}")


def _launched(world: World, one: Attempt) -> Any:
    stub: grpc.UnaryUnaryMultiCallable[bytes, bytes] = world.channel(one.service).unary_unary(
        f"/{one.method.name}"
    )
    metadata = () if one.token is None else (("authorization", f"Bearer {one.token}"),)
    return stub.future(one.data, timeout=CALL_S, metadata=metadata, wait_for_ready=True)


def _answer(call: Any) -> Answer:
    error: grpc.RpcError | None = call.exception()
    if error is None:
        return Answer("OK", reply=bytes(call.result()))
    reason, _ = read_details(call.trailing_metadata())
    return Answer(call.code().name, reason, call.details() or "")
