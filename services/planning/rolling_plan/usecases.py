"""What a rolling cycle does until its draft is agreed: offices draft, regions check, directors
adjust. What comes behind the draft is in `balance`, what is only read in `reports`.

A cycle's row is locked before its process and its versions in the cube.
"""

from dataclasses import replace
from datetime import date, datetime, tzinfo

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.policy import usecases as policy
from chassis.process import usecases as process
from chassis.process.definition import Definition
from chassis.scope import Caller
from planning.organization import usecases as organization
from planning.plan_side import Side
from planning.rolling_plan import figures, market, storage
from planning.rolling_plan.domain import (
    ADJUSTS,
    EACH,
    PROCESS,
    Adjustment,
    CustomerNote,
    Cycle,
    Deadlines,
    Filed,
    Layer,
    Line,
    Office,
    State,
    Step,
    due_days,
)
from planning.rolling_plan.errors import OfficeOutsideUnit, RollingCycleAlreadyExists
from planning.rolling_plan.steps import (
    done,
    inside,
    own,
    own_office,
    require_open,
    saved,
    seen,
    tool_rules,
)
from planning.rolling_plan.tools import Tool, suggested_demand


def open_cycle(
    tx: Transaction,
    definition: Definition,
    *,
    unit_id: str,
    month: Month,
    office_ids: list[str],
    zone: tzinfo,
    by: Caller,
    at: datetime,
) -> Outcome[Cycle]:
    """Open the cycle of a month.

    Errors: UnitNotFound, OutOfScope, OfficeOutsideUnit, RollingCycleAlreadyExists, PolicyNotFound,
        CalendarInvalid.
    Source: R-042, R-043.
    """
    organization.require_unit(tx, unit_id, by=by)
    strangers = sorted(set(office_ids) - inside(tx, unit_id, office_ids))
    if strangers:
        raise OfficeOutsideUnit(unit_id, strangers[0])
    storage.lock_unit(tx, unit_id)
    if storage.exists(tx, unit_id=unit_id, month=month):
        raise RollingCycleAlreadyExists(unit_id, month)
    days = _stage_days(tx, unit_id, on=at.astimezone(zone).date())
    deadlines = Deadlines.of(month, days)
    cycle_id = new_id()
    begun = process.start(
        tx,
        definition,
        subject_kind=PROCESS,
        subject_id=cycle_id,
        unit_id=unit_id,
        keys={EACH: sorted(office_ids)},
        zone=zone,
        anchor=month.first_day,
        due_days=due_days(days),
        by=by,
        at=at,
    )
    name = f"RF {month} {unit_id}"
    cycle = Cycle(
        cycle_id=cycle_id,
        unit_id=unit_id,
        month=month,
        state=State(begun.state),
        deadlines=deadlines,
        offices={one: Office(unit_id=one) for one in sorted(office_ids)},
        version_id=figures.begin(tx, name, unit_id=unit_id, by=by, at=at),
        office_version_id=figures.begin(tx, f"{name} offices", unit_id=unit_id, by=by, at=at),
        process_id=begun.process_id,
        created_by=by.subject,
        create_time=at,
        consents=dict.fromkeys(Side, False),
    )
    storage.add(tx, cycle)
    return Outcome(cycle)


def record_demand(
    tx: Transaction,
    *,
    cycle_id: str,
    unit_id: str,
    notes: tuple[CustomerNote, ...],
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[Cycle]:
    """Record what an office's customers have and need.

    Errors: those of `own_office` and `done`, PolicyNotFound.
    Source: R-044.
    """
    cycle = own_office(tx, cycle_id, unit_id, by=by)
    cycle = done(tx, cycle, Step.TALK, key=unit_id, by=by, at=at, rpc="RecordCustomerDemand")
    cover = tool_rules(tx, unit_id, on=today).cover_months
    noted = tuple(
        replace(one, suggested=suggested_demand(one.sell_out, one.stock, cover_months=cover))
        for one in notes
    )
    return _kept(tx, cycle, replace(cycle.offices[unit_id], customers=noted), by=by)


def record_situation(
    tx: Transaction, *, cycle_id: str, unit_id: str, situation: str, by: Caller, at: datetime
) -> Outcome[Cycle]:
    """Record the local market situation of an office.

    Errors: those of `own_office` and `done`.
    Source: R-045.
    """
    cycle = own_office(tx, cycle_id, unit_id, by=by)
    cycle = done(tx, cycle, Step.LOOK, key=unit_id, by=by, at=at, rpc="RecordLocalSituation")
    return _kept(tx, cycle, replace(cycle.offices[unit_id], situation=situation), by=by)


def submit_draft(
    tx: Transaction,
    *,
    cycle_id: str,
    unit_id: str,
    lines: tuple[Line, ...],
    tool: Tool,
    note: str,
    by: Caller,
    at: datetime,
) -> Outcome[Cycle]:
    """Submit an office's draft, the next version of it.

    Errors: those of `own_office` and `done`, MonthOutsideHorizon, ProductNotLaunched,
        CubeMemberUnknown.
    Source: R-043, R-046, R-058, R-292.
    """
    cycle = own_office(tx, cycle_id, unit_id, by=by)
    cycle = done(tx, cycle, Step.DRAFT, key=unit_id, by=by, at=at, rpc="SubmitOfficeDraft")
    cycle.require_horizon({line.month for line in lines})
    market.require_launched(tx, lines)
    figures.put_draft(tx, cycle, unit_id, lines=lines, by=by, at=at)
    submitted = cycle.offices[unit_id].submit(tool=tool, note=note, by=by.subject)
    return _kept(tx, cycle, submitted, by=by)


def check_draft(
    tx: Transaction,
    *,
    cycle_id: str,
    unit_id: str,
    passed: bool,
    comment: str,
    lines: tuple[Line, ...],
    by: Caller,
    at: datetime,
) -> Outcome[Cycle]:
    """Pass an office's draft, or give it back.

    Errors: those of `own_office` and `done`, MonthOutsideHorizon, ProductNotLaunched,
        CubeMemberUnknown.
    Source: R-047.
    """
    cycle = own_office(tx, cycle_id, unit_id, by=by)
    cycle = done(
        tx,
        cycle,
        Step.CHECK,
        key=unit_id,
        by=by,
        at=at,
        rpc="CheckOfficeDraft",
        answer="passed" if passed else "failed",
        note=comment,
    )
    cycle.require_horizon({line.month for line in lines})
    market.require_launched(tx, lines)
    if passed:
        figures.take_over(tx, cycle, unit_id, lines=lines, by=by, at=at)
    checked = cycle.offices[unit_id].check(passed=passed, comment=comment)
    return _kept(tx, cycle, checked, by=by)


def file_office(
    tx: Transaction, *, cycle_id: str, unit_id: str, by: Caller, at: datetime
) -> Outcome[Cycle]:
    """File the channel manager's forecast for appraisal.

    Errors: those of `own_office` and `done`.
    Source: R-048.
    """
    cycle = own_office(tx, cycle_id, unit_id, by=by)
    cycle = done(tx, cycle, Step.FILE_OFFICE, key=unit_id, by=by, at=at, rpc="FileOfficeForecast")
    filed = Filed(Layer.CHANNEL_MANAGER, unit_id, cycle.office_version_id, by.subject, at)
    cycle = _filed(tx, cycle, filed)
    storage.save(tx, cycle)
    return Outcome(seen(tx, cycle, by=by))


def merge(tx: Transaction, *, cycle_id: str, by: Caller, at: datetime) -> Outcome[Cycle]:
    """Merge all offices; the figures are together since the checks, and the drafts freeze now.

    Errors: those of `own` and `done`.
    Source: R-049.
    """
    cycle = done(tx, own(tx, cycle_id, by=by), Step.MERGE, by=by, at=at, rpc="MergeForecasts")
    figures.freeze(tx, cycle, cycle.office_version_id, by=by)
    return saved(tx, cycle)


def file_regions(tx: Transaction, *, cycle_id: str, by: Caller, at: datetime) -> Outcome[Cycle]:
    """File the regional managers' forecasts for appraisal.

    Errors: those of `own` and `done`.
    Source: R-048.
    """
    cycle = own(tx, cycle_id, by=by)
    cycle = done(tx, cycle, Step.FILE_REGIONS, by=by, at=at, rpc="FileRegionalForecasts")
    name = f"RF {cycle.month} {cycle.unit_id} regions"
    version_id = figures.file_copy(tx, cycle, name, by=by, at=at)
    filed = Filed(Layer.REGIONAL_MANAGER, cycle.unit_id, version_id, by.subject, at)
    return saved(tx, _filed(tx, cycle, filed))


def adjust(
    tx: Transaction,
    *,
    cycle_id: str,
    side: Side,
    changes: tuple[Adjustment, ...],
    by: Caller,
    at: datetime,
) -> Outcome[Cycle]:
    """Adjust the merged forecast for one director, each change with its reason.

    Errors: those of `own` and `done`, MonthOutsideHorizon, ForecastEmpty, ForecastBelowZero.
    Source: R-050.
    """
    cycle = own(tx, cycle_id, by=by)
    cycle = done(tx, cycle, ADJUSTS[side], by=by, at=at, rpc="AdjustForecast")
    cycle.require_horizon({one.month for one in changes})
    made = tuple(replace(one, adjusted_by=by.subject, adjust_time=at) for one in changes)
    figures.adjust(tx, cycle, made, by=by, at=at)
    storage.add_adjustments(tx, cycle, made)
    return saved(tx, replace(cycle, adjustments=(*cycle.adjustments, *made)))


def give_consent(
    tx: Transaction, *, cycle_id: str, side: Side, given: bool, by: Caller
) -> Outcome[Cycle]:
    """Say whether a director consents to what is agreed.

    Errors: those of `own`, SideForbids; StepNotOpen before the directors adjusted and after the
        draft was made.
    Source: R-051.
    """
    cycle = own(tx, cycle_id, by=by).consent(side, given=given, roles=by.roles, by=by.subject)
    require_open(tx, cycle, Step.AGREE, Step.DRAFT_PLAN)
    return saved(tx, cycle)


def agree(
    tx: Transaction, *, cycle_id: str, minutes: str, by: Caller, at: datetime
) -> Outcome[Cycle]:
    """Keep the minutes of the internal co-ordination meeting.

    Errors: those of `own` and `done`.
    Source: R-051.
    """
    cycle = done(tx, own(tx, cycle_id, by=by), Step.AGREE, by=by, at=at, rpc="AgreeForecast")
    return saved(tx, replace(cycle, minutes=minutes))


def draft_plan(tx: Transaction, *, cycle_id: str, by: Caller, at: datetime) -> Outcome[Cycle]:
    """Make the draft of the plan, once both directors consent.

    Errors: those of `own` and `done`, ConsentMissing.
    Source: R-051.
    """
    cycle = own(tx, cycle_id, by=by)
    cycle = done(tx, cycle, Step.DRAFT_PLAN, by=by, at=at, rpc="DraftMonthlyPlan")
    cycle.require_consent()
    return saved(tx, cycle)


def get(tx: Transaction, *, cycle_id: str, by: Caller) -> Cycle:
    """Return a cycle; whoever has a say over some of its offices sees their part.

    Errors: RollingCycleNotFound, OutOfScope.
    """
    return seen(tx, storage.get(tx, cycle_id), by=by)


def list_page(tx: Transaction, part: Page, *, by: Caller) -> Slice[Cycle]:
    """Return a page of the cycles in the caller's scope."""
    return storage.page(tx, part, units=scope.units_of(by))


def _stage_days(tx: Transaction, unit_id: str, *, on: date) -> list[int]:
    found = policy.in_force(tx, kind="calendar", scopes=[f"unit:{unit_id}", ""], on=on)
    return found.parameters.integers("rolling_plan_days")


def _filed(tx: Transaction, cycle: Cycle, filed: Filed) -> Cycle:
    storage.add_filed(tx, cycle.cycle_id, filed)
    return replace(cycle, filed=(*cycle.filed, filed))


def _kept(tx: Transaction, cycle: Cycle, office: Office, *, by: Caller) -> Outcome[Cycle]:
    storage.save_office(tx, cycle.cycle_id, office)
    storage.save(tx, cycle)
    return Outcome(seen(tx, cycle.keep(office), by=by))
