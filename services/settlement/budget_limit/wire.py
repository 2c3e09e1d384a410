"""Limits between the domain and the contract."""

from collections.abc import Sequence

from mantle.planning.v1 import events_pb2
from mantle.settlement.v1 import budget_limit_pb2
from mantle.settlement.v1 import budget_limit_service_pb2 as pb

from chassis.money import Money
from chassis.wire import from_money
from settlement.budget_limit.domain import Limit, Limits


def told(parts: Sequence[events_pb2.AnnualPlanApproved | events_pb2.PlanAdjusted]) -> Limits:
    """Read the limits of a plan that was approved or adjusted."""
    first = parts[0]
    return Limits(
        first.unit_id,
        first.fiscal_year,
        first.plan_version,
        first.currency_code,
        tuple(
            Limit(one.month, one.unit_id, one.measure, Money(first.currency_code, one.value))
            for part in parts
            for one in part.limits
        ),
    )


def got(found: Limits) -> pb.GetBudgetLimitsResponse:
    """Answer with the limits."""
    return pb.GetBudgetLimitsResponse(
        budget_limits=budget_limit_pb2.BudgetLimits(
            unit_id=found.unit_id,
            fiscal_year=found.fiscal_year,
            plan_version=found.plan_version,
            limits=[
                budget_limit_pb2.BudgetLimit(
                    unit_id=one.unit_id,
                    month=one.month,
                    expense_type=one.expense_type,
                    amount=from_money(one.amount),
                )
                for one in found.limits
            ],
        ),
        next_page_token=found.next_page_token,
    )
