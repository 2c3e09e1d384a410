"""Selections, forms and reports between the domain and the contract."""

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from mantle.channels.v1 import events_pb2, selection_pb2
from mantle.channels.v1 import selection_service_pb2 as pb

from channels.grading.wire import from_rating
from channels.partner.wire import KINDS, to_kind
from channels.selection.domain import (
    Benefit,
    CheckKind,
    DossierCheck,
    Evaluation,
    EvaluationState,
    FinancialItem,
    FormState,
    Holder,
    InfoForm,
    Place,
    Prospect,
    Selection,
    SelectionNotified,
    State,
)
from channels.turnover.domain import percent
from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.wire import from_decimal, from_money, from_time, to_money

R = TypeVar("R", bound=Message)

STATES: Final = {
    state: selection_pb2.Selection.State.Value(f"STATE_{state.name}") for state in State
}
FORM_STATES: Final = {
    state: selection_pb2.InfoForm.State.Value(f"STATE_{state.name}") for state in FormState
}
HOLDERS: Final = {
    holder: selection_pb2.InfoForm.Holder.Value(f"HOLDER_{holder.name}") for holder in Holder
}
REPORT_STATES: Final = {
    state: selection_pb2.EvaluationReport.State.Value(f"STATE_{state.name}")
    for state in EvaluationState
}
CHECKS: Final = {
    kind: selection_pb2.DossierCheck.Kind.Value(f"KIND_{kind.name}") for kind in CheckKind
}
HOLDERS_READ: Final = {int(number): holder for holder, number in HOLDERS.items()}
CHECKS_READ: Final = {int(number): kind for kind, number in CHECKS.items()}


def to_places(messages: Iterable[selection_pb2.PlanPlace]) -> list[Place]:
    """Read the places of a plan."""
    return [Place(one.place, one.area, one.office_unit_id) for one in messages]


def to_prospects(messages: Iterable[selection_pb2.Prospect]) -> list[Prospect]:
    """Read what the research found."""
    return [
        Prospect(one.partner_id, one.name, to_kind(one.kind), one.area, one.willing, one.note)
        for one in messages
    ]


def to_substitute(request: pb.FindSubstituteRequest) -> Prospect | None:
    """Read the substitute, or None when the place is to stay vacant."""
    return to_prospects([request.substitute])[0] if request.HasField("substitute") else None


def to_holder(number: int) -> Holder:
    """Read a holder; the contract's rules let no other number in."""
    return HOLDERS_READ[number]


def to_check(message: selection_pb2.DossierCheck) -> DossierCheck:
    """Read a check of a dossier."""
    return DossierCheck(CHECKS_READ[int(message.kind)], message.passed, message.note)


def to_items(messages: Iterable[selection_pb2.FinancialItem]) -> tuple[FinancialItem, ...]:
    """Read the figures of a report."""
    return tuple(FinancialItem(one.name, one.value, one.source) for one in messages)


def to_benefit(request: pb.FileEvaluationRequest) -> Benefit:
    """Read cost and contribution."""
    return Benefit(to_money(request.development_cost), to_money(request.first_year_contribution))


def from_selection(one: Selection, *, whole: bool = True) -> selection_pb2.Selection:
    """Write a selection; in lists without its prospects."""
    prospects = one.prospects if whole else ()
    return selection_pb2.Selection(
        selection_id=one.selection_id,
        unit_id=one.unit_id,
        year=one.year,
        state=STATES[one.state],
        process_id=one.process_id,
        prospects=map(_from_prospect, prospects),
        listed_partner_ids=one.listed,
        places=map(_from_place, one.places),
        loops=one.loops,
        create_time=from_time(one.create_time),
        version=one.version,
    )


def from_form(form: InfoForm) -> selection_pb2.InfoForm:
    """Write a form."""
    complete = percent(form.answered_count, form.mandatory_count) if form.mandatory_count else None
    return selection_pb2.InfoForm(
        form_id=form.form_id,
        selection_id=form.selection_id,
        place=form.place,
        partner_id=form.partner_id,
        state=FORM_STATES[form.state],
        fields=form.fields,
        complete_percent="100.0" if complete is None else from_decimal(complete),
        missing=form.missing,
        note=form.note,
        holder=HOLDERS[form.holder],
        holder_unit_id=form.holder_unit_id,
        submit_time=from_time(form.submit_time),
    )


def from_check(check: DossierCheck) -> selection_pb2.DossierCheck:
    """Write a check of a dossier."""
    return selection_pb2.DossierCheck(kind=CHECKS[check.kind], passed=check.passed, note=check.note)


def from_report(report: Evaluation) -> selection_pb2.EvaluationReport:
    """Write a report."""
    benefit = report.benefit
    ratio = benefit.ratio if benefit else None
    return selection_pb2.EvaluationReport(
        report_id=report.report_id,
        selection_id=report.selection_id,
        place=report.place,
        partner_id=report.partner_id,
        state=REPORT_STATES[report.state],
        rating=from_rating(report.rating),
        financial_items=[
            selection_pb2.FinancialItem(name=one.name, value=one.value, source=one.source)
            for one in report.items
        ],
        checks=map(from_check, report.checks),
        development_cost=from_money(benefit.cost) if benefit else None,
        first_year_contribution=from_money(benefit.contribution) if benefit else None,
        benefit_ratio="" if ratio is None else from_decimal(ratio),
        recommendation=report.recommendation,
        create_time=from_time(report.create_time),
    )


def selection_in(response: Callable[..., R]) -> Callable[[Selection], R]:
    """Return what answers with a selection."""
    return lambda one: response(selection=from_selection(one))


def form_in(response: Callable[..., R]) -> Callable[[InfoForm], R]:
    """Return what answers with a form."""
    return lambda form: response(form=from_form(form))


def report_in(response: Callable[..., R]) -> Callable[[Evaluation], R]:
    """Return what answers with a report."""
    return lambda report: response(report=from_report(report))


def listed(page: Slice[Any]) -> pb.ListSelectionsResponse:
    """Answer with a page of selections."""
    return pb.ListSelectionsResponse(
        selections=[from_selection(one, whole=False) for one in page.items],
        next_page_token=page.next_page_token,
    )


def _from_prospect(one: Prospect) -> selection_pb2.Prospect:
    return selection_pb2.Prospect(
        partner_id=one.partner_id,
        name=one.name,
        kind=KINDS[one.kind],
        area=one.area,
        willing=one.willing,
        note=one.note,
    )


def _from_place(place: Place) -> selection_pb2.SelectionPlace:
    return selection_pb2.SelectionPlace(
        plan=selection_pb2.PlanPlace(
            place=place.place, area=place.area, office_unit_id=place.office_unit_id
        ),
        partner_id=place.partner_id,
        replaced_partner_ids=place.replaced,
        report_id=place.report_id,
        vacant=place.vacant,
    )


def _notified_event(fact: SelectionNotified) -> EventDraft:
    payload = events_pb2.SelectionNotified(
        selection_id=fact.selection_id,
        place=fact.place,
        partner_id=fact.partner_id,
        unit_id=fact.unit_id,
        report_id=fact.report_id,
        role=fact.role,
    )
    return EventDraft(payload, f"partner/{fact.partner_id}")


FACTS: Final[FactTable] = {SelectionNotified: _notified_event}
