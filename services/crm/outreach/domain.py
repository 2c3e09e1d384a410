"""What an offer is, its table of moves, and what answers do to it.

An offer is made by a decision and nowhere else; here it only lives on.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound
from chassis.money import Money, round_half_up
from crm.customer.domain import PPM
from crm.touchpoint.domain import ContactKind, Touchpoint

ACCEPTED_ELSEWHERE: Final = "ACCEPTED_ELSEWHERE"


class State(StrEnum):
    """What has become of an offer."""

    CREATED = "CREATED"
    SHOWN = "SHOWN"
    LATER = "LATER"
    ACCEPTED = "ACCEPTED"
    DECLINED = "DECLINED"
    EXPIRED = "EXPIRED"
    WITHDRAWN = "WITHDRAWN"


OPEN: Final = frozenset({State.CREATED, State.SHOWN, State.LATER})
_GONE: Final = frozenset({State.EXPIRED, State.WITHDRAWN})
_ANSWERED: Final = frozenset({State.ACCEPTED, State.DECLINED, State.LATER})

MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.CREATED: frozenset({State.SHOWN}) | _GONE,
    State.SHOWN: _ANSWERED | _GONE,
    State.LATER: frozenset({State.SHOWN}) | _ANSWERED | _GONE,
    State.ACCEPTED: frozenset(),
    State.DECLINED: frozenset(),
    State.EXPIRED: frozenset(),
    State.WITHDRAWN: frozenset(),
}


class Answer(StrEnum):
    """What a customer said; the value is the state that follows."""

    ACCEPT = "ACCEPTED"
    DECLINE = "DECLINED"
    LATER = "LATER"


class Offer(NamedTuple):
    """Hold an offer made to one customer at one touchpoint; fields as in the contract.

    Units: `propensity_ppm` in millionths.
    """

    offer_id: str
    decision_id: str
    customer_id: str
    unit_id: str
    campaign_id: str
    campaign_version: int
    offer_code: str
    product_id: str
    wording: str
    touchpoint_id: str
    touchpoint_kind: str
    contact_kind: ContactKind
    partner_id: str
    propensity_ppm: int
    propensity_source: str
    value: Money
    create_time: datetime
    expire_time: datetime
    state: State = State.CREATED
    show_time: datetime | None = None
    answer_time: datetime | None = None
    answered_by: str = ""
    order_id: str = ""
    withdraw_reason: str = ""
    version: int = 1

    @property
    def score(self) -> Money:
        """Return propensity times value, rounded half up once."""
        return score_of(self.value, self.propensity_ppm)

    def show(self, *, at: datetime) -> "Offer":
        """Note that the customer has seen it.

        Errors: OfferStateForbids.
        """
        self.require_move(State.SHOWN, at=at)
        return self._moved(State.SHOWN, show_time=self.show_time or at)

    def answer(
        self, answer: Answer, *, order_id: str, partner_id: str, by: str, at: datetime
    ) -> "Offer":
        """Note what the customer said; an accepted offer names its order and who sells.

        Errors: OfferStateForbids.
        """
        to = State(answer.value)
        self.require_move(to, at=at)
        return self._moved(
            to,
            answer_time=at,
            answered_by=by,
            order_id=order_id,
            partner_id=partner_id or self.partner_id,
        )

    def become_order(self, *, order_id: str, partner_id: str, by: str, at: datetime) -> "Offer":
        """Take over that channels has an order for it, whatever the answer's own call came to.

        Shape: allowed wherever the offer is open, because the order is a fact.
        """
        assert self.state in OPEN, "an offer that is not open becomes no order"
        return self._moved(
            State.ACCEPTED,
            answer_time=at,
            answered_by=by,
            order_id=order_id,
            partner_id=partner_id or self.partner_id,
        )

    def withdraw(self, reason: str, *, at: datetime) -> "Offer":
        """Take it back.

        Errors: OfferStateForbids.
        """
        self.require_move(State.WITHDRAWN, at=at)
        return self._moved(State.WITHDRAWN, withdraw_reason=reason)

    def require_move(self, to: State, *, at: datetime) -> None:
        """Refuse a move that the table does not have, and any after the offer expired.

        Errors: OfferStateForbids.
        """
        state = State.EXPIRED if self.is_expired(at) else self.state
        if to not in MOVES[state]:
            raise OfferStateForbids(self.offer_id, state, to=to)

    def is_expired(self, at: datetime) -> bool:
        """Tell whether nobody answered in time, also before a tick has written that down."""
        return self.state in OPEN and at >= self.expire_time

    def _moved(self, to: State, **changes: object) -> "Offer":
        return self._replace(state=to, version=self.version + 1, **changes)  # type: ignore[arg-type]


def score_of(value: Money, propensity_ppm: int) -> Money:
    """Return propensity times value, rounded half up once."""
    minor = round_half_up(value.amount_minor * propensity_ppm, PPM)
    return Money(value.currency_code, minor)


@dataclass(frozen=True, slots=True)
class OfferShown:
    """A customer has seen an offer."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class OfferAnswered:
    """A customer has answered an offer."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class OfferWithdrawn:
    """An open offer was taken back."""

    offer: Offer


@dataclass(frozen=True, slots=True)
class OrderTerms:
    """Say what channels is to be asked for when an offer is accepted."""

    offer: Offer
    partner_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class Answered:
    """Tell what an answer did: the offer, and the others that were taken back."""

    offer: Offer
    withdrawn: tuple[Offer, ...] = ()


@dataclass(frozen=True, slots=True)
class Opportunity:
    """Hold an open offer with the customer's name, which is personal."""

    offer: Offer
    display_name: str


@dataclass(frozen=True, slots=True)
class ChannelCount:
    """Tell how many offers a customer accepted through a channel, of how many in all."""

    channel: str
    accepted: int
    total: int

    @property
    def share_permille(self) -> int:
        """Return the share of all accepted offers in thousandths, rounded half up."""
        return (2000 * self.accepted + self.total) // (2 * self.total)


@dataclass(frozen=True, slots=True)
class Preference:
    """Tell where a customer accepts offers, the most used channel first."""

    channels: tuple[ChannelCount, ...]
    next_outbound_touchpoint_id: str


def preference_of(
    accepted: Mapping[str, int],
    touchpoints: Collection[Touchpoint],
    *,
    consents: frozenset[ContactKind],
    needs_consent: frozenset[str],
) -> Preference:
    """Rank channels by accepted offers, and choose the touchpoint for the next outbound contact.

    Shape: `accepted` is kind of touchpoint → accepted offers. The touchpoint is active, outbound,
        of the first channel that has one, and needs no consent that the customer has not given.
    Source: R-251.
    """
    channel_of = {one.kind: one.channel for one in touchpoints}
    counts: dict[str, int] = {}
    for kind, count in accepted.items():
        channel = channel_of.get(kind, kind)
        counts[channel] = counts.get(channel, 0) + count
    total = sum(counts.values())
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    outbound = {
        one.channel: one.touchpoint_id
        for one in sorted(touchpoints, key=lambda one: one.touchpoint_id, reverse=True)
        if one.is_outbound
        and one.active
        and (one.contact_kind not in needs_consent or one.contact_kind in consents)
    }
    chosen = next((outbound[name] for name, _ in ranked if name in outbound), "")
    return Preference(tuple(ChannelCount(name, count, total) for name, count in ranked), chosen)


class OfferNotFound(NotFound):
    """No offer has this id."""

    reason = "OFFER_NOT_FOUND"

    def __init__(self, offer_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no offer {offer_id}", offerId=offer_id)


class OfferStateForbids(FailedPrecondition):
    """The offer's state does not allow the move."""

    reason = "OFFER_STATE_FORBIDS"

    def __init__(self, offer_id: str, state: State, *, to: State) -> None:
        """Name the offer and the move."""
        super().__init__(
            f"offer {offer_id} is {state} and cannot become {to}",
            offerId=offer_id,
            state=state,
            to=to,
        )


class OfferAlreadyAccepted(AlreadyExists):
    """The customer has accepted this offer, or another one of the campaign, already."""

    reason = "OFFER_ALREADY_ACCEPTED"

    def __init__(self, offer_id: str) -> None:
        """Name the offer."""
        super().__init__(f"offer {offer_id} has been sold already", offerId=offer_id)


class CampaignNotLive(FailedPrecondition):
    """The offer's campaign is not running now."""

    reason = "CAMPAIGN_NOT_LIVE"

    def __init__(self, campaign_id: str, state: str) -> None:
        """Name the campaign and its state."""
        super().__init__(f"campaign {campaign_id} is {state}", campaignId=campaign_id, state=state)


class PartnerMissing(FailedPrecondition):
    """Nobody is named who sells."""

    reason = "PARTNER_MISSING"

    def __init__(self, offer_id: str) -> None:
        """Name the offer."""
        super().__init__(f"nobody is named who sells offer {offer_id}", offerId=offer_id)


class OrderRefused(FailedPrecondition):
    """Channels refused the order; the offer stays open."""

    reason = "ORDER_REFUSED"

    def __init__(self, offer_id: str, order_reason: str) -> None:
        """Name the offer and channels' reason."""
        super().__init__(
            f"the order for offer {offer_id} was refused: {order_reason}",
            offerId=offer_id,
            orderReason=order_reason,
        )
