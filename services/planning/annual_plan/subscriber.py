"""The side door of year plans: which partners became active, and which had orders."""

from datetime import tzinfo

from mantle.channels.v1 import events_pb2

from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from planning.annual_plan import reporting


class PartnerActivitySubscriber:
    """Keep `partner_activity_copy` from what channels tell."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's time zone, which says in which year an order was."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (events_pb2.PartnerActivated, self.partner_activated),
            (events_pb2.OrderApproved, self.order_approved),
        ]

    def partner_activated(
        self, tx: Transaction, event: ReceivedEvent, fact: events_pb2.PartnerActivated
    ) -> Outcome[None]:
        """Keep since when a partner may order."""
        reporting.activate_partner(tx, fact.partner_id, unit_id=fact.unit_id, at=event.occur_time)
        return Outcome(None)

    def order_approved(
        self, tx: Transaction, event: ReceivedEvent, fact: events_pb2.OrderApproved
    ) -> Outcome[None]:
        """Keep in which years a partner had orders; most have no partner."""
        if fact.order.partner_id:
            reporting.approve_order(
                tx,
                fact.order.partner_id,
                unit_id=fact.order.unit_id,
                year=event.occur_time.astimezone(self._zone).year,
            )
        return Outcome(None)
