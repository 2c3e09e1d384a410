"""What holds for every RPC because the chassis sees to it: who may call, and once means once.

The calls come from the contracts, so that a new RPC is tested by being there.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from mantle.options.v1 import options_pb2
from mantle.planning.v1 import unit_pb2
from mantle.planning.v1 import unit_service_pb2 as unit_service_pb

from chassis.rpc.methods import Method
from chassis.scope import SERVICE_ROLE
from local.tokens import person_roles
from tests.support.attempts import Answer, Attempt, attempt, send, send_all, send_until_done
from tests.support.bad_tokens import bad_tokens
from tests.support.examples import Example, all_methods, example_of, host_of, writes
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, World, whole_world, with_request_id
from tests.support.variants import other_body

__all__ = ["whole_world"]

TWINS = 50
ELSEWHERE = "elsewhere"
# What belongs to the company and not to a unit: products, touchpoints. Credit is reserved
# by services, whose scope is everything.
WITHOUT_UNIT = {
    "mantle.channels.v1.ProductService",
    "mantle.channels.v1.StockService",
    "mantle.crm.v1.TouchpointService",
}

each_method = pytest.mark.parametrize("method", all_methods(), ids=lambda one: one.name)


@dataclass(frozen=True, slots=True)
class Story:
    """Hold what came back when one write was tried in turn by everybody.

    Shape: first by `stranger`, whose unit is elsewhere (nobody, where nothing has a unit), then by
        `twins` at once, then by `repeat`, the same once more, then by `other`, another content
        under the same id. The effects are those that the audit knows of.
    """

    method: Method
    stranger: Answer | None
    stranger_effects: int
    twins: list[Answer]
    repeat: Answer
    other: Answer
    effects: int


@pytest.fixture(scope="module")
def elsewhere(whole_world: World) -> World:
    """Give the world with a unit that has no say over anybody's."""
    whole_world.call(
        unit_service_pb.CreateUnitRequest(
            unit_id=ELSEWHERE,
            name="Elsewhere",
            kind=unit_pb2.OrgUnit.KIND_REGION,
            parent_unit_id=ROOT_UNIT,
            valid_from="2026-03-01",
        )
    )
    whole_world.settle()
    return whole_world


@pytest.fixture(scope="module", params=writes(), ids=lambda method: method.name)
def story(request: pytest.FixtureRequest, elsewhere: World) -> Story:
    """Try one write in all ways, in the one order in which each way can be seen."""
    method: Method = request.param
    example = example_of(elsewhere, method)
    own = attempt(elsewhere, method, example)
    foreign = attempt(elsewhere, method, stranger(method, example))
    other = other_body(method.request.FromString(own.data))
    return Story(
        method,
        stranger=send(elsewhere, foreign) if has_unit(method) else None,
        stranger_effects=effects(elsewhere, foreign),
        twins=send_until_done(elsewhere, own, times=TWINS),
        repeat=send(elsewhere, own),
        other=send(elsewhere, Attempt(method, own.service, other, own.token)),
        effects=effects(elsewhere, own),
    )


def test_a_write_works(story: Story) -> None:
    assert [str(answer) for answer in story.twins if answer.code != "OK"] == []


@req("R-313")
def test_twins_at_once_have_one_effect_and_one_reply(story: Story) -> None:
    assert len({answer.reply for answer in story.twins}) == 1
    assert story.effects == 1


def test_a_repeat_gets_the_first_reply_byte_for_byte(story: Story) -> None:
    assert story.repeat == story.twins[0]


def test_another_content_under_the_same_id_is_refused(story: Story) -> None:
    assert (story.other.code, story.other.reason) == ("FAILED_PRECONDITION", "REQUEST_ID_REUSED")


@req("R-183")
def test_who_belongs_elsewhere_is_refused_and_leaves_nothing(story: Story) -> None:
    if story.stranger is not None:
        assert story.stranger.code in ("PERMISSION_DENIED", "NOT_FOUND"), str(story.stranger)
        assert story.stranger_effects == 0


@pytest.mark.parametrize("method", writes(), ids=lambda method: method.name)
@req("R-183")
def test_a_write_is_in_somebodys_scope(method: Method) -> None:
    """A write that cannot be out of scope is one of the few that touch what nobody owns."""
    assert ("OUT_OF_SCOPE" in method.reasons) == has_unit(method)


@each_method
@req("R-313")
def test_who_is_not_known_is_refused(
    method: Method, whole_world: World, credentials: dict[str, str | None]
) -> None:
    calls = [Attempt(method, host_of(method), b"", token) for token in credentials.values()]

    answers = list(send_all(whole_world, calls))

    assert {
        kind: str(answer)
        for kind, answer in zip(credentials, answers, strict=True)
        if (answer.code, answer.reason) != ("UNAUTHENTICATED", "UNAUTHENTICATED")
    } == {}


@each_method
@req("R-184", "R-313")
def test_a_role_that_the_contract_does_not_name_is_refused(
    method: Method, whole_world: World, tokens: dict[str, str]
) -> None:
    """The role is looked at before the request, so an empty one will do."""
    shut_out = sorted(set(tokens) - method.roles) if method.roles else []
    calls = [Attempt(method, host_of(method), b"", tokens[role]) for role in shut_out]

    answers = list(send_all(whole_world, calls))

    assert {
        role: str(answer)
        for role, answer in zip(shut_out, answers, strict=True)
        if (answer.code, answer.reason) != ("PERMISSION_DENIED", "ROLE_FORBIDS")
    } == {}


@each_method
def test_a_role_that_the_contract_names_gets_past_the_door(
    method: Method, whole_world: World, tokens: dict[str, str]
) -> None:
    """What the contract allows must not be forbidden by a slip of the server."""
    let_in = sorted(method.roles or tokens)
    # Two wrong bytes are refused behind the door and before the servicer.
    calls = [Attempt(method, host_of(method), b"\xff\xff", tokens[role]) for role in let_in]

    answers = list(send_all(whole_world, calls))

    assert {
        role: str(answer)
        for role, answer in zip(let_in, answers, strict=True)
        if answer.code != "INVALID_ARGUMENT"
    } == {}


def test_every_role_of_the_contract_was_tried(tokens: dict[str, str]) -> None:
    names = {value.name for value in options_pb2.DESCRIPTOR.enum_types_by_name["Role"].values}

    assert {f"ROLE_{role.upper()}" for role in tokens} == names - {"ROLE_UNSPECIFIED"}


@pytest.fixture(scope="module")
def credentials(whole_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[object]:
    """Give a credential of each kind that proves nothing."""
    directory: Path = tmp_path_factory.mktemp("stranger")
    yield bad_tokens(whole_world.issuer, directory)


@pytest.fixture(scope="module")
def tokens(whole_world: World) -> dict[str, str]:
    """Give a good token of each role."""
    return {role: whole_world.token(role) for role in (*person_roles(), SERVICE_ROLE)}


def stranger(method: Method, example: Example) -> Example:
    """Return the example as somebody sends it who has the role in another unit."""
    role = example.role
    if role == SERVICE_ROLE:
        role = min(method.roles - {SERVICE_ROLE}, default=SERVICE_ROLE)
    request = type(example.request)()
    request.CopyFrom(example.request)
    if "request_id" in request.DESCRIPTOR.fields_by_name:
        request.ClearField("request_id")
    return Example(with_request_id(request), role=role, unit_id=ELSEWHERE, service=example.service)


def has_unit(method: Method) -> bool:
    """Tell whether what the write touches belongs to a unit."""
    return method.name.split("/")[0] not in WITHOUT_UNIT and method.roles != {SERVICE_ROLE}


def effects(world: World, one: Attempt) -> int:
    """Count what the audit knows to be done under the request's id."""
    request = one.method.request.FromString(one.data)
    [(count,)] = world.rows(
        one.service,
        "SELECT count(*) FROM audit_entry WHERE request_id = %(request_id)s AND outcome = 'DONE'",
        request_id=request.request_id,  # type: ignore[attr-defined]
    )
    return int(count)
