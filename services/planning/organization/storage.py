"""Units and their places.

`org_unit` has the path that holds now, which scope follows; the tree of any day is drawn from
`org_unit_place`, where rows are only ever inserted.
"""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from planning.organization.domain import (
    FOUNDED,
    ROOT_UNIT,
    Kind,
    Unit,
    UnitNotFound,
    UnitPlaced,
)

TABLES = sa.MetaData()

org_unit = sa.Table(
    "org_unit",
    TABLES,
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("path", sa.Text(collation="C"), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("functions", sa.ARRAY(sa.Text), nullable=False),
)

org_unit_place = sa.Table(
    "org_unit_place",
    TABLES,
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("valid_from", sa.Date, primary_key=True),
    sa.Column("parent_unit_id", sa.Text),
    sa.Column("placed_by", sa.Text, nullable=False),
    sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
)


def lock_tree(tx: Transaction) -> None:
    """Let one transaction at a time change the tree; the root's row is the lock of all of it."""
    tx.execute(
        sa.select(org_unit.c.unit_id).where(org_unit.c.unit_id == ROOT_UNIT).with_for_update()
    )


def add(tx: Transaction, unit: Unit) -> bool:
    """Store a new unit; False when there is one with its id."""
    row = insert(org_unit).values(
        unit_id=unit.unit_id,
        name=unit.name,
        kind=unit.kind,
        path=unit.path,
        version=unit.version,
        functions=list(unit.functions),
    )
    added = tx.execute(row.on_conflict_do_nothing().returning(org_unit.c.unit_id))
    return added.first() is not None


def place(
    tx: Transaction,
    unit_id: str,
    *,
    parent_unit_id: str | None,
    valid_from: date,
    by: str,
    at: datetime,
) -> None:
    """Store from which day on a unit stands below which parent."""
    tx.execute(
        sa.insert(org_unit_place).values(
            unit_id=unit_id,
            valid_from=valid_from,
            parent_unit_id=parent_unit_id,
            placed_by=by,
            record_time=at,
        )
    )


def set_paths(tx: Transaction, moved: Iterable[UnitPlaced]) -> None:
    """Store the paths that hold now."""
    for fact in moved:
        tx.execute(
            sa.update(org_unit)
            .where(org_unit.c.unit_id == fact.unit_id)
            .values(path=fact.path, version=fact.version)
        )


def known(tx: Transaction) -> dict[str, Unit]:
    """Return all units with the paths that are known of them, by id; their places are left out."""
    rows = tx.execute(sa.select(*org_unit.c))
    return {
        row.unit_id: Unit(
            unit_id=row.unit_id,
            name=row.name,
            kind=Kind(row.kind),
            parent_unit_id="",
            valid_from=FOUNDED,
            path=row.path,
            version=row.version,
            functions=tuple(row.functions),
        )
        for row in rows
    }


def exists(tx: Transaction, unit_id: str) -> bool:
    """Tell whether there is a unit with this id."""
    found = tx.execute(sa.select(org_unit.c.unit_id).where(org_unit.c.unit_id == unit_id))
    return found.first() is not None


def get(tx: Transaction, unit_id: str, *, on: date) -> Unit:
    """Return a unit as it stands on a day.

    Errors: UnitNotFound.
    """
    tree = _tree(on)
    row = tx.execute(_units(tree).where(tree.c.unit_id == unit_id)).first()
    if row is None:
        raise UnitNotFound(unit_id)
    return _unit(row)


def tree_on(tx: Transaction, on: date) -> list[Unit]:
    """Return all units as they stand on a day, each behind its parent."""
    tree = _tree(on)
    return [_unit(row) for row in tx.execute(_units(tree).order_by(tree.c.path))]


def paths_on(tx: Transaction, on: date) -> dict[str, str]:
    """Return the path of every unit on a day, by id."""
    tree = _tree(on)
    rows = tx.execute(sa.select(tree.c.unit_id, tree.c.path).order_by(tree.c.path))
    return {row.unit_id: row.path for row in rows}


def page(
    tx: Transaction, part: Page, *, on: date, units: sa.ScalarSelect[str] | None
) -> Slice[Unit]:
    """Return a page of the units as they stand on a day, each behind its parent."""
    tree = _tree(on)
    statement = _units(tree)
    if units is not None:
        statement = statement.where(tree.c.unit_id.in_(units))
    rows = tx.execute(keyset(statement, part, [tree.c.path]))
    return part.slice(map(_unit, rows), key=lambda unit: [unit.path])


def places(tx: Transaction, unit_id: str) -> list[date]:
    """Return the first days of all places of a unit, ascending."""
    return list(
        tx.scalars(
            sa.select(org_unit_place.c.valid_from)
            .where(org_unit_place.c.unit_id == unit_id)
            .order_by(org_unit_place.c.valid_from)
        )
    )


def days_from(tx: Transaction, day: date) -> list[date]:
    """Return a day, and the later ones on which some unit moves, ascending."""
    later = tx.scalars(
        sa.select(org_unit_place.c.valid_from)
        .where(org_unit_place.c.valid_from > day)
        .distinct()
        .order_by(org_unit_place.c.valid_from)
    )
    return [day, *later]


def _tree(on: date) -> sa.CTE:
    """Draw the tree of a day from the root down; a unit whose parent is not there is not either."""
    current = (
        sa.select(
            org_unit_place.c.unit_id,
            org_unit_place.c.parent_unit_id,
            org_unit_place.c.valid_from,
        )
        .distinct(org_unit_place.c.unit_id)
        .where(org_unit_place.c.valid_from <= on)
        .order_by(org_unit_place.c.unit_id, org_unit_place.c.valid_from.desc())
        .cte("current_place")
    )
    path = sa.func.concat(current.c.unit_id, "/", type_=sa.Text(collation="C"))
    tree = (
        sa.select(
            current.c.unit_id,
            current.c.parent_unit_id,
            current.c.valid_from,
            sa.collate(path, "C").label("path"),
        )
        .where(current.c.parent_unit_id.is_(None))
        .cte("tree", recursive=True)
    )
    below = sa.func.concat(tree.c.path, current.c.unit_id, "/", type_=sa.Text(collation="C"))
    return tree.union_all(
        sa.select(
            current.c.unit_id,
            current.c.parent_unit_id,
            current.c.valid_from,
            sa.collate(below, "C"),
        ).join(tree, current.c.parent_unit_id == tree.c.unit_id)
    )


def _units(tree: sa.CTE) -> sa.Select[Any]:
    return sa.select(
        tree.c.unit_id,
        tree.c.parent_unit_id,
        tree.c.valid_from,
        tree.c.path,
        org_unit.c.name,
        org_unit.c.kind,
        org_unit.c.version,
        org_unit.c.functions,
    ).join(org_unit, org_unit.c.unit_id == tree.c.unit_id)


def _unit(row: sa.Row[Any]) -> Unit:
    return Unit(
        unit_id=row.unit_id,
        name=row.name,
        kind=Kind(row.kind),
        parent_unit_id=row.parent_unit_id or "",
        valid_from=row.valid_from,
        path=row.path,
        version=row.version,
        functions=tuple(row.functions),
    )
