"""The side door of diversion: the fine that settlement booked."""

from mantle.settlement.v1 import events_pb2 as pb

from channels.diversion import usecases
from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from chassis.wire import to_money


class DiversionSubscriber:
    """Let cases be penalised."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(pb.DiversionPenalised, self.diversion_penalised)]

    def diversion_penalised(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.DiversionPenalised
    ) -> Outcome[None]:
        """Take over the fine."""
        usecases.penalised(tx, case_id=fact.case_id, fine=to_money(fact.fine))
        return Outcome(None)
