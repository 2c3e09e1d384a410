"""Decide: the one entry of all touchpoints."""

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from mantle.crm.v1 import customer_service_pb2 as customers
from mantle.crm.v1 import decision_pb2, offer_pb2
from mantle.crm.v1 import decision_service_pb2 as decisions
from mantle.crm.v1 import touchpoint_service_pb2 as touchpoints
from mantle.crm.v1.customer_pb2 import AttributeValue
from mantle.planning.v1 import campaign_pb2
from mantle.planning.v1 import events_pb2 as planning_pb
from mantle.policy.v1 import policy_pb2, policy_service_pb2
from mantle.type.v1 import money_pb2

from chassis.policy.book import PolicyBook
from chassis.scope import Caller
from crm.decision import usecases
from crm.decision.domain import EventType, Touch
from crm.decision.usecases import Books
from crm.policy_kinds import CONTACT, MARKETING_RULE
from crm.rules.book import RuleBook
from tests.support.crm_world import Front, an_offer, front
from tests.support.requirements import req
from tests.support.server import Refused

__all__ = ["front"]

OFFERED = decision_pb2.Decision.OUTCOME_OFFERED
NOTHING_FITS = decision_pb2.Decision.OUTCOME_NOTHING_FITS
DEFERRED = decision_pb2.Decision.OUTCOME_DEFERRED
SUPPRESSED = decision_pb2.Decision.OUTCOME_SUPPRESSED
USED_UP = an_offer(
    required_tags=["HEAVY_DATA"],
    event_types=["DATA_VOLUME_USED"],
    condition="data_used_percent >= 90",
)
DATA = campaign_pb2.AttributeDeclaration(
    name="data_used_percent", type=policy_pb2.VARIABLE_TYPE_INT
)


def used(percent: int) -> dict[str, AttributeValue]:
    return {"data_used_percent": AttributeValue(integer=percent)}


@req("R-245")
def test_an_event_and_a_tag_bring_the_offer_to_the_touching_channel(front: Front) -> None:
    front.campaign(USED_UP, attributes=[DATA])
    customer_id = front.customer(tags=["HEAVY_DATA"])

    decision = front.decide(customer_id, "app", name="DATA_VOLUME_USED", attributes=used(90))

    assert decision.outcome == OFFERED
    [offer] = decision.offers
    assert (offer.offer_code, offer.touchpoint_id, offer.touchpoint_kind) == ("O12", "app", "APP")
    assert offer.score == money_pb2.Money(currency_code="CNY", amount_minor=1260)


@pytest.mark.parametrize(
    ("tags", "name", "percent"),
    [
        ([], "DATA_VOLUME_USED", 90),
        (["HEAVY_DATA"], "", 90),
        (["HEAVY_DATA"], "DATA_VOLUME_USED", 89),
    ],
)
def test_without_the_tag_the_event_or_the_condition_there_is_no_offer(
    front: Front, tags: list[str], name: str, percent: int
) -> None:
    front.campaign(USED_UP, attributes=[DATA])
    customer_id = front.customer(tags=tags)

    decision = front.decide(customer_id, name=name, attributes=used(percent))

    assert decision.outcome == NOTHING_FITS
    assert not decision.offers


def test_a_condition_that_lacks_its_attribute_never_means_yes(front: Front) -> None:
    front.campaign(USED_UP, attributes=[DATA])
    customer_id = front.customer(tags=["HEAVY_DATA"])

    decision = front.decide(customer_id, name="DATA_VOLUME_USED")

    [rejection] = decision.rejections
    assert rejection.reason == decision_pb2.REJECTION_REASON_CONDITION_FAILED


@req("R-247")
def test_a_tag_that_was_removed_a_moment_ago_counts_no_more(front: Front) -> None:
    front.campaign(an_offer(required_tags=["HEAVY_DATA"]))
    customer_id = front.customer(tags=["HEAVY_DATA"])
    assert front.decide(customer_id).outcome == OFFERED

    front.world.call(customers.ChangeTagsRequest(customer_id=customer_id, remove=["HEAVY_DATA"]))

    assert front.decide(customer_id).outcome == NOTHING_FITS


@req("R-248")
def test_the_best_offer_that_the_customers_products_allow_is_made(front: Front) -> None:
    front.product("A")
    front.product("B", excludes=("OLD",))
    front.product("C")
    front.campaign(
        an_offer("A", "A", propensity="0.42", value_minor=3_000),
        an_offer("B", "B", propensity="0.20", value_minor=8_000),
        an_offer("C", "C", propensity="0.63", value_minor=1_800),
    )
    customer_id = front.customer(product_ids=["OLD"])

    decision = front.decide(customer_id)

    assert [offer.offer_code for offer in decision.offers] == ["A"]
    [rejection] = decision.rejections
    assert rejection.offer_code == "B"
    assert rejection.reason == decision_pb2.REJECTION_REASON_PRODUCT_EXCLUDED
    assert rejection.detail == "OLD"


@req("R-248")
@pytest.mark.parametrize(
    ("product", "owned", "reason"),
    [
        ({"available": False, "version": 2}, [], "PRODUCT_UNAVAILABLE"),
        ({}, ["P1"], "PRODUCT_OWNED"),
        ({"requires": ("BASE",), "version": 2}, [], "PRODUCT_REQUIRES"),
    ],
)
def test_a_product_is_checked_at_the_moment_of_the_touch(
    front: Front, product: dict[str, object], owned: list[str], reason: str
) -> None:
    front.campaign()
    customer_id = front.customer(product_ids=owned)
    front.product("P1", **product)  # type: ignore[arg-type]

    [rejection] = front.decide(customer_id).rejections

    assert decision_pb2.RejectionReason.Name(rejection.reason) == f"REJECTION_REASON_{reason}"


@req("R-249")
def test_an_offer_waits_until_the_service_is_done(front: Front) -> None:
    front.campaign(an_offer(moment="resolved"))
    customer_id = front.customer()

    before = front.decide(customer_id, moment="greeting")
    after = front.decide(customer_id, moment="resolved")

    assert [one.reason for one in before.rejections] == [decision_pb2.REJECTION_REASON_MOMENT]
    assert after.outcome == OFFERED


@req("R-262")
@pytest.mark.parametrize(
    ("propensity", "outcome"), [("0.10", NOTHING_FITS), ("0.15", OFFERED), ("0.20", OFFERED)]
)
def test_a_score_below_the_cut_brings_no_offer(
    front: Front, propensity: str, outcome: decision_pb2.Decision.Outcome.ValueType
) -> None:
    front.campaign(an_offer(score_cut="0.15"))
    customer_id = front.customer()
    score = customers.NewScore(product_id="P1", propensity=propensity)
    front.world.call(customers.SetScoresRequest(customer_id=customer_id, scores=[score]))

    decision = front.decide(customer_id)

    assert decision.outcome == outcome
    assert [one.propensity for one in decision.offers] in ([], [propensity.rstrip("0")])


@req("R-244")
def test_an_event_that_comes_again_counts_once(front: Front) -> None:
    front.campaign()
    customer_id = front.customer()

    first = front.decide(customer_id, event_id="e-1")
    again = front.decide(customer_id, event_id="e-1")

    assert again == first
    assert front.world.rows("crm", "SELECT count(*) FROM decision") == [(1,)]
    assert front.world.rows("crm", "SELECT count(*) FROM offer") == [(1,)]


@req("R-244")
@pytest.mark.parametrize("kind", list(decision_pb2.EventType.values())[1:])
def test_all_four_families_of_events_are_taken(
    front: Front, kind: decision_pb2.EventType.ValueType
) -> None:
    front.campaign(
        an_offer(event_types=[decision_pb2.EventType.Name(kind).removeprefix("EVENT_TYPE_")])
    )

    assert front.decide(front.customer(), type=kind).outcome == OFFERED


@req("R-244")
@pytest.mark.parametrize("kind", [0, 99])
def test_an_event_of_an_unknown_family_is_refused(front: Front, kind: int) -> None:
    request = front.touch(front.customer())
    request.event.type = kind  # type: ignore[assignment]

    with pytest.raises(Refused) as refused:
        front.world.call(request)

    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert front.world.rows("crm", "SELECT count(*) FROM decision") == [(0,)]


def test_an_event_id_cannot_mean_two_touches(front: Front) -> None:
    front.decide(front.customer(), event_id="e-1")

    with pytest.raises(Refused, match="EVENT_ID_REUSED") as refused:
        front.decide(front.customer(), event_id="e-1")

    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION


@req("R-244")
def test_events_of_many_customers_that_come_thrice_at_once_count_once(front: Front) -> None:
    front.campaign()
    customer_ids = [front.customer() for _ in range(4)]
    front.decide(customer_ids[0], event_id=f"e-{customer_ids[0]}")
    gate = threading.Barrier(12)

    def touch(customer_id: str) -> decision_pb2.Decision:
        gate.wait()
        return front.decide(customer_id, event_id=f"e-{customer_id}")

    with ThreadPoolExecutor(12) as threads:
        made = list(threads.map(touch, customer_ids * 3))

    assert made[:4] == made[4:8] == made[8:]
    assert [one.customer_id for one in made[:4]] == customer_ids
    assert {one.outcome for one in made} == {OFFERED}
    assert front.world.rows("crm", "SELECT count(*) FROM decision") == [(4,)]
    assert front.world.rows("crm", "SELECT count(*) FROM offer") == [(4,)]


def test_of_two_customers_with_one_event_at_once_one_is_refused(front: Front) -> None:
    front.campaign()
    customer_ids = [front.customer() for _ in range(12)]
    gate = threading.Barrier(12)

    def touch(place: int) -> str:
        gate.wait()
        try:
            front.decide(customer_ids[place], event_id=f"e-{place // 2}")
        except Refused as refused:
            return refused.reason
        return ""

    with ThreadPoolExecutor(12) as threads:
        reasons = list(threads.map(touch, range(12)))

    pairs = [sorted(reasons[place : place + 2]) for place in range(0, 12, 2)]
    assert pairs == [["", "EVENT_ID_REUSED"]] * 6
    assert front.world.rows("crm", "SELECT count(*) FROM offer") == [(6,)]


@req("R-250")
def test_the_third_outbound_contact_in_seven_days_is_suppressed(front: Front) -> None:
    front.campaign()
    customer_id = front.customer(consents=["MESSAGE"])
    first, second = (front.decide(customer_id, "sms") for _ in range(2))

    third = front.decide(customer_id, "app-push")

    assert (first.outcome, second.outcome, third.outcome) == (OFFERED, OFFERED, SUPPRESSED)
    assert third.refusal == decision_pb2.REJECTION_REASON_CONTACT_CAP
    assert front.decide(customer_id, "hotline").outcome == OFFERED
    front.at("2026-03-09T10:05")
    assert front.decide(customer_id, "sms").outcome == OFFERED


@req("R-250")
def test_the_limit_of_contacts_holds_when_all_come_at_once(front: Front) -> None:
    front.campaign()
    customer_id = front.customer(consents=["MESSAGE"])
    gate = threading.Barrier(12)

    def contact(_number: int) -> decision_pb2.Decision:
        gate.wait()
        return front.decide(customer_id, "sms")

    with ThreadPoolExecutor(12) as threads:
        made = list(threads.map(contact, range(12)))

    assert sum(one.outcome == OFFERED for one in made) == 2
    assert sum(one.refusal == decision_pb2.REJECTION_REASON_CONTACT_CAP for one in made) == 10
    assert front.world.rows("crm", "SELECT count(*) FROM offer") == [(2,)]
    stored = front.world.rows("crm", "SELECT count(*) FROM decision WHERE outcome = 'SUPPRESSED'")
    assert stored == [(10,)]


@req("R-250")
def test_a_customer_who_comes_again_and_again_among_others_is_decided_in_turn(front: Front) -> None:
    front.campaign()
    often, once = (front.customer(consents=["MESSAGE"]) for _ in range(2))

    with decided_at_once(front, [often, often, once, often]) as turn:
        turn.write()
        found = turn.is_as_drafted(), [outcome.value.verdict for outcome in turn.drafted]

    assert found == (True, ["OFFERED", "OFFERED", "OFFERED", "SUPPRESSED"])
    stored = front.world.rows("crm", "SELECT customer_id, outcome FROM decision ORDER BY event_id")
    assert stored == list(zip([often, often, once, often], found[1], strict=True))


@req("R-250")
def test_who_loses_the_last_contact_to_a_neighbour_is_told_so(front: Front) -> None:
    front.campaign()
    lucky, late = (front.customer(consents=["MESSAGE"]) for _ in range(2))
    front.decide(late, "sms")

    with decided_at_once(front, [lucky, late]) as turn:
        front.decide(late, "app-push")
        turn.write()
        found = turn.is_as_drafted(), [outcome.value for outcome in turn.mended()]

    verdicts = [(one.verdict, one.refusal, len(one.offers)) for one in found[1]]
    assert (found[0], verdicts) == (False, [("OFFERED", None, 1), ("SUPPRESSED", "CONTACT_CAP", 0)])
    stored = front.world.rows(
        "crm", "SELECT outcome FROM decision WHERE source = 'batch' ORDER BY event_id"
    )
    assert stored == [("OFFERED",), ("SUPPRESSED",)]


@contextmanager
def decided_at_once(front: Front, customer_ids: Sequence[str]) -> Iterator[Any]:
    """Give what a batch decides on a message to each customer, in one transaction."""
    service = front.world.services["crm"]
    books = Books(RuleBook(), PolicyBook({CONTACT, MARKETING_RULE}), service.settings.time_zone)
    now, caller = service.clock.now(), Caller("batch", frozenset({"service"}), "", "batch")
    wanted = [
        (
            caller,
            Touch(
                customer_id=customer_id,
                touchpoint_id="sms",
                source="batch",
                event_id=f"e-{place}",
                type=EventType.BUSINESS_HANDLING,
                name="",
                occur_time=now,
                moment="",
                attributes={},
                partner_id="",
            ),
        )
        for place, customer_id in enumerate(customer_ids)
    ]
    with service.database.transaction() as tx:
        seen = usecases.look(tx, wanted)()
        yield usecases.decide(tx, wanted, seen, books=books, at=now)


@req("R-250")
def test_at_night_a_contact_is_put_off_until_the_morning(front: Front) -> None:
    front.at("2026-03-02T22:15")
    front.campaign()
    customer_id = front.customer(consents=["MESSAGE"])

    decision = front.decide(customer_id, "sms")

    assert decision.outcome == DEFERRED
    assert decision.deferred_until.ToJsonString() == "2026-03-03T00:00:00Z"
    assert front.decide(customer_id, "hotline").outcome == OFFERED


@req("R-250")
def test_night_is_where_the_customer_is(front: Front) -> None:
    front.at("2026-03-02T22:15")
    front.campaign()
    customer_id = front.customer(consents=["MESSAGE"], time_zone="Europe/Paris")

    assert front.decide(customer_id, "sms").outcome == OFFERED


@req("R-250")
def test_who_has_not_agreed_is_not_contacted(front: Front) -> None:
    front.campaign()
    customer_id = front.customer(consents=["OUTBOUND_CALL"])

    refused = front.decide(customer_id, "sms")

    assert refused.refusal == decision_pb2.REJECTION_REASON_NO_CONSENT
    assert front.decide(customer_id, "outbound-call").outcome == OFFERED


@req("R-250")
def test_a_no_is_respected_for_thirty_days(front: Front) -> None:
    front.campaign(end_time=Timestamp(seconds=1_800_000_000))
    customer_id = front.customer()
    offer = front.shown(customer_id)
    front.answer(offer.offer_id, offer_pb2.ANSWER_DECLINE)

    soon = front.decide(customer_id)
    front.at("2026-04-01T09:59")
    still = front.decide(customer_id)
    front.at("2026-04-01T10:05")
    later = front.decide(customer_id)

    cool = decision_pb2.REJECTION_REASON_COOL_DOWN
    assert [one.rejections[0].reason for one in (soon, still)] == [cool, cool]
    assert later.outcome == OFFERED


@pytest.mark.parametrize(
    "fact", [planning_pb.CampaignPaused, planning_pb.CampaignStopped, planning_pb.CampaignEnded]
)
def test_a_campaign_that_was_halted_is_offered_no_more(front: Front, fact: type) -> None:
    campaign = front.campaign()
    customer_id = front.customer()
    assert front.decide(customer_id).outcome == OFFERED

    front.turn(fact, campaign)

    assert front.decide(customer_id).outcome == NOTHING_FITS


def test_a_campaign_that_goes_on_is_offered_again(front: Front) -> None:
    campaign = front.campaign()
    customer_id = front.customer()
    front.turn(planning_pb.CampaignPaused, campaign)

    front.turn(planning_pb.CampaignResumed, campaign)

    assert front.decide(customer_id).outcome == OFFERED


def test_older_news_of_a_campaign_never_replaces_newer(front: Front) -> None:
    campaign = front.campaign()
    before = campaign_pb2.Campaign.FromString(campaign.SerializeToString())
    front.turn(planning_pb.CampaignStopped, campaign)

    front.tell("planning", planning_pb.CampaignStarted(campaign=before))

    assert front.decide(front.customer()).outcome == NOTHING_FITS


def test_a_campaign_speaks_to_the_customers_of_its_own_unit_and_below(front: Front) -> None:
    front.unit("hq/r1/")
    front.unit("hq/r1/b1/")
    front.unit("hq/r2/")
    front.campaign(unit_id="r1")

    below = front.decide(front.customer(unit_id="b1"))
    beside = front.decide(front.customer(unit_id="r2"))

    assert (below.outcome, beside.outcome) == (OFFERED, NOTHING_FITS)


@req("R-243", "R-253")
def test_all_sixteen_touchpoints_get_offers_and_return_outcomes_in_one_way(front: Front) -> None:
    front.campaign()
    registry = front.world.call(
        touchpoints.ListTouchpointsRequest(active_only=True), role="front_line"
    ).touchpoints

    answered = [
        front.answer(
            front.shown(
                front.customer(consents=["MESSAGE", "OUTBOUND_CALL"]), one.touchpoint_id
            ).offer_id,
            offer_pb2.ANSWER_ACCEPT,
        ).offer
        for one in registry
    ]

    assert len(registry) == 16
    assert {one.touchpoint_kind for one in answered} == {one.kind for one in registry}
    assert all(one.state == offer_pb2.Offer.STATE_ACCEPTED for one in answered)


@req("R-242")
def test_events_of_four_systems_stand_in_one_timeline(front: Front) -> None:
    customer_id = front.customer()
    made = [
        front.decide(customer_id, event_id=f"{source}-{number}", source=source).decision_id
        for source in ("billing", "network", "hotline", "hall")
        for number in range(5)
    ]

    seen: list[str] = []
    token = ""
    while True:
        page = front.world.call(
            decisions.ListDecisionsRequest(customer_id=customer_id, page_size=7, page_token=token)
        )
        seen += [one.decision_id for one in page.decisions]
        token = page.next_page_token
        if not token:
            break

    assert seen == list(reversed(made))


def test_a_decision_can_be_looked_at_again(front: Front) -> None:
    front.campaign()
    decision = front.decide(front.customer())

    again = front.world.call(decisions.GetDecisionRequest(decision_id=decision.decision_id))

    assert again.decision == decision


def test_a_touchpoint_that_is_off_decides_nothing(front: Front) -> None:
    front.world.call(
        touchpoints.ChangeTouchpointRequest(touchpoint_id="ivr", active=False),
        role="customer_service",
    )

    with pytest.raises(Refused, match="TOUCHPOINT_OFF"):
        front.decide(front.customer(), "ivr")


@pytest.mark.parametrize(
    ("request_", "reason", "code"),
    [
        ({"customer_id": "nobody"}, "CUSTOMER_NOT_FOUND", grpc.StatusCode.NOT_FOUND),
        ({"touchpoint_id": "nowhere"}, "TOUCHPOINT_NOT_FOUND", grpc.StatusCode.NOT_FOUND),
    ],
)
def test_what_does_not_exist_is_said(
    front: Front, request_: dict[str, str], reason: str, code: grpc.StatusCode
) -> None:
    request = front.touch(front.customer())
    request.MergeFrom(decisions.DecideRequest(**request_))  # type: ignore[arg-type]

    with pytest.raises(Refused, match=reason) as refused:
        front.world.call(request)

    assert refused.value.code is code


def test_a_decision_that_nobody_made_is_not_found(front: Front) -> None:
    with pytest.raises(Refused, match="DECISION_NOT_FOUND"):
        front.world.call(
            decisions.GetDecisionRequest(decision_id="0199a1b2-0000-7000-8000-000000000000")
        )


@req("R-183")
def test_customers_of_others_are_nobodys_business(front: Front) -> None:
    front.unit("hq/r1/")
    front.unit("hq/r2/")
    customer_id = front.customer(unit_id="r1")

    with pytest.raises(Refused, match="OUT_OF_SCOPE") as refused:
        front.world.call(front.touch(customer_id), role="front_line", unit_id="r2")

    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED
    [(subject,)] = front.world.rows(
        "crm", "SELECT subject FROM audit_entry WHERE outcome = 'OUT_OF_SCOPE'"
    )
    assert subject == "front_line@r2"


def test_a_customer_who_is_gone_is_left_in_peace(front: Front) -> None:
    front.campaign()

    decision = front.decide(front.customer(status="LOST"))

    assert decision.refusal == decision_pb2.REJECTION_REASON_RULE


def test_a_rule_that_changes_counts_for_the_next_decision(front: Front) -> None:
    front.campaign()
    customer_id = front.customer()
    before = front.decide(customer_id)

    offer_to_the_lost_alone(front, start_date="2026-03-02")
    after = front.decide(customer_id)

    assert before.outcome == OFFERED
    assert after.refusal == decision_pb2.REJECTION_REASON_RULE


def test_a_rule_to_come_counts_from_its_day_on(front: Front) -> None:
    front.campaign()
    customer_id = front.customer()
    offer_to_the_lost_alone(front, start_date="2026-03-03")
    before = front.decide(customer_id)

    front.at("2026-03-03T10:00")
    after = front.decide(customer_id)

    assert before.outcome == OFFERED
    assert after.refusal == decision_pb2.REJECTION_REASON_RULE


def offer_to_the_lost_alone(front: Front, *, start_date: str) -> None:
    """Change the marketing rule from a day on."""
    rule = policy_service_pb2.CreatePolicyRequest(
        kind="marketing_rule",
        start_date=start_date,
        conditions=[policy_pb2.PolicyCondition(name="may_offer", text="status == 'LOST'")],
        parameters={"offers_max": policy_pb2.PolicyValue(integer=1)},
    )
    draft = front.world.call(rule, role="market_director", subject="author", service="crm").policy
    approval = policy_service_pb2.ApprovePolicyRequest(policy_id=draft.policy_id)
    front.world.call(approval, role="market_director", service="crm")


def test_a_wording_is_kept_as_it_was_written(front: Front) -> None:
    wording = 'ten "extra" gigabytes, {now}\\n'
    front.campaign(an_offer(wording=wording))
    decision = front.decide(front.customer())

    again = front.world.call(decisions.GetDecisionRequest(decision_id=decision.decision_id))

    assert [offer.wording for offer in again.decision.offers] == [wording]
    assert again.decision == decision
