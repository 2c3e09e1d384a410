"""The side door of the offers: orders that name one."""

from mantle.channels.v1 import events_pb2 as pb
from mantle.channels.v1 import order_pb2

from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from crm.outreach import usecases


class OfferOrderSubscriber:
    """Accept the offers that orders were placed for, where the answer's call did not live to."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.OrderApproved, self.order_placed),
            (pb.OrderHeld, self.order_placed),
        ]

    def order_placed(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.OrderApproved | pb.OrderHeld
    ) -> Outcome[None]:
        """Take over an order."""
        order: order_pb2.Order = fact.order
        if not order.offer_id:
            return Outcome(None)
        return usecases.take_over_order(
            tx,
            offer_id=order.offer_id,
            order_id=order.order_id,
            partner_id=order.partner_id,
            by=event.actor,
            at=event.occur_time,
        )
