"""What is done with offers after they were made."""

from collections.abc import Collection
from datetime import date, datetime
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.errors import Conflict, MantleError
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import usecases as policies
from chassis.scope import Caller
from crm.customer import usecases as customers
from crm.customer.domain import Subscription, SubscriptionState
from crm.outreach import storage
from crm.outreach.domain import (
    ACCEPTED_ELSEWHERE,
    OPEN,
    Answer,
    Answered,
    CampaignNotLive,
    Offer,
    OfferAlreadyAccepted,
    OfferAnswered,
    OfferShown,
    OfferStateForbids,
    OfferWithdrawn,
    Opportunity,
    OrderTerms,
    PartnerMissing,
    Preference,
    State,
    preference_of,
)
from crm.policy_kinds import CONTACT, scopes_of
from crm.rules import usecases as rules
from crm.rules.domain import CampaignState
from crm.touchpoint import usecases as touchpoints

TICK_SIZE: Final = 1000


def show(tx: Transaction, *, offer_id: str, by: Caller, at: datetime) -> Outcome[Offer]:
    """Note that the customer has seen an offer.

    Errors: OfferNotFound, OutOfScope, OfferStateForbids, CampaignNotLive.
    """
    before = _held(tx, offer_id, by)
    _require_campaign(tx, before, allowed={CampaignState.LIVE})
    after = before.show(at=at)
    storage.save(tx, [after])
    return Outcome(after, facts=[OfferShown(after)])


def order_terms(
    tx: Transaction,
    *,
    offer_id: str,
    answer: Answer,
    partner_id: str,
    quantity: int,
    by: Caller,
    at: datetime,
) -> OrderTerms | None:
    """Say what to ask channels for before an answer is recorded; None when nothing is ordered.

    Shape: what stands against a yes is not raised here but by `record_answer`: a twin of this
        request may just have accepted the offer, and then its reply is the answer.
    Errors: OfferNotFound, OutOfScope.
    """
    offer = storage.get(tx, offer_id)
    scope.require(tx, by, offer.unit_id)
    if answer is not Answer.ACCEPT:
        return None
    # An order's event may have accepted the offer after this request's first call had died; only
    # channels knows whose order it is.
    is_open = offer.state is not State.ACCEPTED
    if is_open and _obstacle(tx, offer, partner_id=partner_id, at=at) is not None:
        return None
    return OrderTerms(offer, partner_id or offer.partner_id, quantity or 1)


def record_answer(
    tx: Transaction,
    *,
    offer_id: str,
    answer: Answer,
    partner_id: str,
    terms: OrderTerms | None,
    order_id: str,
    by: Caller,
    at: datetime,
) -> Outcome[Answered]:
    """Keep what the customer said; a yes takes the customer's other offers of the campaign back.

    Shape: `order_id` is the order that channels placed; empty when nothing was asked for, and when
        channels has another order for the offer.
    Errors: OfferNotFound, OutOfScope, OfferStateForbids, OfferAlreadyAccepted, CampaignNotLive,
        PartnerMissing; Conflict when what stood against a yes has just gone.
    Source: R-249, R-252.
    """
    found = storage.get(tx, offer_id)
    scope.require(tx, by, found.unit_id)
    before, others = storage.lock_siblings(tx, found)
    if order_id and before.order_id == order_id:
        # The order's own event was faster than this call; the fact is told already.
        return Outcome(Answered(before))
    if answer is Answer.ACCEPT:
        _require_sale(before, others)
        if terms is None:
            gone = Conflict(f"offer {offer_id} can be accepted now; repeat")
            raise _obstacle(tx, before, partner_id=partner_id, at=at) or gone
        if not order_id:
            raise OfferAlreadyAccepted(offer_id)
    after = before.answer(
        answer,
        order_id=order_id,
        partner_id=terms.partner_id if terms else "",
        by=by.actor,
        at=at,
    )
    if answer is Answer.DECLINE:
        storage.note_decline(tx, after, at=at)
    if answer is not Answer.ACCEPT:
        storage.save(tx, [after])
        return Outcome(Answered(after), facts=[OfferAnswered(after)])
    return _sold(tx, after, others, at=at)


def take_over_order(
    tx: Transaction, *, offer_id: str, order_id: str, partner_id: str, by: str, at: datetime
) -> Outcome[None]:
    """Accept the offer that an order names, unless it is accepted or gone already.

    The answer's own call does this as a rule; here it is made good when that call died after
    channels had placed the order.
    """
    found = storage.find(tx, offer_id)
    if found is None:
        return Outcome(None)
    before, others = storage.lock_siblings(tx, found)
    if before.state not in OPEN or any(one.state is State.ACCEPTED for one in others):
        return Outcome(None)
    after = before.become_order(order_id=order_id, partner_id=partner_id, by=by, at=at)
    return Outcome(None, facts=_sold(tx, after, others, at=at).facts)


def is_lost(tx: Transaction, *, offer_id: str, order_id: str) -> bool:
    """Tell whether an order was placed in vain, because the opportunity went to somebody else."""
    offer = storage.get(tx, offer_id)
    if offer.order_id == order_id:
        return False
    return offer.state not in OPEN or storage.is_sold(tx, offer)


def withdraw(
    tx: Transaction, *, offer_id: str, why: str, by: Caller, at: datetime
) -> Outcome[Offer]:
    """Take an open offer back.

    Errors: OfferNotFound, OutOfScope, OfferStateForbids.
    """
    after = _held(tx, offer_id, by).withdraw(why, at=at)
    storage.save(tx, [after])
    return Outcome(after, facts=[OfferWithdrawn(after)])


def withdraw_of_campaigns_over(tx: Transaction, *, at: datetime) -> Outcome[bool]:
    """Take back open offers of campaigns that were stopped or have ended, 1,000 at most.

    Shape: True when there may be more.
    Source: R-279: within 5 s of the command.
    """
    found = storage.open_of_campaigns_over(tx, limit=TICK_SIZE)
    withdrawn = [
        one.withdraw(f"CAMPAIGN_{state}", at=at) for one, state in found if not one.is_expired(at)
    ]
    storage.save(tx, withdrawn)
    return Outcome(
        len(withdrawn) == TICK_SIZE, facts=[OfferWithdrawn(offer) for offer in withdrawn]
    )


def expire(tx: Transaction, *, at: datetime) -> Outcome[bool]:
    """Write down that offers have expired, 1,000 at most; True when there may be more."""
    return Outcome(storage.expire(tx, at=at, limit=TICK_SIZE) == TICK_SIZE)


def get(tx: Transaction, *, offer_id: str, by: Caller) -> Offer:
    """Return an offer.

    Errors: OfferNotFound, OutOfScope.
    """
    found = storage.get(tx, offer_id)
    scope.require(tx, by, found.unit_id)
    return found


def of_decision(tx: Transaction, decision_id: str) -> list[Offer]:
    """Return the offers that a decision made, the best first."""
    return storage.of_decision(tx, decision_id)


def opportunities(
    tx: Transaction, *, page: Page, wanted: dict[str, str], by: Caller, at: datetime
) -> Slice[Opportunity]:
    """Return a page of the open offers in the caller's scope, the newest first.

    Errors: PageTokenInvalid.
    """
    return storage.opportunities(tx, page, units=scope.units_of(by), wanted=wanted, at=at)


def preference(tx: Transaction, *, customer_id: str, by: Caller, today: date) -> Preference:
    """Tell where a customer accepts offers.

    Errors: CustomerNotFound, OutOfScope, PolicyNotFound.
    """
    customer = customers.get(tx, customer_id=customer_id, by=by)
    contact = policies.in_force(tx, kind=CONTACT, scopes=scopes_of([customer.unit_id]), on=today)
    return preference_of(
        storage.accepted_by_kind(tx, customer_id),
        touchpoints.every(tx),
        consents=customer.consents,
        needs_consent=frozenset(contact.parameters.texts("consent_kinds")),
    )


def _held(tx: Transaction, offer_id: str, by: Caller) -> Offer:
    found = storage.get(tx, offer_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _require_campaign(tx: Transaction, offer: Offer, *, allowed: Collection[CampaignState]) -> None:
    state = rules.campaign_state(tx, campaign_id=offer.campaign_id)
    if state not in allowed:
        raise CampaignNotLive(offer.campaign_id, state or "UNKNOWN")


def _obstacle(
    tx: Transaction, offer: Offer, *, partner_id: str, at: datetime
) -> MantleError | None:
    """Return what stands against accepting an offer, or None."""
    try:
        if storage.is_sold(tx, offer):
            return OfferAlreadyAccepted(offer.offer_id)
        offer.require_move(State.ACCEPTED, at=at)
        _require_campaign(tx, offer, allowed={CampaignState.LIVE, CampaignState.PAUSED})
    except (OfferStateForbids, CampaignNotLive) as obstacle:
        return obstacle
    return None if partner_id or offer.partner_id else PartnerMissing(offer.offer_id)


def _require_sale(before: Offer, others: Collection[Offer]) -> None:
    if any(one.state is State.ACCEPTED for one in [before, *others]):
        raise OfferAlreadyAccepted(before.offer_id)


def _sold(tx: Transaction, after: Offer, others: list[Offer], *, at: datetime) -> Outcome[Answered]:
    """Keep a sale and take the customer's other open offers of the campaign back."""
    withdrawn = [
        one.withdraw(ACCEPTED_ELSEWHERE, at=at)
        for one in others
        if one.state in OPEN and not one.is_expired(at)
    ]
    storage.save(tx, [after, *withdrawn])
    ordered = Subscription(after.product_id, SubscriptionState.ORDERED, at)
    customers.note_orders(tx, [(after.customer_id, ordered)])
    return Outcome(
        Answered(after, tuple(withdrawn)),
        facts=[OfferAnswered(after), *(OfferWithdrawn(one) for one in withdrawn)],
    )
