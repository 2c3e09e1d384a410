"""One example of every write of planning on fund plans."""

from itertools import count
from typing import Any

from mantle.planning.v1 import fund_plan_pb2
from mantle.planning.v1 import fund_plan_service_pb2 as pb

from chassis.ids import new_id
from tests.support.examples import Example
from tests.support.examples_planning import cny
from tests.support.server import ROOT_UNIT, World

_months = count()


def plan_of(month: str = "2026-03", **fields: Any) -> pb.WriteFundPlanRequest:
    """Return the request to write the fund plan of the root unit for the first half of a month."""
    return pb.WriteFundPlanRequest(
        request_id=new_id(),
        unit_id=fields.pop("unit_id", ROOT_UNIT),
        month=month,
        half=fund_plan_pb2.FUND_HALF_FIRST,
        opening=cny(fields.pop("opening_minor", 50_000_000)),
        receipts=cny(30_000_000),
        payments=cny(42_000_000),
        receivable=cny(15_000_000),
        stock=cny(8_000_000),
        payable=cny(6_000_000),
    )


def submission_of(plan: pb.WriteFundPlanRequest) -> pb.SubmitFundPlanRequest:
    """Return the request to hand a plan in."""
    return pb.SubmitFundPlanRequest(
        request_id=new_id(), unit_id=plan.unit_id, month=plan.month, half=plan.half
    )


def write_fund_plan(_world: World) -> Example:
    """Write the plan of a month that has none."""
    return Example(plan_of(_month()), "regional_manager")


def submit_fund_plan(world: World) -> Example:
    """Hand a draft in."""
    plan = plan_of(_month())
    world.call(plan, role="regional_manager")
    return Example(submission_of(plan), "regional_manager")


def _month() -> str:
    number = next(_months)
    return f"{2030 + number // 12}-{number % 12 + 1:02}"
