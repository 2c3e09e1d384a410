"""What the benches conclude from their pairs."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.bench.statistics import (
    TRIES_MAX,
    Interval,
    TooNoisy,
    abba,
    first_level,
    interval_of,
    percentile,
    ratios_of,
)

ratios = st.lists(st.floats(0.1, 10), min_size=1, max_size=60)


def test_the_halves_alternate_a_b_b_a() -> None:
    order = [half for pair in abba(4) for half in pair]

    assert order == list("abbaabba")


@given(st.integers(0, 50))
def test_both_halves_run_equally_often_and_first_equally_often(pairs: int) -> None:
    order = list(abba(pairs * 2))

    assert Counter(half for pair in order for half in pair) == Counter(a=pairs * 2, b=pairs * 2)
    assert Counter(pair[0] for pair in order) == Counter(a=pairs, b=pairs)


@given(ratios)
def test_the_interval_holds_the_median_and_lies_among_the_ratios(values: list[float]) -> None:
    found = interval_of(values)

    assert min(values) <= found.low <= found.median <= found.high <= max(values)


@given(ratios)
def test_the_same_ratios_give_the_same_interval(values: list[float]) -> None:
    assert interval_of(values) == interval_of(values)


def test_more_pairs_make_the_interval_narrower() -> None:
    few = interval_of([0.8, 0.9, 1.0, 1.1, 1.2])
    many = interval_of([0.8, 0.9, 1.0, 1.1, 1.2] * 40)

    assert many.high - many.low < few.high - few.low


def test_one_stalled_slice_does_not_move_the_median() -> None:
    quiet = interval_of([0.7] * 40)
    stalled = interval_of([0.7] * 39 + [0.05])

    assert stalled == quiet


def test_a_pair_without_a_baseline_is_left_out() -> None:
    assert ratios_of([1.0, 3.0], [2.0, 0.0]) == [0.5]


@pytest.mark.parametrize(
    ("low", "high", "is_level"),
    [(0.85, 1.18, True), (0.84, 1.0, False), (1.0, 1.19, False), (0.99, 1.01, True)],
)
def test_an_a_a_pair_outside_its_bounds_voids_the_run(
    low: float, high: float, is_level: bool
) -> None:
    assert Interval(1.0, low, high).is_level is is_level


def test_a_void_run_is_tried_again_and_the_first_level_one_counts() -> None:
    tries = iter([Interval(1, 0.5, 1.0), Interval(1, 0.9, 1.1), Interval(1, 1.0, 1.0)])

    kept = first_level(lambda: next(tries), lambda one: one)

    assert kept == Interval(1, 0.9, 1.1)
    assert len(list(tries)) == 1


def test_a_machine_that_stays_noisy_is_reported_and_never_passes() -> None:
    done: list[int] = []

    def measure() -> Interval:
        done.append(1)
        return Interval(1, 0.5, 2.0)

    with pytest.raises(TooNoisy, match="outside"):
        first_level(measure, lambda one: one)

    assert len(done) == TRIES_MAX


def test_percentiles_of_nothing_are_zero() -> None:
    assert percentile([], 99) == 0
    assert percentile([1.0, 2.0, 3.0], 50) == 2
