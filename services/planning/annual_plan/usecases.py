"""What year plans do as a whole: they are launched, read, and their steps completed.

A plan's row is locked before its process, its version of the cube and its budget lines. Items,
meetings and phases stand in `phases`, what the steps of the draft bring in `drafting`, what is
decided in `deciding`, what is told of a plan in `reporting`.
"""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo
from typing import Unpack

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.policy import usecases as policy
from chassis.process import usecases as process
from chassis.process.definition import Definition
from chassis.process.errors import StepRoleForbids
from chassis.process.node import Node, StepState
from chassis.scope import Caller
from planning.annual_plan import figures, record_storage, storage
from planning.annual_plan.agenda import AGENDA
from planning.annual_plan.domain import (
    PROCESS,
    AnnualPlan,
    Provided,
    Revision,
    State,
    Step,
    Window,
)
from planning.annual_plan.errors import PlanAreaInvalid
from planning.annual_plan.view import (
    PlanView,
    alerts,
    claim_count,
    claim_signatures,
    window_states,
)
from planning.organization import usecases as organization

SERVICE = "mantle.planning.v1.AnnualPlanService"


def launch(
    tx: Transaction,
    definition: Definition,
    *,
    unit_id: str,
    fiscal_year: int,
    currency_code: str,
    area_unit_ids: Sequence[str],
    office_unit_ids: Sequence[str],
    product_ids: Sequence[str],
    by: Caller,
    at: datetime,
    zone: tzinfo,
) -> Outcome[PlanView]:
    """Launch the plan of a year, with its process and its versions of the cube.

    Errors: UnitNotFound, OutOfScope, PlanAreaInvalid, AnnualPlanAlreadyExists, PolicyNotFound,
        CubeVersionNameTaken.
    Source: R-001.
    """
    offices = tuple(office_unit_ids) or tuple(area_unit_ids)
    for one in (unit_id, *area_unit_ids, *offices):
        organization.require_unit(tx, one, by=by)
    _require_ground(tx, unit_id, areas=area_unit_ids, offices=offices)
    storage.claim_year(tx, fiscal_year)
    annual_plan_id = new_id()
    begun = process.start(
        tx,
        definition,
        subject_kind=PROCESS,
        subject_id=annual_plan_id,
        unit_id=unit_id,
        keys={"area": tuple(area_unit_ids), "office": offices, "product": tuple(product_ids)},
        zone=zone,
        by=by,
        at=at,
    )
    version_id, target_versions = figures.open_versions(
        tx, f"FY{fiscal_year}", unit_id=unit_id, currency_code=currency_code, by=by, at=at
    )
    plan = AnnualPlan(
        annual_plan_id=annual_plan_id,
        unit_id=unit_id,
        fiscal_year=fiscal_year,
        currency_code=currency_code,
        version=0,
        milestone=State.LAUNCHED,
        phase=1,
        revision=1,
        claims=0,
        process_id=begun.process_id,
        traceparent=begun.traceparent,
        area_unit_ids=tuple(area_unit_ids),
        office_unit_ids=offices,
        product_ids=tuple(product_ids),
        windows=_windows(tx, fiscal_year, unit_id=unit_id, on=at.astimezone(zone).date()),
        target_versions=target_versions,
        cube_version_id=version_id,
        launched_by=by.subject,
        launch_time=at,
    )
    plan = complete(tx, plan, Step.LAUNCH, by=by, at=at, rpc="LaunchAnnualPlan")
    storage.add(tx, plan)
    first = Revision(revision=1, cube_version_id=version_id)
    record_storage.save_revision(tx, annual_plan_id, first)
    return Outcome(view(tx, plan, at=at, zone=zone))


def replace_version(tx: Transaction, *, annual_plan_id: str, cube_version_id: str) -> None:
    """Put another version of the cube in force for a plan, as an adjustment does.

    Shape: for other capabilities, in their transaction; they know who may.
    Errors: AnnualPlanNotFound.
    """
    plan = storage.get(tx, annual_plan_id, lock=True)
    storage.save(tx, plan.touched(cube_version_id=cube_version_id))


def in_force(tx: Transaction, *, fiscal_year: int) -> AnnualPlan | None:
    """Return the plan of a year once it is approved, for other capabilities; None before."""
    plan = storage.of_year(tx, fiscal_year)
    return plan if plan and plan.milestone in (State.EFFECTIVE, State.ARCHIVED) else None


def get(
    tx: Transaction, *, annual_plan_id: str, by: Caller, at: datetime, zone: tzinfo
) -> PlanView:
    """Return a plan to whoever has a say over it, or over a unit that takes part in it.

    Errors: AnnualPlanNotFound, OutOfScope.
    """
    return view(tx, readable(tx, annual_plan_id, by=by), at=at, zone=zone)


def list_page(
    tx: Transaction, part: Page, *, by: Caller, at: datetime, zone: tzinfo
) -> Slice[PlanView]:
    """Return a page of the plans that the caller's units take part in."""
    found = storage.page(tx, part, units=scope.units_of(by))
    views = tuple(view(tx, plan, at=at, zone=zone) for plan in found.items)
    return Slice(views, found.next_page_token)


def alert_count(tx: Transaction, *, at: datetime, zone: tzinfo) -> int:
    """Count what is late in all plans that are not archived.

    Source: R-002.
    """
    plans = storage.unarchived(tx)
    return sum(len(view(tx, plan, at=at, zone=zone).alerts) for plan in plans)


def readable(tx: Transaction, annual_plan_id: str, *, by: Caller) -> AnnualPlan:
    """Return a plan to whoever has a say over it, or over a unit that takes part in it.

    Errors: AnnualPlanNotFound, OutOfScope.
    """
    plan = storage.get(tx, annual_plan_id)
    if not scope.within(tx, by, (plan.unit_id, *plan.area_unit_ids, *plan.office_unit_ids)):
        raise scope.OutOfScope(by.subject, plan.unit_id)
    return plan


def owned(tx: Transaction, annual_plan_id: str, *, by: Caller, unit_id: str = "") -> AnnualPlan:
    """Return a plan to a caller with a say over the whole of it, or over one unit that takes part.

    Errors: AnnualPlanNotFound, OutOfScope.
    Source: R-183.
    """
    plan = storage.get(tx, annual_plan_id)
    takes_part = unit_id in (*plan.area_unit_ids, *plan.office_unit_ids)
    scope.require(tx, by, unit_id if takes_part else plan.unit_id)
    return plan


def own(tx: Transaction, annual_plan_id: str, *, by: Caller, unit_id: str = "") -> AnnualPlan:
    """Lock a plan for a caller with a say over it, or over one area of it.

    Errors: AnnualPlanNotFound, OutOfScope.
    """
    plan = storage.get(tx, annual_plan_id, lock=True)
    scope.require(tx, by, unit_id or plan.unit_id)
    return plan


def complete(
    tx: Transaction, plan: AnnualPlan, step: Step, *, rpc: str, **how: Unpack[process.Doing]
) -> AnnualPlan:
    """Complete a step, and let the plan follow its process.

    Errors: StepNotFound, StepRoleForbids, StepNotOpen, PlanPhaseNotOpen.
    """
    done = process.complete(tx, plan.process_id, step=step, rpc=f"{SERVICE}/{rpc}", **how)
    plan.require_phase(AGENDA.phase_of(step))
    reached = plan.reach(done.state, revision=done.process.revision)
    return reached.touched(claims=claim_count(done.process))


def complete_or_amend(
    tx: Transaction,
    plan: AnnualPlan,
    step: Step,
    *,
    by: Caller,
    at: datetime,
    rpc: str,
    key: str = "",
) -> AnnualPlan:
    """Complete a step; where it is done already, let its role alone amend what it brought.

    Errors: as `complete`.
    """
    status = process.get(tx, plan.process_id).status(Node(step, key))
    if status.state is not StepState.DONE:
        return complete(tx, plan, step, key=key, by=by, at=at, rpc=rpc)
    if status.role not in by.roles:
        raise StepRoleForbids(plan.process_id, step, role=status.role or "", subject=by.subject)
    return plan.touched()


def provide(
    tx: Transaction,
    plan: AnnualPlan,
    brought: dict[int, tuple[str, Money | None]],
    *,
    by: Caller,
    at: datetime,
) -> None:
    """Keep information items with their text and amount."""
    items = [
        Provided(number=number, text=text, amount=amount, provided_by=by.subject, provide_time=at)
        for number, (text, amount) in brought.items()
    ]
    storage.provide(tx, plan.annual_plan_id, items)


def provide_all(
    tx: Transaction, plan: AnnualPlan, numbers: Iterable[int], *, by: Caller, at: datetime
) -> None:
    """Keep information items whose content stands elsewhere."""
    provide(tx, plan, {number: ("", None) for number in numbers}, by=by, at=at)


def save(tx: Transaction, plan: AnnualPlan) -> None:
    """Store a plan."""
    storage.save(tx, plan)


def kept(tx: Transaction, plan: AnnualPlan, *, at: datetime, zone: tzinfo) -> Outcome[PlanView]:
    """Store a plan, and tell it as it is now."""
    storage.save(tx, plan)
    return Outcome(view(tx, plan, at=at, zone=zone))


def view(tx: Transaction, plan: AnnualPlan, *, at: datetime, zone: tzinfo) -> PlanView:
    """Read all that is told of a plan."""
    today = at.astimezone(zone).date()
    run = process.get(tx, plan.process_id)
    meetings = storage.meetings(tx, plan.annual_plan_id)
    windows = window_states(plan, run, today=today, zone=zone)
    return PlanView(
        plan=plan,
        items=storage.items(tx, plan.annual_plan_id),
        meetings=meetings,
        revisions=record_storage.revisions(tx, plan.annual_plan_id),
        claims=claim_signatures(run),
        windows=windows,
        alerts=alerts(windows, meetings, today=today),
    )


def _require_ground(
    tx: Transaction, unit_id: str, *, areas: Sequence[str], offices: Sequence[str]
) -> None:
    """Refuse areas outside the plan's unit or within each other, whose figures would count twice,
    and offices of no area.

    Errors: PlanAreaInvalid.
    """
    within_areas = {area: _within(tx, area, (*areas, *offices)) for area in areas}
    own = _within(tx, unit_id, areas)
    nested = {one for area, inside in within_areas.items() for one in inside - {area}}
    housed = set[str]().union(*within_areas.values())
    wrong = [one for one in areas if one not in own or one in nested]
    if wrong := [*wrong, *(one for one in offices if one not in housed)]:
        raise PlanAreaInvalid(wrong[0])


def _within(tx: Transaction, unit_id: str, units: Sequence[str]) -> set[str]:
    eye = Caller(subject="", roles=frozenset(), unit_id=unit_id, actor="")
    return set(scope.within(tx, eye, units))


def _windows(tx: Transaction, fiscal_year: int, *, unit_id: str, on: date) -> tuple[Window, ...]:
    """Read the windows of the plan's calendar; they lie in the year before.

    Source: R-002.
    """
    rules = policy.in_force(tx, kind="calendar", scopes=[f"unit:{unit_id}", ""], on=on)
    return tuple(
        Window(
            row.text("name_en"),
            row.text("name_zh"),
            row.integer("step"),
            Month(fiscal_year - 1, row.integer("month")).day(row.integer("first_day")),
            Month(fiscal_year - 1, row.integer("month")).day(row.integer("last_day")),
        )
        for row in rules.parameters.records("annual_plan_windows")
    )
