"""Take back what returned goods caused, exactly: invoice and payment, rebate base, commission."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.scope import Caller
from settlement.commission import usecases as commission
from settlement.commission.earning import SaleLine
from settlement.ledger import usecases as ledger
from settlement.receivable import usecases as receivable
from settlement.receivable.credit_note import CreditNote, Returned
from settlement.receivable.crediting import Taken
from settlement.receivable.matching import When

REASON = "return"


def take_back(
    tx: Transaction,
    *,
    return_id: str,
    order_id: str,
    partner_id: str,
    lines: Sequence[Returned],
    at: datetime,
    zone: tzinfo,
) -> Outcome[CreditNote | None]:
    """Issue the credit note of a return, with the return's id, and take commission back for it.

    Shape: the note; a return that is known changes nothing, and None is given when nothing of the
        order is left to take back. Rebate follows the money: what the partner had paid for the
        goods leaves its base with the note, what it had not paid was never in it. What finance
        credited of the goods before is not credited again.
    Errors: CurrencyMismatch.
    Source: R-094, R-096, R-124.
    """
    taken = Taken(order_id, partner_id, return_id, REASON, at, lines, came_back=True)
    return _take_back(tx, taken, zone=zone)


def by_hand(
    tx: Transaction,
    *,
    invoice_id: str,
    lines: Sequence[Returned],
    reason: str,
    by: Caller,
    when: When,
) -> Outcome[CreditNote]:
    """Take pieces of an invoice back because finance says so, with the commission on them.

    Shape: it posts revenue before commission, as a stretch of facts does the other way round, so
        it takes its turn like one.
    Errors: InvoiceNotFound, CreditExceedsInvoice, CurrencyMismatch, OutOfScope.
    Source: R-124.
    """
    ledger.take_turn(tx)
    delivery = receivable.get_invoice(tx, invoice_id=invoice_id, by=by).delivery
    taken = Taken(delivery.order_id, delivery.partner_id, new_id(), reason, when.at, lines)
    done = _take_back(tx, taken, zone=when.zone)
    assert done.value is not None, "pieces of an invoice that is there are taken back or refused"
    return Outcome(done.value, facts=done.facts)


def _take_back(tx: Transaction, taken: Taken, *, zone: tzinfo) -> Outcome[CreditNote | None]:
    done = receivable.credit(tx, taken, zone=zone)
    note = done.value
    # A new note always tells of itself; one that was there before has nothing to say.
    if note is None or not done.facts:
        return done
    undone = commission.give_back(
        tx,
        order_id=taken.order_id,
        return_id=note.credit_note_id,
        lines=_by_product(note),
        at=taken.at,
        zone=zone,
    )
    return Outcome(note, facts=[*done.facts, *undone.facts])


def _by_product(note: CreditNote) -> list[SaleLine]:
    """Return what was credited, each product once."""
    found: dict[str, SaleLine] = {}
    for one in note.lines:
        before = found.get(one.product_id)
        quantity, amount = one.quantity, one.amount
        if before is not None:
            quantity, amount = quantity + before.quantity, amount + before.amount
        found[one.product_id] = SaleLine(one.product_id, quantity, amount)
    return list(found.values())
