"""Lists of open steps over all processes: what a caller can do now, and what is late.

They read the partial indexes on open steps alone, so they cost the same however many processes have
ended.
"""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import sqlalchemy as sa

from chassis import arrays, scope
from chassis.database import Transaction
from chassis.keyset import bounds, keyset
from chassis.paging import Page, Slice
from chassis.process.node import Node, OpenStep
from chassis.process.source import restore
from chassis.process.storage import (
    process_definition,
    process_instance,
    process_step,
    status_of,
)
from chassis.scope import Caller

# So many rows are sorted as quickly as a page is sent.
FEW: Final = 200
_NODE_COLUMNS = [process_step.c.process_id, process_step.c.step, process_step.c.key]
_ORDER: Final = [process_step.c.open_time, *_NODE_COLUMNS]
_FIRST: Final = (datetime.min.replace(tzinfo=UTC), str(UUID(int=0)), 0, "")
# Written out, so that the partial indexes on open steps fit.
_IS_OPEN: Final = process_step.c.state == sa.literal_column("'OPEN'")

# What follows is written out because building it costs more than running it.
_STEP: Final = ", ".join(f"step.{column.name}" for column in process_step.columns)
_PAGE: Final = f"""
SELECT {_STEP}, definition.content,
  head.subject_kind, head.subject_id, head.revision, head.state AS process_state
FROM ({{steps}}) step
JOIN process_instance head ON head.process_id = step.process_id
JOIN process_definition definition
  ON definition.name = head.definition AND definition.version = head.version
ORDER BY step.open_time, step.process_id, step.step, step.key
"""
_IN_ORDER: Final = """
  AND (step.open_time, step.process_id, step.step, step.key)
    > (:open_time, CAST(:process_id AS uuid), :step, :key)
ORDER BY step.open_time, step.process_id, step.step, step.key
LIMIT :count
"""
_ARE_MANY: Final = sa.text(
    f"""
    SELECT 1 FROM process_step step
    WHERE step.state = 'OPEN' AND step.role = ANY(CAST(:roles AS text[]))
      AND step.unit_id IN ({scope.UNITS_BELOW})
    OFFSET {FEW} LIMIT 1
    """
)
_SORTED: Final = sa.text(
    _PAGE.format(
        steps=f"""
        SELECT {_STEP} FROM process_step step
        WHERE step.state = 'OPEN' AND step.role = ANY(CAST(:roles AS text[]))
          AND step.unit_id IN ({scope.UNITS_BELOW}) {_IN_ORDER}
        """
    )
).columns(*process_step.columns, process_definition.c.content)
# As a truth value the look into the scope is a filter of the walk; as a bare IN it would be a join,
# for which everything in scope is read and sorted.
_WALKED: Final = sa.text(
    _PAGE.format(
        steps=f"""
        SELECT {_STEP} FROM unnest(CAST(:roles AS text[])) wanted (role)
        CROSS JOIN LATERAL (
          SELECT {_STEP} FROM process_step step
          WHERE step.state = 'OPEN' AND step.role = wanted.role
            AND (:everywhere OR (step.unit_id IN ({scope.UNITS_BELOW})) IS TRUE) {_IN_ORDER}
        ) step
        ORDER BY step.open_time, step.process_id, step.step, step.key
        LIMIT :count
        """
    )
).columns(*process_step.columns, process_definition.c.content)


def open_steps(tx: Transaction, page: Page, *, by: Caller) -> Slice[OpenStep]:
    """List the open nodes of a caller's roles and scope, the one that is open longest first.

    Shape: few steps in scope are found by their units and sorted; of many, each role's index is
        walked in order until the page is full. So the cost follows the page, not the processes
        that there are.
    Errors: PageTokenInvalid.
    """
    after = bounds(page, _ORDER) or _FIRST
    names = ("open_time", "process_id", "step", "key")
    given = {
        "roles": arrays.texts(sorted(by.roles)),
        "own": by.unit_id,
        "everywhere": by.is_service,
        "count": page.size + 1,
        **dict(zip(names, after, strict=True)),
    }
    is_walked = by.is_service or tx.execute(_ARE_MANY, given).first() is not None
    rows = tx.execute(_WALKED if is_walked else _SORTED, given)
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


def _inbox(units: sa.ScalarSelect[str] | None) -> sa.Select[Any]:
    head = process_instance.c
    statement = (
        sa.select(
            head.subject_kind,
            head.subject_id,
            head.revision,
            head.state.label("process_state"),
            process_definition.c.content,
            process_step,
        )
        .join(process_step, process_step.c.process_id == head.process_id)
        .join(
            process_definition,
            sa.and_(
                process_definition.c.name == head.definition,
                process_definition.c.version == head.version,
            ),
        )
        .where(_IS_OPEN)
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
