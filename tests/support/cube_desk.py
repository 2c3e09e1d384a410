"""A cube without its doors: use cases in transactions of a planning database of its own."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import TypeVar

import pytest

from chassis.database import Database, Transaction
from chassis.period import Month
from chassis.scope import Caller
from planning.cube import usecases
from planning.cube.domain import (
    EVERYWHERE,
    Address,
    Axis,
    Cell,
    Change,
    Kind,
    Member,
    Rule,
    Version,
    Where,
)
from planning.organization import usecases as organization
from planning.organization.domain import ROOT_UNIT
from planning.organization.domain import Kind as UnitKind
from tests.support.postgres import DatabaseFor

T = TypeVar("T")

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
PLANNER = Caller("planner", frozenset({"planning"}), ROOT_UNIT, "planner")
YEAR = tuple(Month(2026, 1).span(12))


def address(
    unit_id: str = "A1",
    product_id: str = "P1",
    *,
    channel: str = "",
    terminal_id: str = "",
    month: str = "2026-01",
) -> Address:
    """Name a cell."""
    return Address(unit_id, product_id, channel, terminal_id, Month.parse(month))


@dataclass(slots=True)
class Desk:
    """Hold the database and do one thing a transaction, as the planner of the headquarters."""

    database: Database
    versions: dict[str, Version] = field(default_factory=dict)

    def do(self, act: Callable[[Transaction], T]) -> T:
        """Act in a transaction."""
        with self.database.transaction() as tx:
            return act(tx)

    def found(self, unit_id: str, *, parent: str = ROOT_UNIT) -> str:
        """Found a unit."""
        self.do(
            lambda tx: organization.create(
                tx,
                unit_id=unit_id,
                name=unit_id,
                kind=UnitKind.REGION,
                parent_unit_id=parent,
                valid_from=date(2026, 1, 1),
                by=PLANNER,
                at=AT,
            )
        )
        return unit_id

    def know(self, axis: Axis, *codes: str, group: str = "") -> None:
        """Make products or channels known."""
        members = [Member(code, code, group) for code in codes]
        self.do(lambda tx: usecases.define(tx, axis=axis, members=members, by=PLANNER))

    def version(self, name: str = "FY2026", kind: Kind = Kind.PLAN) -> str:
        """Begin a version and return its id."""
        made = self.do(
            lambda tx: usecases.create_version(tx, name=name, kind=kind, by=PLANNER, at=AT)
        )
        return made.version_id

    def write(
        self,
        version_id: str,
        values: dict[Address, int],
        *,
        measure: str = "sales",
        by: Caller = PLANNER,
        add: bool = False,
        cause: str = "",
    ) -> int:
        """Set cells of one measure."""
        cells = [Cell(measure, one, value) for one, value in values.items()]
        return self.do(
            lambda tx: usecases.write(tx, version_id, cells, by=by, at=AT, add=add, cause=cause)
        )

    def spread(
        self,
        version_id: str,
        total: int,
        *,
        rule: Rule,
        where: Where = EVERYWHERE,
        held: Sequence[Where] = (),
        add: bool = False,
        measure: str = "sales",
        by: Caller = PLANNER,
    ) -> int:
        """Spread a total."""
        return self.do(
            lambda tx: usecases.spread(
                tx,
                version_id,
                measure,
                where=where,
                total=total,
                rule=rule,
                held=held,
                add=add,
                by=by,
                at=AT,
            )
        )

    def total(self, version_id: str, where: Where = EVERYWHERE, *, measure: str = "sales") -> int:
        """Sum a selection."""
        return self.database.read(lambda tx: usecases.total(tx, version_id, measure, where=where))

    def table(
        self,
        version_id: str,
        *by: Axis,
        where: Where = EVERYWHERE,
        measures: Sequence[str] = ("sales",),
    ) -> dict[tuple[str, ...], tuple[int, ...]]:
        """Sum by axes: keys to values."""
        rows = self.database.read(
            lambda tx: usecases.table(tx, version_id, measures, by=by, where=where)
        )
        return {row.keys: row.values for row in rows}

    def cells(self, version_id: str, *, measure: str = "sales") -> dict[Address, int]:
        """Return all cells."""
        found = self.database.read(lambda tx: usecases.cells(tx, version_id, measure))
        return {cell.address: cell.value for cell in found}

    def history(self, version_id: str, where: Address, *, measure: str = "sales") -> list[Change]:
        """Return what was done to a cell."""
        return self.database.read(
            lambda tx: usecases.history(tx, version_id, where, measure=measure)
        )


@pytest.fixture
def desk(database_for: DatabaseFor) -> Iterator[Desk]:
    """Give a test a cube with areas A1 and A2, products P1 and P2, channels OTC and RX."""
    database = Database(database_for("planning").app_url, size=8)
    made = Desk(database)
    made.do(lambda tx: organization.ensure_root(tx, at=AT))
    for unit_id in ("A1", "A2"):
        made.found(unit_id)
    made.know(Axis.PRODUCT, "P1", "P2")
    made.know(Axis.CHANNEL, "OTC", "RX")
    yield made
    database.close()
