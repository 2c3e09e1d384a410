"""What is done with credit notes: take an invoice back, the whole or a part, as if that had never
been sold; `usecases` alone uses it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from chassis.database import Transaction
from chassis.ids import derived_id
from chassis.money import Money, total
from chassis.outcome import Outcome
from settlement.credit import usecases as limits
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import Reason
from settlement.rebate import usecases as rebate
from settlement.rebate.domain import GoodsBack
from settlement.receivable import matching, notes, overdue, storage
from settlement.receivable.credit_note import (
    CreditedLine,
    CreditNote,
    CreditNoteIssued,
    Returned,
    give_back,
    lines_after,
    parts_of,
    whole_of,
)
from settlement.receivable.domain import Allocation, Invoice, InvoicePaid, State
from settlement.receivable.matching import When
from settlement.receivable.pickup import PickupCompleted, completed
from settlement.receivable.revenue import RevenueLine, revenue_of

CREDIT_NOTE = "credit_note"


@dataclass(frozen=True, slots=True)
class Taken:
    """Say what is taken back: which order's invoice, why, under which id, and when.

    Shape: `lines` are pieces of products; None means all that is left of the invoice. Pieces that
        `came_back` are taken back as far as they are left, for they are here.
    """

    order_id: str
    partner_id: str
    credit_note_id: str
    reason: str
    at: datetime
    lines: Sequence[Returned] | None = None
    came_back: bool = False


def credit(tx: Transaction, taken: Taken, *, zone: tzinfo) -> Outcome[CreditNote | None]:
    """Issue a credit note, with the exact inverse of what the lines caused.

    Shape: the note, also when one of this id was issued before; None when the order has no invoice,
        or all of it was taken back before.
    Errors: CreditExceedsInvoice unless the goods came back, CurrencyMismatch.
    """
    account = limits.find_all(tx, [taken.partner_id], lock=True).get(taken.partner_id)
    known = notes.find_credit_note(tx, taken.credit_note_id)
    if known is not None:
        return Outcome(known)
    found = storage.of_order(tx, taken.order_id)
    if found is None or (taken.lines is None and found.state is State.CREDITED):
        return Outcome(None)
    parts = _parts(found, taken)
    if not parts and taken.came_back:
        return Outcome(None)
    when = When(taken.at, zone)
    note, facts = _issue(tx, found, parts, taken=taken, when=when)
    currency_code = found.amount.currency_code
    paid = matching.oldest_first(tx, taken.partner_id, currency_code, when=when)
    released = [] if account is None else overdue.review(tx, [account], today=when.on)
    return Outcome(note, facts=[*facts, *paid.facts, *released])


def _parts(found: Invoice, taken: Taken) -> list[CreditedLine]:
    if taken.lines is None:
        return whole_of(found)
    return parts_of(found, taken.lines, came_back=taken.came_back)


def _issue(
    tx: Transaction, found: Invoice, parts: Sequence[CreditedLine], *, taken: Taken, when: When
) -> tuple[CreditNote, list[object]]:
    """Store a credit note and post it; what was paid and is no longer owed goes back."""
    note_id, delivery = taken.credit_note_id, found.delivery
    reason = Reason(CREDIT_NOTE, "invoice", found.invoice_id, when.on, when.at)
    on = reason.post_date
    now = found.credit_part(lines_after(found, parts), credit_note_id=note_id, on=on)
    now = completed(now, on=on)
    back = found.paid_amount - now.paid_amount
    note = CreditNote(
        credit_note_id=note_id,
        invoice_id=found.invoice_id,
        order_id=delivery.order_id,
        partner_id=delivery.partner_id,
        unit_id=delivery.unit_id,
        lines=tuple(parts),
        amount=total(found.amount.currency_code, [one.amount for one in parts]),
        given_back=back,
        reason=taken.reason,
        issue_date=on,
    )
    storage.save(tx, now)
    notes.add_credit_note(tx, note)
    rebate.came_back(
        tx,
        partner_id=delivery.partner_id,
        order_id=delivery.order_id,
        note_id=note_id,
        goods=_goods(now, parts),
        day=on,
    )
    undone = matching.undo(tx, found, _paid_back(tx, found, back), note_id=note_id, when=when)
    revenue = revenue_of(found, _revenue_lines(note), reason, reversal=True)
    ledger.post(tx, revenue.moves)
    is_paid_now = now.state is State.PAID and found.state is not State.PAID
    paid = [InvoicePaid(now, on)] if is_paid_now else []
    opened = [PickupCompleted(now)] if now.pickup_state is not found.pickup_state else []
    return note, [CreditNoteIssued(note), *revenue.actuals, *undone, *paid, *opened]


def _goods(now: Invoice, parts: Sequence[CreditedLine]) -> list[GoodsBack]:
    """Say of each product of an invoice how much was sold, came back, and comes back now."""
    found: dict[str, GoodsBack] = {}
    taken = {one.line_number: one.amount.amount_minor for one in parts}
    for number, line in enumerate(now.delivery.lines, 1):
        before = found.get(line.product_id, GoodsBack(line.product_id, 0, 0, 0))
        found[line.product_id] = GoodsBack(
            line.product_id,
            before.sold_minor + line.amount.amount_minor,
            before.back_minor + line.credited_minor,
            before.now_minor + taken.get(number, 0),
        )
    return list(found.values())


def _paid_back(tx: Transaction, invoice: Invoice, back: Money) -> list[Allocation]:
    if not back.amount_minor:
        return []
    paid = storage.allocations(tx, invoice.invoice_id, invoice.amount.currency_code)
    return give_back(paid, back)


def _revenue_lines(note: CreditNote) -> list[RevenueLine]:
    return [
        RevenueLine(
            derived_id(note.credit_note_id, CREDIT_NOTE, one.line_number),
            one.product_id,
            one.quantity,
            one.amount,
        )
        for one in note.lines
    ]
