"""Results are exact, and a reversal takes off exactly what was posted."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money
from planning.campaign.plan_json import result_from_json, result_to_json
from planning.campaign.results import (
    Act,
    Actual,
    ActualKind,
    Response,
    Result,
    evaluate,
    shared,
    tally,
    uncovered,
)
from tests.support.requirements import req

amounts = st.integers(0, 10**12)


def cny(amount_minor: int) -> Money:
    return Money("CNY", amount_minor)


def revenue(amount_minor: int, *, reversal: bool = False) -> Actual:
    return Actual(ActualKind.REVENUE, reversal, cny(amount_minor), cny(0))


def cost(amount_minor: int, covered: int = 0, *, reversal: bool = False) -> Actual:
    return Actual(ActualKind.COMMISSION, reversal, cny(amount_minor), cny(covered))


def result_of(*actuals: Actual, margin_share: str = "0.60") -> Result:
    share = Decimal(margin_share)
    return evaluate("CNY", margin_share=share, actuals=actuals, responses=[])


@req("R-114", "R-277")
def test_cost_100_000_and_revenue_350_000_at_60_percent_return_110_percent() -> None:
    result = result_of(cost(10_000_000), revenue(35_000_000))

    assert result.margin == cny(21_000_000)
    assert result.roi_percent == Decimal("110.0")


@req("R-277")
@pytest.mark.parametrize(
    ("cost_minor", "revenue_minor", "roi"),
    [(100, 0, "-100.0"), (200, 200, "0.0"), (2000, 2001, "0.1"), (3, 2, "-33.3"), (3, 1, "-66.7")],
)
def test_a_return_is_rounded_half_up_to_one_digit(
    cost_minor: int, revenue_minor: int, roi: str
) -> None:
    result = result_of(cost(cost_minor), revenue(revenue_minor), margin_share="1")

    assert result.roi_percent == Decimal(roi)


def test_without_a_cost_there_is_no_return() -> None:
    assert result_of(revenue(100)).roi_percent is None


@given(posted=amounts, more=amounts, covered=amounts)
def test_a_posting_and_its_reversal_leave_nothing(posted: int, more: int, covered: int) -> None:
    both = (
        cost(posted, covered),
        cost(posted, covered, reversal=True),
        revenue(more),
        revenue(more, reversal=True),
    )

    result = result_of(*both)

    assert (result.cost, result.revenue) == (cny(0), cny(0))
    assert uncovered("CNY", both) == cny(0)


def test_what_no_reservation_covered_is_told() -> None:
    result = result_of(cost(1_200, 1_000), cost(200, 0, reversal=True))

    assert (result.cost, result.cost_uncovered) == (cny(1_000), cny(0))


@given(st.lists(amounts, max_size=8), amounts)
def test_what_is_covered_goes_to_the_first_costs(costs: list[int], covered: int) -> None:
    parts = shared(cny(covered), [cny(one) for one in costs])

    assert sum(one.amount_minor for one in parts) == min(covered, sum(costs))
    assert all(part <= cny(cost) for part, cost in zip(parts, costs, strict=True))
    after_a_gap = [
        later
        for place, (part, cost) in enumerate(zip(parts, costs, strict=True))
        if part < cny(cost)
        for later in parts[place + 1 :]
    ]
    assert not any(one.amount_minor for one in after_a_gap)


def test_acts_are_counted_by_kind_of_touchpoint() -> None:
    counts = {
        ("HOTLINE", Act.SHOWN): 10,
        ("HOTLINE", Act.ACCEPTED): 4,
        ("APP", Act.SHOWN): 3,
        ("APP", Act.DECLINED): 1,
        ("APP", Act.POSTPONED): 2,
    }

    responses = tally(counts)

    assert responses == [
        Response("APP", shown=3, declined=1, postponed=2),
        Response("HOTLINE", shown=10, accepted=4),
    ]


@given(posted=amounts, sold=amounts, shown=st.integers(0, 10**6))
def test_a_result_comes_back_from_the_database_as_it_was(
    posted: int, sold: int, shown: int
) -> None:
    responses = [Response("APP", shown=shown, accepted=shown // 3)]
    result = evaluate(
        "CNY",
        margin_share=Decimal("0.6"),
        actuals=[cost(posted), revenue(sold)],
        responses=responses,
    )

    assert result_from_json(result_to_json(result)) == result
