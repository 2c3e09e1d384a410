"""Channels, as outreach needs it: an order for an accepted offer, and its way back."""

import logging
from typing import Final

from mantle.channels.v1 import order_service_pb2 as pb

from chassis.errors import PeerUnavailable
from chassis.rpc.client import Peer
from chassis.rpc.status import PeerRefused
from crm.outreach.domain import OrderRefused, OrderTerms
from crm.outreach.wire import order_request

_ORDERED: Final = "OFFER_ALREADY_ORDERED"

log = logging.getLogger("mantle.crm.outreach")


class Orders:
    """Ask channels for orders."""

    def __init__(self, channels: Peer) -> None:
        """Know the peer."""
        self._channels = channels

    def place(self, terms: OrderTerms) -> str:
        """Place the order for an accepted offer and return its id.

        Shape: the order may wait for credit; it is an order all the same. Empty when the offer has
            an order already: it may be a twin of this call that placed it, so nothing is refused
            here.
        Errors: OrderRefused, PeerUnavailable, DeadlineExceeded.
        """
        try:
            reply = self._channels.ask(order_request(terms), pb.PlaceOrderResponse)
        except PeerRefused as refused:
            if refused.reason == _ORDERED:
                return ""
            if refused.reason in _BUSY:
                raise PeerUnavailable(self._channels.name) from refused
            raise OrderRefused(terms.offer.offer_id, refused.reason) from refused
        return reply.order.order_id

    def cancel(self, order_id: str) -> None:
        """Take an order back that was placed in vain; what cannot be taken back is logged."""
        request = pb.CancelOrderRequest(order_id=order_id, reason="the offer was sold elsewhere")
        try:
            self._channels.ask(request, pb.CancelOrderResponse)
        except PeerRefused as refused:
            log.warning(
                "order placed in vain stays",
                extra={"order_id": order_id, "reason": refused.reason},
            )


# Reasons of any RPC that say "come back later", not "no".
_BUSY: Final = frozenset({"OVERLOADED", "WRITE_CONFLICT", "DEADLINE_TOO_SHORT", "INTERNAL"})
