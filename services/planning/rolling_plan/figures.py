"""A cycle's figures in the cube: what offices draft, what is changed, and what is read of it."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Final

from chassis.allocation import split
from chassis.database import Transaction
from chassis.period import Month
from chassis.scope import Caller
from planning.cube import usecases as cube
from planning.cube.domain import (
    Address,
    Axis,
    Cell,
    Kind,
    Where,
)
from planning.rolling_plan.domain import MEASURE, PROCESS, Adjustment, Cycle, Line
from planning.rolling_plan.errors import ForecastBelowZero, ForecastEmpty
from planning.rolling_plan.steps import acting
from planning.rolling_plan.supply import Want

CAUSE_MAX: Final = 200


def begin(tx: Transaction, name: str, *, unit_id: str, by: Caller, at: datetime) -> str:
    """Make an empty version for a cycle and return its id."""
    made = cube.create_version(
        tx, name=name, kind=Kind.FORECAST, unit_id=unit_id, owner=PROCESS, by=by, at=at
    )
    return made.version_id


def put_draft(
    tx: Transaction,
    cycle: Cycle,
    unit_id: str,
    *,
    lines: Sequence[Line],
    by: Caller,
    at: datetime,
) -> None:
    """Put a draft of an office in the place of its earlier one.

    Errors: CubeMemberUnknown for a product or channel that nobody knows.
    """
    cells = {_address(unit_id, line): line.quantity for line in lines}
    before = {one.address: 0 for one in _office_cells(tx, cycle.office_version_id, unit_id)}
    _write(tx, cycle, cycle.office_version_id, values=before | cells, by=by, at=at, cause="draft")


def take_over(
    tx: Transaction,
    cycle: Cycle,
    unit_id: str,
    *,
    lines: Sequence[Line],
    by: Caller,
    at: datetime,
) -> None:
    """Take an office's draft into the cycle, with the regional manager's own figures over it.

    Errors: CubeMemberUnknown.
    """
    draft = {one.address: one.value for one in _office_cells(tx, cycle.office_version_id, unit_id)}
    own = {_address(unit_id, line): line.quantity for line in lines}
    _write(tx, cycle, cycle.version_id, values=draft | own, by=by, at=at, cause="regional check")


def file_copy(tx: Transaction, cycle: Cycle, name: str, *, by: Caller, at: datetime) -> str:
    """Freeze a copy of the cycle's figures as they are now, and return its version."""
    who = acting(by, cycle.unit_id)
    copied = cube.branch(
        tx,
        cycle.version_id,
        name=name,
        kind=Kind.FORECAST,
        unit_id=cycle.unit_id,
        owner=PROCESS,
        by=who,
        at=at,
    )
    cube.freeze(tx, copied.version_id, by=who, owner=PROCESS)
    return copied.version_id


def freeze(tx: Transaction, cycle: Cycle, version_id: str, *, by: Caller) -> None:
    """Let nothing change one of the cycle's versions any more."""
    cube.freeze(tx, version_id, by=acting(by, cycle.unit_id), owner=PROCESS)


def adjust(
    tx: Transaction, cycle: Cycle, changes: Sequence[Adjustment], *, by: Caller, at: datetime
) -> None:
    """Make changes one after the other, each shared in proportion to what is there by then.

    Errors: ForecastEmpty, ForecastBelowZero.
    """
    draft = cube.Draft(tx, cycle.version_id, owner=PROCESS)
    for change in changes:
        _adjust(draft, cycle, change)
    draft.save(by=acting(by, cycle.unit_id), at=at)


def cut(
    tx: Transaction, cycle: Cycle, wanted: Mapping[Want, int], *, by: Caller, at: datetime
) -> None:
    """Cut products' months to quantities, each in proportion, to the last piece; as one act.

    Source: R-054.
    """
    parts: defaultdict[Want, list[Cell]] = defaultdict(list)
    for cell in all_cells(tx, cycle):
        parts[cell.address.product_id, cell.address.month].append(cell)
    values = {
        cell.address: share
        for want, quantity in wanted.items()
        for cell, share in zip(
            parts[want], split(quantity, [one.value for one in parts[want]]), strict=True
        )
    }
    _write(tx, cycle, cycle.version_id, values=values, by=by, at=at, cause="cut to supply")


def demand(tx: Transaction, cycle: Cycle) -> dict[Want, int]:
    """Return what the cycle asks for, by product and month."""
    rows = cube.table(tx, cycle.version_id, [MEASURE], by=[Axis.PRODUCT, Axis.MONTH])
    return {(row.keys[0], Month.parse(row.keys[1])): row.values[0] for row in rows}


def all_cells(tx: Transaction, cycle: Cycle) -> list[Cell]:
    """Return all figures of a cycle."""
    return cube.cells(tx, cycle.version_id, MEASURE)


def by_line(
    tx: Transaction, version_id: str, *, unit_id: str, months: Sequence[Month]
) -> dict[tuple[str, str, Month], int]:
    """Return what a version has for a unit and all below it, by product, channel and month."""
    axes = [Axis.PRODUCT, Axis.CHANNEL, Axis.MONTH]
    where = Where(unit_ids={unit_id}, months=frozenset(months))
    rows = cube.table(tx, version_id, [MEASURE], by=axes, where=where)
    return {(row.keys[0], row.keys[1], Month.parse(row.keys[2])): row.values[0] for row in rows}


def by_unit(
    tx: Transaction, version_id: str, *, unit_id: str, months: Sequence[Month]
) -> dict[tuple[str, Month], int]:
    """Return what a version has by unit and month, each unit with all below it."""
    where = Where(unit_ids={unit_id}, months=frozenset(months))
    rows = cube.table(tx, version_id, [MEASURE], by=[Axis.UNIT, Axis.MONTH], where=where)
    return {(row.keys[0], Month.parse(row.keys[1])): row.values[0] for row in rows}


def by_axis(
    tx: Transaction,
    cycle: Cycle,
    axis: Axis,
    *,
    units: Collection[str],
    months: Sequence[Month],
) -> list[tuple[str, int]]:
    """Return a cycle's figures of some units and all below them along one axis."""
    where = Where(unit_ids=units, months=frozenset(months))
    rows = cube.table(tx, cycle.version_id, [MEASURE], by=[axis], where=where)
    return [(row.keys[0], row.values[0]) for row in rows]


def _adjust(draft: cube.Draft, cycle: Cycle, change: Adjustment) -> None:
    where = Where(
        unit_ids={change.unit_id or cycle.unit_id},
        products={change.product_id} if change.product_id else None,
        channels={change.channel} if change.channel else None,
        months={change.month},
    )
    cells = draft.pick(MEASURE, where)
    if cells.total == 0:
        raise ForecastEmpty(change.month)
    if cells.total + change.delta < 0:
        raise ForecastBelowZero(cells.total, change.delta)
    draft.scale(
        cells, cells.total + change.delta, cause=f"{change.reason}: {change.note}"[:CAUSE_MAX]
    )


def _write(
    tx: Transaction,
    cycle: Cycle,
    version_id: str,
    *,
    values: dict[Address, int],
    by: Caller,
    at: datetime,
    cause: str,
) -> None:
    cells = [Cell(MEASURE, address, value) for address, value in values.items()]
    who = acting(by, cycle.unit_id)
    cube.write(tx, version_id, cells, by=who, at=at, cause=cause, owner=PROCESS)


def _office_cells(tx: Transaction, version_id: str, unit_id: str) -> list[Cell]:
    return cube.cells(tx, version_id, MEASURE, where=Where(unit_ids={unit_id}, own_units=True))


def _address(unit_id: str, line: Line) -> Address:
    return Address(unit_id, line.product_id, line.channel, line.partner_id, line.month)
