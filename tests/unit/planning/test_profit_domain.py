"""Prices, amounts and trees: layers round once, years are exact, trees add up."""

import tomllib
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import planning
from chassis.money import UnitPrice, round_half_up
from chassis.period import Month
from chassis.policy.parameters import Parameters, Value, misfits
from planning.cube.deriving import multiplied
from planning.cube.domain import VALUE_MAX, Address, Cell
from planning.cube.errors import CellValueInvalid
from planning.profit.catalogue import SHAPE, Catalogue, Label, problems
from planning.profit.comparing import Completion
from planning.profit.domain import (
    COST,
    SALES,
    VOLUME,
    Assumptions,
    PriceAssumption,
    following,
)
from planning.profit.errors import ExpenseTypeUnknown, ProfitAssumptionMissing
from planning.profit.tree import UNLISTED, grow
from tests.support.requirements import req

SHIPPED = Path(planning.__file__).parent / "policies" / "expense_catalogue.toml"
PARAMETERS = tomllib.loads(SHIPPED.read_text(encoding="utf-8"))["parameters"]
CATALOGUE = Catalogue.of(Parameters(PARAMETERS))
LEAVES = sorted(CATALOGUE.measures)
YEAR = Month(2026, 1).span(12)
MEASURES = [VOLUME, SALES, COST, *LEAVES, "expense", "expense_gone"]

amounts = st.integers(-(10**12), 10**12)
sums = st.dictionaries(st.sampled_from(MEASURES), amounts)
shares = st.decimals("0", "1", places=4)
prices = st.decimals("0", "100000", places=4)


def a_price(
    list_price: Decimal, factor: Decimal, allowance: Decimal, cost: Decimal = Decimal("1")
) -> PriceAssumption:
    return PriceAssumption(
        "P1", "", UnitPrice("CNY", list_price), factor, allowance, UnitPrice("CNY", cost)
    )


def changed(**values: str) -> Mapping[str, Value]:
    """Return the shipped catalogue with one more type."""
    added = {"name_en": "x", "name_zh": "x", "group": "business_expense", "plan": "SALES"}
    return {**PARAMETERS, "types": [*PARAMETERS["types"], added | values]}


@req("R-020")
@pytest.mark.parametrize(
    ("list_price", "allowance", "net"),
    [
        ("10.00", "0.05", "8.5500"),
        ("25.00", "0.05", "21.3750"),
        ("10.00", "0.06", "8.4600"),
        ("25.00", "0.06", "21.1500"),
    ],
)
def test_a_net_price_is_list_price_by_channel_factor_less_allowance(
    list_price: str, allowance: str, net: str
) -> None:
    price = a_price(Decimal(list_price), Decimal("0.90"), Decimal(allowance))

    assert str(price.net_price.amount) == net


@req("R-020")
@given(prices, shares, shares)
def test_a_net_price_is_rounded_once_to_four_decimals(
    list_price: Decimal, factor: Decimal, allowance: Decimal
) -> None:
    exact = Fraction(list_price) * Fraction(factor) * (1 - Fraction(allowance))

    net = a_price(list_price, factor, allowance).net_price.amount

    assert abs(Fraction(net) - exact) <= Fraction(1, 20_000)
    assert net.as_tuple().exponent == -4


@given(st.lists(st.integers(-1_000, 10**15 // 12), min_size=12, max_size=12), prices)
def test_the_months_of_a_year_sum_to_its_volume_by_the_price_rounded_once(
    pieces: list[int], list_price: Decimal
) -> None:
    factor = a_price(list_price, Decimal(1), Decimal(0)).factors[SALES]
    exact = factor * sum(pieces)
    assume(abs(exact) < VALUE_MAX)

    [months] = multiplied(
        np.array([pieces]), np.array([factor.numerator]), factor.denominator
    ).tolist()

    assert sum(months) == round_half_up(exact.numerator, exact.denominator)
    assert all(abs(month - factor * one) <= 1 for month, one in zip(months, pieces, strict=True))


def test_an_amount_beyond_a_cell_is_refused_and_never_wraps_around() -> None:
    with pytest.raises(CellValueInvalid):
        multiplied(np.array([[10**15] * 12]), np.array([10**9]), 1)


@req("R-014")
def test_a_half_cent_of_each_month_does_not_grow_over_the_year() -> None:
    factors = a_price(Decimal(25), Decimal("0.90"), Decimal("0.05"), Decimal(8)).factors
    pieces = np.array([[3_334] * 4 + [3_333] * 8])

    years = {
        code: int(multiplied(pieces, np.array([one.numerator]), one.denominator).sum())
        for code, one in factors.items()
    }

    assert years == {SALES: 85_500_000, COST: 32_000_000}


def test_a_channel_with_a_price_of_its_own_goes_before_the_others() -> None:
    every = a_price(Decimal(10), Decimal(1), Decimal(0))
    own = replace(every, channel="RX", list_price=UnitPrice("CNY", Decimal(12)))

    factors_of = Assumptions("v", (every, own), {}).factors_of()

    assert [dict(factors_of("P1", channel, True) or {})[SALES] for channel in ("RX", "OTC")] == [
        1_200,
        1_000,
    ]


def test_volume_without_a_price_is_refused() -> None:
    factors_of = Assumptions("v", (), {}).factors_of()

    assert factors_of("P1", "", False) is None
    with pytest.raises(ProfitAssumptionMissing):
        factors_of("P1", "", True)


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=12), shares)
def test_an_expense_that_follows_sales_is_exact_for_each_unit(
    sales: list[int], share: Decimal
) -> None:
    cells = [
        Cell(SALES, Address(unit_id, product_id, "", "", month), value)
        for unit_id, product_id in (("A1", "P1"), ("A1", "P2"), ("A2", "P1"))
        for month, value in zip(YEAR, sales, strict=False)
    ]

    found = following({"expense_x": share}, cells)

    exact = Fraction(share) * 2 * sum(sales)
    a1 = sum(value for (_, address), value in found.items() if address.unit_id == "A1")
    assert a1 == round_half_up(exact.numerator, exact.denominator)
    assert {address.product_id for _, address in found} == {""}


@req("R-018")
@given(sums, sums)
def test_the_tree_of_two_parts_together_is_the_sum_of_both_trees(
    one: dict[str, int], other: dict[str, int]
) -> None:
    together = {code: one.get(code, 0) + other.get(code, 0) for code in one.keys() | other.keys()}

    first, second, both = (grow(CATALOGUE, parts) for parts in (one, other, together))

    assert both.figures == first.figures + second.figures
    assert both.figures - second.figures == first.figures
    codes = {node.code for node in (*first.nodes, *second.nodes)}
    assert all(both.amount(code) == first.amount(code) + second.amount(code) for code in codes)
    assert all(both.of_plan(one) == first.of_plan(one) + second.of_plan(one) for one in Label)


@req("R-018", "R-021")
@given(sums)
def test_a_node_is_the_sum_of_those_below_it_and_no_expense_is_lost(one: dict[str, int]) -> None:
    tree = grow(CATALOGUE, one)

    for group in CATALOGUE.groups:
        below = sum(node.amount for node in tree.nodes if node.parent == group.code)
        assert tree.amount(group.code) == below
    spent = sum(value for code, value in one.items() if code not in (VOLUME, SALES, COST))
    assert tree.figures.expenses + tree.figures.depreciation == spent
    assert tree.amount(UNLISTED) == one.get("expense", 0) + one.get("expense_gone", 0)
    assert tree.figures.profit == one.get(SALES, 0) - one.get(COST, 0) - spent


@req("R-021")
def test_the_shipped_catalogue_has_every_type_of_the_tree() -> None:
    business = [one for one in CATALOGUE.types if one.group == "business_expense"]
    projects = [one for one in CATALOGUE.types if one.group == "market_projects"]

    assert misfits(PARAMETERS, SHAPE) == []
    assert problems(PARAMETERS) == []
    assert (len(business), len(projects), len(CATALOGUE.types)) == (6, 6, 18)
    assert {one.code for one in CATALOGUE.types if one.outside} == {"expense_administrative"}


@req("R-021")
def test_a_type_that_the_catalogue_lacks_is_refused() -> None:
    with pytest.raises(ExpenseTypeUnknown):
        CATALOGUE.require(["expense_experts", "expense_charm"])


@req("R-022")
@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"code": "expense_experts", "plan": "SALES"}, "belongs to the MARKET plan already"),
        ({"code": "expense_x", "plan": "COMPANY"}, "is not MARKET or SALES"),
        ({"code": "expense_x", "group": "expenses", "plan": "MARKET"}, "is not COMPANY"),
        ({"code": "expense_x", "plan": "BOTH"}, "is none of MARKET, SALES, COMPANY"),
        ({"code": "expense_x", "group": "nowhere", "plan": "COMPANY"}, "is not there"),
        ({"code": "rent"}, "is not a code such as expense_experts"),
        ({"code": "expense_x", "posted_as": "commission"}, "which another type counts already"),
        ({"code": "expense_x", "posted_as": "charm"}, "there is no measure charm"),
    ],
)
def test_a_catalogue_that_does_not_hold_together_is_refused(
    values: dict[str, str], why: str
) -> None:
    found = problems(changed(**values))

    assert any(why in one for one in found), found


@pytest.mark.parametrize(
    ("groups", "why"),
    [
        ([], "lacks expenses below the profit"),
        ([{"code": "selling_expense", "parent": "expenses"}], "does not stand before it"),
        ([{"code": "fun", "parent": ""}], "has other groups right below the profit"),
        ([{"code": "expenses", "parent": ""}] * 2, "is there already"),
        ([{"code": "sales", "parent": ""}], "is not a code of a group"),
    ],
)
def test_groups_form_a_tree_below_the_two_that_the_profit_has(
    groups: list[dict[str, str]], why: str
) -> None:
    named = [{"name_en": "x", "name_zh": "x", **one} for one in groups]

    found = problems({"groups": named, "types": []})

    assert any(why in one for one in found), found


@req("R-306")
def test_a_straight_line_runs_through_the_months_that_are_over() -> None:
    half = Completion("hq", "CNY", 265_050_000, 119_272_500, months=6)

    assert (half.percent, half.forecast, half.forecast_percent) == ("45.00", 238_545_000, "90.00")
    assert Completion("hq", "CNY", 0, 5, months=1).percent == ""
