"""Visits and findings between the domain and the contract."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from mantle.channels.v1 import inspection_pb2
from mantle.channels.v1 import inspection_service_pb2 as pb

from channels.inspection.domain import (
    Coverage,
    Finding,
    FindingFilter,
    FindingState,
    Kind,
    Planned,
    ProductCount,
    Report,
    Score,
    Seen,
    Visit,
    VisitFilter,
    VisitState,
)
from chassis.paging import Slice
from chassis.period import parse_date
from chassis.wire import from_decimal, from_time

R = TypeVar("R", bound=Message)

KINDS: Final = {kind: inspection_pb2.VisitPlan.Kind.Value(f"KIND_{kind.name}") for kind in Kind}
VISITS: Final = {
    state: inspection_pb2.Visit.State.Value(f"STATE_{state.name}") for state in VisitState
}
FINDINGS: Final = {
    state: inspection_pb2.Finding.State.Value(f"STATE_{state.name}") for state in FindingState
}
KINDS_READ: Final = {int(number): kind for kind, number in KINDS.items()}
VISITS_READ: Final = {int(number): state for state, number in VISITS.items()}
FINDINGS_READ: Final = {int(number): state for state, number in FINDINGS.items()}


def to_kind(request: pb.CreateVisitPlanRequest) -> Kind:
    """Read what visits are for."""
    return KINDS_READ[int(request.kind)]


def to_days(request: pb.CreateVisitPlanRequest) -> tuple[date, date]:
    """Read the first and the last day.

    Errors: PeriodInvalid.
    """
    return parse_date(request.start_date), parse_date(request.end_date)


def to_planned(request: pb.CreateVisitPlanRequest) -> list[Planned]:
    """Read the visits of a plan.

    Errors: PeriodInvalid.
    """
    return [
        Planned(one.partner_id, one.visitor, parse_date(one.visit_date)) for one in request.visits
    ]


def to_seen(request: pb.RecordVisitRequest) -> Seen:
    """Read what a visit found.

    Errors: PeriodInvalid.
    """
    return Seen(
        visit_date=parse_date(request.visit_date),
        stock_counts=_to_counts(request.stock_counts),
        display=request.display,
        orders=_to_counts(request.orders),
        competitor_note=request.competitor_note,
        scores=[Score(one.name, one.points) for one in request.scores],
    )


def to_due_date(request: pb.RaiseFindingRequest) -> date | None:
    """Read the last day for putting it right.

    Errors: PeriodInvalid.
    """
    return parse_date(request.due_date) if request.due_date else None


def visits_wanted(request: pb.ListVisitsRequest) -> VisitFilter:
    """Read which visits a list is to have."""
    state = VISITS_READ.get(int(request.state))
    return VisitFilter(request.plan_id, request.partner_id, state)


def findings_wanted(request: pb.ListFindingsRequest) -> FindingFilter:
    """Read which findings a list is to have."""
    return FindingFilter(request.partner_id, FINDINGS_READ.get(int(request.state)))


def from_plan(found: Coverage) -> inspection_pb2.VisitPlan:
    """Write a plan with how much of it is done."""
    one = found.plan
    return inspection_pb2.VisitPlan(
        plan_id=one.plan_id,
        unit_id=one.unit_id,
        kind=KINDS[one.kind],
        title=one.title,
        start_date=one.start_date.isoformat(),
        end_date=one.end_date.isoformat(),
        planned=found.planned,
        done=found.done,
        missed=found.missed,
        done_percent=from_decimal(found.done_percent),
        created_by=one.created_by,
        create_time=from_time(one.create_time),
    )


def from_visit(one: Visit) -> inspection_pb2.Visit:
    """Write a visit."""
    return inspection_pb2.Visit(
        visit_id=one.visit_id,
        plan_id=one.plan_id,
        unit_id=one.unit_id,
        partner_id=one.partner_id,
        visitor=one.visitor,
        visit_date=one.visit_date.isoformat(),
        state=VISITS[one.state],
        report=_from_report(one.report) if one.report else None,
        missed_reason=one.missed_reason,
        version=one.version,
    )


def from_finding(one: Finding) -> inspection_pb2.Finding:
    """Write a finding."""
    return inspection_pb2.Finding(
        finding_id=one.finding_id,
        visit_id=one.visit_id,
        unit_id=one.unit_id,
        partner_id=one.partner_id,
        description=one.description,
        batch=one.batch,
        state=FINDINGS[one.state],
        due_date=one.due_date.isoformat(),
        correction=one.correction,
        corrected_by=one.corrected_by,
        check_note=one.check_note,
        checked_by=one.checked_by,
        reopened_count=one.reopened_count,
        raised_by=one.raised_by,
        raise_time=from_time(one.raise_time),
        version=one.version,
    )


def planned(made: tuple[Coverage, Sequence[Visit]]) -> pb.CreateVisitPlanResponse:
    """Answer with a plan and its visits."""
    return pb.CreateVisitPlanResponse(plan=from_plan(made[0]), visits=map(from_visit, made[1]))


def got_plan(found: Coverage) -> pb.GetVisitPlanResponse:
    """Answer with a plan."""
    return pb.GetVisitPlanResponse(plan=from_plan(found))


def visit_in(response: Callable[..., R]) -> Callable[[Visit], R]:
    """Return what answers with a visit."""
    return lambda one: response(visit=from_visit(one))


def finding_in(response: Callable[..., R]) -> Callable[[Finding], R]:
    """Return what answers with a finding."""
    return lambda one: response(finding=from_finding(one))


def visits_listed(page: Slice[Any]) -> pb.ListVisitsResponse:
    """Answer with a page of visits."""
    return pb.ListVisitsResponse(
        visits=map(from_visit, page.items), next_page_token=page.next_page_token
    )


def findings_listed(page: Slice[Any]) -> pb.ListFindingsResponse:
    """Answer with a page of findings."""
    return pb.ListFindingsResponse(
        findings=map(from_finding, page.items), next_page_token=page.next_page_token
    )


def _to_counts(counts: Iterable[inspection_pb2.ProductCount]) -> list[ProductCount]:
    return [ProductCount(one.product_id, one.quantity) for one in counts]


def _from_counts(counts: Iterable[ProductCount]) -> list[inspection_pb2.ProductCount]:
    return [
        inspection_pb2.ProductCount(product_id=one.product_id, quantity=one.quantity)
        for one in counts
    ]


def _from_report(report: Report) -> inspection_pb2.VisitReport:
    scores = [
        inspection_pb2.ChecklistScore(name=one.name, points=one.points) for one in report.scores
    ]
    return inspection_pb2.VisitReport(
        stock_counts=_from_counts(report.stock_counts),
        display=report.display,
        orders=_from_counts(report.orders),
        competitor_note=report.competitor_note,
        scores=scores,
        points=report.points,
        points_max=report.points_max,
        recorded_by=report.recorded_by,
        record_time=from_time(report.record_time),
    )
