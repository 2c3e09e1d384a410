"""Decisions between the domain and the contract."""

from typing import Final

from mantle.crm.v1 import decision_pb2
from mantle.crm.v1 import decision_service_pb2 as pb

from chassis.paging import Slice
from chassis.wire import from_time, to_time
from crm.customer.wire import attribute_from_proto
from crm.decision.domain import Decision, EventType, Reason, Rejection, Touch, Verdict
from crm.outreach.wire import offer_to_proto

_TYPES: Final = {
    EventType.BUSINESS_HANDLING: decision_pb2.EVENT_TYPE_BUSINESS_HANDLING,
    EventType.CALL_BEHAVIOUR: decision_pb2.EVENT_TYPE_CALL_BEHAVIOUR,
    EventType.NETWORK_LOCATION: decision_pb2.EVENT_TYPE_NETWORK_LOCATION,
    EventType.SERVICE_COMMUNICATION: decision_pb2.EVENT_TYPE_SERVICE_COMMUNICATION,
}
_TYPES_READ: Final = {number: kind for kind, number in _TYPES.items()}
_OUTCOMES: Final = {
    Verdict.OFFERED: decision_pb2.Decision.OUTCOME_OFFERED,
    Verdict.NOTHING_FITS: decision_pb2.Decision.OUTCOME_NOTHING_FITS,
    Verdict.DEFERRED: decision_pb2.Decision.OUTCOME_DEFERRED,
    Verdict.SUPPRESSED: decision_pb2.Decision.OUTCOME_SUPPRESSED,
}
_REASONS: Final = {
    reason: decision_pb2.RejectionReason.Value(f"REJECTION_REASON_{reason}") for reason in Reason
}


def touch(request: pb.DecideRequest) -> Touch:
    """Read what a customer did.

    Errors: InvalidArgument for a time that no calendar has.
    """
    event = request.event
    values = {name: attribute_from_proto(value) for name, value in event.attributes.items()}
    return Touch(
        customer_id=request.customer_id,
        touchpoint_id=request.touchpoint_id,
        source=event.source,
        event_id=event.event_id,
        type=_TYPES_READ[event.type],
        name=event.name,
        occur_time=to_time(event.occur_time, "event.occur_time"),
        moment=event.moment,
        attributes={name: value for name, value in values.items() if value is not None},
        partner_id=request.partner_id,
    )


def decision_to_proto(source: Decision) -> decision_pb2.Decision:
    """Write a decision as the contract has it."""
    return decision_pb2.Decision(
        decision_id=source.decision_id,
        customer_id=source.touch.customer_id,
        unit_id=source.unit_id,
        touchpoint_id=source.touch.touchpoint_id,
        source=source.touch.source,
        event_id=source.touch.event_id,
        event_type=_TYPES[source.touch.type],
        event_name=source.touch.name,
        occur_time=from_time(source.touch.occur_time),
        moment=source.touch.moment,
        outcome=_OUTCOMES[source.verdict],
        offers=[offer_to_proto(offer) for offer in source.offers],
        rejections=[_rejection(one) for one in source.rejections],
        refusal=_REASONS[source.refusal] if source.refusal else None,
        deferred_until=from_time(source.deferred_until) if source.deferred_until else None,
        partner_id=source.touch.partner_id,
        create_time=from_time(source.create_time),
    )


def decided(source: Decision) -> pb.DecideResponse:
    """Write the answer of Decide."""
    return pb.DecideResponse(decision=decision_to_proto(source))


def got(source: Decision) -> pb.GetDecisionResponse:
    """Write the answer of GetDecision."""
    return pb.GetDecisionResponse(decision=decision_to_proto(source))


def listed(found: Slice[Decision]) -> pb.ListDecisionsResponse:
    """Write the answer of ListDecisions, without offers and rejections."""
    reply = pb.ListDecisionsResponse(
        decisions=[decision_to_proto(one) for one in found.items],
        next_page_token=found.next_page_token,
    )
    for one in reply.decisions:
        one.ClearField("rejections")
    return reply


def _rejection(source: Rejection) -> decision_pb2.Rejection:
    return decision_pb2.Rejection(
        campaign_id=source.campaign_id,
        offer_code=source.offer_code,
        reason=_REASONS[source.reason],
        detail=source.detail,
    )
