"""Amounts are exact, rounded once, and never of two currencies at a time."""

from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis import money
from chassis.money import AMOUNT_MINOR_MAX, AmountInvalid, CurrencyMismatch, Money, UnitPrice
from tests.support.requirements import req

amounts = st.integers(-(10**15), 10**15)
prices = st.decimals(-(10**6), 10**6, places=6, allow_nan=False, allow_infinity=False)


@req("R-314")
def test_a_tenth_and_two_tenths_are_three_tenths() -> None:
    tenth = Money.parse("CNY", "0.10")
    two_tenths = Money.parse("CNY", "0.20")

    result = tenth + two_tenths

    assert result == Money.parse("CNY", "0.30")


@given(st.integers(-(10**12), 10**12), prices)
def test_a_product_is_rounded_half_up_once(amount_minor: int, ratio: Decimal) -> None:
    exact = Context(prec=100).multiply(Decimal(amount_minor), ratio)

    result = Money("CNY", amount_minor).times(ratio)

    assert result.amount_minor == int(exact.to_integral_value(ROUND_HALF_UP))


def test_a_product_does_not_depend_on_the_decimal_context() -> None:
    with localcontext(Context(prec=3)):
        result = Money("CNY", 123_456_789_012).times(Decimal("0.5000001"))

    assert result == Money("CNY", 61_728_406_852)


@pytest.mark.parametrize(
    ("amount_minor", "rounded_minor"), [(1, 1), (-1, -1), (3, 2), (-3, -2), (2, 1), (0, 0)]
)
def test_a_half_goes_away_from_zero(amount_minor: int, rounded_minor: int) -> None:
    result = Money("CNY", amount_minor).times(Decimal("0.5"))

    assert result.amount_minor == rounded_minor


@pytest.mark.parametrize(
    ("currency_code", "amount_minor"), [("CNY", 855), ("JPY", 9), ("KWD", 8550), ("CLF", 85500)]
)
def test_a_unit_price_gives_the_minor_units_of_its_currency(
    currency_code: str, amount_minor: int
) -> None:
    price = UnitPrice.parse(currency_code, "8.550000")

    result = price.times(1)

    assert result == Money(currency_code, amount_minor)


def test_a_unit_price_is_rounded_after_the_quantity_and_not_before() -> None:
    price = UnitPrice.parse("CNY", "21.375")

    result = price.times(40_000)

    assert result.major() == "855000.00"


@pytest.mark.parametrize(
    ("part", "whole", "share"), [(1_980_000, 2_400_000, "0.8250"), (-45_000, 405_000, "-0.1111")]
)
def test_a_ratio_has_the_decimals_that_were_asked_for(part: int, whole: int, share: str) -> None:
    result = money.ratio(part, whole, decimals=4)

    assert str(result) == share


def test_amounts_of_one_currency_compare_by_size() -> None:
    less, more = Money("CNY", 1), Money("CNY", 2)

    ordered = [less < more, less <= more, more > less, more >= less, abs(-less) == less]

    assert all(ordered)


def test_a_sum_of_nothing_is_zero() -> None:
    result = money.total("CNY", [])

    assert result == Money.zero("CNY")


@given(st.lists(amounts, max_size=20))
def test_a_total_is_the_sum_of_its_amounts(amounts_minor: list[int]) -> None:
    result = money.total("CNY", [Money("CNY", amount) for amount in amounts_minor])

    assert result.amount_minor == sum(amounts_minor)


@given(amounts, st.sampled_from(["CNY", "JPY", "KWD"]))
def test_an_amount_survives_its_text(amount_minor: int, currency_code: str) -> None:
    amount = Money(currency_code, amount_minor)

    result = Money.parse(currency_code, amount.major())

    assert result == amount


@given(prices)
def test_a_decimal_survives_its_text(value: Decimal) -> None:
    text = money.format_decimal(value)

    result = money.parse_decimal(text)

    assert (result, "E" in text) == (value, False)


def test_currencies_do_not_mix() -> None:
    yuan, yen = Money("CNY", 1), Money("JPY", 1)
    mixtures = [
        lambda: yuan + yen,
        lambda: yuan - yen,
        lambda: yuan < yen,
        lambda: yuan >= yen,
        lambda: money.total("CNY", [yen]),
    ]

    errors = [pytest.raises(CurrencyMismatch, mixture).value for mixture in mixtures]

    assert {error.reason for error in errors} == {"CURRENCY_MISMATCH"}


@pytest.mark.parametrize(
    "text",
    [
        *(
            "1e3",
            "+1",
            ".5",
            "5.",
            "01",
            "NaN",
            "Infinity",
            "-Infinity",
            "1_000",
            "1,0",
            "١",
            "0x1",
        ),
        *("1.0000000", "12345678901234.56789", "--1", "", " 1", "1\n", "-", "1" * 19),
    ],
)
def test_only_a_plain_decimal_is_read(text: str) -> None:
    with pytest.raises(AmountInvalid):
        money.parse_decimal(text)


@pytest.mark.parametrize("currency_code", ["", "cny", "CNYX", "CN", "ＣＮＹ", "CNY\n"])
def test_a_currency_is_three_capitals(currency_code: str) -> None:
    with pytest.raises(AmountInvalid):
        Money(currency_code, 1)


@pytest.mark.parametrize("amount_minor", [AMOUNT_MINOR_MAX + 1, -AMOUNT_MINOR_MAX - 1])
def test_an_amount_stays_within_int64(amount_minor: int) -> None:
    with pytest.raises(AmountInvalid):
        Money("CNY", amount_minor)


def test_a_sum_that_leaves_int64_is_refused() -> None:
    most = Money("CNY", AMOUNT_MINOR_MAX)

    with pytest.raises(AmountInvalid):
        most + Money("CNY", 1)


@pytest.mark.parametrize("ratio", ["NaN", "Infinity", "1e999999", "1e-999999", "1e31"])
def test_a_ratio_is_finite_and_bounded(ratio: str) -> None:
    with pytest.raises(AmountInvalid):
        Money("CNY", 1).times(Decimal(ratio))


@pytest.mark.parametrize("amount", ["0.0000001", "NaN", "1e12", "1e999999", "-1"])
def test_a_unit_price_fits_the_contract(amount: str) -> None:
    with pytest.raises(AmountInvalid):
        UnitPrice("CNY", Decimal(amount))
