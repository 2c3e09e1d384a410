"""The front door of orders."""

from collections.abc import Sequence
from datetime import tzinfo

import grpc
from mantle.channels.v1 import order_service_pb2 as pb

from channels.order import fulfilment, placing, usecases, wire
from channels.order.domain import Order
from channels.order.fulfilment import Rules
from channels.order.peers import CreditDesk
from channels.order.placing import Asked, Placing
from channels.returns import usecases as returns
from channels.timeline import usecases as timeline
from channels.timeline import wire as timeline_wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.policy.book import PolicyBook
from chassis.rpc.asking import Asking
from chassis.rpc.combined import Combined
from chassis.rpc.door import Door
from chassis.rpc.messages import in_batch
from chassis.rpc.visit import Visit

PAGE_SIZE_MAX = 200


class OrderServicer:
    """Serve `mantle.channels.v1.OrderService`."""

    def __init__(
        self, door: Door, clock: Clock, *, zone: tzinfo, book: PolicyBook, credit: CreditDesk
    ) -> None:
        """Know the door, the time, the company's time zone, the policies, and who grants credit.

        Orders that come together are placed together: a commit costs the same for thirty.
        """
        self._door = door
        self._clock = clock
        self._zone = zone
        self._book = book
        self._credit = credit
        self._rules = Rules(book, zone)
        self._placing: Combined[Placing, Order] = door.combined(
            "place orders",
            item=_placing,
            act=lambda tx, asked: placing.place(
                tx, asked, book=book, at=clock.now(), today=clock.today(zone)
            ),
            reply=wire.placed,
            asking=Asking(
                prepare=lambda tx, wanted: placing.prepare(
                    tx, wanted, book=book, at=clock.now(), today=clock.today(zone)
                ),
                ask=self._asked_together,
                undo=lambda asked: credit.release(asked.order),
            ),
        )

    @in_batch
    def PlaceOrder(self, visit: Visit) -> None:
        """Place an order."""
        self._placing.take(visit)

    def ReleaseHold(self, request: pb.ReleaseHoldRequest, context: grpc.ServicerContext) -> bytes:
        """Approve an order that was on hold."""
        # Nothing is undone: the order has one reservation, and a twin that was faster may need it.
        return self._door.write(
            request,
            context,
            ask=lambda who, read: self._asked(
                read(lambda tx: usecases.to_release(tx, order_id=request.order_id, by=who))
            ),
            act=lambda tx, who, asked: usecases.release(
                tx,
                asked,
                book=self._book,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
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
            act=lambda tx, who: fulfilment.ship(
                tx,
                order_id=request.order_id,
                carrier=request.carrier,
                rules=self._rules,
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
            act=lambda tx, who: fulfilment.deliver(
                tx,
                order_id=request.order_id,
                proof=request.proof,
                rules=self._rules,
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
            act=lambda tx, who: returns.cancel_order(
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

    def GetOrderTimeline(
        self, request: pb.GetOrderTimelineRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return all that is known of an order."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: timeline.of_order(
                tx, order_id=request.order_id, zone=self._zone, by=who
            ),
            reply=timeline_wire.got,
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

    def _asked_together(self, orders: Sequence[Order]) -> list[Asked | Exception]:
        answers = self._credit.reserve_all(orders)
        return [
            answer if isinstance(answer, Exception) else Asked(order, answer)
            for order, answer in zip(orders, answers, strict=True)
        ]

    def _asked(self, order: Order) -> Asked:
        return Asked(order, self._credit.reserve(order))


def _placing(request: pb.PlaceOrderRequest) -> Placing:
    return Placing(
        request.request_id, request.partner_id, wire.to_origin(request), wire.to_lines(request)
    )
