"""The side door of penalties: diversion that channels confirmed."""

from datetime import tzinfo

from mantle.channels.v1 import events_pb2 as pb

from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from settlement.penalty import usecases, wire


class PenaltySubscriber:
    """Book what follows from confirmed cases."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's time zone."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(pb.DiversionConfirmed, self.diversion_confirmed)]

    def diversion_confirmed(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.DiversionConfirmed
    ) -> Outcome[None]:
        """Fine the partner and give its sales to the victim."""
        return usecases.penalise(tx, case=wire.confirmed(event, fact), zone=self._zone)
