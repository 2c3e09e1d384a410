"""Invoices, receipts and how one pays the other; a partner's statement."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chassis.errors import AlreadyExists, NotFound
from chassis.money import Money
from chassis.period import Month


class State(StrEnum):
    """How far an invoice is."""

    ISSUED = "ISSUED"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    PAID = "PAID"
    CREDITED = "CREDITED"


MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.ISSUED: frozenset({State.PARTIALLY_PAID, State.PAID, State.CREDITED}),
    State.PARTIALLY_PAID: frozenset({State.PARTIALLY_PAID, State.PAID, State.CREDITED}),
    State.PAID: frozenset({State.CREDITED}),
    State.CREDITED: frozenset(),
}


class InvoiceNotFound(NotFound):
    """No invoice has this id."""

    reason = "INVOICE_NOT_FOUND"

    def __init__(self, invoice_id: str) -> None:
        """Name the invoice."""
        super().__init__(f"there is no invoice {invoice_id}", invoiceId=invoice_id)


class ReceiptReferenceUsed(AlreadyExists):
    """A receipt of this partner has the same reference."""

    reason = "RECEIPT_REFERENCE_USED"

    def __init__(self, partner_id: str, reference: str) -> None:
        """Name the partner and the reference."""
        super().__init__(
            f"partner {partner_id} has a receipt {reference} already",
            partnerId=partner_id,
            reference=reference,
        )


@dataclass(frozen=True, slots=True)
class Line:
    """Hold what was delivered of one product."""

    product_id: str
    quantity: int
    amount: Money


@dataclass(frozen=True, slots=True)
class Delivery:
    """Hold what is known of an order when it has been delivered."""

    order_id: str
    contract_number: str
    partner_id: str
    unit_id: str
    campaign_id: str
    lines: tuple[Line, ...]
    total: Money


@dataclass(frozen=True, slots=True)
class Invoice:
    """Hold what a partner has to pay for an order.

    Shape: `open_amount` is what is left to pay; an invoice over nothing is paid from the start.
    """

    invoice_id: str
    delivery: Delivery
    state: State
    open_amount: Money
    issue_date: date
    due_date: date
    create_time: datetime
    credit_note_id: str | None = None
    credit_date: date | None = None
    sequence: int = 0

    @property
    def amount(self) -> Money:
        """Return the whole amount."""
        return self.delivery.total

    def pay(self, amount: Money) -> "Invoice":
        """Take a payment of at most what is open."""
        left = self.open_amount - amount
        state = State.PAID if left.amount_minor == 0 else State.PARTIALLY_PAID
        return replace(self._move(state), open_amount=left)

    def credit(self, *, credit_note_id: str, on: date) -> "Invoice":
        """Take the whole invoice back."""
        return replace(
            self._move(State.CREDITED),
            open_amount=Money.zero(self.amount.currency_code),
            credit_note_id=credit_note_id,
            credit_date=on,
        )

    def _move(self, to: State) -> "Invoice":
        # Use cases choose by state, and a fact that comes twice finds nothing to move.
        assert to in MOVES[self.state], f"invoice {self.invoice_id} is {self.state}"
        return replace(self, state=to)


def issue(
    delivery: Delivery, *, invoice_id: str, issue_date: date, due_date: date, at: datetime
) -> Invoice:
    """Make the invoice of a delivery."""
    state = State.ISSUED if delivery.total.amount_minor else State.PAID
    return Invoice(invoice_id, delivery, state, delivery.total, issue_date, due_date, at)


@dataclass(frozen=True, slots=True)
class Receipt:
    """Hold money that a partner paid; `unallocated` is what no invoice has taken yet."""

    receipt_id: str
    partner_id: str
    amount: Money
    unallocated: Money
    reference: str
    receive_date: date

    def take(self, amount: Money) -> "Receipt":
        """Give a part to an invoice."""
        return replace(self, unallocated=self.unallocated - amount)

    def give_back(self, amount: Money) -> "Receipt":
        """Get a part back from an invoice that was credited."""
        return replace(self, unallocated=self.unallocated + amount)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Hold the part of a receipt that pays an invoice."""

    receipt_id: str
    invoice_id: str
    amount: Money
    allocation_id: str = ""


@dataclass(frozen=True, slots=True)
class Matched:
    """Hold what came of matching: the parts, and the receipts and invoices as they are now.

    Shape: `receipts` and `invoices` are those that changed, in their order.
    """

    allocations: tuple[Allocation, ...] = ()
    receipts: tuple[Receipt, ...] = ()
    invoices: tuple[Invoice, ...] = ()

    @property
    def paid(self) -> list[Invoice]:
        """Return the invoices that are paid in full now."""
        return [one for one in self.invoices if one.state is State.PAID]


def match(receipts: Sequence[Receipt], invoices: Sequence[Invoice]) -> Matched:
    """Pay invoices with receipts, each in the order given, the oldest first.

    Shape: all are of one partner and currency. Either no invoice is open afterwards, or no receipt
        has anything left.
    Source: R-136.
    """
    allocations: list[Allocation] = []
    receipts_now = list(receipts)
    invoices_now = list(invoices)
    number = 0
    for place, receipt in enumerate(receipts):
        left = receipt.unallocated
        while left.amount_minor and number < len(invoices_now):
            invoice = invoices_now[number]
            part = min(left, invoice.open_amount, key=lambda money: money.amount_minor)
            allocations.append(Allocation(receipt.receipt_id, invoice.invoice_id, part))
            invoices_now[number] = invoice.pay(part)
            left = left - part
            number += invoices_now[number].state is State.PAID
        receipts_now[place] = replace(receipt, unallocated=left)
    return Matched(
        tuple(allocations),
        tuple(now for now, was in zip(receipts_now, receipts, strict=True) if now != was),
        tuple(now for now, was in zip(invoices_now, invoices, strict=True) if now != was),
    )


@dataclass(slots=True)
class OpenItems:
    """Hold what a partner has paid and has still to pay in one currency; it changes in turn.

    Shape: receipts that have something left, the oldest first, and open invoices in the order of
        their dates.
    """

    receipts: list[Receipt] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)

    def add(self, new: Invoice) -> None:
        """Take in an invoice that is issued after all the others."""
        if new.open_amount.amount_minor:
            self.invoices = sorted([*self.invoices, new], key=lambda one: one.issue_date)

    def match(self) -> Matched:
        """Pay what can be paid, and keep what is left."""
        matched = match(self.receipts, self.invoices)
        used = {one.receipt_id: one for one in matched.receipts}
        paid = {one.invoice_id: one for one in matched.invoices}
        receipts = [used.get(one.receipt_id, one) for one in self.receipts]
        invoices = [paid.get(one.invoice_id, one) for one in self.invoices]
        self.receipts = [one for one in receipts if one.unallocated.amount_minor]
        self.invoices = [one for one in invoices if one.open_amount.amount_minor]
        return matched


@dataclass(frozen=True, slots=True)
class Recorded:
    """Hold a receipt with what it paid, and the invoices as they are after it."""

    receipt: Receipt
    allocations: tuple[Allocation, ...]
    invoices: Mapping[str, Invoice]


@dataclass(frozen=True, slots=True)
class InvoiceIssued:
    """A delivered order was invoiced."""

    invoice: Invoice


@dataclass(frozen=True, slots=True)
class InvoicePaid:
    """An invoice is paid in full."""

    invoice: Invoice


@dataclass(frozen=True, slots=True)
class StatementLine:
    """Hold a movement on a partner's statement; one of the two amounts is zero."""

    transfer_id: str
    post_date: date
    purpose: str
    subject_kind: str
    subject_id: str
    debit: Money
    credit: Money


@dataclass(frozen=True, slots=True)
class Section:
    """Hold the movements of some accounts within a month; amounts are what is owed by one side.

    Shape: `opening` and `closing` are debits less credits.
    """

    opening: Money
    lines: tuple[StatementLine, ...]

    @property
    def closing(self) -> Money:
        """Return the opening with all movements."""
        balance = self.opening
        for line in self.lines:
            balance = balance + line.debit - line.credit
        return balance


@dataclass(frozen=True, slots=True)
class Statement:
    """Hold what moved between the company and a partner within a month."""

    partner_id: str
    month: Month
    trade: Section
    commission: Section


@dataclass(frozen=True, slots=True)
class Movement:
    """Hold a transfer as the ledger has it, in this capability's own words."""

    line: StatementLine
    debit_account_id: str
    credit_account_id: str


def section(opening: Money, movements: Sequence[Movement], own: Collection[str]) -> Section:
    """Cut the movements of some accounts out of those of a month.

    Shape: a movement between two of the accounts changes nothing and is left out.
    """
    zero = Money.zero(opening.currency_code)
    lines = [
        replace(one.line, credit=zero)
        if one.debit_account_id in own
        else replace(one.line, debit=zero)
        for one in movements
        if (one.debit_account_id in own) != (one.credit_account_id in own)
    ]
    return Section(opening, tuple(lines))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Say which invoices a list is to have; empty and None mean all."""

    partner_id: str = ""
    order_id: str = ""
    state: State | None = None
