"""What is done with visits and findings: plan, report, find, correct, re-check."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from channels.inspection import storage
from channels.inspection.domain import (
    NO_CHECKLIST,
    Coverage,
    Finding,
    FindingFilter,
    Kind,
    Planned,
    Report,
    Seen,
    Visit,
    VisitFilter,
    VisitPlan,
    checklist_of,
)
from channels.partner import usecases as partners
from channels.policy_kinds import INSPECTION
from channels.product import usecases as products
from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import usecases as policy
from chassis.policy.parameters import Parameters
from chassis.scope import Caller


def plan(
    tx: Transaction,
    *,
    unit_id: str,
    kind: Kind,
    title: str,
    days: tuple[date, date],
    visits: Sequence[Planned],
    by: Caller,
    at: datetime,
) -> Outcome[tuple[Coverage, list[Visit]]]:
    """Plan visits to partners of a unit.

    Errors: PartnerNotFound, OutOfScope.
    Source: R-079, R-208.
    """
    scope.require(tx, by, unit_id)
    for partner_id in sorted({one.partner_id for one in visits}):
        partners.get(tx, partner_id=partner_id, by=by)
    new = VisitPlan(new_id(), unit_id, kind, title, *days, by.actor, at)
    made = [
        Visit(new_id(), new.plan_id, unit_id, one.partner_id, one.visitor, one.visit_date)
        for one in visits
    ]
    storage.add_plan(tx, new, made)
    return Outcome((Coverage(new, len(made), 0, 0), made))


def record(
    tx: Transaction, *, visit_id: str, seen: Seen, today: date, by: Caller, at: datetime
) -> Outcome[Visit]:
    """Report a visit; an inspection by the checklist of the policy `inspection`.

    Errors: VisitNotFound, VisitStateForbids, ProductNotFound, ChecklistMismatch, PolicyNotFound,
        OutOfScope.
    Source: R-079, R-208.
    """
    before = _visit(tx, visit_id, by)
    counts = [*seen.stock_counts, *seen.orders]
    products.get_all(tx, sorted({one.product_id for one in counts}))
    checklist = NO_CHECKLIST
    if storage.get_plan(tx, before.plan_id).plan.kind is Kind.INSPECTION:
        checklist = checklist_of(_rules(tx, before.unit_id, today))
    report = Report(
        stock_counts=tuple(seen.stock_counts),
        display=seen.display,
        orders=tuple(seen.orders),
        competitor_note=seen.competitor_note,
        scores=checklist.scored(visit_id, seen.scores),
        points_max=checklist.points_max,
        recorded_by=by.actor,
        record_time=at,
    )
    after = before.done(report, on=seen.visit_date)
    storage.save_visit(tx, after)
    return Outcome(after)


def miss(tx: Transaction, *, visit_id: str, reason: str, by: Caller) -> Outcome[Visit]:
    """Give a visit up.

    Errors: VisitNotFound, VisitStateForbids, OutOfScope.
    """
    after = _visit(tx, visit_id, by).missed(reason)
    storage.save_visit(tx, after)
    return Outcome(after)


def find(
    tx: Transaction,
    *,
    visit_id: str,
    description: str,
    batch: str,
    due_date: date | None,
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[Finding]:
    """Write down what a visit found wrong.

    Errors: VisitNotFound, VisitStateForbids, PolicyNotFound, OutOfScope.
    Source: R-213.
    """
    visit = _visit(tx, visit_id, by)
    visit.require_done()
    new = Finding(
        finding_id=new_id(),
        visit_id=visit.visit_id,
        unit_id=visit.unit_id,
        partner_id=visit.partner_id,
        description=description,
        batch=batch,
        due_date=due_date or _due(tx, visit.unit_id, today),
        raised_by=by.actor,
        raise_time=at,
    )
    storage.add_finding(tx, new)
    return Outcome(new)


def correct(tx: Transaction, *, finding_id: str, correction: str, by: Caller) -> Outcome[Finding]:
    """Record what was done about a finding.

    Errors: FindingNotFound, FindingStateForbids, OutOfScope.
    Source: R-213.
    """
    after = _finding(tx, finding_id, by).correct(correction, by=by.actor)
    storage.save_finding(tx, after)
    return Outcome(after)


def recheck(
    tx: Transaction, *, finding_id: str, passed: bool, note: str, today: date, by: Caller
) -> Outcome[Finding]:
    """Record what another person says of a correction.

    Errors: FindingNotFound, FindingStateForbids, FindingNeedsAnotherPerson, PolicyNotFound,
        OutOfScope.
    Source: R-213.
    """
    before = _finding(tx, finding_id, by)
    due_date = before.due_date if passed else _due(tx, before.unit_id, today)
    after = before.recheck(passed=passed, note=note, due_date=due_date, by=by.actor)
    storage.save_finding(tx, after)
    return Outcome(after)


def get_plan(tx: Transaction, *, plan_id: str, by: Caller) -> Coverage:
    """Return a plan with how much of it is done.

    Errors: VisitPlanNotFound, OutOfScope.
    """
    found = storage.get_plan(tx, plan_id)
    scope.require(tx, by, found.plan.unit_id)
    return found


def get_finding(tx: Transaction, *, finding_id: str, by: Caller) -> Finding:
    """Return a finding.

    Errors: FindingNotFound, OutOfScope.
    """
    found = storage.get_finding(tx, finding_id)
    scope.require(tx, by, found.unit_id)
    return found


def list_visits(tx: Transaction, *, part: Page, by: Caller, wanted: VisitFilter) -> Slice[Visit]:
    """Return a page of the caller's visits, by id."""
    return storage.visits(tx, part, by=by, wanted=wanted)


def list_findings(
    tx: Transaction, *, part: Page, by: Caller, wanted: FindingFilter
) -> Slice[Finding]:
    """Return a page of the caller's findings, by id."""
    return storage.findings(tx, part, by=by, wanted=wanted)


def _visit(tx: Transaction, visit_id: str, by: Caller) -> Visit:
    found = storage.get_visit(tx, visit_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _finding(tx: Transaction, finding_id: str, by: Caller) -> Finding:
    found = storage.get_finding(tx, finding_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _rules(tx: Transaction, unit_id: str, on: date) -> Parameters:
    return policy.in_force(tx, kind=INSPECTION, scopes=[f"unit:{unit_id}", ""], on=on).parameters


def _due(tx: Transaction, unit_id: str, today: date) -> date:
    return today + timedelta(days=_rules(tx, unit_id, today).integer("finding_days"))
