"""What is done with invoices: issue, pay, credit; and a partner's statement.

Whoever writes here locks the partner's credit account first, so that credit never sees an invoice
without its receivable.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta, tzinfo

from chassis import scope
from chassis.database import Transaction
from chassis.ids import derived_id, new_id
from chassis.money import CurrencyMismatch, Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month, local_date
from chassis.scope import Caller
from settlement.credit import usecases as credit
from settlement.credit.domain import ORDER, CreditAccount, Owner
from settlement.credit.domain import State as ReservationState
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import (
    AccountCode,
    AccountRef,
    ActualKind,
    ActualPosted,
    Move,
    Reason,
    Transfer,
    unit_account,
)
from settlement.receivable import issuing, storage
from settlement.receivable.domain import (
    Allocation,
    Delivery,
    Invoice,
    InvoiceIssued,
    InvoicePaid,
    Matched,
    Movement,
    OpenItems,
    Receipt,
    ReceiptReferenceUsed,
    Recorded,
    State,
    Statement,
    StatementLine,
    Wanted,
    issue,
    section,
)

TRADE = (AccountCode.RECEIVABLE, AccountCode.ADVANCE)
COMMISSION = (AccountCode.COMMISSION_ACCRUED, AccountCode.COMMISSION_PAYABLE)


@dataclass(frozen=True, slots=True)
class _Revenue:
    """Hold the revenue of an invoice's lines: what is posted, and what is told of it."""

    moves: list[Move]
    actuals: list[ActualPosted]


@dataclass(frozen=True, slots=True)
class _Issued:
    """Hold a new invoice with its posting, and what was paid when it came."""

    invoice: Invoice
    revenue: _Revenue
    matched: Matched
    payments: list[Move]

    @property
    def moves(self) -> list[Move]:
        """Return what is posted, in its order."""
        return [*self.revenue.moves, *self.payments]

    def outcome(self) -> Outcome[Invoice | None]:
        """Return the invoice as it was issued, with its facts in their order."""
        settled = [InvoicePaid(self.invoice)] if self.invoice.state is State.PAID else []
        paid = map(InvoicePaid, self.matched.paid)
        facts = [InvoiceIssued(self.invoice), *self.revenue.actuals, *settled, *paid]
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
    accounts = credit.accounts_for(tx, opened, lock=True)
    done = issuing.invoiced(tx, [one.order_id for one, _ in deliveries])
    items = issuing.open_items(tx, accounts)
    issued: dict[str, _Issued] = {}
    for delivery, at in deliveries:
        if delivery.order_id not in done and delivery.order_id not in issued:
            today = local_date(at, zone)
            account = accounts[delivery.partner_id]
            due = today + timedelta(days=credit.days_to_pay(tx, account, on=today))
            new = issue(delivery, invoice_id=new_id(), issue_date=today, due_date=due, at=at)
            issued[delivery.order_id] = _issued(new, items)
    if issued:
        _store(tx, list(issued.values()))
    # Of an order that comes twice, the first issues.
    return [
        Outcome(None) if (own := issued.pop(one.order_id, None)) is None else own.outcome()
        for one, _ in deliveries
    ]


def credit_order(
    tx: Transaction, *, order_id: str, partner_id: str, at: datetime, zone: tzinfo
) -> Outcome[Invoice | None]:
    """Take the invoice of a cancelled order back, with the exact inverse of its postings.

    Shape: what was paid for it is on account again and pays other invoices; None when the order has
        no invoice, or had it taken back before.
    """
    credit.lock(tx, partner_id)
    found = storage.of_order(tx, order_id)
    if found is None or found.state is State.CREDITED:
        return Outcome(None)
    today = local_date(at, zone)
    credited = found.credit(credit_note_id=new_id(), on=today)
    storage.save(tx, credited)
    reason = Reason("credit_note", "invoice", found.invoice_id, today, at)
    _undo_payments(tx, found, reason)
    revenue = _revenue(found, reason, reversal=True)
    ledger.post(tx, revenue.moves)
    matched = _match(tx, partner_id, found.amount.currency_code, on=today, at=at)
    return Outcome(credited, facts=[*revenue.actuals, *map(InvoicePaid, matched.paid)])


def record_receipt(
    tx: Transaction,
    *,
    partner_id: str,
    amount: Money,
    reference: str,
    by: Caller,
    at: datetime,
    today: date,
) -> Outcome[Recorded]:
    """Record money that a partner paid, and pay its oldest invoices with it.

    Errors: CreditAccountNotFound, ReceiptReferenceUsed, CurrencyMismatch, OutOfScope.
    Source: R-136.
    """
    account = credit.require(tx, partner_id=partner_id, by=by, lock=True)
    if amount.currency_code != account.limit.currency_code:
        raise CurrencyMismatch(account.limit.currency_code, amount.currency_code)
    new = Receipt(new_id(), partner_id, amount, amount, reference, today)
    if not storage.add_receipt(tx, new):
        raise ReceiptReferenceUsed(partner_id, reference)
    cash = unit_account(AccountCode.CASH, account.unit_id, amount.currency_code)
    advance = AccountRef(AccountCode.ADVANCE, partner_id, account.unit_id, amount.currency_code)
    reason = Reason("receipt", "receipt", new.receipt_id, today, at)
    ledger.post(tx, [Move(new.receipt_id, cash, advance, amount, reason)])
    matched = _match(tx, partner_id, amount.currency_code, on=today, at=at)
    now = {one.receipt_id: one for one in matched.receipts}
    recorded = Recorded(
        now.get(new.receipt_id, new),
        tuple(one for one in matched.allocations if one.receipt_id == new.receipt_id),
        {one.invoice_id: one for one in matched.invoices},
    )
    return Outcome(recorded, facts=[InvoicePaid(one) for one in matched.paid])


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


def partner_statement(tx: Transaction, *, partner_id: str, month: Month, by: Caller) -> Statement:
    """Read from the ledger what moved between the company and a partner within a month.

    Errors: CreditAccountNotFound, OutOfScope.
    """
    account = credit.require(tx, partner_id=partner_id, by=by)
    currency_code = account.limit.currency_code
    groups = [
        {AccountRef(code, partner_id, account.unit_id, currency_code).account_id for code in codes}
        for codes in (TRADE, COMMISSION)
    ]
    moved = ledger.moved(
        tx, set().union(*groups), start=month.first_day, end=month.next().first_day
    )
    movements = [_movement(one) for one in moved]
    trade, commission = (
        section(
            _opening(tx, own, first_day=month.first_day, currency_code=currency_code),
            movements,
            own,
        )
        for own in groups
    )
    return Statement(partner_id, month, trade, commission)


def _issued(new: Invoice, items: Mapping[tuple[str, str], OpenItems]) -> _Issued:
    """Post a new invoice, and let what the partner has on account pay its invoices."""
    at, on = new.create_time, new.issue_date
    revenue = _revenue(new, Reason("invoice", "invoice", new.invoice_id, on, at), reversal=False)
    own = items.get((new.delivery.partner_id, new.amount.currency_code))
    if own is None:
        return _Issued(new, revenue, Matched(), [])
    own.add(new)
    matched = _named(own.match())
    return _Issued(new, revenue, matched, _payments(matched, on=on, at=at))


def _store(tx: Transaction, issued: Sequence[_Issued]) -> None:
    """Store new invoices as they are after all payments, with those that were paid beside them."""
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
    credit.end_all(tx, owners=owners, state=ReservationState.INVOICED)
    ledger.post_all(tx, [one.moves for one in issued])


def _match(
    tx: Transaction, partner_id: str, currency_code: str, *, on: date, at: datetime
) -> Matched:
    """Pay the open invoices of a partner with what it has on account."""
    own = issuing.open_items(tx, [partner_id]).get((partner_id, currency_code))
    if own is None:
        return Matched()
    matched = _named(own.match())
    issuing.save_paid(
        tx,
        invoices=matched.invoices,
        receipts=matched.receipts,
        allocations=matched.allocations,
    )
    ledger.post(tx, _payments(matched, on=on, at=at))
    return matched


def _named(matched: Matched) -> Matched:
    """Give the parts their ids."""
    named = (replace(one, allocation_id=new_id()) for one in matched.allocations)
    return replace(matched, allocations=tuple(named))


def _payments(matched: Matched, *, on: date, at: datetime) -> list[Move]:
    by_id = {invoice.invoice_id: invoice for invoice in matched.invoices}
    return [
        _payment(
            one,
            by_id[one.invoice_id],
            Reason("payment", "invoice", one.invoice_id, on, at),
            undone=False,
        )
        for one in matched.allocations
    ]


def _undo_payments(tx: Transaction, invoice: Invoice, reason: Reason) -> None:
    """Put what was paid for an invoice back on the partner's account."""
    undone = storage.undo_allocations(tx, invoice.invoice_id, invoice.amount.currency_code)
    for receipt in storage.receipts(tx, [one.receipt_id for one in undone]):
        back = [one.amount.amount_minor for one in undone if one.receipt_id == receipt.receipt_id]
        amount = Money(invoice.amount.currency_code, sum(back))
        storage.save_receipt(tx, receipt.give_back(amount))
    ledger.post(tx, [_payment(one, invoice, reason, undone=True) for one in undone])


def _revenue(invoice: Invoice, reason: Reason, *, reversal: bool) -> _Revenue:
    """Give the revenue of each line of an invoice, or its exact inverse."""
    delivery, currency_code = invoice.delivery, invoice.amount.currency_code
    receivable = AccountRef(
        AccountCode.RECEIVABLE, delivery.partner_id, delivery.unit_id, currency_code
    )
    revenue = unit_account(AccountCode.REVENUE, delivery.unit_id, currency_code)
    debit, credited = (revenue, receivable) if reversal else (receivable, revenue)
    lines = [
        (derived_id(invoice.invoice_id, reason.purpose, number), line)
        for number, line in enumerate(delivery.lines, 1)
        if line.amount.amount_minor
    ]
    actuals = [
        ActualPosted(
            kind=ActualKind.REVENUE,
            amount=line.amount,
            reversal=reversal,
            transfer_id=id_,
            post_date=reason.post_date,
            order_id=delivery.order_id,
            partner_id=delivery.partner_id,
            unit_id=delivery.unit_id,
            campaign_id=delivery.campaign_id,
            product_id=line.product_id,
            quantity=line.quantity,
        )
        for id_, line in lines
    ]
    return _Revenue(
        [Move(id_, debit, credited, line.amount, reason) for id_, line in lines], actuals
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


def _opening(
    tx: Transaction, own: Collection[str], *, first_day: date, currency_code: str
) -> Money:
    totals = [ledger.sums_before(tx, account_id, first_day) for account_id in sorted(own)]
    return Money(currency_code, sum(debits - credits_ for debits, credits_ in totals))


def _movement(transfer: Transfer) -> Movement:
    line = StatementLine(
        transfer_id=transfer.transfer_id,
        post_date=transfer.post_date,
        purpose=transfer.purpose,
        subject_kind=transfer.subject_kind,
        subject_id=transfer.subject_id,
        debit=transfer.amount,
        credit=transfer.amount,
    )
    return Movement(line, transfer.debit_account_id, transfer.credit_account_id)
