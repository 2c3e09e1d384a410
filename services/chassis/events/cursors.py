"""What a reader keeps of its peers' logs: cursors under leases, and the events it could not
apply."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis import arrays
from chassis.database import Transaction
from chassis.events.domain import SHARDS, Lease, Parked, ReceivedEvent

TABLES = sa.MetaData()
LEASE_S = 10

subscription_cursor = sa.Table(
    "subscription_cursor",
    TABLES,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("shard", sa.SmallInteger, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("log_epoch", sa.Text, nullable=False),
    sa.Column("lease_epoch", sa.BigInteger, nullable=False),
    sa.Column("lease_owner", sa.Text, nullable=False),
    sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
)

subscription_member = sa.Table(
    "subscription_member",
    TABLES,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("owner", sa.Text, primary_key=True),
    sa.Column("until", sa.DateTime(timezone=True), nullable=False),
)

parked_event = sa.Table(
    "parked_event",
    TABLES,
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, primary_key=True),
    sa.Column("event_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("ordering_key", sa.Text, nullable=False),
    sa.Column("partition", sa.SmallInteger, nullable=False),
    sa.Column("occur_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("park_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("applied_time", sa.DateTime(timezone=True)),
)

OPEN = sa.text(
    """
    INSERT INTO subscription_cursor (source, shard)
    SELECT :source, shard FROM generate_series(0, :shards - 1) AS shard
    ON CONFLICT DO NOTHING
    """
)
TAKE = sa.text(
    """
    WITH member AS (
      INSERT INTO subscription_member (source, owner, until)
      VALUES (:source, :owner, now() + make_interval(secs => :lease_s))
      ON CONFLICT (source, owner) DO UPDATE SET until = excluded.until
    ), fair AS (
      SELECT ceil(:shards / (1 + count(*))::numeric)::int AS share
      FROM subscription_member WHERE source = :source AND owner <> :owner AND until > now()
    ), mine AS (
      SELECT shard FROM subscription_cursor
      WHERE source = :source AND (lease_owner = :owner OR lease_until < now())
      ORDER BY lease_owner = :owner DESC, shard
      LIMIT (SELECT share FROM fair)
      FOR UPDATE SKIP LOCKED
    ), freed AS (
      UPDATE subscription_cursor SET lease_owner = '', lease_until = now()
      WHERE source = :source AND lease_owner = :owner AND shard NOT IN (SELECT shard FROM mine)
    )
    UPDATE subscription_cursor AS c
    SET lease_epoch = CASE WHEN c.lease_owner = :owner AND c.lease_until > now()
                           THEN c.lease_epoch ELSE c.lease_epoch + 1 END,
        lease_owner = :owner,
        lease_until = now() + make_interval(secs => :lease_s)
    FROM mine
    WHERE c.source = :source AND c.shard = mine.shard
    RETURNING c.shard, c.position, c.log_epoch, c.lease_epoch
    """
)
BLOCKED_KEYS = sa.text(
    """
    SELECT DISTINCT ordering_key FROM parked_event
    WHERE source = :source AND ordering_key = ANY(CAST(:keys AS text[])) AND applied_time IS NULL
    """
)


MOVE = sa.text(
    """
    WITH held AS (
      SELECT c.shard FROM subscription_cursor c
      JOIN unnest(CAST(:shards AS smallint[]), CAST(:epochs AS bigint[])) AS mine (shard, epoch)
        ON mine.shard = c.shard AND mine.epoch = c.lease_epoch
      WHERE c.source = :source ORDER BY c.shard FOR UPDATE OF c
    )
    UPDATE subscription_cursor AS c
    SET position = greatest(c.position, :position), log_epoch = :log_epoch
    FROM held WHERE c.source = :source AND c.shard = held.shard
    RETURNING c.shard
    """
)


class LeaseLost(Exception):
    """Another reader took the shard over; what this one did is rolled back."""


def take_leases(tx: Transaction, *, source: str, owner: str) -> list[Lease]:
    """Renew this reader's shards, take free ones up to a fair share, and let go of those above it.

    Units: a lease holds for 10 s.
    """
    values = {"source": source, "owner": owner, "lease_s": LEASE_S, "shards": SHARDS}
    rows = tx.execute(TAKE, values).all()
    # Nothing was taken: all is held by others, or nobody has ever read this source.
    if not rows and tx.execute(OPEN, {"source": source, "shards": SHARDS}).rowcount:
        rows = tx.execute(TAKE, values).all()
    taken = [Lease(source, row.shard, row.position, row.log_epoch, row.lease_epoch) for row in rows]
    return sorted(taken, key=lambda lease: lease.shard)


def drop_leases(tx: Transaction, *, source: str, owner: str) -> None:
    """Let go of everything, so that another reader goes on at once."""
    tx.execute(
        sa.update(subscription_cursor)
        .where(subscription_cursor.c.source == source, subscription_cursor.c.lease_owner == owner)
        .values(lease_owner="", lease_until=sa.func.now())
    )
    tx.execute(
        sa.delete(subscription_member).where(
            subscription_member.c.source == source, subscription_member.c.owner == owner
        )
    )


def move(tx: Transaction, leases: Sequence[Lease], *, position: int, log_epoch: str) -> None:
    """Lock the cursors in the order of their shards and set them to a position.

    Errors: LeaseLost when one of them was taken over meanwhile.
    """
    moved = tx.execute(
        MOVE,
        {
            "source": leases[0].source,
            "shards": [lease.shard for lease in leases],
            "epochs": [lease.lease_epoch for lease in leases],
            "position": position,
            "log_epoch": log_epoch,
        },
    )
    if len(moved.all()) != len(leases):
        raise LeaseLost(leases[0].source)


def blocked_keys(tx: Transaction, source: str, keys: Sequence[str]) -> set[str]:
    """Return those ordering keys that a parked event blocks."""
    rows = tx.execute(BLOCKED_KEYS, {"source": source, "keys": arrays.texts(set(keys))})
    return {row.ordering_key for row in rows}


def lock_key(tx: Transaction, source: str, ordering_key: str) -> None:
    """Let parking and replaying of one key take turns, so that nothing is parked behind an event
    that is being taken off the list."""
    tx.execute(
        sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(source + ordering_key, 0)))
    )


def park(
    tx: Transaction, event: ReceivedEvent, *, reason: str, attempts: int, at: datetime
) -> None:
    """Set an event aside; a second time changes nothing."""
    tx.execute(
        insert(parked_event)
        .values(
            source=event.source,
            position=event.position,
            event_id=event.event_id,
            type=event.type,
            ordering_key=event.ordering_key,
            partition=event.partition,
            occur_time=event.occur_time,
            record_time=event.record_time,
            actor=event.actor,
            traceparent=event.traceparent,
            payload=event.payload,
            reason=reason,
            attempts=attempts,
            park_time=at,
        )
        .on_conflict_do_nothing()
    )


def behind(tx: Transaction, event_id: str) -> list[Parked]:
    """Lock and return a parked event and all that wait with it under its key, in the order of
    their positions."""
    found = tx.execute(
        sa.select(parked_event.c.source, parked_event.c.ordering_key).where(
            parked_event.c.event_id == event_id, parked_event.c.applied_time.is_(None)
        )
    ).one_or_none()
    if found is None:
        return []
    lock_key(tx, found.source, found.ordering_key)
    return _parked(
        tx,
        parked_event.c.source == found.source,
        parked_event.c.ordering_key == found.ordering_key,
        lock=True,
    )


def parked_count(tx: Transaction) -> int:
    """Count what could not be applied, for the metric."""
    query = sa.select(sa.func.count()).where(parked_event.c.applied_time.is_(None))
    return int(tx.execute(query).scalar_one())


def list_parked(tx: Transaction, *, after: tuple[datetime, str] | None, limit: int) -> list[Parked]:
    """Return parked events, oldest first, behind a pair of park time and event id."""
    columns = (parked_event.c.park_time, parked_event.c.event_id)
    condition = sa.true() if after is None else sa.tuple_(*columns) > tuple(after)
    return _parked(tx, condition, limit=limit)


def _parked(
    tx: Transaction, *conditions: sa.ColumnElement[bool], lock: bool = False, limit: int = 10_000
) -> list[Parked]:
    order = (
        [parked_event.c.source, parked_event.c.position]
        if lock
        else [parked_event.c.park_time, parked_event.c.event_id]
    )
    query = (
        sa.select(*[column for column in parked_event.c if column.name != "applied_time"])
        .where(parked_event.c.applied_time.is_(None), *conditions)
        .order_by(*order)
        .limit(limit)
    )
    rows = tx.execute(query.with_for_update() if lock else query).all()
    return [
        Parked(
            ReceivedEvent(
                **{name: getattr(row, name) for name in ReceivedEvent.__dataclass_fields__}
            ),
            row.reason,
            row.attempts,
            row.park_time,
        )
        for row in rows
    ]


def mark_applied(tx: Transaction, event_id: str, *, at: datetime) -> None:
    """Take an event off the list."""
    tx.execute(
        sa.update(parked_event).where(parked_event.c.event_id == event_id).values(applied_time=at)
    )


def mark_failed(tx: Transaction, event_id: str, *, reason: str) -> None:
    """Count one more try that failed."""
    tx.execute(
        sa.update(parked_event)
        .where(parked_event.c.event_id == event_id)
        .values(reason=reason, attempts=parked_event.c.attempts + 1)
    )
