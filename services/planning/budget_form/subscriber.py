"""The side door of the budget form: settlement tells what expenses brought."""

from mantle.settlement.v1 import events_pb2 as pb

from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from planning.budget_form import usecases, wire


class OpinionSubscriber:
    """Keep `expense_evaluation_copy`."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(pb.ExpenseEvaluated, self.expense_evaluated)]

    def expense_evaluated(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.ExpenseEvaluated
    ) -> Outcome[None]:
        """Take an opinion over."""
        return usecases.take_over(tx, wire.told(fact))
