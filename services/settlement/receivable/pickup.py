"""Pick-up notes: what a partner took of an invoice's goods, never more than it says; pure."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from chassis.errors import FailedPrecondition
from settlement.receivable.domain import Invoice, PickupState, State


class PickupExceedsInvoice(FailedPrecondition):
    """A note says more of a product than the invoice leaves to be picked up."""

    reason = "PICKUP_EXCEEDS_INVOICE"

    def __init__(self, invoice_id: str, product_id: str, *, left: int, quantity: int) -> None:
        """Name the invoice, the product, what is left and what the note says."""
        super().__init__(
            f"of invoice {invoice_id} {left} of {product_id} are left to pick up, not {quantity}",
            invoiceId=invoice_id,
            productId=product_id,
            left=left,
            quantity=quantity,
        )


class InvoiceCredited(FailedPrecondition):
    """A credit note took the whole invoice back."""

    reason = "INVOICE_CREDITED"

    def __init__(self, invoice_id: str) -> None:
        """Name the invoice."""
        super().__init__(f"invoice {invoice_id} was taken back", invoiceId=invoice_id)


@dataclass(frozen=True, slots=True)
class PickupLine:
    """Hold how much of a product was picked up, 1 piece or more."""

    product_id: str
    quantity: int


@dataclass(frozen=True, slots=True)
class PickupNote:
    """Hold what a partner picked up at once."""

    pickup_note_id: str
    invoice_id: str
    partner_id: str
    unit_id: str
    lines: tuple[PickupLine, ...]
    slip: str
    pick_date: date
    recorded_by: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class PickupCompleted:
    """All that an invoice says was picked up, so its settlement opens."""

    invoice: Invoice


def pick(invoice: Invoice, wanted: Sequence[PickupLine], *, on: date) -> Invoice:
    """Return an invoice after goods of it were picked up; the first line of a product first.

    Shape: OPEN while a piece is left that was not taken back, COMPLETE with the last one.
    Errors: InvoiceCredited, PickupExceedsInvoice.
    Source: R-133.
    """
    if invoice.state is State.CREDITED:
        raise InvoiceCredited(invoice.invoice_id)
    lines = list(invoice.delivery.lines)
    for one in wanted:
        own = [place for place, line in enumerate(lines) if line.product_id == one.product_id]
        left = sum(lines[place].waiting_quantity for place in own)
        if one.quantity > left:
            raise PickupExceedsInvoice(
                invoice.invoice_id, one.product_id, left=left, quantity=one.quantity
            )
        pieces = one.quantity
        for place in own:
            part = min(pieces, lines[place].waiting_quantity)
            picked = lines[place].picked_quantity + part
            lines[place] = replace(lines[place], picked_quantity=picked)
            pieces -= part
    begun = replace(
        invoice,
        delivery=replace(invoice.delivery, lines=tuple(lines)),
        pickup_state=PickupState.OPEN,
        pickup_date=None,
    )
    return completed(begun, on=on)


def completed(invoice: Invoice, *, on: date) -> Invoice:
    """Return an invoice whose last piece was picked up or taken back as one whose settlement opens.

    Shape: one that was taken back as a whole has nothing to settle and stays as it is.
    Source: R-133.
    """
    is_left = any(line.waiting_quantity for line in invoice.delivery.lines)
    is_waiting = invoice.pickup_state is PickupState.OPEN and invoice.state is not State.CREDITED
    if is_left or not is_waiting:
        return invoice
    return replace(invoice, pickup_state=PickupState.COMPLETE, pickup_date=on)
