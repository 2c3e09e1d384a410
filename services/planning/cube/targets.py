"""Which cells each rule of a spread means, found in the database."""

from collections.abc import Mapping, Sequence

import numpy as np

from chassis.database import Transaction
from chassis.period import Month
from chassis.scope import Caller
from planning.cube import changing, queries, spreading
from planning.cube.changing import Differences, SheetKey
from planning.cube.domain import Address, Even, Grid, Proportional, Rule, Season, Weighted, Where
from planning.cube.errors import CellDoubled
from planning.cube.exact import Ints
from planning.cube.memory import memory_of
from planning.cube.packing import MONTHS
from planning.cube.rows import Key, Rows
from planning.cube.selection import Selection, select
from planning.cube.spreading import Ground, Targets


def spread_differences(
    tx: Transaction,
    version_id: str,
    measure: str,
    *,
    where: Where,
    total: int,
    rule: Rule,
    held: Sequence[Where],
    add: bool,
    by: Caller,
) -> dict[SheetKey, Differences]:
    """Compute what a spread changes in each sheet.

    Errors: as `usecases.spread`.
    """
    targets = _targets(tx, version_id, measure, where=where, rule=rule, by=by)
    rows = memory_of(tx).rows(tx)
    years = targets.years
    ground = _ground(tx, version_id, measure, rows=rows, where=where, held=held, years=years)
    if not add:
        _require_seen(tx, {year: one.values for year, one in ground.items()}, by=by)
    found = spreading.spread(total, targets, ground, add=add)
    return {(measure, year): Differences.dense(one) for year, one in found.items()}


def _targets(
    tx: Transaction, version_id: str, measure: str, *, where: Where, rule: Rule, by: Caller
) -> Targets:
    match rule:
        case Even():
            return _even(tx, version_id, measure, where=where, grid=rule.over, by=by)
        case Weighted():
            return _weighted(tx, rule, by=by)
        case Proportional():
            return _proportional(tx, rule, measure, where=where, by=by)
        case Season():
            return _seasonal(tx, rule, measure, where=where, by=by)


def _even(
    tx: Transaction,
    version_id: str,
    measure: str,
    *,
    where: Where,
    grid: Grid | None,
    by: Caller,
) -> Targets:
    if grid is not None:
        return spreading.crossed(_rows_of(tx, grid, by=by), _months(grid.months))
    found = spreading.present(_sheets(tx, version_id, measure, where=where))
    return Targets(found.rows, found.months, np.ones_like(found.weights))


def _proportional(
    tx: Transaction, rule: Proportional, measure: str, *, where: Where, by: Caller
) -> Targets:
    meant, shift = where, 0
    if rule.year is not None and where.months:
        shift = min(where.months).year - rule.year
        months = {month.plus(-shift * MONTHS) for month in where.months}
        meant = _with_months(where, months)
    sheets = _sheets(tx, rule.version_id, rule.measure or measure, where=meant)
    _require_seen(tx, sheets, by=by)
    return spreading.present(sheets, shift_years=shift)


def _seasonal(tx: Transaction, rule: Season, measure: str, *, where: Where, by: Caller) -> Targets:
    """Learn from all of history; spread over the months of the grid, or of the selection."""
    months = rule.over.months if rule.over else tuple(sorted(where.months or ()))
    history = _sheets(tx, rule.version_id, rule.measure or measure, where=_with_months(where, None))
    _require_seen(tx, history, by=by)
    rows = _rows_of(tx, rule.over, by=by) if rule.over else None
    return spreading.seasonal(history, months=_months(months), rows=rows)


def _weighted(tx: Transaction, rule: Weighted, *, by: Caller) -> Targets:
    addresses = [address for address, _ in rule.parts]
    seen: set[Address] = set()
    for address in addresses:
        if address in seen:
            raise CellDoubled("", address)
        seen.add(address)
    keys: list[Key] = [
        (one.unit_id, one.product_id, one.channel, one.terminal_id) for one in addresses
    ]
    changing.require_known(tx, set(keys), by=by)
    weights = np.array([weight for _, weight in rule.parts], dtype=np.int64)
    return Targets(
        changing.numbers_of(tx, keys), _months([one.month for one in addresses]), weights
    )


def _rows_of(tx: Transaction, grid: Grid, *, by: Caller) -> Ints:
    keys = grid.keys()
    changing.require_known(tx, set(keys), by=by)
    return changing.numbers_of(tx, keys)


def _sheets(tx: Transaction, version_id: str, measure: str, *, where: Where) -> Mapping[int, Ints]:
    chosen = select(memory_of(tx).rows(tx), where, paths=queries.paths_of(tx, where))
    return queries.values_of(tx, version_id, measure, chosen=chosen)


def _require_seen(tx: Transaction, sheets: Mapping[int, Ints], *, by: Caller) -> None:
    """Refuse to tell by shares and refusals what units have that the caller has no say over.

    Errors: OutOfScope.
    """
    rows = memory_of(tx).rows(tx)
    units = [rows.units(np.flatnonzero(one.any(axis=1))) for one in sheets.values()]
    changing.require_scope(tx, set[str]().union(*units), by=by)


def _ground(
    tx: Transaction,
    version_id: str,
    measure: str,
    *,
    rows: Rows,
    where: Where,
    held: Sequence[Where],
    years: set[int],
) -> dict[int, Ground]:
    """Take the numbers of the selection, in as many rows as there are."""
    chosen = _chosen(tx, rows, where)
    keep = [_chosen(tx, rows, one) for one in held]
    stored = queries.values_of(tx, version_id, measure, chosen=chosen)
    count = len(rows)
    found = {}
    for year in sorted(years | stored.keys()):
        values = np.zeros((count, MONTHS), dtype=np.int64)
        known = stored.get(year, values)[:count]
        values[: len(known)] = known
        mask = np.zeros((count, MONTHS), dtype=np.bool_)
        for one in keep:
            mask |= one.cells(count, year)
        found[year] = Ground(values, chosen.cells(count, year), mask)
    return found


def _chosen(tx: Transaction, rows: Rows, where: Where) -> Selection:
    return select(rows, where, paths=queries.paths_of(tx, where))


def _months(months: Sequence[Month]) -> Ints:
    return np.array([month.year * MONTHS + month.month - 1 for month in months], dtype=np.int64)


def _with_months(where: Where, months: set[Month] | None) -> Where:
    return Where(
        unit_ids=where.unit_ids,
        products=where.products,
        channels=where.channels,
        terminals=where.terminals,
        months=months,
        on=where.on,
        own_units=where.own_units,
    )
