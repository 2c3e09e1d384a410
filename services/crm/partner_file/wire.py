"""Customer files as messages."""

from typing import Any, Final

from mantle.crm.v1 import partner_file_pb2
from mantle.crm.v1 import partner_file_service_pb2 as pb

from chassis.paging import Slice
from chassis.wire import from_time
from crm.partner_file.domain import CustomerFile, FiledAgreement, FiledReview, State

STATES: Final = {
    state: partner_file_pb2.CustomerFile.State.Value(f"STATE_{state.name}") for state in State
}


def from_file(one: CustomerFile) -> partner_file_pb2.CustomerFile:
    """Write a file."""
    return partner_file_pb2.CustomerFile(
        customer_id=one.customer_id,
        unit_id=one.unit_id,
        name=one.name,
        kind=one.kind,
        state=STATES[one.state],
        agreements=map(_from_agreement, one.agreements),
        report_ids=one.report_ids,
        create_time=from_time(one.create_time),
        reviews=map(_from_review, one.reviews),
    )


def got(one: CustomerFile) -> pb.GetCustomerFileResponse:
    """Answer with a file."""
    return pb.GetCustomerFileResponse(file=from_file(one))


def listed(page: Slice[Any]) -> pb.ListCustomerFilesResponse:
    """Answer with a page of files."""
    return pb.ListCustomerFilesResponse(
        files=map(from_file, page.items), next_page_token=page.next_page_token
    )


def _from_agreement(one: FiledAgreement) -> partner_file_pb2.FiledAgreement:
    return partner_file_pb2.FiledAgreement(
        agreement_id=one.agreement_id,
        year=one.year,
        report_id=one.report_id,
        selection_id=one.selection_id,
        end_date=one.end_date.isoformat() if one.end_date else "",
        end_reason=one.end_reason,
    )


def _from_review(one: FiledReview) -> partner_file_pb2.FiledReview:
    return partner_file_pb2.FiledReview(
        review_id=one.review_id,
        year=one.year,
        target_percent=one.target_percent,
        late_percent=one.late_percent,
        proposal=one.proposal,
    )
