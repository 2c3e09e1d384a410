"""What the year before says of a type of expense: its budget, its spending, and what it brought."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from chassis.money import Money, ratio

_PERCENT: Final = 100


@dataclass(frozen=True, slots=True)
class Brought:
    """Hold sales before and after what was spent."""

    spent: Money
    sales_before: Money
    sales_after: Money

    @property
    def uplift_percent(self) -> Decimal | None:
        """Tell by how much sales grew, to one decimal; None without sales before."""
        before = self.sales_before.amount_minor
        if before <= 0:
            return None
        return ratio((self.sales_after.amount_minor - before) * _PERCENT, before, decimals=1)

    @property
    def return_ratio(self) -> Decimal:
        """Tell what each unit of money brought of additional sales, to two decimals.

        Source: R-109.
        """
        gained = self.sales_after - self.sales_before
        return ratio(gained.amount_minor, self.spent.amount_minor, decimals=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Opinion:
    """Hold the evaluation opinion on one expense, by copy from settlement."""

    expense_id: str
    unit_id: str
    fiscal_year: int
    expense_type: str
    purpose: str
    brought: Brought
    opinion: str
    evaluated_by: str
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class TypeBrought:
    """Hold what the evaluated expenses of one type brought together."""

    expense_type: str
    count: int
    brought: Brought


@dataclass(frozen=True, slots=True)
class FormLine:
    """Hold what the form says of one type of expense in one currency."""

    expense_type: str
    budget: Money
    spent: Money
    evaluated: TypeBrought | None


@dataclass(frozen=True, slots=True)
class Form:
    """Hold the form for a year's budget of a unit and all below it."""

    unit_id: str
    fiscal_year: int
    lines: tuple[FormLine, ...]


def form_lines(
    used: Mapping[tuple[str, str], tuple[int, int]], brought: Sequence[TypeBrought]
) -> tuple[FormLine, ...]:
    """Bring budgets and evaluations together, by type and currency; either may be missing.

    Shape: `used` has (type, currency) → (budget, spent).
    Units: minor units.
    """
    evaluations = {(one.expense_type, one.brought.spent.currency_code): one for one in brought}
    lines = []
    for key in sorted(used.keys() | evaluations.keys()):
        expense_type, currency = key
        budget, spent = (Money(currency, minor) for minor in used.get(key, (0, 0)))
        lines.append(FormLine(expense_type, budget, spent, evaluations.get(key)))
    return tuple(lines)
