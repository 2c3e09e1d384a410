"""Runs and preview rows in the database.

Every change that a runner makes carries its epoch in the WHERE clause; a statement that finds no
row tells it that it has lost the run. Leases follow the database's clock alone, so that clocks of
pods do not matter.
"""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.work.domain import Chunk, PreviewRow, Run, RunNotFound, State

TABLES = sa.MetaData()
TIME = sa.DateTime(timezone=True)

work_run = sa.Table(
    "work_run",
    TABLES,
    sa.Column("id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("dry_run", sa.Boolean, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("cursor", JSONB, nullable=False),
    sa.Column("epoch", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("total", sa.BigInteger),
    sa.Column("done_count", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("message", sa.Text, nullable=False, server_default=""),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False),
    sa.Column("create_time", TIME, nullable=False, server_default=sa.func.clock_timestamp()),
    sa.Column("started_time", TIME),
    sa.Column("ended_time", TIME),
    sa.Column("lease_until", TIME, nullable=False, server_default=sa.func.clock_timestamp()),
    sa.UniqueConstraint("kind", "key", "dry_run"),
)

work_preview = sa.Table(
    "work_preview",
    TABLES,
    sa.Column("run_id", sa.Uuid(as_uuid=False), sa.ForeignKey("work_run.id"), primary_key=True),
    sa.Column("ordinal", sa.BigInteger, primary_key=True),
    sa.Column("fact", sa.Text, nullable=False),
    sa.Column("content", JSONB, nullable=False),
)

_RUN = [column for column in work_run.c if column.name != "lease_until"]
_NOW = sa.func.clock_timestamp()
_OPEN = work_run.c.state.in_([State.PENDING, State.RUNNING])


def insert_first(tx: Transaction, run: dict[str, Any]) -> Run:
    """Insert a run, or return the one that has its kind, key and dry_run already.

    Shape: a twin waits for the commit of the first.
    """
    draft = insert(work_run).values(state=State.PENDING, **run).on_conflict_do_nothing()
    row = tx.execute(draft.returning(*_RUN)).one_or_none()
    if row is None:
        same = [work_run.c[name] == run[name] for name in ("kind", "key", "dry_run")]
        row = tx.execute(sa.select(*_RUN).where(*same)).one()
    return _run(row)


def get(tx: Transaction, run_id: str, *, lock: bool = False) -> Run:
    """Return a run.

    Errors: RunNotFound.
    """
    statement = sa.select(*_RUN).where(work_run.c.id == run_id)
    row = tx.execute(statement.with_for_update() if lock else statement).one_or_none()
    if row is None:
        raise RunNotFound(run_id)
    return _run(row)


def listing(
    tx: Transaction,
    page: Page,
    *,
    kind: str,
    states: Collection[State],
    units: sa.ScalarSelect[str] | None,
) -> Slice[Run]:
    """Return a page of runs, newest first; an empty kind, no states and no units leave all in."""
    statement = sa.select(*_RUN)
    if kind:
        statement = statement.where(work_run.c.kind == kind)
    if states:
        statement = statement.where(work_run.c.state.in_(states))
    if units is not None:
        statement = statement.where(work_run.c.unit_id.in_(units))
    columns = [work_run.c.create_time, work_run.c.id]
    rows = tx.execute(keyset(statement, page, columns, descending=True))
    return page.slice(map(_run, rows), key=lambda run: (run.create_time, run.id))


def claim(tx: Transaction, kinds: Collection[str], *, lease_s: int) -> Run | None:
    """Take up the oldest run that nobody holds, under a new epoch; None when there is none.

    Shape: a run that another claimer has locked is passed over.
    """
    oldest = (
        sa.select(work_run.c.id)
        .where(_OPEN, work_run.c.lease_until <= _NOW, work_run.c.kind.in_(kinds))
        .order_by(work_run.c.create_time, work_run.c.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    taken = {
        "state": State.RUNNING,
        "epoch": work_run.c.epoch + 1,
        "started_time": sa.func.coalesce(work_run.c.started_time, _NOW),
        "lease_until": _lease(lease_s),
    }
    statement = sa.update(work_run).where(work_run.c.id == oldest.scalar_subquery()).values(taken)
    row = tx.execute(statement.returning(*_RUN)).one_or_none()
    return None if row is None else _run(row)


def holds(tx: Transaction, run: Run) -> bool:
    """Tell whether the run still goes forward under this epoch, without a lock."""
    return tx.execute(sa.select(work_run.c.id).where(*_held(run))).one_or_none() is not None


def advance(tx: Transaction, run: Run, chunk: Chunk, *, lease_s: int) -> Run | None:
    """Record a chunk; None when the epoch has lost the run, so that the chunk must not be kept."""
    changes: dict[str, Any] = {"done_count": work_run.c.done_count + chunk.done}
    if chunk.total is not None:
        changes["total"] = chunk.total
    if chunk.cursor is None:
        changes |= {"state": State.DONE, "ended_time": _NOW}
    else:
        changes |= {"cursor": dict(chunk.cursor), "lease_until": _lease(lease_s)}
    return _changed(tx, changes, _held(run))


def fail(tx: Transaction, run: Run, message: str) -> Run | None:
    """End a run for a reason; None when the epoch has lost it."""
    changes = {"state": State.FAILED, "message": message[:2000], "ended_time": _NOW}
    return _changed(tx, changes, _held(run))


def release(tx: Transaction, run: Run) -> None:
    """Let another pod take the run up at once."""
    _changed(tx, {"lease_until": _NOW}, _held(run))


def cancel(tx: Transaction, run: Run) -> Run:
    """End a run that the caller has locked."""
    return _changed_one(tx, run, {"state": State.CANCELLED, "ended_time": _NOW})


def resume(tx: Transaction, run: Run) -> Run:
    """Open a failed run again that the caller has locked."""
    changes = {"state": State.PENDING, "message": "", "ended_time": None, "lease_until": _NOW}
    return _changed_one(tx, run, changes)


def add_previews(tx: Transaction, run: Run, rows: Sequence[PreviewRow]) -> None:
    """Keep what a dry run found, in one statement."""
    if rows:
        values = [
            {"run_id": run.id, "ordinal": row.ordinal, "fact": row.fact, "content": row.content}
            for row in rows
        ]
        tx.execute(sa.insert(work_preview), values)


def count_previews(tx: Transaction, run: Run) -> int:
    """Count the preview rows of a run, which is also the highest ordinal."""
    statement = sa.select(sa.func.coalesce(sa.func.max(work_preview.c.ordinal), 0))
    return int(tx.execute(statement.where(work_preview.c.run_id == run.id)).scalar_one())


def previews(tx: Transaction, run: Run, page: Page) -> Slice[PreviewRow]:
    """Return a page of preview rows by ordinal."""
    statement = sa.select(
        work_preview.c.ordinal, work_preview.c.fact, work_preview.c.content
    ).where(work_preview.c.run_id == run.id)
    rows = tx.execute(keyset(statement, page, [work_preview.c.ordinal]))
    found = [PreviewRow(row.ordinal, row.fact, row.content) for row in rows]
    return page.slice(found, key=lambda row: (row.ordinal,))


def _held(run: Run) -> list[sa.ColumnElement[bool]]:
    return [
        work_run.c.id == run.id,
        work_run.c.epoch == run.epoch,
        work_run.c.state == State.RUNNING,
    ]


def _lease(lease_s: int) -> sa.ColumnElement[Any]:
    return _NOW + sa.func.make_interval(0, 0, 0, 0, 0, 0, lease_s)


def _changed(
    tx: Transaction, changes: dict[str, Any], where: Sequence[sa.ColumnElement[bool]]
) -> Run | None:
    statement = sa.update(work_run).where(*where).values(changes).returning(*_RUN)
    row = tx.execute(statement).one_or_none()
    return None if row is None else _run(row)


def _changed_one(tx: Transaction, run: Run, changes: dict[str, Any]) -> Run:
    changed = _changed(tx, changes, [work_run.c.id == run.id])
    assert changed is not None, "the caller holds the row's lock"
    return changed


def _run(row: sa.Row[Any]) -> Run:
    values = row._asdict()
    return Run(**values | {"state": State(values["state"])})
