"""Examples of prices that differ, of goods on their way, and of what partners have."""

from mantle.channels.v1 import (
    coordination_pb2,
    order_pb2,
    pricing_pb2,
    product_pb2,
    shipment_pb2,
)
from mantle.channels.v1 import coordination_service_pb2 as coordination
from mantle.channels.v1 import partner_stock_service_pb2 as partner_stock
from mantle.channels.v1 import pricing_service_pb2 as pricing
from mantle.channels.v1 import product_service_pb2 as products
from mantle.channels.v1 import shipment_service_pb2 as shipments
from mantle.channels.v1 import stock_service_pb2 as stock
from mantle.type.v1 import money_pb2

from chassis.ids import new_id
from tests.support import examples_channels as made
from tests.support.examples import Example
from tests.support.server import World


def price(amount: str) -> money_pb2.UnitPrice:
    """Return a price of one piece."""
    return money_pb2.UnitPrice(currency_code="CNY", amount=amount)


def a_price_request(
    partner_id: str, product_id: str, amount: str = "8.30", **fields: str
) -> pricing.RequestPriceOverrideRequest:
    """Return a request for a price of the month of the tests."""
    return pricing.RequestPriceOverrideRequest(
        request_id=new_id(),
        partner_id=partner_id,
        product_id=product_id,
        unit_price=price(amount),
        start_date=fields.pop("start_date", "2026-03-02"),
        end_date=fields.pop("end_date", "2026-03-31"),
        reason="a rival asks for less",
        **fields,
    )


def a_requested_price(
    world: World, partner_id: str, product_id: str, amount: str = "8.30", **fields: str
) -> pricing_pb2.PriceOverride:
    """Ask for a price."""
    request = a_price_request(partner_id, product_id, amount, **fields)
    override: pricing_pb2.PriceOverride = world.call(
        request, role="sales_administration"
    ).price_override
    return override


def an_approved_price(
    world: World, partner_id: str, product_id: str, amount: str = "8.30", **fields: str
) -> pricing_pb2.PriceOverride:
    """Ask for a price as one person and allow it as another."""
    asked = a_requested_price(world, partner_id, product_id, amount, **fields)
    override: pricing_pb2.PriceOverride = world.call(
        pricing.ApprovePriceOverrideRequest(override_id=asked.override_id), role="sales_director"
    ).price_override
    return override


def receive(world: World, product_id: str, quantity: int) -> None:
    """Let pieces come in."""
    world.call(
        stock.ReceiveStockRequest(product_id=product_id, quantity=quantity), role="logistics"
    )


def a_short_order(world: World, *, pieces: int = 300, wanted: int = 600) -> order_pb2.Order:
    """Order more pieces of a new product than there are."""
    partner_id = made.a_partner(made.a_world(world))
    product_id = made.a_product(world, stock_kept=True)
    receive(world, product_id, pieces)
    world.settle()
    order: order_pb2.Order = world.call(
        made.order_of(partner_id, product_id, wanted), role="sales_administration"
    ).order
    return order


def pick_of(
    order: order_pb2.Order, quantity: int, *, batch: str = ""
) -> shipments.PickShipmentRequest:
    """Return a request to pick pieces of an order's first line."""
    line = shipments.PickLine(
        product_id=order.lines[0].priced.product_id, quantity=quantity, batch=batch
    )
    return shipments.PickShipmentRequest(request_id=new_id(), order_id=order.order_id, lines=[line])


def a_picked_shipment(world: World) -> shipment_pb2.Shipment:
    """Pick what an order has."""
    order = a_short_order(world)
    shipment: shipment_pb2.Shipment = world.call(pick_of(order, 300), role="logistics").shipment
    return shipment


def change_product_life_cycle(world: World) -> Example:
    """Say that a new product comes to the market in a later month."""
    product_id = made.a_new_product(made.a_world(world))
    request = products.ChangeProductLifeCycleRequest(
        request_id=new_id(),
        product_id=product_id,
        stage=product_pb2.Product.STAGE_INTRODUCTION,
        launch_month="2026-04",
    )
    return Example(request, "product_manager")


def request_price_override(world: World) -> Example:
    """Ask for a lower price."""
    partner_id = made.a_partner(made.a_world(world))
    product_id = made.a_product(world)
    return Example(a_price_request(partner_id, product_id), "sales_administration")


def approve_price_override(world: World) -> Example:
    """Allow a lower price."""
    partner_id = made.a_partner(made.a_world(world))
    asked = a_requested_price(world, partner_id, made.a_product(world))
    request = pricing.ApprovePriceOverrideRequest(
        request_id=new_id(), override_id=asked.override_id
    )
    return Example(request, "sales_director")


def reject_price_override(world: World) -> Example:
    """Refuse a lower price."""
    partner_id = made.a_partner(made.a_world(world))
    asked = a_requested_price(world, partner_id, made.a_product(world))
    request = pricing.RejectPriceOverrideRequest(
        request_id=new_id(), override_id=asked.override_id, decision="too low"
    )
    return Example(request, "sales_director")


def answer_coordination(world: World) -> Example:
    """Promise a day for goods that are missing."""
    order = a_short_order(world)
    request = coordination.AnswerCoordinationRequest(
        request_id=new_id(),
        order_id=order.order_id,
        product_id=order.lines[0].priced.product_id,
        kind=coordination_pb2.CoordinationItem.KIND_BACK_ORDER,
        promise_date="2026-03-20",
    )
    return Example(request, "supply")


def pick_shipment(world: World) -> Example:
    """Pick a part of an order."""
    return Example(pick_of(a_short_order(world), 100, batch="B7"), "logistics")


def dispatch_shipment(world: World) -> Example:
    """Send a shipment."""
    shipment = a_picked_shipment(world)
    request = shipments.DispatchShipmentRequest(
        request_id=new_id(), shipment_id=shipment.shipment_id
    )
    return Example(request, "logistics")


def deliver_shipment(world: World) -> Example:
    """Hand a shipment over."""
    shipment = a_picked_shipment(world)
    world.call(
        shipments.DispatchShipmentRequest(shipment_id=shipment.shipment_id), role="logistics"
    )
    request = shipments.DeliverShipmentRequest(
        request_id=new_id(), shipment_id=shipment.shipment_id, proof="slip 7"
    )
    return Example(request, "logistics")


def cancel_shipment(world: World) -> Example:
    """Put a shipment back."""
    shipment = a_picked_shipment(world)
    request = shipments.CancelShipmentRequest(request_id=new_id(), shipment_id=shipment.shipment_id)
    return Example(request, "logistics")


def report_partner_stock(world: World) -> Example:
    """Report a partner's first month."""
    partner_id = made.a_partner(made.a_world(world))
    line = partner_stock.PartnerStockLine(
        product_id=made.a_product(world),
        opening_quantity=900,
        in_quantity=1600,
        out_quantity=1000,
    )
    request = partner_stock.ReportPartnerStockRequest(
        request_id=new_id(), partner_id=partner_id, month="2026-02", lines=[line]
    )
    return Example(request, "channel_manager")
