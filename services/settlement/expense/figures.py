"""What expenses come to: how much of a budget is used, and what a success costs; pure."""

from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from chassis.money import Money, ratio, round_half_up
from chassis.period import DateRange

_PERCENT: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpenseUse:
    """Hold how much of a year's budget a unit used.

    Source: R-112.
    """

    unit_id: str
    fiscal_year: int
    as_of: date
    budget: Money
    sales_spent: Money
    service_spent: Money
    commission_spent: Money
    sales: Money

    @property
    def spent(self) -> Money:
        """Sum what was spent."""
        return self.sales_spent + self.service_spent + self.commission_spent

    @property
    def use_percent(self) -> Decimal | None:
        """Tell what was spent of the budget."""
        return percent(self.spent.amount_minor, self.budget.amount_minor, decimals=2)

    @property
    def budget_to_sales_percent(self) -> Decimal | None:
        """Tell what the budget is of the sales."""
        return percent(self.budget.amount_minor, self.sales.amount_minor, decimals=2)

    @property
    def spent_to_sales_percent(self) -> Decimal | None:
        """Tell what was spent of the sales."""
        return percent(self.spent.amount_minor, self.sales.amount_minor, decimals=2)


@dataclass(frozen=True, slots=True)
class Successes:
    """Hold what the successes of a time cost."""

    period: DateRange
    spent: Money
    count: int

    @property
    def cost(self) -> Money | None:
        """Tell what one costs; None without one."""
        if not self.count:
            return None
        return replace(self.spent, amount_minor=round_half_up(self.spent.amount_minor, self.count))


@dataclass(frozen=True, slots=True)
class SuccessCost:
    """Hold what a success costs now and what it cost before.

    Source: R-116.
    """

    unit_id: str
    baseline: Successes
    now: Successes
    goal_percent: Decimal

    @property
    def change_percent(self) -> Decimal | None:
        """Tell by how much the cost of a success changed, before any rounding of the costs; None
        when there is nothing to compare."""
        before, now = self.baseline, self.now
        if not (before.count and now.count):
            return None
        base = before.spent.amount_minor * now.count
        return percent(now.spent.amount_minor * before.count - base, base, decimals=1)

    @property
    def goal_reached(self) -> bool:
        """Tell whether it fell as far as it should."""
        change = self.change_percent
        return change is not None and change <= self.goal_percent


def percent(part: int, whole: int, *, decimals: int) -> Decimal | None:
    """Give a part in percent of its whole, rounded once; None without a whole above 0."""
    if whole <= 0:
        return None
    return ratio(part * _PERCENT, whole, decimals=decimals)
