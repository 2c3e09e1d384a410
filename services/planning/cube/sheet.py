"""One measure of one year in memory, with the sums above it kept.

A sum is made when it is first asked for and then follows every change by its difference, so that
what one cell changes is seen at every level at the cost of that one cell.
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from planning.cube.domain import Axis
from planning.cube.exact import Ints
from planning.cube.packing import MONTHS
from planning.cube.rows import COLUMN_OF, Mask, Places, Rows

SUMS_MAX: Final = 24
# A tuple of a few texts that the rows have, too, and its place.
KEY_BYTES: Final = 100
# A change of more cells than this is summed anew when somebody asks.
FOLLOWED_MAX: Final = 50_000


@dataclass(frozen=True, slots=True, eq=False)
class Grouping:
    """Say which rows sum to which line of a table.

    Shape: `group_of_row` has a group for each row; a group counts for the lines `line_of[
        first_of[group]:first_of[group + 1]]`: itself alone, or the units above it. `keys` names
        the lines.
    """

    group_of_row: Ints
    first_of: Ints
    line_of: Ints
    keys: tuple[tuple[str, ...], ...]

    @classmethod
    def of(
        cls,
        rows: Rows,
        axes: Sequence[Axis],
        *,
        paths: Mapping[str, str],
        groups: Mapping[Axis, Mapping[str, str]],
    ) -> "Grouping":
        """Group rows by axes; a unit that the tree does not have stands for itself alone."""
        own, texts = _grouped(rows, axes, groups)
        place = axes.index(Axis.UNIT) if Axis.UNIT in axes else -1
        line_of: list[int] = []
        first_of = [0]
        lines: dict[tuple[str, ...], int] = {}
        for text in texts:
            for key in _above(text, place, paths):
                line_of.append(lines.setdefault(key, len(lines)))
            first_of.append(len(line_of))
        return cls(own, np.array(first_of), np.array(line_of, np.int64), tuple(lines))

    @property
    def size_bytes(self) -> int:
        """Tell about what it takes in memory."""
        arrays = (self.group_of_row, self.first_of, self.line_of)
        return sum(one.nbytes for one in arrays) + KEY_BYTES * len(self.keys)

    def sums(self, values: Ints, places: Ints | None = None) -> Ints:
        """Sum values, rows × months, to lines × months; of all rows, or of those at `places`."""
        of = self.group_of_row[: len(values)] if places is None else self.group_of_row[places]
        # Over flat places NumPy adds four times as fast as over rows.
        cells = (of[:, None] * MONTHS + np.arange(MONTHS)).reshape(-1)
        groups = np.zeros((len(self.first_of) - 1) * MONTHS, dtype=np.int64)
        np.add.at(groups, cells, np.ascontiguousarray(values).reshape(-1))
        return self._lined(groups.reshape(-1, MONTHS))

    def _lined(self, groups: Ints) -> Ints:
        if len(self.line_of) == len(self.keys) == len(groups):
            return groups
        lines = np.zeros((len(self.keys), MONTHS), dtype=np.int64)
        np.add.at(lines, self.line_of, np.repeat(groups, np.diff(self.first_of), axis=0))
        return lines

    def follow(self, sums: Ints, *, rows: Ints, months: Ints, differences: Ints) -> None:
        """Add differences of cells to sums that were made before."""
        groups = self.group_of_row[rows]
        first, last = self.first_of[groups], self.first_of[groups + 1]
        if len(rows) == 1:
            sums[self.line_of[first[0] : last[0]], months[0]] += differences[0]
            return
        lengths = last - first
        ends = np.cumsum(lengths)
        offsets = np.arange(int(ends[-1])) - np.repeat(ends - lengths, lengths)
        lines = self.line_of[np.repeat(first, lengths) + offsets]
        np.add.at(sums, (lines, np.repeat(months, lengths)), np.repeat(differences, lengths))


@dataclass(slots=True, eq=False)
class Sheet:
    """Hold rows × 12 months of numbers. Rows behind the last are 0.

    Shape: `bound` is at least the sum of all numbers without their signs.
    """

    values: Ints
    bound: float = 0.0
    kept: "OrderedDict[Grouping, Ints]" = field(default_factory=OrderedDict)

    @classmethod
    def empty(cls, rows: int) -> "Sheet":
        """Begin with zeros."""
        return cls(np.zeros((rows, MONTHS), dtype=np.int64))

    def reach(self, rows: int) -> None:
        """Have at least so many rows."""
        if rows > len(self.values):
            grown = np.zeros((max(rows, len(self.values) * 5 // 4), MONTHS), dtype=np.int64)
            grown[: len(self.values)] = self.values
            self.values = grown

    def of_rows(self, count: int) -> Ints:
        """Return the numbers of so many rows; not to be written to."""
        if len(self.values) >= count:
            return self.values[:count]
        grown = np.zeros((count, MONTHS), dtype=np.int64)
        grown[: len(self.values)] = self.values
        return grown

    def at(self, rows: Ints, months: Ints) -> Ints:
        """Return the numbers of some cells; a row that it does not have is 0."""
        known = rows < len(self.values)
        found = np.zeros(len(rows), dtype=np.int64)
        found[known] = self.values[rows[known], months[known]]
        return found

    def measure(self) -> None:
        """Take the bound anew, which changes back and forth have raised."""
        self.bound = float(np.abs(self.values).sum(dtype=np.float64))

    def apply(self, rows: Ints, months: Ints, differences: Ints) -> None:
        """Take a change over, in the cells and in the sums above them."""
        if not len(rows):
            return
        last = int(rows.max())
        self.reach(last + 1)
        self.values[rows, months] += differences
        self.bound += float(np.abs(differences).sum(dtype=np.float64))
        for grouping in list(self.kept):
            if last >= len(grouping.group_of_row) or len(rows) > FOLLOWED_MAX:
                del self.kept[grouping]
            else:
                grouping.follow(
                    self.kept[grouping], rows=rows, months=months, differences=differences
                )

    def sums(self, grouping: Grouping, mask: Mask | None = None) -> Ints:
        """Return lines × months, of all rows or of those in the mask; not to be written to."""
        counted = min(len(self.values), len(grouping.group_of_row))
        if mask is not None:
            places = np.flatnonzero(mask[:counted])
            return grouping.sums(self.values[places], places)
        if grouping not in self.kept:
            self.kept[grouping] = grouping.sums(self.values[:counted])
            if len(self.kept) > SUMS_MAX:
                self.kept.popitem(last=False)
        self.kept.move_to_end(grouping)
        return self.kept[grouping]

    @property
    def size_bytes(self) -> int:
        """Tell what it takes in memory."""
        return self.values.nbytes + sum(one.nbytes for one in list(self.kept.values()))


def _grouped(
    rows: Rows, axes: Sequence[Axis], groups: Mapping[Axis, Mapping[str, str]]
) -> tuple[Ints, list[tuple[str, ...]]]:
    """Number the combinations that occur, and name them."""
    own = np.zeros(len(rows), dtype=np.int64)
    keys: list[tuple[str, ...]] = [()]
    for axis in axes:
        numbers, texts = _column(rows, axis, groups)
        # Numbered densely after each axis, so that the product of the sizes never overflows.
        found, own = np.unique(own * len(texts) + numbers, return_inverse=True)
        keys = [(*keys[one // len(texts)], texts[one % len(texts)]) for one in found.tolist()]
    return own, keys


def _column(
    rows: Rows, axis: Axis, groups: Mapping[Axis, Mapping[str, str]]
) -> tuple[Places, list[str]]:
    """Return the number of each row on an axis, and what the numbers mean."""
    column = COLUMN_OF[axis]
    # A copy, because another thread may be numbering a new text behind these.
    texts = list(rows.codes[column].texts)
    if axis not in groups:
        return rows.columns[column], texts
    of = groups[axis]
    named = sorted({of.get(text, "") for text in texts})
    place = {text: number for number, text in enumerate(named)}
    table = np.array([place[of.get(text, "")] for text in texts], dtype=np.int32)
    return table[rows.columns[column]], named


def _above(key: tuple[str, ...], place: int, paths: Mapping[str, str]) -> list[tuple[str, ...]]:
    """Name the lines that a combination counts for: itself, or one for each unit above it."""
    if place < 0:
        return [key]
    units = paths.get(key[place], key[place]).rstrip("/").split("/")
    return [(*key[:place], unit, *key[place + 1 :]) for unit in units]
