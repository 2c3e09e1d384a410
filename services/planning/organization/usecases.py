"""What the organisation does: it founds units, moves them on a day, and tells where they stand."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime

from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import usecases as policy
from chassis.scope import Caller
from planning.organization import storage
from planning.organization.authority import Authority
from planning.organization.domain import (
    FOUNDED,
    ROOT_UNIT,
    Kind,
    RootUnitFixed,
    Unit,
    UnitAlreadyExists,
    UnitNotFound,
    UnitPlaced,
    common_unit,
    path_below,
    placed,
    require_day,
    require_tree,
)

PLATFORM = "system"


def ensure_root(tx: Transaction, *, at: datetime) -> Outcome[None]:
    """Found the headquarters, unless they are there; to be called at every start."""
    root = Unit(
        unit_id=ROOT_UNIT,
        name="Headquarters",
        kind=Kind.HQ,
        parent_unit_id="",
        valid_from=FOUNDED,
        path=path_below("", ROOT_UNIT),
        version=1,
    )
    if not storage.add(tx, root):
        return Outcome(None)
    storage.place(tx, ROOT_UNIT, parent_unit_id=None, valid_from=FOUNDED, by=PLATFORM, at=at)
    return Outcome(None, _told(tx, [UnitPlaced(root.unit_id, root.path, root.version)], at=at))


def create(
    tx: Transaction,
    *,
    unit_id: str,
    name: str,
    kind: Kind,
    parent_unit_id: str,
    valid_from: date,
    by: Caller,
    at: datetime,
    functions: Sequence[str] = (),
) -> Outcome[Unit]:
    """Found a unit below another; it is in everybody's scope at once.

    Errors: UnitNotFound, OutOfScope, UnitAlreadyExists.
    """
    storage.lock_tree(tx)
    parent = storage.known(tx).get(parent_unit_id)
    if parent is None:
        raise UnitNotFound(parent_unit_id)
    scope.require(tx, by, parent_unit_id)
    unit = Unit(
        unit_id=unit_id,
        name=name,
        kind=kind,
        parent_unit_id=parent_unit_id,
        valid_from=valid_from,
        path=path_below(parent.path, unit_id),
        version=1,
        functions=tuple(functions),
    )
    if not storage.add(tx, unit):
        raise UnitAlreadyExists(unit_id)
    storage.place(
        tx, unit_id, parent_unit_id=parent_unit_id, valid_from=valid_from, by=by.subject, at=at
    )
    return Outcome(unit, _told(tx, [UnitPlaced(unit.unit_id, unit.path, unit.version)], at=at))


def move(
    tx: Transaction,
    *,
    unit_id: str,
    parent_unit_id: str,
    valid_from: date,
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[Unit]:
    """Move a unit with all that is below it, today or on a later day.

    Shape: the unit as it stands on the day of the move.
    Errors: RootUnitFixed, UnitNotFound, OutOfScope, UnitMoveBackdated, UnitMoveMakesCycle.
    Source: R-165.
    """
    if unit_id == ROOT_UNIT:
        raise RootUnitFixed
    storage.lock_tree(tx)
    storage.get(tx, unit_id, on=valid_from)
    storage.get(tx, parent_unit_id, on=valid_from)
    scope.require(tx, by, unit_id)
    scope.require(tx, by, parent_unit_id)
    require_day(unit_id, valid_from, today=today, places=storage.places(tx, unit_id))
    for day in storage.days_from(tx, valid_from):
        require_tree(_parents(tx, day), unit_id, parent_unit_id)
    storage.place(
        tx, unit_id, parent_unit_id=parent_unit_id, valid_from=valid_from, by=by.subject, at=at
    )
    facts = _settled(tx, today=today, at=at)
    return Outcome(storage.get(tx, unit_id, on=valid_from), facts)


def settle(tx: Transaction, *, today: date, at: datetime) -> Outcome[bool]:
    """Let the moves of today take effect; to be called every so often.

    Shape: False, because nothing is ever left.
    """
    if not placed(storage.known(tx), storage.tree_on(tx, today)):
        return Outcome(False)
    storage.lock_tree(tx)
    return Outcome(False, _settled(tx, today=today, at=at))


def get(tx: Transaction, *, unit_id: str, on: date, by: Caller) -> Unit:
    """Return a unit as it stands on a day.

    Errors: UnitNotFound, OutOfScope.
    """
    unit = storage.get(tx, unit_id, on=on)
    scope.require(tx, by, unit_id)
    return unit


def list_page(tx: Transaction, part: Page, *, on: date, by: Caller) -> Slice[Unit]:
    """Return a page of the caller's part of the tree as it stands on a day."""
    return storage.page(tx, part, on=on, units=scope.units_of(by))


def require_unit(tx: Transaction, unit_id: str, *, by: Caller) -> None:
    """Refuse a unit that is not there, or that the caller has no say over.

    Errors: UnitNotFound, OutOfScope.
    """
    if not storage.exists(tx, unit_id):
        raise UnitNotFound(unit_id)
    scope.require(tx, by, unit_id)


def paths_on(tx: Transaction, day: date) -> dict[str, str]:
    """Return where every unit stood on a day: unit id → path, each behind its parent.

    Shape: a path has the ids from the root down to the unit, each followed by `/`, so a unit is
        below another when its path begins with the other's. Units that were not there on that day
        are left out. For roll-ups of other capabilities; the scope is theirs to check.
    Source: R-165.
    """
    return storage.paths_on(tx, day)


def subtree_on(tx: Transaction, unit_id: str, *, on: date) -> frozenset[str]:
    """Return a unit and all that stood below it on a day.

    Errors: UnitNotFound, also when it was not there on that day.
    Source: R-165.
    """
    paths = storage.paths_on(tx, on)
    if unit_id not in paths:
        raise UnitNotFound(unit_id)
    return frozenset(one for one, path in paths.items() if path.startswith(paths[unit_id]))


def ancestors_on(tx: Transaction, unit_id: str, *, on: date) -> tuple[str, ...]:
    """Return a unit and all above it on a day, the unit first and the root last.

    Errors: UnitNotFound.
    """
    path = storage.get(tx, unit_id, on=on).path
    return tuple(reversed(path.rstrip("/").split("/")))


def common_unit_on(tx: Transaction, unit_ids: Iterable[str], *, on: date) -> str:
    """Return the lowest unit that has all of the units below it on a day, or is one of them.

    Errors: UnitNotFound.
    """
    return common_unit(storage.get(tx, unit_id, on=on).path for unit_id in unit_ids)


def authority(tx: Transaction, unit_id: str, *, on: date) -> Authority:
    """Read who may approve how much in a unit; a unit's own rule goes before the company's.

    Errors: PolicyNotFound.
    Source: R-167.
    """
    found = policy.in_force(tx, kind="authority", scopes=[f"unit:{unit_id}", ""], on=on)
    return Authority(
        limits_minor={
            row.text("role"): row.integer("limit_minor")
            for row in found.parameters.records("limits")
        },
        unlimited=found.parameters.texts("unlimited_roles"),
        two_person=found.parameters.truth("two_person"),
        currency_code=found.parameters.text("currency_code"),
    )


def _parents(tx: Transaction, day: date) -> dict[str, str]:
    return {unit.unit_id: unit.parent_unit_id for unit in storage.tree_on(tx, day)}


def _settled(tx: Transaction, *, today: date, at: datetime) -> Sequence[UnitPlaced]:
    """Take today's tree as the one that scope follows."""
    moved = placed(storage.known(tx), storage.tree_on(tx, today))
    storage.set_paths(tx, moved)
    return _told(tx, moved, at=at)


def _told(tx: Transaction, facts: Sequence[UnitPlaced], *, at: datetime) -> Sequence[UnitPlaced]:
    """Keep planning's own copy in step, because its scope checks look there as everybody's do."""
    for fact in facts:
        scope.copy_unit(tx, unit_id=fact.unit_id, path=fact.path, version=fact.version, at=at)
    return facts
