"""Planning, in the words of an expense: is there budget for it, and what becomes of it."""

import logging
from datetime import datetime

from google.protobuf.message import Message
from mantle.planning.v1 import budget_service_pb2 as pb

from chassis.ids import derived_id
from chassis.money import CurrencyMismatch, Money
from chassis.rpc.client import Peer
from chassis.rpc.status import PeerRefused
from chassis.wire import from_money, from_time
from settlement.expense.domain import BudgetLine, Expense
from settlement.expense.errors import BudgetInsufficient, BudgetLineClosed, BudgetLineNotFound
from settlement.expense.states import BudgetState

OWNER_SERVICE = "settlement"
OWNER_KIND = "expense"
NOT_OPEN = frozenset({"NOT_EFFECTIVE", "BUDGET_LINE_UNSIGNED", "BUDGET_LINE_STATE_FORBIDS"})

log = logging.getLogger("mantle.settlement")


class BudgetDesk:
    """Ask planning to set budget aside, and tell it what became of the expense."""

    def __init__(self, planning: Peer) -> None:
        """Know the peer."""
        self._planning = planning

    def line(self, budget_line_id: str) -> BudgetLine:
        """Return whose money a line is, and for what.

        Errors: BudgetLineNotFound, PeerUnavailable, DeadlineExceeded.
        """
        request = pb.GetBudgetLineRequest(budget_line_id=budget_line_id)
        try:
            found = self._planning.ask(request, pb.GetBudgetLineResponse).budget_line
        except PeerRefused as refused:
            if refused.reason == BudgetLineNotFound.reason:
                raise BudgetLineNotFound(budget_line_id) from refused
            raise
        return BudgetLine(
            budget_line_id, found.unit_id, found.expense_type, found.amount.currency_code
        )

    def reserve(
        self, line: BudgetLine, amount: Money, *, expense_id: str, request_id: str, until: datetime
    ) -> str:
        """Set a part of a line aside for an expense that does not exist yet, and return the
        reservation's id; the same request has the same reservation.

        Errors: BudgetLineNotFound, BudgetLineClosed, BudgetInsufficient, CurrencyMismatch,
            PeerUnavailable, DeadlineExceeded.
        """
        request = pb.ReserveBudgetRequest(
            request_id=request_id,
            budget_line_id=line.budget_line_id,
            amount=from_money(amount),
            owner_service=OWNER_SERVICE,
            owner_kind=OWNER_KIND,
            owner_id=expense_id,
            expire_time=from_time(until),
        )
        try:
            reply = self._planning.ask(request, pb.ReserveBudgetResponse)
        except PeerRefused as refused:
            raise _translated(refused, line, amount) from refused
        return str(reply.reservation.reservation_id)

    def keep(self, one: Expense) -> BudgetState:
        """Tell planning the next thing that becomes of a reservation, and return what it is now.

        Shape: what is asked twice is done once, whoever asks.
        Errors: PeerUnavailable, DeadlineExceeded.
        """
        to, request, response = _next(one)
        try:
            self._planning.ask(request, response)
        except PeerRefused as refused:
            return _refused(refused, one, to)
        return to


def _next(
    one: Expense,
) -> tuple[
    BudgetState,
    pb.ConfirmReservationRequest | pb.ConsumeReservationRequest | pb.ReleaseReservationRequest,
    type[Message],
]:
    """Choose what is to be asked: give back, confirm, spend, and no step is left out."""
    if one.budget_wanted is BudgetState.RELEASED:
        release = pb.ReleaseReservationRequest(
            request_id=derived_id(one.expense_id, "release", 1), reservation_id=one.reservation_id
        )
        return BudgetState.RELEASED, release, pb.ReleaseReservationResponse
    if one.budget_state is BudgetState.PENDING:
        confirm = pb.ConfirmReservationRequest(
            request_id=derived_id(one.expense_id, "confirm", 1), reservation_id=one.reservation_id
        )
        return BudgetState.HELD, confirm, pb.ConfirmReservationResponse
    consume = pb.ConsumeReservationRequest(
        request_id=derived_id(one.expense_id, "consume", 1),
        reservation_id=one.reservation_id,
        amount=from_money(one.spent),
    )
    return BudgetState.CONSUMED, consume, pb.ConsumeReservationResponse


def _refused(refused: PeerRefused, one: Expense, to: BudgetState) -> BudgetState:
    """Read a refusal: nobody else moves the reservation, so one that is at its end was moved by a
    call whose answer was lost; what was never kept in time is lost."""
    if to is not BudgetState.HELD and refused.reason == "RESERVATION_STATE_FORBIDS":
        return to
    log.error("budget lost", extra={"reason": refused.reason, "expense_id": one.expense_id})
    return BudgetState.LOST


def _translated(refused: PeerRefused, line: BudgetLine, amount: Money) -> Exception:
    """Say in the expense's own words why planning sets nothing aside."""
    match refused.reason:
        case BudgetLineNotFound.reason:
            return BudgetLineNotFound(line.budget_line_id)
        case BudgetInsufficient.reason:
            available = refused.metadata.get("availableMinor", "")
            return BudgetInsufficient(line.budget_line_id, amount, available)
        case CurrencyMismatch.reason:
            return CurrencyMismatch(line.currency_code, amount.currency_code)
        case reason if reason in NOT_OPEN:
            return BudgetLineClosed(line.budget_line_id, reason)
        case _:
            return refused
