"""The side door of the quotas: planning tells each monthly plan."""

from collections import Counter

from mantle.planning.v1 import events_pb2 as pb

from channels.quota import usecases
from chassis.database import Transaction
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome


class QuotaSubscriber:
    """Keep `partner_quota_copy`."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [(pb.MonthlyPlanApproved, self.plan_approved)]

    def plan_approved(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.MonthlyPlanApproved
    ) -> Outcome[None]:
        """Take a monthly plan over; lines of the same partner and product add up."""
        quotas: Counter[tuple[str, str]] = Counter()
        for line in fact.lines:
            quotas[line.partner_id, line.product_id] += line.quantity
        return usecases.take_over(
            tx,
            unit_id=fact.unit_id,
            month=fact.month,
            plan_version=fact.plan_version,
            quotas=quotas,
        )
