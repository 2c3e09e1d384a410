"""What is done with bills: record, honour, dishonour, list.

A bill that waits is a pending transfer from the partner's advance to what drawers owe: it eases
nothing. Honoured, that is posted and turned into cash at once, and pays invoices like any receipt.
"""

from datetime import date

from chassis import scope
from chassis.database import Transaction
from chassis.ids import derived_id, new_id
from chassis.money import CurrencyMismatch, Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.scope import Caller
from settlement.bill import storage
from settlement.bill.domain import Bill, BillNumberUsed, Wanted
from settlement.credit import usecases as limits
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Kind, Move, Reason, unit_account
from settlement.receivable import usecases as receivable
from settlement.receivable.domain import Receipt, ReceiptKind
from settlement.receivable.matching import When, take_turn


def record(
    tx: Transaction,
    *,
    partner_id: str,
    bill_number: str,
    drawer: str,
    amount: Money,
    due_date: date,
    by: Caller,
    when: When,
) -> Outcome[Bill]:
    """Record a bill that a partner gave; what the partner owes stays as it is.

    Errors: CreditAccountNotFound, CurrencyMismatch, BillNumberUsed, OutOfScope.
    Source: R-137.
    """
    account = limits.require(tx, partner_id=partner_id, by=by, lock=True)
    if amount.currency_code != account.limit.currency_code:
        raise CurrencyMismatch(account.limit.currency_code, amount.currency_code)
    new = Bill(
        new_id(), partner_id, account.unit_id, bill_number, drawer, amount, when.on, due_date
    )
    if not storage.add(tx, new):
        raise BillNumberUsed(partner_id, bill_number)
    ledger.post(tx, [_accepted(new, new.bill_id, Kind.PENDING, when=when)])
    return Outcome(new)


def honour(tx: Transaction, *, bill_id: str, by: Caller, when: When) -> Outcome[Bill]:
    """Turn a pending bill into money that pays the partner's oldest invoices.

    Errors: BillNotFound, BillStateForbids, OutOfScope.
    Source: R-137.
    """
    partner_id = storage.get(tx, bill_id).partner_id
    take_turn(tx, partner_id)
    account = limits.require(tx, partner_id=partner_id, by=by, lock=True)
    found = storage.get(tx, bill_id, lock=True)
    receipt_id = derived_id(bill_id, "receipt", 0)
    now = found.honour(receipt_id=receipt_id, on=when.on)
    receipt = Receipt(
        receipt_id,
        found.partner_id,
        found.amount,
        found.amount,
        f"bill:{bill_id}",
        when.on,
        found.unit_id,
        kind=ReceiptKind.BILL,
    )
    cash = unit_account(AccountCode.CASH, found.unit_id, found.amount.currency_code)
    reason = Reason("bill_honoured", "bill", bill_id, when.on, when.at)
    moves = [
        _accepted(found, derived_id(bill_id, "post", 0), Kind.POST_PENDING, when=when),
        Move(receipt_id, cash, _drawers_owe(found), found.amount, reason),
    ]
    recorded = receivable.take_in(tx, account, receipt, moves=moves, when=when)
    storage.save(tx, now)
    return Outcome(now, facts=recorded.facts)


def dishonour(tx: Transaction, *, bill_id: str, note: str, by: Caller, when: When) -> Outcome[Bill]:
    """Give a pending bill up.

    Errors: BillNotFound, BillStateForbids, OutOfScope.
    Source: R-137.
    """
    limits.require(tx, partner_id=storage.get(tx, bill_id).partner_id, by=by, lock=True)
    found = storage.get(tx, bill_id, lock=True)
    now = found.dishonour(note=note, on=when.on)
    void = _accepted(found, derived_id(bill_id, "void", 0), Kind.VOID_PENDING, when=when)
    ledger.post(tx, [void])
    storage.save(tx, now)
    return Outcome(now)


def get(tx: Transaction, *, bill_id: str, by: Caller) -> Bill:
    """Return a bill.

    Errors: BillNotFound, OutOfScope.
    """
    found = storage.get(tx, bill_id)
    scope.require(tx, by, found.unit_id)
    return found


def list_page(tx: Transaction, part: Page, *, wanted: Wanted, by: Caller) -> Slice[Bill]:
    """Return a page of the bills in the caller's scope, in the order in which they were
    recorded."""
    return storage.page(tx, part, wanted, units=scope.units_of(by))


def pending(tx: Transaction, *, partner_id: str, currency_code: str) -> Money:
    """Sum the pending bills of a partner in a currency."""
    return storage.pending(tx, partner_id, currency_code)


def _drawers_owe(found: Bill) -> AccountRef:
    return AccountRef(
        AccountCode.BILLS_RECEIVABLE, found.partner_id, found.unit_id, found.amount.currency_code
    )


def _accepted(found: Bill, transfer_id: str, kind: Kind, *, when: When) -> Move:
    """Move what the partner paid to what the drawer owes: pending, then posted or voided."""
    advance = AccountRef(
        AccountCode.ADVANCE, found.partner_id, found.unit_id, found.amount.currency_code
    )
    return Move(
        transfer_id,
        _drawers_owe(found),
        advance,
        found.amount,
        Reason("bill", "bill", found.bill_id, when.on, when.at),
        kind,
        None if kind is Kind.PENDING else found.bill_id,
    )
