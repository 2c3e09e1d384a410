"""Campaigns through a real server: the closed loop, its signatures, its budget, its results."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from google.protobuf.message import Message
from mantle.crm.v1 import offer_pb2
from mantle.planning.v1 import campaign_pb2, events_pb2
from mantle.planning.v1 import campaign_service_pb2 as campaigns
from mantle.policy.v1 import policy_pb2

from chassis.ids import new_id
from tests.support import examples_planning as made
from tests.support.examples_planning import BUDGET_MINOR, SIGNATORIES, TEAM, cny
from tests.support.planning_world import Office, office
from tests.support.requirements import req
from tests.support.server import Refused

__all__ = ["office"]

STATE = campaign_pb2.Campaign
PART = campaign_pb2
MISSING = new_id()


def state_of(office: Office, campaign_id: str) -> str:
    reply = office.world.call(campaigns.GetCampaignRequest(campaign_id=campaign_id), role=TEAM)
    return STATE.State.Name(reply.campaign.state).removeprefix("STATE_")


def trace_of(office: Office, campaign_id: str) -> str:
    reply = office.world.call(campaigns.GetCampaignRequest(campaign_id=campaign_id), role=TEAM)
    return str(reply.campaign.traceparent)


def do(office: Office, request: type[Message], campaign_id: str, **fields: str) -> str:
    """Send one of the simple moves and return the state after it."""
    office.world.call(request(campaign_id=campaign_id, **fields), role=TEAM)
    return state_of(office, campaign_id)


def refusal(office: Office, request: Message, *, role: str = TEAM) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        office.world.call(request, role=role)
    return refused.value.reason, refused.value.code.name


@req("R-267")
def test_a_campaign_goes_through_its_five_stages_and_teaches_the_next(office: Office) -> None:
    office.sell("P1")
    line_id = made.a_line(office.world, BUDGET_MINOR)
    plan = made.a_plan(office.world, offers=[made.an_offer("P1")])

    campaign_id = made.a_live_campaign(office.world, plan, line_id=line_id)
    states = [
        state_of(office, campaign_id),
        do(office, campaigns.PauseCampaignRequest, campaign_id),
        do(office, campaigns.ResumeCampaignRequest, campaign_id),
        do(office, campaigns.EndCampaignRequest, campaign_id),
        do(office, campaigns.EvaluateCampaignRequest, campaign_id),
        do(office, campaigns.CloseCampaignRequest, campaign_id, lesson="call earlier"),
    ]

    form = office.world.call(
        campaigns.GetPlanningFormRequest(unit_id="hq", segment="family"), role=TEAM
    )
    timeline = office.world.call(
        campaigns.GetCampaignTimelineRequest(campaign_id=campaign_id), role=TEAM
    )
    assert states == ["EXECUTING", "PAUSED", "EXECUTING", "ENDED", "EVALUATED", "CLOSED"]
    assert [one.lesson for one in form.lessons] == ["call earlier"]
    assert [one.budget_line_id for one in form.budget_lines] == [line_id]
    assert list(form.product_ids) == ["P1"]
    assert [stage.kind for stage in timeline.stages] == [1, 2, 3, 4, 5]
    assert all(stage.HasField("end_time") for stage in timeline.stages)
    assert timeline.traceparent.startswith("00-")
    assert timeline.traceparent == trace_of(office, campaign_id)


@req("R-267")
def test_nothing_is_executed_before_it_is_approved(office: Office) -> None:
    campaign_id = made.a_submitted_campaign(office.world)

    answer = refusal(office, campaigns.StartCampaignRequest(campaign_id=campaign_id))

    assert answer == ("STEP_NOT_OPEN", "FAILED_PRECONDITION")
    assert office.facts(events_pb2.CampaignStarted) == []


@req("R-268")
@pytest.mark.parametrize("missing", SIGNATORIES)
def test_four_of_five_signatures_are_not_enough(office: Office, missing: int) -> None:
    campaign_id = made.a_submitted_campaign(office.world)
    made.signed(office.world, campaign_id, [part for part in SIGNATORIES if part != missing])

    decision = made.the_decision(campaign_id, agree=True)
    early = refusal(office, decision, role="office_meeting")
    start = refusal(office, campaigns.StartCampaignRequest(campaign_id=campaign_id))

    assert early == start == ("STEP_NOT_OPEN", "FAILED_PRECONDITION")


@req("R-268")
def test_five_signatures_by_five_roles_approve_a_campaign(office: Office) -> None:
    campaign_id = made.a_submitted_campaign(office.world)
    made.signed(office.world, campaign_id, list(reversed(SIGNATORIES)))

    office.world.call(made.the_decision(campaign_id, agree=True), role="office_meeting")

    timeline = office.world.call(
        campaigns.GetCampaignTimelineRequest(campaign_id=campaign_id), role=TEAM
    )
    assert state_of(office, campaign_id) == "APPROVED"
    assert [one.signed_by for one in timeline.sign_offs] == [
        "planning_team_manager@hq",
        "market_director@hq",
        "customer_service@hq",
        "business_support@hq",
        "office_meeting@hq",
    ]
    assert len(office.facts(events_pb2.CampaignApproved)) == 1


@req("R-268")
def test_all_who_sign_at_the_same_moment_count(office: Office) -> None:
    campaign_id = made.a_submitted_campaign(office.world)
    barrier = threading.Barrier(len(SIGNATORIES))

    def sign(part: int) -> None:
        barrier.wait(timeout=10)
        made.signed(office.world, campaign_id, [part])

    with ThreadPoolExecutor(len(SIGNATORIES)) as pool:
        list(pool.map(sign, SIGNATORIES))

    office.world.call(made.the_decision(campaign_id, agree=True), role="office_meeting")
    assert state_of(office, campaign_id) == "APPROVED"


@req("R-110")
def test_two_campaigns_at_once_cannot_take_the_same_money(office: Office) -> None:
    line_id = made.a_line(office.world, 1_500)
    plan = made.a_plan(office.world, budget_minor=1_000)
    requests = [
        made.the_parts(office.world, made.a_campaign(office.world, plan), line_id) for _ in range(2)
    ]
    barrier = threading.Barrier(2)

    def allocate(request: Message) -> str:
        barrier.wait(timeout=10)
        try:
            office.world.call(request, role=TEAM)
        except Refused as refused:
            return refused.reason
        return "OK"

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(allocate, requests))

    assert sorted(answers) == ["BUDGET_INSUFFICIENT", "OK"]
    assert made.line_of(office.world, line_id).available == cny(500)


@req("R-268")
def test_a_part_is_signed_by_its_own_role_and_once(office: Office) -> None:
    campaign_id = made.a_submitted_campaign(office.world)
    request = campaigns.SignCampaignRequest(
        campaign_id=campaign_id, part=PART.CAMPAIGN_PART_WORDING
    )

    other = refusal(office, request, role="market_director")
    office.world.call(request, role="customer_service")
    again = refusal(office, request, role="customer_service")

    assert other == ("STEP_ROLE_FORBIDS", "PERMISSION_DENIED")
    assert again == ("STEP_NOT_OPEN", "FAILED_PRECONDITION")


def test_a_disagreement_reopens_the_planning_and_gives_the_budget_back(office: Office) -> None:
    line_id = made.a_line(office.world, BUDGET_MINOR)
    campaign_id = made.a_signed_campaign(office.world, line_id=line_id)

    office.world.call(made.the_decision(campaign_id, agree=False), role="office_meeting")
    refused = office.world.call(campaigns.GetCampaignRequest(campaign_id=campaign_id), role=TEAM)
    available = made.line_of(office.world, line_id).available
    revise = campaigns.ReviseCampaignRequest(
        campaign_id=campaign_id, plan=made.a_plan(office.world, budget_minor=900)
    )
    office.world.call(revise, role=TEAM)
    office.world.call(revise, role=TEAM)
    office.world.call(made.the_parts(office.world, campaign_id, line_id), role=TEAM)
    office.world.call(campaigns.SubmitCampaignRequest(campaign_id=campaign_id), role=TEAM)
    made.signed(office.world, campaign_id, list(SIGNATORIES))
    office.world.call(made.the_decision(campaign_id, agree=True), role="office_meeting")

    approved = office.world.call(campaigns.GetCampaignRequest(campaign_id=campaign_id), role=TEAM)
    assert refused.campaign.state == STATE.STATE_PLANNING
    assert refused.campaign.reason == "too dear"
    assert list(refused.campaign.allocations) == []
    assert available == cny(BUDGET_MINOR)
    assert approved.campaign.state == STATE.STATE_APPROVED
    assert approved.campaign.reason == ""
    assert made.line_of(office.world, line_id).reserved == cny(900)


def test_a_budget_is_reserved_on_all_lines_or_on_none(office: Office) -> None:
    rich, poor = made.a_line(office.world, 1_000), made.a_line(office.world, 100)
    campaign_id = made.a_campaign(office.world, made.a_plan(office.world, budget_minor=1_000))

    def parts(*amounts: tuple[str, int]) -> campaigns.AllocateResourcesRequest:
        return campaigns.AllocateResourcesRequest(
            campaign_id=campaign_id,
            lines=[
                campaigns.AllocationLine(
                    budget_line_id=line_id, unit_id="hq", amount=cny(amount_minor)
                )
                for line_id, amount_minor in amounts
            ],
        )

    short = refusal(office, parts((rich, 899), (poor, 101)))
    wrong = refusal(office, parts((rich, 899), (poor, 100)))
    untouched = made.line_of(office.world, rich).reserved
    reply = office.world.call(parts((rich, 900), (poor, 100)), role=TEAM)

    assert short == ("BUDGET_INSUFFICIENT", "FAILED_PRECONDITION")
    assert wrong == ("ALLOCATION_SUM_DIFFERS", "FAILED_PRECONDITION")
    assert untouched == cny(0)
    assert reply.campaign.state == STATE.STATE_ALLOCATED
    assert {one.budget_line_id: one.amount.amount_minor for one in reply.campaign.allocations} == {
        rich: 900,
        poor: 100,
    }


@req("R-114", "R-277")
def test_the_return_on_investment_is_exact(office: Office) -> None:
    line_id = made.a_line(office.world, BUDGET_MINOR)
    campaign_id = made.a_live_campaign(office.world, line_id=line_id)
    office.post(campaign_id, revenue_minor=35_000_000)
    office.post(campaign_id, cost_minor=10_000_000)
    do(office, campaigns.EndCampaignRequest, campaign_id)

    office.world.call(campaigns.EvaluateCampaignRequest(campaign_id=campaign_id), role=TEAM)

    [fact] = office.facts(events_pb2.CampaignEvaluated)
    result = fact.campaign.result
    assert result.margin == cny(21_000_000)
    assert result.roi_percent == "110.0"
    assert result.cost_uncovered == cny(0)
    assert made.line_of(office.world, line_id).spent == cny(10_000_000)


def test_a_cost_is_spent_from_the_reservation_and_the_rest_is_given_back(office: Office) -> None:
    line_id = made.a_line(office.world, 1_000)
    plan = made.a_plan(office.world, budget_minor=1_000)
    campaign_id = made.an_ended_campaign(office.world, plan, line_id=line_id)
    office.post(campaign_id, cost_minor=300)
    office.post(campaign_id, cost_minor=50, reversal=True)
    before = made.line_of(office.world, line_id)

    office.world.call(campaigns.EvaluateCampaignRequest(campaign_id=campaign_id), role=TEAM)

    after = made.line_of(office.world, line_id)
    assert (before.spent, before.reserved) == (cny(250), cny(750))
    assert (after.spent, after.reserved, after.available) == (cny(250), cny(0), cny(750))


def test_a_posting_for_a_mistyped_campaign_is_nobodys_and_stops_nothing(office: Office) -> None:
    office.post(new_id(), cost_minor=300)

    assert office.world.rows("planning", "SELECT count(*) FROM campaign_actual") == [(0,)]
    assert office.world.rows("planning", "SELECT count(*) FROM parked_event") == [(0,)]


def test_a_cost_above_the_budget_is_counted_and_the_line_is_not_exceeded(office: Office) -> None:
    line_id = made.a_line(office.world, 1_000)
    plan = made.a_plan(office.world, budget_minor=1_000)
    campaign_id = made.a_live_campaign(office.world, plan, line_id=line_id)
    request = campaigns.GetCampaignResultRequest(campaign_id=campaign_id)
    office.post(campaign_id, cost_minor=1_200)
    over = office.world.call(request, role=TEAM).result

    office.post(campaign_id, cost_minor=500, reversal=True)

    back = office.world.call(request, role=TEAM).result
    assert (over.cost, over.cost_uncovered) == (cny(1_200), cny(200))
    assert (back.cost, back.cost_uncovered) == (cny(700), cny(0))
    assert made.line_of(office.world, line_id).spent == cny(700)


def test_postings_told_at_once_count_as_those_told_one_by_one(office: Office) -> None:
    results = []
    for at_once in (False, True):
        line_id = made.a_line(office.world, 1_000)
        plan = made.a_plan(office.world, budget_minor=1_000)
        campaign_id = made.a_live_campaign(office.world, plan, line_id=line_id)
        facts = [
            office.posting(campaign_id, cost_minor=700),
            office.posting(campaign_id.upper(), revenue_minor=5_000),
            office.posting(campaign_id, cost_minor=600),
            office.posting(new_id(), cost_minor=1),
            office.posting(campaign_id, cost_minor=400, reversal=True),
            office.posting(campaign_id, cost_minor=50),
        ]
        for told in [[*facts, facts[0]]] if at_once else [[fact] for fact in facts]:
            office.tell("settlement", *told)
        result = office.world.call(
            campaigns.GetCampaignResultRequest(campaign_id=campaign_id), role=TEAM
        ).result
        results.append((result, made.line_of(office.world, line_id).spent))

    assert results[0] == results[1]
    assert (results[1][0].cost, results[1][0].cost_uncovered) == (cny(950), cny(0))
    assert results[1][0].revenue == cny(5_000)
    assert results[1][1] == cny(950)


def test_a_posting_and_an_answer_that_come_again_count_once(office: Office) -> None:
    campaign_id = made.a_live_campaign(office.world)
    transfer_id = new_id()
    offers = [office.show(campaign_id) for _ in range(3)]
    for _ in range(2):
        office.post(campaign_id, cost_minor=100, transfer_id=transfer_id)
        office.answer(campaign_id, offers[0], offer_pb2.ANSWER_ACCEPT)
    office.answer(campaign_id, offers[1], offer_pb2.ANSWER_DECLINE)
    office.answer(campaign_id, offers[2], offer_pb2.ANSWER_LATER)

    request = campaigns.GetCampaignResultRequest(campaign_id=campaign_id)
    result = office.world.call(request, role=TEAM).result

    assert result.cost == cny(100)
    assert list(result.responses) == [
        campaign_pb2.TouchpointResponse(
            touchpoint_kind="HOTLINE", shown=3, accepted=1, declined=1, postponed=1
        )
    ]
    assert result.success_percent == "33.3"


def test_a_stopped_campaign_says_why_and_is_evaluated_like_any_other(office: Office) -> None:
    campaign_id = made.a_live_campaign(office.world)

    stopped = do(office, campaigns.StopCampaignRequest, campaign_id, reason="complaints")
    evaluated = do(office, campaigns.EvaluateCampaignRequest, campaign_id)

    [fact] = office.facts(events_pb2.CampaignStopped)
    assert (stopped, evaluated) == ("STOPPED", "EVALUATED")
    assert fact.campaign.reason == "complaints"
    assert fact.campaign.state == STATE.STATE_STOPPED


def test_a_campaign_offers_only_what_is_on_sale(office: Office) -> None:
    plan = made.a_plan(office.world, offers=[made.an_offer("P1")])
    create = campaigns.CreateCampaignRequest(unit_id="hq", plan=plan)
    unknown = refusal(office, create)
    office.sell("P1")
    campaign_id = made.an_allocated_campaign(office.world, plan)
    office.sell("P1", on_sale=False, version=2)

    withdrawn = refusal(office, campaigns.SubmitCampaignRequest(campaign_id=campaign_id))

    assert unknown == withdrawn == ("PRODUCT_UNKNOWN", "FAILED_PRECONDITION")


def test_a_condition_must_compile_against_what_it_may_speak_about(office: Office) -> None:
    plan = made.a_plan(office.world)
    plan.audience = "'HEAVY_DATA' in tags && used_percent >= 90"
    create = campaigns.CreateCampaignRequest(unit_id="hq", plan=plan)
    undeclared = refusal(office, create)

    create.plan.attributes.add(name="used_percent", type=policy_pb2.VARIABLE_TYPE_INT)
    campaign = office.world.call(create, role=TEAM).campaign

    assert undeclared == ("CONDITION_INVALID", "INVALID_ARGUMENT")
    assert campaign.plan.audience == plan.audience
    assert campaign.plan.attributes == create.plan.attributes


def test_a_campaign_is_refused_with_its_reason(office: Office) -> None:
    campaign_id = made.a_live_campaign(office.world)
    backwards = made.a_plan(office.world)
    backwards.end_time.CopyFrom(backwards.start_time)
    no_reason = made.the_decision(campaign_id, agree=False)
    no_reason.reason = ""
    plan = made.a_plan(office.world)

    answers = [
        refusal(office, campaigns.GetCampaignRequest(campaign_id=MISSING)),
        refusal(office, campaigns.PauseCampaignRequest(campaign_id=MISSING)),
        refusal(office, campaigns.ResumeCampaignRequest(campaign_id=campaign_id)),
        refusal(office, campaigns.ReviseCampaignRequest(campaign_id=campaign_id, plan=plan)),
        refusal(office, campaigns.EvaluateCampaignRequest(campaign_id=campaign_id)),
        refusal(office, campaigns.CreateCampaignRequest(unit_id="r9", plan=plan)),
        refusal(office, campaigns.CreateCampaignRequest(unit_id="hq", plan=backwards)),
        refusal(office, no_reason, role="office_meeting"),
    ]

    assert answers == [
        ("CAMPAIGN_NOT_FOUND", "NOT_FOUND"),
        ("CAMPAIGN_NOT_FOUND", "NOT_FOUND"),
        ("CAMPAIGN_STATE_FORBIDS", "FAILED_PRECONDITION"),
        ("CAMPAIGN_STATE_FORBIDS", "FAILED_PRECONDITION"),
        ("STEP_NOT_OPEN", "FAILED_PRECONDITION"),
        ("UNIT_NOT_FOUND", "NOT_FOUND"),
        ("REQUEST_INVALID", "INVALID_ARGUMENT"),
        ("REQUEST_INVALID", "INVALID_ARGUMENT"),
    ]


@req("R-183")
def test_campaigns_and_lessons_of_another_area_are_not_shown(office: Office) -> None:
    made.a_unit(office.world, "A1")
    made.a_unit(office.world, "A2")
    own = made.a_campaign(office.world, unit_id="A2")
    other = made.a_campaign(office.world, unit_id="A1")

    listed = office.world.call(campaigns.ListCampaignsRequest(), role=TEAM, unit_id="A2")
    lessons = office.world.call(campaigns.ListLessonsRequest(), role=TEAM, unit_id="A2")
    with pytest.raises(Refused) as refused:
        office.world.call(campaigns.GetCampaignRequest(campaign_id=other), role=TEAM, unit_id="A2")

    assert [one.campaign_id for one in listed.campaigns] == [own]
    assert list(lessons.lessons) == []
    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED
    assert refused.value.reason == "OUT_OF_SCOPE"


def test_lessons_are_listed_page_by_page_in_the_order_of_the_evaluation(office: Office) -> None:
    ended = [made.an_ended_campaign(office.world) for _ in range(3)]
    for campaign_id in reversed(ended):
        do(office, campaigns.EvaluateCampaignRequest, campaign_id)

    found, token = [], ""
    for _ in range(2):
        request = campaigns.ListLessonsRequest(page_size=2, page_token=token, segment="family")
        reply = office.world.call(request, role=TEAM)
        found += [one.campaign_id for one in reply.lessons]
        token = reply.next_page_token

    assert found == list(reversed(ended))
    assert token == ""
