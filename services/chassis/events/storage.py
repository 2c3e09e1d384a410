"""The event log's tables and the statements on them. Rows of `event` and `event_position` are only
ever inserted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from chassis import telemetry
from chassis.database import Transaction
from chassis.events.domain import EventDraft, ReceivedEvent
from chassis.ids import new_id

TABLES = sa.MetaData()

event = sa.Table(
    "event",
    TABLES,
    sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("ordering_key", sa.Text, nullable=False),
    sa.Column("partition", sa.SmallInteger, nullable=False),
    sa.Column("keep", sa.Text, nullable=False),
    sa.Column("occur_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
)

event_position = sa.Table(
    "event_position",
    TABLES,
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("id", sa.BigInteger, nullable=False, unique=True),
)

event_log = sa.Table(
    "event_log",
    TABLES,
    sa.Column("only_row", sa.Boolean, primary_key=True),
    sa.Column("log_epoch", sa.Uuid(as_uuid=False), nullable=False),
)

event_expired = sa.Table(
    "event_expired",
    TABLES,
    sa.Column("type", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
)


APPEND = sa.text(
    """
    INSERT INTO event (event_id, type, ordering_key, partition, keep, occur_time, actor,
                       traceparent, payload)
    SELECT event_id, type, ordering_key, partition, keep, occur_time, actor, traceparent, payload
    FROM unnest(CAST(:event_ids AS uuid[]), CAST(:types AS text[]), CAST(:ordering_keys AS text[]),
                CAST(:partitions AS smallint[]), CAST(:keeps AS text[]),
                CAST(:occur_times AS timestamptz[]), CAST(:actors AS text[]),
                CAST(:traceparents AS text[]), CAST(:payloads AS bytea[])) WITH ORDINALITY
      AS new (event_id, type, ordering_key, partition, keep, occur_time, actor, traceparent,
              payload, place)
    ORDER BY place
    """
)


_READ = (
    event.c.event_id,
    event.c.type,
    event.c.ordering_key,
    event.c.partition,
    event.c.occur_time,
    event.c.record_time,
    event.c.actor,
    event.c.traceparent,
    event.c.payload,
)


@dataclass(frozen=True, slots=True)
class Head:
    """Tell how far the log goes: its highest position (0 when empty) and its epoch."""

    position: int
    log_epoch: str


@dataclass(frozen=True, slots=True)
class Page:
    """Hold one stretch of the log: the events that fit, and the position up to which everything was
    looked at."""

    events: Sequence[ReceivedEvent]
    next_position: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Say when a fact became true, who caused it, and in which trace."""

    occur_time: datetime
    actor: str
    traceparent: str


def append(tx: Transaction, drafts: Sequence[tuple[EventDraft, Cause]]) -> None:
    """Write facts as events, in one statement and in their order."""
    if not drafts:
        return
    for draft, _ in drafts:
        telemetry.tell(draft.payload.DESCRIPTOR.name)
    tx.execute(
        APPEND,
        {
            "event_ids": [new_id() for _ in drafts],
            "types": [draft.payload.DESCRIPTOR.full_name for draft, _ in drafts],
            "ordering_keys": [draft.ordering_key for draft, _ in drafts],
            "partitions": [draft.partition for draft, _ in drafts],
            "keeps": [draft.keep for draft, _ in drafts],
            "occur_times": [cause.occur_time for _, cause in drafts],
            "actors": [cause.actor for _, cause in drafts],
            "traceparents": [cause.traceparent for _, cause in drafts],
            "payloads": [
                draft.payload.SerializeToString(deterministic=True) for draft, _ in drafts
            ],
        },
    )


def head(tx: Transaction) -> Head:
    """Return the end of the log."""
    row = tx.execute(
        sa.select(
            sa.select(sa.func.coalesce(sa.func.max(event_position.c.position), 0))
            .scalar_subquery()
            .label("position"),
            event_log.c.log_epoch,
        )
    ).one()
    return Head(row.position, row.log_epoch)


def expired_position(tx: Transaction, types: Sequence[str]) -> int:
    """Return the highest position up to which an event of these types (none: of any) was removed,
    or 0."""
    query = sa.select(sa.func.coalesce(sa.func.max(event_expired.c.position), 0))
    if types:
        query = query.where(event_expired.c.type.in_(types))
    return int(tx.execute(query).scalar_one())


def read(
    tx: Transaction,
    *,
    after_position: int,
    types: Sequence[str],
    partitions: Sequence[int],
    limit: int,
) -> Page:
    """Read a stretch of at most `limit` positions behind `after_position`."""
    window = (
        sa.select(event_position.c.position, event_position.c.id)
        .where(event_position.c.position > after_position)
        .order_by(event_position.c.position)
        .limit(limit)
        .cte("stretch")
    )
    wanted = sa.select(window.c.position, *_READ).join(event, event.c.id == window.c.id)
    if types:
        wanted = wanted.where(event.c.type.in_(types))
    if partitions:
        wanted = wanted.where(event.c.partition.in_(partitions))
    # The end of the stretch comes from the same snapshot as its events, also when none of them
    # fits: what is numbered a moment later must not be looked over.
    end = sa.select(sa.func.max(window.c.position).label("position")).subquery("stretch_end")
    fitting = wanted.subquery("fitting")
    rows = tx.execute(
        sa.select(end.c.position.label("end_position"), fitting)
        .select_from(end.join(fitting, sa.true(), isouter=True))
        .order_by(fitting.c.position)
    ).all()
    reached = rows[0].end_position
    return Page(
        [_received(row) for row in rows if row.position is not None],
        after_position if reached is None else reached,
    )


def _received(row: sa.Row[tuple[object, ...]]) -> ReceivedEvent:
    return ReceivedEvent(
        source="",
        position=row.position,
        event_id=row.event_id,
        type=row.type,
        ordering_key=row.ordering_key,
        occur_time=row.occur_time,
        record_time=row.record_time,
        actor=row.actor,
        traceparent=row.traceparent,
        payload=bytes(row.payload),
        partition=row.partition,
    )
