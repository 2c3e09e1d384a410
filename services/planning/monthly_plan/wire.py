"""Monthly plans between the domain and the contract, and the event of a new one."""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mantle.planning.v1 import events_pb2, monthly_plan_pb2
from mantle.planning.v1 import monthly_plan_service_pb2 as pb

from chassis.events.domain import EventDraft
from planning.monthly_plan.domain import MonthlyPlan, MonthlyPlanApproved, PlanLine


def lines(messages: Iterable[monthly_plan_pb2.MonthlyPlanLine]) -> tuple[PlanLine, ...]:
    """Read the lines of a plan."""
    return tuple(PlanLine(one.partner_id, one.product_id, one.quantity) for one in messages)


def published(plan: MonthlyPlan) -> pb.PublishMonthlyPlanResponse:
    """Answer with the plan in force."""
    return pb.PublishMonthlyPlanResponse(monthly_plan=plan_to_proto(plan))


def got(plan: MonthlyPlan) -> pb.GetMonthlyPlanResponse:
    """Answer with a plan."""
    return pb.GetMonthlyPlanResponse(monthly_plan=plan_to_proto(plan))


def plan_to_proto(plan: MonthlyPlan) -> monthly_plan_pb2.MonthlyPlan:
    """Write a plan."""
    return monthly_plan_pb2.MonthlyPlan(
        unit_id=plan.unit_id,
        month=str(plan.month),
        plan_version=plan.plan_version,
        lines=map(_line, plan.lines),
        published_by=plan.published_by,
    )


def _line(line: PlanLine) -> monthly_plan_pb2.MonthlyPlanLine:
    return monthly_plan_pb2.MonthlyPlanLine(
        partner_id=line.partner_id, product_id=line.product_id, quantity=line.quantity
    )


def _approved(fact: MonthlyPlanApproved) -> EventDraft:
    payload = events_pb2.MonthlyPlanApproved(
        unit_id=fact.plan.unit_id,
        month=str(fact.plan.month),
        plan_version=fact.plan.plan_version,
        lines=map(_line, fact.plan.lines),
    )
    return EventDraft(payload, f"monthly_plan/{fact.plan.unit_id}/{fact.plan.month}")


FACTS: Final[Mapping[type, Callable[[Any], EventDraft]]] = MappingProxyType(
    {MonthlyPlanApproved: _approved}
)
