"""A split sums to its whole, to the cent, and is fair."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.allocation import (
    EmptySplit,
    WeightInvalid,
    split,
    split_money,
    weights_of,
)
from chassis.money import Money
from tests.support.requirements import req

totals = st.integers(-(10**30), 10**30)
weight_lists = st.lists(st.integers(0, 10**12), min_size=1, max_size=40)


@given(totals, weight_lists)
def test_the_shares_sum_to_the_whole(total_minor: int, weights: list[int]) -> None:
    shares = split(total_minor, weights)

    assert (sum(shares), len(shares)) == (total_minor, len(weights))


@given(totals, weight_lists.filter(any))
def test_each_share_is_less_than_one_unit_from_its_exact_part(
    total_minor: int, weights: list[int]
) -> None:
    exact = [Fraction(total_minor * weight, sum(weights)) for weight in weights]

    shares = split(total_minor, weights)

    assert all(abs(share - part) < 1 for share, part in zip(shares, exact, strict=True))


@given(totals, weight_lists)
def test_a_reversal_splits_as_its_original_did(total_minor: int, weights: list[int]) -> None:
    shares = split(total_minor, weights)

    reversal = split(-total_minor, weights)

    assert reversal == [-share for share in shares]


@given(st.integers(0, 10**30), weight_lists.filter(any))
def test_a_heavier_part_never_gets_less(total_minor: int, weights: list[int]) -> None:
    shares = split(total_minor, weights)

    by_weight = sorted(zip(weights, shares, strict=True))
    assert [share for _, share in by_weight] == sorted(shares)


@given(totals, weight_lists.filter(any))
def test_a_part_without_weight_gets_nothing(total_minor: int, weights: list[int]) -> None:
    shares = split(total_minor, weights)

    assert {share for share, weight in zip(shares, weights, strict=True) if not weight} <= {0}


@given(totals, weight_lists, st.integers(1, 1000))
def test_only_the_proportion_of_weights_counts(
    total_minor: int, weights: list[int], factor: int
) -> None:
    shares = split(total_minor, weights)

    scaled = split(total_minor, [weight * factor for weight in weights])

    assert scaled == shares


@req("R-011")
def test_a_hundred_in_three_gives_the_odd_cent_to_the_first() -> None:
    shares = split_money(Money("CNY", 10_000), [1, 1, 1])

    assert [share.major() for share in shares] == ["33.34", "33.33", "33.33"]


def test_fourteen_thousand_over_eleven_gives_five_the_higher_share() -> None:
    shares = split(1_425_000, [1] * 11)

    assert shares == [129_546] * 5 + [129_545] * 6


def test_a_million_over_twelve_sums_to_a_million() -> None:
    shares = split(100_000_000, [1] * 12)

    assert (sum(shares), shares) == (100_000_000, [8_333_334] * 4 + [8_333_333] * 8)


def test_weights_that_are_all_zero_count_as_equal() -> None:
    shares = split(10, [0, 0, 0])

    assert shares == [4, 3, 3]


def test_decimal_weights_keep_their_proportion() -> None:
    weights = weights_of([Decimal("12.5"), Decimal("37.50"), Decimal("5E+1")])

    assert weights == [25, 75, 100]


def test_a_split_needs_a_part() -> None:
    with pytest.raises(EmptySplit):
        split(1, [])


def test_a_weight_is_never_below_zero() -> None:
    with pytest.raises(WeightInvalid):
        split(1, [1, -1])


@pytest.mark.parametrize("weight", ["-1", "NaN", "Infinity", "1e31", "1e-999999"])
def test_a_decimal_weight_is_finite_and_bounded(weight: str) -> None:
    with pytest.raises(WeightInvalid):
        weights_of([Decimal(1), Decimal(weight)])
