"""Monthly plans through a real server."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from mantle.planning.v1 import events_pb2, monthly_plan_pb2
from mantle.planning.v1 import monthly_plan_service_pb2 as plans

from tests.support.planning_world import Office, office
from tests.support.server import Refused

__all__ = ["office"]


def publish(quantity: int, unit_id: str = "hq") -> plans.PublishMonthlyPlanRequest:
    line = monthly_plan_pb2.MonthlyPlanLine(partner_id="D1", product_id="P1", quantity=quantity)
    return plans.PublishMonthlyPlanRequest(unit_id=unit_id, month="2026-04", lines=[line])


def test_the_next_version_replaces_the_one_before_which_can_still_be_read(office: Office) -> None:
    office.world.call(publish(1_000), role="planning")
    office.world.call(publish(1_200), role="planning")

    latest, first = (
        office.world.call(
            plans.GetMonthlyPlanRequest(unit_id="hq", month="2026-04", plan_version=version),
            role="planning",
        ).monthly_plan
        for version in (0, 1)
    )

    facts = office.facts(events_pb2.MonthlyPlanApproved)
    assert (latest.plan_version, latest.lines[0].quantity) == (2, 1_200)
    assert (first.plan_version, first.lines[0].quantity) == (1, 1_000)
    assert [(fact.plan_version, fact.lines[0].quantity) for fact in facts] == [
        (1, 1_000),
        (2, 1_200),
    ]


def test_versions_published_at_once_follow_each_other_without_a_gap(office: Office) -> None:
    barrier = threading.Barrier(5)

    def send(quantity: int) -> int:
        barrier.wait(timeout=10)
        reply = office.world.call(publish(quantity), role="planning")
        return int(reply.monthly_plan.plan_version)

    with ThreadPoolExecutor(5) as pool:
        versions = list(pool.map(send, range(5)))

    assert sorted(versions) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("request_", "reason", "code"),
    [
        (publish(1, "r9"), "UNIT_NOT_FOUND", "NOT_FOUND"),
        (publish(-1), "REQUEST_INVALID", "INVALID_ARGUMENT"),
        (
            plans.GetMonthlyPlanRequest(unit_id="hq", month="2026-05"),
            "MONTHLY_PLAN_NOT_FOUND",
            "NOT_FOUND",
        ),
    ],
)
def test_a_monthly_plan_is_refused_with_its_reason(
    office: Office, request_: plans.GetMonthlyPlanRequest, reason: str, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        office.world.call(request_, role="planning")

    assert (refused.value.reason, refused.value.code.name) == (reason, code)
