"""The crm service: `python -m crm`."""

from pathlib import Path

from mantle.crm.v1 import (
    customer_service_pb2,
    decision_service_pb2,
    outreach_service_pb2,
    partner_file_service_pb2,
    service_case_service_pb2,
    touchpoint_service_pb2,
)

from chassis.policy.book import PolicyBook
from chassis.policy.subscriber import PolicySubscriber
from chassis.rpc.service import Service, each, service_named
from chassis.scope_subscriber import UnitSubscriber
from chassis.settings import Settings, read_settings
from crm.customer.servicer import CustomerServicer
from crm.customer.subscriber import OrderedProductSubscriber
from crm.decision.servicer import DecisionServicer
from crm.decision.usecases import Books
from crm.outreach import usecases as outreach
from crm.outreach.peers import Orders
from crm.outreach.servicer import OutreachServicer
from crm.outreach.subscriber import OfferOrderSubscriber
from crm.outreach.wire import FACTS
from crm.partner_file.servicer import PartnerFileServicer
from crm.partner_file.subscriber import PartnerSubscriber
from crm.policy_kinds import CONTACT, KINDS, MARKETING_RULE
from crm.rules.book import RuleBook
from crm.rules.subscriber import CampaignSubscriber, ProductSubscriber
from crm.service_case.peers import Sales
from crm.service_case.servicer import ServiceCaseServicer
from crm.service_case.subscriber import CaseSubscriber
from crm.touchpoint import usecases as touchpoints
from crm.touchpoint.servicer import TouchpointServicer

# A stopped campaign's offers are to be gone within 5 s.
WITHDRAW_PERIOD_S = 1.0
EXPIRE_PERIOD_S = 60.0


def build(settings: Settings) -> Service:
    """Wire the service; nothing listens yet."""
    service = Service(settings, facts=FACTS)
    policies = PolicyBook({CONTACT, MARKETING_RULE})
    books = Books(RuleBook(), policies, settings.time_zone)
    service.mount_policies(KINDS, Path(__file__).parent / "policies", changed=policies.expire)
    service.at_start("touchpoints", touchpoints.ensure_registry)
    _mount(service, books)
    clock = service.clock
    service.schedule.every(
        "withdraw offers of campaigns that are over",
        WITHDRAW_PERIOD_S,
        lambda tx: outreach.withdraw_of_campaigns_over(tx, at=clock.now()),
    )
    service.schedule.every(
        "expire offers", EXPIRE_PERIOD_S, lambda tx: outreach.expire(tx, at=clock.now())
    )
    service.subscribe(
        "planning",
        each(
            [
                UnitSubscriber().handlers(),
                PolicySubscriber().handlers(),
                CampaignSubscriber().handlers(),
            ]
        ),
    )
    service.subscribe(
        "channels",
        each(
            [
                PolicySubscriber().handlers(),
                ProductSubscriber().handlers(),
                PartnerSubscriber().handlers(),
                # The offer first: what it sold is then noted once, by the order's own fact.
                OfferOrderSubscriber().handlers(),
                OrderedProductSubscriber().handlers(),
                CaseSubscriber(zone=settings.time_zone).handlers(),
            ]
        ),
    )
    return service


def _mount(service: Service, books: Books) -> None:
    """Serve the capabilities."""
    door, clock = service.door, service.clock
    service.mount(
        service_named(customer_service_pb2.DESCRIPTOR, "CustomerService"),
        CustomerServicer(door, clock),
    )
    service.mount(
        service_named(partner_file_service_pb2.DESCRIPTOR, "PartnerFileService"),
        PartnerFileServicer(door),
    )
    service.mount(
        service_named(touchpoint_service_pb2.DESCRIPTOR, "TouchpointService"),
        TouchpointServicer(door),
    )
    service.mount(
        service_named(decision_service_pb2.DESCRIPTOR, "DecisionService"),
        DecisionServicer(door, clock, books=books),
    )
    service.mount(
        service_named(outreach_service_pb2.DESCRIPTOR, "OutreachService"),
        OutreachServicer(
            door, clock, orders=Orders(service.peers["channels"]), zone=service.settings.time_zone
        ),
    )
    service.mount(
        service_named(service_case_service_pb2.DESCRIPTOR, "ServiceCaseService"),
        ServiceCaseServicer(
            door, clock, sales=Sales(service.peers["channels"]), zone=service.settings.time_zone
        ),
    )


def main() -> None:
    """Serve until the process is told to stop."""
    build(read_settings("crm")).run()


if __name__ == "__main__":
    main()
