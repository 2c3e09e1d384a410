"""What is told of a plan beside something else: history, targets, what came, what is to come.

The arithmetic of the answers stands in `comparing`.
"""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Final

from chassis.database import Transaction
from chassis.money import CurrencyMismatch, Money
from chassis.period import DateRange, Month
from chassis.policy import usecases as policy
from chassis.scope import Caller
from planning.adjustment.errors import PlanNotInForce
from planning.annual_plan import usecases as annual_plan
from planning.budget.usage import usage_of
from planning.cube import usecases as cube
from planning.cube import views
from planning.cube.domain import ACTUAL, Axis, Version, Where
from planning.cube.variance import Variance, explain
from planning.profit import usecases
from planning.profit.comparing import (
    MONTHS_A_YEAR,
    Analysis,
    Board,
    BoardLine,
    Completion,
    CompletionReport,
    Gap,
    analysis_lines,
)
from planning.profit.domain import SALES, VOLUME
from planning.profit.tree import Figures, GrownTree, grow

CONTRIBUTION: Final = "contribution"
PROFIT: Final = "profit"
BOARD: Final = (SALES, VOLUME, CONTRIBUTION, PROFIT)


def analyse(
    tx: Transaction,
    version_id: str,
    *,
    unit_id: str,
    fiscal_year: int,
    history_version_id: str = "",
    target_version_id: str = "",
    by: Caller,
) -> Analysis:
    """Analyse a plan from the financial view: beside the year before, and beside its targets.

    Shape: history is what really came when no other version is named.
    Errors: CubeVersionNotFound, UnitNotFound, OutOfScope, PolicyNotFound, CubeTooLarge,
        CurrencyMismatch.
    Source: R-010, R-017, R-019; step 20 of the year plan.
    """
    months = _year(fiscal_year)
    before = _year(fiscal_year - 1)
    plan = usecases.tree(tx, version_id, unit_id=unit_id, months=months, by=by)
    history = _history(tx, plan, history_version_id, months=before, by=by)
    gaps, profit_target = _gaps(tx, plan, target_version_id, months=months, by=by)
    return Analysis(
        plan=plan,
        history=history,
        lines=analysis_lines(plan.tree, history.tree),
        variance=_variance(tx, plan, history, months=(months, before), by=by),
        gaps=gaps,
        profit_target=profit_target,
    )


def board(
    tx: Transaction,
    *,
    unit_id: str,
    fiscal_year: int,
    version_id: str,
    measures: Sequence[str],
    by: Caller,
) -> Board:
    """Set the targets of a year beside what came of them so far.

    Shape: a line for each unit and measure that has either; profit and contribution are those that
        a version states, else those of its tree.
    Errors: CubeVersionNotFound, UnitNotFound, OutOfScope, PlanNotInForce, MeasureUnknown,
        PolicyNotFound, CubeTooLarge, CurrencyMismatch.
    Source: R-031.
    """
    version = _plan(tx, unit_id=unit_id, fiscal_year=fiscal_year, version_id=version_id)
    wanted = tuple(measures) or BOARD
    months = _year(fiscal_year)
    target = _by_unit(tx, version, wanted, unit_id=unit_id, months=months, by=by)
    came = _by_unit(tx, _actual(tx, version), wanted, unit_id=unit_id, months=months, by=by)
    lines = (
        BoardLine(unit, measure, target.get((unit, measure), 0), came.get((unit, measure), 0))
        for unit in _ordered(unit_id, {one for one, _ in target | came})
        for measure in wanted
    )
    return Board(
        version.version_id,
        version.currency_code,
        tuple(one for one in lines if one.target or one.actual),
    )


def completion(
    tx: Transaction,
    *,
    unit_id: str,
    last_month: Month,
    version_id: str,
    by: Caller,
    today: date,
) -> CompletionReport:
    """Tell how far the plan of a year is completed, and its budget used.

    Errors: CubeVersionNotFound, UnitNotFound, OutOfScope, PlanNotInForce, PolicyNotFound,
        CubeTooLarge, CurrencyMismatch.
    Source: R-005, R-029, R-306.
    """
    year = last_month.year
    version = _plan(tx, unit_id=unit_id, fiscal_year=year, version_id=version_id)
    actual = _actual(tx, version)
    over = _year(year)[: last_month.month]
    planned = _sales(tx, version, unit_id=unit_id, months=_year(year), by=by)
    came = _sales(tx, actual, unit_id=unit_id, months=over, by=by)
    whole, *parts = (
        Completion(
            unit, version.currency_code, planned.get(unit, 0), came.get(unit, 0), months=len(over)
        )
        for unit in _ordered(unit_id, planned.keys() | came.keys())
    )
    rules = policy.in_force(tx, kind="variance", scopes=[f"unit:{unit_id}", ""], on=today)
    return CompletionReport(
        whole=whole,
        parts=tuple(parts),
        budget=usage_of(
            tx,
            unit_id=unit_id,
            period=DateRange(date(year, 1, 1), date(year + 1, 1, 1)),
            currency_code=version.currency_code,
        ),
        floor=rules.parameters.decimal("completion_floor"),
    )


def _year(year: int) -> list[Month]:
    return Month(year, 1).span(MONTHS_A_YEAR)


def _ordered(unit_id: str, found: Collection[str]) -> list[str]:
    """Put the unit asked for first, whether it has numbers or not."""
    return [unit_id, *sorted(set(found) - {unit_id})]


def _plan(tx: Transaction, *, unit_id: str, fiscal_year: int, version_id: str) -> Version:
    """Return the version asked for, else that of the year's plan in force.

    Errors: CubeVersionNotFound, PlanNotInForce.
    """
    if version_id:
        return cube.get_version(tx, version_id)
    plan = annual_plan.in_force(tx, fiscal_year=fiscal_year)
    if plan is None:
        raise PlanNotInForce(unit_id, fiscal_year)
    return cube.get_version(tx, plan.cube_version_id)


def _actual(tx: Transaction, beside: Version) -> Version | None:
    """Return the version of what came, None before anything came.

    Errors: CurrencyMismatch, because amounts of two currencies cannot be set side by side.
    """
    found = cube.version_named(tx, ACTUAL)
    if found is not None and found.currency_code != beside.currency_code:
        raise CurrencyMismatch(beside.currency_code, found.currency_code)
    return found


def _history(
    tx: Transaction, plan: GrownTree, version_id: str, *, months: Sequence[Month], by: Caller
) -> GrownTree:
    """Grow the tree of history; an empty one before there is any."""
    if not version_id:
        found = cube.version_named(tx, ACTUAL)
        version_id = found.version_id if found else ""
    if not version_id:
        catalogue = usecases.catalogue_on(tx, months[-1].last_day)
        return GrownTree(
            version_id="",
            version_name="",
            currency_code=plan.currency_code,
            unit_id=plan.unit_id,
            tree=grow(catalogue, {}),
        )
    history = usecases.tree(tx, version_id, unit_id=plan.unit_id, months=months, by=by)
    if history.currency_code != plan.currency_code:
        raise CurrencyMismatch(plan.currency_code, history.currency_code)
    return history


def _variance(
    tx: Transaction,
    plan: GrownTree,
    history: GrownTree,
    *,
    months: tuple[Sequence[Month], Sequence[Month]],
    by: Caller,
) -> Variance:
    """Say why planned sales differ from those of history, by unit and product."""
    sold = []
    for one, span in zip((plan, history), months, strict=True):
        where = Where(unit_ids={plan.unit_id}, months=frozenset(span))
        within = views.seen_by(tx, by, where)
        axes = [Axis.OWN_UNIT, Axis.PRODUCT]
        sold.append(
            views.sold(tx, one.version_id, by=axes, where=where, within=within)
            if one.version_id
            else {}
        )
    after, before = sold
    return explain(before, after)[1]


def _gaps(
    tx: Transaction, plan: GrownTree, version_id: str, *, months: Sequence[Month], by: Caller
) -> tuple[tuple[Gap, ...], Money | None]:
    """Set planned sales beside the targets of a version, and find its target of the profit."""
    if not version_id:
        return (), None
    targets = cube.get_version(tx, version_id)
    if targets.currency_code != plan.currency_code:
        raise CurrencyMismatch(plan.currency_code, targets.currency_code)
    version = cube.get_version(tx, plan.version_id)
    planned = _sales(tx, version, unit_id=plan.unit_id, months=months, by=by)
    wanted = _sales(tx, targets, unit_id=plan.unit_id, months=months, by=by)
    gaps = tuple(
        Gap(unit, planned.get(unit, 0), wanted.get(unit, 0))
        for unit in _ordered(plan.unit_id, planned.keys() | wanted.keys())
    )
    where = Where(unit_ids={plan.unit_id}, months=frozenset(months))
    profit = cube.total(tx, version_id, PROFIT, where=where)
    return gaps, plan.money(profit) if profit else None


def _sales(
    tx: Transaction, version: Version | None, *, unit_id: str, months: Sequence[Month], by: Caller
) -> dict[str, int]:
    """Sum sales of a unit and of each below it, each with all that is below."""
    where = Where(unit_ids={unit_id}, months=frozenset(months))
    within = views.seen_by(tx, by, where)
    if version is None:
        return {}
    rows = cube.table(tx, version.version_id, [SALES], by=[Axis.UNIT], where=where, within=within)
    return {row.keys[0]: row.values[0] for row in rows}


def _by_unit(
    tx: Transaction,
    version: Version | None,
    measures: Sequence[str],
    *,
    unit_id: str,
    months: Sequence[Month],
    by: Caller,
) -> dict[tuple[str, str], int]:
    """Sum measures of a unit and of each below it."""
    where = Where(unit_ids={unit_id}, months=frozenset(months))
    within = views.seen_by(tx, by, where)
    if version is None:
        return {}
    catalogue = usecases.catalogue_on(tx, months[-1].last_day)
    rows = usecases.sums_by(
        tx,
        version.version_id,
        catalogue,
        axes=[Axis.UNIT],
        where=where,
        within=within,
        others=measures,
    )
    return {
        (unit, measure): stated[measure]
        for (unit,), sums in rows.items()
        for stated in [_stated(grow(catalogue, sums).figures, sums)]
        for measure in measures
    }


def _stated(figures: Figures, sums: dict[str, int]) -> dict[str, int]:
    """Put profit and contribution of the tree where a version does not state them."""
    derived = {CONTRIBUTION: figures.contribution, PROFIT: figures.profit}
    return sums | {code: sums.get(code) or value for code, value in derived.items()}
