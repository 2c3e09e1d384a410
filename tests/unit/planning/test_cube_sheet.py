"""A sum that follows changes is the sum made anew, and both are what counting by hand gives."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from planning.cube.domain import Axis
from planning.cube.packing import MONTHS
from planning.cube.rows import COLUMN_OF, Key, Rows
from planning.cube.sheet import FOLLOWED_MAX, Grouping, Sheet
from tests.support.requirements import req

PATHS = {
    "hq": "hq/",
    "R1": "hq/R1/",
    "R2": "hq/R2/",
    "O1": "hq/R1/O1/",
    "O2": "hq/R1/O2/",
    "O3": "hq/R2/O3/",
}
GROUPS = {Axis.PRODUCT_GROUP: {"P1": "heart", "P2": "heart"}}
AXES = (
    Axis.UNIT,
    Axis.OWN_UNIT,
    Axis.PRODUCT,
    Axis.PRODUCT_GROUP,
    Axis.CHANNEL,
    Axis.TERMINAL,
)

keys = st.tuples(
    st.sampled_from([*PATHS, "gone"]),
    st.sampled_from(["", "P1", "P2", "P3"]),
    st.sampled_from(["", "OTC"]),
    st.sampled_from(["", "T1", "T2"]),
)
axes = st.lists(st.sampled_from(AXES), max_size=3, unique=True)
changes = st.lists(
    st.dictionaries(
        st.tuples(st.integers(0, 9), st.integers(0, MONTHS - 1)),
        st.integers(-(10**15), 10**15),
        max_size=6,
    ),
    max_size=4,
)

Sums = dict[tuple[str, ...], list[int]]


def lines_of(sheet: Sheet, grouping: Grouping) -> Sums:
    """Return the sums that a sheet gives, without lines of zeros."""
    lines = dict(zip(grouping.keys, sheet.sums(grouping).tolist(), strict=True))
    return {key: months for key, months in lines.items() if any(months)}


def by_hand(rows: Sequence[Key], by: Sequence[Axis], cells: dict[tuple[int, int], int]) -> Sums:
    """Count every cell for every line that it belongs to."""
    found: Sums = defaultdict(lambda: [0] * MONTHS)
    for (row, month), value in cells.items():
        lines: list[tuple[str, ...]] = [()]
        for axis in by:
            text = rows[row][COLUMN_OF[axis]]
            texts = [GROUPS[axis].get(text, "")] if axis in GROUPS else [text]
            if axis is Axis.UNIT:
                texts = PATHS.get(text, text).rstrip("/").split("/")
            lines = [(*line, one) for line in lines for one in texts]
        for line in lines:
            found[line][month] += value
    return {key: months for key, months in found.items() if any(months)}


@given(st.lists(keys, min_size=1, max_size=10, unique=True), axes, changes)
@req("R-180")
def test_kept_sums_follow_every_change(
    names: list[Key], by: list[Axis], acts: list[dict[tuple[int, int], int]]
) -> None:
    rows = Rows.none().plus(names)
    grouping = Grouping.of(rows, by, paths=PATHS, groups=GROUPS)
    sheet = Sheet.empty(len(names))
    cells: dict[tuple[int, int], int] = defaultdict(int)
    for act in acts:
        lines_of(sheet, grouping)
        here = {(row % len(names), month): value for (row, month), value in act.items()}
        for place, value in here.items():
            cells[place] += value
        where = np.array(list(here), dtype=np.int64).reshape(-1, 2)
        sheet.apply(where[:, 0], where[:, 1], np.array(list(here.values()), dtype=np.int64))

    kept = lines_of(sheet, grouping)

    anew = lines_of(Sheet(sheet.values), grouping)
    assert kept == anew == by_hand(names, by, cells)


@given(st.lists(keys, min_size=2, max_size=10, unique=True), axes, st.data())
def test_a_part_of_the_rows_sums_as_if_the_others_were_not_there(
    names: list[Key], by: list[Axis], data: st.DataObject
) -> None:
    mask = data.draw(st.lists(st.booleans(), min_size=len(names), max_size=len(names)))
    rows = Rows.none().plus(names)
    grouping = Grouping.of(rows, by, paths=PATHS, groups=GROUPS)
    sheet = Sheet(np.arange(len(names) * MONTHS).reshape(-1, MONTHS) + 1)

    found = sheet.sums(grouping, np.array(mask))

    kept = {
        (row, month): int(sheet.values[row, month])
        for row in range(len(names))
        for month in range(MONTHS)
        if mask[row]
    }
    lines = dict(zip(grouping.keys, found.tolist(), strict=True))
    assert {key: months for key, months in lines.items() if any(months)} == by_hand(names, by, kept)


def test_a_change_of_very_many_cells_is_summed_anew() -> None:
    count = FOLLOWED_MAX // MONTHS + 1
    rows = Rows.none().plus([("hq", "", "", f"T{number}") for number in range(count)])
    grouping = Grouping.of(rows, [], paths=PATHS, groups={})
    sheet = Sheet.empty(count)
    assert int(sheet.sums(grouping).sum()) == 0

    row, month = np.divmod(np.arange(count * MONTHS), MONTHS)
    sheet.apply(row, month, np.ones_like(row))

    assert int(sheet.sums(grouping).sum()) == count * MONTHS


def test_a_sheet_grows_with_its_rows_and_forgets_sums_that_do_not_know_them() -> None:
    few = Rows.none().plus([("hq", "", "", "")])
    grouping = Grouping.of(few, [Axis.TERMINAL], paths=PATHS, groups={})
    sheet = Sheet.empty(1)
    sheet.sums(grouping)

    sheet.apply(np.array([3]), np.array([0]), np.array([5]))

    more = few.plus([("hq", "", "", f"T{number}") for number in range(3)])
    later = Grouping.of(more, [Axis.TERMINAL], paths=PATHS, groups={})
    assert lines_of(sheet, later) == {("T2",): [5, *[0] * 11]}
    assert grouping not in sheet.kept
