"""Channels, as a case needs it: an order that was called for, and goods that come back."""

from collections.abc import Callable
from typing import Final, TypeVar

from mantle.channels.v1 import order_pb2
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import return_service_pb2 as returns

from chassis.errors import PeerUnavailable
from chassis.rpc.client import Peer
from chassis.rpc.status import PeerRefused
from crm.service_case.domain import (
    OrderTerms,
    ReturnTerms,
    ServiceCaseOrderForeign,
    ServiceCaseRefused,
)

R = TypeVar("R")

# Reasons of any RPC that say "come back later", not "no".
_BUSY: Final = frozenset({"OVERLOADED", "WRITE_CONFLICT", "DEADLINE_TOO_SHORT", "INTERNAL"})


class Sales:
    """Ask channels for what customers want."""

    def __init__(self, channels: Peer) -> None:
        """Know the peer."""
        self._channels = channels

    def place(self, terms: OrderTerms) -> str:
        """Place the order of a case and return its id; it may wait for credit.

        Errors: ServiceCaseRefused, PeerUnavailable, DeadlineExceeded.
        """
        partner_id, customer_id = terms.partner_id, terms.case.customer_id
        request = orders.PlaceOrderRequest(
            partner_id=partner_id,
            customer_id="" if customer_id == partner_id else customer_id,
            source=order_pb2.ORDER_SOURCE_CALL_CENTRE,
            lines=[
                orders.PlaceOrderLine(product_id=product_id, quantity=quantity)
                for product_id, quantity in terms.lines
            ],
        )
        asked = self._asked(
            terms.case.case_id, lambda: self._channels.ask(request, orders.PlaceOrderResponse)
        )
        return asked.order.order_id

    def request_return(self, terms: ReturnTerms) -> str:
        """Ask for goods to be taken back and return the return's id.

        Errors: ServiceCaseOrderForeign, ServiceCaseRefused, PeerUnavailable, DeadlineExceeded.
        """
        case = terms.case
        wanted = orders.GetOrderRequest(order_id=terms.order_id)
        order = self._asked(
            case.case_id, lambda: self._channels.ask(wanted, orders.GetOrderResponse)
        ).order
        if case.customer_id not in (order.partner_id, order.customer_id):
            raise ServiceCaseOrderForeign(case.case_id, terms.order_id)
        request = returns.RequestReturnRequest(
            order_id=terms.order_id,
            lines=[
                returns.ReturnLine(product_id=product_id, quantity=quantity)
                for product_id, quantity in terms.lines
            ],
            reason_code=terms.reason_code,
            note=case.subject,
        )
        asked = self._asked(
            case.case_id, lambda: self._channels.ask(request, returns.RequestReturnResponse)
        )
        return asked.goods_return.return_id

    def _asked(self, case_id: str, ask: Callable[[], R]) -> R:
        try:
            return ask()
        except PeerRefused as refused:
            if refused.reason in _BUSY:
                raise PeerUnavailable(self._channels.name) from refused
            raise ServiceCaseRefused(case_id, refused.reason) from refused
