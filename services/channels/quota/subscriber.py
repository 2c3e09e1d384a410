"""The side door of the quotas: planning tells monthly plans, and the year's when it changes."""

from collections import Counter
from collections.abc import Iterable

from mantle.planning.v1 import events_pb2 as pb
from mantle.planning.v1 import monthly_plan_pb2

from channels.quota import usecases, wire
from channels.quota.domain import Quotas
from chassis.database import Transaction
from chassis.events import parts
from chassis.events.applier import Handler
from chassis.events.domain import ReceivedEvent
from chassis.outcome import Outcome


class QuotaSubscriber:
    """Keep `partner_quota_copy` and `sales_target_copy`."""

    def handlers(self) -> list[Handler]:
        """Return what is done on each fact."""
        return [
            (pb.MonthlyPlanApproved, self.plan_approved),
            (pb.AnnualPlanApproved, self.year_planned),
            (pb.PlanAdjusted, self.plan_adjusted),
        ]

    def plan_approved(
        self, tx: Transaction, _event: ReceivedEvent, fact: pb.MonthlyPlanApproved
    ) -> Outcome[None]:
        """Take monthly plans over: the one that was published, or all of a rolling cycle."""
        for plan in fact.plans if fact.cycle_id else [fact]:
            usecases.take_over(
                tx,
                unit_id=plan.unit_id,
                month=plan.month,
                plan_version=plan.plan_version,
                quotas=_quotas(plan.lines),
            )
        return Outcome(None)

    def year_planned(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.AnnualPlanApproved
    ) -> Outcome[None]:
        """Take the year's first targets over."""
        return _taken_over(tx, event, fact)

    def plan_adjusted(
        self, tx: Transaction, event: ReceivedEvent, fact: pb.PlanAdjusted
    ) -> Outcome[None]:
        """Take the year's targets over."""
        return _taken_over(tx, event, fact)


def _taken_over(
    tx: Transaction, event: ReceivedEvent, fact: pb.AnnualPlanApproved | pb.PlanAdjusted
) -> Outcome[None]:
    """Take the plan over when its last part is here."""
    told = parts.gathered(
        tx, event, fact, version=fact.plan_version, part=fact.part, count=fact.part_count
    )
    return usecases.take_over_targets(tx, wire.told(told)) if told else Outcome(None)


def _quotas(lines: Iterable[monthly_plan_pb2.MonthlyPlanLine]) -> Quotas:
    """Add up the lines of the same partner and product."""
    quotas: Counter[tuple[str, str]] = Counter()
    for line in lines:
        quotas[line.partner_id, line.product_id] += line.quantity
    return quotas
