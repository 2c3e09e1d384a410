"""The side door of orders: settlement tells what became of their invoices and their credit."""

from collections.abc import Sequence

from mantle.settlement.v1 import events_pb2 as pb

from channels.order import rechecking, usecases
from channels.order.domain import Note
from channels.order.peers import OWNER_KIND
from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome


class OrderSubscriber:
    """Move orders along with their invoices, and back when their credit is gone."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.InvoiceIssued, Many(self.invoices_issued)),
            (pb.InvoicePaid, Many(self.invoices_paid)),
            (pb.CreditConfirmRefused, self.credit_confirm_refused),
            (pb.AccountReleased, self.account_released),
        ]

    def invoices_issued(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.InvoiceIssued]]
    ) -> list[Outcome[None]]:
        """Take note of invoices."""
        notes = [Note(fact.order_id, event.occur_time) for event, fact in received]
        usecases.invoiced_all(tx, notes, source=received[0][0].source)
        return [Outcome(None) for _ in received]

    def invoices_paid(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.InvoicePaid]]
    ) -> list[Outcome[None]]:
        """Take note of payments."""
        notes = [Note(fact.order_id, event.occur_time) for event, fact in received]
        usecases.settled_all(tx, notes, source=received[0][0].source)
        return [Outcome(None) for _ in received]

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

    def account_released(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.AccountReleased
    ) -> Outcome[None]:
        """Ask again for the credit of the partner's orders on hold."""
        return rechecking.want(tx, partner_id=fact.partner_id, at=event.occur_time)
