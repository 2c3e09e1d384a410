"""How a total comes down to cells: which cells get a part, by which weight, and what is held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from chassis.allocation import EmptySplit, WeightInvalid
from planning.cube import exact
from planning.cube.domain import TOTAL_MAX, VALUE_MAX
from planning.cube.errors import CellValueInvalid, HeldExceedsTotal, SpreadOutside
from planning.cube.exact import Ints
from planning.cube.packing import MONTHS
from planning.cube.rows import Mask

# Together below the 57 bits that a weight may have, with room for a million rows.
_ROW_BITS: Final = 34
_MONTH_BITS: Final = 20


@dataclass(frozen=True, slots=True)
class Targets:
    """Hold the cells that get a part, each once, in the order in which ties are broken.

    Shape: `months` count from year 0: year × 12 + month − 1.
    """

    rows: Ints
    months: Ints
    weights: Ints

    @property
    def years(self) -> set[int]:
        """Tell which years they are in."""
        return {int(year) for year in np.unique(self.months // MONTHS)}

    def of_year(self, year: int) -> Mask:
        """Tell which of them are in a year."""
        return np.asarray(self.months // MONTHS == year)


@dataclass(frozen=True, slots=True)
class Ground:
    """Hold what a spread stands on, of one year: numbers, what is selected and what is held."""

    values: Ints
    selected: Mask
    held: Mask


def present(sheets: Mapping[int, Ints], *, shift_years: int = 0) -> Targets:
    """Take the cells that are not 0, each with its number as its weight, by row and month."""
    rows, months, weights = [], [], []
    for year, values in sheets.items():
        row, column = np.nonzero(values)
        rows.append(row)
        months.append(column + (year + shift_years) * MONTHS)
        weights.append(values[row, column])
    found = Targets(_joined(rows), _joined(months), _joined(weights))
    if len(sheets) < 2:
        # One year is in order already, and sorting a million cells costs more than sharing them.
        return found
    order = np.lexsort((found.months, found.rows))
    return Targets(found.rows[order], found.months[order], found.weights[order])


def crossed(rows: Ints, months: Ints) -> Targets:
    """Take every row with every month, all of the same weight."""
    count = len(rows) * len(months)
    weights = np.ones(count, dtype=np.int64)
    return Targets(np.repeat(rows, len(months)), np.tile(months, len(rows)), weights)


def seasonal(sheets: Mapping[int, Ints], *, months: Ints, rows: Ints | None) -> Targets:
    """Weigh months by what they had of a year in history, and rows by what they had of it all.

    Shape: `rows` of the grid count alike; None takes the rows of history.
    Errors: EmptySplit without a history; WeightInvalid when a month or a row of it is below 0.
    """
    profile = np.zeros(MONTHS, dtype=np.int64)
    for values in sheets.values():
        profile += values.sum(axis=0)
    if not profile.any():
        raise EmptySplit(0)
    if rows is None:
        rows, parts = _row_parts(sheets)
    else:
        parts = np.ones(len(rows), dtype=np.int64)
    by_month = _scaled(profile, _MONTH_BITS)[months % MONTHS]
    even = crossed(rows, months)
    weights = np.repeat(_scaled(parts, _ROW_BITS), len(months)) * np.tile(by_month, len(rows))
    return Targets(even.rows, even.months, weights)


def spread(
    total: int, targets: Targets, ground: Mapping[int, Ground], *, add: bool
) -> dict[int, Ints]:
    """Compute the differences by year, rows × 12 months, that a spread makes.

    Shape: set, the selection sums to the total: held cells stay, targets get the rest by weight,
        all others become 0. Added, the targets get the total on top of what they have.
    Errors: EmptySplit, WeightInvalid, HeldExceedsTotal, SpreadOutside, CellValueInvalid.
    """
    _require_inside(targets, ground)
    free = ~_picked(targets, {year: one.held for year, one in ground.items()})
    left = total
    if not add:
        held = sum(exact.whole(one.values[one.selected & one.held]) for one in ground.values())
        left = total - held
        if left and (left < 0) != (total < 0):
            raise HeldExceedsTotal(held, total)
    if abs(left) > TOTAL_MAX:
        raise CellValueInvalid(left)
    shares = np.zeros(len(free), dtype=np.int64)
    if left or free.any() or not len(free):
        shares[free] = exact.split(left, targets.weights[free])
    return {
        year: _difference(one, targets, shares, year=year, free=free, add=add)
        for year, one in ground.items()
    }


def _difference(
    one: Ground, targets: Targets, shares: Ints, *, year: int, free: Mask, add: bool
) -> Ints:
    hit = free & targets.of_year(year)
    places = (targets.rows[hit], targets.months[hit] % MONTHS)
    difference = np.zeros_like(one.values)
    if not add:
        np.negative(one.values, out=difference, where=one.selected & ~one.held)
    difference[places] += shares[hit]
    after = one.values[places] + difference[places]
    if len(after) and int(np.abs(after).max()) > VALUE_MAX:
        raise CellValueInvalid(int(after[np.argmax(np.abs(after))]))
    return difference


def _require_inside(targets: Targets, ground: Mapping[int, Ground]) -> None:
    if not _picked(targets, {year: one.selected for year, one in ground.items()}).all():
        raise SpreadOutside


def _picked(targets: Targets, masks: Mapping[int, Mask]) -> Mask:
    """Look the targets up in masks by year; what no mask has is False."""
    found = np.zeros(len(targets.rows), dtype=np.bool_)
    for year, mask in masks.items():
        hit = targets.of_year(year)
        found[hit] = mask[targets.rows[hit], targets.months[hit] % MONTHS]
    return found


def _row_parts(sheets: Mapping[int, Ints]) -> tuple[Ints, Ints]:
    count = max(map(len, sheets.values()), default=0)
    parts = np.zeros(count, dtype=np.int64)
    for values in sheets.values():
        parts[: len(values)] += values.sum(axis=1)
    rows = np.flatnonzero(parts)
    return rows, parts[rows]


def _scaled(weights: Ints, bits: int) -> Ints:
    """Make weights small enough to be multiplied; a weight above 0 stays above 0."""
    if len(weights) and int(weights.min()) < 0:
        position = int(np.argmax(weights < 0))
        raise WeightInvalid(position, int(weights[position]))
    shift = max(0, sum(weights.tolist()).bit_length() - bits)
    return np.where(weights > 0, np.maximum(weights >> shift, 1), 0)


def _joined(parts: Sequence[Ints]) -> Ints:
    return np.concatenate([*parts, np.zeros(0, dtype=np.int64)]).astype(np.int64)
