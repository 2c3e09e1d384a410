"""The side door of the customers: what orders did to the products that they have."""

from mantle.channels.v1 import events_pb2 as pb
from mantle.channels.v1 import order_pb2

from chassis.database import Transaction
from chassis.events.domain import ReceivedEvent
from chassis.events.subscription import Handler
from chassis.outcome import Outcome
from crm.customer import usecases
from crm.customer.domain import SubscriptionState


class OrderedProductSubscriber:
    """Keep subscriptions in step with orders."""

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
        """Note the products as ordered."""
        return _noted(tx, event, fact.order, state=SubscriptionState.ORDERED)

    def order_delivered(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.OrderDelivered
    ) -> Outcome[None]:
        """Note the products as in use."""
        return _noted(tx, event, fact.order, state=SubscriptionState.ACTIVE)

    def order_cancelled(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.OrderCancelled
    ) -> Outcome[None]:
        """Note the products as given up."""
        return _noted(tx, event, fact.order, state=SubscriptionState.CANCELLED)


def _noted(
    tx: Transaction, event: ReceivedEvent, order: order_pb2.Order, *, state: SubscriptionState
) -> Outcome[None]:
    usecases.note_orders(
        tx,
        customer_id=order.customer_id,
        product_ids=[line.priced.product_id for line in order.lines],
        state=state,
        at=event.occur_time,
    )
    return Outcome(None)
