"""How a year plan was made and how its parts agree: what the report has, computed from what was
recorded. Pure; the figures are handed in."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from chassis.money import Money, ratio, total
from chassis.process.domain import Instance
from chassis.process.node import StepState
from planning.annual_plan.agenda import AGENDA, Participation
from planning.annual_plan.content import (
    Content,
    FirstPlan,
    NaturalGrowth,
    NewTerminal,
    ProductPlan,
    ProductSummary,
    RegionalPlan,
    RegionalSummary,
)
from planning.annual_plan.view import Signature, is_settled, signatures, step_state
from planning.profit.domain import percent


@dataclass(frozen=True, slots=True, kw_only=True)
class StepLine:
    """Hold a step with who takes part in it and who has done what.

    Source: R-030.
    """

    number: int
    name_en: str
    name_zh: str
    responsible: str
    participation: Participation
    state: StepState
    signatures: tuple[Signature, ...]


@dataclass(frozen=True, slots=True)
class Outlook:
    """Hold a region's summary, and what its last quarter came to."""

    summary: RegionalSummary
    last_quarter: Money | None

    @property
    def error_percent(self) -> str:
        """Tell how far the forecast was off, in percent of what came; empty while nothing came.

        Source: R-006.
        """
        if self.last_quarter is None:
            return ""
        off = abs(self.summary.forecast - self.last_quarter)
        return percent_of(off, self.last_quarter)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Hold two views of one amount."""

    by_product: Money
    by_area: Money

    @property
    def difference(self) -> Money:
        """Tell by product less by area.

        Source: R-007, R-012.
        """
        return self.by_product - self.by_area


@dataclass(frozen=True, slots=True)
class Figure:
    """Hold a planned figure beside its target."""

    key: str
    planned: Money
    target: Money | None = None

    @property
    def difference(self) -> Money | None:
        """Tell planned less target.

        Source: R-017.
        """
        return None if self.target is None else self.planned - self.target

    @property
    def difference_percent(self) -> str:
        """Tell the difference in percent of the target."""
        if self.target is None:
            return ""
        return percent_of(self.planned - self.target, self.target)


@dataclass(frozen=True, slots=True)
class Progress:
    """Hold how far the channel expansion is."""

    win_count: int
    won_count: int
    keep_count: int
    kept_count: int

    @property
    def won_percent(self) -> str:
        """Tell the share that was won.

        Source: R-016.
        """
        return share(self.won_count, self.win_count)

    @property
    def kept_percent(self) -> str:
        """Tell the share that was kept."""
        return share(self.kept_count, self.keep_count)


@dataclass(frozen=True, slots=True)
class Score:
    """Hold what was reached of an archived plan.

    Shape: the year is measured by `archived`; `current` is the plan as adjusted since.
    """

    archived: Money
    current: Money
    actual: Money

    @property
    def percent(self) -> str:
        """Tell the score: actual in percent of the archived plan; empty when nothing was planned.

        Source: R-027.
        """
        return percent_of(self.actual, self.archived)

    @property
    def current_percent(self) -> str:
        """Tell the same against the adjusted plan, for comparison."""
        return percent_of(self.actual, self.current)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Hold the report on a plan, or on one area of it."""

    steps: tuple[StepLine, ...]
    done_count: int
    outlooks: tuple[Outlook, ...]
    summaries: Comparison | None
    preliminary: tuple[tuple[bool, FirstPlan], ...]
    views: Comparison | None
    margin_percent: str
    market_plan: Money | None
    product_plans: tuple[Figure, ...]
    sales_plan: Figure | None
    area_plans: tuple[Figure, ...]
    new_terminals: tuple[tuple[str, NewTerminal], ...]
    growths: tuple[tuple[str, NaturalGrowth], ...]
    expansion: Progress | None


def percent_of(part: Money, whole: Money) -> str:
    """Write a share in percent with two digits; empty when the whole is nothing."""
    return percent(part.amount_minor, whole.amount_minor)


def share(part: int, whole: int) -> str:
    """Write a share in percent with one digit; empty when the whole is nothing."""
    return f"{ratio(part * 100, whole, decimals=1):f}" if whole else ""


def step_lines(process: Instance) -> tuple[StepLine, ...]:
    """List all steps with who takes part and who has done what."""
    return tuple(
        StepLine(
            number=step.number,
            name_en=step.name_en,
            name_zh=step.name_zh,
            responsible=step.role or "",
            participation=AGENDA.participation[step.number],
            state=step_state(process, step.number),
            signatures=signatures(process, step.number),
        )
        for step in process.definition.steps
    )


def done_count(process: Instance) -> int:
    """Count the steps that are done or not needed.

    Source: R-030.
    """
    return sum(is_settled(process, step.number) for step in process.definition.steps)


def summaries(contents: Iterable[Content], *, currency_code: str) -> Comparison:
    """Compare the products' summaries with the regions'.

    Source: R-007.
    """
    found = list(contents)
    by_product = [
        line.amount for one in found if isinstance(one, ProductSummary) for line in one.lines
    ]
    by_area = [one.expected for one in found if isinstance(one, RegionalSummary)]
    return Comparison(total(currency_code, by_product), total(currency_code, by_area))


def product_figures(contents: Iterable[Content], *, currency_code: str) -> tuple[Figure, ...]:
    """Sum each product plan; together they are the market plan.

    Source: R-013.
    """
    return tuple(
        Figure(one.product_id, total(currency_code, [line.amount for line in one.lines]))
        for one in contents
        if isinstance(one, ProductPlan)
    )


def area_figures(
    areas: Sequence[str],
    *,
    planned: Mapping[str, int],
    targets: Mapping[str, Money],
    currency_code: str,
) -> tuple[Figure, ...]:
    """Set the planned sales of each area beside its target.

    Source: R-017.
    """
    return tuple(
        Figure(area, Money(currency_code, planned.get(area, 0)), targets.get(area))
        for area in areas
    )


def new_terminals(contents: Iterable[Content]) -> tuple[tuple[str, NewTerminal], ...]:
    """List new terminals with their areas.

    Source: R-015.
    """
    return tuple(
        (one.area_unit_id, new)
        for one in contents
        if isinstance(one, RegionalPlan)
        for new in one.new_terminals
    )


def growths(contents: Iterable[Content]) -> tuple[tuple[str, NaturalGrowth], ...]:
    """List natural growth with its areas.

    Source: R-015.
    """
    return tuple(
        (one.area_unit_id, growth)
        for one in contents
        if isinstance(one, RegionalPlan)
        for growth in one.growths
    )
