"""Caps, transfers and sums of plans between the domain and the contract."""

from typing import Final

from mantle.planning.v1 import budget_pb2
from mantle.planning.v1 import budget_service_pb2 as pb

from chassis.money import Money
from chassis.wire import from_money
from planning.budget.domain import BudgetLine
from planning.budget.sums import PlanBudget, Sum
from planning.budget.transfer import Cap, Transfer, TransferState
from planning.budget.wire import line_to_proto

_STATES: Final = {
    state: budget_pb2.BudgetTransfer.State.Value(f"STATE_{state}") for state in TransferState
}


def lines(
    request: pb.RequestBudgetTransferRequest | pb.CarryForwardBudgetLineRequest,
) -> tuple[str, str]:
    """Read who gives and who gets."""
    return request.from_budget_line_id, request.to_budget_line_id


def cap_created(cap: Cap) -> pb.CreateBudgetCapResponse:
    """Answer with the cap."""
    return pb.CreateBudgetCapResponse(budget_cap=_cap(cap))


def got_cap(cap: Cap) -> pb.GetBudgetCapResponse:
    """Answer with the cap."""
    return pb.GetBudgetCapResponse(budget_cap=_cap(cap))


def requested(transfer: Transfer) -> pb.RequestBudgetTransferResponse:
    """Answer with the transfer."""
    return pb.RequestBudgetTransferResponse(transfer=_transfer(transfer))


def transferred(
    done: tuple[Transfer, BudgetLine, BudgetLine],
) -> pb.ApproveBudgetTransferResponse:
    """Answer with the transfer and both lines."""
    transfer, giver, taker = done
    return pb.ApproveBudgetTransferResponse(
        transfer=_transfer(transfer),
        from_line=line_to_proto(giver),
        to_line=line_to_proto(taker),
    )


def refused(transfer: Transfer) -> pb.RefuseBudgetTransferResponse:
    """Answer with the transfer."""
    return pb.RefuseBudgetTransferResponse(transfer=_transfer(transfer))


def got_transfer(transfer: Transfer) -> pb.GetBudgetTransferResponse:
    """Answer with the transfer."""
    return pb.GetBudgetTransferResponse(transfer=_transfer(transfer))


def carried_forward(
    done: tuple[BudgetLine, BudgetLine, Money],
) -> pb.CarryForwardBudgetLineResponse:
    """Answer with both lines, and with what went over."""
    giver, taker, carried = done
    return pb.CarryForwardBudgetLineResponse(
        from_line=line_to_proto(giver),
        to_line=line_to_proto(taker),
        carried=from_money(carried),
    )


def got_plan(found: PlanBudget) -> pb.GetPlanBudgetResponse:
    """Answer with the sums."""
    return pb.GetPlanBudgetResponse(
        plan_id=found.plan_id,
        plan_version=found.plan_version,
        units=map(_sum, found.units),
        total=_sum(found.total),
    )


def _sum(one: Sum) -> budget_pb2.PlanBudgetSum:
    return budget_pb2.PlanBudgetSum(
        unit_id=one.unit_id,
        amount=from_money(one.amount),
        in_force=from_money(one.in_force),
        claimed=from_money(one.claimed),
        reserved=from_money(one.reserved),
        spent=from_money(one.spent),
        available=from_money(one.available),
    )


def _cap(cap: Cap) -> budget_pb2.BudgetCap:
    assert cap.period.end is not None
    return budget_pb2.BudgetCap(
        budget_cap_id=cap.budget_cap_id,
        unit_id=cap.unit_id,
        name=cap.name,
        start_date=cap.period.start.isoformat(),
        end_date=cap.period.end.isoformat(),
        amount=from_money(cap.amount),
        allocated=from_money(cap.allocated),
        free=from_money(cap.free),
    )


def _transfer(transfer: Transfer) -> budget_pb2.BudgetTransfer:
    return budget_pb2.BudgetTransfer(
        transfer_id=transfer.transfer_id,
        from_budget_line_id=transfer.from_line_id,
        to_budget_line_id=transfer.to_line_id,
        unit_id=transfer.unit_id,
        amount=from_money(transfer.amount),
        reason=transfer.reason,
        state=_STATES[transfer.state],
        process_id=transfer.process_id,
        requested_by=transfer.requested_by,
        decided_by=transfer.decided_by,
        note=transfer.note,
    )
