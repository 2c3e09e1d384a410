"""What the cube does: it keeps versions of numbers, writes cells and spreads totals.

Whoever writes holds the version's row until the transaction ends; rows are numbered after that.
What is read stands in `queries`, and is offered here as well, for the capabilities that keep their
numbers in the cube.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final

import numpy as np

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.scope import Caller
from planning.cube import act_storage, changing, chunks, folding, row_storage, storage
from planning.cube.changing import Differences, SheetKey
from planning.cube.deriving import derive
from planning.cube.domain import (
    ACTUAL,
    CURRENCY,
    VALUE_MAX,
    Act,
    Axis,
    Cell,
    Kind,
    Member,
    Pin,
    Rule,
    Version,
    Where,
)
from planning.cube.draft import Draft
from planning.cube.errors import CellDoubled, CellValueInvalid, CubeVersionNameTaken
from planning.cube.exact import Ints
from planning.cube.expense_types import all_measures, require_measures
from planning.cube.memory import memory_of
from planning.cube.queries import cells, diff, history, table, total
from planning.cube.rows import Key
from planning.cube.storage import Doing
from planning.cube.targets import spread_differences
from planning.organization import usecases as organization
from planning.organization.domain import ROOT_UNIT

__all__ = [
    "Draft",
    "branch",
    "cells",
    "create_version",
    "all_measures",
    "define",
    "derive",
    "diff",
    "fold",
    "freeze",
    "get_version",
    "hand_over",
    "history",
    "list_versions",
    "open_version",
    "pin",
    "spread",
    "table",
    "total",
    "unpin",
    "version_named",
    "write",
]

# Fewer pieces than this are read faster than they are folded; a large one counts for many.
FOLD_PIECES_MIN: Final = 64


def create_version(
    tx: Transaction,
    *,
    name: str,
    kind: Kind,
    unit_id: str = ROOT_UNIT,
    currency_code: str = CURRENCY,
    owner: str = "",
    by: Caller,
    at: datetime,
) -> Version:
    """Begin a version without numbers; with an owner, nobody writes it by hand.

    Errors: UnitNotFound, OutOfScope, CubeVersionNameTaken.
    """
    organization.require_unit(tx, unit_id, by=by)
    version = Version(
        version_id=new_id(),
        name=name,
        kind=kind,
        unit_id=unit_id,
        currency_code=currency_code,
        base_version_id="",
        frozen=False,
        created_by=by.subject,
        create_time=at,
        owner=owner,
    )
    return _added(tx, version)


def branch(
    tx: Transaction,
    version_id: str,
    *,
    name: str,
    kind: Kind = Kind.SCENARIO,
    unit_id: str = ROOT_UNIT,
    owner: str = "",
    by: Caller,
    at: datetime,
) -> Version:
    """Begin a version with the numbers of another; both then go their own ways.

    Shape: the branch shares its base's chunks, so it costs no number until one is changed. Fixed
        totals stay with the base.
    Errors: CubeVersionNotFound, UnitNotFound, OutOfScope, CubeVersionNameTaken.
    """
    base = storage.get_version(tx, version_id, lock=True)
    organization.require_unit(tx, unit_id, by=by)
    version = Version(
        version_id=new_id(),
        name=name,
        kind=kind,
        unit_id=unit_id,
        currency_code=base.currency_code,
        base_version_id=version_id,
        frozen=False,
        created_by=by.subject,
        create_time=at,
        owner=owner,
    )
    added = _added(tx, version)
    folding.fold_version(tx, version_id)
    chunks.share_chunks(tx, base=version_id, branch=added.version_id)
    return added


def freeze(tx: Transaction, version_id: str, *, by: Caller, owner: str = "") -> Version:
    """Let nothing change a version any more; its fixed totals must hold.

    Errors: CubeVersionNotFound, CubeVersionOwned, OutOfScope, PartsNotBalanced.
    """
    version = storage.own_version(tx, version_id, owner=owner)
    scope.require(tx, by, version.unit_id)
    changing.require_all_balanced(tx, version_id)
    storage.freeze(tx, version_id)
    return version.freeze()


def hand_over(tx: Transaction, version_id: str, *, owner: str) -> None:
    """Give a version that is open to everybody to the steps of an owner alone.

    Errors: CubeVersionNotFound, CubeVersionOwned, CubeVersionFrozen.
    """
    storage.written_version(tx, version_id)
    storage.hand_over(tx, version_id, owner=owner)


def get_version(tx: Transaction, version_id: str) -> Version:
    """Return a version.

    Errors: CubeVersionNotFound.
    """
    return storage.get_version(tx, version_id)


def open_version(tx: Transaction, version_id: str, *, owner: str = "") -> Version:
    """Lock a version that its owner may still change, for whoever reads before writing.

    Shape: without an owner one that is changed by hand.
    Errors: CubeVersionNotFound, CubeVersionOwned, CubeVersionFrozen.
    """
    return storage.open_version(tx, version_id, owner=owner)


def version_named(tx: Transaction, name: str) -> Version | None:
    """Return the version of a name, or None."""
    return storage.version_named(tx, name)


def list_versions(tx: Transaction, part: Page, *, kind: Kind | None) -> Slice[Version]:
    """Return a page of versions, oldest first."""
    return storage.versions(tx, part, kind=kind)


def define(tx: Transaction, *, axis: Axis, members: Iterable[Member], by: Caller) -> int:
    """Make products or channels known, and put them into groups; return how many.

    Shape: `axis` is PRODUCT or CHANNEL. Products that channels tell of are known by themselves.
    Errors: OutOfScope, because the list is the company's.
    """
    scope.require(tx, by, ROOT_UNIT)
    ordered = sorted(members, key=lambda one: one.code)
    row_storage.put_members(tx, axis, ordered)
    return len(ordered)


def list_members(tx: Transaction, part: Page, *, axis: Axis) -> Slice[Member]:
    """Return a page of the products or channels, by code."""
    return row_storage.members(tx, part, axis=axis)


def pin(tx: Transaction, version_id: str, pins: Sequence[Pin], *, by: Caller) -> list[Pin]:
    """Fix totals of a version: no write may leave parts that do not sum to them.

    Shape: all that is fixed then. A total that is fixed already for the same parts is replaced.
        What the parts are now is not looked at: the next write must bring them there, and so must a
        freeze find them.
    Errors: CubeVersionNotFound, CubeVersionOwned, CubeVersionFrozen, CubeVersionActual, OutOfScope,
        UnitNotFound, MeasureUnknown.
    Source: R-011, R-180.
    """
    version = storage.written_version(tx, version_id)
    scope.require(tx, by, version.unit_id)
    require_measures(tx, {one.measure for one in pins})
    for one in pins:
        organization.require_unit(tx, one.unit_id, by=by)
    row_storage.put_pins(tx, version_id, pins)
    return row_storage.pins(tx, version_id)


def unpin(tx: Transaction, version_id: str, pins: Sequence[Pin], *, by: Caller) -> list[Pin]:
    """Let totals of a version go; one that is not fixed is passed over.

    Shape: all that is still fixed.

    Errors: CubeVersionNotFound, CubeVersionOwned, CubeVersionFrozen, CubeVersionActual, OutOfScope.
    """
    version = storage.written_version(tx, version_id)
    scope.require(tx, by, version.unit_id)
    for one in pins:
        row_storage.drop_pin(tx, version_id, one)
    return row_storage.pins(tx, version_id)


def pins_of(tx: Transaction, version_id: str, *, by: Caller) -> list[Pin]:
    """Return the fixed totals of a version, as far as the caller has a say.

    Source: R-183.
    """
    found = row_storage.pins(tx, version_id)
    seen = set(scope.within(tx, by, {one.unit_id for one in found}))
    return [one for one in found if one.unit_id in seen]


def write(
    tx: Transaction,
    version_id: str,
    cells: Iterable[Cell],
    *,
    by: Caller,
    at: datetime,
    cause: str = "",
    add: bool = False,
    act: Act = Act.WRITE,
    owner: str = "",
) -> int:
    """Set cells, or with `add` add to them; return how many changed.

    Errors: CubeVersionNotFound, CubeVersionOwned, CubeVersionFrozen, MeasureUnknown, CellDoubled,
        CellValueInvalid, UnitNotFound, OutOfScope, CubeMemberUnknown, PartsNotBalanced;
        CubeVersionActual unless it is an import.
    """
    opened = storage.open_version if act is Act.IMPORT else storage.written_version
    opened(tx, version_id, owner=owner)
    wanted = list(cells)
    _require_once(wanted)
    require_measures(tx, {cell.measure for cell in wanted})
    keys = [_key(cell) for cell in wanted]
    changing.require_known(tx, set(keys), by=by)
    numbers = changing.numbers_of(tx, keys)
    places: dict[SheetKey, list[int]] = defaultdict(list)
    for place, cell in enumerate(wanted):
        places[cell.measure, cell.address.month.year].append(place)
    values = np.array([cell.value for cell in wanted], dtype=np.int64)
    months = np.array([cell.address.month.month - 1 for cell in wanted], dtype=np.int64)
    differing = {}
    with memory_of(tx).opened(tx, version_id) as book:
        for key, which in places.items():
            rows, columns = numbers[which], months[which]
            before = book.sheet(tx, *key).at(rows, columns)
            change = values[which] if add else values[which] - before
            _require_bounded(before + change)
            differing[key] = Differences.of(rows, columns, change)
    doing = Doing(act, cause, by.subject, at)
    return changing.act(tx, version_id, doing, differing=differing)


def spread(
    tx: Transaction,
    version_id: str,
    measure: str,
    *,
    where: Where,
    total: int,
    rule: Rule,
    held: Sequence[Where] = (),
    add: bool = False,
    by: Caller,
    at: datetime,
    cause: str = "",
    owner: str = "",
) -> int:
    """Bring the sum of a selection to a total, to the last unit; return how many cells changed.

    Shape: held cells stay as they are; the rule's cells share the rest; every other cell of the
        selection becomes 0. With `add` the rule's cells that are not held share the total on top of
        what they have, and nothing else changes.
    Errors: as `write`; SpreadOutside, HeldExceedsTotal, EmptySplit, WeightInvalid.
    Source: R-011, R-037, R-054.
    """
    storage.written_version(tx, version_id, owner=owner)
    require_measures(tx, {measure})
    differing = spread_differences(
        tx, version_id, measure, where=where, total=total, rule=rule, held=held, add=add, by=by
    )
    rows = memory_of(tx).rows(tx)
    changed: set[str] = set().union(*(rows.units(one.rows) for one in differing.values()))
    changing.require_scope(tx, changed, by=by)
    doing = Doing(Act.SPREAD, cause or type(rule).__name__.lower(), by.subject, at)
    return changing.act(tx, version_id, doing, differing=differing)


def post_all(
    tx: Transaction, version: Version, posted: Sequence[tuple[Doing, Sequence[Cell]]]
) -> None:
    """Add what happened to a version, each once for its cause, in their order.

    Shape: nothing is refused, because it has happened: neither scope nor lists are looked at.
    """
    storage.get_version(tx, version.version_id, lock=True)
    new = {doing.cause: (doing, cells) for doing, cells in reversed(posted)}
    done = act_storage.causes_done(tx, version.version_id, act=Act.POST, causes=list(new))
    left = [new[cause] for cause in reversed(new) if cause not in done]
    cells = [cell for _, own in left for cell in own]
    numbers = iter(changing.numbers_of(tx, [_key(cell) for cell in cells]))
    acts = [(doing, _differing([(cell, next(numbers)) for cell in own])) for doing, own in left]
    changing.act_all(tx, version.version_id, acts)


def _differing(numbered: Sequence[tuple[Cell, int]]) -> dict[tuple[str, int], Differences]:
    """Make the differences of cells of which no two are in one sheet, each with its row."""
    return {
        (cell.measure, cell.address.month.year): Differences.of(
            np.array([number]),
            np.array([cell.address.month.month - 1]),
            np.array([cell.value]),
        )
        for cell, number in numbered
    }


def fold(tx: Transaction) -> Outcome[bool]:
    """Fold the acts of one version into its chunks; to be called every so often.

    Shape: True when there may be more.
    """
    return Outcome(folding.fold_one(tx, weight_min=FOLD_PIECES_MIN))


def _added(tx: Transaction, version: Version) -> Version:
    company = version.kind is Kind.ACTUAL and version.unit_id == ROOT_UNIT
    if version.name == ACTUAL and not company:
        # What settlement posts goes there, whoever began it.
        raise CubeVersionNameTaken(version.name)
    if not storage.add_version(tx, version):
        raise CubeVersionNameTaken(version.name)
    return version


def _key(cell: Cell) -> Key:
    address = cell.address
    return address.unit_id, address.product_id, address.channel, address.terminal_id


def _require_once(cells: Collection[Cell]) -> None:
    seen = set()
    for cell in cells:
        if (cell.measure, cell.address) in seen:
            raise CellDoubled(cell.measure, cell.address)
        seen.add((cell.measure, cell.address))
        if abs(cell.value) > VALUE_MAX:
            raise CellValueInvalid(cell.value)


def _require_bounded(values: Ints) -> None:
    largest = int(np.abs(values).max(initial=0))
    if largest > VALUE_MAX:
        raise CellValueInvalid(largest)
