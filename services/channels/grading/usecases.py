"""What is done with grades: rate points by the policies of a day, and change a grade by three
persons."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal

from channels.grading import storage
from channels.grading.domain import (
    CreditChange,
    CreditChangeOpen,
    GradeNotAcceptable,
    GradeTerms,
    Rating,
    Score,
    State,
    grade_below,
    grade_of,
    weigh,
)
from channels.partner import usecases as partners
from channels.partner.domain import Credit, Grade, PartnerStateForbids
from channels.partner.domain import State as PartnerState
from channels.policy_kinds import CREDIT_GRADE, SCORING
from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import usecases as policy
from chassis.scope import Caller


def rate(tx: Transaction, scores: Sequence[Score], *, unit_id: str, on: date) -> Rating:
    """Weigh points and grade them by the policies of a day.

    Errors: ScoresIncomplete, PolicyNotFound.
    """
    weighed = weigh_points(tx, scores, unit_id=unit_id, on=on)
    return graded(tx, weighed, unit_id=unit_id, on=on)


def weigh_points(tx: Transaction, scores: Sequence[Score], *, unit_id: str, on: date) -> Rating:
    """Weigh points by the policy of a day; they have no grade yet.

    Errors: ScoresIncomplete, PolicyNotFound.
    Source: R-063.
    """
    scoring = policy.in_force(tx, kind=SCORING, scopes=_scopes(unit_id), on=on)
    criteria = scoring.parameters.records("criteria")
    weights = {one.text("name"): Decimal(one.integer("weight")) for one in criteria}
    points = weigh(scores, weights)
    order = list(weights)
    ordered = tuple(sorted(scores, key=lambda one: order.index(one.criterion)))
    return Rating(points, ordered, None, (scoring.policy_id,))


def graded(tx: Transaction, rating: Rating, *, unit_id: str, on: date) -> Rating:
    """Grade weighed points by the policy of a day.

    Errors: PolicyNotFound.
    Source: R-064.
    """
    terms, policy_id = terms_of(tx, rating.points, unit_id=unit_id, on=on)
    return replace(rating, terms=terms, policy_ids=(*rating.policy_ids, policy_id))


def terms_of(
    tx: Transaction, points: Decimal, *, unit_id: str, on: date
) -> tuple[GradeTerms | None, str]:
    """Return the grade that points are worth on a day, and the policy that says so.

    Errors: PolicyNotFound.
    """
    table, policy_id = _grades(tx, unit_id=unit_id, on=on)
    return grade_of(points, table), policy_id


def propose(
    tx: Transaction,
    *,
    partner_id: str,
    scores: Sequence[Score],
    reason: str,
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[CreditChange]:
    """Propose the grade that a partner's points are worth.

    Errors: PartnerNotFound, OutOfScope, PartnerStateForbids, ScoresIncomplete, PolicyNotFound,
        GradeNotAcceptable, CreditChangeOpen.
    Source: R-074.
    """
    partner = partners.get(tx, partner_id=partner_id, by=by)
    if partner.credit is None:
        raise PartnerStateForbids(partner, PartnerState.APPROVED)
    rating = rate(tx, scores, unit_id=partner.unit_id, on=today)
    if rating.terms is None:
        raise GradeNotAcceptable(partner_id, rating.points)
    new = CreditChange(
        change_id=new_id(),
        partner_id=partner_id,
        unit_id=partner.unit_id,
        state=State.PROPOSED,
        from_grade=partner.credit_grade,
        rating=rating,
        terms=rating.terms,
        reason=reason,
        proposed_by=by.subject,
        create_time=at,
    )
    if not storage.add(tx, new):
        raise CreditChangeOpen(partner_id)
    return Outcome(new)


def propose_lower(
    tx: Transaction, *, partner_id: str, reason: str, today: date, source: str, at: datetime
) -> None:
    """Propose the next lower grade because of what a partner did, for people to review and decide.

    Shape: nothing where a change is open already, the partner has gone, or no grade is lower; what
        becomes of the last is for the yearly maintenance. Nobody rated the partner, so the points
        are the least of the proposed grade.
    Errors: PartnerNotFound, PolicyNotFound.
    """
    platform = Caller(source, frozenset({scope.SERVICE_ROLE}), "", source)
    partner = partners.get(tx, partner_id=partner_id, by=platform)
    table, policy_id = _grades(tx, unit_id=partner.unit_id, on=today)
    terms = grade_below(partner.credit_grade, table)
    if partner.state is PartnerState.TERMINATED or partner.credit is None or terms is None:
        return
    new = CreditChange(
        change_id=new_id(),
        partner_id=partner_id,
        unit_id=partner.unit_id,
        state=State.PROPOSED,
        from_grade=partner.credit_grade,
        rating=Rating(terms.points_min, (), terms, (policy_id,)),
        terms=terms,
        reason=reason,
        proposed_by=source,
        create_time=at,
    )
    storage.add(tx, new)


def review(tx: Transaction, *, change_id: str, passed: bool, by: Caller) -> Outcome[CreditChange]:
    """Review a proposed change.

    Errors: CreditChangeNotFound, OutOfScope, CreditChangeStateForbids,
        CreditChangeNeedsAnotherPerson.
    """
    after = _locked(tx, change_id, by).review(passed=passed, by=by.subject)
    storage.save(tx, after)
    return Outcome(after)


def decide(
    tx: Transaction, *, change_id: str, approved: bool, today: date, by: Caller
) -> Outcome[CreditChange]:
    """Approve a reviewed change, so that grade and credit hold, or refuse it.

    Errors: CreditChangeNotFound, OutOfScope, CreditChangeStateForbids,
        CreditChangeNeedsAnotherPerson, CreditChangeApproverForbids, PartnerStateForbids.
    Source: R-074.
    """
    after = _locked(tx, change_id, by).decide(approved=approved, by=by.subject, roles=by.roles)
    storage.save(tx, after)
    if not approved:
        return Outcome(after)
    told = partners.change_credit_grade(
        tx,
        partner_id=after.partner_id,
        grade=after.terms.grade,
        credit=after.terms.credit,
        today=today,
        by=by,
    )
    return Outcome(after, facts=told.facts)


def get(tx: Transaction, *, change_id: str, by: Caller) -> CreditChange:
    """Return a change.

    Errors: CreditChangeNotFound, OutOfScope.
    """
    found = storage.get(tx, change_id)
    scope.require(tx, by, found.unit_id)
    return found


def list_page(
    tx: Transaction, *, part: Page, by: Caller, partner_id: str, state: State | None
) -> Slice[CreditChange]:
    """Return a page of the caller's changes by id."""
    return storage.page(tx, part, by=by, partner_id=partner_id, state=state)


def _grades(tx: Transaction, *, unit_id: str, on: date) -> tuple[list[GradeTerms], str]:
    grading = policy.in_force(tx, kind=CREDIT_GRADE, scopes=_scopes(unit_id), on=on)
    currency_code = grading.parameters.text("currency_code")
    table = [
        GradeTerms(
            grade=Grade(one.text("grade")),
            points_min=one.decimal("points_min"),
            credit=Credit(
                Money(currency_code, one.integer("limit_minor")), one.integer("credit_days")
            ),
            approver_role=one.text("approver_role"),
        )
        for one in grading.parameters.records("grades")
    ]
    return table, grading.policy_id


def _locked(tx: Transaction, change_id: str, by: Caller) -> CreditChange:
    found = storage.get(tx, change_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _scopes(unit_id: str) -> list[str]:
    return [f"unit:{unit_id}", ""]
