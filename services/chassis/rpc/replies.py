"""The replies of writes, kept for seven days, so that a repeat gets the first one byte for byte."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import sqlalchemy as sa
from google.protobuf.message import Message

from chassis import arrays
from chassis.database import Database, Later, Transaction, run
from chassis.errors import FailedPrecondition
from chassis.rpc.call import Call

TABLES = sa.MetaData()

idempotency_key = sa.Table(
    "idempotency_key",
    TABLES,
    sa.Column("caller", sa.Text, primary_key=True),
    sa.Column("method", sa.Text, primary_key=True),
    sa.Column("request_id", sa.Uuid, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary, nullable=False),
    sa.Column("reply", sa.LargeBinary),
    sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
)

PURGE_BATCH = 5_000

# A twin waits here until the first of them has ended. What it then reads is a statement of its own,
# because a statement sees what was there when it began. Always in one order, so that two batches
# never wait for each other.
HOLD = """
SELECT pg_advisory_xact_lock(number)
FROM (SELECT DISTINCT hashtextextended(request_id, 0) AS number
      FROM unnest(%(request_ids)s::text[]) AS wanted (request_id)
      ORDER BY number) AS numbers
"""
# Looks each key up by its index, whatever the planner believes of the size of the table.
FIND = """
SELECT caller, request_id, fingerprint, reply
FROM unnest(%(callers)s::text[], %(request_ids)s::text[]) AS wanted (caller, request_id),
LATERAL (SELECT k.fingerprint, k.reply FROM idempotency_key AS k
         WHERE k.caller = wanted.caller AND k.method = %(method)s
           AND k.request_id = wanted.request_id::uuid
         LIMIT 1) AS found
"""
KEEP = """
INSERT INTO idempotency_key (caller, method, request_id, fingerprint, reply)
SELECT caller, %(method)s, request_id, fingerprint, reply
FROM unnest(%(callers)s::text[], %(request_ids)s::uuid[], %(fingerprints)s::bytea[],
            %(replies)s::bytea[]) AS new (caller, request_id, fingerprint, reply)
ORDER BY caller, request_id
"""


class RequestIdReused(FailedPrecondition):
    """The same request id came with another content."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        """Name the id."""
        super().__init__(f"request {request_id} was another one", requestId=request_id)


class Key(NamedTuple):
    """Name a write: who sent it, to which method, under which id.

    Shape: a tuple, because keys are looked up many times a call; the id in lower case.
    """

    caller: str
    method: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Stored:
    """Hold what a write answered, and the SHA-256 of what it asked."""

    fingerprint: bytes
    reply: bytes

    def reply_to(self, key: Key, fingerprint: bytes) -> bytes:
        """Return the reply to the same request.

        Errors: RequestIdReused when it answered another content.
        """
        if self.fingerprint != fingerprint:
            raise RequestIdReused(key.request_id)
        return self.reply


def identify(call: Call, request: Message) -> tuple[Key, bytes]:
    """Return the key of a write and the SHA-256 of what it asks."""
    key = Key(call.caller.subject, call.method.name, call.request_id.lower())
    return key, hashlib.sha256(request.SerializeToString(deterministic=True)).digest()


def hold(tx: Transaction, keys: Collection[Key]) -> Later[dict[Key, Stored]]:
    """Wait until no other transaction works under these keys, and let none begin before this one
    ends; then look as `find` does."""
    run(tx, HOLD, {"request_ids": arrays.texts([key.request_id for key in keys])})
    return find(tx, keys)


def find(tx: Transaction, keys: Collection[Key]) -> Later[dict[Key, Stored]]:
    """Return what writes of one method answered before, once it is asked for; those that are new
    are missing."""
    method = next(iter(keys)).method
    rows = run(tx, FIND, _values(keys))
    return lambda: {
        Key(caller, method, request_id): Stored(fingerprint, reply)
        for caller, request_id, fingerprint, reply in rows
    }


def find_alone(
    database: Database, key: Key, fingerprint: bytes, *, timeout_s: float
) -> bytes | None:
    """Return what a write answered before, from a transaction of its own; None when it is new.

    Errors: RequestIdReused.
    """
    stored = database.read(lambda tx: find(tx, [key])(), timeout_s=timeout_s).get(key)
    return None if stored is None else stored.reply_to(key, fingerprint)


def keep(tx: Transaction, answered: Sequence[tuple[Key, bytes, bytes]]) -> None:
    """Keep the fingerprints and replies of writes of one method.

    Shape: at least one; whoever keeps them has held their keys.
    """
    run(
        tx,
        KEEP,
        _values([key for key, _, _ in answered])
        | {
            "fingerprints": arrays.blobs([fingerprint for _, fingerprint, _ in answered]),
            "replies": arrays.blobs([reply for _, _, reply in answered]),
        },
    )


def purge(tx: Transaction, *, older_than_days: int) -> int:
    """Forget the oldest replies and return how many there were, 5,000 at most."""
    old = (
        sa.select(idempotency_key.c.caller, idempotency_key.c.method, idempotency_key.c.request_id)
        .where(
            idempotency_key.c.record_time
            < sa.func.now() - sa.func.make_interval(0, 0, 0, older_than_days)
        )
        .limit(PURGE_BATCH)
        .subquery()
    )
    result = tx.execute(
        sa.delete(idempotency_key).where(
            sa.tuple_(
                idempotency_key.c.caller, idempotency_key.c.method, idempotency_key.c.request_id
            ).in_(sa.select(old))
        )
    )
    return result.rowcount


def _values(keys: Collection[Key]) -> dict[str, object]:
    return {
        "method": next(iter(keys)).method,
        "callers": arrays.texts([key.caller for key in keys]),
        "request_ids": arrays.texts([key.request_id for key in keys]),
    }
