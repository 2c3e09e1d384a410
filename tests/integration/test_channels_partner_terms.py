"""The terms of an agreement begin to hold with its year."""

from datetime import date

from mantle.channels.v1 import events_pb2, partner_pb2
from mantle.channels.v1 import partner_service_pb2 as partners
from mantle.channels.v1 import pricing_service_pb2 as pricing

from channels.partner import agreeing
from channels.partner.domain import CreditGradeChanged
from tests.support import examples_channels as made
from tests.support.channels_world import Shop, shop
from tests.support.examples_channels import cny
from tests.support.requirements import req

__all__ = ["shop"]


def take_over(shop: Shop, day: str) -> list[object]:
    service = shop.world.services["channels"]
    with service.database.transaction() as tx:
        return list(agreeing.take_terms_over(tx, today=date.fromisoformat(day)).facts)


@req("R-151", "R-076")
def test_the_terms_of_the_next_year_hold_from_its_first_day_on(shop: Shop) -> None:
    partner_id = made.a_partner(shop.world)
    shop.world.call(
        partners.SignAgreementRequest(
            partner_id=partner_id,
            year=2027,
            credit_limit=cny(50_000_000),
            credit_days=60,
            target=cny(60_000_000),
            territories=[partner_pb2.Territory(area="A1", exclusive=True)],
        ),
        role="sales_director",
    )

    before = take_over(shop, "2026-12-31")
    told = take_over(shop, "2027-01-01")
    again = take_over(shop, "2027-01-02")
    shop.on("2027-01-02")
    partner = shop.world.call(partners.GetPartnerRequest(partner_id=partner_id)).partner

    assert (before, len(told), again) == ([], 1, [])
    assert isinstance(told[0], CreditGradeChanged)
    assert (partner.credit_limit, partner.credit_days) == (cny(50_000_000), 60)
    assert [one.state for one in partner.agreements] == [
        partner_pb2.Agreement.STATE_EXPIRED,
        partner_pb2.Agreement.STATE_ACTIVE,
    ]
    assert (partner.agreements[1].start_date, partner.agreements[1].end_date) == (
        "2027-01-01",
        "2028-01-01",
    )
    assert len(shop.facts(events_pb2.AgreementSigned)) == 2


@req("R-151")
def test_an_agreement_says_which_price_policy_holds(shop: Shop) -> None:
    world = shop.world
    made.a_policy(
        world,
        kind="channel_terms",
        scope="agreement:gold",
        start_date="2026-03-02",
        values={"channel_factor": "0.80", "allowance": "0"},
    )
    product_id = made.a_product(world, amount="10.00")
    plain, gold = made.a_partner(world), made.a_prospect(world)
    world.call(
        partners.SignAgreementRequest(
            partner_id=gold,
            year=2026,
            credit_limit=cny(1),
            price_policy="agreement:gold",
        ),
        role="sales_director",
    )

    quoted = {
        partner_id: world.call(
            pricing.QuotePriceRequest(
                partner_id=partner_id,
                lines=[pricing.QuoteLine(product_id=product_id, quantity=1)],
            )
        ).total
        for partner_id in (plain, gold)
    }

    assert quoted == {plain: cny(855), gold: cny(800)}
