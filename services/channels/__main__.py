"""Wiring of channels: settings, policies, capabilities, the logs it follows, its own work."""

from pathlib import Path

from mantle.channels.v1 import (
    contract_service_pb2,
    coordination_service_pb2,
    diversion_service_pb2,
    grading_service_pb2,
    group_filing_service_pb2,
    inspection_service_pb2,
    key_account_service_pb2,
    maintenance_service_pb2,
    order_service_pb2,
    partner_service_pb2,
    partner_stock_service_pb2,
    pricing_service_pb2,
    product_service_pb2,
    quota_service_pb2,
    return_service_pb2,
    sales_report_service_pb2,
    selection_service_pb2,
    shipment_service_pb2,
    stock_service_pb2,
)

from channels.contract.servicer import ContractServicer
from channels.contract.wire import FACTS as CONTRACT_FACTS
from channels.coordination.servicer import CoordinationServicer
from channels.diversion.servicer import DiversionServicer
from channels.diversion.subscriber import DiversionSubscriber
from channels.diversion.wire import FACTS as DIVERSION_FACTS
from channels.grading.servicer import GradingServicer
from channels.group_filing import usecases as filings
from channels.group_filing.servicer import GroupFilingServicer
from channels.inspection.servicer import InspectionServicer
from channels.key_account.servicer import KeyAccountServicer
from channels.maintenance import usecases as maintenance
from channels.maintenance.servicer import MaintenanceServicer
from channels.maintenance.wire import FACTS as MAINTENANCE_FACTS
from channels.order import refilling
from channels.order import usecases as orders
from channels.order.peers import CreditDesk
from channels.order.rechecking import RECHECK_PERIOD_S, CreditRecheck
from channels.order.servicer import OrderServicer
from channels.order.subscriber import OrderSubscriber
from channels.order.wire import FACTS as ORDER_FACTS
from channels.partner import agreeing
from channels.partner.servicer import PartnerServicer
from channels.partner.wire import FACTS as PARTNER_FACTS
from channels.partner_stock.servicer import PartnerStockServicer
from channels.partner_stock.wire import FACTS as PARTNER_STOCK_FACTS
from channels.policy_kinds import KINDS
from channels.price_override.wire import FACTS as PRICE_OVERRIDE_FACTS
from channels.pricing.servicer import PricingServicer
from channels.product.servicer import ProductServicer, StockServicer
from channels.product.wire import FACTS as PRODUCT_FACTS
from channels.quota.servicer import QuotaServicer
from channels.quota.subscriber import QuotaSubscriber
from channels.returns.servicer import ReturnServicer
from channels.returns.subscriber import ReturnSubscriber
from channels.returns.wire import FACTS as RETURN_FACTS
from channels.sales_report.servicer import SalesReportServicer
from channels.selection.servicer import SelectionServicer
from channels.selection.wire import FACTS as SELECTION_FACTS
from channels.shipment.servicer import ShipmentServicer
from channels.timeline.subscriber import TimelineSubscriber
from channels.turnover.subscriber import TurnoverSubscriber
from chassis.policy.book import PolicyBook
from chassis.rpc.service import Service, each, service_named
from chassis.scope_subscriber import UnitSubscriber
from chassis.settings import Settings, read_settings

CLOSE_PERIOD_S = 60.0
REFILL_PERIOD_S = 30.0
TERMS_PERIOD_S = 60.0
FILING_PERIOD_S = 60.0
POLICIES = Path(__file__).parent / "policies"
PROCESSES = Path(__file__).parent / "processes"


def build(settings: Settings) -> Service:
    """Wire channels; nothing listens yet."""
    service = Service(
        settings,
        facts={
            **PRODUCT_FACTS,
            **PARTNER_FACTS,
            **SELECTION_FACTS,
            **MAINTENANCE_FACTS,
            **PARTNER_STOCK_FACTS,
            **PRICE_OVERRIDE_FACTS,
            **ORDER_FACTS,
            **CONTRACT_FACTS,
            **DIVERSION_FACTS,
            **RETURN_FACTS,
        },
    )
    book = PolicyBook(KINDS)
    service.mount_policies(KINDS, POLICIES, changed=book.expire)
    _mount(service, book)
    _mount_partner_work(service)
    _mount_contracts(service, book)
    service.subscribe("planning", each([UnitSubscriber().handlers(), QuotaSubscriber().handlers()]))
    service.subscribe(
        "settlement",
        each(
            [
                OrderSubscriber().handlers(),
                TimelineSubscriber().handlers(),
                ReturnSubscriber().handlers(),
                TurnoverSubscriber(zone=settings.time_zone).handlers(),
                DiversionSubscriber(zone=settings.time_zone).handlers(),
            ]
        ),
    )
    service.schedule.every(
        "close orders",
        CLOSE_PERIOD_S,
        lambda tx: orders.close_due(tx, by=settings.service, at=service.clock.now()),
    )
    service.schedule.every(
        "refill orders",
        REFILL_PERIOD_S,
        lambda tx: refilling.refill_due(tx, by=settings.service, at=service.clock.now()),
    )
    recheck = CreditRecheck(
        service.back_door,
        CreditDesk(service.peers["settlement"]),
        clock=service.clock,
        zone=settings.time_zone,
        book=book,
    )
    service.schedule.loop("recheck credit", RECHECK_PERIOD_S, recheck.turn)
    return service


def _mount(service: Service, book: PolicyBook) -> None:
    door, clock, zone = service.door, service.clock, service.settings.time_zone
    credit = CreditDesk(service.peers["settlement"])
    for file, name, servicer in (
        (product_service_pb2, "ProductService", ProductServicer(door, clock, zone=zone)),
        (stock_service_pb2, "StockService", StockServicer(door, clock)),
        (quota_service_pb2, "QuotaService", QuotaServicer(door)),
        (coordination_service_pb2, "CoordinationService", CoordinationServicer(door)),
        (
            partner_stock_service_pb2,
            "PartnerStockService",
            PartnerStockServicer(door, clock),
        ),
        (
            shipment_service_pb2,
            "ShipmentService",
            ShipmentServicer(door, clock, zone=zone, book=book),
        ),
        (partner_service_pb2, "PartnerService", PartnerServicer(door, clock, zone=zone)),
        (
            pricing_service_pb2,
            "PricingService",
            PricingServicer(door, clock, zone=zone, book=book),
        ),
        (
            sales_report_service_pb2,
            "SalesReportService",
            SalesReportServicer(door, clock, zone=zone, book=book),
        ),
        (
            return_service_pb2,
            "ReturnService",
            ReturnServicer(door, clock, zone=zone, book=book),
        ),
        (
            order_service_pb2,
            "OrderService",
            OrderServicer(door, clock, zone=zone, book=book, credit=credit),
        ),
    ):
        service.mount(service_named(file.DESCRIPTOR, name), servicer)


def _mount_partner_work(service: Service) -> None:
    """Serve what decides on partners: selection, grades, maintenance, large customers."""
    door, clock, zone = service.door, service.clock, service.settings.time_zone
    definitions = service.mount_processes(PROCESSES)
    service.mount_runs(
        {
            maintenance.KIND: lambda run: (
                lambda tx, cursor: maintenance.evaluate(tx, cursor, run_id=run.id)
            )
        }
    )
    service.schedule.every(
        "take agreements over",
        TERMS_PERIOD_S,
        lambda tx: agreeing.take_terms_over(tx, today=clock.today(zone)),
    )
    selection = SelectionServicer(door, clock, zone=zone, definition=definitions["selection"])
    for file, name, servicer in (
        (selection_service_pb2, "SelectionService", selection),
        (grading_service_pb2, "GradingService", GradingServicer(door, clock, zone=zone)),
        (
            maintenance_service_pb2,
            "MaintenanceService",
            MaintenanceServicer(door, clock, zone=zone),
        ),
        (key_account_service_pb2, "KeyAccountService", KeyAccountServicer(door, clock, zone=zone)),
    ):
        service.mount(service_named(file.DESCRIPTOR, name), servicer)


def _mount_contracts(service: Service, book: PolicyBook) -> None:
    """Serve what binds and watches partners: contracts, filings, inspections, diversion."""
    door, clock, zone = service.door, service.clock, service.settings.time_zone
    service.schedule.every(
        "expire filings",
        FILING_PERIOD_S,
        lambda tx: filings.expire_due(tx, today=clock.today(zone)),
    )
    contracts = ContractServicer(door, clock, zone=zone, book=book)
    for file, name, servicer in (
        (contract_service_pb2, "ContractService", contracts),
        (
            group_filing_service_pb2,
            "GroupFilingService",
            GroupFilingServicer(door, clock, zone=zone),
        ),
        (inspection_service_pb2, "InspectionService", InspectionServicer(door, clock, zone=zone)),
        (diversion_service_pb2, "DiversionService", DiversionServicer(door, clock, zone=zone)),
    ):
        service.mount(service_named(file.DESCRIPTOR, name), servicer)


def main() -> None:
    """Serve until the platform says stop."""
    build(read_settings("channels")).run()


if __name__ == "__main__":
    main()
