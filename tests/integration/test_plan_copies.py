"""What channels and settlement keep of the year's plan, as planning tells it."""

from typing import Any

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
    world: World,
    service: str,
    plan_version: int,
    value: int,
    *,
    part: int = 0,
    part_count: int = 0,
    unit_id: str = "a1",
) -> None:
    """Apply an adjusted plan of one figure, or a part of one, as the subscription does."""
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
        part_count=part_count,
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
    return figures_of(service, world.call(ASKED[service], role="finance"))


def figures_of(service: str, reply: Any) -> tuple[int, list[int]]:
    """Return the version and the figures of a reply."""
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
def test_a_plan_told_in_parts_takes_the_older_one_s_place_when_the_last_is_here(
    world: World, service: str
) -> None:
    world.start("planning", service).settle()
    tell(world, service, 1, 999)

    seen = []
    for part, value in ((0, 100), (1, 200), (2, 300)):
        tell(world, service, 2, value, part=part, part_count=3, unit_id=f"a{part}")
        seen.append(known(world, service))

    assert seen == [(1, [999]), (1, [999]), (2, [100, 200, 300])]


@req("R-040")
@each_service
def test_a_part_that_comes_again_changes_nothing(world: World, service: str) -> None:
    world.start("planning", service).settle()

    for part in (0, 0, 1, 1, 0, 1):
        tell(world, service, 2, 100 + part, part=part, part_count=2, unit_id=f"a{part}")

    assert known(world, service) == (2, [100, 101])


@req("R-040")
@each_service
def test_parts_that_never_became_whole_are_forgotten_with_the_next_plan(
    world: World, service: str
) -> None:
    world.start("planning", service).settle()
    tell(world, service, 2, 100, part=0, part_count=2)

    tell(world, service, 3, 300)

    assert known(world, service) == (3, [300])
    assert world.rows(service, "SELECT part FROM event_part") == []


@each_service
def test_the_figures_of_a_plan_come_in_pages(world: World, service: str) -> None:
    world.start("planning", service).settle()
    for part in range(5):
        tell(world, service, 2, 100 + part, part=part, part_count=5, unit_id=f"a{part}")

    values: list[tuple[int, list[int]]] = []
    token = ""
    while token or not values:
        asked = type(ASKED[service])()
        asked.CopyFrom(ASKED[service])
        asked.page_size, asked.page_token = 2, token  # type: ignore[attr-defined]
        reply = world.call(asked, role="finance")
        values.append(figures_of(service, reply))
        token = reply.next_page_token

    assert values == [(2, [100, 101]), (2, [102, 103]), (2, [104])]
