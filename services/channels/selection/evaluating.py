"""The steps between the form and the report: office, customer service, finance."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from channels.grading import usecases as grading
from channels.grading.domain import Score
from channels.partner import usecases as partners
from channels.partner.domain import State as PartnerState
from channels.policy_kinds import CUSTOMER_FORM
from channels.selection import steps, storage
from channels.selection.domain import (
    Benefit,
    DossierCheck,
    Evaluation,
    EvaluationState,
    FinancialItem,
    FormState,
    Holder,
    InfoForm,
    Step,
    missing_fields,
    require_documents,
)
from channels.selection.steps import Act
from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.outcome import Outcome
from chassis.policy import usecases as policy
from chassis.scope import Caller


def submit_form(
    tx: Transaction,
    *,
    selection_id: str,
    place: str,
    fields: Mapping[str, str],
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[InfoForm]:
    """Take the form that the office collected; headquarters and office keep a copy each.

    Errors: those of `steps`, PolicyNotFound, FormIncomplete, PartnerStateForbids.
    Source: R-061.
    """
    act = Act(selection_id, Step.FORM, "SubmitInfoForm", by, at)
    one, own = steps.begin_place(tx, act, place)
    wanted = policy.in_force(
        tx, kind=CUSTOMER_FORM, scopes=[f"unit:{own.office_unit_id}", ""], on=today
    ).parameters
    require_documents(fields, wanted.texts("documents"), place=place)
    one = steps.complete(tx, one, act, place=own)
    mandatory = wanted.texts("mandatory")
    form = InfoForm(
        form_id=new_id(),
        selection_id=selection_id,
        place=place,
        partner_id=own.partner_id,
        state=FormState.SUBMITTED,
        fields=fields,
        missing=missing_fields(fields, mandatory),
        mandatory_count=len(mandatory),
        note="",
        submit_time=at,
        holder=Holder.OFFICE,
        holder_unit_id=own.office_unit_id,
    )
    partner = partners.get(tx, partner_id=own.partner_id, by=by)
    if partner.state is not PartnerState.CANDIDATE:
        partners.move(tx, partner_id=own.partner_id, to=PartnerState.CANDIDATE, by=by)
    holders = {Holder.HEADQUARTERS: one.unit_id, Holder.OFFICE: own.office_unit_id}
    storage.add_form(tx, form, holders)
    steps.saved(tx, one)
    return Outcome(form)


def check_form(
    tx: Transaction,
    *,
    selection_id: str,
    place: str,
    truthful: bool,
    note: str,
    by: Caller,
    at: datetime,
) -> Outcome[InfoForm]:
    """Pass a complete and true form on to finance, return any other to the office.

    Errors: those of `steps`, FormNotFound.
    Source: R-062.
    """
    act = Act(selection_id, Step.CHECK, "CheckInfoForm", by, at)
    one, own = steps.begin_place(tx, act, place)
    form = storage.last_form(tx, selection_id, place, holder=Holder.HEADQUARTERS)
    passed = truthful and not form.missing
    answer = "passed" if passed else "returned"
    one = steps.complete(tx, one, act, place=own, answer=answer, note=note)
    state = FormState.CHECKED if passed else FormState.RETURNED
    checked = replace(form, state=state, note=note)
    storage.save_form(tx, checked)
    steps.saved(tx, one)
    return Outcome(checked)


def analyse(
    tx: Transaction,
    *,
    selection_id: str,
    place: str,
    scores: Sequence[Score],
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[Evaluation]:
    """Begin the report with the points of the operating ability.

    Errors: those of `steps`, ScoresIncomplete, PolicyNotFound.
    Source: R-063.
    """
    act = Act(selection_id, Step.ANALYSE, "AnalyseAbility", by, at)
    one, own = steps.begin_place(tx, act, place)
    one = steps.complete(tx, one, act, place=own)
    report = Evaluation(
        report_id=new_id(),
        selection_id=selection_id,
        place=place,
        partner_id=own.partner_id,
        unit_id=own.office_unit_id,
        state=EvaluationState.DRAFT,
        rating=grading.weigh_points(tx, scores, unit_id=own.office_unit_id, on=today),
        create_time=at,
    )
    storage.put_evaluation(tx, report, is_new=True)
    steps.saved(tx, one.with_place(replace(own, report_id=report.report_id)))
    return Outcome(report)


def assign_grade(
    tx: Transaction, *, selection_id: str, place: str, today: date, by: Caller, at: datetime
) -> Outcome[Evaluation]:
    """Take the grade that the points are worth from the policy of the day.

    Errors: those of `steps`, PolicyNotFound.
    Source: R-064.
    """
    act = Act(selection_id, Step.GRADE, "AssignGrade", by, at)
    one, own = steps.begin_place(tx, act, place)
    one = steps.complete(tx, one, act, place=own)
    report = storage.get_evaluation(tx, own.report_id)
    graded = grading.graded(tx, report.rating, unit_id=own.office_unit_id, on=today)
    report = replace(report, rating=graded)
    storage.put_evaluation(tx, report)
    steps.saved(tx, one)
    return Outcome(report)


def file_report(
    tx: Transaction,
    *,
    selection_id: str,
    place: str,
    items: tuple[FinancialItem, ...],
    checks: tuple[DossierCheck, ...],
    benefit: Benefit,
    recommendation: str,
    by: Caller,
    at: datetime,
) -> Outcome[Evaluation]:
    """File the distributor evaluation report.

    Errors: those of `steps`, ReportWithoutFinancialData, PartnerStateForbids.
    Source: R-065, R-072.
    """
    act = Act(selection_id, Step.REPORT, "FileEvaluation", by, at)
    one, own = steps.begin_place(tx, act, place)
    one = steps.complete(tx, one, act, place=own)
    report = storage.get_evaluation(tx, own.report_id).report(
        items=items, checks=checks, benefit=benefit, recommendation=recommendation
    )
    partners.move(tx, partner_id=own.partner_id, to=PartnerState.EVALUATED, by=by)
    storage.put_evaluation(tx, report)
    steps.saved(tx, one)
    return Outcome(report)


def get_form(
    tx: Transaction, *, selection_id: str, place: str, holder: Holder, by: Caller
) -> InfoForm:
    """Return a holder's copy of the last form of a place.

    Errors: SelectionNotFound, FormNotFound, OutOfScope.
    """
    storage.get(tx, selection_id)
    form = storage.last_form(tx, selection_id, place, holder=holder)
    scope.require(tx, by, form.holder_unit_id)
    return form


def get_report(tx: Transaction, *, report_id: str, by: Caller) -> Evaluation:
    """Return an evaluation report.

    Errors: EvaluationNotFound, OutOfScope.
    """
    report = storage.get_evaluation(tx, report_id)
    scope.require(tx, by, report.unit_id)
    return report
