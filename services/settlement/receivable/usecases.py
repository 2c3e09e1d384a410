"""What is done with invoices: issue, pay, credit; and a partner's statement.

Whoever writes here locks the partner's credit account first, so that credit never sees an invoice
without its receivable.
"""

from collections.abc import Collection
from dataclasses import replace
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
from settlement.credit.domain import CreditAccount, Owner
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
from settlement.receivable import storage
from settlement.receivable.domain import (
    Allocation,
    Delivery,
    Invoice,
    InvoiceIssued,
    InvoicePaid,
    Matched,
    Movement,
    Receipt,
    ReceiptReferenceUsed,
    Recorded,
    State,
    Statement,
    StatementLine,
    Wanted,
    issue,
    match,
    section,
)

ORDER = "order"
TRADE = (AccountCode.RECEIVABLE, AccountCode.ADVANCE)
COMMISSION = (AccountCode.COMMISSION_ACCRUED, AccountCode.COMMISSION_PAYABLE)


def invoice_delivery(
    tx: Transaction, *, delivery: Delivery, at: datetime, zone: tzinfo
) -> Outcome[Invoice | None]:
    """Issue the invoice of a delivered order, and pay it with what the partner has on account.

    Shape: None when the order is invoiced already.
    Errors: PolicyNotFound when nothing says how long the partner has to pay.
    Source: R-133, R-136.
    """
    total = delivery.total
    opened = CreditAccount(delivery.partner_id, delivery.unit_id, total)
    account = credit.account_for(tx, opened, lock=True)
    if storage.of_order(tx, delivery.order_id) is not None:
        return Outcome(None)
    today = local_date(at, zone)
    due = today + timedelta(days=credit.days_to_pay(tx, account, on=today))
    new = issue(delivery, invoice_id=new_id(), issue_date=today, due_date=due, at=at)
    storage.add(tx, new)
    credit.end(tx, owner=Owner(ORDER, delivery.order_id), state=ReservationState.INVOICED)
    reason = Reason("invoice", "invoice", new.invoice_id, today, at)
    actuals = _post_revenue(tx, new, reason, reversal=False)
    _, paid = _match(tx, delivery.partner_id, total.currency_code, on=today, at=at)
    settled = [InvoicePaid(new)] if new.state is State.PAID else []
    return Outcome(new, facts=[InvoiceIssued(new), *actuals, *settled, *paid])


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
    actuals = _post_revenue(tx, found, reason, reversal=True)
    _, paid = _match(tx, partner_id, found.amount.currency_code, on=today, at=at)
    return Outcome(credited, facts=[*actuals, *paid])


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
    matched, facts = _match(tx, partner_id, amount.currency_code, on=today, at=at)
    now = {one.receipt_id: one for one in matched.receipts}
    recorded = Recorded(
        now.get(new.receipt_id, new),
        tuple(one for one in matched.allocations if one.receipt_id == new.receipt_id),
        {one.invoice_id: one for one in matched.invoices},
    )
    return Outcome(recorded, facts=facts)


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


def _match(
    tx: Transaction, partner_id: str, currency_code: str, *, on: date, at: datetime
) -> tuple[Matched, list[InvoicePaid]]:
    """Pay the open invoices of a partner with what it has on account."""
    receipts = storage.open_receipts(tx, partner_id, currency_code)
    if not receipts:
        return Matched((), (), ()), []
    matched = match(receipts, storage.open_invoices(tx, partner_id, currency_code))
    allocations = [replace(one, allocation_id=new_id()) for one in matched.allocations]
    for invoice in matched.invoices:
        storage.save(tx, invoice)
    for receipt in matched.receipts:
        storage.save_receipt(tx, receipt)
    storage.add_allocations(tx, allocations)
    by_id = {invoice.invoice_id: invoice for invoice in matched.invoices}
    ledger.post(
        tx,
        [
            _payment(
                one,
                by_id[one.invoice_id],
                Reason("payment", "invoice", one.invoice_id, on, at),
                undone=False,
            )
            for one in allocations
        ],
    )
    paid = [InvoicePaid(one) for one in matched.invoices if one.state is State.PAID]
    return matched, paid


def _undo_payments(tx: Transaction, invoice: Invoice, reason: Reason) -> None:
    """Put what was paid for an invoice back on the partner's account."""
    undone = storage.undo_allocations(tx, invoice.invoice_id, invoice.amount.currency_code)
    for receipt in storage.receipts(tx, [one.receipt_id for one in undone]):
        back = [one.amount.amount_minor for one in undone if one.receipt_id == receipt.receipt_id]
        amount = Money(invoice.amount.currency_code, sum(back))
        storage.save_receipt(tx, receipt.give_back(amount))
    ledger.post(tx, [_payment(one, invoice, reason, undone=True) for one in undone])


def _post_revenue(
    tx: Transaction, invoice: Invoice, reason: Reason, *, reversal: bool
) -> list[ActualPosted]:
    """Post the revenue of each line of an invoice, or its exact inverse."""
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
    ledger.post(tx, [Move(id_, debit, credited, line.amount, reason) for id_, line in lines])
    return [
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
