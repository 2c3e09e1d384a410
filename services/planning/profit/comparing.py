"""Figures side by side: plan and history, plan and target, target and actual. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from chassis.money import Money, round_half_up
from planning.budget.sums import Usage
from planning.cube.variance import Variance
from planning.profit.domain import percent
from planning.profit.tree import GrownTree, Node, ProfitTree

MONTHS_A_YEAR: Final = 12


@dataclass(frozen=True, slots=True)
class AnalysisLine:
    """Hold a node of a plan beside the same of history."""

    code: str
    name_en: str
    name_zh: str
    plan: int
    history: int
    sales: int

    @property
    def change_percent(self) -> str:
        """Tell the change in percent of history."""
        return percent(self.plan - self.history, self.history)

    @property
    def sales_percent(self) -> str:
        """Tell the plan in percent of planned sales."""
        return percent(self.plan, self.sales)


@dataclass(frozen=True, slots=True)
class Gap:
    """Hold planned sales of a unit beside its target."""

    unit_id: str
    plan: int
    target: int

    @property
    def difference_percent(self) -> str:
        """Tell the difference in percent of the target.

        Source: R-017.
        """
        return percent(self.plan - self.target, self.target)


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysis:
    """Hold the financial analysis of a plan; `profit_target` is None without one."""

    plan: GrownTree
    history: GrownTree
    lines: tuple[AnalysisLine, ...]
    variance: Variance
    gaps: tuple[Gap, ...]
    profit_target: Money | None

    @property
    def target_profit_percent(self) -> str:
        """Tell the profit target in percent of the sales target.

        Source: R-010.
        """
        if self.profit_target is None or not self.gaps:
            return ""
        return percent(self.profit_target.amount_minor, self.gaps[0].target)


@dataclass(frozen=True, slots=True)
class BoardLine:
    """Hold a target with what came of it."""

    unit_id: str
    measure: str
    target: int
    actual: int

    @property
    def percent(self) -> str:
        """Tell what came in percent of the target.

        Source: R-031.
        """
        return percent(self.actual, self.target)


@dataclass(frozen=True, slots=True)
class Board:
    """Hold the lines of a target board, and the version that has the targets."""

    version_id: str
    currency_code: str
    lines: tuple[BoardLine, ...]


@dataclass(frozen=True, slots=True)
class Completion:
    """Hold how far a unit's plan is completed after some months of the year."""

    unit_id: str
    currency_code: str
    plan: int
    actual: int
    months: int

    @property
    def percent(self) -> str:
        """Tell what came in percent of the plan.

        Source: R-005.
        """
        return percent(self.actual, self.plan)

    @property
    def forecast(self) -> int:
        """Draw a straight line to the end of the year.

        Source: R-306.
        """
        return round_half_up(self.actual * MONTHS_A_YEAR, self.months)

    @property
    def forecast_percent(self) -> str:
        """Tell the forecast in percent of the plan."""
        return percent(self.forecast, self.plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class CompletionReport:
    """Hold the completion of a unit and of each below it, and how its budget is used."""

    whole: Completion
    parts: tuple[Completion, ...]
    budget: Usage
    floor: Decimal

    @property
    def budget_percent(self) -> str:
        """Tell what is spent in percent of the budget.

        Source: R-005.
        """
        return percent(self.budget.spent, self.budget.amount)

    @property
    def floor_percent(self) -> str:
        """Tell from which completion on a year needs no reasons."""
        return f"{(self.floor * 100).quantize(Decimal('0.01')):f}"

    @property
    def below_floor(self) -> bool:
        """Tell whether the year needs reasons; a plan of nothing has no completion.

        Source: R-029.
        """
        done = self.whole.percent
        return bool(done) and Decimal(done) < self.floor * 100


def analysis_lines(plan: ProfitTree, history: ProfitTree) -> tuple[AnalysisLine, ...]:
    """Set two trees side by side, in the order of the plan's; then contribution and profit.

    Shape: a node that history alone has follows behind the plan's.
    Source: R-019.
    """
    sales = plan.figures.sales
    rows = [
        AnalysisLine(
            one.code,
            one.name_en,
            one.name_zh,
            plan.amount(one.code),
            history.amount(one.code),
            sales,
        )
        for one in _nodes(plan, history)
    ]
    ours, theirs = plan.figures, history.figures
    return (
        *rows,
        AnalysisLine(
            "contribution",
            "Contribution",
            "利润贡献",
            ours.contribution,
            theirs.contribution,
            sales,
        ),
        AnalysisLine("profit", "Pre-tax profit", "税前利润", ours.profit, theirs.profit, sales),
    )


def _nodes(plan: ProfitTree, history: ProfitTree) -> Iterator[Node]:
    known = {one.code for one in plan.nodes}
    yield from plan.nodes
    yield from (one for one in history.nodes if one.code not in known)
