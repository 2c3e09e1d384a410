"""What the monthly plan does: it is published, version by version, and read."""

from datetime import datetime

from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.period import Month
from chassis.scope import Caller
from planning.organization import usecases as organization
from planning.rolling_plan import storage
from planning.rolling_plan.domain import MonthlyPlan, MonthlyPlanApproved, PlanLine


def publish(
    tx: Transaction,
    *,
    unit_id: str,
    month: Month,
    lines: tuple[PlanLine, ...],
    by: Caller,
    at: datetime,
) -> Outcome[MonthlyPlan]:
    """Publish the next version of a unit's plan for a month.

    Errors: UnitNotFound, OutOfScope.
    """
    organization.require_unit(tx, unit_id, by=by)
    plan = MonthlyPlan(
        unit_id=unit_id,
        month=month,
        plan_version=storage.next_version(tx, unit_id=unit_id, month=month),
        lines=lines,
        published_by=by.subject,
    )
    storage.add(tx, plan, at=at)
    return Outcome(plan, [MonthlyPlanApproved(plan)])


def get(
    tx: Transaction, *, unit_id: str, month: Month, plan_version: int, by: Caller
) -> MonthlyPlan:
    """Return a version of a plan, the one in force for 0.

    Errors: OutOfScope, MonthlyPlanNotFound.
    Source: R-183.
    """
    scope.require(tx, by, unit_id)
    return storage.get(tx, unit_id=unit_id, month=month, plan_version=plan_version)
