"""A campaign follows its process; pausing and stopping are marks on top of it."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from mantle.planning.v1 import campaign_pb2

from chassis.money import Money
from chassis.policy.wire import variables_of
from planning.campaign import wire
from planning.campaign.domain import (
    OFFER_VARIABLES,
    Allocation,
    AllocationSumDiffers,
    Campaign,
    CampaignStateForbids,
    Plan,
    State,
)
from planning.campaign.plan_json import plan_from_json, plan_to_json
from tests.unit.planning.plans import ANY_PLAN, plans

AT = datetime(2026, 3, 2, tzinfo=UTC)
MILESTONES = [state for state in State if state not in (State.PAUSED, State.STOPPED)]


def campaign(milestone: State = State.EXECUTING) -> Campaign:
    return Campaign(
        campaign_id="C1",
        unit_id="hq",
        version=1,
        milestone=milestone,
        plan=ANY_PLAN,
        process_id="P1",
        traceparent="",
        created_by="li",
        create_time=AT,
    )


def part(amount_minor: int) -> Allocation:
    return Allocation("L1", "hq", Money("CNY", amount_minor))


@pytest.mark.parametrize("milestone", MILESTONES)
def test_a_campaign_is_paused_only_while_it_is_executing(milestone: State) -> None:
    known = campaign(milestone)

    if milestone is State.EXECUTING:
        assert known.pause().state is State.PAUSED
        assert known.pause().resume().state is State.EXECUTING
    else:
        with pytest.raises(CampaignStateForbids):
            known.pause()


@pytest.mark.parametrize("milestone", MILESTONES)
def test_a_plan_is_revised_only_while_it_is_planned(milestone: State) -> None:
    plan = replace(ANY_PLAN, name="summer")

    if milestone is State.PLANNING:
        assert campaign(milestone).revise(plan).plan == plan
    else:
        with pytest.raises(CampaignStateForbids):
            campaign(milestone).revise(plan)


def test_neither_twice_paused_nor_resumed_without_a_pause() -> None:
    with pytest.raises(CampaignStateForbids):
        campaign().pause().pause()
    with pytest.raises(CampaignStateForbids):
        campaign().resume()


def test_a_pause_ends_with_the_execution() -> None:
    ended = campaign().pause().reach("ENDED")

    assert ended.state is State.ENDED
    assert not ended.paused


def test_a_stopped_campaign_is_shown_as_stopped_until_it_is_evaluated() -> None:
    stopped = campaign().stop("complaints").reach("ENDED")

    assert stopped.state is State.STOPPED
    assert stopped.reach("EVALUATED").state is State.EVALUATED
    assert stopped.reason == "complaints"


@pytest.mark.parametrize(("parts", "fits"), [((1000,), True), ((600, 400), True), ((999,), False)])
def test_parts_sum_to_the_budget(parts: tuple[int, ...], fits: bool) -> None:
    allocations = tuple(part(amount_minor) for amount_minor in parts)

    try:
        campaign().require_sum(allocations)
        answer = True
    except AllocationSumDiffers:
        answer = False

    assert answer is fits


@given(plan=plans)
def test_a_plan_comes_back_from_the_contract_as_it_was(plan: Plan) -> None:
    assert wire.plan(wire.plan_to_proto(plan)) == plan


@given(plan=plans)
def test_a_plan_comes_back_from_the_database_as_it_was(plan: Plan) -> None:
    assert plan_from_json(json.loads(json.dumps(plan_to_json(plan)))) == plan


def test_conditions_speak_about_what_the_contract_says() -> None:
    assert variables_of(campaign_pb2.OfferVariables) == OFFER_VARIABLES
