"""The gates of a year plan: information items, meetings, and the phases that they close."""

from datetime import date, datetime, tzinfo
from decimal import Decimal

from chassis.database import Transaction
from chassis.money import Money, ratio
from chassis.outcome import Outcome
from chassis.policy import usecases as policy
from chassis.process import usecases as process
from chassis.scope import Caller
from planning.annual_plan import storage, usecases
from planning.annual_plan.agenda import AGENDA
from planning.annual_plan.domain import AnnualPlan, Meeting, Missing
from planning.annual_plan.errors import PlanItemDerived, PlanReasonMissing
from planning.annual_plan.view import PlanView, is_settled

LAST_PLAN, ACTUAL_SALES, REASONS = 1, 2, 3
# What is compared is there only with its amount.
COMPARED = (LAST_PLAN, ACTUAL_SALES)


def provide_item(
    tx: Transaction,
    *,
    annual_plan_id: str,
    number: int,
    text: str,
    amount: Money | None,
    by: Caller,
    at: datetime,
    zone: tzinfo,
) -> Outcome[PlanView]:
    """Provide an information item that no step brings.

    Errors: AnnualPlanNotFound, OutOfScope, PlanItemDerived, PlanPhaseNotOpen, CurrencyMismatch.
    Source: R-003.
    """
    plan = usecases.own(tx, annual_plan_id, by=by)
    item = AGENDA.item(number)
    if item.step:
        raise PlanItemDerived(number, item.step)
    plan.require_open(item.phase)
    plan.require_currency(amount)
    usecases.provide(tx, plan, {number: (text, amount)}, by=by, at=at)
    return usecases.kept(tx, plan.touched(), at=at, zone=zone)


def record_meeting(
    tx: Transaction,
    *,
    annual_plan_id: str,
    meeting: Meeting,
    by: Caller,
    at: datetime,
    zone: tzinfo,
) -> Outcome[PlanView]:
    """Call a meeting, record that it was held, or write its minutes.

    Errors: AnnualPlanNotFound, OutOfScope, PlanMeetingIncomplete; PlanPhaseNotOpen when its phase
        is closed.
    Source: R-004.
    """
    plan = usecases.own(tx, annual_plan_id, by=by)
    plan.require_not_closed(AGENDA.meeting(meeting.kind).phase)
    meeting.require_complete()
    storage.save_meeting(tx, annual_plan_id, meeting)
    return usecases.kept(tx, plan.touched(), at=at, zone=zone)


def close_phase(
    tx: Transaction, *, annual_plan_id: str, phase: int, by: Caller, at: datetime, zone: tzinfo
) -> Outcome[PlanView]:
    """Close the open phase, and open the next.

    Errors: AnnualPlanNotFound, OutOfScope, PlanPhaseNotOpen, PlanPhaseIncomplete,
        PlanReasonMissing, PolicyNotFound.
    Source: R-003, R-004, R-009, R-029.
    """
    plan = usecases.own(tx, annual_plan_id, by=by)
    closed = plan.close(phase, _missing(tx, plan, phase), at=at)
    if phase == AGENDA.item(REASONS).phase:
        _require_reasons(tx, plan, on=at.astimezone(zone).date())
    return usecases.kept(tx, closed, at=at, zone=zone)


def _missing(tx: Transaction, plan: AnnualPlan, phase: int) -> Missing:
    """Tell what keeps a phase from being closed."""
    items = {
        one.number
        for one in storage.items(tx, plan.annual_plan_id).values()
        if one.amount is not None or one.number not in COMPARED
    }
    meetings = storage.meetings(tx, plan.annual_plan_id)
    run = process.get(tx, plan.process_id)
    steps = AGENDA.phases[phase - 1].steps
    return Missing(
        items=tuple(one for one in AGENDA.items if one.phase == phase and one.number not in items),
        meetings=tuple(
            one.kind
            for one in AGENDA.meetings
            if one.phase <= phase
            and (one.kind not in meetings or meetings[one.kind].state != "MINUTED")
        ),
        steps=tuple(step for step in steps if not is_settled(run, step)),
    )


def _require_reasons(tx: Transaction, plan: AnnualPlan, *, on: date) -> None:
    """Refuse a year below the floor that nobody has explained.

    Source: R-029. A plan of nothing has no completion.
    """
    items = storage.items(tx, plan.annual_plan_id)
    planned, actual = items[LAST_PLAN].amount, items[ACTUAL_SALES].amount
    assert planned and actual, "a phase without them is not complete"
    if not planned.amount_minor or items[REASONS].text.strip():
        return
    rules = policy.in_force(tx, kind="variance", scopes=[f"unit:{plan.unit_id}", ""], on=on)
    floor = rules.parameters.decimal("completion_floor") * 100
    completion = ratio(actual.amount_minor * 100, planned.amount_minor, decimals=2)
    if completion < floor:
        raise PlanReasonMissing(
            plan.annual_plan_id,
            completion=f"{completion:f}",
            floor=f"{floor.quantize(Decimal('0.01')):f}",
        )
