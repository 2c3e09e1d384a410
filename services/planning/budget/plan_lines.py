"""The lines of a plan: written in bulk, in force with it, claimed by whoever answers for them.

For the capabilities that have plans: they know who may, so nothing here asks a policy. Lines are
locked in the order of their ids, behind their caps.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.period import DateRange
from chassis.scope import Caller
from planning.budget import caps, storage
from planning.budget.domain import (
    IN_FORCE,
    BudgetLine,
    BudgetLineNotFound,
    Cause,
    LineChanged,
    LineOwner,
    LineState,
    PlanBudgetNotFound,
    PlanPart,
)
from planning.budget.sums import PlanBudget, plan_budget
from planning.organization import usecases as organization


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanLine:
    """Say what a line of a plan is to be.

    Shape: `owner` is who claims it; `budget_cap_id` is empty without a cap.
    """

    unit_id: str
    name: str
    expense_type: str
    period: DateRange
    amount: Money
    owner: LineOwner
    budget_cap_id: str = ""


def create_lines(
    tx: Transaction,
    plan_id: str,
    plan_version: int,
    *,
    wanted: Sequence[PlanLine],
    by: Caller,
    at: datetime,
) -> list[BudgetLine]:
    """Write the lines of a version of a plan as drafts; drafts of it and of earlier versions go.

    Shape: one line each, in order.
    Errors: UnitNotFound, OutOfScope, BudgetCapNotFound, CurrencyMismatch,
        BudgetOutsideCap, BudgetCapExceeded.
    """
    for unit_id in sorted({one.unit_id for one in wanted}):
        organization.require_unit(tx, unit_id, by=by)
    before = [line.budget_line_id for line in storage.of_plan(tx, plan_id, at=at)]
    caps.lock_above(tx, before, others={one.budget_cap_id for one in wanted} - {""})
    known = storage.lock_plan(tx, plan_id, at=at)
    drafts = [line for line in known if line.state is LineState.DRAFT]
    storage.save_lines(tx, [line.withdraw() for line in drafts])
    lines = [_draft(one, plan_id, plan_version, by=by) for one in wanted]
    caps.place(tx, lines, by=by)
    return lines


def enforce_plan(
    tx: Transaction, plan_id: str, plan_version: int, *, by: Caller, at: datetime
) -> Outcome[list[BudgetLine]]:
    """Put the drafts of a version of a plan in force, all at once; they wait for their claims.

    Shape: the lines by id, none when the plan has none. The caller has checked who may.
    Source: R-025.
    """
    lines = [
        line.take_effect(by=by.subject)
        for line in storage.lock_plan(tx, plan_id, at=at)
        if line.state is LineState.DRAFT and _version(line) == plan_version
    ]
    storage.save_lines(tx, lines)
    return Outcome(lines, [LineChanged(line, Cause.IN_FORCE) for line in lines])


def claim_lines(
    tx: Transaction, plan_id: str, owner: LineOwner, *, by: Caller, at: datetime
) -> Outcome[list[BudgetLine]]:
    """Open the lines of one owner for spending; those that are claimed already stay as they are.

    Shape: the lines that were opened, by id. The caller has checked who may.
    Source: R-026.
    """
    lines = [
        line.sign(by=by.subject)
        for line in storage.lock_plan(tx, plan_id, at=at)
        if line.state is LineState.EFFECTIVE and line.plan and line.plan.owner == owner
    ]
    storage.save_lines(tx, lines)
    return Outcome(lines, [LineChanged(line, Cause.SIGNED) for line in lines])


def adjust_plan(
    tx: Transaction,
    plan_id: str,
    plan_version: int,
    *,
    amounts: Mapping[str, Money],
    at: datetime,
) -> Outcome[list[BudgetLine]]:
    """Take the lines of a plan that are in force to a new version of it, with new amounts for some.

    Shape: `amounts` by the lines' ids; the answer has all lines of the new version, by id. The
        caller has checked who may.
    Errors: BudgetLineNotFound for a line that is not one of these, CurrencyMismatch,
        BudgetBelowCommitted, BudgetCapExceeded.
    Source: R-037, R-039, R-040.
    """
    above = caps.lock_above(tx, sorted(amounts))
    known = storage.lock_plan(tx, plan_id, at=at)
    before = [line for line in known if line.state in IN_FORCE]
    unknown = sorted(set(amounts) - {line.budget_line_id for line in before})
    if unknown:
        raise BudgetLineNotFound(unknown[0])
    lines = [_adjusted(line, plan_version, amounts) for line in before]
    storage.save_lines(tx, lines)
    caps.require(tx, above)
    return Outcome(lines, [LineChanged(line, Cause.ADJUSTED) for line in lines])


def get_plan(tx: Transaction, *, plan_id: str, by: Caller, at: datetime) -> PlanBudget:
    """Sum the lines of a plan in the caller's scope, by unit and together.

    Errors: PlanBudgetNotFound, OutOfScope when none of its lines is in the caller's scope.
    """
    lines = [
        line
        for line in storage.of_plan(tx, plan_id, at=at)
        if line.state is not LineState.WITHDRAWN
    ]
    if not lines:
        raise PlanBudgetNotFound(plan_id)
    own = set(scope.within(tx, by, [line.unit_id for line in lines]))
    if not own:
        raise scope.OutOfScope(by.subject, lines[0].unit_id)
    return plan_budget(plan_id, [line for line in lines if line.unit_id in own])


def _adjusted(line: BudgetLine, plan_version: int, amounts: Mapping[str, Money]) -> BudgetLine:
    assert line.plan is not None
    changed = line.adjust(amounts.get(line.budget_line_id, line.amount))
    return replace(changed, plan=replace(line.plan, plan_version=plan_version))


def _version(line: BudgetLine) -> int:
    assert line.plan is not None
    return line.plan.plan_version


def _draft(one: PlanLine, plan_id: str, plan_version: int, *, by: Caller) -> BudgetLine:
    nothing = Money(one.amount.currency_code, 0)
    return BudgetLine(
        budget_line_id=new_id(),
        unit_id=one.unit_id,
        name=one.name,
        expense_type=one.expense_type,
        period=one.period,
        amount=one.amount,
        reserved=nothing,
        spent=nothing,
        state=LineState.DRAFT,
        version=1,
        created_by=by.subject,
        plan=PlanPart(plan_id, plan_version, one.owner),
        budget_cap_id=one.budget_cap_id,
    )
