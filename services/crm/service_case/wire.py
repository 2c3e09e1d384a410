"""Cases between the domain and the contract."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from mantle.crm.v1 import service_case_pb2
from mantle.crm.v1 import service_case_service_pb2 as pb

from chassis.money import ratio
from chassis.paging import Slice
from chassis.wire import from_time, from_time_or_none, to_date
from crm.service_case.domain import Days, Filter, Kind, Opening, Report, ServiceCase, State

R = TypeVar("R", bound=Message)

KINDS: Final = {kind: service_case_pb2.ServiceCase.Kind.Value(f"KIND_{kind.name}") for kind in Kind}
KINDS_READ: Final = {int(number): kind for kind, number in KINDS.items()}
STATES: Final = {
    state: service_case_pb2.ServiceCase.State.Value(f"STATE_{state.name}") for state in State
}
STATES_READ: Final = {int(number): state for state, number in STATES.items()}


def opening(request: pb.OpenCaseRequest) -> Opening:
    """Read what a new case is."""
    return Opening(
        customer_id=request.customer_id,
        kind=KINDS_READ[int(request.kind)],
        subject=request.subject,
        touchpoint_id=request.touchpoint_id,
        order_id=request.order_id,
    )


def to_lines(lines: Sequence[pb.CaseLine]) -> list[tuple[str, int]]:
    """Read pieces by product."""
    return [(one.product_id, one.quantity) for one in lines]


def wanted(request: pb.ListCasesRequest, *, now: datetime) -> Filter:
    """Read which cases a list is to have."""
    return Filter(
        request.customer_id,
        KINDS_READ.get(int(request.kind)),
        STATES_READ.get(int(request.state)),
        now if request.overdue_only else None,
    )


def to_days(request: pb.GetCaseReportRequest) -> Days:
    """Read of which days and kind a report is.

    Errors: InvalidArgument.
    """
    return Days(
        to_date(request.start_date, "start_date"),
        to_date(request.end_date, "end_date"),
        KINDS_READ.get(int(request.kind)),
    )


def from_case(one: ServiceCase) -> service_case_pb2.ServiceCase:
    """Write a case."""
    return service_case_pb2.ServiceCase(
        case_id=one.case_id,
        customer_id=one.customer_id,
        unit_id=one.unit_id,
        kind=KINDS[one.kind],
        state=STATES[one.state],
        subject=one.subject,
        touchpoint_id=one.touchpoint_id,
        category=one.category,
        department=one.department,
        order_ids=one.order_ids,
        return_ids=one.return_ids,
        cause=one.cause,
        solution=one.solution,
        satisfied=one.satisfied,
        callback_note=one.callback_note,
        reopened_count=one.reopened_count,
        opened_by=one.opened_by,
        open_time=from_time(one.open_time),
        due_time=from_time(one.due_time),
        close_time=from_time_or_none(one.close_time),
        in_time=one.is_in_time,
        version=one.version,
    )


def case_in(response: Callable[..., R]) -> Callable[[ServiceCase], R]:
    """Return what answers with a case."""
    return lambda one: response(case=from_case(one))


def listed(page: Slice[Any]) -> pb.ListCasesResponse:
    """Answer with a page of cases."""
    return pb.ListCasesResponse(
        cases=map(from_case, page.items), next_page_token=page.next_page_token
    )


def reported(found: Report) -> pb.GetCaseReportResponse:
    """Answer with the counts and their shares."""
    report = service_case_pb2.ServiceCaseReport(
        opened=found.opened,
        closed=found.closed,
        closed_in_time=found.closed_in_time,
        called_back=found.called_back,
        satisfied=found.satisfied,
        in_time_percent=_percent(found.closed_in_time, found.closed),
        callback_percent=_percent(found.called_back, found.closed),
        satisfied_percent=_percent(found.satisfied, found.called_back),
    )
    return pb.GetCaseReportResponse(report=report)


def _percent(part: int, whole: int) -> str:
    """Write a share in percent with two digits; nothing of nothing."""
    return str(ratio(100 * part, whole, decimals=2)) if whole else ""
