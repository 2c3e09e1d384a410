"""Wires planning: settings, database, capabilities, subscriptions; then serves."""

from pathlib import Path
from typing import Final

from mantle.planning.v1 import (
    adjustment_service_pb2,
    annual_plan_service_pb2,
    budget_form_service_pb2,
    budget_service_pb2,
    campaign_service_pb2,
    cube_service_pb2,
    fund_plan_service_pb2,
    monthly_plan_service_pb2,
    post_service_pb2,
    profit_service_pb2,
    rolling_plan_service_pb2,
    unit_service_pb2,
)

from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.process.source import Definitions
from chassis.rpc.service import Service, each, service_named
from chassis.settings import Settings, read_settings
from planning.adjustment import wire as adjustment_wire
from planning.adjustment.servicer import AdjustmentServicer
from planning.annual_plan import usecases as annual_plan
from planning.annual_plan import wire as annual_plan_wire
from planning.annual_plan.servicer import AnnualPlanServicer
from planning.annual_plan.subscriber import PartnerActivitySubscriber
from planning.budget import usecases as budget
from planning.budget import wire as budget_wire
from planning.budget.servicer import BudgetServicer
from planning.budget_form.servicer import BudgetFormServicer
from planning.budget_form.subscriber import OpinionSubscriber
from planning.campaign import wire as campaign_wire
from planning.campaign.servicer import CampaignServicer
from planning.campaign.subscriber import ActualSubscriber, AnswerSubscriber, ProductSubscriber
from planning.cube import subscriber as cube_subscriber
from planning.cube import usecases as cube
from planning.cube.servicer import CubeServicer
from planning.fund_plan.servicer import FundPlanServicer
from planning.monthly_plan import wire as monthly_plan_wire
from planning.monthly_plan.servicer import MonthlyPlanServicer
from planning.organization import usecases as organization
from planning.organization import wire as organization_wire
from planning.organization.servicer import UnitServicer
from planning.policy_kinds import KINDS
from planning.post.servicer import PostServicer
from planning.profit.servicer import ProfitServicer
from planning.rolling_plan import wire as rolling_plan_wire
from planning.rolling_plan.peers import SupplyDesk
from planning.rolling_plan.servicer import RollingPlanServicer
from planning.rolling_plan.subscriber import MarketSubscriber

HERE: Final = Path(__file__).parent
TICK_S: Final = 5.0


def build(settings: Settings) -> Service:
    """Put the service together; nothing listens yet."""
    service = Service(
        settings,
        facts={
            **organization_wire.FACTS,
            **budget_wire.FACTS,
            **campaign_wire.FACTS,
            **monthly_plan_wire.FACTS,
            **annual_plan_wire.FACTS,
            **adjustment_wire.FACTS,
            **rolling_plan_wire.FACTS,
        },
    )
    _mount(service)
    service.subscribe(
        "channels",
        each(
            [
                ProductSubscriber().handlers(),
                cube_subscriber.ProductSubscriber().handlers(),
                PartnerActivitySubscriber(zone=settings.time_zone).handlers(),
                MarketSubscriber().handlers(),
            ]
        ),
    )
    postings = cube_subscriber.PostingSubscriber(zone=settings.time_zone)
    service.subscribe(
        "settlement",
        each([ActualSubscriber().handlers(), postings.handlers(), OpinionSubscriber().handlers()]),
    )
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
        service_named(post_service_pb2.DESCRIPTOR, "PostService"),
        PostServicer(door, clock, zone=zone),
    )
    service.mount(
        service_named(budget_service_pb2.DESCRIPTOR, "BudgetService"),
        BudgetServicer(door, clock, zone=zone, transfer=definitions["budget_transfer"]),
    )
    service.mount(
        service_named(campaign_service_pb2.DESCRIPTOR, "CampaignService"),
        CampaignServicer(door, clock, definition=definitions["campaign"]),
    )
    service.mount(
        service_named(monthly_plan_service_pb2.DESCRIPTOR, "MonthlyPlanService"),
        MonthlyPlanServicer(door, clock),
    )
    service.mount(
        service_named(annual_plan_service_pb2.DESCRIPTOR, "AnnualPlanService"),
        AnnualPlanServicer(door, clock, zone=zone, definition=definitions["annual_plan"]),
    )
    service.count(
        "mantle.annual_plan.alerts",
        lambda tx: annual_plan.alert_count(tx, at=clock.now(), zone=zone),
        unit="{alert}",
    )
    service.mount(
        service_named(cube_service_pb2.DESCRIPTOR, "CubeService"), CubeServicer(door, clock)
    )
    service.mount(
        service_named(profit_service_pb2.DESCRIPTOR, "ProfitService"),
        ProfitServicer(door, clock, zone=zone),
    )
    service.mount(
        service_named(budget_form_service_pb2.DESCRIPTOR, "BudgetFormService"),
        BudgetFormServicer(door),
    )
    service.mount(
        service_named(fund_plan_service_pb2.DESCRIPTOR, "FundPlanService"),
        FundPlanServicer(door, clock, zone=zone),
    )
    _mount_monthly_work(service, definitions)


def _mount_monthly_work(service: Service, definitions: Definitions) -> None:
    door, clock, zone = service.door, service.clock, service.settings.time_zone
    service.mount(
        service_named(adjustment_service_pb2.DESCRIPTOR, "AdjustmentService"),
        AdjustmentServicer(door, clock, zone=zone, definition=definitions["adjustment"]),
    )
    service.mount(
        service_named(rolling_plan_service_pb2.DESCRIPTOR, "RollingPlanService"),
        RollingPlanServicer(
            door,
            clock,
            zone=zone,
            definition=definitions["rolling_plan"],
            supply=SupplyDesk(service.neighbours.get("supply")),
        ),
    )


def _schedule(service: Service) -> None:
    clock, zone = service.clock, service.settings.time_zone

    def settle(tx: Transaction) -> Outcome[bool]:
        return organization.settle(tx, today=clock.today(zone), at=clock.now())

    def expire(tx: Transaction) -> Outcome[bool]:
        return budget.expire(tx, at=clock.now())

    service.schedule.every("settle moves", TICK_S, settle)
    service.schedule.every("expire reservations", TICK_S, expire)
    service.schedule.every("fold cube", TICK_S, cube.fold)


def main() -> None:
    """Serve until told to stop."""
    build(read_settings("planning")).run()


if __name__ == "__main__":
    main()
