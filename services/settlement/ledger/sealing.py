"""What is done with the chain: a turn seals what is committed, and anybody who may read it proves
that nothing was changed since."""

from datetime import datetime
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.scope import Caller
from settlement.ledger import block_storage
from settlement.ledger.blocks import Block, Verdict, verdict

BLOCK_TRANSFERS_MAX: Final = 2_000
TURN_BLOCKS_MAX: Final = 20


def seal_committed(tx: Transaction, *, at: datetime) -> Outcome[bool]:
    """Seal the transfers that no other can come before any more, in blocks.

    Shape: True when there are more. One at a time seals, by the lock of the turn; a second one
        would meet the number of the block.
    """
    until = block_storage.settled_sequence(tx)
    for _ in range(TURN_BLOCKS_MAX if until else 0):
        if not block_storage.seal(tx, until=until, limit=BLOCK_TRANSFERS_MAX, at=at):
            return Outcome(False)
    return Outcome(bool(until))


def verify(tx: Transaction, *, first: int, limit: int, by: Caller) -> Verdict:
    """Recompute blocks from one on, and name the first that is not what it was.

    Errors: OutOfScope for a person who does not belong to the root of the organisation.
    """
    scope.require_root(tx, by)
    before = block_storage.head(tx, number=first - 1) if first > 1 else None
    return verdict(before, block_storage.check(tx, first=first, limit=limit), limit=limit)


def head(tx: Transaction) -> Block | None:
    """Return the last block of the chain."""
    return block_storage.head(tx)
