"""An adjustment's figures in the cube: what the month showed, and how the plan is changed."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal

from chassis import scope
from chassis.database import Transaction
from chassis.money import Money
from chassis.period import Month
from chassis.policy import usecases as policy
from chassis.policy.parameters import Parameters
from chassis.scope import Caller
from planning.adjustment.domain import (
    EXPENSE,
    PROCESS,
    SALES,
    VOLUME,
    Activity,
    ActivityReport,
    Adjustment,
    MonthlySales,
    PlanInForce,
    Shift,
    Target,
    TrackingLine,
    TrackingReport,
)
from planning.adjustment.errors import PlanBelowZero
from planning.campaign.costs import costs_of
from planning.cube import usecases as cube
from planning.cube.domain import ACTUAL, Address, Axis, Cell, Kind, Where
from planning.cube.measures import measure as measure_of
from planning.organization import usecases as organization

MONTHS_A_YEAR = 12
COMPANY = "COMPANY"


def require_known(
    tx: Transaction, one: Adjustment, *, measure: str, unit_id: str, by: Caller
) -> None:
    """Refuse what is not a measure, and a unit that does not lie in the adjustment's.

    Errors: MeasureUnknown, UnitNotFound, OutOfScope.
    """
    measure_of(measure)
    organization.require_unit(tx, unit_id, by=by)
    if not _inside(tx, one.unit_id, [unit_id]):
        raise scope.OutOfScope(by.subject, unit_id)


def tracked(
    tx: Transaction, plan: PlanInForce, month: Month, *, major_share: Decimal, today: date
) -> TrackingReport:
    """Compare a month's plan with what came, for a unit and every unit below it.

    Errors: PolicyNotFound.
    Source: R-032.
    """
    measures = {SALES: [SALES], EXPENSE: _tracked_expenses(tx, plan.unit_id, on=today)}
    targets = _by_unit(tx, plan.version_id, plan.unit_id, month=month, measures=measures)
    version = cube.version_named(tx, ACTUAL)
    actuals = (
        _by_unit(tx, version.version_id, plan.unit_id, month=month, measures=measures)
        if version
        else {}
    )
    units = _inside(tx, plan.unit_id, {unit_id for _, unit_id in targets | actuals})
    lines = [
        TrackingLine(measure, unit_id, targets.get(key, 0), actuals.get(key, 0))
        for measure in measures
        for unit_id in units
        if (key := (measure, unit_id)) in targets or key in actuals
    ]
    return TrackingReport(tuple(lines), major_share)


def activities(tx: Transaction, one: Adjustment, *, zone: tzinfo) -> ActivityReport:
    """Return the sales of each month of the year, and what its campaigns cost.

    Source: R-035.
    """
    months = Month(one.year, 1).span(MONTHS_A_YEAR)
    version = cube.version_named(tx, ACTUAL)
    sold: dict[str, int] = {}
    if version is not None:
        where = Where(unit_ids={one.unit_id}, months=frozenset(months))
        rows = cube.table(tx, version.version_id, [SALES], by=[Axis.MONTH], where=where)
        sold = {row.keys[0]: row.values[0] for row in rows}
    costs = costs_of(
        tx, unit_id=one.unit_id, start=months[0].starts(zone), end=months[-1].ends(zone)
    )
    return ActivityReport(
        tuple(
            MonthlySales(month, Money(one.currency_code, sold.get(str(month), 0)))
            for month in months
        ),
        tuple(Activity(cost.campaign_id, cost.name, cost.cost) for cost in costs),
    )


def shifted(
    tx: Transaction, one: Adjustment, shifts: Sequence[Shift], *, by: Caller, at: datetime
) -> str:
    """Make the changes in a branch of the plan, and return its version.

    Shape: a plan that failed its check is made anew from the plan in force; the failed one stays,
        under its own name.
    Errors: PlanBelowZero, CubeVersionNameTaken.
    Source: R-037.
    """
    again = f".{one.attempt + 1}" if one.attempt else ""
    made = cube.branch(
        tx,
        one.base.version_id,
        name=f"FY{one.year} {one.unit_id} r{one.base.plan_version + 1}{again} {one.month}",
        kind=Kind.PLAN,
        unit_id=one.unit_id,
        owner=PROCESS,
        by=by,
        at=at,
    )
    draft = cube.Draft(tx, made.version_id, owner=PROCESS)
    for shift in shifts:
        for month, part in shift.parts().items():
            _shift(draft, shift, month=month, part=part)
    draft.save(by=by, at=at)
    return made.version_id


def brought(tx: Transaction, one: Adjustment) -> dict[Target, int]:
    """Tell what each target's unit, with all below it, has more in the months behind than in the
    plan before.

    Source: R-037.
    """
    months = frozenset(one.months_behind)
    found = {}
    for target in one.targets:
        where = Where(unit_ids={target.unit_id}, months=months)
        before, after = (
            cube.total(tx, version_id, target.measure, where=where)
            for version_id in (one.base.version_id, one.version_id)
        )
        found[target] = after - before
    return found


def quotas(tx: Transaction, one: Adjustment) -> list[Cell]:
    """Return the adjusted targets of volume and sales, by unit, product and month."""
    axes = [Axis.OWN_UNIT, Axis.PRODUCT, Axis.MONTH]
    return _figures(tx, one, [VOLUME, SALES], axes=axes)


def limits(tx: Transaction, one: Adjustment, *, today: date) -> list[Cell]:
    """Return the adjusted budgets, by unit, month and type of expense.

    Errors: PolicyNotFound.
    """
    types = {row.text("code") for row in _catalogue(tx, one.unit_id, on=today)}
    return _figures(tx, one, sorted(types | {EXPENSE}), axes=[Axis.OWN_UNIT, Axis.MONTH])


def _shift(draft: cube.Draft, shift: Shift, *, month: Month, part: int) -> None:
    """Change one month: in proportion to the plan, or at the unit itself where it has nothing."""
    where = Where(
        unit_ids={shift.unit_id},
        products={shift.product_id} if shift.product_id else None,
        channels={shift.channel} if shift.channel else None,
        months={month},
    )
    cells = draft.pick(shift.measure, where)
    if cells.total + part < 0:
        raise PlanBelowZero(shift.measure, shift.unit_id, month)
    if cells.total == 0:
        address = Address(shift.unit_id, shift.product_id, shift.channel, "", month)
        draft.add(shift.measure, address, part, cause=PROCESS)
    else:
        draft.scale(cells, cells.total + part, cause=PROCESS)


def _tracked_expenses(tx: Transaction, unit_id: str, *, on: date) -> list[str]:
    """Name the measures that sales and marketing answer for, as planned and as posted."""
    types = _catalogue(tx, unit_id, on=on)
    own = [one for one in types if one.text("plan") != COMPANY]
    codes = {one.text("code") for one in own}
    return sorted(codes | {one.text("posted_as") for one in own if "posted_as" in one} | {EXPENSE})


def _catalogue(tx: Transaction, unit_id: str, *, on: date) -> list[Parameters]:
    found = policy.in_force(tx, kind="expense_catalogue", scopes=[f"unit:{unit_id}", ""], on=on)
    return found.parameters.records("types")


def _by_unit(
    tx: Transaction,
    version_id: str,
    unit_id: str,
    *,
    month: Month,
    measures: Mapping[str, Sequence[str]],
) -> dict[tuple[str, str], int]:
    """Sum what belongs together, by what it is reported as and by unit."""
    codes = [code for group in measures.values() for code in group]
    where = Where(unit_ids={unit_id}, months={month})
    found: dict[tuple[str, str], int] = {}
    for row in cube.table(tx, version_id, codes, by=[Axis.UNIT], where=where):
        values = dict(zip(codes, row.values, strict=True))
        for name, group in measures.items():
            if any(values[code] for code in group):
                found[name, row.keys[0]] = sum(values[code] for code in group)
    return found


def _figures(
    tx: Transaction, one: Adjustment, measures: Sequence[str], *, axes: Sequence[Axis]
) -> list[Cell]:
    months = frozenset(Month(one.year, 1).span(MONTHS_A_YEAR))
    where = Where(unit_ids={one.unit_id}, months=months)
    rows = cube.table(tx, one.version_id, measures, by=axes, where=where)
    return [
        Cell(measure, Address(row.keys[0], product, "", "", Month.parse(row.keys[-1])), value)
        for row in rows
        for measure, value in zip(measures, row.values, strict=True)
        for product in [row.keys[1] if len(row.keys) > 2 else ""]
        if value
    ]


def _inside(tx: Transaction, unit_id: str, unit_ids: Sequence[str] | set[str]) -> list[str]:
    """Return those of the units that lie in a unit, sorted."""
    eye = Caller(subject="", roles=frozenset(), unit_id=unit_id, actor="")
    return scope.within(tx, eye, unit_ids)
