"""Filings between the domain and the contract."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from mantle.channels.v1 import group_filing_pb2
from mantle.channels.v1 import group_filing_service_pb2 as pb

from channels.group_filing.domain import Filing, Filter, Measuring, SizeCount, State
from chassis.paging import Slice
from chassis.wire import from_decimal, from_time

R = TypeVar("R", bound=Message)

STATES: Final = {
    state: group_filing_pb2.GroupFiling.State.Value(f"STATE_{state.name}") for state in State
}
STATES_READ: Final = {int(number): state for state, number in STATES.items()}


def to_sizes(request: pb.RecordMeasuringRequest) -> list[SizeCount]:
    """Read who was measured."""
    return [SizeCount(one.size, one.people) for one in request.sizes]


def wanted(request: pb.ListFilingsRequest) -> Filter:
    """Read which filings a list is to have."""
    return Filter(request.client_id, STATES_READ.get(int(request.state)))


def from_filing(one: Filing) -> group_filing_pb2.GroupFiling:
    """Write a filing."""
    return group_filing_pb2.GroupFiling(
        filing_id=one.filing_id,
        unit_id=one.unit_id,
        client_id=one.client_id,
        project=one.project,
        state=STATES[one.state],
        first_filing_id=one.first_filing_id,
        first_unit_id=one.first_unit_id,
        filed_by=one.filed_by,
        file_date=one.file_date.isoformat(),
        protect_until_date=one.protect_until.isoformat(),
        measuring=_from_measuring(one.measuring) if one.measuring else None,
        contract_id=one.contract_id,
        create_time=from_time(one.create_time),
        version=one.version,
    )


def filing_in(response: Callable[..., R]) -> Callable[[Filing], R]:
    """Return what answers with a filing."""
    return lambda one: response(filing=from_filing(one))


def listed(page: Slice[Any]) -> pb.ListFilingsResponse:
    """Answer with a page of filings."""
    return pb.ListFilingsResponse(
        filings=map(from_filing, page.items), next_page_token=page.next_page_token
    )


def _from_measuring(found: Measuring) -> group_filing_pb2.Measuring:
    kinds = group_filing_pb2.Measuring
    sizes = sorted(found.sizes, key=lambda one: one.size)
    return kinds(
        state=kinds.STATE_DONE if found.done else kinds.STATE_PLANNED,
        planned=found.planned,
        measured=found.measured,
        measured_percent=from_decimal(found.measured_percent),
        sizes=[group_filing_pb2.SizeCount(size=one.size, people=one.people) for one in sizes],
        waiver_reason=found.waiver.reason if found.waiver else "",
        waiver_reference=found.waiver.reference if found.waiver else "",
        waived_by=found.waiver.waived_by if found.waiver else "",
    )
