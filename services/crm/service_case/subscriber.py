"""The side door of cases: what channels decided that a customer has to know of."""

from datetime import tzinfo
from typing import Final

from mantle.channels.v1 import events_pb2 as pb

from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from crm.service_case import usecases
from crm.service_case.domain import Kind, Opening

CREDITED: Final = "The goods were taken back and credited."
REJECTED: Final = "The goods are not taken back: {reason}"
DIVERTED: Final = "{quantity} pieces of {product_id} of another area were found in yours; \
its partner is fined, and the sales count for your area."

APPROVED: Final = "You were approved for place {place}; evaluation report {report_id}."
# Who is told of a selection to tell the partner.
CUSTOMER_SERVICE: Final = "customer_service"


class CaseSubscriber:
    """Open and solve cases by what channels tells."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's time zone, which says whose day a policy is of."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.ReturnCredited, self.return_credited),
            (pb.ReturnRejected, self.return_rejected),
            (pb.DiversionConfirmed, self.diversion_confirmed),
            (pb.SelectionNotified, self.selection_notified),
        ]

    def return_credited(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.ReturnCredited
    ) -> Outcome[None]:
        """Solve the complaint behind the return, so that the customer is called back."""
        usecases.settle_return(tx, return_id=fact.return_id, solution=CREDITED)
        return Outcome(None)

    def return_rejected(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.ReturnRejected
    ) -> Outcome[None]:
        """Let the customer be told, by the call back of the complaint or by a notice."""
        said = REJECTED.format(reason=fact.reason)
        if not usecases.settle_return(tx, return_id=fact.return_id, solution=said):
            opening = Opening(
                fact.customer_id or fact.partner_id,
                Kind.NOTICE,
                said,
                order_id=fact.order_id,
                cause=f"return/{fact.return_id}",
            )
            self._note(tx, event, opening, unit_id=fact.unit_id)
        return Outcome(None)

    def diversion_confirmed(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.DiversionConfirmed
    ) -> Outcome[None]:
        """Let the partner that suffered be told; nobody is told where nobody is known."""
        if fact.found_partner_id:
            said = DIVERTED.format(quantity=fact.quantity, product_id=fact.product_id)
            opening = Opening(
                fact.found_partner_id, Kind.NOTICE, said, cause=f"diversion/{fact.case_id}"
            )
            self._note(tx, event, opening, unit_id=fact.found_unit_id)
        return Outcome(None)

    def selection_notified(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.SelectionNotified
    ) -> Outcome[None]:
        """Let an approved partner be told; the regional manager looks into the selection."""
        if fact.role == CUSTOMER_SERVICE:
            said = APPROVED.format(place=fact.place, report_id=fact.report_id)
            cause = f"selection/{fact.selection_id}/{fact.place}"
            opening = Opening(fact.partner_id, Kind.NOTICE, said, cause=cause)
            self._note(tx, event, opening, unit_id=fact.unit_id)
        return Outcome(None)

    def _note(
        self, tx: Transaction, event: ReceivedEvent, opening: Opening, *, unit_id: str
    ) -> None:
        usecases.note(
            tx,
            opening,
            unit_id=unit_id,
            zone=self._zone,
            trace=event.traceparent,
            by=event.source,
            at=event.occur_time,
        )
