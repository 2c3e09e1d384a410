"""Lists of open steps over all processes: what a caller can do now, and what is late.

They read the partial indexes on open steps alone, so they cost the same however many processes have
ended.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.process.node import Node, OpenStep
from chassis.process.source import restore
from chassis.process.storage import (
    process_definition,
    process_instance,
    process_step,
    status_of,
)

# So many rows are sorted as quickly as a page is sent.
FEW: Final = 200
_NODE_COLUMNS = [process_step.c.process_id, process_step.c.step, process_step.c.key]
# Written out, so that the partial indexes on open steps fit.
_IS_OPEN: Final = process_step.c.state == sa.literal_column("'OPEN'")


def open_steps(
    tx: Transaction, page: Page, *, roles: Iterable[str], units: sa.ScalarSelect[str] | None
) -> Slice[OpenStep]:
    """List the open nodes of some roles, the one that is open longest first.

    Shape: `units` is a sub-select of the units in scope, None for all. Few steps in scope are found
        by their units and sorted; of many, each role's index is walked in order until the page is
        full. So the cost follows the page, not the processes that there are.
    """
    wanted = sorted(roles)
    if units is not None and _are_few(tx, wanted, units):
        statement = keyset(
            _inbox(units).where(process_step.c.role.in_(wanted)), page, _order(process_step)
        )
    else:
        statement = _walked(page, wanted, units)
    rows = tx.execute(statement)
    return page.slice(
        map(_open_step, rows), key=lambda step: (_known(step.status.open_time), *_place(step))
    )


def overdue_steps(
    tx: Transaction, page: Page, *, at: datetime, units: sa.ScalarSelect[str] | None
) -> Slice[OpenStep]:
    """List the open nodes whose deadline is over, the one that is late longest first."""
    statement = _inbox(units).where(process_step.c.due_time <= at)
    columns = [process_step.c.due_time, *_NODE_COLUMNS]
    rows = tx.execute(keyset(statement, page, columns))
    return page.slice(
        map(_open_step, rows), key=lambda step: (_known(step.status.due_time), *_place(step))
    )


def overdue_counts(tx: Transaction, at: datetime) -> dict[str, int]:
    """Count the open nodes whose deadline is over, for the metric.

    Shape: definition → count, 0 included, by name; a definition that was published once stays.
    """
    names = tx.scalars(sa.select(process_definition.c.name).distinct())
    late = (
        sa.select(process_instance.c.definition, sa.func.count().label("late"))
        .join(process_step, process_step.c.process_id == process_instance.c.process_id)
        .where(_IS_OPEN, process_step.c.due_time <= at)
        .group_by(process_instance.c.definition)
    )
    counts = {row.definition: int(row.late) for row in tx.execute(late)}
    return {name: counts.get(name, 0) for name in sorted(names)}


def _are_few(tx: Transaction, roles: Sequence[str], units: sa.ScalarSelect[str]) -> bool:
    some = (
        sa.select(sa.literal_column("1"))
        .select_from(process_step)
        .where(_IS_OPEN, process_step.c.role.in_(roles), process_step.c.unit_id.in_(units))
        .limit(FEW + 1)
        .subquery()
    )
    return int(tx.execute(sa.select(sa.func.count()).select_from(some)).scalar_one()) <= FEW


def _walked(page: Page, roles: Sequence[str], units: sa.ScalarSelect[str] | None) -> sa.Select[Any]:
    """Take a page's worth of each role in the order of its index, then the first of them all."""
    # As a truth value the look into the scope is a filter of the walk; as a bare IN it would be a
    # join, for which everything in scope is read and sorted.
    within = sa.true() if units is None else process_step.c.unit_id.in_(units).is_(True)
    parts = [
        keyset(
            sa.select(process_step).where(_IS_OPEN, process_step.c.role == role, within),
            page,
            _order(process_step),
        ).subquery()
        for role in roles
    ]
    nobodys = sa.select(process_step).where(sa.false()).subquery()
    found = sa.union_all(*(sa.select(part) for part in [*parts, nobodys])).subquery()
    # One process a row, as its key says; without the limit all of them would be read for a join.
    head = _heads().where(process_instance.c.process_id == found.c.process_id).limit(1).lateral()
    return (
        sa.select(found, head).join(head, sa.true()).order_by(*_order(found)).limit(page.size + 1)
    )


def _order(steps: sa.FromClause) -> list[sa.ColumnElement[Any]]:
    return [steps.c.open_time, steps.c.process_id, steps.c.step, steps.c.key]


def _inbox(units: sa.ScalarSelect[str] | None) -> sa.Select[Any]:
    statement = (
        _heads()
        .add_columns(process_step)
        .join(process_step, process_step.c.process_id == process_instance.c.process_id)
        .where(_IS_OPEN)
    )
    return statement if units is None else statement.where(process_step.c.unit_id.in_(units))


def _heads() -> sa.Select[Any]:
    head = process_instance.c
    return sa.select(
        head.subject_kind,
        head.subject_id,
        head.revision,
        head.state.label("process_state"),
        process_definition.c.content,
    ).join(
        process_definition,
        sa.and_(
            process_definition.c.name == head.definition,
            process_definition.c.version == head.version,
        ),
    )


def _known(at: datetime | None) -> datetime:
    assert at is not None, "the statement asked for rows that have the time"
    return at


def _place(step: OpenStep) -> tuple[str, int, str]:
    return (step.process_id, step.node.step, step.node.key)


def _open_step(row: sa.Row[Any]) -> OpenStep:
    return OpenStep(
        process_id=row.process_id,
        definition=restore(row.content),
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        state=row.process_state,
        revision=row.revision,
        node=Node(row.step, row.key),
        status=status_of(row),
    )
