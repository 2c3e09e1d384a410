"""The side door of year plans: which partners became active, had orders, and ended."""

from collections.abc import Sequence
from datetime import tzinfo

from mantle.channels.v1 import events_pb2

from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.period import parse_date
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
            (events_pb2.AgreementTerminated, self.agreement_terminated),
            (events_pb2.OrderApproved, Many(self.orders_approved)),
        ]

    def partner_activated(
        self, tx: Transaction, event: ReceivedEvent, fact: events_pb2.PartnerActivated
    ) -> Outcome[None]:
        """Keep since when a partner may order."""
        reporting.activate_partner(tx, fact.partner_id, unit_id=fact.unit_id, at=event.occur_time)
        return Outcome(None)

    def agreement_terminated(
        self, tx: Transaction, _event: ReceivedEvent, fact: events_pb2.AgreementTerminated
    ) -> Outcome[None]:
        """Keep from which day on a partner is kept no more."""
        reporting.end_partner(tx, fact.partner_id, on=parse_date(fact.end_date))
        return Outcome(None)

    def orders_approved(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, events_pb2.OrderApproved]]
    ) -> list[Outcome[None]]:
        """Keep in which years partners had orders; most have no partner.

        Shape: of many orders of a partner in a year the first says all; the partners in order, as
            everybody locks them.
        """
        units: dict[tuple[str, int], str] = {}
        for event, fact in received:
            if fact.order.partner_id:
                year = event.occur_time.astimezone(self._zone).year
                units.setdefault((fact.order.partner_id, year), fact.order.unit_id)
        for (partner_id, year), unit_id in sorted(units.items()):
            reporting.approve_order(tx, partner_id, unit_id=unit_id, year=year)
        return [Outcome(None) for _ in received]
