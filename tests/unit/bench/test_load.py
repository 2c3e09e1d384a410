"""The benches' client against a real server: its statuses, its bytes and its pace."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest

from tests.bench.load import Client, NotServed, over


def answered(request: bytes, context: grpc.ServicerContext) -> bytes:
    if request == b"refuse":
        context.set_code(grpc.StatusCode.RESOURCE_EXHAUSTED)
    return request * 2


@pytest.fixture
def address() -> Iterator[str]:
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    handlers: Any = {"Double": grpc.unary_unary_rpc_method_handler(answered)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}"
    server.stop(0).wait()


@pytest.fixture
def clients(address: str) -> Iterator[Any]:
    made: list[Client] = []

    def client(*messages: bytes, token: str = "", keep: bool = False) -> Client:
        made.append(Client(address, "a.B/Double", over(messages), token=token, keep=keep))
        return made[-1]

    yield client
    for one in made:
        one.close()


def test_a_reply_comes_back_as_it_was_sent(clients: Any) -> None:
    assert clients(b"abc").one() == b"abcabc"


def test_a_long_token_and_a_reply_of_many_frames_are_no_trouble(clients: Any) -> None:
    client = clients(b"x" * 30_000, token="t" * 700)

    sample = client.closed(in_flight=4, calls=40)

    assert (sample.done, sample.failed) == (40, 0)
    assert client.one() == b"x" * 60_000


def test_so_many_calls_as_asked_are_sent_and_all_are_answered(clients: Any) -> None:
    sample = clients(b"a", b"b", keep=True).closed(in_flight=3, calls=7)

    assert sample.done == 7
    assert len(sample.latencies_s) == 7
    assert sorted(sample.replies) == [b"aa"] * 4 + [b"bb"] * 3


def test_a_refusal_is_counted_by_its_status_number(clients: Any) -> None:
    sample = clients(b"refuse", b"a").closed(in_flight=2, calls=10)

    assert dict(sample.codes) == {0: 5, grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]: 5}
    with pytest.raises(NotServed):
        sample.require_served()


def test_an_open_loop_sends_at_its_rate_and_counts_every_call(clients: Any) -> None:
    sample = clients(b"a").open(rate=200, seconds=0.3)

    assert sample.done == 60
    assert sample.seconds >= 0.29
