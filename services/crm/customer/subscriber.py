"""The side door of the customers: what orders did to the products that they have."""

from collections.abc import Sequence

from mantle.channels.v1 import events_pb2 as pb

from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from crm.customer import usecases
from crm.customer.domain import Subscription, SubscriptionState


class OrderedProductSubscriber:
    """Keep subscriptions in step with orders."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.OrderApproved, Many(self.orders_approved)),
            (pb.OrderDelivered, Many(self.orders_delivered)),
            (pb.OrderCancelled, Many(self.orders_cancelled)),
        ]

    def orders_approved(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.OrderApproved]]
    ) -> list[Outcome[None]]:
        """Note the products as ordered."""
        return _noted(tx, received, state=SubscriptionState.ORDERED)

    def orders_delivered(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.OrderDelivered]]
    ) -> list[Outcome[None]]:
        """Note the products as in use."""
        return _noted(tx, received, state=SubscriptionState.ACTIVE)

    def orders_cancelled(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.OrderCancelled]]
    ) -> list[Outcome[None]]:
        """Note the products as given up."""
        return _noted(tx, received, state=SubscriptionState.CANCELLED)


def _noted(
    tx: Transaction,
    received: Sequence[
        tuple[ReceivedEvent, pb.OrderApproved | pb.OrderDelivered | pb.OrderCancelled]
    ],
    *,
    state: SubscriptionState,
) -> list[Outcome[None]]:
    usecases.note_orders(
        tx,
        [
            (
                fact.order.customer_id,
                Subscription(line.priced.product_id, state, event.occur_time),
            )
            for event, fact in received
            for line in fact.order.lines
        ],
    )
    return [Outcome(None) for _ in received]
