"""The side door of credit: partners and orders of channels.

What a stretch of facts locks first is credit, so it takes its turn here.
"""

from collections.abc import Sequence
from typing import Final

from mantle.channels.v1 import events_pb2 as pb
from mantle.channels.v1 import order_pb2

from chassis.clock import Clock
from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.wire import to_money
from settlement.credit import reserving, usecases
from settlement.credit.domain import ORDER, Owner, State
from settlement.ledger import usecases as ledger

HANDED_OVER: Final = frozenset(
    {
        order_pb2.Order.STATE_DELIVERED,
        order_pb2.Order.STATE_INVOICED,
        order_pb2.Order.STATE_SETTLED,
        order_pb2.Order.STATE_CLOSED,
    }
)


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
            (pb.OrderApproved, Many(self.orders_approved)),
            (pb.OrderCancelled, self.order_cancelled),
        ]

    def partner_activated(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.PartnerActivated
    ) -> Outcome[None]:
        """Open the partner's credit."""
        ledger.take_turn(tx)
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
        ledger.take_turn(tx)
        return usecases.regrade(
            tx,
            partner_id=fact.partner_id,
            limit=to_money(fact.credit_limit),
            credit_days=fact.credit_days,
        )

    def orders_approved(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.OrderApproved]]
    ) -> list[Outcome[None]]:
        """Let the orders' reservations count until they are invoiced, or tell that they are gone.

        Shape: an order that was delivered when it was approved, because its partner reported the
            sale afterwards, asked for no credit; its invoice counts at once.
        """
        claims = [_claim(fact.order) for _, fact in received if fact.order.state not in HANDED_OVER]
        if not claims:
            return [Outcome(None) for _ in received]
        ledger.take_turn(tx)
        confirmed = iter(reserving.confirm_all(tx, claims, at=self._clock.now()))
        return [
            Outcome(None) if fact.order.state in HANDED_OVER else next(confirmed)
            for _, fact in received
        ]

    def order_cancelled(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.OrderCancelled
    ) -> Outcome[None]:
        """Give back what the order had set aside."""
        ledger.take_turn(tx)
        return reserving.end(tx, owner=Owner(ORDER, fact.order.order_id), state=State.CANCELLED)


def _claim(order: order_pb2.Order) -> reserving.Claim:
    return reserving.Claim(order.partner_id, Owner(ORDER, order.order_id), to_money(order.total))
