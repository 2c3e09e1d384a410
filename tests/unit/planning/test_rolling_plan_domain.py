"""Cycles: their months, their days, who may what, and what can be supplied."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.period import Month
from planning.cube.domain import Address, Cell
from planning.monthly_plan.domain import MonthlyPlan
from planning.plan_side import Side
from planning.rolling_plan.delivery import Acknowledgement, Group, delivery_log, require_member
from planning.rolling_plan.domain import (
    APPROVED_STATES,
    FIGURES_TOLD_MAX,
    Cycle,
    Deadlines,
    Office,
    State,
    Step,
    due_days,
    horizon,
    told_in_parts,
)
from planning.rolling_plan.errors import (
    CalendarInvalid,
    ConsentMissing,
    MonthOutsideHorizon,
    PlanNotApproved,
    RecipientRoleForbids,
    RollingCycleClosed,
    SideForbids,
)
from planning.rolling_plan.supply import (
    Capacity,
    Material,
    SupplyLine,
    cuts,
    with_capacity,
    with_material,
)
from tests.support.requirements import req

AT = datetime(2026, 3, 2, tzinfo=UTC)
MAY = Month(2026, 5)
months = st.builds(Month, st.integers(2000, 2100), st.integers(1, 12))
pieces = st.integers(0, 10**9)
CYCLE = Cycle(
    cycle_id="c1",
    unit_id="r1",
    month=Month(2026, 3),
    state=State.OPEN,
    deadlines=Deadlines.of(Month(2026, 3), [2, 10, 20, 25]),
    offices={"o1": Office(unit_id="o1")},
    version_id="v1",
    office_version_id="v2",
    process_id="p1",
    created_by="li.wei",
    create_time=AT,
    consents=dict.fromkeys(Side, False),
)


@req("R-043")
@pytest.mark.parametrize(
    ("month", "planned"),
    [
        ("2026-02", ["2026-04", "2026-05", "2026-06"]),
        ("2026-11", ["2027-01", "2027-02", "2027-03"]),
    ],
)
def test_a_cycle_skips_its_month_and_the_next(month: str, planned: list[str]) -> None:
    assert [str(one) for one in horizon(Month.parse(month))] == planned


@req("R-043")
def test_a_month_that_is_not_planned_is_refused() -> None:
    cycle = replace(CYCLE, month=Month(2026, 2))

    with pytest.raises(MonthOutsideHorizon) as refused:
        cycle.require_horizon([Month(2026, 4), Month(2026, 3)])

    assert refused.value.metadata == {"month": "2026-03", "first": "2026-04", "last": "2026-06"}


@given(months)
def test_cycles_of_three_months_in_a_row_plan_a_month_three_times(month: Month) -> None:
    planned = [one for step in range(3) for one in horizon(month.plus(step))]

    assert planned.count(month.plus(4)) == 3


@req("R-042")
def test_the_stages_are_due_on_the_days_of_the_calendar() -> None:
    days = Deadlines.of(Month(2026, 3), [2, 10, 20, 25])

    assert days == Deadlines(
        date(2026, 3, 2), date(2026, 3, 10), date(2026, 3, 20), date(2026, 3, 25)
    )


@pytest.mark.parametrize(
    "days", [[], [2, 10, 20], [2, 10, 20, 25, 28], [10, 2, 20, 25], [0, 1, 2, 3]]
)
def test_a_calendar_without_four_days_that_ascend_is_refused(days: list[int]) -> None:
    with pytest.raises(CalendarInvalid):
        Deadlines.of(Month(2026, 3), days)


def test_every_step_is_due_with_a_stage() -> None:
    due = due_days([2, 10, 20, 25])

    assert sorted(due) == [int(step) for step in Step]
    assert {due[step] for step in (Step.TALK, Step.FILE_REGIONS)} == {10}
    assert (due[Step.COORDINATE], due[Step.APPROVE]) == (20, 25)


@pytest.mark.parametrize("state", State)
def test_an_approved_plan_changes_no_more_and_only_it_is_sent(state: State) -> None:
    cycle = replace(CYCLE, state=state)

    def runs() -> bool:
        try:
            cycle.require_running()
        except RollingCycleClosed:
            return False
        return True

    def is_sent() -> bool:
        try:
            cycle.require_approved()
        except PlanNotApproved:
            return False
        return True

    assert runs() == (state not in APPROVED_STATES)
    assert is_sent() == (state in APPROVED_STATES)


@req("R-051")
def test_both_directors_consent_each_for_the_own_side() -> None:
    sales = CYCLE.consent(Side.SALES, given=True, roles={"sales_director"}, by="a")
    both = sales.consent(Side.MARKET, given=True, roles={"market_director"}, by="b")

    both.require_consent()
    with pytest.raises(ConsentMissing):
        sales.require_consent()
    with pytest.raises(SideForbids):
        CYCLE.consent(Side.SALES, given=True, roles={"market_director"}, by="b")


def line(demand: int, stock: int, capacity: int, material: int | None = None) -> SupplyLine:
    return SupplyLine(
        product_id="P1",
        month=MAY,
        demand=demand,
        finished_stock=stock,
        capacity=capacity,
        material=material,
    )


@req("R-052", "R-053")
def test_supply_is_what_can_be_made_with_the_stock() -> None:
    made = with_capacity({("P1", MAY): 120_000}, {("P1", MAY): Capacity(15_000, 95_000, "")})
    bought = with_material(made, {("P1", MAY): Material(90_000, "another supplier")})

    assert (made[0].supply, made[0].shortfall) == (110_000, 10_000)
    assert (bought[0].supply, bought[0].shortfall) == (105_000, 15_000)
    assert cuts(bought) == {("P1", MAY): 105_000}


@given(demand=pieces, stock=pieces, capacity=pieces, material=st.none() | pieces)
def test_supply_and_shortfall_make_the_demand_and_are_never_below_zero(
    demand: int, stock: int, capacity: int, material: int | None
) -> None:
    one = line(demand, stock, capacity, material)

    assert one.supply + one.shortfall == demand
    assert one.supply >= 0 and one.shortfall >= 0
    assert (one.shortfall > 0) == bool(cuts((one,)))


def test_what_the_neighbour_does_not_speak_of_it_cannot_do() -> None:
    made = with_capacity({("P1", MAY): 10}, {})

    assert with_material(made, {})[0].supply == 0


@req("R-055")
def test_six_groups_acknowledge_the_offices_one_by_one() -> None:
    told = [
        Acknowledgement(Group.OFFICES, "o1", "a", AT),
        Acknowledgement(Group.SUPPLY, "hq", "b", AT),
    ]

    some = {one.group for one in delivery_log(told, offices=["o1", "o2"]) if one.acknowledged}
    all_offices = {one.group for one in delivery_log(told, offices=["o1"]) if one.acknowledged}

    assert len(delivery_log([], offices=["o1"])) == 6
    assert some == {Group.SUPPLY}
    assert all_offices == {Group.SUPPLY, Group.OFFICES}


def test_a_group_is_joined_by_its_role_alone() -> None:
    require_member(Group.MARKETING, {"product_manager"}, subject="a")

    with pytest.raises(RecipientRoleForbids):
        require_member(Group.MARKETING, {"production"}, subject="a")


@req("R-055")
@pytest.mark.parametrize(
    ("figures", "parts"),
    [({}, 1), ({"o1": 1, "o2": 2}, 1), ({"o1": FIGURES_TOLD_MAX, "o2": 1, "o3": 1}, 2)],
)
def test_a_large_plan_is_told_in_parts_that_divide_no_office(
    figures: dict[str, int], parts: int
) -> None:
    cells = [
        Cell("volume", Address(unit_id, f"P{number}", "OTC", "", MAY), 1)
        for unit_id, count in figures.items()
        for number in range(count)
    ]
    plans = [
        MonthlyPlan(unit_id=unit_id, month=MAY, plan_version=1, lines=(), published_by="li.wei")
        for unit_id in figures
    ]

    told = told_in_parts(CYCLE, plans, cells)

    assert len(told) == parts
    assert [cell for fact in told for cell in fact.cells] == cells
    assert [plan for fact in told for plan in fact.plans] == plans
