"""Wiring of channels: settings, policies, capabilities, the logs it follows, its own work."""

from pathlib import Path

from mantle.channels.v1 import (
    order_service_pb2,
    partner_service_pb2,
    pricing_service_pb2,
    product_service_pb2,
    quota_service_pb2,
    stock_service_pb2,
)

from channels.order import usecases as orders
from channels.order.peers import CreditDesk
from channels.order.servicer import OrderServicer
from channels.order.subscriber import OrderSubscriber
from channels.order.wire import FACTS as ORDER_FACTS
from channels.partner.servicer import PartnerServicer
from channels.partner.wire import FACTS as PARTNER_FACTS
from channels.policy_kinds import KINDS
from channels.pricing.servicer import PricingServicer
from channels.product.servicer import ProductServicer, StockServicer
from channels.product.wire import FACTS as PRODUCT_FACTS
from channels.quota.servicer import QuotaServicer
from channels.quota.subscriber import QuotaSubscriber
from chassis.policy.book import PolicyBook
from chassis.rpc.service import Service, each, service_named
from chassis.scope_subscriber import UnitSubscriber
from chassis.settings import Settings, read_settings

CLOSE_PERIOD_S = 60.0
POLICIES = Path(__file__).parent / "policies"


def build(settings: Settings) -> Service:
    """Wire channels; nothing listens yet."""
    service = Service(settings, facts={**PRODUCT_FACTS, **PARTNER_FACTS, **ORDER_FACTS})
    book = PolicyBook(KINDS)
    service.mount_policies(KINDS, POLICIES, changed=book.expire)
    _mount(service, book)
    service.subscribe("planning", each([UnitSubscriber().handlers(), QuotaSubscriber().handlers()]))
    service.subscribe("settlement", OrderSubscriber().handlers())
    service.schedule.every(
        "close orders",
        CLOSE_PERIOD_S,
        lambda tx: orders.close_due(tx, by=settings.service, at=service.clock.now()),
    )
    return service


def _mount(service: Service, book: PolicyBook) -> None:
    door, clock, zone = service.door, service.clock, service.settings.time_zone
    credit = CreditDesk(service.peers["settlement"])
    for file, name, servicer in (
        (product_service_pb2, "ProductService", ProductServicer(door, clock, zone=zone)),
        (stock_service_pb2, "StockService", StockServicer(door)),
        (quota_service_pb2, "QuotaService", QuotaServicer(door)),
        (partner_service_pb2, "PartnerService", PartnerServicer(door, clock, zone=zone)),
        (
            pricing_service_pb2,
            "PricingService",
            PricingServicer(door, clock, zone=zone, book=book),
        ),
        (
            order_service_pb2,
            "OrderService",
            OrderServicer(door, clock, zone=zone, book=book, credit=credit),
        ),
    ):
        service.mount(service_named(file.DESCRIPTOR, name), servicer)


def main() -> None:
    """Serve until the platform says stop."""
    build(read_settings("channels")).run()


if __name__ == "__main__":
    main()
