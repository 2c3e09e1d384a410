"""How receipts pay invoices: the postings, what rebate and commission learn of it, and the facts.

`usecases` and `crediting` use it; the partners' credit accounts are locked before anything here.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, tzinfo

from chassis.database import Transaction
from chassis.ids import derived_id, new_id
from chassis.period import local_date
from settlement.commission import usecases as commission
from settlement.commission.cash import Collected
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason
from settlement.rebate import usecases as rebate
from settlement.rebate.domain import BaseEntry, BaseKind
from settlement.receivable import issuing, storage
from settlement.receivable.domain import (
    Allocation,
    Invoice,
    InvoicePaid,
    Matched,
    PaymentMatched,
    State,
)


@dataclass(frozen=True, slots=True)
class When:
    """Hold an instant, and the day that the company has then."""

    at: datetime
    zone: tzinfo

    @property
    def on(self) -> date:
        """Return the day."""
        return local_date(self.at, self.zone)


@dataclass(frozen=True, slots=True)
class Payments:
    """Hold what was matched at once, with the facts of it."""

    matched: Matched
    facts: tuple[object, ...] = ()


def take_turn(tx: Transaction, partner_id: str) -> None:
    """Wait for the facts that are being applied before a partner's credit is locked, where its
    money earns commission.

    Shape: facts hold the expense of units when they come to the credit of the next partner; who
        holds that credit and then waits for the expense would wait for them in a circle.
    """
    if commission.waits_for_money(tx, partner_id):
        ledger.take_turn(tx)


def named(matched: Matched, *, on: date) -> Matched:
    """Give the parts their ids and their day."""
    parts = (replace(one, allocation_id=new_id(), match_date=on) for one in matched.allocations)
    return replace(matched, allocations=tuple(parts))


def oldest_first(tx: Transaction, partner_id: str, currency_code: str, *, when: When) -> Payments:
    """Pay the open invoices of a partner with what it has on account, the oldest first."""
    own = issuing.open_items(tx, [partner_id]).get((partner_id, currency_code))
    return Payments(Matched()) if own is None else pay(tx, own.match(), when=when)


def pay(tx: Transaction, found: Matched, *, when: When) -> Payments:
    """Store what was matched, and post it."""
    matched = named(found, on=when.on)
    if not matched.allocations:
        return Payments(matched)
    issuing.save_paid(
        tx,
        invoices=matched.invoices,
        receipts=matched.receipts,
        allocations=matched.allocations,
    )
    ledger.post(tx, moves(matched, when=when))
    told = tell(tx, [matched], when=when)
    return Payments(matched, (*facts(matched, on=when.on), *told))


def moves(matched: Matched, *, when: When) -> list[Move]:
    """Return the postings of what was matched."""
    on = when.on
    by_id = {invoice.invoice_id: invoice for invoice in matched.invoices}
    return [
        _payment(
            one,
            by_id[one.invoice_id],
            Reason("payment", "invoice", one.invoice_id, on, when.at),
            undone=False,
        )
        for one in matched.allocations
    ]


def facts(matched: Matched, *, on: date) -> list[object]:
    """Return what is told of it: each part with what is open after it, and what is paid in full."""
    by_id = {invoice.invoice_id: invoice for invoice in matched.invoices}
    left = {id_: invoice.open_amount for id_, invoice in by_id.items()}
    parts: list[object] = []
    for one in reversed(matched.allocations):
        invoice = replace(by_id[one.invoice_id], open_amount=left[one.invoice_id])
        parts.append(PaymentMatched(one, invoice, on))
        left[one.invoice_id] = left[one.invoice_id] + one.amount
    paid = [one for one in matched.invoices if one.state is State.PAID]
    return [*reversed(parts), *(InvoicePaid(one, on) for one in paid)]


def tell(tx: Transaction, matched: Sequence[Matched], *, when: When) -> list[object]:
    """Let rebate and commission know which money paid what at once.

    Shape: the facts that this makes.
    """
    paid: list[tuple[Allocation, Invoice]] = []
    for one in matched:
        by_id = {invoice.invoice_id: invoice for invoice in one.invoices}
        paid += [(part, by_id[part.invoice_id]) for part in one.allocations]
    if not paid:
        return []
    on = when.on
    rebate.add_base(
        tx,
        [
            _base(part.allocation_id, BaseKind.PURCHASE, part, invoice=invoice, day=on)
            for part, invoice in paid
        ],
    )
    collected = [Collected(invoice.delivery.order_id, part.amount) for part, invoice in paid]
    return list(commission.collected(tx, collected, at=when.at, zone=when.zone).facts)


def undo(
    tx: Transaction, invoice: Invoice, parts: Sequence[Allocation], *, note_id: str, when: When
) -> list[object]:
    """Put parts of what pays an invoice back on the partner's account, under a credit note.

    Shape: the facts that this makes.
    """
    if not parts:
        return []
    storage.give_back(tx, parts)
    reason = Reason("credit_note", "invoice", invoice.invoice_id, when.on, when.at)
    posted = [
        replace(
            _payment(one, invoice, reason, undone=True),
            transfer_id=derived_id(note_id, f"give back {one.allocation_id}", 0),
        )
        for one in parts
    ]
    ledger.post(tx, posted)
    rebate.add_base(
        tx,
        [
            _base(move.transfer_id, BaseKind.RETURN, one, invoice=invoice, day=when.on)
            for one, move in zip(parts, posted, strict=True)
        ],
    )
    order_id = invoice.delivery.order_id
    undone = [Collected(order_id, one.amount, undone=True) for one in parts]
    return list(commission.collected(tx, undone, at=when.at, zone=when.zone).facts)


def _base(
    entry_id: str, kind: BaseKind, part: Allocation, *, invoice: Invoice, day: date
) -> BaseEntry:
    delivery = invoice.delivery
    return BaseEntry(
        entry_id=entry_id,
        partner_id=delivery.partner_id,
        unit_id=delivery.unit_id,
        kind=kind,
        amount=part.amount,
        day=day,
        order_id=delivery.order_id,
    )


def _payment(allocation: Allocation, invoice: Invoice, reason: Reason, *, undone: bool) -> Move:
    """Move a part of the partner's advance to an invoice, or back."""
    delivery, amount = invoice.delivery, allocation.amount
    advance, receivable = (
        AccountRef(code, delivery.partner_id, delivery.unit_id, amount.currency_code)
        for code in (AccountCode.ADVANCE, AccountCode.RECEIVABLE)
    )
    debit, credited = (receivable, advance) if undone else (advance, receivable)
    transfer_id = derived_id(allocation.allocation_id, reason.purpose, 0)
    return Move(transfer_id, debit, credited, amount, reason)
