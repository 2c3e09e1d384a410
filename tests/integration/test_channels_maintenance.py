"""The yearly maintenance, credit changes, awards and large customers through a real server."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import grpc
import pytest
from mantle.channels.v1 import (
    events_pb2,
    grading_pb2,
    maintenance_pb2,
    partner_pb2,
)
from mantle.channels.v1 import grading_service_pb2 as grading
from mantle.channels.v1 import key_account_service_pb2 as key_accounts
from mantle.channels.v1 import maintenance_service_pb2 as pb
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import partner_service_pb2 as partners
from mantle.settlement.v1 import award_pb2, award_service_pb2, credit_service_pb2
from mantle.settlement.v1 import invoice_service_pb2 as invoices
from mantle.work.v1 import work_service_pb2

from channels.maintenance import usecases as maintenance
from channels.partner.domain import Grade, Kind
from chassis.ids import new_id
from tests.support import examples_channels as channels
from tests.support import partner_world as made
from tests.support.channels_world import Shop, shop
from tests.support.examples_channels import cny
from tests.support.examples_channels_maintenance import CHECKS, a_check, a_proposal, record
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, START, Refused, World, world

__all__ = ["shop", "world"]

Partner = partner_pb2.Partner
Review = maintenance_pb2.PartnerReview
TARGET_MINOR = 50_000_000


def get(world: World, partner_id: str) -> Any:
    return world.call(partners.GetPartnerRequest(partner_id=partner_id)).partner


def refused_with(world: World, request: Any, **caller: Any) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(Refused) as refused:
        world.call(request, **caller)
    return refused.value.code, refused.value.reason


@req("R-073", "R-151")
def test_a_year_is_judged_by_what_settlement_told(shop: Shop) -> None:
    made.add_partner(shop.world, "D3", grade=Grade.C)
    made.invoice(shop.world, "D3", *[2_500_000] * 12, late=4)

    told = shop.world.call(partners.GetPartnerYearRequest(partner_id="D3", year=2026)).figures
    before = shop.world.call(partners.GetPartnerYearRequest(partner_id="D3", year=2025)).figures

    assert (told.purchases, told.target) == (cny(30_000_000), cny(TARGET_MINOR))
    assert (told.target_percent, told.invoices, told.late_invoices) == ("60.0", 12, 4)
    assert told.late_percent == "33.3"
    assert (before.target_percent, before.late_percent, before.invoices) == ("", "", 0)


def _fifty(shop: Shop) -> None:
    """Let 45 reach their target in time, 3 half of it, and 2 buy hardly anything and pay late."""
    for number in range(50):
        grade = Grade.A if number < 45 else Grade.B
        made.add_partner(shop.world, f"P{number:02}", grade=grade)
        share, late = (100, 0) if number < 45 else (50, 0) if number < 48 else (20, 1)
        made.invoice(shop.world, f"P{number:02}", TARGET_MINOR * share // 100, late=late)


@req("R-073", "R-076")
def test_a_dry_run_shows_what_a_maintenance_finds_and_changes_nothing(shop: Shop) -> None:
    world = shop.world
    _fifty(shop)

    dry = made.start(world, dry_run=True)
    preview = world.call(
        work_service_pb2.ListPreviewRowsRequest(run_id=dry.run_id, page_size=100),
        role="business_support",
        service="channels",
    ).preview_rows

    assert not dry.HasField("maintenance")
    assert (len(preview), get(world, "P00").state) == (50, Partner.STATE_ACTIVE)
    assert shop.facts(events_pb2.PartnerReviewed) == []


@req("R-073", "R-075", "R-076")
def test_fifty_partners_are_decided_on_and_nobody_is_left_under_review(shop: Shop) -> None:
    world = shop.world
    _fifty(shop)
    cycle_id = made.start(world).maintenance.cycle_id
    again = made.start(world).maintenance.cycle_id
    under_review = world.call(
        partners.ListPartnersRequest(state=Partner.STATE_UNDER_REVIEW, page_size=100)
    ).partners

    early = refused_with(world, pb.CloseMaintenanceRequest(cycle_id=cycle_id))
    decided = made.decide(world, cycle_id)
    closed = _approved_and_closed(world, cycle_id)
    agreements = {name: get(world, name).agreements for name in ("P00", "P45", "P49")}

    assert (again, len(under_review)) == (cycle_id, 50)
    assert early == (grpc.StatusCode.FAILED_PRECONDITION, "MAINTENANCE_UNFINISHED")
    assert (decided.decided, closed.reviews, closed.open_reviews) == (50, 50, 0)
    assert (closed.renewed, closed.adjusted, closed.terminated) == (45, 3, 2)
    assert closed.state == maintenance_pb2.Maintenance.STATE_CLOSED
    assert [one.year for one in agreements["P00"]] == [2026, 2027]
    assert {name: found[0].state for name, found in agreements.items()} == {
        "P00": partner_pb2.Agreement.STATE_RENEWED,
        "P45": partner_pb2.Agreement.STATE_ADJUSTED,
        "P49": partner_pb2.Agreement.STATE_TERMINATED,
    }
    assert len(shop.facts(events_pb2.AgreementTerminated)) == 2
    assert len(shop.facts(events_pb2.PartnerReviewed)) == 50


def _approved_and_closed(world: World, cycle_id: str) -> Any:
    made.approve(world, cycle_id)
    return world.call(pb.CloseMaintenanceRequest(cycle_id=cycle_id)).maintenance


@req("R-075", "R-076")
def test_a_terminated_partner_orders_nothing_more_and_its_area_is_free(shop: Shop) -> None:
    world = shop.world
    exclusive = [partner_pb2.Territory(area="610100", exclusive=True)]
    channels.a_prospect(world, "D3")
    channels.a_prospect(world, "D6")
    world.call(_agreement("D3", territories=exclusive), role="sales_director")
    world.call(partners.ActivatePartnerRequest(partner_id="D3"))
    taken = refused_with(world, _agreement("D6", territories=exclusive), role="sales_director")
    product_id = channels.a_product(world)
    cycle_id = made.start(world).maintenance.cycle_id
    review = made.reviews(world, cycle_id)["D3"]

    made.decide(world, cycle_id, _decision(review, Review.DECISION_TERMINATE, "pays late"))
    by_the_same = refused_with(
        world,
        pb.ApproveReviewsRequest(cycle_id=cycle_id),
        role="marketing_vp",
        subject=f"sales_director@{ROOT_UNIT}",
    )
    made.approve(world, cycle_id)
    order = refused_with(world, channels.order_of("D3", product_id), role="sales_administration")
    signed = world.call(_agreement("D6", territories=exclusive), role="sales_director").partner
    [fact] = shop.facts(events_pb2.AgreementTerminated)

    assert taken == (grpc.StatusCode.FAILED_PRECONDITION, "TERRITORY_TAKEN")
    assert by_the_same == (grpc.StatusCode.PERMISSION_DENIED, "REVIEW_NEEDS_ANOTHER_PERSON")
    assert order == (grpc.StatusCode.FAILED_PRECONDITION, "PARTNER_STATE_FORBIDS")
    assert signed.agreements[0].territories[0].exclusive
    assert (fact.partner_id, fact.end_date, fact.reason) == ("D3", "2026-03-02", "pays late")


def _agreement(partner_id: str, **fields: Any) -> partners.SignAgreementRequest:
    return partners.SignAgreementRequest(
        **{
            "partner_id": partner_id,
            "year": 2026,
            "credit_limit": cny(20_000_000),
            "credit_days": 30,
            **fields,
        }
    )


def _decision(review: Any, decision: Any, reason: str, **fields: Any) -> Any:
    return maintenance_pb2.ReviewDecision(
        review_id=review.review_id, decision=decision, reason=reason, **fields
    )


def test_an_area_is_exclusive_for_its_kind_and_year_alone(shop: Shop) -> None:
    world = shop.world
    areas = {
        exclusive: [partner_pb2.Territory(area="A1", exclusive=exclusive)]
        for exclusive in (True, False)
    }
    for name in ("S1", "S2", "X1"):
        channels.a_prospect(world, name)
    channels.a_prospect(world, "H1", kind="HOSPITAL")

    world.call(_agreement("S1", territories=areas[False]))
    world.call(_agreement("S2", territories=areas[False]))
    shared = refused_with(world, _agreement("X1", territories=areas[True]))
    world.call(_agreement("X1", year=2027, territories=areas[True]))
    next_year = refused_with(world, _agreement("S1", year=2027, territories=areas[False]))
    world.call(_agreement("H1", year=2027, territories=areas[True]))

    assert shared[1] == next_year[1] == "TERRITORY_TAKEN"


@req("R-074", "R-076")
def test_a_better_year_raises_the_grade_only_with_the_approval(shop: Shop) -> None:
    """Target reached, 3 of 10 invoices late: 60 + 40 x 0.7 = 88 points, grade A."""
    world = shop.world
    made.add_partner(world, "D1")
    made.invoice(shop.world, "D1", *[TARGET_MINOR // 10] * 10, late=3)
    cycle_id = made.start(world).maintenance.cycle_id
    review = made.reviews(world, cycle_id)["D1"]
    terms = partner_pb2.AgreementTerms(target=cny(60_000_000), rebate_policy="agreement:gold")

    made.decide(world, cycle_id, _decision(review, Review.DECISION_ADJUST, "more", terms=terms))
    before = get(world, "D1")
    made.approve(world, cycle_id)
    after = get(world, "D1")
    [told] = shop.facts(events_pb2.CreditGradeChanged)
    next_year = after.agreements[1]

    assert (review.points, review.to_grade) == ("88.0", partner_pb2.CREDIT_GRADE_A)
    assert review.proposal == Review.DECISION_ADJUST
    assert (before.credit_grade, before.credit_limit) == (
        partner_pb2.CREDIT_GRADE_B,
        cny(20_000_000),
    )
    assert (after.credit_grade, after.credit_limit) == (
        partner_pb2.CREDIT_GRADE_A,
        cny(50_000_000),
    )
    assert (told.credit_limit, told.credit_days) == (cny(50_000_000), 60)
    assert (next_year.target, next_year.rebate_policy) == (cny(60_000_000), "agreement:gold")
    assert next_year.credit_limit == cny(50_000_000)


@req("R-074")
def test_a_credit_change_holds_after_review_and_approval_also_in_settlement(world: World) -> None:
    world.start("planning", "settlement", "channels")
    world.settle()
    channels.a_partner(world, "D1")
    change = a_proposal(world, "D1")
    act = {"change_id": change.change_id}

    second = refused_with(
        world,
        grading.ProposeCreditChangeRequest(
            partner_id="D1", scores=change.rating.scores, reason="again"
        ),
    )
    own = refused_with(world, grading.ReviewCreditChangeRequest(**act, passed=True), role="finance")
    early = refused_with(
        world, grading.DecideCreditChangeRequest(**act, approved=True), role="marketing_vp"
    )
    world.call(grading.ReviewCreditChangeRequest(**act, passed=True), role="customer_service")
    too_low = refused_with(
        world, grading.DecideCreditChangeRequest(**act, approved=True), role="sales_director"
    )
    waiting = get(world, "D1")
    done = world.call(
        grading.DecideCreditChangeRequest(**act, approved=True), role="marketing_vp"
    ).change
    world.settle()
    account = world.call(credit_service_pb2.GetCreditAccountRequest(partner_id="D1")).account

    assert (change.rating.points, change.from_grade) == ("88.0", partner_pb2.CREDIT_GRADE_B)
    assert second[1] == "CREDIT_CHANGE_OPEN"
    assert own[1] == "CREDIT_CHANGE_NEEDS_ANOTHER_PERSON"
    assert early[1] == "CREDIT_CHANGE_STATE_FORBIDS"
    assert too_low[1] == "CREDIT_CHANGE_APPROVER_FORBIDS"
    assert waiting.credit_limit == cny(20_000_000)
    assert done.state == grading_pb2.CreditChange.STATE_IN_FORCE
    assert get(world, "D1").credit_limit == account.limit == cny(50_000_000)


@req("R-078")
def test_the_best_tenth_of_the_franchisees_get_awards_that_settlement_books(world: World) -> None:
    channels.a_world(world)
    for number in range(20):
        name = made.add_partner(world, f"F{number:02}", kind=Kind.FRANCHISEE)
        if number < 15:
            made.invoice(world, name, 1_000_000 + number)
    request = pb.GrantAwardsRequest(
        unit_id=ROOT_UNIT, year=2026, kind=partner_pb2.PARTNER_KIND_FRANCHISEE
    )

    granted = world.call(request, role="sales_director")
    again = refused_with(world, request, role="sales_director")
    world.settle()
    listed = world.call(pb.ListAwardsRequest(year=2026)).awards
    booked = world.call(award_service_pb2.ListAwardsRequest()).awards

    assert (granted.ranked, len(listed)) == (20, 2)
    assert [(one.partner_id, one.rank) for one in granted.awards] == [("F14", 1), ("F13", 2)]
    assert again == (grpc.StatusCode.ALREADY_EXISTS, "AWARDS_GRANTED")
    assert {one.state for one in booked} == {award_pb2.Award.STATE_BOOKED}
    assert sorted((one.beneficiary_id, one.amount.amount_minor) for one in booked) == [
        ("F13", 1_000_000),
        ("F14", 2_000_000),
    ]


@req("R-150")
def test_each_large_customer_gets_a_manager(shop: Shop) -> None:
    world = shop.world
    shop.desk.limits["D1"] = 10**12
    made.add_partner(world, "D1")
    product_id = channels.a_product(world)
    placed = [
        world.call(
            channels.order_of("D1", product_id, customer_id=f"K{number:02}"),
            role="sales_administration",
        ).order.order_id
        for number in range(27)
    ]
    large = [10_000_000 + number for number in range(25)]
    made.invoice(shop.world, "D1", *large, 9_999_999, 1, order_ids=placed)
    request = key_accounts.AssignAccountManagersRequest(
        unit_id=ROOT_UNIT, year=2026, managers=["li.wei", "zhang.min"]
    )

    given = world.call(request, role="sales_director")
    again = world.call(request, role="sales_director")
    of_one = world.call(key_accounts.ListKeyAccountsRequest(manager="li.wei")).key_accounts

    assert (given.large_customers, given.assigned, len(given.key_accounts)) == (25, 25, 25)
    assert given.key_accounts[0].customer_id == "K24"
    assert (again.assigned, len(again.key_accounts)) == (25, 0)
    assert len(of_one) == 13


@req("R-071")
def test_an_end_customer_needs_three_passed_checks(shop: Shop) -> None:
    world = shop.world
    record(world, "K1", "CREDIT", "ABILITY_TO_PAY")
    approve = key_accounts.ApproveCustomerRequest(customer_id="K1")

    two = refused_with(world, approve, role="sales_director")
    world.call(
        key_accounts.RecordCustomerCheckRequest(
            customer_id="K1", unit_id=ROOT_UNIT, check=a_check("PRODUCT_FIT", passed=False)
        ),
        role="finance",
    )
    failed = refused_with(world, approve, role="sales_director")
    record(world, "K1", CHECKS[2])
    approved = world.call(approve, role="sales_director").key_account
    late = refused_with(
        world,
        key_accounts.RecordCustomerCheckRequest(
            customer_id="K1", unit_id=ROOT_UNIT, check=a_check()
        ),
        role="finance",
    )

    assert two == failed == (grpc.StatusCode.FAILED_PRECONDITION, "DOSSIER_INCOMPLETE")
    assert [one.passed for one in approved.checks] == [True] * 3
    assert late[1] == "KEY_ACCOUNT_STATE_FORBIDS"


@req("R-075", "R-151")
def test_what_a_terminated_partner_owes_is_still_collected(world: World) -> None:
    channels.a_world(world)
    channels.a_prospect(world, "D3")
    world.call(_agreement("D3", target=cny(TARGET_MINOR)), role="sales_director")
    world.call(partners.ActivatePartnerRequest(partner_id="D3"))
    product_id = channels.a_product(world, amount="100.00")
    channels.a_policy(
        world,
        kind="channel_terms",
        scope=f"product:{product_id}",
        start_date="2026-03-02",
        values={"channel_factor": "1", "allowance": "0"},
    )
    world.settle()
    _delivered(world, channels.order_of("D3", product_id, 180))
    cycle_id = made.start(world).maintenance.cycle_id
    review = made.reviews(world, cycle_id)["D3"]

    made.decide(world, cycle_id, _decision(review, Review.DECISION_TERMINATE, "too little"))
    made.approve(world, cycle_id)
    world.settle()
    owed = _receivable(world)
    world.call(
        invoices.RecordReceiptRequest(partner_id="D3", amount=cny(1_800_000), reference="bank 1"),
        role="finance",
    )

    assert (review.figures.purchases, review.figures.target_percent) == (cny(1_800_000), "3.6")
    assert get(world, "D3").state == Partner.STATE_TERMINATED
    assert (owed, _receivable(world)) == (cny(1_800_000), cny(0))


def _delivered(world: World, request: Any) -> None:
    order_id = world.call(request, role="sales_administration").order.order_id
    world.call(orders.ShipOrderRequest(order_id=order_id), role="logistics")
    world.call(orders.DeliverOrderRequest(order_id=order_id, proof="slip"), role="logistics")
    # Delivered, invoiced, and told back.
    world.settle()
    world.settle()


def _receivable(world: World) -> Any:
    request = credit_service_pb2.GetCreditAccountRequest(partner_id="D3")
    return world.call(request, role="finance").account.receivable


@req("R-076")
def test_a_chunk_that_is_done_again_reviews_nobody_twice(shop: Shop) -> None:
    for number in range(5):
        made.add_partner(shop.world, f"P{number}")
    cursor: Any = {
        "cycle_id": new_id(),
        "unit_id": ROOT_UNIT,
        "year": 2026,
        "on": "2026-03-02",
        "at": START.isoformat(),
        "after": "",
    }
    database = shop.world.services["channels"].database

    def chunk(at: Any) -> Any:
        with database.transaction() as tx:
            return maintenance.evaluate(tx, at, run_id=new_id(), rows=2)

    first = chunk(cursor)
    again = chunk(cursor)
    rest = [second := chunk(first.cursor), chunk(second.cursor)]

    assert (first.done, again.done) == (2, 0)
    assert ([one.done for one in rest], rest[-1].cursor) == ([2, 1], None)
    assert len(made.reviews(shop.world, cursor["cycle_id"])) == 5


def test_of_two_that_sign_for_an_exclusive_area_at_once_one_gets_it(shop: Shop) -> None:
    exclusive = [partner_pb2.Territory(area="A1", exclusive=True)]
    names = [channels.a_prospect(shop.world, name) for name in ("S1", "S2")]
    together = Barrier(2)

    def sign(name: str) -> str:
        together.wait(timeout=10)
        try:
            shop.world.call(_agreement(name, territories=exclusive))
        except Refused as refused:
            return refused.reason
        return "OK"

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(sign, names))

    assert answers == ["OK", "TERRITORY_TAKEN"]
    assert len(shop.facts(events_pb2.AgreementSigned)) == 1
