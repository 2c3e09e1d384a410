"""Volume, mix and price add up to the difference, line by line and in all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from planning.cube.variance import Sold, Variance, explain

sold = st.builds(Sold, st.integers(-(10**12), 10**12), st.integers(-(10**6), 10**6))
tables = st.dictionaries(st.tuples(st.sampled_from("ABCDEF")), sold, max_size=6)


@given(tables, tables)
def test_the_parts_of_every_line_and_of_the_whole_sum_to_its_difference(
    before: dict[tuple[str, ...], Sold], after: dict[tuple[str, ...], Sold]
) -> None:
    lines, whole = explain(before, after)

    assert all(
        one.volume + one.mix + one.price == one.after - one.before for one in (*lines, whole)
    )
    assert whole.after - whole.before == sum(one.after - one.before for one in lines)
    assert [one.keys for one in lines] == sorted(before.keys() | after.keys())


def test_more_of_the_cheap_thing_at_a_lower_price_is_volume_mix_and_price() -> None:
    before = {("P1",): Sold(1_000_00, 100), ("P2",): Sold(1_000_00, 50)}
    after = {("P1",): Sold(1_800_00, 200), ("P2",): Sold(1_000_00, 50)}

    lines, whole = explain(before, after)

    assert lines == [
        Variance(
            keys=("P1",), before=100_000, after=180_000, volume=66_667, mix=33_333, price=-20_000
        ),
        Variance(keys=("P2",), before=100_000, after=100_000, volume=66_667, mix=-66_667, price=0),
    ]
    assert (whole.volume, whole.mix, whole.price) == (133_334, -33_334, -20_000)


@pytest.mark.parametrize(
    ("old", "new", "parts"),
    [
        (Sold(0, 0), Sold(500, 5), (0, 500, 0)),
        (Sold(500, 5), Sold(0, 0), (-500, 0, 0)),
        (Sold(500, 5), Sold(600, 5), (0, 0, 100)),
    ],
)
def test_what_is_new_is_mix_what_is_gone_is_volume(
    old: Sold, new: Sold, parts: tuple[int, int, int]
) -> None:
    _, whole = explain({("P1",): old}, {("P1",): new})

    assert (whole.volume, whole.mix, whole.price) == parts
