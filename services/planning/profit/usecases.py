"""What is done about profit: assumptions are set, amounts computed, trees grown, what-ifs run.

The numbers are the cube's. A version is locked before what is in it is read to be changed. Reports
that set one tree beside another stand in `reports`.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.period import Month
from chassis.policy import usecases as policy
from chassis.policy.domain import WHOLE_COMPANY
from chassis.scope import Caller
from planning.adjustment.domain import PROCESS as ADJUSTMENT
from planning.cube import usecases as cube
from planning.cube import views
from planning.cube.domain import Address, Axis, Cell, Version, Where
from planning.profit import storage
from planning.profit.catalogue import KIND, Catalogue
from planning.profit.domain import (
    COST,
    SALES,
    VOLUME,
    Assumptions,
    Change,
    PriceAssumption,
    following,
)
from planning.profit.tree import GrownTree, WhatIf, grow

CAUSE: Final = "profit"
# Versions of a process that may be computed while they are open: an adjusted plan before its check.
COMPUTED: Final = frozenset({ADJUSTMENT})


def catalogue_on(tx: Transaction, day: date) -> Catalogue:
    """Return the expense catalogue in force on a day.

    Errors: PolicyNotFound.
    """
    found = policy.in_force(tx, kind=KIND, scopes=[WHOLE_COMPANY], on=day)
    return Catalogue.of(found.parameters)


def set_assumptions(
    tx: Transaction,
    version_id: str,
    *,
    prices: Sequence[PriceAssumption],
    sales_shares: Mapping[str, Decimal],
    by: Caller,
    today: date,
) -> Outcome[Assumptions]:
    """Set what the amounts of a version are computed from; what was set before goes.

    Errors: CubeVersionNotFound, CubeVersionFrozen, OutOfScope, CurrencyMismatch,
        ExpenseTypeUnknown, PolicyNotFound.
    Source: R-020.
    """
    version = cube.open_version(tx, version_id)
    scope.require(tx, by, version.unit_id)
    wanted = Assumptions(version_id, tuple(prices), sales_shares)
    _save(tx, version, wanted, today=today)
    return Outcome(assumptions_of(tx, version_id))


def get_assumptions(tx: Transaction, version_id: str, *, by: Caller) -> Assumptions:
    """Return the assumptions of a version to whoever has a say over its unit, or belongs below it.

    Errors: CubeVersionNotFound, OutOfScope.
    Source: R-183: what one area tries out is not another's to read; the company's prices are.
    """
    unit_id = cube.get_version(tx, version_id).unit_id
    above = replace(by, unit_id=unit_id)
    if not scope.within(tx, by, [unit_id]) and not scope.within(tx, above, [by.unit_id]):
        raise scope.OutOfScope(by.subject, unit_id)
    return assumptions_of(tx, version_id)


def assumptions_of(tx: Transaction, version_id: str) -> Assumptions:
    """Return the assumptions of a version: its own, else those that it was branched with.

    Errors: CubeVersionNotFound.
    """
    version = cube.get_version(tx, version_id)
    found = storage.find(tx, version_id)
    while found is None and version.base_version_id:
        version = cube.get_version(tx, version.base_version_id)
        found = storage.find(tx, version.version_id)
    return found or Assumptions("", (), {})


def compute(tx: Transaction, version_id: str, *, by: Caller, at: datetime) -> Outcome[int]:
    """Compute the amounts of a version; tell how many cells changed.

    Errors: as `recompute`.
    """
    return Outcome(recompute(tx, version_id, by=by, at=at))


def recompute(tx: Transaction, version_id: str, *, by: Caller, at: datetime) -> int:
    """Compute sales, cost and what follows sales from the volumes of a version; for other
    capabilities, too.

    Shape: how many cells changed.
    Errors: CubeVersionNotFound, CubeVersionOwned, CubeVersionFrozen, CubeVersionActual, OutOfScope,
        ProfitAssumptionMissing, PartsNotBalanced, CellValueInvalid, CubeTooLarge.
    Source: R-014, R-018.
    """
    owner = cube.get_version(tx, version_id).owner
    owner = owner if owner in COMPUTED else ""
    version = cube.open_version(tx, version_id, owner=owner)
    scope.require(tx, by, version.unit_id)
    assumptions = assumptions_of(tx, version_id)
    changed = cube.derive(
        tx,
        version_id,
        source=VOLUME,
        targets=[SALES, COST],
        factors_of=assumptions.factors_of(),
        by=by,
        at=at,
        cause=CAUSE,
        owner=owner,
    )
    if not assumptions.sales_shares:
        return changed
    followed = _follow_sales(tx, version_id, assumptions.sales_shares)
    return changed + cube.write(tx, version_id, followed, by=by, at=at, cause=CAUSE, owner=owner)


def run_what_if(
    tx: Transaction,
    version_id: str,
    *,
    name: str,
    changes: Sequence[Change],
    sales_shares: Mapping[str, Decimal],
    unit_id: str,
    months: Sequence[Month],
    by: Caller,
    at: datetime,
    today: date,
) -> Outcome[WhatIf]:
    """Compute a branch of a version with other assumptions, and grow both trees.

    Errors: as `tree`, `recompute` and `set_assumptions`; CubeVersionNameTaken.
    Source: R-019.
    """
    before = tree(tx, version_id, unit_id=unit_id, months=months, by=by)
    branched = cube.branch(tx, version_id, name=name, unit_id=unit_id, by=by, at=at)
    wanted = get_assumptions(tx, version_id, by=by).changed(changes, sales_shares)
    wanted = replace(wanted, version_id=branched.version_id)
    _save(tx, branched, wanted, today=today)
    recompute(tx, branched.version_id, by=by, at=at)
    after = tree(tx, branched.version_id, unit_id=unit_id, months=months, by=by)
    return Outcome(WhatIf(before, after, wanted))


def tree(
    tx: Transaction,
    version_id: str,
    *,
    unit_id: str,
    months: Sequence[Month],
    products: Collection[str] = (),
    channels: Collection[str] = (),
    split: Axis | None = None,
    by: Caller,
) -> GrownTree:
    """Grow the profit tree of a version at a level.

    Shape: no products or channels means all. The parts are those of the axis, by key.
    Errors: CubeVersionNotFound, UnitNotFound, OutOfScope, PolicyNotFound, CubeTooLarge.
    Source: R-018, R-299.
    """
    version = cube.get_version(tx, version_id)
    where = Where(
        unit_ids={unit_id},
        products=products or None,
        channels=channels or None,
        months=frozenset(months),
    )
    within = views.seen_by(tx, by, where)
    catalogue = catalogue_on(tx, months[-1].last_day)
    whole = sums_by(tx, version_id, catalogue, axes=[], where=where, within=within)
    parts: dict[tuple[str, ...], dict[str, int]] = {}
    if split is not None:
        parts = sums_by(tx, version_id, catalogue, axes=[split], where=where, within=within)
    return GrownTree(
        version_id=version_id,
        version_name=version.name,
        currency_code=version.currency_code,
        unit_id=unit_id,
        tree=grow(catalogue, whole.get((), {})),
        parts=tuple((key, grow(catalogue, sums).figures) for (key,), sums in parts.items()),
    )


def sums_by(
    tx: Transaction,
    version_id: str,
    catalogue: Catalogue,
    *,
    axes: Sequence[Axis],
    where: Where,
    within: Collection[str] | None,
    others: Iterable[str] = (),
) -> dict[tuple[str, ...], dict[str, int]]:
    """Sum all measures of a profit tree, and others, by axes.

    Errors: CubeVersionNotFound, MeasureUnknown, UnitNotFound, CubeTooLarge.
    """
    expenses = {code for code in cube.all_measures(tx) if code.startswith("expense")}
    wanted = sorted({VOLUME, SALES, COST, *expenses, *catalogue.measures, *others})
    rows = cube.table(tx, version_id, wanted, by=axes, where=where, within=within)
    return {row.keys: dict(zip(wanted, row.values, strict=True)) for row in rows}


def _save(tx: Transaction, version: Version, wanted: Assumptions, *, today: date) -> None:
    wanted.require_currency(version.currency_code)
    if wanted.sales_shares:
        catalogue_on(tx, today).require(wanted.sales_shares)
    storage.save(tx, wanted)


def _follow_sales(tx: Transaction, version_id: str, shares: Mapping[str, Decimal]) -> list[Cell]:
    """Compute what follows sales; what else stands under the same types goes."""
    sales = [
        Cell(SALES, Address(row.keys[0], "", "", "", Month.parse(row.keys[1])), row.values[0])
        for row in cube.table(tx, version_id, [SALES], by=[Axis.OWN_UNIT, Axis.MONTH])
    ]
    stored = {
        (code, cell.address): cell.value
        for code in shares
        for cell in cube.cells(tx, version_id, code)
    }
    wanted = dict.fromkeys(stored, 0) | following(shares, sales)
    return [Cell(*key, value) for key, value in wanted.items() if value != stored.get(key, 0)]
