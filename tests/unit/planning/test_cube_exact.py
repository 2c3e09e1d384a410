"""A spread over arrays is the split of the house, share by share, and sums to the last unit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from chassis.allocation import EmptySplit, WeightInvalid
from chassis.allocation import split as split_slowly
from planning.cube import exact
from planning.cube.exact import Ints
from planning.cube.packing import (
    CHUNK_LEAVES,
    SPARSE_MAX,
    pack,
    pack_change,
    unpack,
    unpack_change,
)
from tests.support.requirements import req

totals = st.integers(-(10**17), 10**17)
weight_lists = st.lists(st.integers(0, 10**12), min_size=1, max_size=60)
numbers = arrays.arrays(np.int64, st.integers(1, 400), elements=st.integers(-(10**15), 10**15))


@given(totals, weight_lists)
@req("R-011")
def test_it_gives_what_the_largest_remainder_gives_with_big_integers(
    total: int, weights: list[int]
) -> None:
    shares = exact.split(total, np.array(weights, dtype=np.int64))

    assert shares.tolist() == split_slowly(total, weights)


@given(totals, st.lists(st.integers(0, 2**62), min_size=1, max_size=8))
def test_weights_beyond_its_digits_are_split_all_the_same(total: int, weights: list[int]) -> None:
    shares = exact.split(total, np.array(weights, dtype=np.int64))

    assert shares.tolist() == split_slowly(total, weights)


@given(totals, st.integers(1, 3_000), st.integers(0, 2**32))
@req("R-011")
def test_many_shares_sum_to_the_whole(total: int, count: int, seed: int) -> None:
    weights = np.random.default_rng(seed).integers(0, 10**9, count)

    shares = exact.split(total, weights)

    assert sum(shares.tolist()) == total


@pytest.mark.parametrize(
    ("total", "count", "expected"),
    [
        (10_000, 3, [3_334, 3_333, 3_333]),
        (1_425_000, 11, [129_546] * 5 + [129_545] * 6),
        (100_000_000, 12, [8_333_334] * 4 + [8_333_333] * 8),
        (-10_000, 3, [-3_334, -3_333, -3_333]),
    ],
)
@req("R-011", "R-037")
def test_what_is_left_over_goes_to_the_first(total: int, count: int, expected: list[int]) -> None:
    shares = exact.split(total, np.ones(count, dtype=np.int64))

    assert shares.tolist() == expected


def test_nothing_to_share_with_is_refused() -> None:
    with pytest.raises(EmptySplit):
        exact.split(1, np.zeros(0, dtype=np.int64))


def test_a_weight_below_zero_is_refused() -> None:
    with pytest.raises(WeightInvalid):
        exact.split(1, np.array([1, -1]))


@given(numbers)
def test_numbers_come_out_of_a_chunk_as_they_went_in(values: Ints) -> None:
    assert unpack(pack(values)).tolist() == values.tolist()


@given(
    st.dictionaries(st.integers(0, CHUNK_LEAVES - 1), st.integers(-(10**16), 10**16).filter(bool))
)
def test_a_change_comes_out_as_it_went_in(change: dict[int, int]) -> None:
    places = np.array(sorted(change), dtype=np.int64)
    differences = np.array([change[place] for place in sorted(change)], dtype=np.int64)

    found = unpack_change(pack_change(places, differences))

    assert dict(zip(found[0].tolist(), found[1].tolist(), strict=True)) == change


def test_a_change_of_many_cells_is_packed_and_comes_out_alike() -> None:
    places = np.arange(0, 3 * SPARSE_MAX, 2)
    differences = places * 7 - 10_000

    data = pack_change(places, differences)

    found = unpack_change(data)
    kept = differences != 0
    assert len(data) < 10 * len(places)
    assert (found[0].tolist(), found[1].tolist()) == (
        places[kept].tolist(),
        differences[kept].tolist(),
    )


@given(st.lists(st.sampled_from([10**15, -(10**15), 7]), max_size=20), st.integers(0, 2_000))
def test_a_sum_beyond_64_bits_is_exact(values: list[int], times: int) -> None:
    many = np.array(values * times, dtype=np.int64)

    assert exact.whole(many) == sum(values) * times
