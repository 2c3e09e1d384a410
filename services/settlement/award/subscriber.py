"""The side door of awards: what channels granted."""

from collections.abc import Sequence
from datetime import tzinfo

from mantle.channels.v1 import events_pb2 as pb

from chassis.database import Transaction
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from settlement.award import usecases, wire
from settlement.ledger import usecases as ledger


class AwardSubscriber:
    """Book what was granted."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's zone."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(pb.AwardGranted, Many(self.awards_granted))]

    def awards_granted(
        self, tx: Transaction, received: Sequence[tuple[ReceivedEvent, pb.AwardGranted]]
    ) -> list[Outcome[None]]:
        """Book the awards; here a stretch may begin, so it takes its turn."""
        ledger.take_turn(tx)
        granted = [wire.granted(event, fact) for event, fact in received]
        return usecases.book_granted(tx, granted, zone=self._zone)
