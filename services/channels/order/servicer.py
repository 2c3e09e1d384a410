"""The front door of orders."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import order_service_pb2 as pb

from channels.order import usecases, wire
from channels.order.domain import Order
from channels.order.peers import CreditDesk
from channels.order.usecases import Asked
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.policy.book import PolicyBook
from chassis.rpc.door import Door, Read
from chassis.scope import Caller

PAGE_SIZE_MAX = 200


class OrderServicer:
    """Serve `mantle.channels.v1.OrderService`."""

    def __init__(
        self, door: Door, clock: Clock, *, zone: tzinfo, book: PolicyBook, credit: CreditDesk
    ) -> None:
        """Know the door, the time, the company's time zone, the policies, and who grants credit."""
        self._door = door
        self._clock = clock
        self._zone = zone
        self._book = book
        self._credit = credit

    def PlaceOrder(self, request: pb.PlaceOrderRequest, context: grpc.ServicerContext) -> bytes:
        """Place an order."""
        return self._door.write(
            request,
            context,
            ask=lambda who, read: self._priced(request, who, read),
            act=lambda tx, who, asked: usecases.place(tx, asked, by=who, at=self._clock.now()),
            undo=lambda asked: self._credit.release(asked.order),
            reply=wire.placed,
        )

    def ReleaseHold(self, request: pb.ReleaseHoldRequest, context: grpc.ServicerContext) -> bytes:
        """Approve an order that was on hold."""
        # Nothing is undone: the order has one reservation, and a twin that was faster may need it.
        return self._door.write(
            request,
            context,
            ask=lambda who, read: self._asked(
                read(lambda tx: usecases.to_release(tx, order_id=request.order_id, by=who))
            ),
            act=lambda tx, who, asked: usecases.release(tx, asked, by=who, at=self._clock.now()),
            reply=wire.released,
        )

    def RejectOrder(self, request: pb.RejectOrderRequest, context: grpc.ServicerContext) -> bytes:
        """Refuse an order that is on hold."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.reject(
                tx,
                order_id=request.order_id,
                reason=request.reason,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.rejected,
        )

    def ShipOrder(self, request: pb.ShipOrderRequest, context: grpc.ServicerContext) -> bytes:
        """Send the goods."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.ship(
                tx,
                order_id=request.order_id,
                carrier=request.carrier,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.shipped,
        )

    def DeliverOrder(self, request: pb.DeliverOrderRequest, context: grpc.ServicerContext) -> bytes:
        """Hand the goods over."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.deliver(
                tx,
                order_id=request.order_id,
                proof=request.proof,
                book=self._book,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.delivered,
        )

    def CancelOrder(self, request: pb.CancelOrderRequest, context: grpc.ServicerContext) -> bytes:
        """Take an order back."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.cancel(
                tx,
                order_id=request.order_id,
                reason=request.reason,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.cancelled,
        )

    def GetOrder(self, request: pb.GetOrderRequest, context: grpc.ServicerContext) -> bytes:
        """Return an order."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, order_id=request.order_id, by=who),
            reply=wire.got,
        )

    def ListOrders(self, request: pb.ListOrdersRequest, context: grpc.ServicerContext) -> bytes:
        """Return a page of orders."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx,
                part=page_of(request, size_max=PAGE_SIZE_MAX),
                by=who,
                wanted=wire.wanted(request),
            ),
            reply=wire.listed,
        )

    def _priced(self, request: pb.PlaceOrderRequest, who: Caller, read: Read) -> Asked:
        """Price the order in a short transaction, then ask for its credit without one."""
        return self._asked(
            read(
                lambda tx: usecases.prepare(
                    tx,
                    request_id=request.request_id,
                    partner_id=request.partner_id,
                    origin=wire.to_origin(request),
                    lines=wire.to_lines(request),
                    book=self._book,
                    by=who,
                    at=self._clock.now(),
                    today=self._clock.today(self._zone),
                )
            )
        )

    def _asked(self, order: Order) -> Asked:
        return Asked(order, self._credit.reserve(order))
