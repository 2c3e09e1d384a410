"""What a selection does on its way: research, list, decisions, substitute, approval, agreement.

`evaluating` has the steps between the form and the report.
"""

from collections.abc import Sequence
from datetime import date, datetime, tzinfo

from channels.grading.domain import GradeNotAcceptable
from channels.partner import agreeing
from channels.partner import usecases as partners
from channels.partner.domain import State as PartnerState
from channels.partner.domain import Terms
from channels.selection import steps, storage
from channels.selection.domain import (
    DEALER_CHECKS,
    PROCESS,
    Evaluation,
    EvaluationState,
    Place,
    Prospect,
    Selection,
    SelectionNotified,
    State,
    Step,
    require_dossier,
)
from channels.selection.errors import ProspectNotEligible
from channels.selection.steps import Act
from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.process import usecases as process
from chassis.process.definition import Definition
from chassis.scope import Caller

NOTIFIED = ("customer_service", "regional_manager")


def start(
    tx: Transaction,
    definition: Definition,
    *,
    unit_id: str,
    year: int,
    places: Sequence[Place],
    zone: tzinfo,
    by: Caller,
    at: datetime,
) -> Outcome[Selection]:
    """Start a selection for the places of an expansion plan.

    Errors: OutOfScope, also for an office that is not the caller's.
    Source: R-059.
    """
    for unit in sorted({unit_id, *(place.office_unit_id for place in places)}):
        scope.require(tx, by, unit)
    selection_id = new_id()
    ordered = tuple(sorted(places, key=lambda one: one.place))
    begun = process.start(
        tx,
        definition,
        subject_kind=PROCESS,
        subject_id=selection_id,
        unit_id=unit_id,
        keys={"place": [place.place for place in ordered]},
        zone=zone,
        by=by,
        at=at,
    )
    made = Selection(
        selection_id=selection_id,
        unit_id=unit_id,
        year=year,
        state=State(begun.state),
        process_id=begun.process_id,
        places=ordered,
        create_time=at,
    )
    storage.add(tx, made)
    return Outcome(made)


def file_research(
    tx: Transaction, *, selection_id: str, prospects: Sequence[Prospect], by: Caller, at: datetime
) -> Outcome[Selection]:
    """File the channel research report.

    Errors: those of `steps.begin` and `steps.complete`.
    Source: R-059.
    """
    act = Act(selection_id, Step.RESEARCH, "FileResearch", by, at)
    one = steps.complete(tx, steps.begin(tx, act), act)
    return Outcome(steps.saved(tx, one.with_prospects(prospects)))


def draw_up_list(
    tx: Transaction,
    *,
    selection_id: str,
    partner_ids: Sequence[str],
    additional: Sequence[Prospect],
    by: Caller,
    at: datetime,
) -> Outcome[Selection]:
    """Draw up the list of potential new customers, and make partners of the candidates.

    Errors: those of `steps.begin` and `steps.complete`, ProspectNotEligible, ProspectsTooFew.
    Source: R-060.
    """
    act = Act(selection_id, Step.LIST, "DrawUpProspectList", by, at)
    one = steps.complete(tx, steps.begin(tx, act), act)
    one = one.with_prospects(additional).draw_up(partner_ids)
    for place in sorted(one.places, key=lambda place: place.partner_id):
        _enlist(tx, one, place, by=by, at=at)
    return Outcome(steps.saved(tx, one))


def decide(
    tx: Transaction,
    *,
    selection_id: str,
    place: str,
    accepted: bool,
    reason: str,
    by: Caller,
    at: datetime,
) -> Outcome[Evaluation]:
    """Accept the candidate of a place, or ask for a substitute.

    Errors: those of `steps`, EvaluationNotFound, GradeNotAcceptable.
    Source: R-066.
    """
    act = Act(selection_id, Step.DECIDE, "DecideCandidate", by, at)
    one, own = steps.begin_place(tx, act, place)
    answer = "accept" if accepted else "refuse"
    one = steps.complete(tx, one, act, place=own, answer=answer, note=reason)
    report = storage.get_evaluation(tx, own.report_id)
    if accepted:
        if report.rating.terms is None:
            raise GradeNotAcceptable(own.partner_id, report.rating.points)
        role = report.rating.terms.approver_role
        process.assign(
            tx, one.process_id, step=Step.APPROVE, key=own.place, role=role, by=by, at=at
        )
    to = EvaluationState.ACCEPTED if accepted else EvaluationState.REFUSED
    return _reported(tx, one, report.move(to))


def find_substitute(
    tx: Transaction,
    *,
    selection_id: str,
    place: str,
    substitute: Prospect | None,
    by: Caller,
    at: datetime,
) -> Outcome[Selection]:
    """Put a substitute into the place of a refused candidate, or leave the place vacant.

    Errors: those of `steps`, ProspectNotEligible, PartnerStateForbids.
    Source: R-066.
    """
    act = Act(selection_id, Step.SUBSTITUTE, "FindSubstitute", by, at)
    one, own = steps.begin_place(tx, act, place)
    answer = "found" if substitute else "vacant"
    one = steps.complete(tx, one, act, place=own, answer=answer)
    partners.move(tx, partner_id=own.partner_id, to=PartnerState.REPLACED, by=by)
    if substitute is None:
        return Outcome(steps.saved(tx, one.substitute(place, "")))
    one = one.with_prospects([substitute]).substitute(place, substitute.partner_id)
    _enlist(tx, one, one.place(place), by=by, at=at)
    return Outcome(steps.saved(tx, one))


def approve(
    tx: Transaction,
    *,
    selection_id: str,
    place: str,
    approved: bool,
    reason: str,
    by: Caller,
    at: datetime,
) -> Outcome[Evaluation]:
    """Approve the candidate of a place and tell those who have to know, or give it back.

    Errors: those of `steps`, EvaluationNotFound, DossierIncomplete, PartnerStateForbids.
    Source: R-067, R-068, R-071.
    """
    act = Act(selection_id, Step.APPROVE, "ApproveCandidate", by, at)
    one, own = steps.begin_place(tx, act, place)
    answer = "approved" if approved else "refused"
    one = steps.complete(tx, one, act, place=own, answer=answer, note=reason)
    report = storage.get_evaluation(tx, own.report_id)
    if not approved:
        return _reported(tx, one, report.move(EvaluationState.REPORTED))
    require_dossier(report.checks, DEALER_CHECKS, subject_id=own.partner_id)
    assert report.rating.terms is not None, "nobody accepts a candidate without a grade"
    terms = report.rating.terms
    partner = partners.approve(
        tx, partner_id=own.partner_id, grade=terms.grade, credit=terms.credit, by=by
    )
    told = [
        SelectionNotified(
            selection_id, place, partner.partner_id, partner.unit_id, report.report_id, role
        )
        for role in NOTIFIED
    ]
    done = _reported(tx, one, report.move(EvaluationState.APPROVED))
    return Outcome(done.value, facts=told)


def sign(
    tx: Transaction,
    *,
    selection_id: str,
    place: str,
    terms: Terms,
    territory: str,
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[Selection]:
    """Sign the annual co-operation agreement; the partner orders from then on.

    Errors: those of `steps`, EvaluationNotFound, those of `agreeing.admit`.
    Source: R-067, R-069.
    """
    act = Act(selection_id, Step.SIGN, "SignCandidateAgreement", by, at)
    one, own = steps.begin_place(tx, act, place)
    one = steps.complete(tx, one, act, place=own)
    signed = agreeing.admit(
        tx,
        partner_id=own.partner_id,
        year=one.year,
        territory=territory,
        terms=terms.reported(own.report_id),
        selection_id=selection_id,
        today=today,
        by=by,
        at=at,
    )
    return Outcome(steps.saved(tx, one), facts=signed.facts)


def file_candidate(
    tx: Transaction, *, selection_id: str, place: str, by: Caller, at: datetime
) -> Outcome[Selection]:
    """Confirm that the customer file is built and keeps the report; crm builds it on its own.

    Errors: those of `steps`.
    Source: R-070.
    """
    act = Act(selection_id, Step.FILE, "FileCandidate", by, at)
    one, own = steps.begin_place(tx, act, place)
    return Outcome(steps.saved(tx, steps.complete(tx, one, act, place=own)))


def get(tx: Transaction, *, selection_id: str, by: Caller) -> Selection:
    """Return a selection.

    Errors: SelectionNotFound, OutOfScope.
    """
    found = storage.get(tx, selection_id)
    scope.require(tx, by, found.unit_id)
    return found


def list_page(tx: Transaction, *, part: Page, by: Caller, year: int) -> Slice[Selection]:
    """Return a page of the caller's selections by id."""
    return storage.page(tx, part, by=by, year=year)


def _reported(tx: Transaction, one: Selection, report: Evaluation) -> Outcome[Evaluation]:
    storage.put_evaluation(tx, report)
    steps.saved(tx, one)
    return Outcome(report)


def _enlist(tx: Transaction, one: Selection, place: Place, *, by: Caller, at: datetime) -> None:
    """Make a partner of a candidate.

    Errors: ProspectNotEligible when it is one already.
    """
    found = one.prospect(place.partner_id)
    partner = partners.ensure_prospect(
        tx,
        partner_id=found.partner_id,
        name=found.name,
        kind=found.kind,
        unit_id=place.office_unit_id,
        by=by,
        at=at,
    )
    if partner.state is not PartnerState.PROSPECT:
        raise ProspectNotEligible(found.partner_id, f"is a partner already, {partner.state}")
