"""Posts through a real server: who holds them, what they may approve, and who is next."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest
from google.protobuf.message import Message
from mantle.options.v1 import options_pb2
from mantle.planning.v1 import post_pb2, unit_pb2
from mantle.planning.v1 import post_service_pb2 as posts
from mantle.planning.v1 import unit_service_pb2 as units

from chassis.ids import new_id
from chassis.scope import Caller
from planning.post import usecases
from tests.support import examples_planning as made
from tests.support.examples_planning import cny
from tests.support.planning_world import Office, office
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, Refused
from tests.support.waiting import until

__all__ = ["office"]

MISSING = new_id()
STAFF = Caller(
    "business_support@hq", frozenset({"business_support"}), ROOT_UNIT, "business_support@hq"
)
ROLE = options_pb2
SEED_ROLES = {
    "marketing_vp",
    "market_director",
    "sales_director",
    "product_manager",
    "regional_manager",
    "sales_development",
    "sales_administration",
    "planning",
    "finance",
    "customer_service",
    "channel_manager",
    "production",
    "supply",
    "brand",
    "group_uniform",
    "logistics",
    "supervision",
    "planning_team_manager",
}


def post_on(office: Office, post_id: str, date: str) -> post_pb2.Post:
    request = posts.GetPostRequest(post_id=post_id, date=date)
    found: post_pb2.Post = office.world.call(request, role="planning").post
    return found


def assign(
    office: Office, post_id: str, subject: str, start: str, end: str | None = None
) -> posts.AssignPostResponse:
    request = posts.AssignPostRequest(
        post_id=post_id, subject=subject, start_date=start, end_date=end
    )
    answer: posts.AssignPostResponse = office.world.call(request, role="business_support")
    return answer


def vacate(office: Office, post_id: str, end: str) -> None:
    request = posts.VacatePostRequest(post_id=post_id, end_date=end)
    office.world.call(request, role="business_support")


def refusal(office: Office, request: Message) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        office.world.call(request, role="business_support")
    return refused.value.reason, refused.value.code.name


def who_decides(office: Office, unit_id: str, amount_minor: int) -> posts.FindAuthorityResponse:
    request = posts.FindAuthorityRequest(unit_id=unit_id, amount=cny(amount_minor))
    answer: posts.FindAuthorityResponse = office.world.call(request, role="finance")
    return answer


def report_to(office: Office, manager: str, times: int) -> Iterable[posts.CreatePostResponse]:
    request = made.new_post(ROLE.ROLE_CHANNEL_MANAGER, manager_post_id=manager, name="channel")
    return [office.world.call(request, role="business_support") for _ in range(times)]


@req("R-165")
def test_a_post_is_vacant_then_filled_then_vacant_on_its_days(office: Office) -> None:
    post_id = made.a_post(office.world)
    li, wang = made.a_person(office.world, "li.wei"), made.a_person(office.world, "wang.fang")

    assign(office, post_id, li, "2026-02-01")
    vacate(office, post_id, "2026-05-01")
    assign(office, post_id, wang, "2026-07-01")

    days = ["2026-01-31", "2026-02-01", "2026-04-30", "2026-05-01", "2026-06-30", "2026-07-01"]
    assert [post_on(office, post_id, day).holder for day in days] == ["", li, li, "", "", wang]
    request = posts.ListPostAssignmentsRequest(post_id=post_id)
    held = office.world.call(request, role="planning").assignments
    assert [(one.person.subject, one.start_date, one.end_date) for one in held] == [
        (li, "2026-02-01", "2026-05-01"),
        (wang, "2026-07-01", ""),
    ]


@req("R-165")
def test_a_unit_of_every_kind_has_its_functions_and_its_posts(office: Office) -> None:
    request = units.CreateUnitRequest(
        unit_id="mc",
        name="marketing centre",
        kind=unit_pb2.OrgUnit.KIND_MARKETING_CENTRE,
        parent_unit_id="hq",
        valid_from="2026-01-01",
        functions=["market research", "brand"],
    )

    unit = office.world.call(request, role="business_support").unit
    post_id = made.a_post(office.world, ROLE.ROLE_BRAND, unit_id="mc")

    assert list(unit.functions) == ["market research", "brand"]
    listed = office.world.call(posts.ListPostsRequest(unit_id="mc"), role="planning").posts
    assert [(one.post_id, one.role) for one in listed] == [(post_id, ROLE.ROLE_BRAND)]


@req("R-167")
def test_a_post_shows_its_duties_its_limit_and_its_kpis(office: Office) -> None:
    made.a_unit(office.world, "A1")
    post_id = made.a_filled_post(office.world, unit_id="A1", subject="li.wei")

    post = post_on(office, post_id, "2026-03-02")

    assert list(post.duties) == ["lead the offices", "answer for the region's sales"]
    assert list(post.kpis) == ["sales", "collection rate"]
    assert post.approval_limit == cny(1_000_000)
    assert (post.approves_any, post.holder, post.holder_name) == (False, "li.wei", "Mx li.wei")


@req("R-167")
def test_what_is_above_a_posts_limit_is_escalated_to_the_next(office: Office) -> None:
    made.a_unit(office.world, "A1")
    regional = made.a_filled_post(office.world, unit_id="A1")
    director = made.a_filled_post(office.world, ROLE.ROLE_SALES_DIRECTOR)
    president = made.a_filled_post(office.world, ROLE.ROLE_MARKETING_VP)

    within = who_decides(office, "A1", 1_000_000)
    above = who_decides(office, "A1", 1_000_001)
    far_above = who_decides(office, "A1", 5_000_001)

    assert (within.role, within.post.post_id) == (ROLE.ROLE_REGIONAL_MANAGER, regional)
    assert (above.role, above.post.post_id) == (ROLE.ROLE_SALES_DIRECTOR, director)
    assert [one.post_id for one in above.passed] == [regional]
    assert (far_above.role, far_above.post.post_id) == (ROLE.ROLE_MARKETING_VP, president)
    assert far_above.post.approves_any


@req("R-167")
def test_a_vacant_post_is_passed_over_and_without_any_the_role_is_told(office: Office) -> None:
    made.a_unit(office.world, "A1")
    vacant = made.a_post(office.world, unit_id="A1")

    nobody = who_decides(office, "A1", 100)
    director = made.a_filled_post(office.world, ROLE.ROLE_SALES_DIRECTOR)
    somebody = who_decides(office, "A1", 100)

    assert nobody.role == ROLE.ROLE_REGIONAL_MANAGER
    assert not nobody.HasField("post")
    assert [one.post_id for one in nobody.passed] == [vacant]
    assert (somebody.role, somebody.post.post_id) == (ROLE.ROLE_SALES_DIRECTOR, director)


@req("R-168")
def test_the_thirteenth_direct_report_is_a_warning_that_names_the_manager(office: Office) -> None:
    manager = made.a_filled_post(office.world, subject="wang.fang")

    twelve = report_to(office, manager, 12)
    before = office.world.call(posts.ListSpanWarningsRequest(), role="supervision").warnings
    [thirteenth] = report_to(office, manager, 1)
    after = office.world.call(posts.ListSpanWarningsRequest(), role="supervision").warnings

    assert [one for one in twelve if one.HasField("warning")] == []
    assert list(before) == []
    expected = post_pb2.SpanWarning(
        manager_post_id=manager,
        manager_post_name="regional manager",
        manager="wang.fang",
        manager_name="Mx wang.fang",
        direct_reports=13,
        direct_reports_max=12,
    )
    assert thirteenth.warning == expected
    assert list(after) == [expected]


@req("R-168")
def test_a_post_that_ends_reports_to_nobody(office: Office) -> None:
    manager = made.a_filled_post(office.world)
    reports = list(report_to(office, manager, 13))
    end = posts.AbolishPostRequest(post_id=reports[0].post.post_id, end_date="2026-07-01")

    office.world.call(end, role="business_support")

    assert post_on(office, manager, "2026-06-30").direct_reports == 13
    assert post_on(office, manager, "2026-07-01").direct_reports == 12


@req("R-184")
def test_the_role_catalogue_has_all_roles_with_their_names(office: Office) -> None:
    found, token = [], ""
    while True:
        request = posts.ListRolesRequest(page_size=10, page_token=token)
        reply = office.world.call(request, role="partner")
        found += list(reply.roles)
        token = reply.next_page_token
        if not token:
            break

    assert [one.role for one in found] == [n for n in ROLE.Role.values() if n]
    assert {one.name for one in found[:18]} == SEED_ROLES
    assert [one.name for one in found if not (one.title_en and one.title_zh)] == []
    assert len({one.title_zh for one in found}) == len(found)
    assert (found[2].name, found[2].title_en, found[2].title_zh) == (
        "sales_director",
        "Sales director",
        "销售总监",
    )


def test_a_post_is_refused_with_its_reason(office: Office) -> None:
    filled = made.a_filled_post(office.world, subject="li.wei")
    made.a_person(office.world, "wang.fang")
    manager = made.a_post(office.world)
    list(report_to(office, manager, 1))
    again = posts.AssignPostRequest(post_id=filled, subject="wang.fang", start_date="2026-09-01")
    early = posts.AssignPostRequest(post_id=manager, subject="wang.fang", start_date="2025-12-31")
    nobody = posts.AssignPostRequest(post_id=manager, subject="zhou", start_date="2026-09-01")

    answers = [
        refusal(office, again),
        refusal(office, early),
        refusal(office, nobody),
        refusal(office, posts.VacatePostRequest(post_id=manager, end_date="2026-07-01")),
        refusal(office, posts.VacatePostRequest(post_id=filled, end_date="2026-01-01")),
        refusal(office, posts.AbolishPostRequest(post_id=filled, end_date="2026-07-01")),
        refusal(office, posts.AbolishPostRequest(post_id=manager, end_date="2026-07-01")),
        refusal(office, posts.AbolishPostRequest(post_id=manager, end_date="2026-01-01")),
        refusal(office, posts.GetPostRequest(post_id=MISSING)),
        refusal(office, posts.GetPostRequest(post_id=filled, date="2025-12-31")),
        refusal(office, made.new_post(manager_post_id=MISSING)),
        refusal(office, made.new_post(unit_id="r9")),
        refusal(office, posts.RegisterPersonRequest(subject="li.wei", name="Li Wei", unit_id="hq")),
    ]

    assert answers == [
        ("POST_FILLED", "FAILED_PRECONDITION"),
        ("POST_NOT_FOUND", "NOT_FOUND"),
        ("PERSON_NOT_FOUND", "NOT_FOUND"),
        ("POST_VACANT", "FAILED_PRECONDITION"),
        ("POST_VACANT", "FAILED_PRECONDITION"),
        ("POST_FILLED", "FAILED_PRECONDITION"),
        ("POST_HAS_REPORTS", "FAILED_PRECONDITION"),
        ("PERIOD_INVALID", "INVALID_ARGUMENT"),
        ("POST_NOT_FOUND", "NOT_FOUND"),
        ("POST_NOT_FOUND", "NOT_FOUND"),
        ("POST_NOT_FOUND", "NOT_FOUND"),
        ("UNIT_NOT_FOUND", "NOT_FOUND"),
        ("PERSON_ALREADY_EXISTS", "ALREADY_EXISTS"),
    ]


@req("R-183")
def test_posts_of_another_area_are_neither_listed_nor_read(office: Office) -> None:
    made.a_unit(office.world, "A1")
    made.a_unit(office.world, "A2")
    own = made.a_post(office.world, unit_id="A2")
    other = made.a_post(office.world, unit_id="A1")

    listed = office.world.call(posts.ListPostsRequest(), role="finance", unit_id="A2").posts
    with pytest.raises(Refused) as refused:
        office.world.call(posts.GetPostRequest(post_id=other), role="finance", unit_id="A2")

    assert [one.post_id for one in listed] == [own]
    assert refused.value.reason == "OUT_OF_SCOPE"


@req("R-183")
def test_a_post_reports_to_its_own_unit_or_above_and_not_to_another_area(office: Office) -> None:
    made.a_unit(office.world, "A1")
    made.a_unit(office.world, "A2")
    above = made.a_post(office.world)
    beside = made.a_post(office.world, unit_id="A1")

    def create(manager: str) -> posts.CreatePostResponse:
        request = made.new_post(unit_id="A2", manager_post_id=manager)
        answer: posts.CreatePostResponse = office.world.call(
            request, role="business_support", unit_id="A2"
        )
        return answer

    own = create(above).post.post_id
    below = create(own).post
    with pytest.raises(Refused) as refused:
        create(beside)

    assert below.manager_post_id == own
    assert (refused.value.code.name, refused.value.reason) == ("PERMISSION_DENIED", "OUT_OF_SCOPE")
    assert post_on(office, beside, "2026-07-01").direct_reports == 0


@req("R-168")
def test_of_two_reports_at_once_the_thirteenth_is_warned_of(office: Office) -> None:
    manager = made.a_post(office.world)
    list(report_to(office, manager, 11))
    blocked = """
        SELECT pid FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE NOT granted AND datname = current_database()
    """

    with ThreadPoolExecutor(1) as pool:
        with office.world.services["planning"].database.transaction() as tx:
            usecases.create(
                tx,
                unit_id=ROOT_UNIT,
                name="channel",
                role="channel_manager",
                duties=[],
                kpis=[],
                manager_post_id=manager,
                start=date(2026, 1, 1),
                by=STAFF,
            )
            thirteenth = pool.submit(lambda: list(report_to(office, manager, 1)))
            until(
                lambda: thirteenth.done() or bool(office.world.rows("planning", blocked)),
                "the other report",
            )
        [answer] = thirteenth.result()

    assert answer.warning.direct_reports == 13
