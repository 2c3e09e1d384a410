"""What budget lines sum to, by unit and for a plan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from chassis.money import Money, total
from planning.budget.domain import IN_FORCE, BudgetLine, LineState


@dataclass(frozen=True, slots=True)
class Sum:
    """Hold what lines sum to.

    Shape: `unit_id` is empty for all of them; `in_force` is the amount of those in force, `claimed`
        of those that are claimed.
    """

    unit_id: str
    amount: Money
    in_force: Money
    claimed: Money
    reserved: Money
    spent: Money
    available: Money


@dataclass(frozen=True, slots=True)
class Usage:
    """Hold what lines have and what is spent of it.

    Units: minor units of one currency.
    """

    amount: int
    spent: int


@dataclass(frozen=True, slots=True)
class PlanBudget:
    """Hold the sums of a plan's lines: of each unit, by id, and of all; the newest version."""

    plan_id: str
    plan_version: int
    units: tuple[Sum, ...]
    total: Sum


def plan_budget(plan_id: str, lines: Sequence[BudgetLine]) -> PlanBudget:
    """Sum the lines of a plan, which has at least one, in one currency.

    Errors: CurrencyMismatch.
    """
    units = sorted({line.unit_id for line in lines})
    version = max(line.plan.plan_version for line in lines if line.plan is not None)
    return PlanBudget(
        plan_id,
        version,
        tuple(_sum(one, [line for line in lines if line.unit_id == one]) for one in units),
        _sum("", lines),
    )


def _sum(unit_id: str, lines: Sequence[BudgetLine]) -> Sum:
    def of(amounts: Iterable[Money]) -> Money:
        return total(lines[0].amount.currency_code, list(amounts))

    return Sum(
        unit_id,
        amount=of(line.amount for line in lines),
        in_force=of(line.amount for line in lines if line.state in IN_FORCE),
        claimed=of(line.amount for line in lines if line.state is LineState.SIGNED),
        reserved=of(line.reserved for line in lines),
        spent=of(line.spent for line in lines),
        available=of(line.available for line in lines),
    )
