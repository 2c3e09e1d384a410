"""Numbers of a version that are changed many times in memory and stored once.

A spread reads its version, shares one total and stores one act. Hundreds of changes that stand on
each other would read and store hundreds of times; here the version is read once, and each change
finds what those before it have left.
"""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

import numpy as np

from chassis.database import Transaction
from chassis.scope import Caller
from planning.cube import changing, exact, queries, storage
from planning.cube.changing import Differences, SheetKey
from planning.cube.domain import TOTAL_MAX, VALUE_MAX, Act, Address, Where
from planning.cube.errors import CellValueInvalid
from planning.cube.exact import Ints
from planning.cube.expense_types import require_measures
from planning.cube.memory import memory_of
from planning.cube.packing import MONTHS
from planning.cube.rows import Key
from planning.cube.selection import select
from planning.cube.storage import Doing

_NOTHING: Final = np.zeros(0, dtype=np.int64)

_Axes: TypeAlias = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Picked:
    """Hold the cells of a selection that are not 0, by year, row and month.

    Shape: `places` are row × 12 + month in the sheets of `years`, whose cells stand one year
        behind the other.
    """

    measure: str
    years: Ints
    places: Ints
    values: Ints

    @property
    def total(self) -> int:
        """Sum them."""
        return exact.whole(self.values)


class Draft:
    """Change an owned version step by step, and store all of it at the end."""

    def __init__(self, tx: Transaction, version_id: str, *, owner: str) -> None:
        """Lock the version.

        Errors: CubeVersionNotFound, CubeVersionOwned, CubeVersionFrozen.
        """
        storage.open_version(tx, version_id, owner=owner)
        self._tx = tx
        self._version_id = version_id
        self._rows = memory_of(tx).rows(tx)
        self._paths = queries.paths_of(tx, Where())
        self._sheets: dict[SheetKey, Ints] = {}
        self._chosen: dict[_Axes, Ints] = {}
        self._changes: defaultdict[str, defaultdict[SheetKey, list[tuple[Ints, Ints]]]]
        self._changes = defaultdict(lambda: defaultdict(list))
        self._seen: set[str] = set()
        self._keys: set[Key] = set()

    def pick(self, measure: str, where: Where) -> Picked:
        """Find the cells of some months as they are now.

        Errors: MeasureUnknown, UnitNotFound.
        """
        require_measures(self._tx, {measure})
        months = sorted(where.months or ())
        rows = self._rows_of(where)
        years, places, values = [_NOTHING], [_NOTHING], [_NOTHING]
        for year in sorted({month.year for month in months}):
            columns = np.array([month.month - 1 for month in months if month.year == year])
            found = self._sheet(measure, year)[rows[:, None], columns[None, :]]
            row, column = np.nonzero(found)
            years.append(np.full(len(row), year, dtype=np.int64))
            places.append(rows[row] * MONTHS + columns[column])
            values.append(found[row, column])
        picked = Picked(
            measure, np.concatenate(years), np.concatenate(places), np.concatenate(values)
        )
        self._seen |= self._rows.units(picked.places // MONTHS)
        return picked

    def scale(self, picked: Picked, total: int, *, cause: str) -> None:
        """Bring cells to a total in proportion to what they have, to the last unit.

        Errors: EmptySplit, WeightInvalid, CellValueInvalid.
        """
        if abs(total) > TOTAL_MAX:
            raise CellValueInvalid(total)
        differences = exact.split(total, picked.values) - picked.values
        for year in np.unique(picked.years).tolist():
            hit = picked.years == year
            self._change((picked.measure, year), picked.places[hit], differences[hit], cause=cause)

    def add(self, measure: str, address: Address, value: int, *, cause: str) -> None:
        """Add to one cell.

        Errors: CellValueInvalid.
        """
        key = (address.unit_id, address.product_id, address.channel, address.terminal_id)
        self._keys.add(key)
        [row] = changing.numbers_of(self._tx, [key])
        if row >= len(self._rows):
            self._grow()
        places = np.array([row * MONTHS + address.month.month - 1], dtype=np.int64)
        self._change((measure, address.month.year), places, np.array([value]), cause=cause)

    def save(self, *, by: Caller, at: datetime) -> int:
        """Store what was changed, one act a cause; return how many cells changed.

        Errors: OutOfScope when the caller has no say over a unit with cells in what was picked;
            UnitNotFound, CubeMemberUnknown, PartsNotBalanced.
        """
        changing.require_scope(self._tx, self._seen, by=by)
        changing.require_known(self._tx, self._keys, by=by)
        return sum(
            changing.act(
                self._tx,
                self._version_id,
                Doing(Act.SPREAD, cause, by.subject, at),
                differing={key: _summed(parts) for key, parts in changes.items()},
            )
            for cause, changes in self._changes.items()
        )

    def _change(self, key: SheetKey, places: Ints, differences: Ints, *, cause: str) -> None:
        values = self._sheet(*key).reshape(-1)
        values[places] += differences
        largest = int(np.abs(values[places]).max(initial=0))
        if largest > VALUE_MAX:
            raise CellValueInvalid(largest)
        self._changes[cause][key].append((places, differences))

    def _rows_of(self, where: Where) -> Ints:
        axes = tuple(map(_frozen, (where.unit_ids, where.products, where.channels)))
        if axes not in self._chosen:
            mask = select(self._rows, where, paths=self._paths).rows
            every = np.arange(len(self._rows), dtype=np.int64)
            self._chosen[axes] = every if mask is None else every[mask]
        return self._chosen[axes]

    def _sheet(self, measure: str, year: int) -> Ints:
        """Return the numbers of a sheet as they are now, a copy that is changed here alone."""
        if (measure, year) not in self._sheets:
            with memory_of(self._tx).opened(self._tx, self._version_id) as book:
                sheet = book.sheet(self._tx, measure, year)
                self._sheets[measure, year] = sheet.of_rows(len(self._rows)).copy()
        return self._sheets[measure, year]

    def _grow(self) -> None:
        """Have the rows that were numbered meanwhile."""
        self._rows = memory_of(self._tx).rows(self._tx)
        self._chosen.clear()
        count = len(self._rows)
        for key, values in self._sheets.items():
            grown = np.zeros((count, MONTHS), dtype=np.int64)
            grown[: len(values)] = values
            self._sheets[key] = grown


def _summed(parts: list[tuple[Ints, Ints]]) -> Differences:
    """Put changes of the same cells together."""
    places, of_place = np.unique(np.concatenate([one for one, _ in parts]), return_inverse=True)
    differences = np.zeros(len(places), dtype=np.int64)
    np.add.at(differences, of_place, np.concatenate([one for _, one in parts]))
    rows, months = np.divmod(places, MONTHS)
    return Differences.of(rows, months, differences)


def _frozen(codes: Collection[str] | None) -> object:
    return None if codes is None else frozenset(codes)
