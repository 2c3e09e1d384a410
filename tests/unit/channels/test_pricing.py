"""Prices: exact until the one rounding of the unit price."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.pricing.domain import (
    Convention,
    FactorKind,
    PriceExecution,
    Rules,
    Wanted,
    average,
    deviation,
    overridden,
    policy_price_of,
    price_line,
    sum_up,
)
from chassis.errors import MantleError
from chassis.money import AmountInvalid, Money, UnitPrice
from chassis.period import DateRange
from chassis.policy.domain import Policy, State
from chassis.policy.parameters import Parameters
from tests.support.requirements import req


def a_policy(kind: str, **values: str) -> Policy:
    return Policy(
        policy_id=kind,
        kind=kind,
        scope="",
        version=3,
        valid=DateRange(date(2026, 1, 1)),
        planned_end=None,
        state=State.APPROVED,
        assumed=False,
        summary="",
        parameters=Parameters(values),
        conditions={},
        variables={},
        created_by="",
        create_time=datetime(2026, 1, 1, tzinfo=UTC),
    )


def rules(
    amount: str, factor: str = "1", allowance: str = "0", discount: Policy | None = None
) -> Rules:
    return Rules(
        a_policy("list_price", currency_code="CNY", amount=amount),
        a_policy("channel_terms", channel_factor=factor, allowance=allowance),
        discount,
    )


@req("R-082")
@pytest.mark.parametrize(("amount", "unit_price"), [("10.00", "8.55"), ("25.00", "21.375")])
def test_the_unit_price_is_list_price_times_factor_less_allowance(
    amount: str, unit_price: str
) -> None:
    line = price_line(Wanted("P1", 1000), rules(amount, "0.90", "0.05"))

    assert str(line.unit_price.amount) == unit_price
    assert line.amount == Money("CNY", int(Decimal(unit_price) * 100_000))
    assert [factor.kind for factor in line.factors] == [
        FactorKind.LIST_PRICE,
        FactorKind.CHANNEL_FACTOR,
        FactorKind.ALLOWANCE,
    ]


@req("R-083")
@pytest.mark.parametrize(
    ("rate", "convention"), [("0.30", "DISCOUNT_SHARE"), ("0.70", "PRICE_SHARE")]
)
def test_a_discount_of_30_percent_is_paid_as_70_percent_in_both_conventions(
    rate: str, convention: str
) -> None:
    discount = a_policy("discount", rate=rate, convention=convention)

    line = price_line(Wanted("P3", 1000), rules("100.00", discount=discount))

    assert line.amount == Money("CNY", 7_000_000)
    assert line.factors[-1].convention is Convention(convention)
    assert line.factors[-1].value == Decimal(rate)


@pytest.mark.parametrize(
    "broken",
    [
        rules("10.00", allowance="1.01"),
        rules("10.00", discount=a_policy("discount", rate="0.30", convention="WHATEVER")),
    ],
)
def test_a_policy_that_makes_no_price_is_refused(broken: Rules) -> None:
    with pytest.raises(AmountInvalid):
        price_line(Wanted("P1", 1), broken)


shares = st.decimals(min_value=0, max_value=1, places=6)


@given(
    amount=st.decimals(min_value=0, max_value=100_000, places=6),
    factor=shares,
    allowance=shares,
    quantity=st.integers(min_value=1, max_value=10_000_000),
)
def test_the_amount_is_unit_price_times_quantity_rounded_once(
    amount: Decimal, factor: Decimal, allowance: Decimal, quantity: int
) -> None:
    line = price_line(Wanted("P1", quantity), rules(f"{amount:f}", f"{factor:f}", f"{allowance:f}"))

    assert line.amount == line.unit_price.times(quantity)
    assert line.unit_price.amount <= amount
    assert abs(line.unit_price.amount - amount * factor * (1 - allowance)) <= Decimal("5e-7")


def test_lines_of_two_currencies_have_no_sum() -> None:
    yuan = price_line(Wanted("P1", 1), rules("1.00"))
    dollars = Rules(
        a_policy("list_price", currency_code="USD", amount="1.00"),
        a_policy("channel_terms", channel_factor="1", allowance="0"),
        None,
    )

    with pytest.raises(MantleError) as refused:
        sum_up([yuan, price_line(Wanted("P2", 1), dollars)], date(2026, 3, 2))

    assert refused.value.reason == "CURRENCY_MISMATCH"


@req("R-088")
def test_another_price_keeps_that_of_the_policies_beside_it() -> None:
    line = price_line(Wanted("P1", 1000), rules("10.00", "0.90", "0.05"))
    lower = UnitPrice("CNY", Decimal("8.30"))

    after = overridden(line, lower, override_id="O1")

    assert after.amount == Money("CNY", 830_000)
    assert after.policy_price == line.unit_price
    assert str(deviation(lower, line.unit_price)) == "-0.0292"
    assert policy_price_of(after.factors, "CNY") == line.unit_price
    assert policy_price_of(line.factors, "CNY") is None
    assert (after.factors[-1].policy_id, str(after.factors[-1].multiplier)) == ("O1", "0.97076")


def test_nothing_deviates_from_a_price_of_nothing() -> None:
    with pytest.raises(AmountInvalid):
        deviation(UnitPrice("CNY", Decimal(1)), UnitPrice("CNY", Decimal(0)))


@req("R-089")
def test_the_average_price_is_98_83_percent_of_the_policies() -> None:
    found = PriceExecution(
        "D1", "P1", "", 1000, Money("CNY", 845_000), Money("CNY", 855_000), overridden_quantity=400
    )

    assert str(found.execution) == "0.9883"
    assert str(average(found.realised, found.quantity).amount) == "8.45"


@given(
    st.decimals("0.01", "10000", places=2),
    st.decimals("0.01", "10000", places=2),
    st.integers(1, 10_000),
)
def test_an_overridden_line_costs_its_price_times_its_pieces(
    listed: Decimal, agreed: Decimal, quantity: int
) -> None:
    line = price_line(Wanted("P1", quantity), rules(str(listed)))

    after = overridden(line, UnitPrice("CNY", agreed), override_id="O1")

    assert after.amount == UnitPrice("CNY", agreed).times(quantity)
    assert average(after.amount, quantity).amount == agreed
