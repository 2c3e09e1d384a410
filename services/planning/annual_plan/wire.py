"""Year plans between the domain and the contract, and which fact becomes which event.

What the steps bring stands in `wire_content`, the report in `wire_report`.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.message import Message
from mantle.planning.v1 import annual_plan_pb2, annual_plan_target_pb2, events_pb2
from mantle.planning.v1 import annual_plan_service_pb2 as pb

from chassis.events.domain import EventDraft
from chassis.money import Money
from chassis.paging import Slice
from chassis.wire import from_money, from_time, from_time_or_none, to_date, to_money
from planning.annual_plan.agenda import AGENDA, Item, MeetingKind, Phase
from planning.annual_plan.domain import (
    APPROVED_VERSION,
    CLAIMANTS,
    CLAIMS,
    Decision,
    Meeting,
    Opinion,
    Participant,
    PlanPart,
    Revision,
    State,
    Step,
)
from planning.annual_plan.targets import Measure, Part, Place, Split, Target, TargetState, View
from planning.annual_plan.view import (
    Alert,
    AnnualPlanApproved,
    AnnualPlanArchived,
    AnnualPlanClaimed,
    PlanView,
    Signature,
    WindowState,
)
from planning.cube.domain import Cell

_STATES: Final = {one: annual_plan_pb2.AnnualPlan.State.Value(f"STATE_{one}") for one in State}
_KINDS: Final = {
    one.kind: annual_plan_pb2.PlanMeetingKind.Value(f"PLAN_MEETING_KIND_{one.kind}")
    for one in AGENDA.meetings
}
_KINDS_READ: Final = {number: kind for kind, number in _KINDS.items()}
_DECISIONS: Final = {
    one: annual_plan_pb2.PlanRevision.Decision.Value(f"DECISION_{one}") for one in Decision
}
_UNDECIDED: Final = annual_plan_pb2.PlanRevision.DECISION_UNSPECIFIED
_DECISIONS_READ: Final = {number: one for one, number in _DECISIONS.items()}
_PARTS: Final = {one: annual_plan_pb2.PlanOpinion.Part.Value(f"PART_{one}") for one in PlanPart}
_PARTS_READ: Final = {number: one for one, number in _PARTS.items()}
_CLAIMS: Final = {
    step: annual_plan_pb2.PlanClaimPart.Value(f"PLAN_CLAIM_PART_{step.name.removeprefix('CLAIM_')}")
    for step in CLAIMS
}
_CLAIMS_READ: Final = {number: step for step, number in _CLAIMS.items()}
_MEASURES: Final = {
    one: annual_plan_target_pb2.TargetMeasure.Value(f"TARGET_MEASURE_{one}") for one in Measure
}
_MEASURES_READ: Final = {number: one for one, number in _MEASURES.items()}
_VIEWS: Final = {one: annual_plan_target_pb2.TargetView.Value(f"TARGET_VIEW_{one}") for one in View}
_VIEWS_READ: Final = {number: one for one, number in _VIEWS.items()}
_TARGET_STATES: Final = {
    one: annual_plan_target_pb2.TargetState.Value(f"TARGET_STATE_{one}") for one in TargetState
}


def item_amount(request: pb.ProvideInfoItemRequest) -> Money | None:
    """Read what an information item amounts to, if it is a figure."""
    return to_money(request.amount) if request.HasField("amount") else None


def meeting(request: pb.RecordPlanMeetingRequest, *, minuted_by: str) -> Meeting:
    """Read a meeting; whoever sends minutes has written them.

    Errors: InvalidArgument for a day that no calendar has.
    """
    return Meeting(
        kind=_KINDS_READ[request.kind],
        planned=_day(request.planned_date, "planned_date"),
        held=_day(request.held_date, "held_date"),
        participants=tuple(Participant(one.subject, one.role) for one in request.participants),
        minutes=request.minutes,
        decisions=tuple(request.decisions),
        minuted_by=minuted_by if request.minutes else "",
    )


def amounts(request: pb.SetTargetsRequest) -> dict[Measure, Money]:
    """Read the company's targets."""
    found = {Measure.SALES: to_money(request.sales), Measure.PROFIT: to_money(request.profit)}
    if request.HasField("contribution"):
        found[Measure.CONTRIBUTION] = to_money(request.contribution)
    return found


def target_view(request: pb.DecomposeTargetsRequest) -> View:
    """Read by what targets are decomposed."""
    return _VIEWS_READ[request.view]


def splits(request: pb.DecomposeTargetsRequest) -> tuple[Split, ...]:
    """Read how measures come down to parts."""
    return tuple(
        Split(_MEASURES_READ[one.measure], tuple(map(_part, one.parts))) for one in request.splits
    )


def decision(request: pb.DecideChallengeRequest) -> Decision:
    """Read what the challenge meeting decided."""
    return _DECISIONS_READ[request.decision]


def opinions(request: pb.DecideChallengeRequest) -> tuple[Opinion, ...]:
    """Read what the challenge meeting wants changed."""
    return tuple(Opinion(_PARTS_READ[one.part], one.comment) for one in request.opinions)


def claim_step(request: pb.ClaimPlanRequest) -> Step:
    """Read what is claimed."""
    return _CLAIMS_READ[request.part]


def replied(response: type[Any]) -> Callable[[PlanView], Message]:
    """Answer with the plan as it is now, in the response of the RPC."""
    return lambda view: response(annual_plan=plan_to_proto(view))


def targets_replied(response: type[Any]) -> Callable[[Sequence[Target]], Message]:
    """Answer with targets, in the response of the RPC."""
    return lambda found: response(targets=map(target_to_proto, found))


def listed(found: Slice[PlanView]) -> pb.ListAnnualPlansResponse:
    """Answer with a page of plans."""
    return pb.ListAnnualPlansResponse(
        annual_plans=map(plan_to_proto, found.items), next_page_token=found.next_page_token
    )


def listed_targets(found: Slice[Target]) -> pb.ListTargetsResponse:
    """Answer with a page of targets."""
    return pb.ListTargetsResponse(
        targets=map(target_to_proto, found.items), next_page_token=found.next_page_token
    )


def plan_to_proto(view: PlanView) -> annual_plan_pb2.AnnualPlan:
    """Write a plan with all that is told of it."""
    plan = view.plan
    return annual_plan_pb2.AnnualPlan(
        annual_plan_id=plan.annual_plan_id,
        unit_id=plan.unit_id,
        fiscal_year=plan.fiscal_year,
        currency_code=plan.currency_code,
        version=plan.version,
        state=_STATES[plan.state],
        revision=plan.revision,
        phase=plan.phase,
        phases=[_phase(view, one) for one in AGENDA.phases],
        meetings=[_meeting(one, view.meetings.get(one.kind)) for one in AGENDA.meetings],
        revisions=map(_revision, view.revisions),
        claims=[_claim(step, signed) for step, signed in view.claims.items()],
        claim_count=plan.claims,
        windows=map(_window, view.windows),
        alerts=map(_alert, view.alerts),
        area_unit_ids=plan.area_unit_ids,
        office_unit_ids=plan.office_unit_ids,
        product_ids=plan.product_ids,
        process_id=plan.process_id,
        traceparent=plan.traceparent,
        launched_by=plan.launched_by,
        launch_time=from_time(plan.launch_time),
        priorities=plan.priorities,
        waiver_reason=plan.waiver_reason,
    )


def target_to_proto(target: Target) -> annual_plan_target_pb2.AnnualTarget:
    """Write a target."""
    return annual_plan_target_pb2.AnnualTarget(
        target_id=target.target_id,
        measure=_MEASURES[target.measure],
        view=_VIEWS[target.view],
        unit_id=target.place.unit_id,
        product_id=target.place.product_id,
        channel=target.place.channel,
        value=None if target.value is None else from_money(target.value),
        state=_TARGET_STATES[target.state],
        moves=[
            annual_plan_target_pb2.TargetMove(
                state=_TARGET_STATES[move.state], move_time=from_time(move.time)
            )
            for move in target.moves
        ],
    )


def signature_to_proto(one: Signature) -> annual_plan_pb2.StepSignature:
    """Write who did a step."""
    return annual_plan_pb2.StepSignature(
        key=one.key, done_by=one.done_by, done_time=from_time_or_none(one.done_time)
    )


def _part(message: annual_plan_target_pb2.TargetPart) -> Part:
    place = Place(message.unit_id, message.product_id, message.channel)
    if message.WhichOneof("share") == "amount":
        return Part(place, amount=to_money(message.amount))
    return Part(place, weight=message.weight)


def _phase(view: PlanView, phase: Phase) -> annual_plan_pb2.PlanPhase:
    states = annual_plan_pb2.PlanPhase
    closings = view.plan.closings
    closed = phase.number <= len(closings)
    open_now = phase.number == view.plan.phase
    return annual_plan_pb2.PlanPhase(
        number=phase.number,
        name_en=phase.name_en,
        name_zh=phase.name_zh,
        state=states.STATE_CLOSED
        if closed
        else (states.STATE_OPEN if open_now else states.STATE_WAITING),
        items=[_item(view, one) for one in AGENDA.items if one.phase == phase.number],
        close_time=from_time(closings[phase.number - 1]) if closed else None,
    )


def _item(view: PlanView, item: Item) -> annual_plan_pb2.PlanItem:
    written = annual_plan_pb2.PlanItem(
        number=item.number,
        name_en=item.name_en,
        name_zh=item.name_zh,
        status=item.status,
        step=item.step,
    )
    found = view.items.get(item.number)
    if found is not None:
        written.text = found.text
        written.provided_by = found.provided_by
        written.provide_time.CopyFrom(from_time(found.provide_time))
        if found.amount is not None:
            written.amount.CopyFrom(from_money(found.amount))
    return written


def _meeting(kind: MeetingKind, found: Meeting | None) -> annual_plan_pb2.PlanMeeting:
    known = found or Meeting(kind=kind.kind)
    return annual_plan_pb2.PlanMeeting(
        kind=_KINDS[kind.kind],
        name_en=kind.name_en,
        name_zh=kind.name_zh,
        phase=kind.phase,
        state=annual_plan_pb2.PlanMeeting.State.Value(f"STATE_{known.state}"),
        planned_date=_date(known.planned),
        held_date=_date(known.held),
        wanted_roles=kind.roles,
        participants=[
            annual_plan_pb2.MeetingParticipant(subject=one.subject, role=one.role)
            for one in known.participants
        ],
        minutes=known.minutes,
        decisions=known.decisions,
        expected_results=kind.results,
        minuted_by=known.minuted_by,
    )


def _revision(revision: Revision) -> annual_plan_pb2.PlanRevision:
    return annual_plan_pb2.PlanRevision(
        revision=revision.revision,
        cube_version_id=revision.cube_version_id,
        analysis_id=revision.analysis_id,
        analysis=revision.analysis,
        planned_sales=None if revision.sales is None else from_money(revision.sales),
        planned_profit=None if revision.profit is None else from_money(revision.profit),
        decision=_DECISIONS[revision.decision] if revision.decision else _UNDECIDED,
        opinions=[
            annual_plan_pb2.PlanOpinion(part=_PARTS[one.part], comment=one.comment)
            for one in revision.opinions
        ],
        decided_by=revision.decided_by,
        decide_time=from_time_or_none(revision.decide_time),
    )


def _claim(step: Step, signed: Sequence[Signature]) -> annual_plan_pb2.PlanClaim:
    return annual_plan_pb2.PlanClaim(
        part=_CLAIMS[step],
        step=step,
        role=CLAIMANTS[step],
        signed=all(one.done_by for one in signed),
        signatures=map(signature_to_proto, signed),
    )


def _window(one: WindowState) -> annual_plan_pb2.PlanWindow:
    return annual_plan_pb2.PlanWindow(
        name_en=one.window.name_en,
        name_zh=one.window.name_zh,
        step=one.window.step,
        first_date=_date(one.window.first),
        last_date=_date(one.window.last),
        done_date=_date(one.done),
        late=one.late,
    )


def _alert(one: Alert) -> annual_plan_pb2.PlanAlert:
    return annual_plan_pb2.PlanAlert(
        kind=annual_plan_pb2.PlanAlert.Kind.Value(f"KIND_{one.kind}"),
        name_en=one.name_en,
        name_zh=one.name_zh,
        due_date=_date(one.due),
    )


def _day(text: str, field: str) -> date | None:
    return to_date(text, field) if text else None


def _date(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _draft(payload: Message, view: PlanView) -> EventDraft:
    return EventDraft(payload, f"plan/{view.plan.unit_id}/{view.plan.fiscal_year}")


def _approved(fact: AnnualPlanApproved) -> EventDraft:
    plan = fact.view.plan
    payload = events_pb2.AnnualPlanApproved(
        annual_plan=None if fact.part else plan_to_proto(fact.view),
        targets=map(target_to_proto, fact.targets),
        unit_id=plan.unit_id,
        fiscal_year=plan.fiscal_year,
        plan_version=APPROVED_VERSION,
        currency_code=plan.currency_code,
        quotas=map(_figure, fact.quotas),
        limits=map(_figure, fact.limits),
        part=fact.part,
        part_count=fact.part_count,
    )
    return _draft(payload, fact.view)


def _figure(cell: Cell) -> events_pb2.AdjustedFigure:
    return events_pb2.AdjustedFigure(
        measure=cell.measure,
        unit_id=cell.address.unit_id,
        product_id=cell.address.product_id,
        month=str(cell.address.month),
        value=cell.value,
    )


def _claimed(fact: AnnualPlanClaimed) -> EventDraft:
    payload = events_pb2.AnnualPlanClaimed(annual_plan=plan_to_proto(fact.view))
    return _draft(payload, fact.view)


def _archived(fact: AnnualPlanArchived) -> EventDraft:
    payload = events_pb2.AnnualPlanArchived(
        annual_plan=plan_to_proto(fact.view), sha256=fact.archive.sha256
    )
    return _draft(payload, fact.view)


FACTS: Final[Mapping[type, Callable[[Any], EventDraft]]] = MappingProxyType(
    {
        AnnualPlanApproved: _approved,
        AnnualPlanClaimed: _claimed,
        AnnualPlanArchived: _archived,
    }
)
