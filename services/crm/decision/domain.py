"""What a decision is, and the limits that leave a customer in peace.

The choice between offers is in `weighing`; here is what it is made from and what comes out. What is
made anew for every touch is a tuple with names: a frozen dataclass of as many fields takes four
times as long to make.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final, NamedTuple

from chassis.errors import FailedPrecondition, NotFound
from crm.customer.domain import AttributeValue, Kind, Status
from crm.outreach.domain import Offer
from crm.touchpoint.domain import ContactKind, Touchpoint

REJECTIONS_MAX: Final = 50


class EventType(StrEnum):
    """The four families of events."""

    BUSINESS_HANDLING = "BUSINESS_HANDLING"
    CALL_BEHAVIOUR = "CALL_BEHAVIOUR"
    NETWORK_LOCATION = "NETWORK_LOCATION"
    SERVICE_COMMUNICATION = "SERVICE_COMMUNICATION"


class Verdict(StrEnum):
    """What came of a decision."""

    OFFERED = "OFFERED"
    NOTHING_FITS = "NOTHING_FITS"
    DEFERRED = "DEFERRED"
    SUPPRESSED = "SUPPRESSED"


class Reason(StrEnum):
    """Why an offer was not made, or why none was."""

    MOMENT = "MOMENT"
    CAMPAIGN_NOT_LIVE = "CAMPAIGN_NOT_LIVE"
    SCORE_BELOW_CUT = "SCORE_BELOW_CUT"
    CONDITION_NOT_MET = "CONDITION_NOT_MET"
    CONDITION_FAILED = "CONDITION_FAILED"
    PRODUCT_UNAVAILABLE = "PRODUCT_UNAVAILABLE"
    PRODUCT_OWNED = "PRODUCT_OWNED"
    PRODUCT_EXCLUDED = "PRODUCT_EXCLUDED"
    PRODUCT_REQUIRES = "PRODUCT_REQUIRES"
    COOL_DOWN = "COOL_DOWN"
    CONTACT_CAP = "CONTACT_CAP"
    NO_CONSENT = "NO_CONSENT"
    RULE = "RULE"
    OUTRANKED = "OUTRANKED"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Name an offer that was weighed and not made, and why; `detail` is never personal."""

    campaign_id: str
    offer_code: str
    reason: Reason
    detail: str = ""


class Touch(NamedTuple):
    """Hold what a customer did."""

    customer_id: str
    touchpoint_id: str
    source: str
    event_id: str
    type: EventType
    name: str
    occur_time: datetime
    moment: str
    attributes: Mapping[str, AttributeValue]
    partner_id: str

    @property
    def names(self) -> tuple[str, ...]:
        """Return what rules may call the event: its family, and its own name when it has one."""
        return (self.type.value, self.name) if self.name else (self.type.value,)


class Profile(NamedTuple):
    """Hold everything that a decision knows of a customer, read in one statement.

    Shape: `units` from the root down to the customer's own; `declines` is campaign → when.
    """

    customer_id: str
    unit_id: str
    units: tuple[str, ...]
    kind: Kind
    status: Status
    time_zone: str
    tags: frozenset[str]
    consents: frozenset[str]
    attributes: Mapping[str, AttributeValue]
    scores: Mapping[str, int]
    owned: frozenset[str]
    outbound_times: tuple[datetime, ...]
    declines: Mapping[str, datetime]
    change_number: int


@dataclass(frozen=True, slots=True)
class ContactLimits:
    """Hold the policy `contact` as it is on the day.

    Source: R-250.
    """

    outbound_max: int
    window: timedelta
    quiet_from: time
    quiet_to: time
    cool_down: timedelta
    consent_kinds: frozenset[str]

    def cutoff(self, at: datetime) -> datetime:
        """Return the instant after which an outbound contact still counts."""
        return at - self.window

    def is_cooling(self, declined: datetime | None, at: datetime) -> bool:
        """Tell whether a no is still to be respected."""
        return declined is not None and at < declined + self.cool_down

    def refusal(self, profile: Profile, contact_kind: ContactKind, at: datetime) -> Reason | None:
        """Say why the company may not take the first step, or None when it may."""
        if contact_kind in self.consent_kinds and contact_kind not in profile.consents:
            return Reason.NO_CONSENT
        recent = sum(1 for one in profile.outbound_times if one > self.cutoff(at))
        return Reason.CONTACT_CAP if recent >= self.outbound_max else None

    def quiet_until(self, at: datetime, zone: tzinfo) -> datetime | None:
        """Return when quiet time ends in the customer's zone, or None when it is not quiet.

        Shape: from `quiet_from` inclusive to `quiet_to` exclusive, over midnight when the first is
            the later; two equal times mean no quiet at all.
        """
        local = at.astimezone(zone)
        now = local.time().replace(tzinfo=None)
        over_midnight = self.quiet_from > self.quiet_to
        if over_midnight:
            is_quiet = now >= self.quiet_from or now < self.quiet_to
        else:
            is_quiet = self.quiet_from <= now < self.quiet_to
        if not is_quiet:
            return None
        day = local.date()
        if over_midnight and now >= self.quiet_from:
            day += timedelta(days=1)
        return datetime.combine(day, self.quiet_to, tzinfo=zone).astimezone(UTC)


class Decision(NamedTuple):
    """Hold what was decided on a touch; fields as in the contract."""

    decision_id: str
    unit_id: str
    touch: Touch
    verdict: Verdict
    create_time: datetime
    offers: tuple[Offer, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    refusal: Reason | None = None
    deferred_until: datetime | None = None
    campaign_traceparents: tuple[str, ...] = ()

    def lose_contact(self) -> "Decision":
        """Take the offers back, because another decision took the last contact meanwhile."""
        return self._replace(
            verdict=Verdict.SUPPRESSED, offers=(), rejections=(), refusal=Reason.CONTACT_CAP
        )

    def require_same(self, touch: Touch) -> None:
        """Refuse an event id that meant another touch before.

        Errors: EventIdReused.
        """
        mine = (self.touch.customer_id, self.touch.touchpoint_id)
        if mine != (touch.customer_id, touch.touchpoint_id):
            raise EventIdReused(touch)


class Draft(NamedTuple):
    """Hold a decision before it is written, with what the database has to check then.

    Shape: `contact_cutoff` is absent when no contact is used up.
    """

    decision: Decision
    contact_cutoff: datetime | None = None
    contacts_max: int = 0


class Situation(NamedTuple):
    """Hold a touch, the customer and the place together, at the instant of the decision."""

    touch: Touch
    profile: Profile
    touchpoint: Touchpoint
    at: datetime

    @property
    def event_name(self) -> str:
        """Return what conditions call the event."""
        return self.touch.name or self.touch.type.value


class EventIdReused(FailedPrecondition):
    """The same source sent this event id before, for another customer or touchpoint."""

    reason = "EVENT_ID_REUSED"

    def __init__(self, touch: Touch) -> None:
        """Name the event."""
        super().__init__(
            f"event {touch.event_id} of {touch.source or 'no source'} was another touch",
            source=touch.source,
            eventId=touch.event_id,
        )


class DecisionNotFound(NotFound):
    """No decision has this id."""

    reason = "DECISION_NOT_FOUND"

    def __init__(self, decision_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no decision {decision_id}", decisionId=decision_id)
