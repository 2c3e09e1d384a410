"""One write through every wall of the chassis: once, refused in clear words, applied elsewhere."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
import psycopg
import pytest
from google.protobuf.message import Message
from mantle.events.v1 import event_log_service_pb2 as log_pb
from mantle.policy.v1 import policy_service_pb2 as pb

from chassis.ids import new_id
from chassis.rpc.methods import method_of
from tests.support.bad_tokens import bad_tokens
from tests.support.mechanisms import approve, create, draft, walls
from tests.support.requirements import req
from tests.support.server import Refused, World, libpq, with_request_id
from tests.support.waiting import until

__all__ = ["walls"]

CREATE = method_of(pb.CreatePolicyRequest)
TWINS = 50


def send(walls: World, data: bytes, *, role: str = "finance", timeout_s: float = 20.0) -> bytes:
    return walls.call_raw(
        CREATE, data, token=walls.token(role), service="planning", timeout_s=timeout_s
    )


def policies(walls: World) -> int:
    [(count,)] = walls.rows("planning", "SELECT count(*) FROM policy")
    return int(count)


def test_a_repeat_gets_the_first_reply_byte_for_byte(walls: World) -> None:
    request = with_request_id(draft()).SerializeToString()

    first = send(walls, request)
    second = send(walls, request)

    assert first == second
    assert policies(walls) == 1


def test_another_body_under_the_same_id_is_refused_and_leaves_nothing(walls: World) -> None:
    request = with_request_id(draft())
    send(walls, request.SerializeToString())
    request.summary = "another"

    with pytest.raises(Refused) as refused:
        send(walls, request.SerializeToString())

    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "REQUEST_ID_REUSED",
    )
    assert policies(walls) == 1


def test_fifty_twins_have_one_effect_and_one_reply(walls: World) -> None:
    request = with_request_id(draft()).SerializeToString()
    barrier = threading.Barrier(TWINS)

    def twin() -> bytes:
        barrier.wait(timeout=20)
        while True:
            try:
                return send(walls, request)
            except Refused as refused:
                assert refused.code is grpc.StatusCode.RESOURCE_EXHAUSTED

    with ThreadPoolExecutor(TWINS) as pool:
        replies = {future.result() for future in [pool.submit(twin) for _ in range(TWINS)]}

    assert len(replies) == 1
    assert policies(walls) == 1


@req("R-313")
def test_who_is_not_known_is_refused(walls: World, tmp_path: Path) -> None:
    answers = {
        kind: answer_to(walls, token)
        for kind, token in bad_tokens(walls.issuer, tmp_path / "stranger").items()
    }

    refused = (grpc.StatusCode.UNAUTHENTICATED, "UNAUTHENTICATED")
    assert answers == dict.fromkeys(answers, refused)
    assert policies(walls) == 0


def answer_to(walls: World, token: str | None) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(Refused) as refused:
        walls.call_raw(
            CREATE, with_request_id(draft()).SerializeToString(), token=token, service="planning"
        )
    return refused.value.code, refused.value.reason


@req("R-313")
def test_a_wrong_role_is_refused_and_written_down(walls: World) -> None:
    with pytest.raises(Refused) as refused:
        send(walls, with_request_id(draft()).SerializeToString(), role="partner")

    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "ROLE_FORBIDS",
    )
    assert walls.rows("planning", "SELECT subject, method, outcome FROM audit_entry") == [
        ("partner@hq", "CreatePolicy", "ROLE_FORBIDS")
    ]


@pytest.mark.parametrize(
    "data",
    [
        b"\xff" * 40,
        b"\x0a\x05\xff\xfe\xfd\xfc\xfb",
        draft().SerializeToString()[:-3],
    ],
    ids=["random", "bad UTF-8", "truncated"],
)
def test_garbage_is_the_callers_mistake(walls: World, data: bytes) -> None:
    with pytest.raises(Refused) as refused:
        send(walls, data)

    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.reason == "REQUEST_INVALID"


def test_all_violations_come_at_once(walls: World) -> None:
    request = draft()
    request.kind = "NOT A KIND"
    request.start_date = "tomorrow"
    request.request_id = "no uuid"

    with pytest.raises(Refused) as refused:
        send(walls, request.SerializeToString())

    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT


def test_too_little_time_is_refused_before_anything_begins(walls: World) -> None:
    with pytest.raises(Refused) as refused:
        send(walls, with_request_id(draft()).SerializeToString(), timeout_s=0.09)

    assert refused.value.code is grpc.StatusCode.DEADLINE_EXCEEDED
    assert policies(walls) == 0


def test_a_fact_is_applied_in_the_other_service_in_one_trace(walls: World) -> None:
    policy_id = create(walls).policy_id

    approve(walls, policy_id)
    walls.settle()

    assert walls.rows("channels", "SELECT policy_id::text FROM policy_copy") == [(policy_id,)]
    asked, applied = "mantle.policy.v1.PolicyService/ApprovePolicy", "apply PolicyApproved"
    until(lambda: any({asked, applied} <= one for one in names_by_trace(walls)), "one trace")
    assert sum(applied in one for one in names_by_trace(walls)) == 1


def names_by_trace(walls: World) -> list[set[str]]:
    """Return the span names of each trace of all services."""
    traces: dict[str, set[str]] = {}
    for span in walls.spans():
        traces.setdefault(span["traceId"], set()).add(span["name"])
    return list(traces.values())


def test_what_cannot_be_applied_blocks_its_key_alone_and_can_be_replayed(walls: World) -> None:
    place_units(walls)
    poisoned, healthy = create(walls, "area:a"), create(walls, "area:b")
    with psycopg.connect(libpq(walls.database("channels").owner_url)) as db:
        db.execute(
            "ALTER TABLE policy_copy ADD CONSTRAINT poison CHECK (scope <> 'area:a') NOT VALID"
        )

    approve(walls, poisoned.policy_id)
    approve(walls, healthy.policy_id)
    walls.settle()

    assert walls.rows("channels", "SELECT scope FROM policy_copy") == [("area:b",)]
    [parked] = walls.call(
        log_pb.ListParkedEventsRequest(), role="business_support", service="channels"
    ).parked_events
    assert parked.reason == "INTERNAL"

    with psycopg.connect(libpq(walls.database("channels").owner_url)) as db:
        db.execute("ALTER TABLE policy_copy DROP CONSTRAINT poison")
    replayed = walls.call(
        log_pb.ReplayParkedEventRequest(event_id=parked.event.event_id),
        role="business_support",
        service="channels",
    )

    assert (replayed.applied, replayed.reason) == (1, "")
    assert len(walls.rows("channels", "SELECT scope FROM policy_copy")) == 2


def place_units(walls: World) -> None:
    """Let the reader know the root and a unit below it."""
    with psycopg.connect(libpq(walls.database("channels").owner_url)) as db:
        db.execute(
            "INSERT INTO org_unit_copy (unit_id, path, version, record_time)"
            " VALUES ('hq', 'hq/', 1, now()), ('east', 'hq/east/', 1, now())"
        )


@pytest.mark.parametrize("unit_id", ["east", "nowhere"])
@pytest.mark.parametrize(
    "request_",
    [log_pb.ListParkedEventsRequest(), log_pb.ReplayParkedEventRequest(event_id=new_id())],
)
def test_parked_events_are_for_the_root_alone(
    walls: World, request_: Message, unit_id: str
) -> None:
    """A parked event has no unit, and its payload may be about any."""
    place_units(walls)

    with pytest.raises(Refused) as refused:
        walls.call(request_, role="business_support", unit_id=unit_id, service="channels")

    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "OUT_OF_SCOPE",
    )


def test_a_service_may_list_parked_events(walls: World) -> None:
    found = walls.call(log_pb.ListParkedEventsRequest(), role="service", service="channels")

    assert list(found.parked_events) == []


def test_a_position_of_another_log_is_refused(walls: World) -> None:
    with pytest.raises(Refused) as refused:
        walls.call(log_pb.ReadEventsRequest(log_epoch=new_id()), role="service", service="planning")

    assert refused.value.reason == "LOG_EPOCH_CHANGED"


def test_a_writer_that_stays_open_delays_nobody_and_is_not_lost(walls: World) -> None:
    """An identity is taken long before its commit; the late row gets a later position."""
    insert = (
        "INSERT INTO event (event_id, type, ordering_key, partition, keep, occur_time, actor,"
        " traceparent, payload)"
        " VALUES (gen_random_uuid(), 'late', 'k', 1, 'touch', now(), '', '', '')"
    )
    with psycopg.connect(libpq(walls.database("planning").owner_url)) as late:
        late.execute(insert)
        approve(walls, create(walls).policy_id)
        walls_see = "SELECT type FROM event JOIN event_position USING (id) ORDER BY position"
        until(lambda: len(walls.rows("planning", walls_see)) == 1, "the quick fact is numbered")
        late.commit()
        until(lambda: len(walls.rows("planning", walls_see)) == 2, "the late fact is numbered")

    assert walls.rows("planning", walls_see)[-1] == ("late",)


def test_positions_are_gapless_under_many_writers(walls: World) -> None:
    ids = [create(walls, f"area:u{number}").policy_id for number in range(12)]
    act: Callable[[str], None] = lambda policy_id: approve(walls, policy_id)  # noqa: E731

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(act, ids))
    walls.settle()

    positions = walls.rows("planning", "SELECT position FROM event_position ORDER BY position")
    assert [row[0] for row in positions] == list(range(1, len(ids) + 1))
    assert walls.rows("channels", "SELECT count(*) FROM policy_copy") == [(len(ids),)]
