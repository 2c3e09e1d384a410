"""The side door of the limits: planning tells the year's plan when it changes."""

from mantle.planning.v1 import events_pb2 as pb

from chassis.database import Transaction
from chassis.events import parts
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome
from settlement.budget_limit import usecases, wire


class BudgetLimitSubscriber:
    """Keep `budget_limit_copy`."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.AnnualPlanApproved, self.year_planned),
            (pb.PlanAdjusted, self.plan_adjusted),
        ]

    def year_planned(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.AnnualPlanApproved
    ) -> Outcome[None]:
        """Take the year's first limits over."""
        return _taken_over(tx, event, fact)

    def plan_adjusted(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.PlanAdjusted
    ) -> Outcome[None]:
        """Take the year's limits over."""
        return _taken_over(tx, event, fact)


def _taken_over(
    tx: Transaction, event: ReceivedEvent, fact: pb.AnnualPlanApproved | pb.PlanAdjusted
) -> Outcome[None]:
    """Take the plan over when its last part is here."""
    told = parts.gathered(
        tx, event, fact, version=fact.plan_version, part=fact.part, count=fact.part_count
    )
    return usecases.take_over(tx, wire.told(told)) if told else Outcome(None)
