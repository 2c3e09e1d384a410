"""The side door of invoices: what channels delivered and took back."""

from datetime import tzinfo

from mantle.channels.v1 import events_pb2 as pb

from chassis.database import Transaction
from chassis.events.domain import ReceivedEvent
from chassis.events.subscription import Handler
from chassis.outcome import Outcome
from settlement.receivable import usecases, wire


class ReceivableSubscriber:
    """Invoice what is delivered, and credit what is cancelled after that."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's zone."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.OrderDelivered, self.order_delivered),
            (pb.OrderCancelled, self.order_cancelled),
        ]

    def order_delivered(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.OrderDelivered
    ) -> Outcome[None]:
        """Issue the invoice."""
        done = usecases.invoice_delivery(
            tx, delivery=wire.delivery(fact.order), at=event.occur_time, zone=self._zone
        )
        return Outcome(None, facts=done.facts)

    def order_cancelled(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.OrderCancelled
    ) -> Outcome[None]:
        """Take the invoice back, if there is one."""
        done = usecases.credit_order(
            tx,
            order_id=fact.order.order_id,
            partner_id=fact.order.partner_id,
            at=event.occur_time,
            zone=self._zone,
        )
        return Outcome(None, facts=done.facts)
