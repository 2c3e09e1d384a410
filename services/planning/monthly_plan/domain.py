"""Monthly sales plans: a version is published once and never changes."""

from dataclasses import dataclass

from chassis.errors import NotFound
from chassis.period import Month


@dataclass(frozen=True, slots=True)
class PlanLine:
    """Hold what one partner is to be sold of one product, in pieces."""

    partner_id: str
    product_id: str
    quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthlyPlan:
    """Hold a version of a unit's plan for a month."""

    unit_id: str
    month: Month
    plan_version: int
    lines: tuple[PlanLine, ...]
    published_by: str


@dataclass(frozen=True, slots=True)
class MonthlyPlanApproved:
    """A plan is in force; it replaces the version before as a whole."""

    plan: MonthlyPlan


class MonthlyPlanNotFound(NotFound):
    """The unit has no such plan for this month."""

    reason = "MONTHLY_PLAN_NOT_FOUND"

    def __init__(self, unit_id: str, month: Month) -> None:
        """Name the unit and the month."""
        super().__init__(
            f"unit {unit_id} has no such plan for {month}", unitId=unit_id, month=month
        )
