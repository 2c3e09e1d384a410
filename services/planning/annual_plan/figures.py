"""The year plan's figures in the cube: targets by view, and a version for each revision.

The only module of the capability that calls the cube. Each view has a version of its own, because
each adds up to the company's figure.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from chassis.allocation import split
from chassis.database import Transaction
from chassis.money import Money
from chassis.period import Month
from chassis.scope import Caller
from planning.annual_plan.cells import SALES, VOLUME, cells_between, figures_of
from planning.annual_plan.content import Submission
from planning.annual_plan.domain import PROCESS, AnnualPlan
from planning.annual_plan.errors import TargetSumDiffers
from planning.annual_plan.targets import Measure, Place, Target, View
from planning.cube import usecases as cube
from planning.cube.domain import ACTUAL, Address, Axis, Cell, Kind, Weighted, Where

EXPENSE = "expense"


def open_versions(
    tx: Transaction, name: str, *, unit_id: str, currency_code: str, by: Caller, at: datetime
) -> tuple[str, dict[str, str]]:
    """Begin the version of the first revision and those of the targets, one a view.

    Errors: CubeVersionNameTaken.
    """

    def begun(suffix: str, owner: str = "") -> str:
        version = cube.create_version(
            tx,
            name=f"{name} {suffix}",
            kind=Kind.PLAN,
            unit_id=unit_id,
            currency_code=currency_code,
            owner=owner,
            by=by,
            at=at,
        )
        return version.version_id

    return begun("r1"), {str(view): begun(f"targets {view.lower()}", PROCESS) for view in View}


def next_revision(tx: Transaction, plan: AnnualPlan, *, by: Caller, at: datetime) -> str:
    """Freeze the figures of the current revision, and begin the next with the same figures.

    Source: R-024.
    """
    cube.freeze(tx, plan.cube_version_id, by=by, owner=PROCESS)
    branched = cube.branch(
        tx,
        plan.cube_version_id,
        name=f"{plan.name} r{plan.revision + 1}",
        kind=Kind.PLAN,
        unit_id=plan.unit_id,
        by=by,
        at=at,
    )
    return branched.version_id


def close_to_hands(tx: Transaction, plan: AnnualPlan) -> None:
    """Let nobody write into the current revision by hand any more: what was analysed is decided on.

    Source: R-023.
    """
    cube.hand_over(tx, plan.cube_version_id, owner=PROCESS)


def freeze(tx: Transaction, plan: AnnualPlan, *, by: Caller) -> None:
    """Let nothing change the figures and the targets of a plan any more."""
    cube.freeze(tx, plan.cube_version_id, by=by, owner=PROCESS)
    for version_id in plan.target_versions.values():
        cube.freeze(tx, version_id, by=by, owner=PROCESS)


def set_targets(
    tx: Transaction,
    plan: AnnualPlan,
    amounts: Mapping[Place, Money],
    *,
    view: View,
    measure: Measure,
    by: Caller,
    at: datetime,
) -> None:
    """Spread the figures of one measure over the months of the year; what was there goes."""
    weights = tuple(
        (Address(place.unit_id, place.product_id, place.channel, "", month), share)
        for place, amount in amounts.items()
        for month, share in zip(plan.months, split(amount.amount_minor, [1] * 12), strict=True)
    )
    cube.spread(
        tx,
        plan.target_versions[view],
        measure.lower(),
        where=Where(months=set(plan.months)),
        total=sum(share for _, share in weights),
        rule=Weighted(weights),
        by=by,
        at=at,
        cause=f"{plan.name} targets {view.lower()}",
        owner=PROCESS,
    )


def valued(tx: Transaction, plan: AnnualPlan, targets: Iterable[Target]) -> list[Target]:
    """Put the values from the cube into targets."""
    wanted = list(targets)
    known: dict[tuple[str, Place], int] = {}
    for view, measure in {(one.view, one.measure) for one in wanted}:
        for cell in cube.cells(tx, plan.target_versions[view], measure.lower()):
            address = cell.address
            place = Place(address.unit_id, address.product_id, address.channel)
            key = (f"{view}/{measure}", place)
            known[key] = known.get(key, 0) + cell.value
    return [
        one.worth(plan.money(known.get((f"{one.view}/{one.measure}", one.place), 0)))
        for one in wanted
    ]


def target_total(tx: Transaction, plan: AnnualPlan, *, view: View, measure: Measure) -> Money:
    """Sum the targets of a view."""
    return plan.money(cube.total(tx, plan.target_versions[view], measure.lower()))


def require_sums(tx: Transaction, plan: AnnualPlan, targets: Iterable[Target]) -> None:
    """Refuse parts that do not sum to the company's target of their measure, where it has one.

    Errors: TargetSumDiffers.
    Source: R-011.
    """
    wanted = {(one.view, one.measure) for one in targets}
    for view, measure in sorted(wanted):
        if view is View.COMPANY or (View.COMPANY, measure) not in wanted:
            continue
        whole = target_total(tx, plan, view=View.COMPANY, measure=measure)
        together = target_total(tx, plan, view=view, measure=measure)
        if together != whole:
            raise TargetSumDiffers(measure, target=whole, together=together)


def submit(
    tx: Transaction,
    plan: AnnualPlan,
    *,
    before: Submission | None,
    after: Submission,
    by: Caller,
    at: datetime,
) -> None:
    """Write what is submitted into the current revision, in place of what was there.

    Errors: MeasureUnknown, CubeMemberUnknown, OutOfScope, CellValueInvalid.
    """
    cells = cells_between(
        figures_of(before, head_unit_id=plan.unit_id),
        figures_of(after, head_unit_id=plan.unit_id),
        months=plan.months,
    )
    if cells:
        cause = f"{plan.name} r{plan.revision} {type(after).__name__}"
        cube.write(tx, plan.cube_version_id, cells, by=by, at=at, cause=cause)


def sales_by_unit(tx: Transaction, plan: AnnualPlan, version_id: str) -> dict[str, int]:
    """Sum sales of the year by the units at which they stand."""
    where = Where(months=set(plan.months))
    rows = cube.table(tx, version_id, [SALES], by=[Axis.OWN_UNIT], where=where)
    return {row.keys[0]: row.values[0] for row in rows}


def sales(tx: Transaction, plan: AnnualPlan, version_id: str) -> Money:
    """Sum sales of the year."""
    where = Where(months=set(plan.months))
    return plan.money(cube.total(tx, version_id, SALES, where=where))


def expenses(tx: Transaction, plan: AnnualPlan) -> dict[tuple[str, str, str], int]:
    """Sum the expenses of the plan by expense type, unit and product."""
    return {
        (measure, unit_id, product_id): value
        for measure, unit_id, product_id, value in lines(tx, plan)
        if measure.startswith(EXPENSE)
    }


def lines(tx: Transaction, plan: AnnualPlan) -> list[tuple[str, str, str, int]]:
    """List what the plan has of each measure in the year, by unit and product, zeros left out."""
    measures = sorted(cube.all_measures(tx))
    axes = [Axis.OWN_UNIT, Axis.PRODUCT]
    where = Where(months=set(plan.months))
    rows = cube.table(tx, plan.cube_version_id, measures, by=axes, where=where)
    return sorted(
        (measure, row.keys[0], row.keys[1], value)
        for row in rows
        for measure, value in zip(measures, row.values, strict=True)
        if value
    )


def quotas(tx: Transaction, plan: AnnualPlan) -> list[Cell]:
    """List planned volume and sales by unit, product and month."""
    return _monthly(tx, plan, [SALES, VOLUME], axes=[Axis.OWN_UNIT, Axis.PRODUCT, Axis.MONTH])


def limits(tx: Transaction, plan: AnnualPlan) -> list[Cell]:
    """List planned expenses by type, unit and month."""
    types = sorted(one for one in cube.all_measures(tx) if one.startswith(EXPENSE))
    return _monthly(tx, plan, types, axes=[Axis.OWN_UNIT, Axis.MONTH])


def actual_sales(
    tx: Transaction, plan: AnnualPlan, *, unit_id: str = "", last_quarter: bool = False
) -> Money | None:
    """Sum what was sold in the plan's year, or in the last quarter before it; None when nothing is
    known of it."""
    actual = cube.version_named(tx, ACTUAL)
    months = plan.months
    if last_quarter:
        months = months[0].plus(-3).span(3)
    where = Where(unit_ids={unit_id} if unit_id else None, months=set(months))
    came = cube.total(tx, actual.version_id, SALES, where=where) if actual else 0
    return plan.money(came) if came else None


def _monthly(
    tx: Transaction, plan: AnnualPlan, measures: Sequence[str], *, axes: Sequence[Axis]
) -> list[Cell]:
    where = Where(months=set(plan.months))
    rows = cube.table(tx, plan.cube_version_id, measures, by=axes, where=where)
    return [
        Cell(measure, _address(row.keys), value)
        for row in rows
        for measure, value in zip(measures, row.values, strict=True)
        if value
    ]


def _address(keys: Sequence[str]) -> Address:
    """Read unit, product where there is one, and month off the keys of a line."""
    product_id = keys[1] if len(keys) == len(("unit", "product", "month")) else ""
    return Address(keys[0], product_id, "", "", Month.parse(keys[-1]))
