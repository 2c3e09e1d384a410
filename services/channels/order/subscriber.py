"""The side door of orders: settlement tells what became of their invoices."""

from mantle.settlement.v1 import events_pb2 as pb

from channels.order import usecases
from chassis.database import Transaction
from chassis.events.domain import ReceivedEvent
from chassis.events.subscription import Handler
from chassis.outcome import Outcome


class OrderSubscriber:
    """Move orders along with their invoices."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.InvoiceIssued, self.invoice_issued),
            (pb.InvoicePaid, self.invoice_paid),
        ]

    def invoice_issued(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.InvoiceIssued
    ) -> Outcome[None]:
        """Take note of the invoice."""
        return usecases.invoiced(
            tx, order_id=fact.order_id, source=event.source, at=event.occur_time
        )

    def invoice_paid(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.InvoicePaid
    ) -> Outcome[None]:
        """Take note of the payment."""
        return usecases.settled(
            tx, order_id=fact.order_id, source=event.source, at=event.occur_time
        )
