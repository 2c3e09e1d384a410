"""The side door of expenses: crm tells which offers customers accepted."""

from collections.abc import Sequence
from datetime import tzinfo

from mantle.crm.v1 import events_pb2 as pb
from mantle.crm.v1 import offer_pb2

from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from settlement.expense import reporting


class SuccessSubscriber:
    """Count successes by unit and day."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's zone."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(pb.OfferAnswered, Many(self.offers_answered))]

    def offers_answered(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.OfferAnswered]]
    ) -> list[Outcome[None]]:
        """Count those that were accepted."""
        accepted = [
            (fact.offer_id, fact.unit_id, event.occur_time)
            for event, fact in received
            if fact.answer == offer_pb2.ANSWER_ACCEPT
        ]
        reporting.note_successes(tx, accepted, zone=self._zone)
        return [Outcome(None) for _ in received]
