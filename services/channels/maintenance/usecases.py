"""What a yearly maintenance does: evaluate in a run, decide, approve with effect, close.

The maintenance's row is locked before reviews, reviews by partner before the partners.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from channels.grading import usecases as grading
from channels.maintenance import storage
from channels.maintenance.domain import (
    Cycle,
    CycleState,
    Decision,
    Maintenance,
    MaintenanceUnfinished,
    PartnerReviewed,
    Review,
    Rules,
    State,
)
from channels.partner import agreeing
from channels.partner import usecases as partners
from channels.partner.domain import AgreementState, Partner, Terms
from channels.partner.domain import State as PartnerState
from channels.policy_kinds import PARTNER_REVIEW
from channels.turnover import usecases as turnover
from channels.turnover.domain import PartnerYear
from chassis import scope, telemetry
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import usecases as policy
from chassis.scope import Caller
from chassis.work import usecases as work
from chassis.work.domain import Chunk, Cursor, Run
from chassis.work.domain import State as RunState

KIND = "maintenance"
CHUNK = 200
DECIDED_MAX = 500
APPROVED_MAX = 100


@dataclass(frozen=True, slots=True)
class Started:
    """Hold the run of a maintenance, and the maintenance unless it is a dry run."""

    run: Run
    cycle: Cycle | None


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold a decision that somebody takes."""

    decision: Decision
    reason: str
    terms: Terms | None


@dataclass(frozen=True, slots=True)
class Changed:
    """Hold a maintenance and how many reviews a call changed."""

    cycle: Cycle
    count: int


def start(
    tx: Transaction,
    *,
    unit_id: str,
    year: int,
    dry_run: bool,
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[Started]:
    """Ask for the run that evaluates the partners of a unit; a unit and year have one.

    Shape: a dry run is always a new one, since what it finds changes with the invoices.
    Errors: OutOfScope, PolicyNotFound.
    Source: R-073, R-076.
    """
    scope.require(tx, by, unit_id)
    _rules(tx, unit_id, on=today)
    cycle_id = new_id()
    cursor = {
        "cycle_id": cycle_id,
        "unit_id": unit_id,
        "year": year,
        "on": today.isoformat(),
        "at": at.isoformat(),
        "after": "",
    }
    run = work.run(
        tx,
        KIND,
        f"{unit_id}/{year}/{cycle_id}" if dry_run else f"{unit_id}/{year}",
        unit_id=unit_id,
        requested_by=by.subject,
        cursor=cursor,
        dry_run=dry_run,
        traceparent=telemetry.traceparent(),
    )
    if dry_run:
        return Outcome(Started(run, None))
    new = Maintenance(cycle_id, unit_id, year, CycleState.OPEN, run.id, at)
    return Outcome(Started(run, _cycle(tx, storage.add_first(tx, new))))


def evaluate(tx: Transaction, cursor: Cursor, *, run_id: str, rows: int = CHUNK) -> Chunk:
    """Evaluate the next partners and put them under review; who has no agreement of the year has
    nothing to maintain, and who has a review of the year keeps it."""
    unit_id, year, on = cursor["unit_id"], cursor["year"], date.fromisoformat(cursor["on"])
    at = datetime.fromisoformat(cursor["at"])
    # A dry run has no maintenance of its own; what it writes here is taken back.
    cycle = storage.add_first(
        tx, Maintenance(cursor["cycle_id"], unit_id, year, CycleState.OPEN, run_id, at)
    )
    found = partners.ordering_of(tx, unit_id=unit_id, after=cursor["after"], limit=rows)
    ids = [one.partner_id for one in found]
    agreed = partners.agreements(tx, ids, year=year)
    known = storage.reviewed(tx, ids, year=year)
    fresh = [one for one in found if one.partner_id in agreed and one.partner_id not in known]
    figures = turnover.years_of(tx, [one.partner_id for one in fresh], year=year, on=on)
    rules = _rules(tx, unit_id, on=on)
    reviews = [
        _evaluated(
            tx, one, figures=figures[one.partner_id], cycle_id=cycle.cycle_id, rules=rules, on=on
        )
        for one in fresh
    ]
    partners.begin_reviews(tx, fresh)
    storage.add_reviews(tx, reviews)
    more = {**cursor, "after": ids[-1]} if len(found) == rows else None
    return Chunk(more, len(reviews), [_fact(one) for one in reviews])


def decide(
    tx: Transaction, *, cycle_id: str, wanted: Mapping[str, Wanted], by: Caller
) -> Outcome[Changed]:
    """Decide on the reviews named; without any, accept the proposals of the next evaluated ones.

    Errors: MaintenanceNotFound, OutOfScope, MaintenanceClosed, ReviewNotFound, ReviewStateForbids.
    Source: R-076.
    """
    cycle = _locked(tx, cycle_id, by)
    found = storage.lock_reviews(
        tx, cycle_id, wanted.keys(), state=State.EVALUATED, limit=DECIDED_MAX
    )
    for one in found:
        chosen = wanted.get(one.review_id) or Wanted(one.proposal, _said(one), None)
        storage.save(
            tx,
            one.decide(chosen.decision, reason=chosen.reason, terms=chosen.terms, by=by.subject),
        )
    return Outcome(Changed(_cycle(tx, cycle), len(found)))


def approve(
    tx: Transaction,
    *,
    cycle_id: str,
    review_ids: Sequence[str],
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[Changed]:
    """Approve the decisions named, or the next ones, and let them take effect at once.

    Errors: MaintenanceNotFound, OutOfScope, MaintenanceClosed, ReviewNotFound, ReviewStateForbids,
        ReviewNeedsAnotherPerson, AgreementMissing, TerritoryTaken, PartnerStateForbids,
        PolicyNotFound.
    Source: R-074, R-075, R-076.
    """
    cycle = _locked(tx, cycle_id, by)
    found = storage.lock_reviews(tx, cycle_id, review_ids, state=State.DECIDED, limit=APPROVED_MAX)
    facts: list[object] = []
    for one in found:
        approved = one.approve(by=by.subject)
        facts += _take_effect(tx, approved, today=today, by=by, at=at)
        storage.save(tx, approved.finish())
    return Outcome(Changed(_cycle(tx, cycle), len(found)), facts=facts)


def close(tx: Transaction, *, cycle_id: str, by: Caller) -> Outcome[Cycle]:
    """Close a maintenance in which nobody is under review any more.

    Errors: MaintenanceNotFound, OutOfScope, MaintenanceClosed, MaintenanceUnfinished.
    Source: R-076.
    """
    cycle = _locked(tx, cycle_id, by)
    run = work.get(tx, run_id=cycle.run_id, by=by)
    counts = storage.counts(tx, cycle_id)
    if counts.open_reviews or run.state not in (RunState.DONE, RunState.CANCELLED):
        raise MaintenanceUnfinished(cycle_id, counts.open_reviews)
    storage.close(tx, cycle_id)
    return Outcome(Cycle(replace(cycle, state=CycleState.CLOSED), counts))


def get(tx: Transaction, *, cycle_id: str, by: Caller) -> Cycle:
    """Return a maintenance with its counts.

    Errors: MaintenanceNotFound, OutOfScope.
    """
    found = storage.get(tx, cycle_id)
    scope.require(tx, by, found.unit_id)
    return _cycle(tx, found)


def get_review(tx: Transaction, *, review_id: str, by: Caller) -> Review:
    """Return a review.

    Errors: ReviewNotFound, OutOfScope.
    """
    found = storage.get_review(tx, review_id)
    scope.require(tx, by, found.unit_id)
    return found


def list_reviews(
    tx: Transaction, *, part: Page, cycle_id: str, state: State | None, by: Caller
) -> Slice[Review]:
    """Return a page of the reviews of a maintenance, by id.

    Errors: MaintenanceNotFound, OutOfScope.
    """
    scope.require(tx, by, storage.get(tx, cycle_id).unit_id)
    return storage.page(tx, part, cycle_id=cycle_id, state=state)


def _locked(tx: Transaction, cycle_id: str, by: Caller) -> Maintenance:
    found = storage.get(tx, cycle_id, lock=True)
    scope.require(tx, by, found.unit_id)
    found.require_open()
    return found


def _cycle(tx: Transaction, one: Maintenance) -> Cycle:
    return Cycle(one, storage.counts(tx, one.cycle_id))


def _rules(tx: Transaction, unit_id: str, *, on: date) -> Rules:
    values = policy.in_force(
        tx, kind=PARTNER_REVIEW, scopes=[f"unit:{unit_id}", ""], on=on
    ).parameters
    return Rules(
        target_weight=values.integer("target_weight"),
        punctual_weight=values.integer("punctual_weight"),
        renew_min=values.decimal("renew_min"),
        adjust_min=values.decimal("adjust_min"),
    )


def _evaluated(
    tx: Transaction,
    partner: Partner,
    *,
    figures: PartnerYear,
    cycle_id: str,
    rules: Rules,
    on: date,
) -> Review:
    """Judge a partner by its figures; another grade makes an adjustment of a renewal."""
    points = rules.points(figures)
    grade = partner.credit_grade
    if points is not None:
        terms, _ = grading.terms_of(tx, points, unit_id=partner.unit_id, on=on)
        grade = terms.grade if terms else grade
    proposal = rules.proposal(points)
    if proposal is Decision.RENEW and grade is not partner.credit_grade:
        proposal = Decision.ADJUST
    return Review(
        review_id=new_id(),
        cycle_id=cycle_id,
        partner_id=partner.partner_id,
        unit_id=partner.unit_id,
        state=State.EVALUATED,
        figures=figures,
        points=points,
        proposal=proposal,
        from_grade=partner.credit_grade,
        to_grade=grade,
    )


def _take_effect(
    tx: Transaction, one: Review, *, today: date, by: Caller, at: datetime
) -> Sequence[object]:
    """Renew, adjust or terminate, and return what became true."""
    year = one.figures.year
    if one.decision is Decision.TERMINATE:
        return agreeing.terminate(
            tx,
            partner_id=one.partner_id,
            year=year,
            reason=one.reason,
            on=today,
            by=by,
            at=at,
        ).facts
    adjusted = one.decision is Decision.ADJUST
    agreement = partners.require_agreement(tx, partner_id=one.partner_id, year=year)
    credit, facts = agreement.credit, list[object]()
    if adjusted and one.points is not None and one.to_grade is not one.from_grade:
        terms, _ = grading.terms_of(tx, one.points, unit_id=one.unit_id, on=today)
        if terms is not None:
            credit = terms.credit
            facts += partners.change_credit_grade(
                tx,
                partner_id=one.partner_id,
                grade=terms.grade,
                credit=credit,
                today=today,
                by=by,
            ).facts
    facts += agreeing.follow_agreement(
        tx,
        partner_id=one.partner_id,
        year=year,
        state=AgreementState.ADJUSTED if adjusted else AgreementState.RENEWED,
        credit=credit,
        terms=one.terms or agreement.terms.reported(""),
        today=today,
        by=by,
        at=at,
    ).facts
    partners.move(tx, partner_id=one.partner_id, to=PartnerState.ACTIVE, by=by)
    return facts


def _said(one: Review) -> str:
    return f"as the rules propose at {one.points} points" if one.points is not None else "no data"


def _fact(one: Review) -> PartnerReviewed:
    target, late = one.figures.target_percent, one.figures.late_percent
    return PartnerReviewed(
        review_id=one.review_id,
        partner_id=one.partner_id,
        unit_id=one.unit_id,
        year=one.figures.year,
        target_percent="" if target is None else str(target),
        late_percent="" if late is None else str(late),
        proposal=one.proposal,
    )
