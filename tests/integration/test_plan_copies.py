"""What channels and settlement keep of the year's plan, as planning tells it."""

import pytest
from google.protobuf.message import Message
from mantle.channels.v1 import quota_service_pb2 as quotas
from mantle.planning.v1 import events_pb2 as pb
from mantle.settlement.v1 import budget_limit_service_pb2 as limits

from chassis.events.domain import ReceivedEvent
from chassis.ids import new_id
from tests.support.monthly_desk import refusal
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, World, world

__all__ = ["world"]

ASKED: dict[str, Message] = {
    "channels": quotas.GetSalesTargetsRequest(unit_id=ROOT_UNIT, fiscal_year=2026),
    "settlement": limits.GetBudgetLimitsRequest(unit_id=ROOT_UNIT, fiscal_year=2026),
}
NOT_FOUND = {"channels": "SALES_TARGETS_NOT_FOUND", "settlement": "BUDGET_LIMITS_NOT_FOUND"}
each_service = pytest.mark.parametrize("service", ASKED)


def tell(
    world: World, service: str, plan_version: int, value: int, *, part: int = 0, unit_id: str = "a1"
) -> None:
    """Apply an adjusted plan of one figure, as the subscription does."""
    figure = pb.AdjustedFigure(
        measure="expense_bidding", unit_id=unit_id, product_id="P1", month="2026-02", value=value
    )
    fact = pb.PlanAdjusted(
        adjustment_id=new_id(),
        unit_id=ROOT_UNIT,
        fiscal_year=2026,
        plan_version=plan_version,
        currency_code="CNY",
        quotas=[figure],
        limits=[figure],
        part=part,
    )
    at = world.clock.now()
    event = ReceivedEvent(
        source="planning",
        position=plan_version,
        event_id=new_id(),
        type=fact.DESCRIPTOR.full_name,
        ordering_key="test",
        occur_time=at,
        record_time=at,
        actor="planning",
        traceparent="",
        payload=fact.SerializeToString(),
    )
    running = world.services[service]
    with running.database.transaction() as tx:
        running.applier_of("planning").apply(tx, event)


def known(world: World, service: str) -> tuple[int, list[int]]:
    """Return the version that a service knows, and its figures."""
    reply = world.call(ASKED[service], role="finance")
    if service == "channels":
        found = reply.sales_targets
        return found.plan_version, [one.value for one in found.targets]
    found = reply.budget_limits
    return found.plan_version, [one.amount.amount_minor for one in found.limits]


@req("R-040")
@each_service
def test_a_newer_plan_replaces_an_older_one_and_never_the_other_way(
    world: World, service: str
) -> None:
    world.start("planning", service).settle()

    seen = []
    for plan_version, value in ((2, 100), (4, 300), (3, 200), (4, 999)):
        tell(world, service, plan_version, value)
        seen.append(known(world, service))

    assert seen == [(2, [100]), (4, [300]), (4, [300]), (4, [300])]


@each_service
def test_a_plan_that_nobody_told_of_is_not_found_and_another_unit_s_is_out_of_scope(
    world: World, service: str
) -> None:
    world.start("planning", service).settle()

    unknown = refusal(lambda: world.call(ASKED[service], role="finance"))
    foreign = refusal(lambda: world.call(ASKED[service], role="finance", unit_id="nowhere"))

    assert (unknown, foreign) == (NOT_FOUND[service], "OUT_OF_SCOPE")


@req("R-040")
@each_service
def test_the_parts_of_a_plan_are_kept_beside_each_other(world: World, service: str) -> None:
    world.start("planning", service).settle()

    tell(world, service, 2, 100)
    tell(world, service, 2, 200, part=1, unit_id="a2")
    tell(world, service, 1, 999, part=1, unit_id="a3")
    before = known(world, service)
    tell(world, service, 3, 300)

    assert before == (2, [100, 200])
    assert known(world, service) == (3, [300])
