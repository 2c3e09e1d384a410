"""Budget lines and reservations between the domain and the contract."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mantle.planning.v1 import budget_pb2, events_pb2
from mantle.planning.v1 import budget_service_pb2 as pb

from chassis.events.domain import EventDraft
from chassis.paging import Slice
from chassis.period import DateRange, parse_date
from chassis.wire import from_money, from_time, to_money
from planning.budget.domain import (
    BudgetLine,
    Cause,
    LineChanged,
    LineOwner,
    LineState,
    Owner,
    Part,
    Which,
)
from planning.budget.reservation import (
    Reservation,
    ReservationState,
)

_LINE_STATES: Final = {
    state: budget_pb2.BudgetLine.State.Value(f"STATE_{state}") for state in LineState
}
_CAUSES: Final = {
    cause: events_pb2.BudgetLineAdjusted.Cause.Value(f"CAUSE_{cause}") for cause in Cause
}
_RESERVATION_STATES: Final = {
    state: budget_pb2.BudgetReservation.State.Value(f"STATE_{state}") for state in ReservationState
}


def period(request: pb.CreateBudgetLineRequest | pb.CreateBudgetCapRequest) -> DateRange:
    """Read the period of a line or a cap.

    Errors: PeriodInvalid.
    """
    return DateRange(parse_date(request.start_date), parse_date(request.end_date))


def part(request: pb.ReserveBudgetRequest) -> Part:
    """Read what is to be reserved."""
    return Part(request.budget_line_id, to_money(request.amount))


def owner(request: pb.ReserveBudgetRequest) -> Owner:
    """Read what it is for."""
    return Owner(request.owner_service, request.owner_kind, request.owner_id)


def which(request: pb.ListBudgetLinesRequest) -> Which:
    """Read which lines are wanted."""
    return Which(request.unit_id, request.plan_id, request.budget_cap_id)


def created(line: BudgetLine) -> pb.CreateBudgetLineResponse:
    """Answer with the draft."""
    return pb.CreateBudgetLineResponse(budget_line=line_to_proto(line))


def approved(line: BudgetLine) -> pb.ApproveBudgetLineResponse:
    """Answer with the line."""
    return pb.ApproveBudgetLineResponse(budget_line=line_to_proto(line))


def adjusted(line: BudgetLine) -> pb.AdjustBudgetLineResponse:
    """Answer with the line."""
    return pb.AdjustBudgetLineResponse(budget_line=line_to_proto(line))


def reserved(reservation: Reservation) -> pb.ReserveBudgetResponse:
    """Answer with the reservation."""
    return pb.ReserveBudgetResponse(reservation=_reservation(reservation))


def confirmed(reservation: Reservation) -> pb.ConfirmReservationResponse:
    """Answer with the reservation."""
    return pb.ConfirmReservationResponse(reservation=_reservation(reservation))


def released(reservation: Reservation) -> pb.ReleaseReservationResponse:
    """Answer with the reservation."""
    return pb.ReleaseReservationResponse(reservation=_reservation(reservation))


def consumed(reservation: Reservation) -> pb.ConsumeReservationResponse:
    """Answer with the reservation."""
    return pb.ConsumeReservationResponse(reservation=_reservation(reservation))


def got(line: BudgetLine) -> pb.GetBudgetLineResponse:
    """Answer with the line."""
    return pb.GetBudgetLineResponse(budget_line=line_to_proto(line))


def listed(found: Slice[BudgetLine]) -> pb.ListBudgetLinesResponse:
    """Answer with a page of lines."""
    return pb.ListBudgetLinesResponse(
        budget_lines=map(line_to_proto, found.items), next_page_token=found.next_page_token
    )


def line_to_proto(line: BudgetLine) -> budget_pb2.BudgetLine:
    """Write a line."""
    assert line.period.end is not None
    return budget_pb2.BudgetLine(
        budget_line_id=line.budget_line_id,
        unit_id=line.unit_id,
        name=line.name,
        expense_type=line.expense_type,
        start_date=line.period.start.isoformat(),
        end_date=line.period.end.isoformat(),
        state=_LINE_STATES[line.state],
        amount=from_money(line.amount),
        reserved=from_money(line.reserved),
        spent=from_money(line.spent),
        available=from_money(line.available),
        version=line.version,
        created_by=line.created_by,
        approved_by=line.approved_by,
        plan_id=line.plan.plan_id if line.plan else "",
        plan_version=line.plan.plan_version if line.plan else 0,
        owner=_owner(line.plan.owner) if line.plan else None,
        signed_by=line.signed_by,
        budget_cap_id=line.budget_cap_id,
    )


def _owner(owner: LineOwner) -> budget_pb2.BudgetLineOwner:
    return budget_pb2.BudgetLineOwner(role=owner.role, key=owner.key)


def _reservation(reservation: Reservation) -> budget_pb2.BudgetReservation:
    return budget_pb2.BudgetReservation(
        reservation_id=reservation.reservation_id,
        budget_line_id=reservation.budget_line_id,
        owner=budget_pb2.ReservationOwner(
            service=reservation.owner.service,
            kind=reservation.owner.kind,
            id=reservation.owner.id,
        ),
        amount=from_money(reservation.amount),
        consumed=from_money(reservation.consumed),
        state=_RESERVATION_STATES[reservation.state],
        expire_time=from_time(reservation.expire_time) if reservation.expire_time else None,
    )


def _changed(fact: LineChanged) -> EventDraft:
    payload = events_pb2.BudgetLineAdjusted(
        budget_line=line_to_proto(fact.line),
        cause=_CAUSES[fact.cause],
        plan_version=fact.line.plan.plan_version if fact.line.plan else 0,
    )
    return EventDraft(payload, f"budget_line/{fact.line.budget_line_id}")


FACTS: Final[Mapping[type, Callable[[Any], EventDraft]]] = MappingProxyType({LineChanged: _changed})
