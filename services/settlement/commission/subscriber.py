"""The side door of commission: what channels sold and took back."""

from datetime import tzinfo

from mantle.channels.v1 import events_pb2 as pb

from chassis.database import Transaction
from chassis.events.domain import ReceivedEvent
from chassis.events.subscription import Handler
from chassis.outcome import Outcome
from settlement.commission import usecases, wire


class CommissionSubscriber:
    """Let orders earn, and take back what cancelled ones earned."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's zone."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.OrderApproved, self.order_approved),
            (pb.OrderDelivered, self.order_delivered),
            (pb.OrderCancelled, self.order_cancelled),
        ]

    def order_approved(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.OrderApproved
    ) -> Outcome[None]:
        """Write down what the order earned."""
        done = usecases.accrue(tx, sale=wire.sale(fact.order), at=event.occur_time, zone=self._zone)
        return Outcome(None, facts=done.facts)

    def order_delivered(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.OrderDelivered
    ) -> Outcome[None]:
        """Let the order's own cooling-off time decide when its commission can be paid."""
        return usecases.start_cooling_off(
            tx,
            order_id=fact.order.order_id,
            end=wire.cooling_off_end(fact.order),
            zone=self._zone,
        )

    def order_cancelled(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.OrderCancelled
    ) -> Outcome[None]:
        """Take back what the order earned."""
        done = usecases.reverse_order(
            tx, order_id=fact.order.order_id, at=event.occur_time, zone=self._zone
        )
        return Outcome(None, facts=done.facts)
