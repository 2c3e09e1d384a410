"""Prices that differ from the policies, and how prices were carried out, through a real server."""

from typing import Any

import pytest
from mantle.channels.v1 import events_pb2, order_pb2, pricing_pb2, product_pb2
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import pricing_service_pb2 as pricing
from mantle.channels.v1 import product_service_pb2 as products

from tests.support import examples_channels as made
from tests.support import examples_channels_fulfilment as prices
from tests.support.channels_world import Shop, shop
from tests.support.requirements import req
from tests.support.server import Refused

__all__ = ["shop"]

Override = pricing_pb2.PriceOverride
FACTOR = pricing_pb2.PriceFactor


def agreed(
    partner_id: str, product_id: str, quantity: int, amount: str, **fields: Any
) -> orders.PlaceOrderRequest:
    request = made.order_of(partner_id, product_id, quantity, **fields)
    request.lines[0].agreed_unit_price.CopyFrom(prices.price(amount))
    return request


def reason_of(shop: Shop, request: Any, *, role: str, subject: str = "") -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        shop.world.call(request, role=role, subject=subject)
    return refused.value.code.name, refused.value.reason


@req("R-088")
def test_another_price_needs_the_sales_directors_approval(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    cheaper = agreed(partner_id, product_id, 1000, "8.30")
    missing = ("PERMISSION_DENIED", "PRICE_OVERRIDE_MISSING")

    before = reason_of(shop, cheaper, role="sales_administration")
    asked = prices.a_requested_price(shop.world, partner_id, product_id)
    only_asked = reason_of(shop, cheaper, role="sales_administration")
    approve = pricing.ApprovePriceOverrideRequest(override_id=asked.override_id, decision="once")
    not_a_director = reason_of(shop, approve, role="regional_manager")
    allowed = shop.world.call(approve, role="sales_director").price_override
    order = shop.world.call(cheaper, role="sales_administration").order
    usual = shop.world.call(agreed(partner_id, product_id, 1, "8.55")).order

    assert before == only_asked == missing
    assert not_a_director[0] == "PERMISSION_DENIED"
    assert (asked.state, allowed.state) == (Override.STATE_REQUESTED, Override.STATE_APPROVED)
    assert (allowed.deviation, allowed.policy_unit_price.amount) == ("-0.0292", "8.55")
    assert order.total.amount_minor == 830_000
    line = order.lines[0].priced
    assert (line.unit_price.amount, line.policy_unit_price.amount) == ("8.30", "8.55")
    assert line.deviation == "-0.0292"
    assert (line.factors[-1].kind, line.factors[-1].policy_id) == (
        FACTOR.KIND_OVERRIDE,
        asked.override_id,
    )
    assert shop.order(order.order_id) == order
    assert [one.kind for one in usual.lines[0].priced.factors][-1] == FACTOR.KIND_ALLOWANCE
    assert len(shop.facts(events_pb2.PriceOverrideApproved)) == 1
    logged = shop.world.rows(
        "channels", "SELECT order_id::text, deviation::text, placed_by FROM price_deviation"
    )
    assert logged == [(order.order_id, "-0.0292", "sales_administration@hq")]


@req("R-088")
def test_an_override_holds_for_its_partner_product_project_and_days_alone(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    other, another = shop.rich_partner(), made.a_product(shop.world)
    prices.an_approved_price(
        shop.world, partner_id, product_id, project_id="hospital-7", end_date="2026-03-05"
    )
    right = agreed(partner_id, product_id, 1, "8.30", project_id="hospital-7")

    accepted = shop.world.call(right, role="sales_administration").order
    wrong = [
        agreed(other, product_id, 1, "8.30", project_id="hospital-7"),
        agreed(partner_id, another, 1, "8.30", project_id="hospital-7"),
        agreed(partner_id, product_id, 1, "8.30"),
        agreed(partner_id, product_id, 1, "8.29", project_id="hospital-7"),
        agreed(partner_id, product_id, 1, "9.00", project_id="hospital-7"),
    ]
    reasons = [reason_of(shop, one, role="sales_administration")[1] for one in wrong]
    shop.on("2026-03-06")
    reasons.append(reason_of(shop, right, role="sales_administration")[1])

    assert accepted.project_id == "hospital-7"
    assert reasons == ["PRICE_OVERRIDE_MISSING"] * 6


@req("R-088")
def test_nobody_allows_his_own_price_nor_one_below_the_floor(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    own = prices.a_requested_price(shop.world, partner_id, product_id)
    low = prices.a_requested_price(shop.world, partner_id, product_id, "7.69")
    just = prices.a_requested_price(shop.world, partner_id, product_id, "7.70")
    approvals = [
        pricing.ApprovePriceOverrideRequest(override_id=one.override_id) for one in (own, low, just)
    ]

    self_made = reason_of(
        shop, approvals[0], role="sales_director", subject="sales_administration@hq"
    )
    below = reason_of(shop, approvals[1], role="sales_director")
    allowed = shop.world.call(approvals[2], role="sales_director").price_override
    shop.world.call(
        pricing.RejectPriceOverrideRequest(override_id=just.override_id, decision="taken back"),
        role="sales_director",
    )
    again = reason_of(shop, approvals[2], role="sales_director")
    gone = reason_of(shop, agreed(partner_id, product_id, 1, "7.70"), role="sales_administration")
    listed = shop.world.call(pricing.ListPriceOverridesRequest(page_size=2))

    assert self_made == ("PERMISSION_DENIED", "PRICE_APPROVER_IS_REQUESTER")
    assert below == ("FAILED_PRECONDITION", "PRICE_BELOW_FLOOR")
    assert allowed.state == Override.STATE_APPROVED
    assert again == ("FAILED_PRECONDITION", "PRICE_OVERRIDE_STATE_FORBIDS")
    assert gone[1] == "PRICE_OVERRIDE_MISSING"
    assert [one.override_id for one in listed.price_overrides] == [
        just.override_id,
        low.override_id,
    ]


@req("R-089")
def test_what_was_realised_is_shown_beside_the_policies_by_customer_and_project(
    shop: Shop,
) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    other = shop.rich_partner()
    prices.an_approved_price(shop.world, partner_id, product_id)
    prices.an_approved_price(shop.world, other, product_id, project_id="hospital-7")
    for request in (
        made.order_of(partner_id, product_id, 600),
        agreed(partner_id, product_id, 400, "8.30"),
        agreed(other, product_id, 10, "8.30", project_id="hospital-7"),
        made.order_of(other, product_id, 10),
    ):
        shop.world.call(request, role="sales_administration")
    dropped = shop.world.call(agreed(partner_id, product_id, 90, "8.30")).order
    shop.world.call(orders.CancelOrderRequest(order_id=dropped.order_id, reason="no"))
    march = pricing.ListPriceExecutionsRequest(start_date="2026-03-01", end_date="2026-03-31")

    first = shop.world.call(march).price_executions
    page = pricing.ListPriceExecutionsRequest(
        start_date="2026-03-01", end_date="2026-03-31", page_size=2
    )
    two = shop.world.call(page)
    page.page_token = two.next_page_token
    rest = shop.world.call(page)

    whole = {(one.partner_id, one.project_id): one for one in first}
    found = whole[partner_id, ""]
    assert (found.quantity, found.overridden_quantity) == (1000, 400)
    assert (found.realised.amount_minor, found.policy.amount_minor) == (845_000, 855_000)
    assert (found.realised_price.amount, found.policy_price.amount) == ("8.45", "8.55")
    assert found.execution == "0.9883"
    assert whole[other, "hospital-7"].execution == "0.9708"
    assert whole[other, ""].execution == "1.0000"
    assert [*two.price_executions, *rest.price_executions] == list(first)


@req("R-092")
def test_an_order_is_priced_by_the_terms_of_its_day(shop: Shop) -> None:
    shop.on("2026-06-01")
    partner_id, product_id = shop.rich_partner(), made.a_new_product(shop.world)
    shop.world.call(products.ReviewProductRequest(product_id=product_id), role="market_director")
    made.a_list_price(shop.world, product_id, "10.00", start_date="2026-06-01")
    shop.world.call(products.ReleaseProductRequest(product_id=product_id), role="market_director")
    scope = f"product:{product_id}"
    versions = [
        made.a_policy(
            shop.world,
            kind="channel_terms",
            scope=scope,
            start_date=day,
            values={"channel_factor": factor, "allowance": "0"},
        )
        for day, factor in (("2026-06-01", "0.90"), ("2026-07-01", "0.80"))
    ]

    placed = []
    for day in ("2026-06-30", "2026-07-01"):
        shop.on(day)
        placed.append(shop.world.call(made.order_of(partner_id, product_id, 1)).order)

    used = [one.lines[0].priced.factors[1] for one in placed]
    assert [one.total.amount_minor for one in placed] == [900, 800]
    assert [one.policy_id for one in used] == [one.policy_id for one in versions]
    assert [one.policy_version for one in used] == [1, 2]


@req("R-091")
def test_a_product_waits_for_its_launch_month(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), "P9"
    shop.world.call(
        products.CreateProductRequest(
            product_id=product_id,
            name="New",
            launch_month="2026-05",
            stage=product_pb2.Product.STAGE_INTRODUCTION,
            sale_class=product_pb2.Product.SALE_CLASS_PRESCRIPTION,
            essential=True,
        ),
        role="product_manager",
    )
    shop.world.call(products.ReviewProductRequest(product_id=product_id), role="market_director")
    made.a_list_price(shop.world, product_id, "10.00")
    release = products.ReleaseProductRequest(product_id=product_id)
    change = products.ChangeProductLifeCycleRequest(
        product_id=product_id,
        stage=product_pb2.Product.STAGE_GROWTH,
        launch_month="2026-04",
    )

    waiting = shop.world.call(release, role="market_director").product
    refused = reason_of(shop, made.order_of(partner_id, product_id), role="sales_administration")
    changed = shop.world.call(change, role="product_manager").product
    shop.on("2026-04-01")
    released = shop.world.call(release, role="market_director").product
    change.launch_month = "2026-06"
    too_late = reason_of(shop, change, role="product_manager")
    ordered = shop.world.call(made.order_of(partner_id, product_id)).order

    assert waiting.state == product_pb2.Product.STATE_PRICED
    assert refused == ("FAILED_PRECONDITION", "PRODUCT_NOT_ON_SALE")
    assert (changed.stage, changed.essential) == (product_pb2.Product.STAGE_GROWTH, True)
    assert released.state == product_pb2.Product.STATE_ON_SALE
    assert released.sale_class == product_pb2.Product.SALE_CLASS_PRESCRIPTION
    assert too_late == ("FAILED_PRECONDITION", "PRODUCT_STATE_FORBIDS")
    assert ordered.state == order_pb2.Order.STATE_ALLOCATED
