"""The front door of shipments; what happens to the order with them is the order's affair."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import shipment_service_pb2 as pb

from channels.order import fulfilment
from channels.order.fulfilment import Rules
from channels.shipment import usecases, wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import parse_date
from chassis.policy.book import PolicyBook
from chassis.rpc.door import Door

PAGE_SIZE_MAX = 200


class ShipmentServicer:
    """Serve `mantle.channels.v1.ShipmentService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo, book: PolicyBook) -> None:
        """Know the door, the time, the company's time zone and the policies in memory."""
        self._door = door
        self._clock = clock
        self._rules = Rules(book, zone)

    def PickShipment(self, request: pb.PickShipmentRequest, context: grpc.ServicerContext) -> bytes:
        """Take goods of an order from the shelves."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: fulfilment.pick(
                tx,
                order_id=request.order_id,
                lines=wire.to_lines(request),
                carrier=request.carrier,
                rules=self._rules,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.picked,
        )

    def DispatchShipment(
        self, request: pb.DispatchShipmentRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Send a shipment."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: fulfilment.dispatch(
                tx,
                shipment_id=request.shipment_id.lower(),
                carrier=request.carrier,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.dispatched,
        )

    def DeliverShipment(
        self, request: pb.DeliverShipmentRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Hand a shipment over."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: fulfilment.hand_over(
                tx,
                shipment_id=request.shipment_id.lower(),
                proof=request.proof,
                rules=self._rules,
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.delivered,
        )

    def CancelShipment(
        self, request: pb.CancelShipmentRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Put a picked shipment back."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: fulfilment.put_back(
                tx, shipment_id=request.shipment_id.lower(), by=who
            ),
            reply=wire.cancelled,
        )

    def GetShipment(self, request: pb.GetShipmentRequest, context: grpc.ServicerContext) -> bytes:
        """Return a shipment."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, shipment_id=request.shipment_id, by=who),
            reply=wire.got,
        )

    def ListShipments(
        self, request: pb.ListShipmentsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of shipments."""
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

    def GetDeliveryPerformance(
        self, request: pb.GetDeliveryPerformanceRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Tell how well deliveries kept to their days."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.performance(
                tx,
                first_day=parse_date(request.start_date),
                last_day=parse_date(request.end_date),
                partner_id=request.partner_id,
                by=who,
            ),
            reply=wire.performed,
        )
