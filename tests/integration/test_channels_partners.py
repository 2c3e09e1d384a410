"""Partners through a real server."""

from typing import Any

import grpc
import psycopg
import pytest
from mantle.channels.v1 import events_pb2, partner_pb2
from mantle.channels.v1 import partner_service_pb2 as partners

from tests.support import examples_channels as made
from tests.support.channels_world import Shop, shop
from tests.support.requirements import req
from tests.support.server import Refused, libpq

__all__ = ["shop"]

Partner = partner_pb2.Partner


def agreement(partner_id: str, year: int, limit_minor: int) -> partners.SignAgreementRequest:
    return partners.SignAgreementRequest(
        partner_id=partner_id,
        year=year,
        credit_limit=made.cny(limit_minor),
        credit_days=30,
        territory="A1",
    )


def test_a_partner_signs_and_may_order(shop: Shop) -> None:
    partner_id = made.a_partner(shop.world, "D1")

    partner = shop.world.call(partners.GetPartnerRequest(partner_id=partner_id)).partner
    [fact] = shop.facts(events_pb2.PartnerActivated)

    assert partner.state == Partner.STATE_ACTIVE
    assert [(one.year, one.credit_days) for one in partner.agreements] == [(2026, 30)]
    assert (fact.partner_id, fact.unit_id, fact.credit_days) == ("D1", "hq", 30)
    assert fact.credit_limit == made.cny(made.LIMIT_MINOR)


@req("R-077")
def test_there_is_one_partner_of_each_kind_and_a_filter_finds_it(shop: Shop) -> None:
    kinds = [name.removeprefix("PARTNER_KIND_") for name in partner_pb2.PartnerKind.keys()[1:]]
    for kind in kinds:
        made.a_prospect(shop.world, kind, kind=kind)
    unknown = partners.CreatePartnerRequest(
        partner_id="X", name="X", kind=99, unit_id="hq", credit_grade=1
    )

    found = {
        kind: [
            one.partner_id
            for one in shop.world.call(
                partners.ListPartnersRequest(
                    kind=partner_pb2.PartnerKind.Value(f"PARTNER_KIND_{kind}")
                )
            ).partners
        ]
        for kind in kinds
    }
    with pytest.raises(Refused) as refused:
        shop.world.call(unknown)

    assert found == {kind: [kind] for kind in kinds}
    assert len(kinds) == 9
    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT


def test_a_partner_needs_the_agreement_of_the_year_to_be_activated(shop: Shop) -> None:
    prospect, late = made.a_prospect(shop.world), made.a_prospect(shop.world)
    shop.world.call(agreement(late, 2027, 1))
    reasons = []
    for partner_id in (prospect, late):
        with pytest.raises(Refused) as refused:
            shop.world.call(partners.ActivatePartnerRequest(partner_id=partner_id))
        reasons.append(refused.value.reason)

    assert reasons == ["PARTNER_STATE_FORBIDS", "AGREEMENT_MISSING"]


def test_a_year_has_one_agreement(shop: Shop) -> None:
    partner_id = made.a_partner(shop.world)

    with pytest.raises(Refused) as refused:
        shop.world.call(agreement(partner_id, 2026, 1))
    partner = shop.world.call(agreement(partner_id, 2027, 1)).partner

    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "AGREEMENT_EXISTS",
    )
    assert [one.year for one in partner.agreements] == [2026, 2027]
    assert partner.credit_limit == made.cny(made.LIMIT_MINOR)


def test_a_changed_grade_is_told_with_its_credit(shop: Shop) -> None:
    partner_id, prospect = made.a_partner(shop.world), made.a_prospect(shop.world)

    def change(one: str) -> Any:
        return shop.world.call(
            partners.ChangeCreditGradeRequest(
                partner_id=one,
                credit_grade=partner_pb2.CREDIT_GRADE_A,
                credit_limit=made.cny(50_000_000),
                credit_days=60,
            )
        ).partner

    partner = change(partner_id)
    with pytest.raises(Refused) as refused:
        change(prospect)
    [fact] = shop.facts(events_pb2.CreditGradeChanged)

    assert partner.credit_grade == partner_pb2.CREDIT_GRADE_A
    assert (fact.credit_limit, fact.credit_days) == (made.cny(50_000_000), 60)
    assert refused.value.reason == "PARTNER_STATE_FORBIDS"


def test_a_later_record_of_a_year_replaces_the_first(shop: Shop) -> None:
    partner_id = made.a_prospect(shop.world)
    for amount_minor in (5, 7):
        partner = shop.world.call(
            partners.RecordPriorYearPurchasesRequest(
                partner_id=partner_id, year=2025, amount=made.cny(amount_minor)
            )
        ).partner

    assert [(one.year, one.amount.amount_minor) for one in partner.purchases] == [(2025, 7)]


def test_a_negative_limit_is_refused(shop: Shop) -> None:
    with pytest.raises(Refused) as refused:
        shop.world.call(agreement("D1", 2026, -1))

    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT


def test_an_id_is_given_once(shop: Shop) -> None:
    made.a_prospect(shop.world, "D1")

    with pytest.raises(Refused) as refused:
        made.a_prospect(shop.world, "D1")

    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.ALREADY_EXISTS,
        "PARTNER_EXISTS",
    )


@pytest.mark.parametrize(
    "request_",
    [
        partners.GetPartnerRequest(partner_id="none"),
        agreement("none", 2026, 1),
        partners.ActivatePartnerRequest(partner_id="none"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_an_unknown_partner_is_not_found(shop: Shop, request_: Any) -> None:
    with pytest.raises(Refused) as refused:
        shop.world.call(request_)

    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.NOT_FOUND,
        "PARTNER_NOT_FOUND",
    )


@req("R-183")
def test_partners_of_another_unit_are_out_of_reach(shop: Shop) -> None:
    shop.add_unit("a1", "hq/a1/")
    shop.add_unit("a2", "hq/a2/")
    made.a_prospect(shop.world, "D1", unit_id="a1")

    with pytest.raises(Refused) as read:
        shop.world.call(partners.GetPartnerRequest(partner_id="D1"), unit_id="a2")
    with pytest.raises(Refused) as signed:
        shop.world.call(agreement("D1", 2026, 1), unit_id="a2")
    listed = {
        unit_id: len(shop.world.call(partners.ListPartnersRequest(), unit_id=unit_id).partners)
        for unit_id in ("hq", "a1", "a2")
    }

    assert (read.value.code, read.value.reason) == (
        grpc.StatusCode.PERMISSION_DENIED,
        "OUT_OF_SCOPE",
    )
    assert signed.value.reason == "OUT_OF_SCOPE"
    assert listed == {"hq": 1, "a1": 1, "a2": 0}


@pytest.mark.parametrize("table", ["agreement", "sales_order_line", "sales_order_move"])
def test_what_was_agreed_is_never_changed(shop: Shop, table: str) -> None:
    with (
        psycopg.connect(libpq(shop.world.database("channels").app_url)) as db,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        db.execute(f"DELETE FROM {table}")
