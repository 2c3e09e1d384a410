"""The side door of orders: settlement tells what became of their invoices and their credit."""

from mantle.settlement.v1 import events_pb2 as pb

from channels.order import usecases
from channels.order.peers import OWNER_KIND
from chassis.database import Transaction
from chassis.events.domain import ReceivedEvent
from chassis.events.subscription import Handler
from chassis.outcome import Outcome


class OrderSubscriber:
    """Move orders along with their invoices, and back when their credit is gone."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.InvoiceIssued, self.invoice_issued),
            (pb.InvoicePaid, self.invoice_paid),
            (pb.CreditConfirmRefused, self.credit_confirm_refused),
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

    def credit_confirm_refused(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.CreditConfirmRefused
    ) -> Outcome[None]:
        """Let the order wait for credit again."""
        if fact.owner_kind != OWNER_KIND:
            return Outcome(None)
        return usecases.lose_credit(
            tx,
            order_id=fact.owner_id,
            reason=fact.reason,
            source=event.source,
            at=event.occur_time,
        )
