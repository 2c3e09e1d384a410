"""The event log's tables and the statements on them. Rows of `event` and `event_position` are only
ever inserted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from chassis import arrays, telemetry
from chassis.database import Transaction, run
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


APPEND = """
    INSERT INTO event (event_id, type, ordering_key, partition, keep, occur_time, actor,
                       traceparent, payload)
    SELECT event_id, type, ordering_key, partition, keep, occur_time, actor, traceparent, payload
    FROM unnest(%(event_ids)s::uuid[], %(types)s::text[], %(ordering_keys)s::text[],
                %(partitions)s::smallint[], %(keeps)s::text[],
                %(occur_times)s::timestamptz[], %(actors)s::text[],
                %(traceparents)s::text[], %(payloads)s::bytea[]) WITH ORDINALITY
      AS new (event_id, type, ordering_key, partition, keep, occur_time, actor, traceparent,
              payload, place)
    ORDER BY place
    """


# A page is one message, and so is what it is made of: a reader takes 4 MiB and no more.
PAGE_BYTES_MAX = 2 * 1024 * 1024
EVENT_BYTES_MAX = 3 * 1024 * 1024

READ = """
WITH stretch AS (
  SELECT position, id FROM event_position
  WHERE position > :after_position ORDER BY position LIMIT {limit}
)
SELECT event_log.log_epoch::text,
  (SELECT coalesce(max(position), 0) FROM event_position) AS head_position,
  (SELECT coalesce(max(position), 0) FROM event_expired
   WHERE CAST(:types AS text[]) = '{{}}' OR type = ANY(CAST(:types AS text[]))) AS expired_position,
  (SELECT coalesce(max(position), :after_position) FROM stretch) AS next_position,
  fitting.position, fitting.event_id::text, fitting.type, fitting.ordering_key, fitting.partition,
  fitting.occur_time, fitting.record_time, fitting.actor, fitting.traceparent, fitting.payload
FROM event_log LEFT JOIN (
  SELECT stretch.position, event.event_id, event.type, event.ordering_key, event.partition,
    event.occur_time, event.record_time, event.actor, event.traceparent, event.payload
  FROM stretch JOIN event USING (id)
  WHERE (CAST(:types AS text[]) = '{{}}' OR event.type = ANY(CAST(:types AS text[])))
    AND (CAST(:partitions AS smallint[]) = '{{}}'
         OR event.partition = ANY(CAST(:partitions AS smallint[])))
) AS fitting ON true
ORDER BY fitting.position
"""


class EventTooLarge(Exception):
    """A fact is more than a reader can take, and would stop all who read; that is a mistake of
    ours."""


@dataclass(frozen=True, slots=True)
class Page:
    """Hold one stretch of the log and how far the log goes.

    Shape: the events that fit, the position up to which everything was looked at, the highest
        position (0 when empty), the epoch, and the highest position up to which an event of the
        types asked for was removed (0 when none was).
    """

    events: Sequence[ReceivedEvent]
    next_position: int
    head_position: int
    log_epoch: str
    expired_position: int


@dataclass(frozen=True, slots=True)
class Cause:
    """Say when a fact became true, who caused it, and in which trace."""

    occur_time: datetime
    actor: str
    traceparent: str


def append(tx: Transaction, drafts: Sequence[tuple[EventDraft, Cause]]) -> None:
    """Write facts as events, in one statement and in their order, and note them on the span.

    Errors: EventTooLarge.
    """
    if not drafts:
        return
    for draft, _ in drafts:
        telemetry.tell(draft.payload.DESCRIPTOR.name)
    tx.exec_driver_sql(APPEND, _columns(drafts))


def append_all(tx: Transaction, drafts: Sequence[tuple[EventDraft, Cause]]) -> None:
    """Write the facts of many calls as `append` does, in no span."""
    if drafts:
        run(tx, APPEND, _columns(drafts))


def _columns(drafts: Sequence[tuple[EventDraft, Cause]]) -> dict[str, object]:
    payloads = [draft.payload for draft, _ in drafts]
    written = [one.SerializeToString(deterministic=True) for one in payloads]
    if max(map(len, written)) > EVENT_BYTES_MAX:
        raise EventTooLarge(f"{len(max(written, key=len))} bytes")
    return {
        "event_ids": arrays.plain(new_id() for _ in drafts),
        "types": arrays.texts(payload.DESCRIPTOR.full_name for payload in payloads),
        "ordering_keys": arrays.texts(draft.ordering_key for draft, _ in drafts),
        "partitions": arrays.plain(draft.partition for draft, _ in drafts),
        "keeps": arrays.texts(draft.keep for draft, _ in drafts),
        "occur_times": arrays.plain(cause.occur_time for _, cause in drafts),
        "actors": arrays.texts(cause.actor for _, cause in drafts),
        "traceparents": arrays.texts(cause.traceparent for _, cause in drafts),
        "payloads": arrays.blobs(written),
    }


def read(
    tx: Transaction,
    *,
    after_position: int,
    types: Sequence[str],
    partitions: Sequence[int],
    limit: int,
) -> Page:
    """Read a stretch of at most `limit` positions behind `after_position`, in one snapshot with the
    ends of the log; no types and no partitions mean all.

    Shape: it ends earlier, after one event at least, where a message would be too large.
    """
    rows = tx.execute(
        _reading(limit),
        {"after_position": after_position, "types": [*types], "partitions": [*partitions]},
    ).all()
    first = rows[0]
    found = [_received(row) for row in rows if row.position is not None]
    fitting = _fitting(found)
    return Page(
        fitting,
        first.next_position if len(fitting) == len(found) else fitting[-1].position,
        first.head_position,
        first.log_epoch,
        first.expired_position,
    )


def _fitting(found: list[ReceivedEvent]) -> list[ReceivedEvent]:
    size = 0
    for count, one in enumerate(found):
        size += len(one.payload)
        if count and size > PAGE_BYTES_MAX:
            return found[:count]
    return found


@cache
def _reading(limit: int) -> sa.TextClause:
    """Return the statement with its limit written out: the plan for any limit would take it for a
    tenth of the log, and read all of it."""
    return sa.text(READ.format(limit=limit))


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
        payload=row.payload,
        partition=row.partition,
    )
