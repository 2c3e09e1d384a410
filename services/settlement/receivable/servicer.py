"""The front door of invoices and receipts."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import invoice_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import SIZE_MAX, page_of
from chassis.period import Month
from chassis.rpc.door import Door
from chassis.wire import to_money
from settlement.goods_return import usecases as goods_return
from settlement.receivable import usecases, wire
from settlement.receivable.matching import When


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
                by_hand=request.by_hand,
                by=who,
                when=self._now(),
            ),
            reply=wire.recorded,
        )

    def MatchReceipt(self, request: pb.MatchReceiptRequest, context: grpc.ServicerContext) -> bytes:
        """Pay invoices with what is left of a receipt."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.match_receipt(
                tx,
                receipt_id=request.receipt_id,
                invoice_id=request.invoice_id,
                amount=to_money(request.amount) if request.HasField("amount") else None,
                by=who,
                when=self._now(),
            ),
            reply=wire.matched,
        )

    def RecordPickup(self, request: pb.RecordPickupRequest, context: grpc.ServicerContext) -> bytes:
        """Record what was picked up of an invoice's goods."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.record_pickup(
                tx,
                invoice_id=request.invoice_id,
                lines=wire.pickup_lines(request.lines),
                slip=request.slip,
                by=who,
                when=self._now(),
            ),
            reply=wire.picked,
        )

    def IssueCreditNote(
        self, request: pb.IssueCreditNoteRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Take pieces of an invoice back."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: goods_return.by_hand(
                tx,
                invoice_id=request.invoice_id,
                lines=wire.items(request.items),
                reason=request.reason,
                by=who,
                when=self._now(),
            ),
            reply=wire.credited,
        )

    def ListPickupNotes(
        self, request: pb.ListPickupNotesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of the pick-up notes of an invoice."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_pickups(
                tx, page_of(request), invoice_id=request.invoice_id, by=who
            ),
            reply=wire.pickups_listed,
        )

    def ListReceipts(self, request: pb.ListReceiptsRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of receipts."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_receipts(
                tx,
                page_of(request),
                partner_id=request.partner_id,
                unallocated=request.unallocated,
                by=who,
            ),
            reply=wire.receipts_listed,
        )

    def ListCreditNotes(
        self, request: pb.ListCreditNotesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of credit notes."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_credit_notes(
                tx,
                page_of(request),
                partner_id=request.partner_id,
                order_id=request.order_id,
                by=who,
            ),
            reply=wire.credit_notes_listed,
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
                tx,
                page_of(request, size_default=SIZE_MAX),
                partner_id=request.partner_id,
                month=Month.parse(request.month),
                by=who,
            ),
            reply=wire.statement,
        )

    def _now(self) -> When:
        return When(self._clock.now(), self._zone)
