"""Shipments between the domain and the contract."""

from collections.abc import Sequence
from typing import Final

from mantle.channels.v1 import shipment_pb2
from mantle.channels.v1 import shipment_service_pb2 as pb

from channels.order.domain import Order
from channels.order.wire import STATES as ORDER_STATES
from channels.shipment.domain import Filter, Line, Performance, Shipment, State
from chassis.money import format_decimal
from chassis.paging import Slice
from chassis.wire import from_time

STATES: Final = {state: shipment_pb2.Shipment.State.Value(f"STATE_{state.name}") for state in State}
STATES_READ: Final = {int(number): state for state, number in STATES.items()}


def to_lines(request: pb.PickShipmentRequest) -> Sequence[Line]:
    """Read what is picked."""
    return [Line(line.product_id, line.quantity, line.batch) for line in request.lines]


def wanted(request: pb.ListShipmentsRequest) -> Filter:
    """Read which shipments a list is to have."""
    return Filter(
        order_id=request.order_id.lower(),
        partner_id=request.partner_id,
        state=STATES_READ.get(int(request.state)),
        batch=request.batch,
    )


def from_shipment(shipment: Shipment) -> shipment_pb2.Shipment:
    """Write a shipment."""
    shipped, delivered = shipment.ship_time, shipment.deliver_time
    return shipment_pb2.Shipment(
        shipment_id=shipment.shipment_id,
        order_id=shipment.order_id,
        partner_id=shipment.partner_id,
        unit_id=shipment.unit_id,
        state=STATES[shipment.state],
        lines=[
            shipment_pb2.ShipmentLine(
                product_id=line.product_id, quantity=line.quantity, batch=line.batch
            )
            for line in shipment.lines
        ],
        carrier=shipment.carrier,
        delivery_proof=shipment.delivery_proof,
        due_date=shipment.due_date.isoformat(),
        pick_time=from_time(shipment.pick_time),
        ship_time=None if shipped is None else from_time(shipped),
        deliver_time=None if delivered is None else from_time(delivered),
        on_time=shipment.on_time,
        version=shipment.version,
    )


def picked(shipment: Shipment) -> pb.PickShipmentResponse:
    """Answer with the shipment."""
    return pb.PickShipmentResponse(shipment=from_shipment(shipment))


def dispatched(done: tuple[Shipment, Order]) -> pb.DispatchShipmentResponse:
    """Answer with the shipment and how far its order is."""
    shipment, order = done
    return pb.DispatchShipmentResponse(
        shipment=from_shipment(shipment), order_state=ORDER_STATES[order.state]
    )


def delivered(done: tuple[Shipment, Order]) -> pb.DeliverShipmentResponse:
    """Answer with the shipment and how far its order is."""
    shipment, order = done
    return pb.DeliverShipmentResponse(
        shipment=from_shipment(shipment), order_state=ORDER_STATES[order.state]
    )


def cancelled(shipment: Shipment) -> pb.CancelShipmentResponse:
    """Answer with the shipment."""
    return pb.CancelShipmentResponse(shipment=from_shipment(shipment))


def got(shipment: Shipment) -> pb.GetShipmentResponse:
    """Answer with the shipment."""
    return pb.GetShipmentResponse(shipment=from_shipment(shipment))


def listed(page: Slice[Shipment]) -> pb.ListShipmentsResponse:
    """Answer with a page of shipments."""
    return pb.ListShipmentsResponse(
        shipments=map(from_shipment, page.items), next_page_token=page.next_page_token
    )


def performed(found: Performance) -> pb.GetDeliveryPerformanceResponse:
    """Answer with how well deliveries kept to their days."""
    return pb.GetDeliveryPerformanceResponse(
        performance=shipment_pb2.DeliveryPerformance(
            deliveries=found.deliveries,
            on_time=found.on_time,
            on_time_share="" if found.share is None else format_decimal(found.share),
        )
    )
