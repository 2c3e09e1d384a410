"""The selection of new distributors through a real server, from the research to crm's file."""

from typing import Any

import grpc
import pytest
from mantle.channels.v1 import events_pb2, partner_pb2, selection_pb2
from mantle.channels.v1 import partner_service_pb2 as partners
from mantle.channels.v1 import selection_service_pb2 as pb
from mantle.crm.v1 import partner_file_pb2, partner_file_service_pb2
from mantle.settlement.v1 import credit_service_pb2

from tests.support import examples_channels as made
from tests.support.channels_world import Shop, shop
from tests.support.examples_channels_selection import (
    CRITERIA,
    POOR,
    SECTIONS,
    Desk,
    a_place,
    a_prospect,
    checks,
    report_request,
    sign_request,
)
from tests.support.requirements import req
from tests.support.server import Refused, World, world

__all__ = ["shop", "world"]

Partner = partner_pb2.Partner
Report = selection_pb2.EvaluationReport


def refusal(shop: Shop | World, request: Any, **caller: Any) -> tuple[grpc.StatusCode, str]:
    world = shop.world if isinstance(shop, Shop) else shop
    with pytest.raises(Refused) as refused:
        world.call(request, **caller)
    return refused.value.code, refused.value.reason


def state_of(world: World, partner_id: str) -> int:
    found = world.call(partners.GetPartnerRequest(partner_id=partner_id))
    return int(found.partner.state)


@req("R-059", "R-060")
def test_the_list_has_who_is_willing_and_fits_the_plan(shop: Shop) -> None:
    places = [a_place(f"A1-{one}") for one in (1, 2, 3)] + [a_place("A2-1", area="A2")]
    willing = [a_prospect(f"W{one}") for one in range(4)] + [a_prospect("W4", area="A2")]
    elsewhere, unwilling = (
        a_prospect("W5", area="A9"),
        [a_prospect(f"X{n}", willing=False) for n in (1, 2)],
    )
    desk = Desk(shop.world, places=places, prospects=[*willing, elsewhere, *unwilling]).research()
    draw = pb.DrawUpProspectListRequest(selection_id=desk.id)

    refused = [
        refusal(shop, pb.DrawUpProspectListRequest(selection_id=desk.id, partner_ids=[one]))[1]
        for one in ("X1", "W5", "W9")
    ]
    listed = shop.world.call(draw).selection

    assert (
        len(desk.selection.prospects),
        sum(one.willing for one in desk.selection.prospects),
    ) == (8, 6)
    assert refused == ["PROSPECT_NOT_ELIGIBLE"] * 3
    assert list(listed.listed_partner_ids) == ["W0", "W1", "W2", "W3", "W4"]
    assert [one.partner_id for one in listed.places] == ["W0", "W1", "W2", "W4"]
    assert listed.state == selection_pb2.Selection.STATE_LISTED
    assert state_of(shop.world, "W0") == Partner.STATE_PROSPECT


@req("R-061", "R-062")
def test_a_form_is_taken_with_its_licence_and_passed_on_when_it_is_complete(shop: Shop) -> None:
    shop.add_unit("a1", "hq/a1/")
    desk = Desk(shop.world, places=[a_place(office="a1")]).listing()
    form = {"selection_id": desk.id, "place": "A1-1"}
    holder = selection_pb2.InfoForm

    with pytest.raises(Refused) as incomplete:
        desk.form(without=["licences.business_licence"])
    desk.form(without=["basic.bank", "stock.system"])
    returned = desk.check()
    desk.form()
    copies = [
        shop.world.call(pb.GetInfoFormRequest(**form, holder=one), unit_id=unit_id).form
        for one, unit_id in ((holder.HOLDER_HEADQUARTERS, "hq"), (holder.HOLDER_OFFICE, "a1"))
    ]
    hidden = refusal(
        shop, pb.GetInfoFormRequest(**form, holder=holder.HOLDER_HEADQUARTERS), unit_id="a1"
    )
    passed = desk.check()

    assert incomplete.value.reason == "FORM_INCOMPLETE"
    assert incomplete.value.metadata["missing"] == "licences.business_licence"
    assert (returned.complete_percent, returned.state) == ("93.3", holder.STATE_RETURNED)
    assert list(returned.missing) == ["basic.bank", "stock.system"]
    assert [(one.state, one.holder_unit_id) for one in copies] == [
        (holder.STATE_SUBMITTED, "hq"),
        (holder.STATE_SUBMITTED, "a1"),
    ]
    assert len(copies[0].fields) == sum(len(names.split()) for names in SECTIONS.values()) == 30
    assert hidden[1] == "OUT_OF_SCOPE"
    assert (passed.complete_percent, passed.state) == ("100.0", holder.STATE_CHECKED)


@req("R-064", "R-065", "R-066", "R-067")
def test_a_refused_candidate_is_replaced_by_its_substitute(shop: Shop) -> None:
    desk = Desk(shop.world, prospects=[a_prospect("D4"), a_prospect("D5")]).listing()
    desk.form()
    desk.check()

    poor, graded = desk.analyse(POOR), desk.grade()
    without_data = refusal(shop, report_request(desk.id, "A1-1", financial_items=[]))
    desk.report()
    with pytest.raises(Refused) as not_acceptable:
        desk.decide()
    desk.decide(accepted=False)
    early = refusal(shop, sign_request(desk.id, "A1-1"), role="sales_director")
    replaced = desk.substitute("D5")
    [place] = replaced.places
    entered = desk.form()

    assert (poor.rating.points, graded.rating.acceptable) == ("58.0", False)
    assert without_data == (grpc.StatusCode.INVALID_ARGUMENT, "REPORT_WITHOUT_FINANCIAL_DATA")
    assert not_acceptable.value.reason == "GRADE_NOT_ACCEPTABLE"
    assert early == (grpc.StatusCode.FAILED_PRECONDITION, "STEP_NOT_OPEN")
    assert state_of(shop.world, "D4") == Partner.STATE_REPLACED
    assert (replaced.loops, list(place.replaced_partner_ids), place.partner_id) == (1, ["D4"], "D5")
    assert entered.partner_id == "D5"


@req("R-063", "R-064", "R-067", "R-072")
def test_the_report_shows_points_grade_and_benefit_before_the_approval(shop: Shop) -> None:
    desk = Desk(shop.world, prospects=[a_prospect("D5"), a_prospect("D6")]).listing()

    report = desk.evaluated()
    shown = desk.report_of(report.report_id)
    desk.decide()
    direct = refusal(
        shop,
        partners.SignAgreementRequest(partner_id="D5", year=2026, credit_limit=made.cny(1)),
        role="sales_director",
    )

    assert (shown.rating.points, shown.rating.credit_grade) == ("73.0", partner_pb2.CREDIT_GRADE_B)
    assert (shown.rating.credit_limit, shown.rating.credit_days) == (made.cny(20_000_000), 30)
    assert [one.source for one in shown.rating.scores] == [f"form:{one}" for one in CRITERIA]
    assert (shown.state, shown.benefit_ratio) == (Report.STATE_REPORTED, "0.49")
    assert direct == (grpc.StatusCode.FAILED_PRECONDITION, "PARTNER_STATE_FORBIDS")


@req("R-067", "R-071")
def test_two_checks_of_three_are_not_approvable_and_a_refusal_goes_back(shop: Shop) -> None:
    desk = Desk(shop.world).listing()
    desk.form()
    desk.check()
    desk.analyse()
    desk.grade()
    desk.report(checks=checks("CREDIT", "LOCATION"))
    desk.decide()

    with pytest.raises(Refused) as two_of_three:
        desk.approve()
    back = desk.approve(approved=False)
    again = desk.decide()

    assert two_of_three.value.reason == "DOSSIER_INCOMPLETE"
    assert two_of_three.value.metadata["missing"] == "SALES_ABILITY"
    assert (back.state, again.state) == (Report.STATE_REPORTED, Report.STATE_ACCEPTED)


def test_a_place_without_a_substitute_stays_vacant(shop: Shop) -> None:
    desk = Desk(shop.world).listing()
    desk.evaluated(POOR)
    desk.decide(accepted=False)

    vacant = desk.substitute()

    assert vacant.places[0].vacant
    assert (vacant.places[0].partner_id, vacant.loops) == ("", 0)


@req("R-068", "R-069", "R-070")
def test_an_approved_candidate_signs_gets_its_credit_and_its_customer_file(world: World) -> None:
    world.start("planning", "settlement", "crm", "channels")
    world.settle()
    desk = Desk(world, prospects=[a_prospect("D5"), a_prospect("D6")]).listing()
    report = desk.evaluated()
    desk.decide()

    desk.approve()
    direct = refusal(
        world,
        partners.SignAgreementRequest(partner_id="D5", year=2026, credit_limit=made.cny(1)),
        role="sales_director",
    )
    signed = desk.sign()
    desk.acknowledge()
    filed = desk.file()
    world.settle()
    told = world.rows(
        "channels",
        "SELECT payload, split_part(traceparent, '-', 2) FROM event"
        " WHERE type = %(type)s ORDER BY id",
        type=events_pb2.SelectionNotified.DESCRIPTOR.full_name,
    )
    account = world.call(credit_service_pb2.GetCreditAccountRequest(partner_id="D5")).account
    file = world.call(partner_file_service_pb2.GetCustomerFileRequest(customer_id="D5")).file

    assert direct[1] == "PARTNER_STATE_FORBIDS"
    assert [events_pb2.SelectionNotified.FromString(one).role for one, _ in told] == [
        "customer_service",
        "regional_manager",
    ]
    assert len({trace for _, trace in told}) == 1
    assert signed.state == selection_pb2.Selection.STATE_SIGNED
    assert filed.state == selection_pb2.Selection.STATE_FILED
    assert state_of(world, "D5") == Partner.STATE_ACTIVE
    assert account.limit == made.cny(20_000_000)
    assert (list(file.report_ids), file.state) == (
        [report.report_id],
        partner_file_pb2.CustomerFile.STATE_ACTIVE,
    )
    assert file.agreements[0].selection_id == desk.id
