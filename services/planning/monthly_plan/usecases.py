"""What the monthly plan does: it is published, version by version, and read."""

from collections.abc import Mapping
from datetime import datetime

from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.period import Month
from chassis.scope import Caller
from planning.monthly_plan import storage
from planning.monthly_plan.domain import MonthlyPlan, MonthlyPlanApproved, PlanLine
from planning.organization import usecases as organization


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
    version = storage.next_versions(tx, [(unit_id, month)])[unit_id, month]
    plan = MonthlyPlan(
        unit_id=unit_id, month=month, plan_version=version, lines=lines, published_by=by.subject
    )
    storage.add(tx, [plan], at=at)
    return Outcome(plan, [MonthlyPlanApproved(plan)])


def put_in_force(
    tx: Transaction,
    wanted: Mapping[tuple[str, Month], tuple[PlanLine, ...]],
    *,
    by: Caller,
    at: datetime,
) -> list[MonthlyPlan]:
    """Store the next versions of units' plans for months; telling of them is the caller's part.

    Shape: (unit, month) → lines, in their order. No lines end a plan that is there, and make none.
    """
    versions = storage.next_versions(tx, wanted)
    plans = [
        MonthlyPlan(
            unit_id=unit_id,
            month=month,
            plan_version=versions[unit_id, month],
            lines=lines,
            published_by=by.subject,
        )
        for (unit_id, month), lines in sorted(wanted.items())
        if lines or versions[unit_id, month] > 1
    ]
    storage.add(tx, plans, at=at)
    return plans


def get(
    tx: Transaction, *, unit_id: str, month: Month, plan_version: int, by: Caller
) -> MonthlyPlan:
    """Return a version of a plan, the one in force for 0.

    Errors: OutOfScope, MonthlyPlanNotFound.
    Source: R-183.
    """
    scope.require(tx, by, unit_id)
    return storage.get(tx, unit_id=unit_id, month=month, plan_version=plan_version)
