"""Products, stock and prices through a real server."""

import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import psycopg
import pytest
from mantle.channels.v1 import events_pb2, order_pb2, pricing_pb2, product_pb2
from mantle.channels.v1 import partner_service_pb2 as partners
from mantle.channels.v1 import pricing_service_pb2 as pricing
from mantle.channels.v1 import product_service_pb2 as products
from mantle.channels.v1 import stock_service_pb2 as stock

from tests.support import examples_channels as made
from tests.support.channels_world import Shop, shop
from tests.support.requirements import req
from tests.support.server import Refused, libpq

__all__ = ["shop"]

ON_SALE = product_pb2.Product.STATE_ON_SALE


def quote(shop: Shop, partner_id: str, product_id: str, quantity: int, date: str = "") -> object:
    request = pricing.QuotePriceRequest(
        partner_id=partner_id,
        lines=[pricing.QuoteLine(product_id=product_id, quantity=quantity)],
    )
    if date:
        request.date = date
    return shop.world.call(request, role="sales_administration")


def test_a_product_goes_from_development_to_sale(shop: Shop) -> None:
    product_id = made.a_product(shop.world, "P1")

    product = shop.world.call(products.GetProductRequest(product_id=product_id)).product

    assert product.state == ON_SALE
    assert [fact.available for fact in shop.facts(events_pb2.ProductChanged)] == [
        False,
        False,
        True,
    ]


@req("R-091")
def test_a_product_that_nobody_reviewed_cannot_be_ordered(shop: Shop) -> None:
    product_id, partner_id = made.a_new_product(shop.world), made.a_partner(shop.world)
    made.a_list_price(shop.world, product_id, "10.00")

    with pytest.raises(Refused) as unreviewed:
        shop.world.call(products.ReleaseProductRequest(product_id=product_id))
    with pytest.raises(Refused) as refused:
        shop.world.call(made.order_of(partner_id, product_id))

    assert unreviewed.value.reason == "PRODUCT_STATE_FORBIDS"
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.reason == "PRODUCT_NOT_ON_SALE"


@req("R-091")
def test_a_price_is_not_used_before_its_first_day(shop: Shop) -> None:
    partner_id = made.a_partner(shop.world)
    product_id = made.a_product(shop.world)
    made.a_list_price(shop.world, product_id, "12.00", start_date="2026-04-01")

    before = quote(shop, partner_id, product_id, 1000, "2026-03-31")
    after = quote(shop, partner_id, product_id, 1000, "2026-04-01")

    assert before.total.amount_minor == 855_000
    assert after.total.amount_minor == 1_026_000
    assert after.lines[0].factors[0].policy_version == 2


@req("R-091")
def test_a_product_waits_for_the_first_day_of_its_price(shop: Shop) -> None:
    product_id, partner_id = made.a_new_product(shop.world), made.a_partner(shop.world)
    shop.world.call(products.ReviewProductRequest(product_id=product_id))
    release = products.ReleaseProductRequest(product_id=product_id)
    with pytest.raises(Refused) as unpriced:
        shop.world.call(release)
    made.a_list_price(shop.world, product_id, "10.00", start_date="2026-04-01")

    waiting = shop.world.call(release).product
    with pytest.raises(Refused) as refused:
        quote(shop, partner_id, product_id, 1, "2026-03-31")
    shop.on("2026-04-01")
    released = shop.world.call(release).product

    assert unpriced.value.reason == "PRODUCT_NOT_PRICED"
    assert waiting.state == product_pb2.Product.STATE_PRICED
    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.NOT_FOUND,
        "PRICE_NOT_FOUND",
    )
    assert released.state == ON_SALE


@req("R-082")
def test_a_quote_names_every_factor_and_its_policy(shop: Shop) -> None:
    partner_id, product_id = made.a_partner(shop.world), made.a_product(shop.world)

    answer = quote(shop, partner_id, product_id, 1000)

    kind = pricing_pb2.PriceFactor
    assert answer.lines[0].unit_price.amount == "8.55"
    assert answer.total.amount_minor == 855_000
    assert [(one.kind, one.value) for one in answer.lines[0].factors] == [
        (kind.KIND_LIST_PRICE, "10.00"),
        (kind.KIND_CHANNEL_FACTOR, "0.90"),
        (kind.KIND_ALLOWANCE, "0.05"),
    ]
    assert all(one.policy_id for one in answer.lines[0].factors)


@req("R-083")
def test_the_30_percent_rule_asks_for_grade_and_purchases(shop: Shop) -> None:
    product_id = made.a_product(shop.world, amount="100.00")
    made.a_policy(
        shop.world,
        kind="channel_terms",
        scope=f"product:{product_id}",
        start_date="2026-03-02",
        values={"channel_factor": "1", "allowance": "0"},
    )
    first, second = made.a_partner(shop.world, "D1"), made.a_partner(shop.world, "D2", grade="A")
    poor = made.a_partner(shop.world, "D3", grade="A")
    for partner_id, amount_minor in ((first, 100_000_000), (second, 100_000_000), (poor, 1)):
        shop.world.call(
            partners.RecordPriorYearPurchasesRequest(
                partner_id=partner_id, year=2025, amount=made.cny(amount_minor)
            )
        )

    totals = {
        partner_id: quote(shop, partner_id, product_id, 1000).total.amount_minor
        for partner_id in (first, second, poor)
    }
    discount = quote(shop, second, product_id, 1000).lines[0].factors[-1]

    assert totals == {first: 10_000_000, second: 7_000_000, poor: 10_000_000}
    assert discount.convention == pricing_pb2.PriceFactor.CONVENTION_DISCOUNT_SHARE
    assert (discount.value, discount.multiplier) == ("0.30", "0.70")


@req("R-092")
def test_each_day_has_its_version_of_the_terms(shop: Shop) -> None:
    partner_id, product_id = made.a_partner(shop.world), made.a_product(shop.world)
    made.a_policy(
        shop.world,
        kind="channel_terms",
        scope="",
        start_date="2026-07-01",
        values={"channel_factor": "0.80", "allowance": "0.05"},
    )

    june = quote(shop, partner_id, product_id, 1000, "2026-06-30")
    july = quote(shop, partner_id, product_id, 1000, "2026-07-01")

    assert (june.total.amount_minor, june.lines[0].factors[1].policy_version) == (855_000, 1)
    assert (july.total.amount_minor, july.lines[0].factors[1].policy_version) == (760_000, 2)


@req("R-092")
def test_the_nearest_terms_win(shop: Shop) -> None:
    partner_id = made.a_partner(shop.world, grade="C")
    product_id = made.a_product(shop.world)
    factors = []
    for scope, factor in (
        ("channel:distributor", "0.80"),
        ("channel:distributor/C", "0.70"),
        (f"product:{product_id}", "0.60"),
        (f"partner:{partner_id}", "0.50"),
    ):
        made.a_policy(
            shop.world,
            kind="channel_terms",
            scope=scope,
            start_date="2026-03-02",
            values={"channel_factor": factor, "allowance": "0"},
        )
        factors.append(quote(shop, partner_id, product_id, 1).lines[0].factors[1].value)

    assert factors == ["0.80", "0.70", "0.60", "0.50"]


@pytest.mark.parametrize(
    ("request_", "code", "reason"),
    [
        (products.GetProductRequest(product_id="none"), "NOT_FOUND", "PRODUCT_NOT_FOUND"),
        (products.WithdrawProductRequest(product_id="none"), "NOT_FOUND", "PRODUCT_NOT_FOUND"),
        (products.ReviewProductRequest(product_id="P1"), "FAILED_PRECONDITION", ""),
        (
            products.CreateProductRequest(product_id="P1", name="again"),
            "ALREADY_EXISTS",
            "PRODUCT_EXISTS",
        ),
        (
            products.CreateProductRequest(
                product_id="P9", name="new", requires_product_ids=["none"]
            ),
            "NOT_FOUND",
            "PRODUCT_NOT_FOUND",
        ),
        (
            products.ChangeProductRulesRequest(product_id="P1", excludes_product_ids=["P1"]),
            "INVALID_ARGUMENT",
            "REQUEST_INVALID",
        ),
        (stock.GetStockRequest(product_id="P1"), "FAILED_PRECONDITION", "STOCK_NOT_KEPT"),
        (
            stock.ReceiveStockRequest(product_id="P1", quantity=1),
            "FAILED_PRECONDITION",
            "STOCK_NOT_KEPT",
        ),
        (stock.GetStockRequest(product_id="none"), "NOT_FOUND", "PRODUCT_NOT_FOUND"),
        (
            pricing.QuotePriceRequest(
                partner_id="none", lines=[pricing.QuoteLine(product_id="P1", quantity=1)]
            ),
            "NOT_FOUND",
            "PARTNER_NOT_FOUND",
        ),
        (
            pricing.QuotePriceRequest(
                partner_id="D1", lines=[pricing.QuoteLine(product_id="none", quantity=1)]
            ),
            "NOT_FOUND",
            "PRODUCT_NOT_FOUND",
        ),
    ],
    ids=lambda value: type(value).__name__ if hasattr(value, "DESCRIPTOR") else "",
)
def test_what_is_refused_says_why(shop: Shop, request_: object, code: str, reason: str) -> None:
    made.a_product(shop.world, "P1")
    made.a_partner(shop.world, "D1")

    with pytest.raises(Refused) as refused:
        shop.world.call(request_)

    assert refused.value.code.name == code
    assert refused.value.reason == (reason or "PRODUCT_STATE_FORBIDS")


def test_rules_are_replaced_as_a_whole(shop: Shop) -> None:
    for product_id in ("P1", "P2", "P3"):
        made.a_new_product(shop.world, product_id)

    shop.world.call(
        products.ChangeProductRulesRequest(product_id="P1", excludes_product_ids=["P3", "P2"])
    )
    product = shop.world.call(
        products.ChangeProductRulesRequest(product_id="P1", requires_product_ids=["P2"])
    ).product

    assert list(product.excludes_product_ids) == []
    assert list(product.requires_product_ids) == ["P2"]


def test_a_withdrawn_product_is_withdrawn_for_good(shop: Shop) -> None:
    product_id = made.a_product(shop.world)

    product = shop.world.call(products.WithdrawProductRequest(product_id=product_id)).product
    with pytest.raises(Refused) as refused:
        shop.world.call(products.WithdrawProductRequest(product_id=product_id))

    assert product.state == product_pb2.Product.STATE_WITHDRAWN
    assert refused.value.reason == "PRODUCT_STATE_FORBIDS"
    assert shop.facts(events_pb2.ProductChanged)[-1].available is False


def test_products_and_stocks_are_listed_by_id_page_by_page(shop: Shop) -> None:
    for product_id in ("P3", "P1", "P2"):
        made.a_new_product(shop.world, product_id, stock_kept=True)

    first = shop.world.call(products.ListProductsRequest(page_size=2))
    second = shop.world.call(
        products.ListProductsRequest(page_size=2, page_token=first.next_page_token)
    )
    none = shop.world.call(products.ListProductsRequest(state=ON_SALE))
    stocks = shop.world.call(stock.ListStockRequest())

    assert [one.product_id for one in first.products] == ["P1", "P2"]
    assert [one.product_id for one in second.products] == ["P3"]
    assert (second.next_page_token, list(none.products)) == ("", [])
    assert [one.product_id for one in stocks.stocks] == ["P1", "P2", "P3"]


def test_a_product_is_told_of_when_it_comes_into_stock_and_when_it_runs_out(shop: Shop) -> None:
    product_id, partner_id = made.a_product(shop.world, stock_kept=True), shop.rich_partner()
    before = len(shop.facts(events_pb2.ProductChanged))
    receive = stock.ReceiveStockRequest(product_id=product_id, quantity=2)

    shop.world.call(receive, role="logistics")
    shop.world.call(receive, role="logistics")
    shop.world.call(made.order_of(partner_id, product_id, 3))
    shop.world.call(made.order_of(partner_id, product_id, 1))
    told = [fact.available for fact in shop.facts(events_pb2.ProductChanged)[before:]]
    left = shop.world.call(stock.GetStockRequest(product_id=product_id)).stock

    assert told == [True, False]
    assert (left.on_hand, left.allocated, left.available) == (4, 4, 0)


@req("R-087")
def test_orders_that_race_for_the_last_pieces_never_take_more_than_there_are(shop: Shop) -> None:
    product_id, partner_id = made.a_product(shop.world, stock_kept=True), shop.rich_partner()
    shop.world.call(stock.ReceiveStockRequest(product_id=product_id, quantity=5), role="logistics")
    barrier = threading.Barrier(8)

    def place() -> object:
        barrier.wait(timeout=10)
        return shop.world.call(made.order_of(partner_id, product_id, 2)).order

    with ThreadPoolExecutor(8) as pool:
        placed = [one.result() for one in [pool.submit(place) for _ in range(8)]]
    left = shop.world.call(stock.GetStockRequest(product_id=product_id)).stock

    allocated = [one for one in placed if one.state == order_pb2.Order.STATE_ALLOCATED]
    waiting = [one for one in placed if one.state == order_pb2.Order.STATE_APPROVED]
    [partly] = [one for one in placed if one not in allocated + waiting]
    assert len(allocated) == 2
    assert partly.state == order_pb2.Order.STATE_PARTIALLY_ALLOCATED
    assert partly.lines[0].back_ordered_quantity == 1
    assert (left.on_hand, left.allocated) == (5, 5)


def test_the_database_itself_refuses_more_than_there_is(shop: Shop) -> None:
    product_id = made.a_product(shop.world, stock_kept=True)

    with (
        psycopg.connect(libpq(shop.world.database("channels").app_url)) as db,
        pytest.raises(psycopg.errors.CheckViolation),
    ):
        db.execute("UPDATE product_stock SET allocated = 1 WHERE product_id = %s", [product_id])
