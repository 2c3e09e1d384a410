"""Deciding, and looking at what was decided."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, tzinfo
from functools import partial
from typing import Final, TypeAlias
from zoneinfo import ZoneInfo

from chassis import scope
from chassis.database import Later, Transaction
from chassis.errors import MantleError
from chassis.ids import new_id
from chassis.outcome import Drafted, Outcome
from chassis.paging import Page, Slice
from chassis.period import local_date
from chassis.policy import conditions
from chassis.policy.book import PolicyBook
from chassis.policy.conditions import Condition
from chassis.policy.domain import Bindable, Policy
from chassis.scope import Caller
from crm.customer import usecases as customers
from crm.decision import storage
from crm.decision.domain import (
    ContactLimits,
    Decision,
    Draft,
    EventIdReused,
    Profile,
    Reason,
    Situation,
    Touch,
    Verdict,
)
from crm.decision.weighing import Choice, weigh
from crm.outreach import usecases as outreach
from crm.outreach.domain import Offer
from crm.policy_kinds import CONTACT, MARKETING_RULE, MAY_OFFER, scopes_of
from crm.rules import book
from crm.rules.book import RuleBook
from crm.rules.usecases import Picture
from crm.touchpoint.domain import TouchpointNotFound

RULINGS_MAX: Final = 10_000

# What the condition of the policy may ask for.
_ANSWERS: Final[Mapping[str, Callable[[Situation], Bindable]]] = {
    "kind": lambda situation: situation.profile.kind.value,
    "status": lambda situation: situation.profile.status.value,
    "tags": lambda situation: sorted(situation.profile.tags),
    "event_type": lambda situation: situation.event_name,
    "touchpoint_kind": lambda situation: situation.touchpoint.kind,
    "contact_kind": lambda situation: situation.touchpoint.contact_kind.value,
}


@dataclass(frozen=True, slots=True)
class Books:
    """Hold what decisions look up in memory, and the company's zone.

    Shape: `rulings` by the edition of the policies, the day, and the customer's units.
    """

    rules: RuleBook
    policies: PolicyBook
    zone: tzinfo
    rulings: "dict[tuple[int, date, tuple[str, ...]], Rulings]" = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rulings:
    """Hold what the policies of a day say for the customers of one unit."""

    limits: ContactLimits
    may_offer: Condition
    offers_max: int


Seen: TypeAlias = Profile | MantleError


def look(tx: Transaction, wanted: Sequence[tuple[Caller, Touch]]) -> Later[Sequence[Seen]]:
    """Read what is known of the customers of many touches: a profile or a refusal for each."""
    return storage.profiles(tx, [(who, touch.customer_id) for who, touch in wanted])


def decide(
    tx: Transaction,
    wanted: Sequence[tuple[Caller, Touch]],
    seen: Sequence[Seen],
    *,
    books: Books,
    at: datetime,
) -> Drafted[Decision]:
    """Decide what to offer on each of many touches, once an event, with what `look` has seen.

    Shape: a decision or a refusal for each, in their order: CustomerNotFound, OutOfScope,
        TouchpointNotFound, TouchpointOff, PolicyNotFound, ConditionFailed, EventIdReused.
        Customers who come twice are decided one after the other.
    Source: R-244, R-245, R-250, R-253.
    """
    desk = _Desk(tx, books, at=at)
    known = dict(enumerate(seen))
    outcomes: dict[int, Outcome[Decision] | MantleError] = {}
    while True:
        touches = _first_of_each({place: wanted[place][1] for place in known})
        turn = _Turn(desk, touches, known, outcomes=outcomes)
        left = [place for place in known if place not in outcomes]
        if not left:
            return turn
        turn.write()
        turn.mended()
        # Of a customer who comes again, more is known now.
        again = look(tx, [wanted[place] for place in left])()
        known = dict(zip(left, again, strict=True))


def _first_of_each(touches: Mapping[int, Touch]) -> dict[int, Touch]:
    """Return the first touch of each customer by its place."""
    firsts: dict[str, int] = {}
    for place, touch in touches.items():
        firsts.setdefault(touch.customer_id, place)
    return {place: touches[place] for place in firsts.values()}


class _Turn:
    """Decide for customers who are all different: in memory first, then write.

    Shape: `outcomes` by place, which those of earlier turns are in already.
    """

    def __init__(
        self,
        desk: "_Desk",
        touches: Mapping[int, Touch],
        known: Mapping[int, Seen],
        *,
        outcomes: dict[int, Outcome[Decision] | MantleError],
    ) -> None:
        self._tx = desk.tx
        self._outcomes = outcomes
        self._drafts: dict[int, Draft] = {}
        self._undone: Later[Mapping[str, bool]] = dict
        for place, touch in touches.items():
            try:
                draft = self._drafts[place] = desk.draft(touch, _of(known[place]))
                outcomes[place] = Outcome(draft.decision)
            except MantleError as refused:
                outcomes[place] = refused

    @property
    def drafted(self) -> Sequence[Outcome[Decision] | MantleError]:
        return [self._outcomes[place] for place in sorted(self._outcomes)]

    def write(self) -> None:
        if self._drafts:
            self._undone = storage.add_all(self._tx, list(self._drafts.values()))

    def is_as_drafted(self) -> bool:
        return not self._undone()

    def mended(self) -> Sequence[Outcome[Decision] | MantleError]:
        undone = self._undone()
        for place, draft in self._drafts.items():
            made = undone.get(draft.decision.decision_id)
            if made is not None:
                self._outcomes[place] = self._became(draft.decision, made=made)
        return self.drafted

    def _became(self, drafted: Decision, *, made: bool) -> Outcome[Decision] | MantleError:
        """Return what became of a decision that was not written as drafted."""
        if not made:
            return _again(self._tx, drafted.touch)
        # Rare: two decisions at once. The offers were not written; the verdict is put right.
        lost = drafted.lose_contact()
        storage.lose_contact(self._tx, lost)
        return Outcome(lost)


def _of(profile: Seen) -> Profile:
    if isinstance(profile, MantleError):
        raise profile
    return profile


def _again(tx: Transaction, touch: Touch) -> Outcome[Decision] | MantleError:
    """Return the decision that an event had before."""
    before = storage.of_event(tx, touch.source, touch.event_id)
    try:
        before.require_same(touch)
    except EventIdReused as refused:
        return refused
    return Outcome(_with_offers(tx, before))


def get(tx: Transaction, *, decision_id: str, by: Caller) -> Decision:
    """Return a decision with its offers as they are now.

    Errors: DecisionNotFound, OutOfScope.
    """
    found = storage.get(tx, decision_id)
    scope.require(tx, by, found.unit_id)
    return _with_offers(tx, found)


def timeline(tx: Transaction, *, customer_id: str, page: Page, by: Caller) -> Slice[Decision]:
    """Return a page of what a customer did, the newest first.

    Errors: CustomerNotFound, OutOfScope, PageTokenInvalid.
    Source: R-242.
    """
    customers.get(tx, customer_id=customer_id, by=by)
    return storage.timeline(tx, page, customer_id=customer_id)


class _Desk:
    """Decide in memory at one instant."""

    def __init__(self, tx: Transaction, books: Books, *, at: datetime) -> None:
        self.tx = tx
        self._books = books
        self._at = at
        self._today = local_date(at, books.zone)
        self._edition = books.policies.edition(tx)

    def draft(self, touch: Touch, profile: Profile) -> Draft:
        """Decide: first whether the customer is left in peace, then what fits best.

        Errors: TouchpointNotFound, TouchpointOff, PolicyNotFound, ConditionFailed.
        """
        picture = self._books.rules.at(self.tx, profile.change_number)
        touchpoint = picture.touchpoints.get(touch.touchpoint_id)
        if touchpoint is None:
            raise TouchpointNotFound(touch.touchpoint_id)
        touchpoint.require_active()
        situation = Situation(touch, profile, touchpoint, self._at)
        rulings = self._rulings_for(profile.units)
        refused = self._peace(situation, rulings)
        if refused is not None:
            return Draft(refused)
        made = _weighed(situation, picture, rulings)
        if not (touchpoint.is_outbound and made.offers):
            return Draft(made)
        limits = rulings.limits
        return Draft(made, contact_cutoff=limits.cutoff(self._at), contacts_max=limits.outbound_max)

    def _rulings_for(self, units: tuple[str, ...]) -> Rulings:
        remembered, key = self._books.rulings, (self._edition, self._today, units)
        known = remembered.get(key)
        if known is None:
            if len(remembered) >= RULINGS_MAX:
                remembered.clear()
            known = remembered[key] = self._looked_up(scopes_of(units))
        return known

    def _looked_up(self, scopes: Sequence[str]) -> Rulings:
        in_force = partial(self._books.policies.in_force, self.tx, scopes=scopes, on=self._today)
        contact, marketing = in_force(kind=CONTACT), in_force(kind=MARKETING_RULE)
        return Rulings(
            limits=_limits(contact),
            may_offer=conditions.condition_of(marketing, MAY_OFFER),
            offers_max=marketing.parameters.integer("offers_max"),
        )

    def _peace(self, situation: Situation, rulings: Rulings) -> Decision | None:
        """Return the decision that leaves the customer in peace, or None when offers may be
        made."""
        limits = rulings.limits
        may_offer = rulings.may_offer
        if not may_offer.holds_for({name: _ANSWERS[name](situation) for name in may_offer.asked}):
            return _verdict(situation, Verdict.SUPPRESSED, refusal=Reason.RULE)
        if not situation.touchpoint.is_outbound:
            return None
        refusal = limits.refusal(situation.profile, situation.touchpoint.contact_kind, self._at)
        if refusal is not None:
            return _verdict(situation, Verdict.SUPPRESSED, refusal=refusal)
        own = situation.profile.time_zone
        quiet_until = limits.quiet_until(self._at, ZoneInfo(own) if own else self._books.zone)
        if quiet_until is not None:
            return _verdict(situation, Verdict.DEFERRED, deferred_until=quiet_until)
        return None


def _limits(contact: Policy) -> ContactLimits:
    values = contact.parameters
    return ContactLimits(
        outbound_max=values.integer("outbound_max"),
        window=timedelta(days=values.integer("window_days")),
        quiet_from=values.time("quiet_from"),
        quiet_to=values.time("quiet_to"),
        cool_down=timedelta(days=values.integer("cool_down_days")),
        consent_kinds=frozenset(values.texts("consent_kinds")),
    )


def _weighed(situation: Situation, picture: Picture, rulings: Rulings) -> Decision:
    weighed = weigh(
        situation,
        picture.index,
        products=picture.products,
        limits=rulings.limits,
        offers_max=rulings.offers_max,
        holds=book.holds,
    )
    decision_id = new_id()
    return Decision(
        decision_id=decision_id,
        unit_id=situation.profile.unit_id,
        touch=situation.touch,
        verdict=Verdict.OFFERED if weighed.chosen else Verdict.NOTHING_FITS,
        create_time=situation.at,
        offers=tuple([_offer(decision_id, situation, choice) for choice in weighed.chosen]),
        rejections=weighed.rejections,
        campaign_traceparents=tuple([one.rule.campaign.traceparent for one in weighed.chosen]),
    )


def _verdict(
    situation: Situation,
    verdict: Verdict,
    *,
    refusal: Reason | None = None,
    deferred_until: datetime | None = None,
) -> Decision:
    return Decision(
        decision_id=new_id(),
        unit_id=situation.profile.unit_id,
        touch=situation.touch,
        verdict=verdict,
        create_time=situation.at,
        refusal=refusal,
        deferred_until=deferred_until,
    )


def _offer(decision_id: str, situation: Situation, choice: Choice) -> Offer:
    terms, campaign = choice.rule.terms, choice.rule.campaign
    return Offer(
        offer_id=new_id(),
        decision_id=decision_id,
        customer_id=situation.profile.customer_id,
        unit_id=situation.profile.unit_id,
        campaign_id=campaign.campaign_id,
        campaign_version=campaign.version,
        offer_code=terms.offer_code,
        product_id=terms.product_id,
        wording=terms.wording,
        touchpoint_id=situation.touchpoint.touchpoint_id,
        touchpoint_kind=situation.touchpoint.kind,
        contact_kind=situation.touchpoint.contact_kind,
        partner_id=situation.touch.partner_id,
        propensity_ppm=choice.propensity_ppm,
        propensity_source=choice.source,
        value=terms.value,
        create_time=situation.at,
        expire_time=situation.at + timedelta(days=terms.valid_days),
    )


def _with_offers(tx: Transaction, decision: Decision) -> Decision:
    return decision._replace(offers=tuple(outreach.of_decision(tx, decision.decision_id)))
