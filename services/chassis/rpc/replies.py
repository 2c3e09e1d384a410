"""The replies of writes, kept for seven days, so that a repeat gets the first one byte for byte."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import sqlalchemy as sa
from google.protobuf.message import Message

from chassis.database import Transaction
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
FORGET = sa.text(f"DELETE FROM idempotency_key {_IS}")
CLAIM_ALL = sa.text(
    """
    INSERT INTO idempotency_key (caller, method, request_id, fingerprint)
    SELECT caller, method, request_id, fingerprint
    FROM unnest(CAST(:callers AS text[]), CAST(:methods AS text[]), CAST(:request_ids AS uuid[]),
                CAST(:fingerprints AS bytea[])) AS new (caller, method, request_id, fingerprint)
    ORDER BY caller, method, request_id
    ON CONFLICT DO NOTHING
    RETURNING caller, method, request_id
    """
)
STORE_ALL = sa.text(
    """
    UPDATE idempotency_key AS k SET reply = new.reply
    FROM unnest(CAST(:callers AS text[]), CAST(:methods AS text[]), CAST(:request_ids AS uuid[]),
                CAST(:replies AS bytea[])) AS new (caller, method, request_id, reply)
    WHERE (k.caller, k.method, k.request_id) = (new.caller, new.method, new.request_id)
    """
)


class RequestIdReused(FailedPrecondition):
    """The same request id came with another content."""

    reason = "REQUEST_ID_REUSED"

    def __init__(self, request_id: str) -> None:
        """Name the id."""
        super().__init__(f"request {request_id} was another one", requestId=request_id)


@dataclass(frozen=True, slots=True)
class Key:
    """Name a write: who sent it, to which method, under which id."""

    caller: str
    method: str
    request_id: UUID


@dataclass(frozen=True, slots=True)
class Stored:
    """Hold what a write answered, and the SHA-256 of what it asked."""

    fingerprint: bytes
    reply: bytes


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


def claim_all(tx: Transaction, claims: Sequence[tuple[Key, bytes]]) -> set[Key]:
    """Insert many keys with their fingerprints, and return those that were new.

    Shape: in the order of the keys, so that two batches cannot wait for each other.
    """
    rows = tx.execute(
        CLAIM_ALL,
        {
            "callers": [key.caller for key, _ in claims],
            "methods": [key.method for key, _ in claims],
            "request_ids": [key.request_id for key, _ in claims],
            "fingerprints": [fingerprint for _, fingerprint in claims],
        },
    )
    return {Key(row.caller, row.method, row.request_id) for row in rows}


def store_all(tx: Transaction, replies: Sequence[tuple[Key, bytes]]) -> None:
    """Keep many replies under their keys."""
    tx.execute(
        STORE_ALL,
        {
            "callers": [key.caller for key, _ in replies],
            "methods": [key.method for key, _ in replies],
            "request_ids": [key.request_id for key, _ in replies],
            "replies": [reply for _, reply in replies],
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
