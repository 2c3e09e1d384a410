"""A stand-in for channels' orders, which speaks gRPC: it remembers who asked for what."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from mantle.channels.v1 import order_pb2
from mantle.channels.v1 import order_service_pb2 as pb

from chassis.errors import AlreadyExists, FailedPrecondition, MantleError
from chassis.ids import new_id
from chassis.rpc.status import DETAILS_KEY, refusal

SERVICE = "mantle.channels.v1.OrderService"


class OfferAlreadyOrdered(AlreadyExists):
    """The offer has an order."""

    reason = "OFFER_ALREADY_ORDERED"


class AgreementMissing(FailedPrecondition):
    """The partner may not order."""

    reason = "AGREEMENT_MISSING"


@dataclass(slots=True)
class StandInOrders:
    """Place and cancel orders, one for each offer at most.

    Shape: `orders` is order → the request that placed it, `by_request` request id → order. A
        `silent` stand-in answers nobody; it refuses the partners in `refused`. `arrived` is called
        with each request, before it is looked at.
    """

    orders: dict[str, pb.PlaceOrderRequest] = field(default_factory=dict)
    by_request: dict[str, str] = field(default_factory=dict)
    cancelled: set[str] = field(default_factory=set)
    refused: set[str] = field(default_factory=set)
    silent: bool = False
    arrived: Callable[[pb.PlaceOrderRequest], object] = lambda _request: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def standing(self) -> list[str]:
        """Return the orders that were not cancelled."""
        return [order_id for order_id in self.orders if order_id not in self.cancelled]

    def place(self, data: bytes) -> Message:
        """Place an order; the same request again gets the same one."""
        request = pb.PlaceOrderRequest.FromString(data)
        self.arrived(request)
        with self.lock:
            order_id = self.by_request.get(request.request_id) or self._new(request)
        order = order_pb2.Order(
            order_id=order_id,
            partner_id=request.partner_id,
            customer_id=request.customer_id,
            offer_id=request.offer_id,
            state=order_pb2.Order.STATE_APPROVED,
        )
        return pb.PlaceOrderResponse(order=order)

    def cancel(self, data: bytes) -> Message:
        """Cancel an order."""
        request = pb.CancelOrderRequest.FromString(data)
        with self.lock:
            self.cancelled.add(request.order_id)
        return pb.CancelOrderResponse()

    def _new(self, request: pb.PlaceOrderRequest) -> str:
        if request.partner_id in self.refused:
            raise AgreementMissing("no agreement", partnerId=request.partner_id)
        if any(self.orders[one].offer_id == request.offer_id for one in self.standing):
            raise OfferAlreadyOrdered("ordered", offerId=request.offer_id)
        order_id = new_id()
        self.orders[order_id] = request
        self.by_request[request.request_id] = order_id
        return order_id

    def answer(self, act: Callable[[bytes], Message]) -> Callable[[bytes, Any], bytes]:
        """Answer in bytes; a refusal is a status with details, as every service sends it."""

        def served(data: bytes, context: grpc.ServicerContext) -> bytes:
            if self.silent:
                context.abort(grpc.StatusCode.UNAVAILABLE, "closed")
            try:
                return act(data).SerializeToString()
            except MantleError as error:
                said = refusal(error)
                context.set_code(said.code)
                context.set_details(said.message)
                context.set_trailing_metadata(((DETAILS_KEY, said.details),))
                return b""

        return served


@contextmanager
def served_orders(port: int) -> Iterator[StandInOrders]:
    """Serve a stand-in on a port of this machine."""
    orders = StandInOrders()
    server = grpc.server(ThreadPoolExecutor(8))
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {
        "PlaceOrder": grpc.unary_unary_rpc_method_handler(orders.answer(orders.place)),
        "CancelOrder": grpc.unary_unary_rpc_method_handler(orders.answer(orders.cancel)),
    }
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, handlers),))
    assert server.add_insecure_port(f"127.0.0.1:{port}") == port
    server.start()
    try:
        yield orders
    finally:
        server.stop(grace=1).wait()
