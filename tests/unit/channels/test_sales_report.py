"""What can be wrong with the sales of a report."""

from datetime import UTC, date, datetime

import pytest

from channels.partner.domain import Agreement, AgreementState, Credit, Ending
from channels.product.domain import Product, State
from channels.sales_report.domain import (
    Ground,
    Sale,
    SaleLine,
    SalesReportInvalid,
    problems,
)
from chassis.money import Money

AT = datetime(2026, 1, 1, tzinfo=UTC)
TODAY = date(2026, 3, 2)
PRICE = Money("CNY", 1177)
ENDED = Ending(AgreementState.TERMINATED, date(2025, 7, 1), "left")


def a_product(product_id: str, state: State) -> Product:
    return Product(
        product_id=product_id,
        name=product_id,
        line="cd",
        state=state,
        stock_kept=False,
        excludes_product_ids=(),
        requires_product_ids=(),
        review_opinion="",
        version=1,
        create_time=AT,
    )


def an_agreement(year: int, ending: Ending | None = None) -> Agreement:
    credit = Credit(Money("CNY", 1), 30)
    return Agreement("a", "D1", year, credit, "", AT, ending=ending)


GROUND = Ground(
    today=TODAY,
    currency_code="CNY",
    agreements={2026: an_agreement(2026), 2025: an_agreement(2025, ENDED)},
    products={one: a_product(one, State(one)) for one in ("ON_SALE", "WITHDRAWN", "REVIEWED")},
    used={"S0"},
)


def a_sale(
    sale_id: str = "S1",
    day: date | None = TODAY,
    *,
    product_id: str = "ON_SALE",
    pieces: int = 2,
    amount: Money = PRICE,
) -> Sale:
    return Sale(sale_id, "C1", day, (SaleLine(product_id, pieces, amount),))


@pytest.mark.parametrize(
    "sale",
    [
        a_sale(),
        a_sale(product_id="WITHDRAWN"),
        a_sale(amount=Money("CNY", 0)),
        a_sale(day=date(2025, 6, 30)),
        a_sale(pieces=1_000_000_000, amount=Money("CNY", 10**15)),
    ],
)
def test_nothing_is_wrong_with_a_sale_inside_the_bounds(sale: Sale) -> None:
    assert problems([sale], GROUND) == []


@pytest.mark.parametrize(
    ("sale", "field", "rule"),
    [
        (a_sale("S0"), "sale_id", "sale_id.used"),
        (a_sale(day=None), "sale_date", "sale_date.calendar"),
        (a_sale(day=date(2026, 3, 3)), "sale_date", "sale_date.future"),
        (a_sale(day=date(2024, 12, 31)), "sale_date", "sale_date.agreement"),
        (a_sale(day=date(2025, 7, 1)), "sale_date", "sale_date.agreement"),
        (a_sale(product_id="P9"), "lines[0].product_id", "product.known"),
        (a_sale(product_id="REVIEWED"), "lines[0].product_id", "product.on_sale"),
        (a_sale(pieces=0), "lines[0].quantity", "quantity.range"),
        (a_sale(pieces=1_000_000_001), "lines[0].quantity", "quantity.range"),
        (a_sale(amount=Money("CNY", -1)), "lines[0].amount", "amount.range"),
        (a_sale(amount=Money("CNY", 10**15 + 1)), "lines[0].amount", "amount.range"),
        (a_sale(amount=Money("USD", 1)), "lines[0].amount", "amount.currency"),
    ],
)
def test_what_is_wrong_is_told_with_the_place_of_the_sale(
    sale: Sale, field: str, rule: str
) -> None:
    [found] = problems([a_sale("S9"), sale], GROUND)

    assert (found.field, found.rule) == (f"sales[1].{field}", rule)


def test_a_number_that_comes_twice_is_wrong_at_both_places() -> None:
    found = problems([a_sale("S1"), a_sale("S2"), a_sale("S1")], GROUND)

    assert [one.field for one in found] == ["sales[0].sale_id", "sales[2].sale_id"]
    assert SalesReportInvalid(found).metadata == {"sales": "2"}
