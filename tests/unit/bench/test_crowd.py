"""The benches' crowd against a real server: what it keeps back, sends again and gives up."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from math import inf
from typing import Any

import grpc
import pytest

from chassis.errors import Overloaded
from chassis.rpc.status import DETAILS_KEY, refusal
from tests.bench.cases.overload import recovery_s
from tests.bench.crowd import (
    DEADLINE_EXCEEDED,
    KEPT_BACK,
    OK,
    RESOURCE_EXHAUSTED,
    Crowd,
    Load,
    Manner,
    Want,
)
from tests.bench.load import STALL_S, over
from tests.support.waiting import until

REFUSAL = refusal(Overloaded("x" * 200))
# Beyond any pause of the machine, and short where the deadline itself is tried.
LONG_S, SHORT_S = 60.0, 0.15


def answered(request: bytes, context: grpc.ServicerContext) -> bytes:
    if request == b"refuse":
        context.set_code(REFUSAL.code)
        context.set_trailing_metadata(((DETAILS_KEY, REFUSAL.details),))
    if request == b"outlive":
        until(lambda: not context.is_active(), "the caller gives up")
    return b""


@pytest.fixture
def crowds() -> Iterator[Any]:
    server = grpc.server(ThreadPoolExecutor(4), options=[("grpc.so_reuseport", 0)])
    handlers: Any = {"Act": grpc.unary_unary_rpc_method_handler(answered)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("a.B", handlers),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    made: list[Crowd] = []

    def crowd(manner: Manner, *messages: bytes) -> Crowd:
        address = f"127.0.0.1:{port}"
        made.append(Crowd(address, "a.B/Act", over(messages), token="", manner=manner))
        return made[-1]

    yield crowd
    for one in made:
        one.close()
    server.stop(0).wait()


def unanswered(crowd: Crowd, load: Load, *, count: int) -> list[Want]:
    """Offer a load that nobody answers, again while fewer than so many calls of it were sent: a
    pause of the machine may last longer than a short deadline."""
    wants: list[Want] = []

    def sent() -> bool:
        wants[:] = crowd.offer([load])
        return sum(want.unsure for want in wants) >= count

    until(sent, f"{count} calls to be sent before their deadline")
    return wants


def test_every_call_of_an_open_loop_is_answered(crowds: Any) -> None:
    crowd = crowds(Manner(throttled=False, deadline_s=LONG_S), b"a")

    wants = crowd.offer([Load(200, 0.2), Load(100, 0.2)])

    assert [want.code for want in wants] == [OK] * 60
    assert wants[-1].due_s - wants[0].due_s == pytest.approx(0.39)


def test_a_refusal_is_read_with_its_reason_and_sent_again(crowds: Any) -> None:
    manner = Manner(throttled=False, deadline_s=LONG_S, tries=3, pause_s=0.02)

    [want] = crowds(manner, b"refuse").offer([Load(100, 0.01)])

    assert (want.code, want.reason) == (RESOURCE_EXHAUSTED, "OVERLOADED")
    assert (want.tries, want.refusals, want.unsure) == (3, 3, False)


def test_a_throttled_crowd_keeps_back_most_of_what_would_be_refused(crowds: Any) -> None:
    crowd = crowds(Manner(throttled=True, processes=1, deadline_s=LONG_S), b"refuse")
    # What falls due in a pause of the machine is sent before anybody was refused.
    crowd.offer([Load(500, 0.1)])

    wants = crowd.offer([Load(500, 0.4)])

    kept = [want for want in wants if want.code == KEPT_BACK]
    assert len(kept) > len(wants) / 2
    assert all(want.tries == 0 for want in kept)


def test_a_call_without_an_answer_is_given_up_at_its_deadline_and_unsure(crowds: Any) -> None:
    crowd = crowds(Manner(throttled=False, deadline_s=SHORT_S), b"outlive")

    [want] = unanswered(crowd, Load(100, 0.01), count=1)

    assert (want.code, want.unsure) == (DEADLINE_EXCEEDED, True)
    assert want.end_s - want.due_s < STALL_S / 2


def test_no_more_calls_are_under_way_than_the_crowd_has_hands(crowds: Any) -> None:
    crowd = crowds(Manner(throttled=False, deadline_s=SHORT_S, in_flight_max=2), b"outlive")

    wants = unanswered(crowd, Load(10_000, 0.001), count=2)

    assert sum(want.unsure for want in wants) == 2
    assert {want.code for want in wants} == {DEADLINE_EXCEEDED}


def calls(*windows: str) -> list[Want]:
    """Return forty calls a window: `.` are quick, `-` slow, `x` refused."""
    wants = []
    for place, kind in enumerate("".join(windows)):
        for number in range(40):
            due_s = place * 0.25 + number * 0.005
            took_s = 0.5 if kind == "-" else 0.01
            code = RESOURCE_EXHAUSTED if kind == "x" and number % 20 == 0 else OK
            wants.append(Want(due_s, 0, code=code, tried_s=due_s, end_s=due_s + took_s))
    return wants


@pytest.mark.parametrize(
    ("after", "seconds"),
    [("....", 0.0), ("--..", 0.5), ("xx..", 0.5), ("-.-..", 0.75), ("----", inf), ("---.", inf)],
)
def test_recovery_ends_when_two_quarters_of_a_second_are_as_good_as_the_calm(
    after: str, seconds: float
) -> None:
    assert recovery_s(calls("...."), calls(after)) == seconds
