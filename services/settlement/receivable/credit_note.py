"""Credit notes: what of an invoice is taken back, to the cent and to the piece; pure.

However an invoice is taken back in parts, the parts sum to it: the amount of some pieces is the
rounded amount of all that were taken back until then, less what that was before.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date

from chassis.errors import FailedPrecondition
from chassis.money import Money, round_half_up
from settlement.receivable.domain import Allocation, Invoice, Line


class CreditExceedsInvoice(FailedPrecondition):
    """More is to be taken back of a product than the invoice still has."""

    reason = "CREDIT_EXCEEDS_INVOICE"

    def __init__(self, invoice_id: str, product_id: str, *, left: int, quantity: int) -> None:
        """Name the invoice, the product, what is left of it and what was asked for."""
        super().__init__(
            f"invoice {invoice_id} has {left} of {product_id} left, not {quantity}",
            invoiceId=invoice_id,
            productId=product_id,
            left=left,
            quantity=quantity,
        )


@dataclass(frozen=True, slots=True)
class Returned:
    """Say how many pieces of a product are taken back.

    Shape: `amount` is what the partner gets for them; None means what they had cost. It is never
        more than what is left of the invoice's lines. Without pieces it is a difference in price.
    """

    product_id: str
    quantity: int
    amount: Money | None = None


@dataclass(frozen=True, slots=True)
class CreditedLine:
    """Hold what a credit note takes back of a line of the invoice, by its number from 1.

    Shape: `kept_back_quantity` of the pieces had not been picked up; a note that is read again does
        not tell.
    """

    line_number: int
    product_id: str
    quantity: int
    amount: Money
    kept_back_quantity: int = 0


@dataclass(frozen=True, slots=True)
class CreditNote:
    """Hold what was taken back of an invoice at once.

    Shape: `given_back` is the part that was paid before and is on the partner's account again.
    """

    credit_note_id: str
    invoice_id: str
    order_id: str
    partner_id: str
    unit_id: str
    lines: tuple[CreditedLine, ...]
    amount: Money
    given_back: Money
    reason: str
    issue_date: date
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class CreditNoteIssued:
    """A credit note took an invoice back, the whole or a part."""

    note: CreditNote


def whole_of(invoice: Invoice) -> list[CreditedLine]:
    """Return what is left of each line of an invoice."""
    return [
        CreditedLine(
            number,
            line.product_id,
            line.quantity - line.credited_quantity,
            replace(line.amount, amount_minor=line.amount.amount_minor - line.credited_minor),
            line.waiting_quantity,
        )
        for number, line in enumerate(invoice.delivery.lines, 1)
        if line.credited_quantity < line.quantity or line.credited_minor < line.amount.amount_minor
    ]


def parts_of(
    invoice: Invoice, wanted: Sequence[Returned], *, came_back: bool = False
) -> list[CreditedLine]:
    """Return what is taken back of the lines, in their order; the first line of a product first.

    Shape: goods that `came_back` are here whatever was credited before; what the invoice has not
        left any more is left out.
    Errors: CreditExceedsInvoice unless they came back, CurrencyMismatch.
    """
    lines = dict(enumerate(invoice.delivery.lines, 1))
    found: dict[int, CreditedLine] = {}
    for one in wanted:
        for part in _spread(invoice, lines, one, came_back=came_back):
            lines[part.line_number] = _after(lines[part.line_number], part)
            before = found.get(part.line_number)
            found[part.line_number] = part if before is None else _joined(before, part)
    return [found[number] for number in sorted(found)]


def lines_after(invoice: Invoice, parts: Sequence[CreditedLine]) -> tuple[Line, ...]:
    """Return all lines of an invoice as they are after parts of them are taken back."""
    taken = {one.line_number: one for one in parts}
    return tuple(
        _after(line, taken[number]) if number in taken else line
        for number, line in enumerate(invoice.delivery.lines, 1)
    )


def give_back(allocations: Sequence[Allocation], amount: Money) -> list[Allocation]:
    """Return which parts of payments go back, those that paid last first, in sum an amount.

    Shape: `allocations` are what pays an invoice now, in the order in which they came.
    """
    found: list[Allocation] = []
    left = amount
    for one in reversed(allocations):
        part = min(one.amount, left, key=lambda money: money.amount_minor)
        if part.amount_minor:
            found.append(replace(one, amount=part))
            left = left - part
    assert left.amount_minor == 0, "an invoice gives back what was paid for it"
    return found


def _spread(
    invoice: Invoice, lines: dict[int, Line], one: Returned, *, came_back: bool
) -> Iterator[CreditedLine]:
    """Take pieces of one product from its lines; an amount that was agreed goes to the first."""
    own = [number for number, line in lines.items() if line.product_id == one.product_id]
    left = sum(lines[number].quantity - lines[number].credited_quantity for number in own)
    if one.quantity > left and not came_back:
        raise CreditExceedsInvoice(
            invoice.invoice_id, one.product_id, left=left, quantity=one.quantity
        )
    pieces, agreed = one.quantity, one.amount
    for number in own:
        line = lines[number]
        quantity = min(pieces, line.quantity - line.credited_quantity)
        if not quantity and (agreed is None or not agreed.amount_minor):
            continue
        amount = _cost(line, quantity)
        if agreed is not None:
            left_minor = line.amount.amount_minor - line.credited_minor
            amount = min(agreed, replace(line.amount, amount_minor=left_minor))
            agreed = agreed - amount
        pieces -= quantity
        kept_back = line.kept_back_of(quantity, came_back=came_back)
        yield CreditedLine(number, one.product_id, quantity, amount, kept_back)


def _cost(line: Line, quantity: int) -> Money:
    """Return what pieces of a line had cost, so that all of its parts sum to it."""
    before, whole = line.credited_quantity, line.amount.amount_minor
    until = round_half_up(whole * (before + quantity), line.quantity)
    minor = until - round_half_up(whole * before, line.quantity)
    return replace(line.amount, amount_minor=min(minor, whole - line.credited_minor))


def _after(line: Line, part: CreditedLine) -> Line:
    return replace(
        line,
        credited_quantity=line.credited_quantity + part.quantity,
        credited_minor=line.credited_minor + part.amount.amount_minor,
        kept_back_quantity=line.kept_back_quantity + part.kept_back_quantity,
    )


def _joined(one: CreditedLine, other: CreditedLine) -> CreditedLine:
    return replace(
        one,
        quantity=one.quantity + other.quantity,
        amount=one.amount + other.amount,
        kept_back_quantity=one.kept_back_quantity + other.kept_back_quantity,
    )
