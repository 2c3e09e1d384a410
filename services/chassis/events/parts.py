"""Facts that are more than one event can hold: they are told in parts and taken over whole.

Whoever tells them numbers the parts from 0, says in each how many there are, and gives all of them
one ordering key and one version, which grows. The parts wait here until the last has come.
"""

from typing import TypeVar

import sqlalchemy as sa
from google.protobuf.message import Message
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Transaction
from chassis.events.domain import ReceivedEvent

M = TypeVar("M", bound=Message)

TABLES = sa.MetaData()

event_part = sa.Table(
    "event_part",
    TABLES,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("type", sa.Text, primary_key=True),
    sa.Column("ordering_key", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
)


def gathered(
    tx: Transaction, event: ReceivedEvent, fact: M, *, version: int, part: int, count: int
) -> list[M]:
    """Keep a part, and return all of them once the last is here; nothing before.

    Shape: in the order of the parts; a fact with a count of 0 or 1 is whole by itself. A part that
        comes again changes nothing. Parts of an older version that never became whole are dropped.
    """
    if count <= 1:
        _drop(tx, event, version)
        return [fact]
    tx.execute(
        insert(event_part)
        .values(**_key(event), version=version, part=part, payload=event.payload)
        .on_conflict_do_nothing()
    )
    columns = event_part.c
    known = [*_of(event), columns.version == version]
    if tx.scalar(sa.select(sa.func.count()).select_from(event_part).where(*known)) != count:
        return []
    payloads = sa.select(columns.payload).where(*known).order_by(columns.part)
    found = [type(fact).FromString(payload) for payload in tx.scalars(payloads)]
    _drop(tx, event, version)
    return found


def _drop(tx: Transaction, event: ReceivedEvent, version: int) -> None:
    tx.execute(sa.delete(event_part).where(*_of(event), event_part.c.version <= version))


def _key(event: ReceivedEvent) -> dict[str, str]:
    return {"source": event.source, "type": event.type, "ordering_key": event.ordering_key}


def _of(event: ReceivedEvent) -> list[sa.ColumnElement[bool]]:
    return [event_part.c[name] == value for name, value in _key(event).items()]
