"""Campaigns between the domain and the contract, and which fact becomes which event."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.message import Message
from mantle.planning.v1 import campaign_pb2, events_pb2
from mantle.planning.v1 import campaign_service_pb2 as pb
from mantle.policy.v1 import policy_pb2

from chassis.events.domain import EventDraft
from chassis.paging import Slice
from chassis.policy.domain import VariableType
from chassis.wire import (
    from_decimal,
    from_money,
    from_time,
    from_time_or_none,
    to_decimal,
    to_money,
    to_time,
)
from planning.budget.wire import line_to_proto
from planning.campaign.domain import (
    Allocation,
    Campaign,
    CampaignApproved,
    CampaignEnded,
    CampaignEvaluated,
    CampaignPaused,
    CampaignResumed,
    CampaignStarted,
    CampaignStopped,
    Goal,
    GoalKind,
    Offer,
    Plan,
    State,
)
from planning.campaign.form import PlanningForm
from planning.campaign.results import Response, Result
from planning.campaign.timeline import Part, SignOff, Stage, StageKind, Timeline

_STATES: Final = {state: campaign_pb2.Campaign.State.Value(f"STATE_{state}") for state in State}
_GOALS: Final = {kind: campaign_pb2.CampaignGoal.Kind.Value(f"KIND_{kind}") for kind in GoalKind}
_GOALS_READ: Final = {number: kind for kind, number in _GOALS.items()}
_PARTS: Final = {part: campaign_pb2.CampaignPart.Value(f"CAMPAIGN_PART_{part}") for part in Part}
_PARTS_READ: Final = {number: part for part, number in _PARTS.items()}
_STAGES: Final = {kind: campaign_pb2.CampaignStage.Kind.Value(f"KIND_{kind}") for kind in StageKind}
_TYPES: Final = {
    VariableType.INT: policy_pb2.VARIABLE_TYPE_INT,
    VariableType.STRING: policy_pb2.VARIABLE_TYPE_STRING,
    VariableType.BOOL: policy_pb2.VARIABLE_TYPE_BOOL,
}
_TYPES_READ: Final = {number: kind for kind, number in _TYPES.items()}


def plan(message: campaign_pb2.CampaignPlan) -> Plan:
    """Read a plan.

    Errors: InvalidArgument for a time or a decimal that the contract's rules let through.
    """
    return Plan(
        name=message.name,
        segment=message.segment,
        goals=tuple(map(_goal, message.goals)),
        audience=message.audience,
        offers=tuple(map(_offer, message.offers)),
        wording=message.wording,
        support=message.support,
        budget=to_money(message.budget),
        start_time=to_time(message.start_time, "plan.start_time"),
        end_time=to_time(message.end_time, "plan.end_time"),
        margin_share=to_decimal(message.margin_share, "plan.margin_share"),
        attributes={one.name: _TYPES_READ[one.type] for one in message.attributes},
    )


def parts(request: pb.AllocateResourcesRequest) -> tuple[Allocation, ...]:
    """Read what is to be reserved."""
    return tuple(
        Allocation(line.budget_line_id, line.unit_id, to_money(line.amount))
        for line in request.lines
    )


def part(request: pb.SignCampaignRequest) -> Part:
    """Read what is signed."""
    return _PARTS_READ[request.part]


def agrees(request: pb.ApproveCampaignRequest) -> bool:
    """Read what the meeting decided."""
    return request.decision == pb.ApproveCampaignRequest.DECISION_AGREE


def replied(response: type[Any]) -> Callable[[Campaign], Message]:
    """Answer with the campaign as it is now, in the response of the RPC."""
    return lambda campaign: response(campaign=campaign_to_proto(campaign))


def got_result(result: Result) -> pb.GetCampaignResultResponse:
    """Answer with what came of a campaign."""
    return pb.GetCampaignResultResponse(result=_result(result))


def listed(found: Slice[Campaign]) -> pb.ListCampaignsResponse:
    """Answer with a page of campaigns."""
    return pb.ListCampaignsResponse(
        campaigns=map(campaign_to_proto, found.items), next_page_token=found.next_page_token
    )


def listed_lessons(found: Slice[Campaign]) -> pb.ListLessonsResponse:
    """Answer with a page of lessons."""
    return pb.ListLessonsResponse(
        lessons=map(_lesson, found.items), next_page_token=found.next_page_token
    )


def got_form(form: PlanningForm) -> pb.GetPlanningFormResponse:
    """Answer with what the next campaign starts from."""
    return pb.GetPlanningFormResponse(
        lessons=map(_lesson, form.lessons),
        budget_lines=map(line_to_proto, form.lines),
        product_ids=form.product_ids,
    )


def got_timeline(found: Timeline) -> pb.GetCampaignTimelineResponse:
    """Answer with the stages and signatures of a campaign."""
    return pb.GetCampaignTimelineResponse(
        stages=map(_stage, found.stages),
        sign_offs=map(_sign_off, found.sign_offs),
        revision=found.revision,
        traceparent=found.traceparent,
    )


def campaign_to_proto(campaign: Campaign) -> campaign_pb2.Campaign:
    """Write a campaign."""
    return campaign_pb2.Campaign(
        campaign_id=campaign.campaign_id,
        unit_id=campaign.unit_id,
        version=campaign.version,
        state=_STATES[campaign.state],
        plan=plan_to_proto(campaign.plan),
        allocations=map(_allocation, campaign.allocations),
        traceparent=campaign.traceparent,
        process_id=campaign.process_id,
        created_by=campaign.created_by,
        create_time=from_time(campaign.create_time),
        reason=campaign.reason,
        result=None if campaign.result is None else _result(campaign.result),
        lesson=campaign.lesson,
    )


def plan_to_proto(source: Plan) -> campaign_pb2.CampaignPlan:
    """Write a plan."""
    return campaign_pb2.CampaignPlan(
        name=source.name,
        segment=source.segment,
        goals=map(_goal_to_proto, source.goals),
        audience=source.audience,
        offers=map(_offer_to_proto, source.offers),
        wording=source.wording,
        support=source.support,
        budget=from_money(source.budget),
        start_time=from_time(source.start_time),
        end_time=from_time(source.end_time),
        margin_share=from_decimal(source.margin_share),
        attributes=[
            campaign_pb2.AttributeDeclaration(name=name, type=_TYPES[kind])
            for name, kind in source.attributes.items()
        ],
    )


def _goal(message: campaign_pb2.CampaignGoal) -> Goal:
    return Goal(
        kind=_GOALS_READ[message.kind],
        unit=message.unit,
        baseline=to_decimal(message.baseline, "plan.goals.baseline"),
        target=to_decimal(message.target, "plan.goals.target"),
    )


def _goal_to_proto(goal: Goal) -> campaign_pb2.CampaignGoal:
    return campaign_pb2.CampaignGoal(
        kind=_GOALS[goal.kind],
        unit=goal.unit,
        baseline=from_decimal(goal.baseline),
        target=from_decimal(goal.target),
    )


def _offer(message: campaign_pb2.Offer) -> Offer:
    return Offer(
        offer_code=message.offer_code,
        product_id=message.product_id,
        wording=message.wording,
        event_types=tuple(message.event_types),
        touchpoint_kinds=tuple(message.touchpoint_kinds),
        required_tags=tuple(message.required_tags),
        excluded_tags=tuple(message.excluded_tags),
        condition=message.condition,
        propensity=to_decimal(message.propensity, "plan.offers.propensity"),
        value=to_money(message.value),
        score_cut=to_decimal(message.score_cut or "0", "plan.offers.score_cut"),
        moment=message.moment,
        valid_days=message.valid_days,
    )


def _offer_to_proto(offer: Offer) -> campaign_pb2.Offer:
    return campaign_pb2.Offer(
        offer_code=offer.offer_code,
        product_id=offer.product_id,
        wording=offer.wording,
        event_types=offer.event_types,
        touchpoint_kinds=offer.touchpoint_kinds,
        required_tags=offer.required_tags,
        excluded_tags=offer.excluded_tags,
        condition=offer.condition,
        propensity=from_decimal(offer.propensity),
        value=from_money(offer.value),
        score_cut=from_decimal(offer.score_cut),
        moment=offer.moment,
        valid_days=offer.valid_days,
    )


def _allocation(one: Allocation) -> campaign_pb2.CampaignAllocation:
    return campaign_pb2.CampaignAllocation(
        budget_line_id=one.budget_line_id,
        unit_id=one.unit_id,
        amount=from_money(one.amount),
        reservation_id=one.reservation_id,
    )


def _result(result: Result) -> campaign_pb2.CampaignResult:
    roi, success = result.roi_percent, result.success_percent
    return campaign_pb2.CampaignResult(
        cost=from_money(result.cost),
        cost_uncovered=from_money(result.cost_uncovered),
        revenue=from_money(result.revenue),
        margin=from_money(result.margin),
        roi_percent=None if roi is None else from_decimal(roi),
        responses=map(_response, result.responses),
        success_percent=None if success is None else from_decimal(success),
    )


def _response(one: Response) -> campaign_pb2.TouchpointResponse:
    return campaign_pb2.TouchpointResponse(
        touchpoint_kind=one.touchpoint_kind,
        shown=one.shown,
        accepted=one.accepted,
        declined=one.declined,
        postponed=one.postponed,
    )


def _lesson(campaign: Campaign) -> campaign_pb2.CampaignLesson:
    assert campaign.result is not None
    return campaign_pb2.CampaignLesson(
        campaign_id=campaign.campaign_id,
        unit_id=campaign.unit_id,
        segment=campaign.plan.segment,
        name=campaign.plan.name,
        lesson=campaign.lesson,
        result=_result(campaign.result),
        goals=map(_goal_to_proto, campaign.plan.goals),
        evaluate_time=from_time_or_none(campaign.evaluate_time),
    )


def _stage(stage: Stage) -> campaign_pb2.CampaignStage:
    return campaign_pb2.CampaignStage(
        kind=_STAGES[stage.kind],
        begin_time=from_time_or_none(stage.begin_time),
        end_time=from_time_or_none(stage.end_time),
    )


def _sign_off(one: SignOff) -> campaign_pb2.CampaignSignOff:
    return campaign_pb2.CampaignSignOff(
        part=_PARTS[one.part],
        role=one.role,
        signed_by=one.signed_by,
        sign_time=from_time_or_none(one.sign_time),
    )


def _event(message: type[Any]) -> Callable[[Any], EventDraft]:
    def draft(fact: Any) -> EventDraft:
        payload = message(campaign=campaign_to_proto(fact.campaign))
        return EventDraft(payload, f"campaign/{fact.campaign.campaign_id}")

    return draft


FACTS: Final[Mapping[type, Callable[[Any], EventDraft]]] = MappingProxyType(
    {
        CampaignApproved: _event(events_pb2.CampaignApproved),
        CampaignStarted: _event(events_pb2.CampaignStarted),
        CampaignPaused: _event(events_pb2.CampaignPaused),
        CampaignResumed: _event(events_pb2.CampaignResumed),
        CampaignStopped: _event(events_pb2.CampaignStopped),
        CampaignEnded: _event(events_pb2.CampaignEnded),
        CampaignEvaluated: _event(events_pb2.CampaignEvaluated),
    }
)
