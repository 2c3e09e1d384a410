"""Invoices, receipts and how one pays the other."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Final

from chassis.errors import AlreadyExists, NotFound
from chassis.money import Money


class State(StrEnum):
    """How far an invoice is."""

    ISSUED = "ISSUED"
    PARTIALLY_PAID = "PARTIALLY_PAID"
    PAID = "PAID"
    CREDITED = "CREDITED"


# A credit note for a part leaves an invoice in its state, or pays off what is left.
MOVES: Final[Mapping[State, frozenset[State]]] = {
    State.ISSUED: frozenset({State.PARTIALLY_PAID, State.PAID, State.CREDITED}),
    State.PARTIALLY_PAID: frozenset({State.PARTIALLY_PAID, State.PAID, State.CREDITED}),
    State.PAID: frozenset({State.CREDITED}),
    State.CREDITED: frozenset(),
}


class PickupState(StrEnum):
    """How far an invoice's goods are picked up by the partner; NONE when it has no note."""

    NONE = "NONE"
    OPEN = "OPEN"
    COMPLETE = "COMPLETE"


class ReceiptKind(StrEnum):
    """What a receipt came as: money, an honoured bill, or a rebate put on the account."""

    MONEY = "MONEY"
    BILL = "BILL"
    REBATE = "REBATE"


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
    """Hold what was delivered of one product, and what was credited and picked up of it since.

    Shape: `kept_back_quantity` are the credited pieces that had not been picked up, and never are.
    Units: pieces and minor units, 0 or more and at most those of the line.
    """

    product_id: str
    quantity: int
    amount: Money
    credited_quantity: int = 0
    credited_minor: int = 0
    picked_quantity: int = 0
    kept_back_quantity: int = 0

    @property
    def waiting_quantity(self) -> int:
        """Return how many pieces are left to be picked up."""
        return self.quantity - self.picked_quantity - self.kept_back_quantity

    def kept_back_of(self, quantity: int, *, came_back: bool) -> int:
        """Say how many of the pieces that are credited now had not been picked up.

        Shape: pieces that came back were picked up, as far as the notes have them; of others the
            partner keeps what it has.
        """
        if not came_back:
            return min(quantity, self.waiting_quantity)
        in_hand = self.picked_quantity - (self.credited_quantity - self.kept_back_quantity)
        return max(quantity - in_hand, 0)


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
        `credit_note_id` is that of the note that took the last of it back.
    Units: `credited_minor` is 0 or more and at most the amount.
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
    credited_minor: int = 0
    pickup_state: PickupState = PickupState.NONE
    pickup_date: date | None = None
    dunning_level: int = 0

    @property
    def amount(self) -> Money:
        """Return the whole amount."""
        return self.delivery.total

    @property
    def paid_amount(self) -> Money:
        """Return what receipts pay of it now."""
        whole = Money(self.amount.currency_code, self.amount.amount_minor - self.credited_minor)
        return whole - self.open_amount

    @property
    def is_open(self) -> bool:
        """Tell whether something is left to pay."""
        return self.state in (State.ISSUED, State.PARTIALLY_PAID)

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
            credited_minor=self.amount.amount_minor,
            credit_note_id=credit_note_id,
            credit_date=on,
        )

    def credit_part(self, lines: tuple[Line, ...], *, credit_note_id: str, on: date) -> "Invoice":
        """Take a part back; what is paid of it and no longer owed is to be given back.

        Shape: `lines` are all lines as they are after it. The open amount shrinks first.
        """
        now = replace(self, delivery=replace(self.delivery, lines=lines))
        credited_minor = sum(one.credited_minor for one in lines)
        owed = self.amount.amount_minor - credited_minor
        if not owed and all(one.credited_quantity == one.quantity for one in lines):
            return now.credit(credit_note_id=credit_note_id, on=on)
        paid = min(self.paid_amount.amount_minor, owed)
        state = State.PARTIALLY_PAID if paid else State.ISSUED
        if paid == owed:
            state = State.PAID
        return replace(
            now if state is self.state else now._move(state),
            open_amount=Money(self.amount.currency_code, owed - paid),
            credited_minor=credited_minor,
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
    """Hold money that a partner paid; `unallocated` is what no invoice has taken yet.

    Shape: what is matched `by_hand` waits for somebody to say which invoice it pays.
    """

    receipt_id: str
    partner_id: str
    amount: Money
    unallocated: Money
    reference: str
    receive_date: date
    unit_id: str = ""
    by_hand: bool = False
    sequence: int = 0
    kind: ReceiptKind = ReceiptKind.MONEY

    def take(self, amount: Money) -> "Receipt":
        """Give a part to an invoice."""
        return replace(self, unallocated=self.unallocated - amount)


@dataclass(frozen=True, slots=True)
class Allocation:
    """Hold the part of a receipt that pays an invoice, since which day."""

    receipt_id: str
    invoice_id: str
    amount: Money
    allocation_id: str = ""
    match_date: date | None = None


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
    """An invoice is paid in full, the last part of it on a day."""

    invoice: Invoice
    on: date


@dataclass(frozen=True, slots=True)
class PaymentMatched:
    """A part of a receipt was given to an invoice, which is as it is after it."""

    allocation: Allocation
    invoice: Invoice
    on: date


@dataclass(frozen=True, slots=True)
class Wanted:
    """Say which invoices a list is to have; empty and None mean all."""

    partner_id: str = ""
    order_id: str = ""
    state: State | None = None
