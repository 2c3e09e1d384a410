"""Diversion cases between the domain and the contract."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from google.protobuf.message import Message
from mantle.channels.v1 import diversion_pb2, events_pb2
from mantle.channels.v1 import diversion_service_pb2 as pb

from channels.diversion.domain import (
    DiversionCase,
    DiversionConfirmed,
    Filter,
    Scan,
    State,
    Traced,
)
from chassis.events.domain import EventDraft, FactTable
from chassis.paging import Slice
from chassis.wire import from_money, from_time, from_unit_price

R = TypeVar("R", bound=Message)

STATES: Final = {
    state: diversion_pb2.DiversionCase.State.Value(f"STATE_{state.name}") for state in State
}
STATES_READ: Final = {int(number): state for state, number in STATES.items()}


def to_scan(request: pb.ScanBatchRequest) -> Scan:
    """Read what somebody found where."""
    return Scan(
        batch=request.batch,
        product_id=request.product_id,
        quantity=request.quantity,
        found_unit_id=request.found_unit_id,
        evidence=request.evidence,
        found_partner_id=request.found_partner_id,
        source_partner_id=request.source_partner_id,
        finding_id=request.finding_id,
    )


def wanted(request: pb.ListDiversionCasesRequest) -> Filter:
    """Read which cases a list is to have."""
    return Filter(request.source_partner_id, STATES_READ.get(int(request.state)))


def from_case(one: DiversionCase) -> diversion_pb2.DiversionCase:
    """Write a case."""
    return diversion_pb2.DiversionCase(
        case_id=one.case_id,
        batch=one.scan.batch,
        product_id=one.scan.product_id,
        quantity=one.scan.quantity,
        source_partner_id=one.source.partner_id,
        source_unit_id=one.source.unit_id,
        found_unit_id=one.scan.found_unit_id,
        found_partner_id=one.scan.found_partner_id,
        order_id=one.source.order_id,
        unit_price=from_unit_price(one.source.unit_price),
        amount=from_money(one.amount),
        evidence=one.scan.evidence,
        finding_id=one.scan.finding_id,
        state=STATES[one.state],
        opened_by=one.opened_by,
        open_time=from_time(one.open_time),
        decided_by=one.decided_by,
        decision=one.decision,
        decide_time=from_time(one.decide_time) if one.decide_time else None,
        fine=from_money(one.fine) if one.fine else None,
        version=one.version,
    )


def traced(found: Traced) -> pb.ScanBatchResponse:
    """Answer with whom a batch was sent to, and the case."""
    return pb.ScanBatchResponse(
        source_partner_id=found.source.partner_id,
        source_unit_id=found.source.unit_id,
        order_id=found.source.order_id,
        diversion_case=from_case(found.case) if found.case else None,
    )


def case_in(response: Callable[..., R]) -> Callable[[DiversionCase], R]:
    """Return what answers with a case."""
    return lambda one: response(diversion_case=from_case(one))


def listed(page: Slice[Any]) -> pb.ListDiversionCasesResponse:
    """Answer with a page of cases."""
    return pb.ListDiversionCasesResponse(
        diversion_cases=map(from_case, page.items), next_page_token=page.next_page_token
    )


def _confirmed_event(fact: DiversionConfirmed) -> EventDraft:
    one = fact.case
    payload = events_pb2.DiversionConfirmed(
        case_id=one.case_id,
        partner_id=one.source.partner_id,
        unit_id=one.source.unit_id,
        found_unit_id=one.scan.found_unit_id,
        found_partner_id=one.scan.found_partner_id,
        order_id=one.source.order_id,
        product_id=one.scan.product_id,
        batch=one.scan.batch,
        quantity=one.scan.quantity,
        amount=from_money(one.amount),
        confirm_date=fact.on.isoformat(),
    )
    return EventDraft(payload, f"partner/{one.source.partner_id}")


FACTS: Final[FactTable] = {DiversionConfirmed: _confirmed_event}
