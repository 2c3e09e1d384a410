"""The tables of the process mechanism and the statements on them.

An instance's row is the lock of the whole instance: whoever changes a step holds it, so that two
people who sign at the same moment both count. Definitions and history are only ever inserted.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.process.definition import Definition, DefinitionChanged
from chassis.process.domain import Instance
from chassis.process.errors import ProcessAlreadyStarted, ProcessNotFound
from chassis.process.history import Act, Entry
from chassis.process.node import Node, Status, StepState
from chassis.process.source import restore

TABLES = sa.MetaData()
TIME = sa.DateTime(timezone=True)

process_definition = sa.Table(
    "process_definition",
    TABLES,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("record_time", TIME, nullable=False),
)

process_instance = sa.Table(
    "process_instance",
    TABLES,
    sa.Column("process_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("definition", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("subject_kind", sa.Text, nullable=False),
    sa.Column("subject_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("keys", JSONB, nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False),
    sa.Column("create_time", TIME, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("done", sa.Boolean, nullable=False),
)

process_step = sa.Table(
    "process_step",
    TABLES,
    sa.Column("process_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("role", sa.Text),
    sa.Column("answer", sa.Text),
    sa.Column("done_by", sa.Text),
    sa.Column("done_time", TIME),
    sa.Column("open_time", TIME),
    sa.Column("due_time", TIME),
)

process_history = sa.Table(
    "process_history",
    TABLES,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("process_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("act", sa.Text, nullable=False),
    sa.Column("step", sa.Integer),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("answer", sa.Text),
    sa.Column("role", sa.Text),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("occur_time", TIME, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
)


def record(tx: Transaction, definition: Definition, *, at: datetime) -> None:
    """Publish a definition, once; later calls only compare.

    Errors: DefinitionChanged.
    """
    where = (
        process_definition.c.name == definition.name,
        process_definition.c.version == definition.version,
    )
    known = tx.scalar(sa.select(process_definition.c.hash).where(*where))
    if known is None:
        row = insert(process_definition).values(
            name=definition.name,
            version=definition.version,
            hash=definition.hash,
            content=definition.content,
            record_time=at,
        )
        tx.execute(row.on_conflict_do_nothing())
        known = tx.scalar(sa.select(process_definition.c.hash).where(*where))
    if known != definition.hash:
        raise DefinitionChanged(definition.name, definition.version)


def add(tx: Transaction, process: Instance) -> None:
    """Store a process that has just begun.

    Errors: ProcessAlreadyStarted when its subject has one.
    """
    row = insert(process_instance).values(
        process_id=process.process_id,
        definition=process.definition.name,
        version=process.definition.version,
        subject_kind=process.subject_kind,
        subject_id=process.subject_id,
        unit_id=process.unit_id,
        keys={kind: list(keys) for kind, keys in process.keys.items()},
        traceparent=process.traceparent,
        create_time=process.create_time,
        **_head(process),
    )
    added = tx.execute(
        row.on_conflict_do_nothing(
            index_elements=[process_instance.c.subject_kind, process_instance.c.subject_id]
        ).returning(process_instance.c.process_id)
    )
    if added.first() is None:
        raise ProcessAlreadyStarted(process.subject_kind, process.subject_id)
    tx.execute(
        sa.insert(process_step),
        [
            {
                "process_id": process.process_id,
                "step": node.step,
                "key": node.key,
                **_columns(status),
            }
            for node, status in process.statuses.items()
        ],
    )


def get(tx: Transaction, process_id: str, *, lock: bool = False) -> Instance:
    """Read a process with all its steps; with `lock`, nobody else changes it until the transaction
    ends.

    Errors: ProcessNotFound.
    """
    statement = sa.select(process_instance, process_definition.c.content).join(
        process_definition,
        sa.and_(
            process_definition.c.name == process_instance.c.definition,
            process_definition.c.version == process_instance.c.version,
        ),
    )
    if lock:
        statement = statement.with_for_update(of=process_instance)
    row = tx.execute(statement.where(process_instance.c.process_id == process_id)).first()
    if row is None:
        raise ProcessNotFound(process_id)
    # Read in a statement of its own, behind the lock: a joined read would show the steps as they
    # were before waiting.
    steps = tx.execute(sa.select(process_step).where(process_step.c.process_id == process_id))
    return Instance(
        process_id=row.process_id,
        definition=restore(row.content),
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        unit_id=row.unit_id,
        keys={kind: tuple(keys) for kind, keys in row.keys.items()},
        traceparent=row.traceparent,
        create_time=row.create_time,
        revision=row.revision,
        state=row.state,
        statuses={Node(step.step, step.key): status_of(step) for step in steps},
    )


def save(tx: Transaction, before: Instance, after: Instance) -> None:
    """Write what differs between two values of a process whose row this transaction has locked."""
    tx.execute(
        sa.update(process_instance)
        .where(process_instance.c.process_id == after.process_id)
        .values(**_head(after))
    )
    moved = [
        {"at_step": node.step, "at_key": node.key, **_columns(status)}
        for node, status in after.statuses.items()
        if status != before.statuses[node]
    ]
    if moved:
        tx.execute(
            sa.update(process_step).where(
                process_step.c.process_id == after.process_id,
                process_step.c.step == sa.bindparam("at_step"),
                process_step.c.key == sa.bindparam("at_key"),
            ),
            moved,
        )


def append(tx: Transaction, process_id: str, entries: Iterable[Entry]) -> None:
    """Write lines of a process' history, in their order."""
    rows = [
        {
            "process_id": process_id,
            "act": entry.act.value,
            "step": entry.node.step if entry.node else None,
            "key": entry.node.key if entry.node else "",
            "revision": entry.revision,
            "answer": entry.answer,
            "role": entry.role,
            "subject": entry.subject,
            "actor": entry.actor,
            "occur_time": entry.occur_time,
            "note": entry.note,
        }
        for entry in entries
    ]
    tx.execute(sa.insert(process_history), rows)


def history(tx: Transaction, process_id: str, page: Page) -> Slice[Entry]:
    """List what was done in a process, oldest first."""
    statement = sa.select(process_history).where(process_history.c.process_id == process_id)
    rows = tx.execute(keyset(statement, page, [process_history.c.id]))
    return page.slice(map(_entry, rows), key=lambda entry: (entry.id,))


def status_of(row: sa.Row[Any]) -> Status:
    """Read what is known of a node from a row of `process_step`."""
    return Status(
        state=StepState(row.state),
        unit_id=row.unit_id,
        role=row.role,
        answer=row.answer,
        done_by=row.done_by,
        done_time=row.done_time,
        open_time=row.open_time,
        due_time=row.due_time,
    )


def _head(process: Instance) -> Mapping[str, Any]:
    return {"state": process.state, "revision": process.revision, "done": process.done}


def _columns(status: Status) -> Mapping[str, Any]:
    return {
        "state": status.state.value,
        "unit_id": status.unit_id,
        "role": status.role,
        "answer": status.answer,
        "done_by": status.done_by,
        "done_time": status.done_time,
        "open_time": status.open_time,
        "due_time": status.due_time,
    }


def _entry(row: sa.Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        act=Act(row.act),
        node=None if row.step is None else Node(row.step, row.key),
        revision=row.revision,
        subject=row.subject,
        actor=row.actor,
        occur_time=row.occur_time,
        answer=row.answer,
        role=row.role,
        note=row.note,
    )
