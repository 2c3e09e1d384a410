"""The side door of diversion: the fine that settlement booked."""

from datetime import tzinfo

from mantle.settlement.v1 import events_pb2 as pb

from channels.diversion import usecases
from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.period import local_date
from chassis.wire import to_money


class DiversionSubscriber:
    """Let cases be penalised."""

    def __init__(self, *, zone: tzinfo) -> None:
        """Know the company's time zone, which says on which day a grade is reviewed."""
        self._zone = zone

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(pb.DiversionPenalised, self.diversion_penalised)]

    def diversion_penalised(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.DiversionPenalised
    ) -> Outcome[None]:
        """Take over the fine."""
        usecases.penalised(
            tx,
            case_id=fact.case_id,
            fine=to_money(fact.fine),
            today=local_date(event.occur_time, self._zone),
            source=event.source,
            at=event.occur_time,
        )
        return Outcome(None)
