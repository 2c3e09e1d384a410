"""Bills as messages."""

from typing import Final

from mantle.settlement.v1 import bill_pb2 as pb
from mantle.settlement.v1 import bill_service_pb2 as service_pb

from chassis.paging import Slice
from chassis.wire import from_money
from settlement.bill.domain import Bill, State, Wanted

_STATES: Final = {state: pb.Bill.State.Value(f"STATE_{state}") for state in State}
_STATES_READ: Final = {number: state for state, number in _STATES.items()}


def wanted(request: service_pb.ListBillsRequest) -> Wanted:
    """Read which bills are wanted."""
    return Wanted(request.partner_id, _STATES_READ.get(request.state))


def recorded(found: Bill) -> service_pb.RecordBillResponse:
    """Answer with a new bill."""
    return service_pb.RecordBillResponse(bill=bill_message(found))


def honoured(found: Bill) -> service_pb.HonourBillResponse:
    """Answer with an honoured bill."""
    return service_pb.HonourBillResponse(bill=bill_message(found))


def dishonoured(found: Bill) -> service_pb.DishonourBillResponse:
    """Answer with a dishonoured bill."""
    return service_pb.DishonourBillResponse(bill=bill_message(found))


def got(found: Bill) -> service_pb.GetBillResponse:
    """Answer with a bill."""
    return service_pb.GetBillResponse(bill=bill_message(found))


def listed(found: Slice[Bill]) -> service_pb.ListBillsResponse:
    """Answer with a page of bills."""
    return service_pb.ListBillsResponse(
        bills=map(bill_message, found.items), next_page_token=found.next_page_token
    )


def bill_message(found: Bill) -> pb.Bill:
    """Write a bill."""
    return pb.Bill(
        bill_id=found.bill_id,
        partner_id=found.partner_id,
        unit_id=found.unit_id,
        bill_number=found.bill_number,
        drawer=found.drawer,
        amount=from_money(found.amount),
        receive_date=found.receive_date.isoformat(),
        due_date=found.due_date.isoformat(),
        state=_STATES[found.state],
        settle_date=found.settle_date.isoformat() if found.settle_date else "",
        receipt_id=found.receipt_id or "",
        note=found.note,
    )
