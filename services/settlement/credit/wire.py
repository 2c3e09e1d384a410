"""Credit as messages, and which fact becomes which event."""

from collections.abc import Sequence
from typing import Final

from mantle.settlement.v1 import credit_pb2 as pb
from mantle.settlement.v1 import credit_service_pb2 as service_pb
from mantle.settlement.v1 import events_pb2

from chassis.errors import MantleError
from chassis.events.domain import EventDraft, FactTable
from chassis.wire import from_money, from_time
from settlement.credit.domain import (
    AccountBlocked,
    AccountReleased,
    BlockCause,
    CreditConfirmRefused,
    Position,
    Reservation,
    State,
)

_STATES: Final = {state: pb.CreditReservation.State.Value(f"STATE_{state}") for state in State}
_CAUSES: Final = {
    cause: events_pb2.AccountBlocked.Cause.Value(f"CAUSE_{cause}") for cause in BlockCause
}


def reserved(reservation: Reservation) -> service_pb.ReserveCreditResponse:
    """Answer with a reservation."""
    return service_pb.ReserveCreditResponse(reservation=reservation_message(reservation))


def reserved_each(
    answers: Sequence[Reservation | MantleError],
) -> service_pb.ReserveCreditsResponse:
    """Answer with a reservation or a refusal for each wish."""
    return service_pb.ReserveCreditsResponse(answers=map(_answer, answers))


def _answer(one: Reservation | MantleError) -> service_pb.CreditAnswer:
    if isinstance(one, Reservation):
        return service_pb.CreditAnswer(reservation=reservation_message(one))
    refusal = service_pb.CreditRefusal(reason=one.reason, message=str(one), metadata=one.metadata)
    return service_pb.CreditAnswer(refusal=refusal)


def released(was_there: bool) -> service_pb.ReleaseCreditResponse:
    """Answer whether something was given back."""
    return service_pb.ReleaseCreditResponse(released=was_there)


def blocked(position: Position) -> service_pb.BlockCreditResponse:
    """Answer with the blocked account."""
    return service_pb.BlockCreditResponse(account=account_message(position))


def unblocked(position: Position) -> service_pb.UnblockCreditResponse:
    """Answer with the account that is free again."""
    return service_pb.UnblockCreditResponse(account=account_message(position))


def got(position: Position) -> service_pb.GetCreditAccountResponse:
    """Answer with an account."""
    return service_pb.GetCreditAccountResponse(account=account_message(position))


def account_message(position: Position) -> pb.CreditAccount:
    """Write an account with what uses it up."""
    account = position.account
    return pb.CreditAccount(
        partner_id=account.partner_id,
        limit=from_money(account.limit),
        receivable=from_money(position.receivable),
        reserved=from_money(position.reserved),
        available=from_money(position.available),
        credit_days=account.credit_days or 0,
        blocked=account.is_closed,
        advance=from_money(position.advance),
        unit_id=account.unit_id,
        block_reason=account.block_reason,
        overdue_since=account.overdue_since.isoformat() if account.overdue_since else "",
    )


def reservation_message(reservation: Reservation) -> pb.CreditReservation:
    """Write a reservation."""
    return pb.CreditReservation(
        reservation_id=reservation.reservation_id,
        partner_id=reservation.partner_id,
        amount=from_money(reservation.amount),
        owner_kind=reservation.owner.kind,
        owner_id=reservation.owner.owner_id,
        state=_STATES[reservation.state],
        expire_time=from_time(reservation.expire_time),
    )


def confirm_refused(fact: CreditConfirmRefused) -> EventDraft:
    """Write the fact that an owner's credit was gone, under the key of the owner's other facts."""
    message = events_pb2.CreditConfirmRefused(
        owner_kind=fact.owner.kind,
        owner_id=fact.owner.owner_id,
        partner_id=fact.partner_id,
        reason=fact.reason,
    )
    return EventDraft(message, f"{fact.owner.kind}/{fact.owner.owner_id}")


def account_blocked(fact: AccountBlocked) -> EventDraft:
    """Write the fact that nothing more may be reserved."""
    amount, oldest = fact.overdue_amount, fact.oldest_due_date
    message = events_pb2.AccountBlocked(
        partner_id=fact.partner_id,
        cause=_CAUSES[fact.cause],
        note=fact.note,
        oldest_due_date=oldest.isoformat() if oldest else "",
        overdue_amount=None if amount is None else from_money(amount),
        block_date=fact.block_date.isoformat(),
    )
    return EventDraft(message, f"partner/{fact.partner_id}")


def account_released(fact: AccountReleased) -> EventDraft:
    """Write the fact that nothing blocks any more."""
    message = events_pb2.AccountReleased(
        partner_id=fact.partner_id, release_date=fact.release_date.isoformat()
    )
    return EventDraft(message, f"partner/{fact.partner_id}")


FACTS: Final[FactTable] = {
    CreditConfirmRefused: confirm_refused,
    AccountBlocked: account_blocked,
    AccountReleased: account_released,
}
