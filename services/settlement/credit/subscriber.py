"""The side door of credit: partners and orders of channels."""

from mantle.channels.v1 import events_pb2 as pb

from chassis.clock import Clock
from chassis.database import Transaction
from chassis.events.domain import ReceivedEvent
from chassis.events.subscription import Handler
from chassis.outcome import Outcome
from chassis.wire import to_money
from settlement.credit import usecases
from settlement.credit.domain import Owner, State
from settlement.credit.wire import ORDER


class CreditSubscriber:
    """Open credit for partners, and follow their orders."""

    def __init__(self, clock: Clock) -> None:
        """Know the business time, by which reservations expire."""
        self._clock = clock

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.PartnerActivated, self.partner_activated),
            (pb.CreditGradeChanged, self.credit_grade_changed),
            (pb.OrderApproved, self.order_approved),
            (pb.OrderCancelled, self.order_cancelled),
        ]

    def partner_activated(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.PartnerActivated
    ) -> Outcome[None]:
        """Open the partner's credit."""
        return usecases.activate(
            tx,
            partner_id=fact.partner_id,
            unit_id=fact.unit_id,
            limit=to_money(fact.credit_limit),
            credit_days=fact.credit_days,
        )

    def credit_grade_changed(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.CreditGradeChanged
    ) -> Outcome[None]:
        """Take over the new limit."""
        return usecases.regrade(
            tx,
            partner_id=fact.partner_id,
            limit=to_money(fact.credit_limit),
            credit_days=fact.credit_days,
        )

    def order_approved(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.OrderApproved
    ) -> Outcome[None]:
        """Let the order's reservation count until it is invoiced, or tell that it is gone."""
        return usecases.confirm(
            tx,
            partner_id=fact.order.partner_id,
            owner=Owner(ORDER, fact.order.order_id),
            amount=to_money(fact.order.total),
            at=self._clock.now(),
        )

    def order_cancelled(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.OrderCancelled
    ) -> Outcome[None]:
        """Give back what the order had set aside."""
        return usecases.end(tx, owner=Owner(ORDER, fact.order.order_id), state=State.CANCELLED)
