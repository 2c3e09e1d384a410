"""What is read of a cycle: an office's form, the merged figures, accuracy, the delivery log."""

from collections.abc import Mapping
from datetime import date

from chassis import scope
from chassis.database import Transaction
from chassis.period import Month
from chassis.process import usecases as process
from chassis.process.node import Node
from chassis.scope import Caller
from planning.adjustment import usecases as adjustment
from planning.cube import usecases as cube
from planning.cube.domain import ACTUAL, Axis
from planning.rolling_plan import figures, market, storage
from planning.rolling_plan.delivery import Delivery, delivery_log
from planning.rolling_plan.domain import Cycle, Layer, Line, Step
from planning.rolling_plan.readings import AccuracyLine, Form, FormLine, Merged
from planning.rolling_plan.steps import inside, seen_units, tool_rules
from planning.rolling_plan.tools import suggest

Item = tuple[str, str]
Sold = Mapping[tuple[str, str, Month], int]


def office_form(tx: Transaction, *, cycle_id: str, unit_id: str, today: date, by: Caller) -> Form:
    """Return what an office starts its draft from.

    Errors: RollingCycleNotFound, OutOfScope, StepNotFound for an office that does not take part,
        PolicyNotFound.
    Source: R-044, R-045, R-046, R-058.
    """
    cycle = storage.get(tx, cycle_id)
    scope.require(tx, by, unit_id)
    process.get(tx, cycle.process_id).status(Node(Step.DRAFT, unit_id))
    sold = _sold(tx, cycle, unit_id)
    annual = _annual(tx, cycle, unit_id)
    last = _last(tx, cycle, unit_id)
    rules = tool_rules(tx, unit_id, on=today)
    items = sorted({key[:2] for known in (sold, annual, last) for key in known})
    latest = cycle.month.previous()
    lines = [
        FormLine(
            product_id=item[0],
            channel=item[1],
            month=month,
            annual=annual.get((*item, month)),
            last=last.get((*item, month)),
            suggestions=suggest(_series(cycle, sold, item), month, latest=latest, rules=rules),
        )
        for item in items
        for month in cycle.horizon
    ]
    office = cycle.offices[unit_id]
    history = tuple(
        Line(product_id, channel, "", month, quantity)
        for (product_id, channel, month), quantity in sorted(sold.items())
    )
    told = market.reported_to(tx, unit_id, today=today)
    return Form(history, tuple(lines), office.customers, office.situation, *told)


def merged(tx: Transaction, *, cycle_id: str, month: Month | None, by: Caller) -> Merged:
    """Return a cycle's figures as they are now, of one month or of all.

    Shape: of the units that the caller has a say over, and summed over these.
    Errors: RollingCycleNotFound, OutOfScope, MonthOutsideHorizon.
    Source: R-049.
    """
    cycle = storage.get(tx, cycle_id)
    seen = seen_units(tx, cycle, by=by)
    months = cycle.horizon if month is None else [month]
    cycle.require_horizon(months)
    units = figures.by_axis(tx, cycle, Axis.UNIT, units=seen, months=months)
    named = [unit_id for unit_id, _ in units]
    own = inside(tx, cycle.unit_id, named) & set(scope.within(tx, by, named))
    channels = figures.by_axis(tx, cycle, Axis.CHANNEL, units=seen, months=months)
    return Merged(
        sum(quantity for _, quantity in channels),
        tuple(one for one in units if one[0] in own),
        tuple(channels),
    )


def accuracy(tx: Transaction, *, cycle_id: str, by: Caller) -> list[AccuracyLine]:
    """Compare what was filed with what came.

    Shape: by layer, unit and month, of the units that the caller has a say over; the cycle's unit
        stands for all its offices together.
    Errors: RollingCycleNotFound, OutOfScope.
    Source: R-048, R-056.
    """
    cycle = storage.get(tx, cycle_id)
    seen = seen_units(tx, cycle, by=by)
    actual_version = cube.version_named(tx, ACTUAL)
    months, unit_id = cycle.horizon, cycle.unit_id
    actual = (
        figures.by_unit(tx, actual_version.version_id, unit_id=unit_id, months=months)
        if actual_version
        else {}
    )
    layers = {one.layer: one.version_id for one in cycle.filed}
    lines = []
    for layer in (layer for layer in Layer if layer in layers):
        forecast = figures.by_unit(tx, layers[layer], unit_id=unit_id, months=months)
        lines += [
            AccuracyLine(
                layer=layer,
                unit_id=unit,
                month=month,
                forecast=forecast.get((unit, month), 0),
                actual=actual.get((unit, month), 0),
            )
            for unit in sorted(seen)
            for month in months
        ]
    return lines


def deliveries(tx: Transaction, *, cycle_id: str, by: Caller) -> list[Delivery]:
    """Return who has acknowledged an approved plan.

    Errors: RollingCycleNotFound, OutOfScope, PlanNotApproved.
    Source: R-055.
    """
    cycle = storage.get(tx, cycle_id)
    seen_units(tx, cycle, by=by)
    cycle.require_approved()
    return delivery_log(storage.acknowledgements(tx, cycle_id), offices=cycle.offices.keys())


def _sold(tx: Transaction, cycle: Cycle, unit_id: str) -> Sold:
    version = cube.version_named(tx, ACTUAL)
    if version is None:
        return {}
    return figures.by_line(tx, version.version_id, unit_id=unit_id, months=cycle.history_months)


def _annual(tx: Transaction, cycle: Cycle, unit_id: str) -> Sold:
    """Read the annual plans in force; the horizon may reach into the next year."""
    found: dict[tuple[str, str, Month], int] = {}
    for year in sorted({month.year for month in cycle.horizon}):
        plan = adjustment.plan_in_force(tx, unit_id=cycle.unit_id, fiscal_year=year)
        months = [month for month in cycle.horizon if month.year == year]
        if plan is not None:
            found |= figures.by_line(tx, plan.version_id, unit_id=unit_id, months=months)
    return found


def _last(tx: Transaction, cycle: Cycle, unit_id: str) -> Sold:
    before = storage.approved_of(tx, unit_id=cycle.unit_id, month=cycle.month.previous())
    if before is None:
        return {}
    return figures.by_line(tx, before.version_id, unit_id=unit_id, months=cycle.horizon)


def _series(cycle: Cycle, sold: Sold, item: Item) -> dict[Month, int]:
    """Return what was sold of one thing, with nothing where nothing came, from its first month."""
    own = {key[2]: quantity for key, quantity in sold.items() if key[:2] == item}
    if not own:
        return {}
    first = min(own)
    return {month: own.get(month, 0) for month in cycle.history_months if month >= first}
