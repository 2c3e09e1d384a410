"""What is read of the cube: sums at every level, cells, differences, and what was done to a cell.

Whoever calls has checked the scope, or names the units that the caller may see with `within`.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any, Final

import numpy as np
import sqlalchemy as sa

from chassis.database import Transaction
from chassis.period import Month
from planning.cube import history_storage, row_storage, storage
from planning.cube.domain import (
    EVERYWHERE,
    Act,
    Address,
    Axis,
    Cell,
    Change,
    Difference,
    Row,
    Where,
)
from planning.cube.errors import CubeTooLarge
from planning.cube.exact import Ints
from planning.cube.measures import Nature, measure
from planning.cube.memory import Book, memory_of
from planning.cube.packing import CHUNK_ROWS, MONTHS, unpack_change
from planning.cube.rows import COLUMN_OF, Rows
from planning.cube.selection import Selection, periods, select
from planning.cube.sheet import Grouping
from planning.organization import usecases as organization

LINES_MAX: Final = 200_000
CELLS_MAX: Final = 2_000_000
# Below this a sum of 64 bits cannot have run over, whatever was added in whatever order.
BOUND_MAX: Final = 9.0e18
ACTS_A_READ: Final = 500

_Slot = tuple[str, ...]
_TIME: Final = frozenset({Axis.MONTH, Axis.QUARTER, Axis.YEAR})
_GROUPS: Final = {Axis.PRODUCT_GROUP: Axis.PRODUCT, Axis.CHANNEL_GROUP: Axis.CHANNEL}


def total(
    tx: Transaction,
    version_id: str,
    measure: str,
    *,
    where: Where = EVERYWHERE,
    within: Collection[str] | None = None,
) -> int:
    """Sum a measure over a selection; 0 when there is nothing.

    Errors: CubeVersionNotFound, MeasureUnknown, UnitNotFound.
    """
    lines = table(tx, version_id, [measure], by=(), where=where, within=within)
    return lines[0].values[0] if lines else 0


def table(
    tx: Transaction,
    version_id: str,
    measures: Sequence[str],
    *,
    by: Sequence[Axis],
    where: Where = EVERYWHERE,
    within: Collection[str] | None = None,
) -> list[Row]:
    """Sum measures over a selection by axes.

    Shape: the lines that are not 0 throughout, sorted by their keys. By `UNIT` every unit of the
        selection has a line with all that is below it, as the tree of the selection's day is.
    Errors: CubeVersionNotFound, MeasureUnknown, UnitNotFound, CubeTooLarge.
    """
    memory = memory_of(tx)
    rows = memory.rows(tx)
    paths = paths_of(tx, where)
    chosen = select(rows, where, paths=paths, within=within)
    flat = [axis for axis in by if axis in COLUMN_OF]
    groups = {axis: row_storage.groups(tx, _GROUPS[axis]) for axis in flat if axis in _GROUPS}
    grouping = memory.grouping(rows, flat, paths=paths, groups=groups)
    time = [axis for axis in by if axis in _TIME]
    stored = storage.years(tx, version_id, measures)
    with memory.opened(tx, version_id) as book:
        columns = {
            code: _summed(tx, book, code, years=years, chosen=chosen, grouping=grouping, time=time)
            for code, years in stored.items()
        }
    return _lines(by, measures, columns, grouping=grouping, chosen=chosen)


def cells(
    tx: Transaction,
    version_id: str,
    measure: str,
    *,
    where: Where = EVERYWHERE,
    within: Collection[str] | None = None,
) -> list[Cell]:
    """Return the cells of a selection that are not 0, by row and month.

    Errors: CubeVersionNotFound, MeasureUnknown, UnitNotFound, CubeTooLarge.
    """
    rows = memory_of(tx).rows(tx)
    chosen = select(rows, where, paths=paths_of(tx, where), within=within)
    found: list[Cell] = []
    for year, values in values_of(tx, version_id, measure, chosen=chosen).items():
        hits = np.argwhere(values)
        require_size(len(found) + len(hits), CELLS_MAX)
        months = [Month(year, column + 1) for column in range(MONTHS)]
        keys = {row: rows.key(row) for row in np.unique(hits[:, 0]).tolist()}
        found += [
            Cell(measure, Address(*keys[row], months[column]), value)
            for (row, column), value in zip(
                hits.tolist(), values[hits[:, 0], hits[:, 1]].tolist(), strict=True
            )
        ]
    return found


def diff(
    tx: Transaction,
    before: str,
    after: str,
    *,
    measure: str,
    where: Where = EVERYWHERE,
    within: Collection[str] | None = None,
) -> list[Difference]:
    """Return the cells that two versions do not have alike, by year, row and month.

    Errors: CubeVersionNotFound, MeasureUnknown, UnitNotFound, CubeTooLarge.
    """
    rows = memory_of(tx).rows(tx)
    chosen = select(rows, where, paths=paths_of(tx, where), within=within)
    olds = values_of(tx, before, measure, chosen=chosen)
    news = values_of(tx, after, measure, chosen=chosen)
    found: list[Difference] = []
    for year in sorted(olds.keys() | news.keys()):
        old, new = _alike(olds.get(year), news.get(year))
        hits = np.argwhere(old != new)
        require_size(len(found) + len(hits), CELLS_MAX)
        found += [
            Difference(
                address_of(rows, row, year=year, column=column),
                int(old[row, column]),
                int(new[row, column]),
            )
            for row, column in hits.tolist()
        ]
    return found


def history(
    tx: Transaction, version_id: str, address: Address, *, measure: str, limit: int = 100
) -> list[Change]:
    """Return what was done to a cell, newest first, through the versions that this one comes from.

    Errors: CubeVersionNotFound, MeasureUnknown.
    """
    where = Where.of(address)
    value = total(tx, version_id, measure, where=where)
    key = (address.unit_id, address.product_id, address.channel, address.terminal_id)
    row = row_storage.find_rows(tx, [key]).get(key)
    found: list[Change] = []
    if row is None:
        return found
    for change in _acts_on(tx, version_id, measure, row=row, month=address.month):
        act_id, source, difference, doing = change
        found.append(
            Change(
                act_id=act_id,
                version_id=source,
                act=doing.act,
                cause=doing.cause,
                before=value - difference,
                after=value,
                changed_by=doing.by,
                record_time=doing.at,
            )
        )
        value -= difference
        if len(found) == limit:
            break
    return found


def values_of(
    tx: Transaction, version_id: str, measure_code: str, *, chosen: Selection
) -> dict[int, Ints]:
    """Return the numbers of a selection by year, rows × 12 months; what is not selected is 0.

    Errors: CubeVersionNotFound, MeasureUnknown.
    """
    code = measure(measure_code).code
    years = chosen.years(storage.years(tx, version_id, [code])[code])
    found = {}
    with memory_of(tx).opened(tx, version_id) as book:
        for year in years:
            values = book.sheet(tx, code, year).values
            if chosen.rows is not None:
                values = values[: len(chosen.rows)]
            found[year] = values * chosen.cells(len(values), year)
    return found


def paths_of(tx: Transaction, where: Where) -> Mapping[str, str]:
    """Return the tree that a selection means."""
    if where.on is None:
        return row_storage.current_paths(tx)
    return organization.paths_on(tx, where.on)


def address_of(rows: Rows, row: int, *, year: int, column: int) -> Address:
    """Name the address of a place in a sheet."""
    return Address(*rows.key(row), Month(year, column + 1))


def require_size(found: int, maximum: int) -> None:
    """Refuse what is too much for one request.

    Errors: CubeTooLarge.
    """
    if found > maximum:
        raise CubeTooLarge(found, maximum)


def _summed(
    tx: Transaction,
    book: Book,
    code: str,
    *,
    years: Sequence[int],
    chosen: Selection,
    grouping: Grouping,
    time: Sequence[Axis],
) -> dict[_Slot, Ints]:
    """Sum one measure to a column of the grouping's lines for each period."""
    nature = measure(code).nature
    found: dict[_Slot, Ints] = {}
    bound = 0.0
    for year in chosen.years(years):
        sheet = book.sheet(tx, code, year)
        if bound + sheet.bound >= BOUND_MAX:
            sheet.measure()
        bound += sheet.bound
        if bound >= BOUND_MAX:
            raise CubeTooLarge(int(bound), int(BOUND_MAX))
        sums = sheet.sums(grouping, chosen.rows)
        for key, months in periods(time, year, chosen.columns(year), nature=nature):
            column = sums[:, months].sum(axis=1)
            if key in found and nature is Nature.FLOW:
                column = column + found[key]
            found[key] = column
    return found


def _lines(
    by: Sequence[Axis],
    measures: Sequence[str],
    columns: Mapping[str, Mapping[_Slot, Ints]],
    *,
    grouping: Grouping,
    chosen: Selection,
) -> list[Row]:
    nothing = np.zeros(len(grouping.keys), dtype=np.int64)
    found: list[Row] = []
    for slot in sorted({slot for one in columns.values() for slot in one}):
        block = np.stack([columns[code].get(slot, nothing) for code in measures], axis=1)
        hits = np.flatnonzero(block.any(axis=1))
        require_size(len(found) + len(hits), LINES_MAX)
        values = block[hits].tolist()
        for line, numbers in zip(hits.tolist(), values, strict=True):
            key = _key(by, grouping.keys[line], slot)
            if _is_shown(by, key, chosen):
                found.append(Row(key, tuple(numbers)))
    return sorted(found, key=lambda row: row.keys)


def _key(by: Sequence[Axis], flat: tuple[str, ...], slot: _Slot) -> tuple[str, ...]:
    """Put the parts of a key into the order in which the axes were asked for."""
    flats, slots = iter(flat), iter(slot)
    return tuple(next(slots) if axis in _TIME else next(flats) for axis in by)


def _is_shown(by: Sequence[Axis], key: tuple[str, ...], chosen: Selection) -> bool:
    """Tell whether a line is whole: a unit above the selection would show a part as its all."""
    if chosen.units is None or Axis.UNIT not in by:
        return True
    return key[by.index(Axis.UNIT)] in chosen.units


def _alike(one: Ints | None, other: Ints | None) -> tuple[Ints, Ints]:
    """Give two sheets the same number of rows."""
    none = np.zeros((0, MONTHS), dtype=np.int64)
    pair = [none if values is None else values for values in (one, other)]
    count = max(map(len, pair))
    first, second = (np.pad(values, ((0, count - len(values)), (0, 0))) for values in pair)
    return first, second


def _acts_on(
    tx: Transaction, version_id: str, code: str, *, row: int, month: Month
) -> Iterator[tuple[int, str, int, storage.Doing]]:
    """Yield the acts that changed a cell, newest first: id, version, difference, what was done."""
    no, within_chunk = divmod(row, CHUNK_ROWS)
    place = within_chunk * MONTHS + month.month - 1
    for source, until in history_storage.lineage(tx, version_id):
        pages = _pages(tx, source, measure=code, year=month.year, no=no, until=until)
        for one in chain.from_iterable(pages):
            difference = _at(one.data, place)
            if difference:
                doing = storage.Doing(Act(one.act), one.cause, one.changed_by, one.record_time)
                yield one.act_id, source, difference, doing


def _pages(
    tx: Transaction, version_id: str, *, measure: str, year: int, no: int, until: int
) -> Iterator[list[sa.Row[Any]]]:
    """Yield the acts on a chunk up to one, newest first, some at a time."""
    while True:
        acts = history_storage.acts_of_chunk(
            tx, version_id, measure=measure, year=year, no=no, until=until, limit=ACTS_A_READ
        )
        yield acts
        if len(acts) < ACTS_A_READ:
            return
        until = acts[-1].act_id - 1


def _at(data: bytes, place: int) -> int:
    places, differences = unpack_change(data)
    found = int(np.searchsorted(places, place))
    return int(differences[found]) if found < len(places) and places[found] == place else 0
