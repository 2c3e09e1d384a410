"""What an adjustment does on its eleven steps, and which plan is in force.

An adjustment's row is locked before its process and the cube's versions; which plan is in force is
locked last, by unit and year.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Unpack

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month, local_date
from chassis.policy import usecases as policy
from chassis.process import usecases as process
from chassis.process.definition import Definition
from chassis.scope import Caller
from planning.adjustment import figures, storage
from planning.adjustment.domain import (
    CLAIMS,
    PROCESS,
    PROPOSES,
    Adjustment,
    CauseCode,
    Claim,
    Package,
    PlanInForce,
    Shift,
    State,
    Step,
    Target,
    told_in_parts,
)
from planning.adjustment.errors import (
    AdjustmentAhead,
    AdjustmentAlreadyExists,
    MonthNotOver,
    PlanNotInForce,
)
from planning.adjustment.rows import archive_hash
from planning.annual_plan import usecases as annual_plan
from planning.budget import plan_lines
from planning.cube import usecases as cube
from planning.organization import usecases as organization
from planning.plan_side import Side

SERVICE = "mantle.planning.v1.AdjustmentService"


def file_report(
    tx: Transaction,
    definition: Definition,
    *,
    unit_id: str,
    month: Month,
    zone: tzinfo,
    by: Caller,
    at: datetime,
) -> Outcome[Adjustment]:
    """File the tracking report of a month.

    Errors: UnitNotFound, OutOfScope, MonthNotOver, AdjustmentAlreadyExists, PlanNotInForce,
        PolicyNotFound.
    Source: R-032.
    """
    organization.require_unit(tx, unit_id, by=by)
    if local_date(at, zone) <= month.last_day:
        raise MonthNotOver(month)
    storage.lock_plan(tx, unit_id=unit_id, fiscal_year=month.year)
    if storage.exists(tx, unit_id=unit_id, month=month):
        raise AdjustmentAlreadyExists(unit_id, month)
    base = plan_in_force(tx, unit_id=unit_id, fiscal_year=month.year)
    if base is None or base.unit_id != unit_id:
        raise PlanNotInForce(unit_id, month.year)
    adjustment_id = new_id()
    begun = process.start(
        tx,
        definition,
        subject_kind=PROCESS,
        subject_id=adjustment_id,
        unit_id=unit_id,
        zone=zone,
        by=by,
        at=at,
    )
    today = at.astimezone(zone).date()
    share = _major_share(tx, unit_id, on=today)
    made = Adjustment(
        adjustment_id=adjustment_id,
        unit_id=unit_id,
        month=month,
        state=State(begun.state),
        process_id=begun.process_id,
        base=base,
        currency_code=cube.get_version(tx, base.version_id).currency_code,
        report=figures.tracked(tx, base, month, major_share=share, today=today),
        created_by=by.subject,
        create_time=at,
    )
    made = _done(tx, made, Step.REPORT, by=by, at=at, rpc="FileTrackingReport")
    storage.add(tx, made)
    return Outcome(made)


def review(
    tx: Transaction, *, adjustment_id: str, major: bool, reason: str, by: Caller, at: datetime
) -> Outcome[Adjustment]:
    """Decide whether the variance is major; when it is not, the plan stays as it is.

    Errors: those of `_own` and `_done`, ReviewReasonMissing.
    Source: R-033.
    """
    one = _own(tx, adjustment_id, by=by)
    answer = "major" if major else "minor"
    one = _done(
        tx, one, Step.REVIEW, by=by, at=at, rpc="ReviewVariance", answer=answer, note=reason
    )
    return _saved(tx, one.review(major=major, reason=reason))


def set_targets(
    tx: Transaction,
    *,
    adjustment_id: str,
    cause_code: CauseCode,
    cause: str,
    targets: tuple[Target, ...],
    by: Caller,
    at: datetime,
) -> Outcome[Adjustment]:
    """Name the cause, and set what the rest of the year must bring.

    Errors: those of `_own` and `_done`, MeasureUnknown, UnitNotFound.
    Source: R-034.
    """
    one = _own(tx, adjustment_id, by=by)
    one = _done(tx, one, Step.TARGET, by=by, at=at, rpc="SetNewTargets", note=cause)
    for target in targets:
        figures.require_known(tx, one, measure=target.measure, unit_id=target.unit_id, by=by)
    return _saved(tx, replace(one, cause_code=cause_code, cause=cause, targets=targets))


def compile_activities(
    tx: Transaction, *, adjustment_id: str, zone: tzinfo, by: Caller, at: datetime
) -> Outcome[Adjustment]:
    """Compile this year's sales and marketing activities.

    Errors: those of `_own` and `_done`.
    Source: R-035.
    """
    one = _own(tx, adjustment_id, by=by)
    one = _done(tx, one, Step.COMPILE, by=by, at=at, rpc="CompileActivities")
    return _saved(tx, replace(one, activities=figures.activities(tx, one, zone=zone)))


def propose(
    tx: Transaction,
    *,
    adjustment_id: str,
    side: Side,
    shifts: tuple[Shift, ...],
    note: str,
    by: Caller,
    at: datetime,
) -> Outcome[Adjustment]:
    """Propose a package of changes for one director.

    Errors: those of `_own` and `_done`, AdjustmentOutsideYear, MeasureUnknown, UnitNotFound.
    Source: R-036.
    """
    one = _own(tx, adjustment_id, by=by)
    one = _done(tx, one, PROPOSES[side], by=by, at=at, rpc="ProposePackage", note=note)
    _require_sound(tx, one, shifts, by=by)
    package = Package(side=side, shifts=shifts, note=note, proposed_by=by.subject, propose_time=at)
    return _saved(tx, one.propose(package))


def adjust_plan(
    tx: Transaction,
    *,
    adjustment_id: str,
    shifts: tuple[Shift, ...],
    by: Caller,
    at: datetime,
) -> Outcome[Adjustment]:
    """Make the next version of the plan; without changes of its own, by those of both packages.

    Errors: those of `_own` and `_done`, AdjustmentOutsideYear, AdjustmentChangesYear,
        MeasureUnknown, UnitNotFound, PlanBelowZero, PlanNotInForce, CubeVersionNameTaken.
    Source: R-037.
    """
    one = _own(tx, adjustment_id, by=by)
    one = _done(tx, one, Step.ADJUST, by=by, at=at, rpc="AdjustPlan")
    wanted = shifts or one.proposed()
    _require_sound(tx, one, wanted, by=by)
    one.require_shifts(wanted)
    one = one.rebase(_locked_plan(tx, one))
    version_id = figures.shifted(tx, one, wanted, by=by, at=at)
    return _saved(tx, one.shift(wanted, version_id=version_id))


def check(
    tx: Transaction, *, adjustment_id: str, passed: bool, comment: str, by: Caller, at: datetime
) -> Outcome[Adjustment]:
    """Check the adjusted plan against the meeting; when it fails, it is to be adjusted anew.

    Shape: what passed never changes again, and the next adjustment passes when it is in force.
    Errors: those of `_own` and `_done`, AdjustmentMissesTarget, AdjustmentAhead, PlanNotInForce.
    Source: R-037.
    """
    one = _own(tx, adjustment_id, by=by)
    answer = "passed" if passed else "failed"
    one = _done(
        tx, one, Step.CHECK, by=by, at=at, rpc="CheckAdjustment", answer=answer, note=comment
    )
    if passed:
        _require_base(tx, one)
        if other := storage.ahead(tx, one):
            raise AdjustmentAhead(one.adjustment_id, other)
        one.require_targets(figures.brought(tx, one))
        cube.freeze(tx, one.version_id, by=by, owner=PROCESS)
    return _saved(tx, replace(one, check_comment=comment))


def claim(
    tx: Transaction, *, adjustment_id: str, side: Side, today: date, by: Caller, at: datetime
) -> Outcome[Adjustment]:
    """Claim the adjusted plan for one director; with the second claim it is in force.

    Errors: those of `_own` and `_done`, PlanNotInForce, PolicyNotFound.
    Source: R-038, R-040.
    """
    one = _own(tx, adjustment_id, by=by)
    one = _done(tx, one, CLAIMS[side], by=by, at=at, rpc="ClaimAdjustment")
    claimed = Claim(side, by.subject, at)
    one = one.claim(claimed)
    storage.add_claim(tx, adjustment_id, claimed)
    storage.save(tx, one)
    if not one.effective:
        return Outcome(one)
    facts = _put_in_force(tx, one, by=by, at=at)
    quotas, limits = figures.quotas(tx, one), figures.limits(tx, one, today=today)
    return Outcome(one, [*told_in_parts(one, quotas, limits), *facts])


def archive(
    tx: Transaction, *, adjustment_id: str, today: date, by: Caller, at: datetime
) -> Outcome[Adjustment]:
    """Archive an adjustment with the hash of all that it holds.

    Errors: those of `_own` and `_done`, PolicyNotFound.
    Source: R-038.
    """
    one = _own(tx, adjustment_id, by=by)
    one = _done(tx, one, Step.ARCHIVE, by=by, at=at, rpc="ArchiveAdjustment")
    held = [*figures.quotas(tx, one), *figures.limits(tx, one, today=today)]
    return _saved(tx, replace(one, archive_hash=archive_hash(one, held)))


def get(tx: Transaction, *, adjustment_id: str, by: Caller) -> Adjustment:
    """Return an adjustment.

    Errors: AdjustmentNotFound, OutOfScope.
    """
    one = storage.get(tx, adjustment_id)
    scope.require(tx, by, one.unit_id)
    return one


def list_page(tx: Transaction, part: Page, *, by: Caller) -> Slice[Adjustment]:
    """Return a page of the adjustments in the caller's scope."""
    return storage.page(tx, part, units=scope.units_of(by))


def put_plan(
    tx: Transaction,
    *,
    unit_id: str,
    fiscal_year: int,
    version_id: str,
    by: Caller,
    at: datetime,
) -> PlanInForce:
    """Put the first version of a year's plan in force; whoever approves the plan calls this.

    Shape: version 1 of the unit's plan. Its figures must be frozen; what comes after, adjustments
        make.
    Errors: PlanNotInForce, naming the version, when a later version is in force already.
    """
    storage.lock_plan(tx, unit_id=unit_id, fiscal_year=fiscal_year)
    before = storage.in_force(tx, unit_id=unit_id, fiscal_year=fiscal_year)
    if before is not None and before.unit_id == unit_id:
        raise PlanNotInForce(unit_id, fiscal_year, plan_version=before.plan_version)
    plan = PlanInForce(unit_id, fiscal_year, 1, version_id)
    storage.put(tx, plan, by=by.subject, at=at)
    return plan


def plan_in_force(tx: Transaction, *, unit_id: str, fiscal_year: int) -> PlanInForce | None:
    """Return the plan of a year that is in force for a unit: its own, or the nearest above it."""
    return storage.in_force(tx, unit_id=unit_id, fiscal_year=fiscal_year)


def _own(tx: Transaction, adjustment_id: str, *, by: Caller) -> Adjustment:
    """Lock a running adjustment of the caller's part of the organisation.

    Errors: AdjustmentNotFound, OutOfScope, AdjustmentClosed.
    """
    one = storage.get(tx, adjustment_id, lock=True)
    scope.require(tx, by, one.unit_id)
    one.require_running()
    return one


def _done(
    tx: Transaction, one: Adjustment, step: Step, *, rpc: str, **how: Unpack[process.Doing]
) -> Adjustment:
    """Complete a step, and let the adjustment follow to the milestone.

    Errors: StepRoleForbids, StepNotOpen.
    """
    completed = process.complete(tx, one.process_id, step=step, rpc=f"{SERVICE}/{rpc}", **how)
    return one.reach(completed.state)


def _require_sound(
    tx: Transaction, one: Adjustment, shifts: tuple[Shift, ...], *, by: Caller
) -> None:
    for shift in shifts:
        shift.require_year(one.year)
        figures.require_known(tx, one, measure=shift.measure, unit_id=shift.unit_id, by=by)


def _require_base(tx: Transaction, one: Adjustment) -> None:
    """Refuse to go on from a plan that another adjustment has replaced."""
    if _locked_plan(tx, one) != one.base:
        raise PlanNotInForce(one.unit_id, one.year, plan_version=one.base.plan_version)


def _locked_plan(tx: Transaction, one: Adjustment) -> PlanInForce:
    """Return the plan in force, which nobody else replaces meanwhile."""
    storage.lock_plan(tx, unit_id=one.unit_id, fiscal_year=one.year)
    plan = plan_in_force(tx, unit_id=one.unit_id, fiscal_year=one.year)
    assert plan is not None and plan.unit_id == one.unit_id, "an adjustment begins with a plan"
    return plan


def _put_in_force(
    tx: Transaction, one: Adjustment, *, by: Caller, at: datetime
) -> Sequence[object]:
    """Let the adjusted version follow the one before, for the year plan and its budget, too.

    Errors: PlanNotInForce.
    """
    _require_base(tx, one)
    plan = PlanInForce(one.unit_id, one.year, one.plan_version, one.version_id)
    storage.put(tx, plan, by=by.subject, at=at)
    annual = annual_plan.in_force(tx, fiscal_year=one.year)
    if annual is None or annual.unit_id != one.unit_id:
        return []
    annual_plan.replace_version(
        tx, annual_plan_id=annual.annual_plan_id, cube_version_id=one.version_id
    )
    # A year's amounts stay as they are, so the lines only take the version over.
    lines = plan_lines.adjust_plan(tx, annual.annual_plan_id, one.plan_version, amounts={}, at=at)
    return lines.facts


def _major_share(tx: Transaction, unit_id: str, *, on: date) -> Decimal:
    found = policy.in_force(tx, kind="variance", scopes=[f"unit:{unit_id}", ""], on=on)
    return found.parameters.decimal("major_share")


def _saved(tx: Transaction, one: Adjustment) -> Outcome[Adjustment]:
    storage.save(tx, one)
    return Outcome(one)
