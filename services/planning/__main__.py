"""Wires planning: settings, database, capabilities, subscriptions; then serves."""

from pathlib import Path
from typing import Final

from mantle.planning.v1 import (
    budget_service_pb2,
    campaign_service_pb2,
    monthly_plan_service_pb2,
    unit_service_pb2,
)

from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.rpc.service import Service, each, service_named
from chassis.settings import Settings, read_settings
from planning.budget import usecases as budget
from planning.budget.servicer import BudgetServicer
from planning.campaign import wire as campaign_wire
from planning.campaign.servicer import CampaignServicer
from planning.campaign.subscriber import ActualSubscriber, AnswerSubscriber, ProductSubscriber
from planning.organization import usecases as organization
from planning.organization import wire as organization_wire
from planning.organization.servicer import UnitServicer
from planning.policy_kinds import KINDS
from planning.rolling_plan import wire as rolling_plan_wire
from planning.rolling_plan.servicer import MonthlyPlanServicer

HERE: Final = Path(__file__).parent
TICK_S: Final = 5.0


def build(settings: Settings) -> Service:
    """Put the service together; nothing listens yet."""
    service = Service(
        settings,
        facts={
            **organization_wire.FACTS,
            **campaign_wire.FACTS,
            **rolling_plan_wire.FACTS,
        },
    )
    _mount(service)
    service.subscribe("channels", each([ProductSubscriber().handlers()]))
    service.subscribe("settlement", each([ActualSubscriber().handlers()]))
    service.subscribe("crm", each([AnswerSubscriber().handlers()]))
    _schedule(service)
    return service


def _mount(service: Service) -> None:
    door, clock, zone = service.door, service.clock, service.settings.time_zone
    service.at_start("root unit", lambda tx: organization.ensure_root(tx, at=clock.now()))
    definitions = service.mount_processes(HERE / "processes")
    service.mount_policies(KINDS, HERE / "policies")
    service.mount(
        service_named(unit_service_pb2.DESCRIPTOR, "UnitService"),
        UnitServicer(door, clock, zone=zone),
    )
    service.mount(
        service_named(budget_service_pb2.DESCRIPTOR, "BudgetService"),
        BudgetServicer(door, clock, zone=zone),
    )
    service.mount(
        service_named(campaign_service_pb2.DESCRIPTOR, "CampaignService"),
        CampaignServicer(door, clock, definition=definitions["campaign"]),
    )
    service.mount(
        service_named(monthly_plan_service_pb2.DESCRIPTOR, "MonthlyPlanService"),
        MonthlyPlanServicer(door, clock),
    )


def _schedule(service: Service) -> None:
    clock, zone = service.clock, service.settings.time_zone

    def settle(tx: Transaction) -> Outcome[bool]:
        return organization.settle(tx, today=clock.today(zone), at=clock.now())

    def expire(tx: Transaction) -> Outcome[bool]:
        return budget.expire(tx, at=clock.now())

    service.schedule.every("settle moves", TICK_S, settle)
    service.schedule.every("expire reservations", TICK_S, expire)


def main() -> None:
    """Serve until told to stop."""
    build(read_settings("planning")).run()


if __name__ == "__main__":
    main()
