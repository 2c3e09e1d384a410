"""Customers meet the company: what happens at a touchpoint, from the event to the delivery.

Who touches where and when follows from the seed. What the customer answers is simulated, too: the
chance of a yes is the offer's propensity, adjusted by what the data set says of the customer.
Everything else is decided by the services.
"""

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from mantle.channels.v1 import order_pb2, order_service_pb2
from mantle.crm.v1 import (
    decision_pb2,
    decision_service_pb2,
    offer_pb2,
    outreach_service_pb2,
    touchpoint_pb2,
)

from chassis import telemetry
from local.demo.desk import Person, Refused
from local.demo.scene import Scene, stamp
from local.demo.source import Known

HANDLING: Final = decision_pb2.EVENT_TYPE_BUSINESS_HANDLING
CALLS: Final = decision_pb2.EVENT_TYPE_CALL_BEHAVIOUR
LOCATION: Final = decision_pb2.EVENT_TYPE_NETWORK_LOCATION
TALK: Final = decision_pb2.EVENT_TYPE_SERVICE_COMMUNICATION

# What happens where: family of the event, its name, the partner who sells, the role that acts.
SCRIPT: Final[dict[str, tuple[decision_pb2.EventType.ValueType, str, str, str]]] = {
    "HOTLINE": (TALK, "QUESTION_ASKED", "WEB", "customer_service"),
    "IVR": (CALLS, "MENU_CALLED", "WEB", "customer_service"),
    "OUTBOUND_CALL": (HANDLING, "CONTRACT_ENDS_SOON", "WEB", "customer_service"),
    "SMS": (LOCATION, "HOME_REACHED", "WEB", "channel_manager"),
    "MMS": (CALLS, "DATA_VOLUME_USED", "WEB", "channel_manager"),
    "HALL": (HANDLING, "BILL_PAID", "HALL", "front_line"),
    "SELF_SERVICE": (HANDLING, "BILL_PAID", "HALL", "front_line"),
    "STAFF_WINDOW": (TALK, "PROBLEM_REPORTED", "HALL", "front_line"),
    "AGENT": (HANDLING, "CARD_CHARGED", "AG", "front_line"),
    "VISIT": (HANDLING, "CONTRACT_ENDS_SOON", "AG", "front_line"),
    "WEB": (CALLS, "DATA_VOLUME_USED", "WEB", "channel_manager"),
    "WEB_CHAT": (TALK, "QUESTION_ASKED", "WEB", "customer_service"),
    "EMAIL": (HANDLING, "BILL_SENT", "WEB", "channel_manager"),
    "APP": (CALLS, "DATA_VOLUME_USED", "WEB", "channel_manager"),
    "APP_PUSH": (LOCATION, "HOME_REACHED", "WEB", "channel_manager"),
    "SOCIAL": (TALK, "QUESTION_ASKED", "WEB", "channel_manager"),
}
RESOLVED_SHARE: Final = 0.8
LEFT_BEFORE_SHOWN_SHARE: Final = 0.04
LATER_SHARE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Touch:
    """Say who touches the company where; `key` is unique within the platform's life."""

    key: str
    customer: Known
    touchpoint: touchpoint_pb2.Touchpoint


@dataclass(slots=True)
class Visit:
    """Hold what came of one touch.

    Shape: `waited` when the order needed a receipt or goods first.
    Units: `decide_s` seconds as the touchpoint saw them.
    """

    touch: Touch
    trace_id: str = ""
    traceparent: str = ""
    decide_s: float = 0.0
    decision: Any = None
    shown: bool = False
    answer: offer_pb2.Answer.ValueType = offer_pb2.ANSWER_UNSPECIFIED
    withdrawn: int = 0
    order: Any = None
    waited: bool = False
    rejections: list[Any] = field(default_factory=list)

    @property
    def offer(self) -> Any:
        """Return the best offer, or None."""
        return self.decision.offers[0] if self.decision.offers else None


def play(scene: Scene, touches: Sequence[Touch]) -> tuple[list[Visit], float]:
    """Let customers touch the company, several at once; return what came of it, and the seconds."""
    begin_s = time.monotonic()
    with ThreadPoolExecutor(scene.size.in_flight) as pool:
        visits = list(pool.map(lambda touch: visit(scene, touch), touches))
    return visits, time.monotonic() - begin_s


def visit(scene: Scene, touch: Touch) -> Visit:
    """Play one touch to its end, in a trace of its own."""
    seen = Visit(touch)
    with scene.desk.begin("touch", customer_id=touch.customer.customer_id) as span:
        seen.traceparent = telemetry.traceparent()
        seen.trace_id = f"{span.get_span_context().trace_id:032x}"
        decide(scene, seen)
        if seen.offer is not None:
            _talk(scene, seen)
        if seen.order is not None:
            fulfil(scene, seen)
    return seen


def decide(scene: Scene, seen: Visit) -> None:
    """Ask for what to offer."""
    touch = seen.touch
    begin_s = time.monotonic()
    seen.decision = _staff(scene, touch).ask(decision_request(scene, touch)).decision
    seen.decide_s = time.monotonic() - begin_s
    seen.rejections = list(seen.decision.rejections)


def decision_request(scene: Scene, touch: Touch) -> decision_service_pb2.DecideRequest:
    """Write the event of a touch as its touchpoint reports it."""
    family, name, partner, _ = SCRIPT[touch.touchpoint.kind]
    resolved = scene.chance("moment", touch.key).random() < RESOLVED_SHARE
    return decision_service_pb2.DecideRequest(
        customer_id=touch.customer.customer_id,
        touchpoint_id=touch.touchpoint.touchpoint_id,
        event=decision_service_pb2.TouchEvent(
            event_id=touch.key,
            source=touch.touchpoint.touchpoint_id,
            type=family,
            name=name,
            occur_time=stamp(scene.clock.now()),
            moment="resolved" if resolved else "open",
        ),
        partner_id=_seller(partner, touch.customer) if partner == "AG" else "",
    )


def chance_of_yes(offer: offer_pb2.Offer, customer: Known) -> float:
    """Return how likely the simulated customer accepts: the offer's propensity, adjusted."""
    chance = float(offer.propensity)
    chance *= 0.8 if customer.month_to_month else 1.15
    chance *= 1.3 if customer.senior and offer.offer_code == "HELP" else 1.0
    chance *= 1.2 if customer.tenure_months >= 48 else 1.0
    chance *= 0.85 if customer.monthly_charges_minor >= 9_000 else 1.0
    return min(chance, 0.95)


def fulfil(scene: Scene, seen: Visit) -> None:
    """Send and hand over what was ordered, unless the order has to wait."""
    logistics = scene.desk.person("logistics")
    asked = order_service_pb2.GetOrderRequest(order_id=seen.order.order_id)
    seen.order = logistics.ask(asked).order
    if seen.order.state == order_pb2.Order.STATE_CREDIT_HOLD:
        return
    try:
        seen.order = deliver(scene, seen.order)
    except Refused as refused:
        if refused.reason != "STOCK_INSUFFICIENT":
            raise


def deliver(scene: Scene, order: order_pb2.Order) -> order_pb2.Order:
    """Send the goods of an order and hand them over.

    Errors: Refused, with STOCK_INSUFFICIENT when there are none.
    """
    logistics = scene.desk.person("logistics")
    logistics.ask(
        order_service_pb2.ShipOrderRequest(order_id=order.order_id, carrier="own courier")
    )
    delivery = order_service_pb2.DeliverOrderRequest(
        order_id=order.order_id, proof=f"slip {order.contract_number}"
    )
    delivered: order_pb2.Order = logistics.ask(delivery).order
    return delivered


def _talk(scene: Scene, seen: Visit) -> None:
    offer, touch = seen.offer, seen.touch
    chance = scene.chance("answer", touch.key)
    if chance.random() < LEFT_BEFORE_SHOWN_SHARE:
        return
    staff = _staff(scene, touch)
    staff.ask(outreach_service_pb2.ShowOfferRequest(offer_id=offer.offer_id))
    seen.shown = True
    seen.answer = _answer(chance.random(), chance_of_yes(offer, touch.customer), chance.random())
    request = outreach_service_pb2.AnswerOfferRequest(offer_id=offer.offer_id, answer=seen.answer)
    if seen.answer == offer_pb2.ANSWER_ACCEPT:
        request.partner_id = _seller(SCRIPT[touch.touchpoint.kind][2], touch.customer)
    try:
        answered = staff.ask(request)
    except Refused as refused:
        # Another touchpoint was faster: the same opportunity is worked in one place.
        if refused.reason not in {"OFFER_STATE_FORBIDS", "OFFER_ALREADY_ACCEPTED"}:
            raise
        seen.answer = offer_pb2.ANSWER_UNSPECIFIED
        return
    seen.withdrawn = len(answered.withdrawn_offer_ids)
    if answered.offer.order_id:
        seen.order = order_pb2.Order(order_id=answered.offer.order_id)


def _answer(dice: float, yes: float, second: float) -> offer_pb2.Answer.ValueType:
    if dice < yes:
        return offer_pb2.ANSWER_ACCEPT
    return offer_pb2.ANSWER_LATER if second < LATER_SHARE else offer_pb2.ANSWER_DECLINE


def _staff(scene: Scene, touch: Touch) -> Person:
    return scene.desk.person(SCRIPT[touch.touchpoint.kind][3], touch.customer.unit_id)


def _seller(kind: str, customer: Known) -> str:
    return f"{kind}-{customer.unit_id.removeprefix('a')}"
