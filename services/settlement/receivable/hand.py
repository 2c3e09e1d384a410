"""What somebody may match by hand, and why not; pure."""

from chassis.errors import FailedPrecondition, NotFound
from chassis.money import Money
from settlement.receivable.domain import Invoice, PickupState, Receipt


class ReceiptNotFound(NotFound):
    """No receipt has this id."""

    reason = "RECEIPT_NOT_FOUND"

    def __init__(self, receipt_id: str) -> None:
        """Name the receipt."""
        super().__init__(f"there is no receipt {receipt_id}", receiptId=receipt_id)


class InvoicePartnerDiffers(FailedPrecondition):
    """The invoice and the receipt are of two partners."""

    reason = "INVOICE_PARTNER_DIFFERS"

    def __init__(self, invoice_id: str, partner_id: str) -> None:
        """Name the invoice and who paid."""
        super().__init__(
            f"invoice {invoice_id} is not one of partner {partner_id}",
            invoiceId=invoice_id,
            partnerId=partner_id,
        )


class ReceiptSpent(FailedPrecondition):
    """The receipt has less left than is to be matched."""

    reason = "RECEIPT_SPENT"

    def __init__(self, receipt_id: str, left: Money, amount: Money) -> None:
        """Name the receipt, what is left of it and what was asked for."""
        super().__init__(
            f"receipt {receipt_id} has {left.amount_minor} left, not {amount.amount_minor}",
            receiptId=receipt_id,
            leftMinor=left.amount_minor,
            amountMinor=amount.amount_minor,
        )


class InvoiceSettled(FailedPrecondition):
    """The invoice needs less than is to be matched."""

    reason = "INVOICE_SETTLED"

    def __init__(self, invoice_id: str, open_amount: Money, amount: Money) -> None:
        """Name the invoice, what is open and what was asked for."""
        super().__init__(
            f"invoice {invoice_id} has {open_amount.amount_minor} open, not {amount.amount_minor}",
            invoiceId=invoice_id,
            openMinor=open_amount.amount_minor,
            amountMinor=amount.amount_minor,
        )


class PickupOpen(FailedPrecondition):
    """The invoice's goods are not all picked up, so its settlement is not open."""

    reason = "PICKUP_OPEN"

    def __init__(self, invoice_id: str) -> None:
        """Name the invoice."""
        super().__init__(
            f"invoice {invoice_id} is settled when all is picked up", invoiceId=invoice_id
        )


def require_fit(receipt: Receipt, invoice: Invoice, amount: Money | None) -> Money:
    """Return the part of a receipt that pays an invoice: the amount asked for, or as much as both
    leave.

    Errors: InvoicePartnerDiffers, CurrencyMismatch, PickupOpen, ReceiptSpent, InvoiceSettled.
    Source: R-136.
    """
    if invoice.delivery.partner_id != receipt.partner_id:
        raise InvoicePartnerDiffers(invoice.invoice_id, receipt.partner_id)
    if invoice.pickup_state is PickupState.OPEN:
        raise PickupOpen(invoice.invoice_id)
    part = amount or min(
        receipt.unallocated, invoice.open_amount, key=lambda money: money.amount_minor
    )
    # Nothing is never matched: whichever has nothing left says so.
    asked = part if part.amount_minor else Money(part.currency_code, 1)
    if asked > receipt.unallocated:
        raise ReceiptSpent(receipt.receipt_id, receipt.unallocated, asked)
    if asked > invoice.open_amount:
        raise InvoiceSettled(invoice.invoice_id, invoice.open_amount, asked)
    return part
