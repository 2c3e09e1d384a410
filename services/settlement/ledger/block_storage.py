"""The blocks that seal the ledger: each has the hash of its transfers and of the block before.

A posting knows nothing of them. What is committed is sealed behind it, so that writers never wait
for the chain: a transaction takes its transaction number when it locks accounts, before its
transfers take their places, so once every transaction of a moment has ended, no transfer can come
any more below the highest place that was seen at that moment.
"""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from chassis.database import Transaction, run
from settlement.ledger.blocks import Block, Checked

TABLES = sa.MetaData()

ledger_block = sa.Table(
    "ledger_block",
    TABLES,
    sa.Column("block_number", sa.BigInteger, primary_key=True),
    sa.Column("first_sequence", sa.BigInteger, nullable=False),
    sa.Column("last_sequence", sa.BigInteger, nullable=False, unique=True),
    sa.Column("transfer_count", sa.Integer, nullable=False),
    sa.Column("previous_hash", sa.LargeBinary, nullable=False),
    sa.Column("hash", sa.LargeBinary, nullable=False),
    sa.Column("seal_time", sa.DateTime(timezone=True), nullable=False),
)

# Every column of a transfer, none of them in a spelling that a setting of the session could change.
_ROW = """ROW(sequence, transfer_id, kind, debit_account_id, credit_account_id, amount_minor,
  currency_code, pending_transfer_id, (extract(epoch FROM expire_time) * 1000000)::bigint,
  post_date - date '2000-01-01', purpose, subject_kind, subject_id, memo,
  (extract(epoch FROM record_time) * 1000000)::bigint, occur_date - date '2000-01-01')::text"""
_HASH = f"""sha256({{previous}} || convert_to(coalesce(
  string_agg({_ROW}, E'\\n' ORDER BY sequence), ''), 'UTF8'))"""
CANDIDATE = "SELECT candidate_sequence, candidate_xid FROM ledger_state"
# The highest place and the next transaction number belong to one moment, that of the statement.
OBSERVE = """
UPDATE ledger_state SET candidate_sequence = seen.sequence, candidate_xid = seen.xid
FROM (
  SELECT (SELECT coalesce(max(sequence), 0) FROM transfer),
    pg_snapshot_xmax(pg_current_snapshot())::text::bigint
) AS seen (sequence, xid)
WHERE candidate_sequence <> seen.sequence
"""
OLDEST = """
SELECT pg_snapshot_xmin(s)::text::bigint, pg_snapshot_xmax(s)::text::bigint
FROM pg_current_snapshot() AS s
"""
SEAL = f"""
WITH head AS (
  SELECT block_number, last_sequence, hash FROM ledger_block ORDER BY block_number DESC LIMIT 1
), tip AS (
  SELECT coalesce(max(block_number), 0) AS block_number,
    coalesce(max(last_sequence), 0) AS sequence, coalesce((SELECT hash FROM head), '') AS hash
  FROM head
), part AS (
  SELECT * FROM transfer WHERE sequence > (SELECT sequence FROM tip) AND sequence <= %(until)s
  ORDER BY sequence LIMIT %(limit)s
)
INSERT INTO ledger_block (block_number, first_sequence, last_sequence, transfer_count,
  previous_hash, hash, seal_time)
SELECT (SELECT block_number + 1 FROM tip), (SELECT sequence + 1 FROM tip), max(sequence), count(*),
  (SELECT hash FROM tip), {_HASH.format(previous="(SELECT hash FROM tip)")}, %(at)s
FROM part
HAVING count(*) > 0
RETURNING transfer_count
"""
CHECK = f"""
SELECT b.block_number, b.first_sequence, b.last_sequence, b.transfer_count, b.previous_hash, b.hash,
  b.seal_time, found.count AS found_count, found.hash AS found_hash
FROM ledger_block AS b CROSS JOIN LATERAL (
  SELECT count(*), {_HASH.format(previous="b.previous_hash")} FROM transfer
  WHERE sequence BETWEEN b.first_sequence AND b.last_sequence
) AS found (count, hash)
WHERE b.block_number >= %(first)s ORDER BY b.block_number LIMIT %(limit)s
"""
HEAD = """
SELECT block_number, first_sequence, last_sequence, transfer_count, previous_hash, hash, seal_time
FROM ledger_block WHERE block_number <= %(number)s ORDER BY block_number DESC LIMIT 1
"""
NUMBER_MAX = 2**63 - 1


def settled_sequence(tx: Transaction) -> int:
    """Return the place up to which no transfer can come any more, and look how far it is now.

    Shape: 0 while transactions run that may still write below the place seen last time.
    """
    sequence, xid = run(tx, CANDIDATE, {}).fetchall()[0]
    oldest, following = run(tx, OLDEST, {}).fetchall()[0]
    # A copy of the data in another server begins its transaction numbers anew.
    if oldest < xid <= following:
        return 0
    run(tx, OBSERVE, {})
    return int(sequence) if oldest >= xid else 0


def seal(tx: Transaction, *, until: int, limit: int, at: datetime) -> int:
    """Seal the next transfers up to a settled place in one block, and count them; 0 when there are
    none."""
    row = run(tx, SEAL, {"until": until, "limit": limit, "at": at}).fetchone()
    return 0 if row is None else int(row[0])


def check(tx: Transaction, *, first: int, limit: int) -> Sequence[Checked]:
    """Return the next blocks, each with the count and hash that its transfers have now."""
    rows = run(tx, CHECK, {"first": first, "limit": limit}).fetchall()
    return [Checked(Block(*row[:7]), count=row[7], hash=row[8]) for row in rows]


def head(tx: Transaction, *, number: int = NUMBER_MAX) -> Block | None:
    """Return the last block, or the last one up to a number; None before the first."""
    row = run(tx, HEAD, {"number": number}).fetchone()
    return None if row is None else Block(*row)
