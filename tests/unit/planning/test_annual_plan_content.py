"""What the steps of the year plan bring: its arithmetic, its JSON, and its cells."""

from collections import Counter
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money, UnitPrice
from chassis.period import Month
from planning.annual_plan.cells import cells_between, figures_of
from planning.annual_plan.content import (
    KINDS,
    AreaExpense,
    ChannelSales,
    Content,
    Direction,
    ExpansionPlan,
    FirstPlan,
    MarketPreliminary,
    MarketSummary,
    NaturalGrowth,
    NewTerminal,
    ProductPlan,
    ProductPlanLine,
    ProductSummary,
    RegionalPlan,
    RegionalPlanLine,
    RegionalSummary,
    SalesPreliminary,
    SalesSummary,
    Strategy,
    amounts_of,
)
from planning.annual_plan.content_json import content_from_json, content_to_json
from tests.support.requirements import req

YEAR = Month(2026, 1).span(12)
CODES = st.sampled_from(["", "P1", "P2", "OTC"])
MONEY = st.builds(Money, st.just("CNY"), st.integers(0, 10**13))
PRICES = st.decimals(0, 10**6, places=4).map(lambda one: UnitPrice("CNY", one))
PERCENT = st.decimals(-100, 100, places=2)
TEXT = st.text(max_size=20)
FIRST = st.builds(FirstPlan, TEXT, MONEY, PERCENT, MONEY)
VOLUME = st.integers(0, 10**6)
REGIONAL = st.builds(
    RegionalPlan,
    area_unit_id=st.just("A1"),
    lines=st.lists(
        st.builds(RegionalPlanLine, CODES, CODES, CODES, VOLUME, PRICES), max_size=4
    ).map(tuple),
    expenses=st.lists(
        st.builds(AreaExpense, st.just("expense_bidding"), CODES, CODES, MONEY), max_size=3
    ).map(tuple),
    new_terminals=st.lists(
        st.builds(NewTerminal, CODES, CODES, CODES, VOLUME, PRICES, PRICES, MONEY, MONEY, MONEY),
        max_size=2,
    ).map(tuple),
    growths=st.lists(st.builds(NaturalGrowth, CODES, VOLUME, PERCENT), max_size=2).map(tuple),
    competition=TEXT,
    countermeasures=TEXT,
    requested=st.none() | MONEY,
)
PRODUCT = st.builds(
    ProductPlan,
    st.just("P1"),
    st.lists(
        st.builds(ProductPlanLine, CODES, TEXT, st.just("expense_experts"), MONEY), max_size=4
    ).map(tuple),
)
CONTENTS: st.SearchStrategy[Content] = st.one_of(
    st.builds(RegionalSummary, st.just("A1"), TEXT, MONEY, MONEY),
    st.builds(SalesSummary, TEXT),
    st.builds(MarketSummary, TEXT),
    st.builds(SalesPreliminary, FIRST),
    st.builds(MarketPreliminary, FIRST),
    st.builds(
        ProductSummary,
        st.just("P1"),
        TEXT,
        st.lists(st.builds(ChannelSales, CODES, MONEY), max_size=3).map(tuple),
    ),
    st.builds(
        Strategy,
        st.lists(st.tuples(st.sampled_from(Direction), TEXT), max_size=6).map(tuple),
    ),
    PRODUCT,
    REGIONAL,
    st.builds(ExpansionPlan, VOLUME, st.lists(TEXT, max_size=3).map(tuple), TEXT),
)


@given(CONTENTS)
def test_content_comes_back_from_json_as_it_was(content: Content) -> None:
    kind = type(content).__name__

    assert KINDS[kind] is type(content)
    assert content_from_json(kind, content_to_json(content)) == content


@given(CONTENTS)
def test_all_amounts_have_a_currency(content: Content) -> None:
    assert {one.currency_code for one in amounts_of(content) if one is not None} <= {"CNY"}


@given(before=REGIONAL, after=REGIONAL)
def test_cells_bring_the_cube_from_one_plan_to_the_next(
    before: RegionalPlan, after: RegionalPlan
) -> None:
    old, new = (figures_of(one, head_unit_id="hq") for one in (before, after))
    first = cells_between(Counter(), old, months=YEAR)
    second = cells_between(old, new, months=YEAR)
    cube = {(one.measure, one.address): one.value for one in [*first, *second]}

    sums: Counter[str] = Counter()
    for (measure, _), value in cube.items():
        sums[measure] += value
    wanted: Counter[str] = Counter()
    for (measure, *_), value in new.items():
        wanted[measure] += value
    assert +sums == +wanted


@given(PRODUCT)
@req("R-013")
def test_a_product_plan_stands_at_the_head_unit(plan: ProductPlan) -> None:
    cells = cells_between(Counter(), figures_of(plan, head_unit_id="hq"), months=YEAR)

    assert {one.address.unit_id for one in cells} <= {"hq"}
    assert sum(one.value for one in cells) == sum(one.amount.amount_minor for one in plan.lines)


@req("R-014")
def test_volume_times_price_is_rounded_once() -> None:
    line = RegionalPlanLine("P2", "", "H1", 40_000, UnitPrice("CNY", Decimal("21.375")))

    assert line.sales == Money("CNY", 85_500_000)


@req("R-015")
def test_a_new_terminal_contributes_its_margin_less_its_spend() -> None:
    hospital = NewTerminal(
        terminal_id="H4",
        product_id="P1",
        channel="",
        volume=4_000,
        unit_price=UnitPrice("CNY", Decimal("8.55")),
        unit_cost=UnitPrice("CNY", Decimal("3.00")),
        development=Money("CNY", 3_000_000),
        verification=Money("CNY", 1_000_000),
        bidding=Money("CNY", 500_000),
    )

    assert hospital.spend == Money("CNY", 4_500_000)
    assert hospital.contribution == Money("CNY", -2_280_000)


@req("R-015")
def test_natural_growth_is_rounded_half_up() -> None:
    assert NaturalGrowth("P1", 20_000, Decimal(5)).expected_volume == 21_000
    assert NaturalGrowth("P1", 10, Decimal(5)).expected_volume == 11


@req("R-008")
def test_growth_is_added_to_the_base() -> None:
    plan = FirstPlan("", Money("CNY", 180_000_000), Decimal(8), Money("CNY", 0))

    assert plan.sales == Money("CNY", 194_400_000)
