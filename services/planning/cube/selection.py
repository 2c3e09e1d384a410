"""Which rows and months a `Where` means, for the rows there are and the tree of a day."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from chassis.period import Month
from planning.cube.domain import Axis, Where
from planning.cube.measures import Nature
from planning.cube.packing import MONTHS
from planning.cube.rows import CHANNEL, PRODUCT, TERMINAL, UNIT, Mask, Rows, all_of
from planning.organization.domain import UnitNotFound


@dataclass(frozen=True, slots=True)
class Selection:
    """Hold which rows, months and units are meant; None means all."""

    rows: Mask | None
    months: frozenset[Month] | None
    units: frozenset[str] | None

    def years(self, stored: Iterable[int]) -> list[int]:
        """Return those of the years that have a month of the selection."""
        if self.months is None:
            return list(stored)
        wanted = {month.year for month in self.months}
        return [year for year in stored if year in wanted]

    def columns(self, year: int) -> Mask:
        """Tell which months of a year are meant."""
        if self.months is None:
            return np.ones(MONTHS, dtype=np.bool_)
        wanted = [Month(year, number) in self.months for number in range(1, MONTHS + 1)]
        return np.array(wanted, dtype=np.bool_)

    def cells(self, count: int, year: int) -> Mask:
        """Tell of each of so many rows and each month whether it is meant."""
        rows = np.ones(count, dtype=np.bool_) if self.rows is None else self.rows[:count]
        return rows[:, None] & self.columns(year)[None, :]


def select(
    rows: Rows,
    where: Where,
    *,
    paths: Mapping[str, str],
    within: Collection[str] | None = None,
) -> Selection:
    """Find out what a selection means.

    Shape: `within` are the only units that the caller may see, None when all.
    Errors: UnitNotFound.
    """
    units = _units(where, paths)
    if within is not None:
        units = frozenset(within) if units is None else units & frozenset(within)
    mask = all_of(
        [
            rows.mask(UNIT, units),
            rows.mask(PRODUCT, where.products),
            rows.mask(CHANNEL, where.channels),
            rows.mask(TERMINAL, where.terminals),
        ]
    )
    months = None if where.months is None else frozenset(where.months)
    return Selection(mask, months, units)


def periods(
    axes: Sequence[Axis], year: int, columns: Mask, *, nature: Nature
) -> list[tuple[tuple[str, ...], list[int]]]:
    """Return what the time axes make of a year: keys, and the months that count for each.

    Shape: of a stock, the last month alone.
    """
    found: dict[tuple[str, ...], list[int]] = {}
    for column in np.flatnonzero(columns).tolist():
        month = Month(year, column + 1)
        found.setdefault(tuple(_named(axis, month) for axis in axes), []).append(column)
    last = nature is Nature.STOCK
    return [(key, months[-1:] if last else months) for key, months in found.items()]


def _named(axis: Axis, month: Month) -> str:
    match axis:
        case Axis.MONTH:
            return str(month)
        case Axis.QUARTER:
            return f"{month.year:04d}-Q{month.quarter}"
        case _:
            return f"{month.year:04d}"


def _units(where: Where, paths: Mapping[str, str]) -> frozenset[str] | None:
    if where.unit_ids is None:
        return None
    if where.own_units:
        return frozenset(where.unit_ids)
    for unit_id in where.unit_ids:
        if unit_id not in paths:
            raise UnitNotFound(unit_id)
    roots = tuple(paths[unit_id] for unit_id in where.unit_ids)
    return frozenset(unit_id for unit_id, path in paths.items() if path.startswith(roots))
