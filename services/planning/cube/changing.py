"""How differences become one act: who may, what must still sum, and the pieces that are stored."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from chassis import scope
from chassis.database import Transaction
from chassis.scope import Caller, OutOfScope
from planning.cube import act_storage, exact, queries, row_storage, storage
from planning.cube.domain import Axis, Pin
from planning.cube.errors import CubeMemberUnknown, PartsNotBalanced
from planning.cube.exact import Ints
from planning.cube.memory import memory_of
from planning.cube.packing import CHUNK_ROWS, MONTHS, pack_change
from planning.cube.rows import CHANNEL, PRODUCT, UNIT, Key, Rows
from planning.cube.selection import select
from planning.cube.storage import Doing, Piece
from planning.organization.domain import UnitNotFound


@dataclass(frozen=True, slots=True)
class Differences:
    """Hold what changes in one sheet: unique places, and by how much."""

    rows: Ints
    months: Ints
    values: Ints

    @classmethod
    def of(cls, rows: Ints, months: Ints, values: Ints) -> "Differences":
        """Keep what is not 0, by row and month."""
        hit = np.flatnonzero(values)
        order = hit[np.argsort(rows[hit] * MONTHS + months[hit], kind="stable")]
        return cls(rows[order], months[order], values[order])

    @classmethod
    def dense(cls, values: Ints) -> "Differences":
        """Keep what is not 0 of rows × 12 months."""
        rows, months = np.nonzero(values)
        return cls(rows, months, values[rows, months])


SheetKey: TypeAlias = tuple[str, int]
Differing: TypeAlias = Mapping[SheetKey, Differences]


def numbers_of(tx: Transaction, keys: Sequence[Key]) -> Ints:
    """Return the row numbers of some keys, in their order; a new row is numbered now.

    Shape: the caller has locked its version before, as everybody does, because numbering is a lock
        of its own.
    """
    unique = list(dict.fromkeys(keys))
    found = row_storage.find_rows(tx, unique) if unique else {}
    missing = [key for key in unique if key not in found]
    if missing:
        row_storage.add_rows(tx, missing)
        found |= row_storage.find_rows(tx, missing)
    return np.fromiter((found[key] for key in keys), dtype=np.int64, count=len(keys))


def require_known(tx: Transaction, keys: Collection[Key], *, by: Caller) -> None:
    """Refuse units, products and channels that planning does not know, and units that the caller
    has no say over.

    Errors: UnitNotFound, OutOfScope, CubeMemberUnknown.
    """
    units = {key[UNIT] for key in keys}
    if missing := row_storage.unknown_units(tx, units):
        raise UnitNotFound(missing[0])
    require_scope(tx, units, by=by)
    codes = {
        Axis.PRODUCT: {key[PRODUCT] for key in keys},
        Axis.CHANNEL: {key[CHANNEL] for key in keys},
    }
    if unknown := row_storage.unknown(tx, codes):
        raise CubeMemberUnknown(*unknown[0])


def require_scope(tx: Transaction, units: Collection[str], *, by: Caller) -> None:
    """Refuse units that the caller has no say over.

    Errors: OutOfScope.
    Source: R-183.
    """
    outside = set(units).difference(scope.within(tx, by, units))
    if outside:
        raise OutOfScope(by.subject, min(outside))


def act(
    tx: Transaction, version_id: str, doing: Doing, *, differing: Differing, balanced: bool = True
) -> int:
    """Store differences as one act on a version that the caller has locked.

    Shape: how many cells changed; without one there is no act. The fixed totals of the version are
        checked unless `balanced` is False.
    Errors: PartsNotBalanced.
    """
    count = sum(len(one.rows) for one in differing.values())
    if not count:
        return 0
    if balanced:
        _require_balanced(tx, version_id, differing)
    storage.act(tx, version_id, doing, pieces=_all_pieces(differing))
    return count


def act_all(tx: Transaction, version_id: str, acts: Sequence[tuple[Doing, Differing]]) -> None:
    """Store differences as acts of their own on a version that the caller has locked, in their
    order; no fixed totals are checked, and what changes nothing is no act."""
    done = [(doing, _all_pieces(differing)) for doing, differing in acts]
    changed = [(doing, pieces) for doing, pieces in done if pieces]
    if changed:
        act_storage.act_all(tx, version_id, done=changed)


def require_all_balanced(tx: Transaction, version_id: str) -> None:
    """Refuse a version whose parts do not sum to their fixed totals.

    Errors: PartsNotBalanced.
    """
    for pin in row_storage.pins(tx, version_id):
        found = queries.total(tx, version_id, pin.measure, where=pin.where())
        if found != pin.total:
            raise PartsNotBalanced(pin, found)


def _require_balanced(tx: Transaction, version_id: str, differing: Differing) -> None:
    touched = {measure for measure, _ in differing}
    pins = [pin for pin in row_storage.pins(tx, version_id) if pin.measure in touched]
    if not pins:
        return
    rows = memory_of(tx).rows(tx)
    for pin in pins:
        before = queries.total(tx, version_id, pin.measure, where=pin.where())
        found = before + _change_of(tx, pin, rows, differing=differing)
        if found != pin.total:
            raise PartsNotBalanced(pin, found)


def _change_of(tx: Transaction, pin: Pin, rows: Rows, *, differing: Differing) -> int:
    """Tell by how much a fixed total's parts change."""
    where = pin.where()
    chosen = select(rows, where, paths=queries.paths_of(tx, where))
    change = 0
    for (measure, year), one in differing.items():
        if measure == pin.measure:
            meant = chosen.cells(len(rows), year)[one.rows, one.months]
            change += exact.whole(one.values[meant])
    return change


def _all_pieces(differing: Differing) -> list[Piece]:
    changed = [(key, one) for key, one in sorted(differing.items()) if len(one.rows)]
    return [piece for key, one in changed for piece in _pieces(key, one)]


def _pieces(key: SheetKey, one: Differences) -> Iterator[Piece]:
    measure, year = key
    numbers = one.rows // CHUNK_ROWS
    bounds = np.flatnonzero(np.diff(numbers, prepend=-1))
    for begin, end in zip(bounds, [*bounds[1:], len(numbers)], strict=True):
        no = int(numbers[begin])
        places = (one.rows[begin:end] - no * CHUNK_ROWS) * MONTHS + one.months[begin:end]
        yield Piece(measure, year, no, pack_change(places, one.values[begin:end]))
