"""The expense budgets of a year's plan, as planning told them."""

from dataclasses import dataclass

from chassis.errors import NotFound
from chassis.money import Money


@dataclass(frozen=True, slots=True)
class Limit:
    """Hold what a unit may spend on a type of expense in a month."""

    month: str
    unit_id: str
    expense_type: str
    amount: Money

    @property
    def key(self) -> tuple[str, ...]:
        """Name what no two limits of a plan have alike, in the order in which they are listed."""
        return self.month, self.unit_id, self.expense_type


@dataclass(frozen=True, slots=True)
class Limits:
    """Hold limits of a unit's plan of a year, of one version: all of them, or a page."""

    unit_id: str
    fiscal_year: int
    plan_version: int
    currency_code: str
    limits: tuple[Limit, ...]
    next_page_token: str = ""


class BudgetLimitsNotFound(NotFound):
    """Planning has told no limits of this unit and year yet."""

    reason = "BUDGET_LIMITS_NOT_FOUND"

    def __init__(self, unit_id: str, fiscal_year: int) -> None:
        """Name the unit and the year."""
        super().__init__(
            f"no limits of unit {unit_id} are known for {fiscal_year}",
            unitId=unit_id,
            fiscalYear=fiscal_year,
        )
