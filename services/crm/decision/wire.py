"""Decisions between the domain and the contract."""

from typing import Final

from mantle.crm.v1 import decision_pb2
from mantle.crm.v1 import decision_service_pb2 as pb

from chassis.paging import Slice
from chassis.wire import to_time, write_time
from crm.customer.wire import attribute_from_proto
from crm.decision.domain import Decision, EventType, Reason, Touch, Verdict
from crm.outreach.wire import write_offer

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
    values = [(name, attribute_from_proto(value)) for name, value in event.attributes.items()]
    return Touch(
        customer_id=request.customer_id,
        touchpoint_id=request.touchpoint_id,
        source=event.source,
        event_id=event.event_id,
        type=_TYPES_READ[event.type],
        name=event.name,
        occur_time=to_time(event.occur_time, "event.occur_time"),
        moment=event.moment,
        attributes={name: value for name, value in values if value is not None},
        partner_id=request.partner_id,
    )


def write_decision(to: decision_pb2.Decision, source: Decision) -> None:
    """Write a decision as the contract has it, in its place in an answer.

    A message that is handed over ready is copied with all that is in it, here twice.
    """
    _write_touch(to, source.touch)
    to.decision_id = source.decision_id
    to.unit_id = source.unit_id
    to.outcome = _OUTCOMES[source.verdict]
    for offer in source.offers:
        write_offer(to.offers.add(), offer)
    for one in source.rejections:
        to.rejections.add(
            campaign_id=one.campaign_id,
            offer_code=one.offer_code,
            reason=_REASONS[one.reason],
            detail=one.detail,
        )
    if source.refusal is not None:
        to.refusal = _REASONS[source.refusal]
    if source.deferred_until is not None:
        write_time(to.deferred_until, source.deferred_until)
    write_time(to.create_time, source.create_time)


def _write_touch(to: decision_pb2.Decision, source: Touch) -> None:
    to.customer_id = source.customer_id
    to.touchpoint_id = source.touchpoint_id
    to.source = source.source
    to.event_id = source.event_id
    to.event_type = _TYPES[source.type]
    to.event_name = source.name
    to.moment = source.moment
    to.partner_id = source.partner_id
    write_time(to.occur_time, source.occur_time)


def decided(source: Decision) -> pb.DecideResponse:
    """Write the answer of Decide."""
    reply = pb.DecideResponse()
    write_decision(reply.decision, source)
    return reply


def got(source: Decision) -> pb.GetDecisionResponse:
    """Write the answer of GetDecision."""
    reply = pb.GetDecisionResponse()
    write_decision(reply.decision, source)
    return reply


def listed(found: Slice[Decision]) -> pb.ListDecisionsResponse:
    """Write the answer of ListDecisions, without offers and rejections."""
    reply = pb.ListDecisionsResponse(next_page_token=found.next_page_token)
    for one in found.items:
        write_decision(reply.decisions.add(), one)
    for decision in reply.decisions:
        decision.ClearField("rejections")
    return reply
