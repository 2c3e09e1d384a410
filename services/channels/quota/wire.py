"""Targets between the domain and the contract."""

from collections.abc import Sequence

from mantle.channels.v1 import quota_pb2
from mantle.channels.v1 import quota_service_pb2 as pb
from mantle.planning.v1 import events_pb2

from channels.quota.domain import Target, Targets


def told(parts: Sequence[events_pb2.AnnualPlanApproved | events_pb2.PlanAdjusted]) -> Targets:
    """Read the targets of a plan that was approved or adjusted."""
    first = parts[0]
    return Targets(
        first.unit_id,
        first.fiscal_year,
        first.plan_version,
        first.currency_code,
        tuple(
            Target(one.month, one.unit_id, one.product_id, one.measure, one.value)
            for part in parts
            for one in part.quotas
        ),
    )


def got(found: Targets) -> pb.GetSalesTargetsResponse:
    """Answer with the targets."""
    return pb.GetSalesTargetsResponse(
        sales_targets=quota_pb2.SalesTargets(
            unit_id=found.unit_id,
            fiscal_year=found.fiscal_year,
            plan_version=found.plan_version,
            currency_code=found.currency_code,
            targets=[
                quota_pb2.SalesTarget(
                    measure=one.measure,
                    unit_id=one.unit_id,
                    product_id=one.product_id,
                    month=one.month,
                    value=one.value,
                )
                for one in found.targets
            ],
        ),
        next_page_token=found.next_page_token,
    )
