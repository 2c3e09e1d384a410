"""Offers between the domain and the contract, and which fact becomes which event."""

from functools import lru_cache
from typing import Any, Final

from mantle.channels.v1 import order_pb2
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.crm.v1 import events_pb2, offer_pb2
from mantle.crm.v1 import outreach_service_pb2 as pb

from chassis.events.domain import EventDraft, FactTable
from chassis.money import Money
from chassis.paging import Slice
from chassis.wire import from_money, from_time, write_time
from crm.customer.domain import from_ppm
from crm.outreach.domain import (
    Answer,
    Answered,
    Offer,
    OfferAnswered,
    OfferShown,
    OfferWithdrawn,
    Opportunity,
    OrderTerms,
    Preference,
    State,
    score_of,
)
from crm.touchpoint.wire import CONTACT_KINDS

WORTHS_MAX: Final = 4096

_STATES: Final = {
    State.CREATED: offer_pb2.Offer.STATE_CREATED,
    State.SHOWN: offer_pb2.Offer.STATE_SHOWN,
    State.LATER: offer_pb2.Offer.STATE_LATER,
    State.ACCEPTED: offer_pb2.Offer.STATE_ACCEPTED,
    State.DECLINED: offer_pb2.Offer.STATE_DECLINED,
    State.EXPIRED: offer_pb2.Offer.STATE_EXPIRED,
    State.WITHDRAWN: offer_pb2.Offer.STATE_WITHDRAWN,
}
_ANSWERS: Final = {
    Answer.ACCEPT: offer_pb2.ANSWER_ACCEPT,
    Answer.DECLINE: offer_pb2.ANSWER_DECLINE,
    Answer.LATER: offer_pb2.ANSWER_LATER,
}
_ANSWERS_READ: Final = {number: answer for answer, number in _ANSWERS.items()}


def answer(request: pb.AnswerOfferRequest) -> Answer:
    """Read what the customer said."""
    return _ANSWERS_READ[request.answer]


def wanted(request: pb.ListOpportunitiesRequest) -> dict[str, str]:
    """Read which opportunities are wanted."""
    return {
        "customer_id": request.customer_id,
        "campaign_id": request.campaign_id,
        "touchpoint_id": request.touchpoint_id,
        "partner_id": request.partner_id,
    }


def order_request(terms: OrderTerms) -> orders.PlaceOrderRequest:
    """Write what channels is asked for."""
    return orders.PlaceOrderRequest(
        partner_id=terms.partner_id,
        customer_id=terms.offer.customer_id,
        source=order_pb2.ORDER_SOURCE_OFFER,
        lines=[orders.PlaceOrderLine(product_id=terms.offer.product_id, quantity=terms.quantity)],
        offer_id=terms.offer.offer_id,
        campaign_id=terms.offer.campaign_id,
        offer_code=terms.offer.offer_code,
    )


def offer_to_proto(source: Offer) -> offer_pb2.Offer:
    """Write an offer as the contract has it."""
    message = offer_pb2.Offer()
    write_offer(message, source)
    return message


def write_offer(to: offer_pb2.Offer, source: Offer) -> None:
    """Write an offer in its place in a larger message, which a ready one would be copied into."""
    to.MergeFrom(_worth(source.value, source.propensity_ppm, source.propensity_source))
    to.offer_id = source.offer_id
    to.decision_id = source.decision_id
    to.customer_id = source.customer_id
    to.unit_id = source.unit_id
    to.campaign_id = source.campaign_id
    to.campaign_version = source.campaign_version
    to.offer_code = source.offer_code
    to.product_id = source.product_id
    to.wording = source.wording
    to.touchpoint_id = source.touchpoint_id
    to.touchpoint_kind = source.touchpoint_kind
    to.contact_kind = CONTACT_KINDS[source.contact_kind]
    write_time(to.create_time, source.create_time)
    write_time(to.expire_time, source.expire_time)
    _write_state(to, source)


def _write_state(to: offer_pb2.Offer, source: Offer) -> None:
    """Write what has become of an offer."""
    to.state = _STATES[source.state]
    to.partner_id = source.partner_id
    to.answered_by = source.answered_by
    to.order_id = source.order_id
    to.withdraw_reason = source.withdraw_reason
    to.version = source.version
    if source.show_time is not None:
        write_time(to.show_time, source.show_time)
    if source.answer_time is not None:
        write_time(to.answer_time, source.answer_time)


@lru_cache(maxsize=WORTHS_MAX)
def _worth(value: Money, propensity_ppm: int, propensity_source: str) -> offer_pb2.Offer:
    """Write the part that is the same for all customers without a score of their own.

    Shape: to be merged into an offer, never changed.
    """
    propensity = from_ppm(propensity_ppm)
    return offer_pb2.Offer(
        propensity=propensity,
        value=from_money(value),
        score=from_money(score_of(value, propensity_ppm)),
        factors=[
            offer_pb2.ScoreFactor(name="propensity", value=propensity, source=propensity_source),
            offer_pb2.ScoreFactor(name="value", value=value.major(), source="campaign"),
        ],
    )


def shown(source: Offer) -> pb.ShowOfferResponse:
    """Write the answer of ShowOffer."""
    return pb.ShowOfferResponse(offer=offer_to_proto(source))


def answered(source: Answered) -> pb.AnswerOfferResponse:
    """Write the answer of AnswerOffer."""
    return pb.AnswerOfferResponse(
        offer=offer_to_proto(source.offer),
        withdrawn_offer_ids=[one.offer_id for one in source.withdrawn],
    )


def withdrawn(source: Offer) -> pb.WithdrawOfferResponse:
    """Write the answer of WithdrawOffer."""
    return pb.WithdrawOfferResponse(offer=offer_to_proto(source))


def got(source: Offer) -> pb.GetOfferResponse:
    """Write the answer of GetOffer."""
    return pb.GetOfferResponse(offer=offer_to_proto(source))


def listed(found: Slice[Opportunity]) -> pb.ListOpportunitiesResponse:
    """Write the answer of ListOpportunities."""
    return pb.ListOpportunitiesResponse(
        opportunities=[
            pb.Opportunity(offer=offer_to_proto(one.offer), display_name=one.display_name)
            for one in found.items
        ],
        next_page_token=found.next_page_token,
    )


def preferred(source: Preference) -> pb.GetPreferenceResponse:
    """Write the answer of GetPreference."""
    return pb.GetPreferenceResponse(
        channels=[
            pb.ChannelPreference(
                channel=one.channel,
                accepted=one.accepted,
                share_percent=f"{one.share_permille // 10}.{one.share_permille % 10}",
            )
            for one in source.channels
        ],
        next_outbound_touchpoint_id=source.next_outbound_touchpoint_id,
    )


def _shown(fact: OfferShown) -> EventDraft:
    offer = fact.offer
    payload = events_pb2.OfferShown(
        offer_id=offer.offer_id,
        campaign_id=offer.campaign_id,
        offer_code=offer.offer_code,
        touchpoint_kind=offer.touchpoint_kind,
        contact_kind=CONTACT_KINDS[offer.contact_kind],
        unit_id=offer.unit_id,
        partner_id=offer.partner_id,
        show_time=from_time(offer.show_time) if offer.show_time else None,
    )
    return _draft(offer, payload)


def _answered(fact: OfferAnswered) -> EventDraft:
    offer = fact.offer
    payload = events_pb2.OfferAnswered(
        offer_id=offer.offer_id,
        campaign_id=offer.campaign_id,
        offer_code=offer.offer_code,
        product_id=offer.product_id,
        customer_id=offer.customer_id,
        touchpoint_kind=offer.touchpoint_kind,
        contact_kind=CONTACT_KINDS[offer.contact_kind],
        unit_id=offer.unit_id,
        partner_id=offer.partner_id,
        answer=_ANSWERS[Answer(offer.state.value)],
        order_id=offer.order_id,
        value=from_money(offer.value),
        answer_time=from_time(offer.answer_time) if offer.answer_time else None,
    )
    return _draft(offer, payload)


def _withdrawn(fact: OfferWithdrawn) -> EventDraft:
    offer = fact.offer
    payload = events_pb2.OfferWithdrawn(
        offer_id=offer.offer_id,
        campaign_id=offer.campaign_id,
        offer_code=offer.offer_code,
        touchpoint_kind=offer.touchpoint_kind,
        unit_id=offer.unit_id,
        reason=offer.withdraw_reason,
    )
    return _draft(offer, payload)


def _draft(offer: Offer, payload: Any) -> EventDraft:
    return EventDraft(payload, ordering_key=f"offer/{offer.offer_id}", keep="touch")


FACTS: Final[FactTable] = {
    OfferShown: _shown,
    OfferAnswered: _answered,
    OfferWithdrawn: _withdrawn,
}
