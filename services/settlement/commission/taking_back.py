"""Commission is taken back: with its order, or in proportion to what was returned of it.

`usecases` names what others call. Whoever takes back locks the entries in their order first.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, tzinfo

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.period import local_date
from settlement.commission import collecting, posting, reversals, storage
from settlement.commission.accruing import accrued_all
from settlement.commission.domain import (
    UNSTATED,
    Cause,
    CommissionReversed,
    Entry,
    Reversal,
    State,
)
from settlement.commission.earning import NOTHING, Basis, Returned, SaleLine
from settlement.ledger import usecases as ledger


@dataclass(frozen=True, slots=True)
class Why:
    """Say why something is taken back, and for which day that counts."""

    cause: Cause
    source_id: str
    on: date
    at: datetime


def reverse_order(
    tx: Transaction, *, order_id: str, at: datetime, zone: tzinfo
) -> Outcome[list[Entry]]:
    """Take back what an order had earned, with the exact inverse of its postings.

    Shape: the entries as they are now; none when nothing stands any more.
    Source: R-119, R-124.
    """
    why = Why(Cause.CANCELLED, "", local_date(at, zone), at)
    collecting.give_up(tx, order_id)
    standing = storage.of_order(tx, order_id)
    done = take_back(tx, [(one, one.left.amount_minor) for one in standing], why=why)
    return Outcome([one.entry for one in done.value], facts=done.facts)


def give_back(
    tx: Transaction,
    *,
    order_id: str,
    return_id: str,
    lines: Sequence[SaleLine],
    at: datetime,
    zone: tzinfo,
) -> Outcome[list[Reversal]]:
    """Take back what returned lines of an order had earned, in proportion.

    Shape: `lines` are what came back now, each product once, with its pieces and what was invoiced
        for them; the caller sees to it that a return counts once. The parts of all returns sum to
        what was earned, to the cent and in any order.
    Source: R-096, R-124.
    """
    why = Why(Cause.RETURNED, return_id, local_date(at, zone), at)
    back = {one.product_id: Returned(one.quantity, one.amount.amount_minor) for one in lines}
    whole = sum(back.values(), NOTHING)
    parts = []
    for entry in storage.of_order(tx, order_id):
        if entry.earning.rate.basis is Basis.POSTING:
            more = (
                back.get(entry.earning.product_id, NOTHING) if entry.earning.product_id else whole
            )
            parts.append(entry.give_back(more))
    new, less = collecting.returned(tx, order_id=order_id, back=back, on=why.on, at=at)
    [anew] = accrued_all(tx, [new])
    done = take_back(tx, [*parts, *less], why=why)
    return Outcome(done.value, facts=[*done.facts, *anew.facts])


def take_back(
    tx: Transaction, parts: Sequence[tuple[Entry, int]], *, why: Why
) -> Outcome[list[Reversal]]:
    """Take back parts of entries, which are locked, each so many minor units.

    Shape: a reversal for each part that is above 0; an entry of which nothing is taken back keeps
        what came back of its goods.
    """
    done = [(entry.state, _reversal(entry, minor, why)) for entry, minor in parts if minor]
    untouched = [entry for entry, minor in parts if not minor]
    made = [one for _, one in done]
    reversals.save_taken_back(tx, [one.entry for one in made] + untouched)
    reversals.add_reversals(tx, made)
    moves = [posting.inverse(one, before, at=why.at) for before, one in done]
    ledger.post(tx, moves)
    actuals = [
        posting.actual(one.entry, move, reversal=True)
        for one, move in zip(made, moves, strict=True)
    ]
    return Outcome(made, facts=[*map(CommissionReversed, made), *actuals])


def _reversal(entry: Entry, amount_minor: int, why: Why) -> Reversal:
    return Reversal(
        reversal_id=new_id(),
        entry=entry.take_back(amount_minor, on=why.on),
        amount=Money(entry.amount.currency_code, amount_minor),
        cause=why.cause,
        source_id=why.source_id,
        reverse_date=why.on,
        late=entry.state not in UNSTATED,
        after_payment=entry.state is State.PAID,
    )
