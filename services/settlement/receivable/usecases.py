"""What is done with invoices: issue, pay, credit, pick up.

Whoever writes here locks the partner's credit account first, so that credit never sees an invoice
without its receivable.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from chassis import scope
from chassis.database import Transaction
from chassis.ids import derived_id, new_id
from chassis.money import CurrencyMismatch, Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import local_date
from chassis.scope import Caller
from settlement.credit import usecases as limits
from settlement.credit.domain import ORDER, CreditAccount, Owner
from settlement.credit.domain import State as ReservationState
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, unit_account
from settlement.receivable import crediting, issuing, matching, notes, overdue, storage
from settlement.receivable.credit_note import CreditNote, Returned
from settlement.receivable.crediting import Taken
from settlement.receivable.domain import (
    Delivery,
    Invoice,
    InvoiceIssued,
    InvoicePaid,
    Matched,
    OpenItems,
    PickupState,
    Receipt,
    ReceiptReferenceUsed,
    Recorded,
    State,
    Wanted,
    issue,
    match,
)
from settlement.receivable.hand import require_fit
from settlement.receivable.matching import When
from settlement.receivable.pickup import PickupCompleted, PickupLine, PickupNote, pick
from settlement.receivable.revenue import Revenue, RevenueLine, revenue_of
from settlement.receivable.statement import partner_statement

__all__ = [
    "Returned",
    "Taken",
    "credit",
    "credit_order",
    "get_invoice",
    "invoice_all",
    "list_credit_notes",
    "list_invoices",
    "list_pickups",
    "list_receipts",
    "match_receipt",
    "partner_statement",
    "record_pickup",
    "record_receipt",
    "take_in",
]


@dataclass(frozen=True, slots=True)
class _Issued:
    """Hold a new invoice with its posting, and what was paid when it came."""

    invoice: Invoice
    revenue: Revenue
    matched: Matched
    when: When

    @property
    def moves(self) -> list[Move]:
        """Return what is posted, in its order."""
        return [*self.revenue.moves, *matching.moves(self.matched, when=self.when)]

    def outcome(self, told: Sequence[object]) -> Outcome[Invoice | None]:
        """Return the invoice as it was issued, with its facts in their order."""
        on, is_paid = self.when.on, self.invoice.state is State.PAID
        settled = [InvoicePaid(self.invoice, on)] if is_paid else []
        paid = matching.facts(self.matched, on=on)
        facts = [InvoiceIssued(self.invoice), *self.revenue.actuals, *settled, *paid, *told]
        return Outcome(self.invoice, facts=facts)


def invoice_all(
    tx: Transaction, deliveries: Sequence[tuple[Delivery, datetime]], *, zone: tzinfo
) -> list[Outcome[Invoice | None]]:
    """Issue the invoices of delivered orders, each with its time, and pay them with what the
    partners have on account, as if one came after the other.

    Shape: None for an order that is invoiced already.
    Errors: PolicyNotFound when nothing says how long a partner has to pay.
    Source: R-133, R-136.
    """
    opened = [CreditAccount(one.partner_id, one.unit_id, one.total) for one, _ in deliveries]
    accounts = limits.accounts_for(tx, opened, lock=True)
    done = issuing.invoiced(tx, [one.order_id for one, _ in deliveries])
    items = issuing.open_items(tx, accounts)
    issued: dict[str, _Issued] = {}
    for delivery, at in deliveries:
        if delivery.order_id not in done and delivery.order_id not in issued:
            when = When(at, zone)
            account = accounts[delivery.partner_id]
            due = when.on + timedelta(days=limits.days_to_pay(tx, account, on=when.on))
            new = issue(delivery, invoice_id=new_id(), issue_date=when.on, due_date=due, at=at)
            issued[delivery.order_id] = _issued(new, items, when)
    told = _store(tx, list(issued.values())) if issued else {}
    # Of an order that comes twice, the first issues.
    return [
        Outcome(None)
        if (own := issued.pop(one.order_id, None)) is None
        else own.outcome(told.get(one.order_id, []))
        for one, _ in deliveries
    ]


def credit_order(
    tx: Transaction, *, order_id: str, partner_id: str, at: datetime, zone: tzinfo
) -> Outcome[CreditNote | None]:
    """Take what is left of the invoice of a cancelled order back.

    Shape: what was paid for it is on account again and pays other invoices; None when the order has
        no invoice, or had it taken back before.
    """
    return credit(tx, Taken(order_id, partner_id, new_id(), "cancellation", at), zone=zone)


def credit(tx: Transaction, taken: Taken, *, zone: tzinfo) -> Outcome[CreditNote | None]:
    """Take an invoice back, the whole or pieces of it, with the exact inverse of what they caused.

    Shape: revenue and receivable go back; what was paid and is no longer owed is on the partner's
        account again (with rebate base and commission on cash), and pays other invoices. The same
        `credit_note_id` again gives the first note and changes nothing; None when there is nothing
        to take back. However an invoice is taken back in parts, all balances end where they began.
    Errors: CreditExceedsInvoice, CurrencyMismatch.
    Source: R-095.
    """
    return crediting.credit(tx, taken, zone=zone)


def record_receipt(
    tx: Transaction,
    *,
    partner_id: str,
    amount: Money,
    reference: str,
    by_hand: bool,
    by: Caller,
    when: When,
) -> Outcome[Recorded]:
    """Record money that a partner paid, and pay its oldest invoices with it unless somebody is to
    match it by hand.

    Errors: CreditAccountNotFound, ReceiptReferenceUsed, CurrencyMismatch, OutOfScope.
    Source: R-136.
    """
    matching.take_turn(tx, partner_id)
    account = limits.require(tx, partner_id=partner_id, by=by, lock=True)
    new = Receipt(
        new_id(), partner_id, amount, amount, reference, when.on, account.unit_id, by_hand
    )
    cash = unit_account(AccountCode.CASH, account.unit_id, amount.currency_code)
    advance = AccountRef(AccountCode.ADVANCE, partner_id, account.unit_id, amount.currency_code)
    reason = Reason("receipt", "receipt", new.receipt_id, when.on, when.at)
    return take_in(
        tx, account, new, moves=[Move(new.receipt_id, cash, advance, amount, reason)], when=when
    )


def take_in(
    tx: Transaction,
    account: CreditAccount,
    new: Receipt,
    *,
    moves: Sequence[Move],
    when: When,
) -> Outcome[Recorded]:
    """Take in a receipt with its postings, and pay the oldest invoices with it; the account is
    locked.

    Errors: ReceiptReferenceUsed, CurrencyMismatch.
    """
    if new.amount.currency_code != account.limit.currency_code:
        raise CurrencyMismatch(account.limit.currency_code, new.amount.currency_code)
    if not storage.add_receipt(tx, new):
        raise ReceiptReferenceUsed(new.partner_id, new.reference)
    ledger.post(tx, moves)
    if new.by_hand:
        return Outcome(Recorded(new, (), {}))
    paid = matching.oldest_first(tx, new.partner_id, new.amount.currency_code, when=when)
    return _recorded(tx, account, new, paid=paid, when=when)


def match_receipt(
    tx: Transaction,
    *,
    receipt_id: str,
    invoice_id: str,
    amount: Money | None,
    by: Caller,
    when: When,
) -> Outcome[Recorded]:
    """Pay an invoice with a receipt, or the partner's oldest ones when none is named.

    Shape: without an amount it is as much as the receipt has and the invoice needs.
    Errors: ReceiptNotFound, InvoiceNotFound, InvoicePartnerDiffers, ReceiptSpent, InvoiceSettled,
        PickupOpen, CurrencyMismatch, OutOfScope.
    Source: R-136.
    """
    partner_id = storage.receipt_of(tx, receipt_id).partner_id
    matching.take_turn(tx, partner_id)
    account = limits.require(tx, partner_id=partner_id, by=by, lock=True)
    [receipt] = storage.receipts(tx, [receipt_id])
    if invoice_id:
        invoice = storage.get(tx, invoice_id, lock=True)
        part = require_fit(receipt, invoice, amount)
        found = match([replace(receipt, unallocated=part)], [invoice])
        found = replace(found, receipts=(receipt.take(part),))
    else:
        own = receipt.amount.currency_code
        waiting = storage.open_invoices(tx, [partner_id])
        found = match([receipt], [one for one in waiting if one.amount.currency_code == own])
    paid = matching.pay(tx, found, when=when)
    return _recorded(tx, account, receipt, paid=paid, when=when)


def record_pickup(
    tx: Transaction,
    *,
    invoice_id: str,
    lines: Sequence[PickupLine],
    slip: str,
    by: Caller,
    when: When,
) -> Outcome[tuple[PickupNote, Invoice]]:
    """Record what a partner picked up of an invoice's goods; with the last piece its settlement
    opens, and what the partner has on account pays it.

    Errors: InvoiceNotFound, InvoiceCredited, PickupExceedsInvoice, OutOfScope.
    Source: R-133.
    """
    delivery = storage.get(tx, invoice_id).delivery
    scope.require(tx, by, delivery.unit_id)
    matching.take_turn(tx, delivery.partner_id)
    limits.lock(tx, delivery.partner_id)
    before = storage.get(tx, invoice_id, lock=True)
    now = pick(before, lines, on=when.on)
    note = PickupNote(
        new_id(), invoice_id, delivery.partner_id, delivery.unit_id, tuple(lines), slip, when.on,
        by.subject,
    )  # fmt: skip
    notes.add_pickup(tx, note, [line.picked_quantity for line in now.delivery.lines])
    storage.save(tx, now)
    if now.pickup_state is not PickupState.COMPLETE:
        return Outcome((note, now))
    currency_code = now.amount.currency_code
    paid = matching.oldest_first(tx, delivery.partner_id, currency_code, when=when)
    after = {one.invoice_id: one for one in paid.matched.invoices}.get(invoice_id, now)
    return Outcome((note, after), facts=[PickupCompleted(now), *paid.facts])


def get_invoice(tx: Transaction, *, invoice_id: str, by: Caller) -> Invoice:
    """Return an invoice.

    Errors: InvoiceNotFound, OutOfScope.
    """
    found = storage.get(tx, invoice_id)
    scope.require(tx, by, found.delivery.unit_id)
    return found


def list_invoices(tx: Transaction, part: Page, *, wanted: Wanted, by: Caller) -> Slice[Invoice]:
    """Return a page of the invoices in the caller's scope, in the order in which they were
    issued."""
    return storage.page(tx, part, wanted, units=scope.units_of(by))


def list_receipts(
    tx: Transaction, part: Page, *, partner_id: str, unallocated: bool, by: Caller
) -> Slice[Receipt]:
    """Return a page of the receipts in the caller's scope, in the order in which they came."""
    return storage.receipt_page(
        tx, part, partner_id=partner_id, unallocated=unallocated, units=scope.units_of(by)
    )


def list_credit_notes(
    tx: Transaction, part: Page, *, partner_id: str, order_id: str, by: Caller
) -> Slice[CreditNote]:
    """Return a page of the credit notes in the caller's scope, in the order in which they were
    issued."""
    return notes.credit_notes(
        tx, part, units=scope.units_of(by), partner_id=partner_id, order_id=order_id
    )


def list_pickups(tx: Transaction, part: Page, *, invoice_id: str, by: Caller) -> Slice[PickupNote]:
    """Return a page of the pick-up notes of an invoice, in the order in which they were written.

    Errors: InvoiceNotFound, OutOfScope.
    """
    get_invoice(tx, invoice_id=invoice_id, by=by)
    return notes.pickups(tx, part, invoice_id=invoice_id)


def _issued(new: Invoice, items: Mapping[tuple[str, str], OpenItems], when: When) -> _Issued:
    """Post a new invoice, and let what the partner has on account pay its invoices."""
    reason = Reason("invoice", "invoice", new.invoice_id, when.on, when.at)
    lines = [
        RevenueLine(
            derived_id(new.invoice_id, reason.purpose, number),
            line.product_id,
            line.quantity,
            line.amount,
        )
        for number, line in enumerate(new.delivery.lines, 1)
    ]
    revenue = revenue_of(new, lines, reason, reversal=False)
    own = items.get((new.delivery.partner_id, new.amount.currency_code))
    if own is None:
        return _Issued(new, revenue, Matched(), when)
    own.add(new)
    return _Issued(new, revenue, matching.named(own.match(), on=when.on), when)


def _store(tx: Transaction, issued: Sequence[_Issued]) -> dict[str, list[object]]:
    """Store new invoices as they are after all payments, with those that were paid beside them.

    Shape: what others told of the payments of a day, by the day's last order.
    """
    new = {one.invoice.invoice_id: one.invoice for one in issued}
    invoices = {paid.invoice_id: paid for one in issued for paid in one.matched.invoices}
    receipts = {used.receipt_id: used for one in issued for used in one.matched.receipts}
    issuing.add(tx, [invoices.get(id_, one) for id_, one in new.items()])
    issuing.save_paid(
        tx,
        invoices=[one for id_, one in invoices.items() if id_ not in new],
        receipts=receipts.values(),
        allocations=[part for one in issued for part in one.matched.allocations],
    )
    owners = [Owner(ORDER, one.delivery.order_id) for one in new.values()]
    limits.end_all(tx, owners=owners, state=ReservationState.INVOICED)
    ledger.post_all(tx, [one.moves for one in issued])
    days: dict[date, list[_Issued]] = defaultdict(list)
    for one in issued:
        days[local_date(one.when.at, one.when.zone)].append(one)
    return {
        own[-1].invoice.delivery.order_id: matching.tell(
            tx, [one.matched for one in own], when=own[-1].when
        )
        for own in days.values()
    }


def _recorded(
    tx: Transaction,
    account: CreditAccount,
    receipt: Receipt,
    *,
    paid: matching.Payments,
    when: When,
) -> Outcome[Recorded]:
    """Answer with a receipt and what it paid, and release the partner if that was what blocked
    it."""
    matched = paid.matched
    now = {one.receipt_id: one for one in matched.receipts}
    recorded = Recorded(
        now.get(receipt.receipt_id, receipt),
        tuple(one for one in matched.allocations if one.receipt_id == receipt.receipt_id),
        {one.invoice_id: one for one in matched.invoices},
    )
    released = overdue.review(tx, [account], today=when.on)
    return Outcome(recorded, facts=[*paid.facts, *released])
