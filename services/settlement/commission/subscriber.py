"""The side door of commission: what channels sold and took back, and what crm offered."""

from collections.abc import Sequence
from datetime import tzinfo

from mantle.channels.v1 import events_pb2 as pb
from mantle.crm.v1 import events_pb2 as crm_pb

from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.policy.book import PolicyBook
from settlement.commission import usecases, wire


class CommissionSubscriber:
    """Let orders earn, and take back what cancelled ones earned."""

    def __init__(self, *, zone: tzinfo, book: PolicyBook) -> None:
        """Know the company's zone and the rules."""
        self._zone = zone
        self._book = book

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.OrderApproved, Many(self.orders_approved)),
            (pb.OrderDelivered, Many(self.orders_delivered)),
            (pb.OrderCancelled, self.order_cancelled),
        ]

    def orders_approved(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.OrderApproved]]
    ) -> list[Outcome[None]]:
        """Write down what the orders earned."""
        sales = [(wire.sale(fact.order), event.occur_time) for event, fact in received]
        done = usecases.accrue_all(tx, sales, book=self._book, zone=self._zone)
        return [Outcome(None, facts=one.facts) for one in done]

    def orders_delivered(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.OrderDelivered]]
    ) -> list[Outcome[None]]:
        """Let the orders' own cooling-off time decide when their commission can be paid."""
        ends = {fact.order.order_id: wire.cooling_off_end(fact.order) for _, fact in received}
        usecases.start_cooling_off(tx, ends=ends, zone=self._zone)
        return [Outcome(None) for _ in received]

    def order_cancelled(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.OrderCancelled
    ) -> Outcome[None]:
        """Take back what the order earned."""
        done = usecases.reverse_order(
            tx, order_id=fact.order.order_id, at=event.occur_time, zone=self._zone
        )
        return Outcome(None, facts=done.facts)


class OpportunitySubscriber:
    """Count the opportunities of front lines."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's zone."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(crm_pb.OfferShown, Many(self.offers_shown))]

    def offers_shown(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, crm_pb.OfferShown]]
    ) -> list[Outcome[None]]:
        """Count what was shown on the day of the fact."""
        shown = [(fact.offer_id, fact.partner_id, event.occur_time) for event, fact in received]
        usecases.note_opportunities(tx, shown, zone=self._zone)
        return [Outcome(None) for _ in received]
