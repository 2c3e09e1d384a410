"""Invoices, receipts and statements as messages, and which fact becomes which event."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Final

from mantle.channels.v1 import order_pb2
from mantle.settlement.v1 import events_pb2
from mantle.settlement.v1 import invoice_pb2 as pb
from mantle.settlement.v1 import invoice_service_pb2 as service_pb

from chassis.events.domain import EventDraft, FactTable
from chassis.money import Money
from chassis.paging import Slice
from chassis.wire import from_money, from_time, to_money
from settlement.ledger.wire import order_key
from settlement.receivable.credit_note import CreditNote, CreditNoteIssued, Returned
from settlement.receivable.domain import (
    Delivery,
    Invoice,
    InvoiceIssued,
    InvoicePaid,
    Line,
    PaymentMatched,
    PickupState,
    Receipt,
    Recorded,
    State,
    Wanted,
)
from settlement.receivable.pickup import PickupCompleted, PickupLine, PickupNote
from settlement.receivable.sections import Statement, StatementLine

_STATES: Final = {state: pb.Invoice.State.Value(f"STATE_{state}") for state in State}
_PICKUP_STATES: Final = {
    state: pb.Invoice.PickupState.Value(f"PICKUP_STATE_{state}") for state in PickupState
}
_STATES_READ: Final = {number: state for state, number in _STATES.items()}


def delivery(order: order_pb2.Order) -> Delivery:
    """Read what an invoice needs of a delivered order."""
    lines = [
        Line(line.priced.product_id, line.priced.quantity, to_money(line.priced.amount))
        for line in order.lines
    ]
    return Delivery(
        order_id=order.order_id,
        contract_number=order.contract_number,
        partner_id=order.partner_id,
        unit_id=order.unit_id,
        campaign_id=order.campaign_id,
        lines=tuple(lines),
        total=to_money(order.total),
    )


def wanted(request: service_pb.ListInvoicesRequest) -> Wanted:
    """Read which invoices are wanted."""
    return Wanted(
        partner_id=request.partner_id,
        order_id=request.order_id,
        state=_STATES_READ.get(request.state),
    )


def recorded(found: Recorded) -> service_pb.RecordReceiptResponse:
    """Answer with a receipt and the invoices that it paid."""
    return service_pb.RecordReceiptResponse(receipt=_matched_receipt(found))


def matched(found: Recorded) -> service_pb.MatchReceiptResponse:
    """Answer with a receipt and the invoices that it paid."""
    return service_pb.MatchReceiptResponse(receipt=_matched_receipt(found))


def receipts_listed(found: Slice[Receipt]) -> service_pb.ListReceiptsResponse:
    """Answer with a page of receipts."""
    return service_pb.ListReceiptsResponse(
        receipts=map(_receipt, found.items), next_page_token=found.next_page_token
    )


def pickup_lines(lines: Iterable[pb.PickupLine]) -> list[PickupLine]:
    """Read what was picked up."""
    return [PickupLine(one.product_id, one.quantity) for one in lines]


def picked(found: tuple[PickupNote, Invoice]) -> service_pb.RecordPickupResponse:
    """Answer with a pick-up note and its invoice."""
    note, invoice = found
    return service_pb.RecordPickupResponse(
        pickup_note=_pickup_note(note), invoice=invoice_message(invoice)
    )


def pickups_listed(found: Slice[PickupNote]) -> service_pb.ListPickupNotesResponse:
    """Answer with a page of pick-up notes."""
    return service_pb.ListPickupNotesResponse(
        pickup_notes=map(_pickup_note, found.items), next_page_token=found.next_page_token
    )


def items(found: Iterable[service_pb.CreditNoteItem]) -> list[Returned]:
    """Read what is to be taken back."""
    return [
        Returned(
            one.product_id,
            one.quantity,
            to_money(one.amount) if one.HasField("amount") else None,
        )
        for one in found
    ]


def credited(found: CreditNote) -> service_pb.IssueCreditNoteResponse:
    """Answer with a credit note."""
    return service_pb.IssueCreditNoteResponse(credit_note=_credit_note_message(found))


def credit_notes_listed(found: Slice[CreditNote]) -> service_pb.ListCreditNotesResponse:
    """Answer with a page of credit notes."""
    return service_pb.ListCreditNotesResponse(
        credit_notes=map(_credit_note_message, found.items), next_page_token=found.next_page_token
    )


def _matched_receipt(found: Recorded) -> pb.Receipt:
    message = _receipt(found.receipt)
    message.allocations.extend(
        pb.ReceiptAllocation(
            invoice_id=one.invoice_id,
            amount=from_money(one.amount),
            open_amount=from_money(found.invoices[one.invoice_id].open_amount),
        )
        for one in found.allocations
    )
    return message


def _receipt(receipt: Receipt) -> pb.Receipt:
    return pb.Receipt(
        receipt_id=receipt.receipt_id,
        partner_id=receipt.partner_id,
        amount=from_money(receipt.amount),
        reference=receipt.reference,
        receive_date=receipt.receive_date.isoformat(),
        unallocated_amount=from_money(receipt.unallocated),
        by_hand=receipt.by_hand,
    )


def _pickup_note(note: PickupNote) -> pb.PickupNote:
    return pb.PickupNote(
        pickup_note_id=note.pickup_note_id,
        invoice_id=note.invoice_id,
        lines=[
            pb.PickupLine(product_id=one.product_id, quantity=one.quantity) for one in note.lines
        ],
        slip=note.slip,
        pick_date=note.pick_date.isoformat(),
        recorded_by=note.recorded_by,
    )


def _credit_note_message(note: CreditNote) -> pb.CreditNote:
    return pb.CreditNote(
        credit_note_id=note.credit_note_id,
        amount=from_money(note.amount),
        issue_date=note.issue_date.isoformat(),
        invoice_id=note.invoice_id,
        order_id=note.order_id,
        partner_id=note.partner_id,
        reason=note.reason,
        lines=[
            pb.CreditNoteLine(
                line_number=one.line_number,
                product_id=one.product_id,
                quantity=one.quantity,
                amount=from_money(one.amount),
            )
            for one in note.lines
        ],
        given_back=from_money(note.given_back),
    )


def got(invoice: Invoice) -> service_pb.GetInvoiceResponse:
    """Answer with an invoice."""
    return service_pb.GetInvoiceResponse(invoice=invoice_message(invoice))


def listed(found: Slice[Invoice]) -> service_pb.ListInvoicesResponse:
    """Answer with a page of invoices."""
    return service_pb.ListInvoicesResponse(
        invoices=map(invoice_message, found.items), next_page_token=found.next_page_token
    )


def statement(found: Statement) -> service_pb.GetPartnerStatementResponse:
    """Answer with a statement; commission is told as what the company owes."""
    trade, commission = found.trade, found.commission
    return service_pb.GetPartnerStatementResponse(
        statement=pb.PartnerStatement(
            partner_id=found.partner_id,
            month=str(found.month),
            opening=from_money(trade.opening),
            lines=map(_line, trade.lines),
            closing=from_money(trade.closing),
            commission_opening=from_money(-commission.opening),
            commission_lines=map(_line, commission.lines),
            commission_closing=from_money(-commission.closing),
        ),
        next_page_token=found.next_page_token,
    )


def invoice_message(invoice: Invoice) -> pb.Invoice:
    """Write an invoice."""
    delivered = invoice.delivery
    return pb.Invoice(
        invoice_id=invoice.invoice_id,
        order_id=delivered.order_id,
        contract_number=delivered.contract_number,
        partner_id=delivered.partner_id,
        unit_id=delivered.unit_id,
        campaign_id=delivered.campaign_id,
        state=_STATES[invoice.state],
        lines=[
            pb.InvoiceLine(
                product_id=line.product_id,
                quantity=line.quantity,
                amount=from_money(line.amount),
                credited_quantity=line.credited_quantity,
                credited_amount=from_money(replace(line.amount, amount_minor=line.credited_minor)),
                picked_quantity=line.picked_quantity,
                kept_back_quantity=line.kept_back_quantity,
            )
            for line in delivered.lines
        ],
        amount=from_money(invoice.amount),
        open_amount=from_money(invoice.open_amount),
        issue_date=invoice.issue_date.isoformat(),
        due_date=invoice.due_date.isoformat(),
        create_time=from_time(invoice.create_time),
        credit_note=_credit_note(invoice),
        credited_amount=from_money(replace(invoice.amount, amount_minor=invoice.credited_minor)),
        pickup_state=_PICKUP_STATES[invoice.pickup_state],
        pickup_date=_day(invoice.pickup_date),
        dunning_level=invoice.dunning_level,
    )


def _day(day: date | None) -> str:
    return "" if day is None else day.isoformat()


def _credit_note(invoice: Invoice) -> pb.CreditNote | None:
    if invoice.credit_note_id is None or invoice.credit_date is None:
        return None
    return pb.CreditNote(
        credit_note_id=invoice.credit_note_id,
        amount=from_money(invoice.amount),
        issue_date=invoice.credit_date.isoformat(),
    )


def _line(line: StatementLine) -> pb.PartnerStatementLine:
    zero = Money.zero(line.debit.currency_code)
    return pb.PartnerStatementLine(
        transfer_id=line.transfer_id,
        post_date=line.post_date.isoformat(),
        purpose=line.purpose,
        subject_kind=line.subject_kind,
        subject_id=line.subject_id,
        debit=None if line.debit == zero else from_money(line.debit),
        credit=None if line.credit == zero else from_money(line.credit),
    )


def invoice_issued(fact: InvoiceIssued) -> EventDraft:
    """Write the fact that an order was invoiced."""
    invoice = fact.invoice
    message = events_pb2.InvoiceIssued(
        order_id=invoice.delivery.order_id,
        invoice_id=invoice.invoice_id,
        partner_id=invoice.delivery.partner_id,
        amount=from_money(invoice.amount),
        due_date=invoice.due_date.isoformat(),
    )
    return EventDraft(message, order_key(invoice.delivery.order_id))


def invoice_paid(fact: InvoicePaid) -> EventDraft:
    """Write the fact that an invoice is paid."""
    invoice = fact.invoice
    message = events_pb2.InvoicePaid(
        order_id=invoice.delivery.order_id,
        invoice_id=invoice.invoice_id,
        amount=from_money(invoice.paid_amount),
        due_date=invoice.due_date.isoformat(),
        paid_date=fact.on.isoformat(),
        partner_id=invoice.delivery.partner_id,
    )
    return EventDraft(message, order_key(invoice.delivery.order_id))


def payment_matched(fact: PaymentMatched) -> EventDraft:
    """Write the fact that money was given to an invoice."""
    invoice, delivered = fact.invoice, fact.invoice.delivery
    message = events_pb2.PaymentMatched(
        order_id=delivered.order_id,
        invoice_id=invoice.invoice_id,
        receipt_id=fact.allocation.receipt_id,
        partner_id=delivered.partner_id,
        amount=from_money(fact.allocation.amount),
        open_amount=from_money(invoice.open_amount),
        match_date=fact.on.isoformat(),
    )
    return EventDraft(message, order_key(delivered.order_id))


def credit_note_issued(fact: CreditNoteIssued) -> EventDraft:
    """Write the fact that an invoice was taken back, the whole or a part."""
    note = fact.note
    message = events_pb2.CreditNoteIssued(
        order_id=note.order_id,
        invoice_id=note.invoice_id,
        credit_note_id=note.credit_note_id,
        partner_id=note.partner_id,
        amount=from_money(note.amount),
        issue_date=note.issue_date.isoformat(),
        reason=note.reason,
        lines=[
            events_pb2.CreditNoteIssuedLine(
                product_id=one.product_id, quantity=one.quantity, amount=from_money(one.amount)
            )
            for one in note.lines
        ],
        given_back=from_money(note.given_back),
    )
    return EventDraft(message, order_key(note.order_id))


def pickup_completed(fact: PickupCompleted) -> EventDraft:
    """Write the fact that all of an invoice was picked up."""
    invoice = fact.invoice
    message = events_pb2.PickupCompleted(
        order_id=invoice.delivery.order_id,
        invoice_id=invoice.invoice_id,
        partner_id=invoice.delivery.partner_id,
        complete_date=_day(invoice.pickup_date),
    )
    return EventDraft(message, order_key(invoice.delivery.order_id))


FACTS: Final[FactTable] = {
    InvoiceIssued: invoice_issued,
    InvoicePaid: invoice_paid,
    PaymentMatched: payment_matched,
    CreditNoteIssued: credit_note_issued,
    PickupCompleted: pickup_completed,
}
