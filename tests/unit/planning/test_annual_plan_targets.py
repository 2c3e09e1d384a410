"""Targets: four states of which none is left out, and parts that sum to the whole."""

from datetime import UTC, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money
from planning.annual_plan.errors import TargetStateForbids, TargetSumDiffers
from planning.annual_plan.targets import (
    MOVES,
    Measure,
    Move,
    Part,
    Place,
    Split,
    Target,
    TargetState,
    View,
)
from tests.support.requirements import req

NOW = datetime(2025, 11, 3, tzinfo=UTC)
WHOLE = Money("CNY", 260_000_000)


def target(state: TargetState) -> Target:
    return Target(
        target_id="t",
        annual_plan_id="p",
        measure=Measure.SALES,
        view=View.AREA,
        place=Place("A1"),
        moves=(Move(state, NOW),),
    )


def weighed(*weights: int) -> Split:
    parts = tuple(Part(Place(f"A{number}"), weight=one) for number, one in enumerate(weights))
    return Split(Measure.SALES, parts)


@pytest.mark.parametrize(("state", "to"), list(product(TargetState, TargetState)))
@req("R-028")
def test_a_target_moves_only_along_the_table(state: TargetState, to: TargetState) -> None:
    if to in MOVES[state]:
        assert target(state).move(to, at=NOW).state is to
    else:
        with pytest.raises(TargetStateForbids):
            target(state).move(to, at=NOW)


@req("R-028")
def test_a_preliminary_target_is_not_issued() -> None:
    with pytest.raises(TargetStateForbids):
        target(TargetState.PRELIMINARY).move(TargetState.ISSUED, at=NOW)


@req("R-011")
def test_65_and_35_of_a_hundred_come_out_exactly() -> None:
    shares = weighed(65, 35).amounts(WHOLE, currency_code="CNY")

    assert [one.amount_minor for one in shares.values()] == [169_000_000, 91_000_000]


@given(
    whole=st.integers(1, 10**15), weights=st.lists(st.integers(1, 10**6), min_size=1, max_size=20)
)
@req("R-011")
def test_weighed_parts_sum_to_the_whole(whole: int, weights: list[int]) -> None:
    shares = weighed(*weights).amounts(Money("CNY", whole), currency_code="CNY")

    assert sum(one.amount_minor for one in shares.values()) == whole


def test_weights_share_what_amounts_leave() -> None:
    parts = (
        Part(Place("A1"), amount=Money("CNY", 60)),
        Part(Place("A2"), weight=1),
        Part(Place("A3"), weight=1),
    )

    shares = Split(Measure.SALES, parts).amounts(Money("CNY", 101), currency_code="CNY")

    assert [one.amount_minor for one in shares.values()] == [60, 21, 20]


@pytest.mark.parametrize("second", [99, 101])
@req("R-011")
def test_amounts_that_do_not_sum_are_refused(second: int) -> None:
    parts = (
        Part(Place("A1"), amount=Money("CNY", 100)),
        Part(Place("A2"), amount=Money("CNY", second)),
    )

    with pytest.raises(TargetSumDiffers):
        Split(Measure.SALES, parts).amounts(Money("CNY", 200), currency_code="CNY")


def test_weights_without_a_whole_are_refused() -> None:
    with pytest.raises(TargetSumDiffers):
        weighed(1, 1).amounts(None, currency_code="CNY")


def test_amounts_without_a_whole_stand_for_themselves() -> None:
    split = Split(Measure.CONTRIBUTION, (Part(Place("A1"), amount=Money("CNY", 5)),))

    assert split.amounts(None, currency_code="CNY") == {Place("A1"): Money("CNY", 5)}
