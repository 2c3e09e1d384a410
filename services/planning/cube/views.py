"""What a caller reads of the cube: as `queries`, for its own part of the organisation alone."""

from collections.abc import Collection, Sequence
from typing import Final, TypeVar

from chassis import scope
from chassis.database import Transaction
from chassis.paging import Key, Page, PageTokenInvalid, Slice
from chassis.scope import Caller, OutOfScope
from planning.cube import cell_file, queries, row_storage, storage
from planning.cube.domain import Address, Axis, Cell, Change, Difference, Row, Where
from planning.cube.expense_types import all_measures
from planning.cube.measures import Measure
from planning.cube.measures import measure as measure_of
from planning.cube.variance import Line, Sold, Variance, explain
from planning.organization.domain import UnitNotFound

T = TypeVar("T")

CHANGES_MAX: Final = 10_000
VARIANCES_MAX: Final = 5_000


def query(
    tx: Transaction,
    part: Page,
    version_id: str,
    *,
    measures: Sequence[str],
    by: Sequence[Axis],
    where: Where,
    caller: Caller,
) -> Slice[Row]:
    """Return a page of a table.

    Errors: as `queries.table`; OutOfScope, PageTokenInvalid.
    """
    within = seen_by(tx, caller, where)
    rows = queries.table(tx, version_id, measures, by=by, where=where, within=within)
    return _page(rows, part, keys=[row.keys for row in rows])


def differences(
    tx: Transaction,
    part: Page,
    *,
    before: str,
    after: str,
    measure: str,
    where: Where,
    caller: Caller,
) -> Slice[Difference]:
    """Return a page of the cells that two versions do not have alike, by address.

    Errors: as `queries.diff`; OutOfScope, PageTokenInvalid.
    """
    within = seen_by(tx, caller, where)
    found = queries.diff(tx, before, after, measure=measure, where=where, within=within)
    found.sort(key=lambda one: _place(one.address))
    return _page(found, part, keys=[_place(one.address) for one in found])


def changes(
    tx: Transaction,
    part: Page,
    version_id: str,
    *,
    measure: str,
    address: Address,
    caller: Caller,
) -> Slice[Change]:
    """Return a page of what was done to a cell, newest first.

    Errors: as `queries.history`; OutOfScope, PageTokenInvalid.
    """
    scope.require(tx, caller, address.unit_id)
    code = measure_of(measure).code
    found = queries.history(tx, version_id, address, measure=code, limit=CHANGES_MAX)
    match part.after:
        case None:
            rest = found
        case (int() as act_id,):
            rest = [one for one in found if one.act_id < act_id]
        case _:
            raise PageTokenInvalid
    return part.slice(rest, key=lambda one: [one.act_id])


def exported(
    tx: Transaction, part: Page, version_id: str, *, measure: str, where: Where, caller: Caller
) -> tuple[bytes, str]:
    """Return a page of cells as a file, and the token of the next one.

    Errors: as `queries.cells`; OutOfScope, PageTokenInvalid.
    """
    version = storage.get_version(tx, version_id)
    within = seen_by(tx, caller, where)
    found = queries.cells(tx, version_id, measure, where=where, within=within)
    found.sort(key=lambda one: _place(one.address))
    page: Slice[Cell] = _page(found, part, keys=[_place(one.address) for one in found])
    data = cell_file.write(page.items, currency_code=version.currency_code)
    return data, page.next_page_token


def variance(
    tx: Transaction,
    *,
    before: str,
    after: str,
    by: Sequence[Axis],
    where: Where,
    caller: Caller,
) -> tuple[list[Variance], Variance]:
    """Say why sales differ between two versions: the lines, and their sum.

    Errors: as `queries.table`; OutOfScope, CubeTooLarge.
    """
    within = seen_by(tx, caller, where)
    lines, whole = explain(
        sold(tx, before, by=by, where=where, within=within),
        sold(tx, after, by=by, where=where, within=within),
    )
    queries.require_size(len(lines), VARIANCES_MAX)
    return lines, whole


def sold(
    tx: Transaction,
    version_id: str,
    *,
    by: Sequence[Axis],
    where: Where,
    within: Collection[str] | None = None,
) -> Line:
    """Return sales and their quantity by axes, for `variance.explain`."""
    rows = queries.table(tx, version_id, ["sales", "volume"], by=by, where=where, within=within)
    return {row.keys: Sold(*row.values) for row in rows}


def list_measures(tx: Transaction, part: Page) -> Slice[Measure]:
    """Return a page of the measures, by code."""
    found = [one for _, one in sorted(all_measures(tx).items())]
    return _page(found, part, keys=[(one.code,) for one in found])


def seen_by(tx: Transaction, caller: Caller, where: Where) -> Collection[str] | None:
    """Return the units that a caller may see, None when all; refuse units that it asks for beyond.

    Errors: UnitNotFound, OutOfScope.
    Source: R-183.
    """
    known = row_storage.current_paths(tx)
    wanted = set(where.unit_ids or ())
    if unknown := wanted.difference(known):
        raise UnitNotFound(min(unknown))
    if caller.is_service:
        return None
    within = frozenset(scope.within(tx, caller, known))
    if outside := wanted - within:
        raise OutOfScope(caller.subject, min(outside))
    return within


def _place(address: Address) -> tuple[str, ...]:
    parts = (address.unit_id, address.product_id, address.channel, address.terminal_id)
    return (*parts, str(address.month))


def _page(items: Sequence[T], part: Page, *, keys: Sequence[tuple[str, ...]]) -> Slice[T]:
    """Cut a page out of items that are sorted by their keys."""
    begin = 0
    if part.after is not None:
        after = _fitting(part.after, keys)
        begin = sum(key <= after for key in keys)
    of = dict(zip(map(id, items), keys, strict=True))
    return part.slice(items[begin:], key=lambda one: of[id(one)])


def _fitting(after: Sequence[Key], keys: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    found = tuple(one for one in after if isinstance(one, str))
    if len(found) != len(after) or (keys and len(found) != len(keys[0])):
        raise PageTokenInvalid
    return found
