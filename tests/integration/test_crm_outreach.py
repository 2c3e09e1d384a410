"""Offers after they were made: shown, answered in one place, withdrawn."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import grpc
import pytest
from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.channels.v1 import order_pb2, order_service_pb2
from mantle.crm.v1 import customer_pb2, events_pb2, offer_pb2
from mantle.crm.v1 import customer_service_pb2 as customers
from mantle.crm.v1 import outreach_service_pb2 as pb
from mantle.planning.v1 import events_pb2 as planning_pb

from chassis.ids import new_id
from tests.support.crm_world import Front, an_offer, front
from tests.support.requirements import req
from tests.support.server import Refused
from tests.support.waiting import until

__all__ = ["front"]

ACCEPT, DECLINE, LATER = (
    offer_pb2.ANSWER_ACCEPT,
    offer_pb2.ANSWER_DECLINE,
    offer_pb2.ANSWER_LATER,
)
State = offer_pb2.Offer.State
NOBODY = "0199a1b2-0000-7000-8000-000000000000"


@req("R-249")
@pytest.mark.parametrize(
    ("answer", "state"), [(ACCEPT, "ACCEPTED"), (DECLINE, "DECLINED"), (LATER, "LATER")]
)
def test_all_three_answers_are_stored_and_told(
    front: Front, answer: offer_pb2.Answer.ValueType, state: str
) -> None:
    front.campaign()
    offer = front.shown(front.customer())

    front.answer(offer.offer_id, answer)

    assert State.Name(front.offer(offer.offer_id).state) == f"STATE_{state}"
    [fact] = front.facts(events_pb2.OfferAnswered)
    assert (fact.offer_id, fact.answer, fact.touchpoint_kind) == (offer.offer_id, answer, "HOTLINE")


@req("R-081")
def test_a_yes_becomes_an_order_of_the_agent(front: Front) -> None:
    campaign = front.campaign()
    offer = front.shown(front.customer(), partner_id="D7")

    accepted = front.answer(offer.offer_id, ACCEPT, quantity=2).offer

    [(order_id, order)] = front.orders.orders.items()
    assert accepted.order_id == order_id
    assert (order.partner_id, order.source) == ("D7", order_pb2.ORDER_SOURCE_OFFER)
    assert (order.offer_id, order.campaign_id) == (offer.offer_id, campaign.campaign_id)
    assert [(line.product_id, line.quantity) for line in order.lines] == [("P1", 2)]


@req("R-252")
def test_a_yes_in_one_place_takes_the_offer_back_everywhere_else(front: Front) -> None:
    front.campaign()
    customer_id = front.customer(consents=["MESSAGE"])
    hotline = front.shown(customer_id, "hotline")
    hall, sms = front.shown(customer_id, "hall"), front.shown(customer_id, "sms")

    reply = front.answer(hotline.offer_id, ACCEPT)

    assert sorted(reply.withdrawn_offer_ids) == sorted([hall.offer_id, sms.offer_id])
    assert front.offer(sms.offer_id).withdraw_reason == "ACCEPTED_ELSEWHERE"
    assert len(front.facts(events_pb2.OfferWithdrawn)) == 2
    assert not front.world.call(pb.ListOpportunitiesRequest(customer_id=customer_id)).opportunities


@req("R-252")
def test_two_yeses_at_once_in_two_places_make_one_sale(front: Front) -> None:
    front.campaign()
    customer_id = front.customer()
    offers = [front.shown(customer_id, place) for place in ("hotline", "hall")]
    gate = threading.Barrier(2)
    front.orders.arrived = lambda _request: gate.wait(timeout=10)
    answers = []

    def accept(offer: offer_pb2.Offer) -> None:
        with suppress(Refused):
            answers.append(front.answer(offer.offer_id, ACCEPT))

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(accept, offers))

    assert len(answers) == 1
    assert len(front.orders.orders) == 2
    assert front.orders.standing == [answers[0].offer.order_id]
    states = sorted(State.Name(front.offer(one.offer_id).state) for one in offers)
    assert states == ["STATE_ACCEPTED", "STATE_WITHDRAWN"]


@req("R-252")
def test_what_was_sold_is_not_offered_again_and_cannot_be_sold_again(front: Front) -> None:
    front.campaign()
    customer_id = front.customer()
    front.answer(front.shown(customer_id).offer_id, ACCEPT)

    assert not front.decide(customer_id).offers


def test_an_order_that_outlived_its_call_accepts_its_offer(front: Front) -> None:
    front.campaign()
    offer = front.shown(front.customer())
    other = front.shown(offer.customer_id, "hall")
    order = front.order(offer)

    front.tell("channels", channels_pb.OrderApproved(order=order))
    front.tell("channels", channels_pb.OrderApproved(order=order))

    assert front.offer(offer.offer_id).order_id == order.order_id
    assert front.offer(other.offer_id).state == offer_pb2.Offer.STATE_WITHDRAWN
    assert len(front.facts(events_pb2.OfferAnswered)) == 1


def test_an_order_whose_event_was_faster_than_the_call_is_told_once(front: Front) -> None:
    front.campaign()
    offer = front.shown(front.customer())

    def tell_first(request: order_service_pb2.PlaceOrderRequest) -> None:
        order_id = front.orders.by_request[request.request_id] = new_id()
        fact = channels_pb.OrderApproved(order=front.order(offer, order_id))
        front.tell("channels", fact)

    front.orders.arrived = tell_first
    reply = front.answer(offer.offer_id, ACCEPT)

    assert reply.offer.order_id in front.orders.by_request.values()
    assert len(front.facts(events_pb2.OfferAnswered)) == 1


def test_orders_keep_the_customers_products_in_step(front: Front) -> None:
    front.campaign()
    offer = front.shown(front.customer())
    reply = front.answer(offer.offer_id, ACCEPT)
    order = front.order(offer, reply.offer.order_id)

    seen = [_subscription(front, offer.customer_id)]
    for fact in (channels_pb.OrderDelivered, channels_pb.OrderCancelled):
        front.tell("channels", fact(order=order))
        seen.append(_subscription(front, offer.customer_id))

    assert seen == ["STATE_ORDERED", "STATE_ACTIVE", "STATE_CANCELLED"]


def test_an_order_that_is_refused_leaves_the_offer_open(front: Front) -> None:
    front.campaign()
    front.orders.refused.add("D1")
    offer = front.shown(front.customer())

    with pytest.raises(Refused, match="ORDER_REFUSED") as refused:
        front.answer(offer.offer_id, ACCEPT)

    assert refused.value.metadata["orderReason"] == "AGREEMENT_MISSING"
    assert front.offer(offer.offer_id).state == offer_pb2.Offer.STATE_SHOWN


def test_without_channels_nothing_is_accepted(front: Front) -> None:
    front.campaign()
    front.orders.silent = True
    offer = front.shown(front.customer())

    with pytest.raises(Refused, match="PEER_UNAVAILABLE") as refused:
        front.answer(offer.offer_id, ACCEPT)

    assert refused.value.code is grpc.StatusCode.UNAVAILABLE
    assert front.offer(offer.offer_id).state == offer_pb2.Offer.STATE_SHOWN


def test_an_offer_that_has_an_order_elsewhere_is_not_ordered_twice(front: Front) -> None:
    front.campaign()
    offer = front.shown(front.customer())
    front.orders.orders["elsewhere"] = order_service_pb2.PlaceOrderRequest(
        request_id=new_id(), offer_id=offer.offer_id
    )

    with pytest.raises(Refused, match="OFFER_ALREADY_ACCEPTED") as refused:
        front.answer(offer.offer_id, ACCEPT)

    assert refused.value.code is grpc.StatusCode.ALREADY_EXISTS


def test_somebody_must_sell(front: Front) -> None:
    front.campaign()
    offer = front.shown(front.customer(), partner_id="")

    with pytest.raises(Refused, match="PARTNER_MISSING"):
        front.answer(offer.offer_id, ACCEPT)

    assert front.answer(offer.offer_id, ACCEPT, partner_id="D2").offer.partner_id == "D2"


def test_an_offer_is_answered_after_it_was_shown(front: Front) -> None:
    front.campaign()
    [offer] = front.decide(front.customer()).offers

    with pytest.raises(Refused, match="OFFER_STATE_FORBIDS") as refused:
        front.answer(offer.offer_id, DECLINE)

    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION


def test_an_offer_that_has_expired_cannot_be_accepted(front: Front) -> None:
    front.campaign()
    offer = front.shown(front.customer())
    front.at("2026-03-09T10:05")

    with pytest.raises(Refused, match="EXPIRED"):
        front.answer(offer.offer_id, ACCEPT)

    assert not front.orders.orders


def test_open_offers_of_a_stopped_campaign_are_gone_within_five_seconds(front: Front) -> None:
    campaign = front.campaign()
    offers = [front.shown(front.customer()) for _ in range(3)]

    front.turn(planning_pb.CampaignStopped, campaign)

    with pytest.raises(Refused, match=r"CAMPAIGN_NOT_LIVE|OFFER_STATE_FORBIDS"):
        front.answer(offers[0].offer_id, ACCEPT)
    until(lambda: len(front.facts(events_pb2.OfferWithdrawn)) == 3, "withdrawal", within_s=5)
    reasons = {fact.reason for fact in front.facts(events_pb2.OfferWithdrawn)}
    assert reasons == {"CAMPAIGN_STOPPED"}


def test_an_offer_of_a_paused_campaign_is_not_shown(front: Front) -> None:
    campaign = front.campaign()
    [offer] = front.decide(front.customer()).offers
    front.turn(planning_pb.CampaignPaused, campaign)

    with pytest.raises(Refused, match="CAMPAIGN_NOT_LIVE"):
        front.world.call(pb.ShowOfferRequest(offer_id=offer.offer_id))


def test_an_offer_can_be_withdrawn_once(front: Front) -> None:
    front.campaign()
    [offer] = front.decide(front.customer()).offers
    request = pb.WithdrawOfferRequest(offer_id=offer.offer_id, reason="a mistake")

    withdrawn = front.world.call(request, role="customer_service").offer

    assert withdrawn.withdraw_reason == "a mistake"
    with pytest.raises(Refused, match="OFFER_STATE_FORBIDS"):
        front.world.call(request, role="customer_service")


@pytest.mark.parametrize(
    "request_",
    [
        pb.ShowOfferRequest(offer_id=NOBODY),
        pb.AnswerOfferRequest(offer_id=NOBODY, answer=ACCEPT),
        pb.WithdrawOfferRequest(offer_id=NOBODY, reason="none"),
        pb.GetOfferRequest(offer_id=NOBODY),
    ],
    ids=lambda one: type(one).__name__,
)
def test_an_offer_that_nobody_made_is_not_found(front: Front, request_: object) -> None:
    with pytest.raises(Refused, match="OFFER_NOT_FOUND") as refused:
        front.world.call(request_)  # type: ignore[arg-type]

    assert refused.value.code is grpc.StatusCode.NOT_FOUND


@req("R-183")
def test_offers_of_other_units_are_neither_seen_nor_answered(front: Front) -> None:
    front.unit("hq/r1/")
    front.unit("hq/r2/")
    front.campaign()
    offer = front.shown(front.customer(unit_id="r1"))
    calls = [
        pb.GetOfferRequest(offer_id=offer.offer_id),
        pb.AnswerOfferRequest(offer_id=offer.offer_id, answer=DECLINE),
        pb.GetPreferenceRequest(customer_id=offer.customer_id),
    ]

    for request in calls:
        with pytest.raises(Refused, match="OUT_OF_SCOPE"):
            front.world.call(request, role="front_line", unit_id="r2")

    listed = front.world.call(pb.ListOpportunitiesRequest(), role="front_line", unit_id="r2")
    assert not listed.opportunities


def test_the_staff_window_lists_open_offers_with_the_customers_name(front: Front) -> None:
    front.campaign()
    offers = [front.shown(front.customer(display_name="Wang Fang")) for _ in range(3)]

    first = front.world.call(pb.ListOpportunitiesRequest(page_size=2), role="front_line")
    rest = front.world.call(
        pb.ListOpportunitiesRequest(page_size=2, page_token=first.next_page_token),
        role="front_line",
    )

    listed = [*first.opportunities, *rest.opportunities]
    assert [one.offer.offer_id for one in listed] == [one.offer_id for one in reversed(offers)]
    assert {one.display_name for one in listed} == {"Wang Fang"}


@req("R-251")
def test_the_channel_a_customer_accepts_in_is_used_next(front: Front) -> None:
    customer_id = front.customer(consents=["MESSAGE"])
    places = ["app"] * 7 + ["hall"] * 2 + ["sms"]
    for number, place in enumerate(places):
        front.product(f"X{number}")
        campaign = front.campaign(an_offer(f"X{number}"))
        front.answer(front.shown(customer_id, place).offer_id, ACCEPT)
        front.turn(planning_pb.CampaignEnded, campaign)

    reply = front.world.call(pb.GetPreferenceRequest(customer_id=customer_id))

    shares = [(one.channel, one.accepted, one.share_percent) for one in reply.channels]
    assert shares == [("APP", 7, "70.0"), ("HALL", 2, "20.0"), ("SMS", 1, "10.0")]
    assert reply.next_outbound_touchpoint_id == "app-push"


def test_a_customer_without_sales_prefers_nothing(front: Front) -> None:
    reply = front.world.call(pb.GetPreferenceRequest(customer_id=front.customer()))

    assert reply == pb.GetPreferenceResponse()


def test_events_and_spans_hold_no_personal_word(front: Front) -> None:
    front.campaign()
    customer_id = front.customer(display_name="Zhuge Liang", phone="13800138000")
    front.answer(front.shown(customer_id).offer_id, ACCEPT)

    front.world.services["crm"].telemetry.stop()
    spans = b"".join(
        path.read_bytes() for path in (front.world.directory / "telemetry").glob("*.jsonl")
    )
    events = b"".join(row[0] for row in front.world.rows("crm", "SELECT payload FROM event"))

    assert spans
    assert events
    for word in (b"Zhuge", b"13800138000"):
        assert word not in spans + events


def _subscription(front: Front, customer_id: str) -> str:
    reply = front.world.call(customers.GetCustomerRequest(customer_id=customer_id))
    [one] = reply.customer.subscriptions
    return customer_pb2.Subscription.State.Name(one.state)
