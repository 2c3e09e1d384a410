"""The tools of the rolling plan, and how good a forecast was."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.period import Month
from planning.rolling_plan.tools import (
    Tool,
    ToolRules,
    accuracy_percent,
    average,
    deviation_percent,
    error_percent,
    prefill,
    seasonal,
    suggest,
    suggested_demand,
)
from tests.support.requirements import req

quantities = st.integers(0, 10**9)
shares = st.decimals("-0.99", "9", places=4)
RULES = ToolRules(cover_months=Decimal("1.5"), average_months=3, growth_share=Decimal("0.04"))


@req("R-044")
def test_demand_is_a_month_s_sell_out_and_the_cover_less_the_stock() -> None:
    assert suggested_demand(1_000, 900, cover_months=Decimal("1.5")) == 1_600


@given(sell_out=quantities, stock=quantities, cover=st.decimals(0, 12, places=2))
def test_a_demand_covers_what_is_aimed_at_and_is_never_below_zero(
    sell_out: int, stock: int, cover: Decimal
) -> None:
    wanted = suggested_demand(sell_out, stock, cover_months=cover)

    missing = sell_out * (1 + cover) - stock
    assert wanted >= 0
    assert abs(wanted - max(missing, 0)) <= Decimal("0.5")


@req("R-058")
def test_the_tools_suggest_what_the_catalogue_says() -> None:
    assert average([900, 1_000, 1_100]) == 1_000
    assert seasonal(1_050, growth_share=Decimal("0.04")) == 1_092


@given(st.lists(quantities, min_size=1, max_size=24))
def test_an_average_lies_between_the_least_and_the_most(history: list[int]) -> None:
    assert min(history) <= average(history) <= max(history)


@given(quantity=quantities, months=st.integers(1, 24))
def test_the_average_of_equal_months_is_one_of_them(quantity: int, months: int) -> None:
    assert average([quantity] * months) == quantity


@given(quantities)
def test_without_growth_the_season_is_last_year_s(last_year: int) -> None:
    assert seasonal(last_year, growth_share=Decimal(0)) == last_year


@given(last_year=quantities, one=shares, other=shares)
def test_more_growth_never_suggests_less(last_year: int, one: Decimal, other: Decimal) -> None:
    low, high = sorted([one, other])

    assert seasonal(last_year, growth_share=low) <= seasonal(last_year, growth_share=high)


@given(
    st.dictionaries(
        st.builds(Month, st.just(2025), st.integers(1, 12)), quantities, min_size=0, max_size=12
    )
)
def test_a_tool_without_enough_history_suggests_nothing(history: dict[Month, int]) -> None:
    latest, target = Month(2025, 12), Month(2026, 3)

    found = suggest(history, target, latest=latest, rules=RULES)

    assert (Tool.MOVING_AVERAGE in found) == ({Month(2025, m) for m in (10, 11, 12)} <= {*history})
    assert (Tool.SEASONAL in found) == (Month(2025, 3) in history)


def test_an_average_of_no_months_is_one_of_the_last_month() -> None:
    """A policy may say anything; a form must still open."""
    rules = ToolRules(cover_months=Decimal(1), average_months=0, growth_share=Decimal(0))

    found = suggest({Month(2025, 12): 7}, Month(2026, 3), latest=Month(2025, 12), rules=rules)

    assert found == {Tool.MOVING_AVERAGE: 7}


@req("R-046")
@pytest.mark.parametrize(
    ("annual", "last", "quantity", "deviation"),
    [
        (8_000, 7_600, 7_600, "-5.0"),
        (8_000, None, 8_000, "0.0"),
        (None, 7_600, 7_600, None),
        (8_000, 0, 0, "-100.0"),
        (None, None, 0, None),
    ],
)
def test_a_form_starts_from_the_cycle_before_or_else_from_the_plan(
    annual: int | None, last: int | None, quantity: int, deviation: str | None
) -> None:
    filled = prefill(annual, last)

    found = deviation_percent(filled, annual)
    assert filled == quantity
    assert (None if found is None else str(found)) == deviation


@req("R-048", "R-056")
@pytest.mark.parametrize(
    ("forecast", "error", "accuracy"),
    [(1_000, "11.11", "88.89"), (950, "5.56", "94.44"), (980, "8.89", "91.11")],
)
def test_an_error_is_the_difference_over_what_came(
    forecast: int, error: str, accuracy: str
) -> None:
    assert str(error_percent(forecast, 900)) == error
    assert str(accuracy_percent(forecast, 900)) == accuracy


@given(forecast=quantities, actual=st.integers(1, 10**9))
def test_error_and_accuracy_make_a_hundred_as_long_as_the_forecast_is_worth_something(
    forecast: int, actual: int
) -> None:
    error, accuracy = error_percent(forecast, actual), accuracy_percent(forecast, actual)

    assert error is not None and accuracy is not None
    assert accuracy == max(100 - error, 0)


@given(quantities)
def test_where_nothing_came_no_forecast_is_judged(forecast: int) -> None:
    assert error_percent(forecast, 0) is None
    assert accuracy_percent(forecast, 0) is None
