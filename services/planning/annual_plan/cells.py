"""The figures of what is submitted, as cells of the cube; a year comes to its months evenly."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, TypeAlias

from chassis.allocation import split
from chassis.period import Month
from planning.annual_plan.content import (
    BIDDING,
    DEVELOPMENT,
    VERIFICATION,
    NewTerminal,
    ProductPlan,
    RegionalPlan,
    RegionalPlanLine,
    Submission,
)
from planning.cube.domain import Address, Cell

SALES: Final = "sales"
VOLUME: Final = "volume"

# Measure, unit, product, channel, terminal → figure of the year.
Figures: TypeAlias = Counter[tuple[str, str, str, str, str]]


def figures_of(content: Submission | None, *, head_unit_id: str) -> Figures:
    """Sum what is submitted by measure and place; an expansion plan has no figures."""
    match content:
        case ProductPlan():
            return _of_product(content, head_unit_id)
        case RegionalPlan():
            return _of_area(content)
        case _:
            return Counter()


def cells_between(before: Figures, after: Figures, *, months: Sequence[Month]) -> list[Cell]:
    """List the cells that bring the cube from what was submitted before to what is now."""
    changed = (key for key in {**before, **after} if before[key] != after[key])
    return [cell for key in changed for cell in year_cells(key, after[key], months=months)]


def year_cells(
    key: tuple[str, str, str, str, str], figure: int, *, months: Sequence[Month]
) -> Iterable[Cell]:
    """Spread a figure of the year over its months, exactly."""
    measure, unit_id, product_id, channel, terminal_id = key
    shares = split(figure, [1] * len(months))
    for month, share in zip(months, shares, strict=True):
        yield Cell(measure, Address(unit_id, product_id, channel, terminal_id, month), share)


def _of_product(plan: ProductPlan, head_unit_id: str) -> Figures:
    found: Figures = Counter()
    for line in plan.lines:
        key = (line.expense_type, head_unit_id, plan.product_id, line.channel, "")
        found[key] += line.amount.amount_minor
    return found


def _of_area(plan: RegionalPlan) -> Figures:
    found: Figures = Counter()
    area = plan.area_unit_id
    sold: list[RegionalPlanLine | NewTerminal] = [*plan.lines, *plan.new_terminals]
    for one in sold:
        place = (area, one.product_id, one.channel, one.terminal_id)
        found[VOLUME, *place] += one.volume
        found[SALES, *place] += one.sales.amount_minor
    for expense in plan.expenses:
        key = (expense.expense_type, area, expense.product_id, "", expense.terminal_id)
        found[key] += expense.amount.amount_minor
    for new in plan.new_terminals:
        place = (area, new.product_id, "", new.terminal_id)
        found[DEVELOPMENT, *place] += new.development.amount_minor
        found[VERIFICATION, *place] += new.verification.amount_minor
        found[BIDDING, *place] += new.bidding.amount_minor
    return found
