"""The front door of invoices and receipts."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import invoice_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import Month
from chassis.rpc.door import Door
from chassis.wire import to_money
from settlement.receivable import usecases, wire


class InvoiceServicer:
    """Serve `mantle.settlement.v1.InvoiceService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the business time and the company's zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def RecordReceipt(
        self, request: pb.RecordReceiptRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record money that came in."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.record_receipt(
                tx,
                partner_id=request.partner_id,
                amount=to_money(request.amount),
                reference=request.reference,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.recorded,
        )

    def GetInvoice(self, request: pb.GetInvoiceRequest, context: grpc.ServicerContext) -> bytes:
        """Return an invoice."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get_invoice(tx, invoice_id=request.invoice_id, by=who),
            reply=wire.got,
        )

    def ListInvoices(self, request: pb.ListInvoicesRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of invoices."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_invoices(
                tx, page_of(request), wanted=wire.wanted(request), by=who
            ),
            reply=wire.listed,
        )

    def GetPartnerStatement(
        self, request: pb.GetPartnerStatementRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a partner's month."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.partner_statement(
                tx, partner_id=request.partner_id, month=Month.parse(request.month), by=who
            ),
            reply=wire.statement,
        )
