"""Adjustments: variances, exact shifts, what the meeting set, and claims."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.money import Money
from chassis.period import Month
from planning.adjustment.domain import (
    ENDED,
    FIGURES_TOLD_MAX,
    Activity,
    ActivityReport,
    Adjustment,
    CauseCode,
    Claim,
    MonthlySales,
    Package,
    PlanInForce,
    Shift,
    State,
    Target,
    TrackingLine,
    TrackingReport,
    told_in_parts,
)
from planning.adjustment.errors import (
    AdjustmentChangesYear,
    AdjustmentClosed,
    AdjustmentMissesTarget,
    AdjustmentOutsideYear,
    ReviewReasonMissing,
)
from planning.adjustment.rows import archive_hash, content_from_json, content_to_json
from planning.cube.domain import Address, Cell
from planning.plan_side import Side
from tests.support.requirements import req

AT = datetime(2026, 2, 2, tzinfo=UTC)
TEN = Decimal("0.10")
JANUARY = Month(2026, 1)
amounts = st.integers(-(10**15), 10**15)
REPORT = TrackingReport(
    (
        TrackingLine("sales", "a1", 14_250_000, 12_825_000),
        TrackingLine("expense", "a1", 2_000_000, 2_360_000),
    ),
    TEN,
)
ADJUSTMENT = Adjustment(
    adjustment_id="j1",
    unit_id="hq",
    month=JANUARY,
    state=State.REPORTED,
    process_id="p1",
    base=PlanInForce("hq", 2026, 1, "v1"),
    currency_code="CNY",
    report=REPORT,
    created_by="li.wei",
    create_time=AT,
)


def shift(change: int, first: Month, last: Month, *, unit_id: str = "a1") -> Shift:
    return Shift(
        measure="sales",
        unit_id=unit_id,
        product_id="",
        channel="",
        first_month=first,
        last_month=last,
        change=change,
    )


@req("R-032")
def test_a_variance_is_the_difference_over_the_target() -> None:
    assert [str(line.variance_percent) for line in REPORT.lines] == ["-10.00", "18.00"]


@req("R-033")
def test_a_variance_is_major_beyond_the_share_and_not_at_it() -> None:
    assert [line.is_major(TEN) for line in REPORT.lines] == [False, True]


@given(target=st.integers(1, 10**12), change=st.integers(0, 10**12))
def test_a_variance_is_as_major_upward_as_downward(target: int, change: int) -> None:
    above = TrackingLine("sales", "a1", target, target + change)
    below = TrackingLine("sales", "a1", target, target - change)

    assert above.is_major(TEN) == below.is_major(TEN) == (change * 10 > target)


def test_an_actual_without_a_target_is_major_and_has_no_percentage() -> None:
    line = TrackingLine("expense", "a1", 0, 1)

    assert (line.variance_percent, line.is_major(TEN)) == (None, True)
    assert not TrackingLine("expense", "a1", 0, 0).is_major(TEN)


@req("R-033")
def test_a_decision_against_the_rule_needs_a_reason() -> None:
    assert ADJUSTMENT.review(major=True, reason="").major
    assert ADJUSTMENT.review(major=False, reason="a one-off").review_reason == "a one-off"
    with pytest.raises(ReviewReasonMissing):
        ADJUSTMENT.review(major=False, reason="")


@req("R-037")
def test_a_shortfall_over_eleven_months_sums_to_the_cent() -> None:
    parts = shift(1_425_000, Month(2026, 2), Month(2026, 12)).parts()

    assert list(parts.values()) == [129_546] * 5 + [129_545] * 6


@given(change=amounts, first=st.integers(1, 12), count=st.integers(1, 12))
def test_the_parts_of_a_shift_sum_to_it_and_differ_by_one_at_most(
    change: int, first: int, count: int
) -> None:
    begin = Month(2026, first)

    parts = shift(change, begin, begin.plus(count - 1)).parts()

    assert sum(parts.values()) == change
    assert len(parts) == count
    assert max(parts.values()) - min(parts.values()) <= 1


@req("R-037")
def test_changes_that_do_not_sum_to_nothing_would_change_the_year() -> None:
    taken, given_ = shift(-5, JANUARY, JANUARY), shift(5, Month(2026, 2), Month(2026, 12))

    ADJUSTMENT.require_shifts([taken, given_])
    with pytest.raises(AdjustmentChangesYear):
        ADJUSTMENT.require_shifts([taken, replace(given_, unit_id="a2")])


@pytest.mark.parametrize(
    ("first", "last"),
    [
        (Month(2025, 12), JANUARY),
        (Month(2026, 12), Month(2027, 1)),
        (Month(2026, 5), Month(2026, 4)),
    ],
)
def test_a_change_lies_in_the_year_and_in_order(first: Month, last: Month) -> None:
    with pytest.raises(AdjustmentOutsideYear):
        ADJUSTMENT.require_shifts([shift(0, first, last)])


def test_a_plan_passes_when_it_brings_what_the_meeting_set_to_the_unit() -> None:
    target = Target("sales", "a1", 11)

    ADJUSTMENT.require_targets({target: 11})
    with pytest.raises(AdjustmentMissesTarget):
        ADJUSTMENT.require_targets({target: 10})


def test_the_months_behind_are_those_of_the_year_that_follow() -> None:
    december = replace(ADJUSTMENT, month=Month(2026, 12))

    assert ADJUSTMENT.months_behind == Month(2026, 2).span(11)
    assert december.months_behind == []


@req("R-038")
def test_a_plan_is_in_force_with_both_claims_in_any_order() -> None:
    for first, second in ((Side.SALES, Side.MARKET), (Side.MARKET, Side.SALES)):
        one = ADJUSTMENT.claim(Claim(first, "a", AT))

        assert not one.effective
        assert one.claim(Claim(second, "b", AT)).effective


@pytest.mark.parametrize("state", State)
def test_an_adjustment_that_has_ended_is_closed(state: State) -> None:
    one = replace(ADJUSTMENT, state=state)

    if state in ENDED:
        with pytest.raises(AdjustmentClosed):
            one.require_running()
    else:
        one.require_running()


def test_a_director_s_second_package_replaces_the_first() -> None:
    first = Package(
        side=Side.SALES,
        shifts=(shift(1, JANUARY, JANUARY),),
        note="",
        proposed_by="a",
        propose_time=AT,
    )
    second = replace(first, shifts=(shift(2, JANUARY, JANUARY),))

    found = ADJUSTMENT.propose(first).propose(second)

    assert [one.change for one in found.proposed()] == [2]


FULL = replace(
    ADJUSTMENT,
    major=True,
    review_reason="why",
    cause_code=CauseCode.SUPPLY,
    cause="a fire",
    targets=(Target("sales", "a1", 11),),
    activities=ActivityReport(
        (MonthlySales(JANUARY, Money("CNY", 1)),), (Activity("k1", "春", Money("CNY", 2)),)
    ),
    packages=(
        Package(
            side=Side.MARKET,
            shifts=(shift(3, JANUARY, JANUARY),),
            note="n",
            proposed_by="a",
            propose_time=AT,
        ),
    ),
    shifts=(shift(4, JANUARY, JANUARY),),
    check_comment="fine",
)


@pytest.mark.parametrize("one", [ADJUSTMENT, FULL])
def test_what_is_stored_comes_back_as_it_was(one: Adjustment) -> None:
    assert replace(ADJUSTMENT, **content_from_json(content_to_json(one))) == one


def test_an_archive_s_hash_is_of_all_that_it_holds() -> None:
    hashes = {
        archive_hash(one, [])
        for one in (
            ADJUSTMENT,
            FULL,
            replace(FULL, cause="a flood"),
            FULL.claim(Claim(Side.SALES, "a", AT)),
        )
    }

    assert len(hashes) == 4
    assert archive_hash(FULL, []) == archive_hash(replace(FULL), [])


@req("R-040")
@given(st.integers(0, 2 * FIGURES_TOLD_MAX), st.integers(0, 2 * FIGURES_TOLD_MAX))
@settings(max_examples=20)
def test_a_plan_of_any_size_is_told_whole_and_in_order(targets: int, budgets: int) -> None:
    cell = Cell("sales", Address("a1", "", "", "", JANUARY), 1)

    told = told_in_parts(ADJUSTMENT, [cell] * targets, [cell] * budgets)

    assert [fact.part for fact in told] == list(range(len(told)))
    assert {fact.part_count for fact in told} == {len(told)}
    assert sum(len(fact.quotas) for fact in told) == targets
    assert sum(len(fact.limits) for fact in told) == budgets
    assert max(len(fact.quotas) + len(fact.limits) for fact in told) <= FIGURES_TOLD_MAX
