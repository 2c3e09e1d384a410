"""Lists of open steps over all processes: what a caller can do now, and what is late.

They read the partial indexes on open steps alone, so they cost the same however many processes have
ended.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

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

_NODE_COLUMNS = [process_step.c.process_id, process_step.c.step, process_step.c.key]


def open_steps(
    tx: Transaction, page: Page, *, roles: Iterable[str], units: sa.ScalarSelect[str] | None
) -> Slice[OpenStep]:
    """List the open nodes of some roles, the one that is open longest first.

    Shape: `units` is a sub-select of the units in scope, None for all.
    """
    statement = _inbox(units).where(process_step.c.role.in_(sorted(roles)))
    columns = [process_step.c.open_time, *_NODE_COLUMNS]
    rows = tx.execute(keyset(statement, page, columns))
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


def overdue_count(tx: Transaction, at: datetime) -> int:
    """Count the open nodes whose deadline is over, for the metric."""
    late = _inbox(None).where(process_step.c.due_time <= at).subquery()
    return int(tx.execute(sa.select(sa.func.count()).select_from(late)).scalar_one())


def _inbox(units: sa.ScalarSelect[str] | None) -> sa.Select[Any]:
    head = process_instance.c
    statement = (
        sa.select(
            process_step,
            head.subject_kind,
            head.subject_id,
            head.revision,
            head.state.label("process_state"),
            process_definition.c.content,
        )
        .join(process_instance, head.process_id == process_step.c.process_id)
        .join(
            process_definition,
            sa.and_(
                process_definition.c.name == head.definition,
                process_definition.c.version == head.version,
            ),
        )
        .where(process_step.c.state == sa.literal_column("'OPEN'"))
    )
    return statement if units is None else statement.where(process_step.c.unit_id.in_(units))


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
