"""Fund plans: what is left, what is missing, what is tied up, and when a plan is due."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from chassis.money import Money
from chassis.period import Month
from planning.fund_plan.domain import (
    Capital,
    FundPlan,
    FundPlanSubmitted,
    Funds,
    Half,
    Key,
    Rules,
    State,
    company_plan,
)
from tests.support.requirements import req

KEY = Key("r1", Month(2026, 3), Half.FIRST)


def yuan(amount: int) -> Money:
    return Money("CNY", amount * 100)


def plan_of(opening: int = 500_000, receipts: int = 300_000, payments: int = 420_000) -> FundPlan:
    return FundPlan(
        key=KEY,
        funds=Funds(yuan(opening), yuan(receipts), yuan(payments)),
        capital=Capital(yuan(150_000), yuan(80_000), yuan(60_000)),
        minimum=yuan(400_000),
        due_date=date(2026, 2, 25),
        written_by="li.wei",
        write_time=datetime(2026, 2, 20, tzinfo=UTC),
    )


@req("R-138")
def test_380_000_left_of_a_minimum_of_400_000_is_20_000_short() -> None:
    plan = plan_of()

    assert (plan.funds.closing, plan.shortfall) == (yuan(380_000), yuan(20_000))
    assert plan_of(opening=520_000).shortfall == yuan(0)
    assert plan_of(opening=900_000).shortfall == yuan(0)


@req("R-141")
def test_receivable_150_000_and_stock_80_000_less_payable_60_000_tie_up_170_000() -> None:
    assert plan_of().capital.tied_up == yuan(170_000)


@req("R-138")
@pytest.mark.parametrize(
    ("month", "half", "due"),
    [
        (Month(2026, 3), Half.FIRST, date(2026, 2, 25)),
        (Month(2026, 3), Half.SECOND, date(2026, 3, 10)),
        (Month(2026, 1), Half.FIRST, date(2025, 12, 25)),
    ],
)
def test_each_half_of_a_month_has_its_day(month: Month, half: Half, due: date) -> None:
    rules = Rules(yuan(400_000), first_half_day=25, second_half_day=10)

    assert rules.due_date(month, half) == due


def test_what_was_handed_in_stays_as_it_is_and_is_late_after_its_day() -> None:
    in_time = plan_of().submit(by="li.wei", on=date(2026, 2, 25))

    assert (in_time.state, in_time.late) == (State.SUBMITTED, False)
    assert plan_of().submit(by="li.wei", on=date(2026, 2, 26)).late
    with pytest.raises(FundPlanSubmitted):
        in_time.submit(by="li.wei", on=date(2026, 2, 25))
    with pytest.raises(FundPlanSubmitted):
        in_time.require_draft(State.DRAFT)


@req("R-138")
def test_a_surplus_of_one_unit_does_not_cover_the_shortfall_of_another() -> None:
    short = plan_of().submit(by="li.wei", on=date(2026, 2, 25))
    rich = plan_of(opening=900_000).submit(by="li.wei", on=date(2026, 2, 25))
    draft = replace(plan_of(), key=replace(KEY, unit_id="r2"))

    found = company_plan(KEY, [short, rich, draft], currency_code="CNY")

    assert (found.plan_count, found.draft_count) == (2, 1)
    assert (found.funds.closing, found.shortfall) == (yuan(1_160_000), yuan(20_000))
    assert found.capital.tied_up == yuan(340_000)
