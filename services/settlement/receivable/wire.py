"""Invoices, receipts and statements as messages, and which fact becomes which event."""

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
from settlement.receivable.domain import (
    Delivery,
    Invoice,
    InvoiceIssued,
    InvoicePaid,
    Line,
    Recorded,
    State,
    Statement,
    StatementLine,
    Wanted,
)

_STATES: Final = {state: pb.Invoice.State.Value(f"STATE_{state}") for state in State}
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
    receipt = found.receipt
    return service_pb.RecordReceiptResponse(
        receipt=pb.Receipt(
            receipt_id=receipt.receipt_id,
            partner_id=receipt.partner_id,
            amount=from_money(receipt.amount),
            reference=receipt.reference,
            receive_date=receipt.receive_date.isoformat(),
            allocations=[
                pb.ReceiptAllocation(
                    invoice_id=one.invoice_id,
                    amount=from_money(one.amount),
                    open_amount=from_money(found.invoices[one.invoice_id].open_amount),
                )
                for one in found.allocations
            ],
            unallocated_amount=from_money(receipt.unallocated),
        )
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
        )
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
            )
            for line in delivered.lines
        ],
        amount=from_money(invoice.amount),
        open_amount=from_money(invoice.open_amount),
        issue_date=invoice.issue_date.isoformat(),
        due_date=invoice.due_date.isoformat(),
        create_time=from_time(invoice.create_time),
        credit_note=_credit_note(invoice),
    )


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
        order_id=invoice.delivery.order_id, invoice_id=invoice.invoice_id
    )
    return EventDraft(message, order_key(invoice.delivery.order_id))


FACTS: Final[FactTable] = {InvoiceIssued: invoice_issued, InvoicePaid: invoice_paid}
