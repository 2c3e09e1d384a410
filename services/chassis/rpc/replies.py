"""The replies of writes, kept for seven days, so that a repeat gets the first one byte for byte."""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

import sqlalchemy as sa
from google.protobuf.message import Message

from chassis import arrays
from chassis.database import Later, Transaction, run
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

# Written out once: building a statement costs more than running it.
CLAIM = sa.text(
    "INSERT INTO idempotency_key (caller, method, request_id, fingerprint)"
    " VALUES (:caller, :method, :request_id, :fingerprint) ON CONFLICT DO NOTHING RETURNING 1"
)
_IS = "WHERE caller = :caller AND method = :method AND request_id = :request_id"
STORE = sa.text(f"UPDATE idempotency_key SET reply = :reply {_IS}")
FIND = sa.text(f"SELECT fingerprint, reply FROM idempotency_key {_IS}")
# Looks each key up by its index, whatever the planner believes of the size of the table.
FIND_ALL = """
SELECT caller, method, request_id, fingerprint, reply
FROM unnest(%(callers)s::text[], %(methods)s::text[], %(request_ids)s::uuid[])
  AS wanted (caller, method, request_id),
LATERAL (SELECT k.fingerprint, k.reply FROM idempotency_key AS k
         WHERE k.caller = wanted.caller AND k.method = wanted.method
           AND k.request_id = wanted.request_id
         LIMIT 1) AS found
WHERE reply IS NOT NULL
"""
FORGET = sa.text(f"DELETE FROM idempotency_key {_IS}")
CLAIM_ALL = """
    INSERT INTO idempotency_key (caller, method, request_id, fingerprint)
    SELECT caller, method, request_id, fingerprint
    FROM unnest(%(callers)s::text[], %(methods)s::text[], %(request_ids)s::uuid[],
                %(fingerprints)s::bytea[]) AS new (caller, method, request_id, fingerprint)
    ORDER BY caller, method, request_id
    ON CONFLICT DO NOTHING
    RETURNING caller, method, request_id
"""
# Every row is there and conflicts. An UPDATE would join, and a plan that was kept since the table
# was small reads all of it; this finds each row by its key, whatever the planner believes.
STORE_ALL = """
    INSERT INTO idempotency_key (caller, method, request_id, fingerprint, reply)
    SELECT caller, method, request_id, '', reply
    FROM unnest(%(callers)s::text[], %(methods)s::text[], %(request_ids)s::uuid[],
                %(replies)s::bytea[]) AS new (caller, method, request_id, reply)
    ON CONFLICT (caller, method, request_id) DO UPDATE SET reply = excluded.reply
"""


class RequestIdReused(FailedPrecondition):
    """The same request id came with another content."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        """Name the id."""
        super().__init__(f"request {request_id} was another one", requestId=request_id)


class Key(NamedTuple):
    """Name a write: who sent it, to which method, under which id.

    Shape: a tuple, because keys are looked up many times a call.
    """

    caller: str
    method: str
    request_id: UUID


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
            raise RequestIdReused(str(key.request_id))
        return self.reply


def identify(call: Call, request: Message) -> tuple[Key, bytes]:
    """Return the key of a write and the SHA-256 of what it asks."""
    key = Key(call.caller.subject, call.method.name, UUID(call.request_id))
    return key, hashlib.sha256(request.SerializeToString(deterministic=True)).digest()


def claim(tx: Transaction, key: Key, *, fingerprint: bytes) -> bool:
    """Insert the key; False when a twin has it already. Waits for a twin whose transaction is still
    open."""
    claimed = tx.execute(CLAIM, {**_values(key), "fingerprint": fingerprint})
    return claimed.first() is not None


def store(tx: Transaction, key: Key, *, reply: bytes) -> None:
    """Keep the reply under its key."""
    tx.execute(STORE, {**_values(key), "reply": reply})


def find(tx: Transaction, key: Key) -> Stored | None:
    """Return what the write answered before, or None when it is new."""
    row = tx.execute(FIND, _values(key)).one_or_none()
    if row is None or row.reply is None:
        return None
    return Stored(bytes(row.fingerprint), bytes(row.reply))


def find_all(tx: Transaction, keys: Collection[Key]) -> dict[Key, Stored]:
    """Return what many writes answered before; those that are new are missing."""
    return {
        Key(caller, method, request_id): Stored(fingerprint, reply)
        for caller, method, request_id, fingerprint, reply in run(tx, FIND_ALL, _arrays(keys))
    }


def claim_all(tx: Transaction, claims: Sequence[tuple[Key, bytes]]) -> Later[set[Key]]:
    """Insert many keys with their fingerprints, and return those that were new, once it is asked
    for.

    Shape: in the order of the keys, so that two batches cannot wait for each other.
    """
    rows = run(
        tx,
        CLAIM_ALL,
        {
            **_arrays([key for key, _ in claims]),
            "fingerprints": arrays.blobs([fingerprint for _, fingerprint in claims]),
        },
    )

    def claimed() -> set[Key]:
        if rows.rowcount == len(claims):
            return {key for key, _ in claims}
        return {Key(*row) for row in rows}

    return claimed


def store_all(tx: Transaction, replies: Sequence[tuple[Key, bytes]]) -> None:
    """Keep many replies under their keys."""
    run(
        tx,
        STORE_ALL,
        {
            **_arrays([key for key, _ in replies]),
            "replies": arrays.blobs([reply for _, reply in replies]),
        },
    )


def forget(tx: Transaction, key: Key) -> None:
    """Give up a key whose call was refused; a refusal is never stored."""
    tx.execute(FORGET, _values(key))


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


def _values(key: Key) -> dict[str, object]:
    return {"caller": key.caller, "method": key.method, "request_id": key.request_id}


def _arrays(keys: Collection[Key]) -> dict[str, object]:
    return {
        "callers": arrays.texts([key.caller for key in keys]),
        "methods": arrays.texts([key.method for key in keys]),
        "request_ids": arrays.texts([key.request_id.hex for key in keys]),
    }
