"""New entries are stored and posted, and told of."""

from collections.abc import Sequence

from chassis.database import Transaction
from chassis.outcome import Outcome
from settlement.commission import posting, storage
from settlement.commission.domain import CommissionAccrued, Entry
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import Move


def accrued_all(tx: Transaction, new: Sequence[Sequence[Entry]]) -> list[Outcome[list[Entry]]]:
    """Store and post new entries, those that belong together in one list.

    Shape: for each list those of its entries whose event had earned nothing yet, with their facts.
    """
    stored = storage.add(tx, [one for own in new for one in own])
    kept = [[one for one in own if one.entry_id in stored] for own in new]
    moves = [[posting.accrual(one) for one in own] for own in kept]
    ledger.post_all(tx, moves)
    return [_accrued(*own) for own in zip(kept, moves, strict=True)]


def _accrued(entries: list[Entry], moves: Sequence[Move]) -> Outcome[list[Entry]]:
    actuals = [
        posting.actual(entry, move, reversal=False)
        for entry, move in zip(entries, moves, strict=True)
    ]
    return Outcome(entries, facts=[*map(CommissionAccrued, entries), *actuals])
