"""Settlement, in the words of an order: is there credit for it?"""

import logging
from collections.abc import Sequence

from mantle.settlement.v1 import credit_service_pb2 as pb

from channels.order.domain import Credit, Order
from chassis.errors import InvalidArgument, MantleError
from chassis.ids import new_id
from chassis.money import AmountInvalid, CurrencyMismatch
from chassis.policy.domain import PolicyNotFound
from chassis.rpc.client import Peer
from chassis.rpc.status import PeerRefused
from chassis.wire import from_money

OWNER_KIND = "order"
REFUSALS = frozenset({"CREDIT_LIMIT_EXCEEDED", "CREDIT_ACCOUNT_NOT_FOUND", "CREDIT_BLOCKED"})

log = logging.getLogger("mantle.channels")


class CreditDesk:
    """Ask settlement to set credit aside, and give it back."""

    def __init__(self, settlement: Peer) -> None:
        """Know the peer."""
        self._settlement = settlement

    def reserve(self, order: Order) -> Credit:
        """Set the order's total aside; a refusal is an answer, not an error.

        Errors: CurrencyMismatch, PolicyNotFound, AmountInvalid, PeerUnavailable, DeadlineExceeded.
        """
        # A new id each time: an order has one reservation, so a repeat replaces it, while a stored
        # reply could speak of a reservation that was given back meanwhile.
        request = pb.ReserveCreditRequest(
            request_id=new_id(),
            partner_id=order.partner_id,
            amount=from_money(order.total),
            owner_kind=OWNER_KIND,
            owner_id=order.order_id,
            order_date=order.order_date.isoformat(),
        )
        try:
            self._settlement.ask(request, pb.ReserveCreditResponse)
        except PeerRefused as refused:
            if refused.reason not in REFUSALS:
                raise _translated(refused, order) from refused
            return Credit(granted=False, reason=refused.reason)
        return Credit(granted=True)

    def reserve_all(self, orders: Sequence[Order]) -> list[Credit | Exception]:
        """Set the totals of many orders aside in one call; for each its answer, or why settlement
        could not even look.

        Errors: PeerUnavailable, DeadlineExceeded, Overloaded, for all of them.
        """
        request = pb.ReserveCreditsRequest(request_id=new_id(), wishes=map(_wish, orders))
        try:
            reply = self._settlement.ask(request, pb.ReserveCreditsResponse)
        except PeerRefused:
            # One of them is at fault for all, and each can tell by itself.
            return [self._alone(order) for order in orders]
        return [_credit(answer, order) for answer, order in zip(reply.answers, orders, strict=True)]

    def _alone(self, order: Order) -> Credit | Exception:
        try:
            return self.reserve(order)
        except Exception as error:  # it goes to the one whose order this is
            return error

    def release(self, order: Order) -> None:
        """Give the order's pending credit back; if nobody answers it expires by itself."""
        request = pb.ReleaseCreditRequest(
            request_id=new_id(), owner_kind=OWNER_KIND, owner_id=order.order_id
        )
        try:
            self._settlement.ask(request, pb.ReleaseCreditResponse)
        except (MantleError, PeerRefused) as error:
            # The error that made the order fail is the one that the caller has to see.
            reason = getattr(error, "reason", "")
            log.warning("credit not released", extra={"reason": reason})


def _wish(order: Order) -> pb.CreditWish:
    return pb.CreditWish(
        partner_id=order.partner_id,
        amount=from_money(order.total),
        owner_kind=OWNER_KIND,
        owner_id=order.order_id,
        order_date=order.order_date.isoformat(),
    )


def _credit(answer: pb.CreditAnswer, order: Order) -> Credit | Exception:
    if not answer.HasField("refusal"):
        return Credit(granted=True)
    refusal = answer.refusal
    if refusal.reason in REFUSALS:
        return Credit(granted=False, reason=refusal.reason)
    refused = PeerRefused(
        "settlement", refusal.reason, message=refusal.message, metadata=dict(refusal.metadata)
    )
    return _translated(refused, order)


def _translated(refused: PeerRefused, order: Order) -> Exception:
    """Say in the order's own words why settlement could not even look for credit."""
    match refused.reason:
        case CurrencyMismatch.reason:
            expected = refused.metadata.get("expectedCurrency", "")
            return CurrencyMismatch(expected, order.total.currency_code)
        case PolicyNotFound.reason:
            return PolicyNotFound(str(refused), **refused.metadata)
        case InvalidArgument.reason:
            # Of what is sent to settlement only the amount has a range of its own there.
            return AmountInvalid("is more than credit is given for", order.total.amount_minor)
        case _:
            return refused
