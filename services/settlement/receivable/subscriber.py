"""The side door of invoices: what channels delivered and took back."""

from collections.abc import Sequence
from datetime import tzinfo

from mantle.channels.v1 import events_pb2 as pb

from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from settlement.ledger import usecases as ledger
from settlement.receivable import usecases, wire


class ReceivableSubscriber:
    """Invoice what is delivered, and credit what is cancelled after that."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's zone."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.OrderDelivered, Many(self.orders_delivered)),
            (pb.OrderCancelled, self.order_cancelled),
        ]

    def orders_delivered(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.OrderDelivered]]
    ) -> list[Outcome[None]]:
        """Issue the invoices; here a stretch may begin, so it takes its turn."""
        ledger.take_turn(tx)
        deliveries = [(wire.delivery(fact.order), event.occur_time) for event, fact in received]
        done = usecases.invoice_all(tx, deliveries, zone=self._zone)
        return [Outcome(None, facts=one.facts) for one in done]

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
