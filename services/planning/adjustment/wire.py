"""Adjustments between the domain and the contract, and the event of an adjusted plan."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.message import Message
from mantle.planning.v1 import adjustment_pb2, events_pb2, plan_side_pb2
from mantle.planning.v1 import adjustment_service_pb2 as pb

from chassis.events.domain import EventDraft
from chassis.paging import Slice
from chassis.period import Month
from chassis.wire import from_decimal, from_money, from_time
from planning.adjustment.domain import (
    ActivityReport,
    Adjustment,
    CauseCode,
    Claim,
    Package,
    PlanAdjusted,
    Shift,
    State,
    Target,
    TrackingReport,
)
from planning.cube.domain import Cell
from planning.plan_side import Side

_STATES: Final = {state: adjustment_pb2.Adjustment.State.Value(f"STATE_{state}") for state in State}
_CAUSES: Final = {code: adjustment_pb2.CauseCode.Value(f"CAUSE_CODE_{code}") for code in CauseCode}
_CAUSES_READ: Final = {number: code for code, number in _CAUSES.items()}
_SIDES: Final = {side: plan_side_pb2.PlanSide.Value(f"PLAN_SIDE_{side}") for side in Side}
_SIDES_READ: Final = {number: side for side, number in _SIDES.items()}


def is_major(request: pb.ReviewVarianceRequest) -> bool:
    """Read what the meeting decided."""
    return request.decision == pb.ReviewVarianceRequest.DECISION_MAJOR


def passes(request: pb.CheckAdjustmentRequest) -> bool:
    """Read what finance found."""
    return request.decision == pb.CheckAdjustmentRequest.DECISION_PASSED


def cause_code(request: pb.SetNewTargetsRequest) -> CauseCode:
    """Read the kind of cause."""
    return _CAUSES_READ[request.cause_code]


def side(request: pb.ProposePackageRequest | pb.ClaimAdjustmentRequest) -> Side:
    """Read whose side it is."""
    return _SIDES_READ[request.side]


def targets(request: pb.SetNewTargetsRequest) -> tuple[Target, ...]:
    """Read what the rest of the year must bring."""
    return tuple(Target(one.measure, one.unit_id, one.change) for one in request.targets)


def shifts(messages: Iterable[adjustment_pb2.PlanShift]) -> tuple[Shift, ...]:
    """Read changes of the plan.

    Errors: PeriodInvalid.
    """
    return tuple(
        Shift(
            measure=one.measure,
            unit_id=one.unit_id,
            product_id=one.product_id,
            channel=one.channel,
            first_month=Month.parse(one.first_month),
            last_month=Month.parse(one.last_month),
            change=one.change,
        )
        for one in messages
    )


def replied(response: type[Any]) -> Callable[[Adjustment], Message]:
    """Answer with the adjustment as it is now, in the response of the RPC."""
    return lambda one: response(adjustment=adjustment_to_proto(one))


def listed(found: Slice[Adjustment]) -> pb.ListAdjustmentsResponse:
    """Answer with a page of adjustments."""
    return pb.ListAdjustmentsResponse(
        adjustments=map(adjustment_to_proto, found.items), next_page_token=found.next_page_token
    )


def adjustment_to_proto(one: Adjustment) -> adjustment_pb2.Adjustment:
    """Write an adjustment."""
    return adjustment_pb2.Adjustment(
        adjustment_id=one.adjustment_id,
        unit_id=one.unit_id,
        month=str(one.month),
        state=_STATES[one.state],
        base_plan_version=one.base.plan_version,
        base_version_id=one.base.version_id,
        plan_version=one.plan_version,
        version_id=one.version_id,
        currency_code=one.currency_code,
        report=_report(one.report),
        major=one.major,
        review_reason=one.review_reason,
        cause_code=_CAUSES[one.cause_code]
        if one.cause_code
        else adjustment_pb2.CAUSE_CODE_UNSPECIFIED,
        cause=one.cause,
        targets=[
            adjustment_pb2.AdjustmentTarget(
                measure=target.measure, unit_id=target.unit_id, change=target.change
            )
            for target in one.targets
        ],
        activities=_activities(one.activities) if one.activities else None,
        packages=map(_package, one.packages),
        shifts=_shifts(one.shifts),
        check_comment=one.check_comment,
        claims=map(_claim, one.claims),
        effective=one.effective,
        archive_hash=one.archive_hash,
        process_id=one.process_id,
        created_by=one.created_by,
        create_time=from_time(one.create_time),
    )


def _report(report: TrackingReport) -> adjustment_pb2.TrackingReport:
    lines = []
    for line in report.lines:
        percent = line.variance_percent
        lines.append(
            adjustment_pb2.TrackingLine(
                measure=line.measure,
                unit_id=line.unit_id,
                target=line.target,
                actual=line.actual,
                variance_percent="" if percent is None else from_decimal(percent),
                major=line.is_major(report.major_share),
            )
        )
    return adjustment_pb2.TrackingReport(lines=lines, major_share=from_decimal(report.major_share))


def _activities(report: ActivityReport) -> adjustment_pb2.ActivityReport:
    return adjustment_pb2.ActivityReport(
        months=[
            adjustment_pb2.MonthlySales(month=str(one.month), sales=from_money(one.sales))
            for one in report.months
        ],
        activities=[
            adjustment_pb2.ActivityCost(
                campaign_id=one.campaign_id, name=one.name, cost=from_money(one.cost)
            )
            for one in report.activities
        ],
    )


def _package(one: Package) -> adjustment_pb2.AdjustmentPackage:
    return adjustment_pb2.AdjustmentPackage(
        side=_SIDES[one.side],
        shifts=_shifts(one.shifts),
        note=one.note,
        proposed_by=one.proposed_by,
        propose_time=from_time(one.propose_time),
    )


def _shifts(shifts: Sequence[Shift]) -> list[adjustment_pb2.PlanShift]:
    return [
        adjustment_pb2.PlanShift(
            measure=one.measure,
            unit_id=one.unit_id,
            product_id=one.product_id,
            channel=one.channel,
            first_month=str(one.first_month),
            last_month=str(one.last_month),
            change=one.change,
        )
        for one in shifts
    ]


def _claim(one: Claim) -> adjustment_pb2.AdjustmentClaim:
    return adjustment_pb2.AdjustmentClaim(
        side=_SIDES[one.side], claimed_by=one.claimed_by, claim_time=from_time(one.claim_time)
    )


def _adjusted(fact: PlanAdjusted) -> EventDraft:
    one = fact.adjustment
    payload = events_pb2.PlanAdjusted(
        adjustment_id=one.adjustment_id,
        unit_id=one.unit_id,
        fiscal_year=one.year,
        plan_version=one.plan_version,
        currency_code=one.currency_code,
        quotas=map(_figure, fact.quotas),
        limits=map(_figure, fact.limits),
        part=fact.part,
        part_count=fact.part_count,
    )
    return EventDraft(payload, f"plan/{one.unit_id}/{one.year}")


def _figure(cell: Cell) -> events_pb2.AdjustedFigure:
    return events_pb2.AdjustedFigure(
        measure=cell.measure,
        unit_id=cell.address.unit_id,
        product_id=cell.address.product_id,
        month=str(cell.address.month),
        value=cell.value,
    )


FACTS: Final[Mapping[type, Callable[[Any], EventDraft]]] = MappingProxyType(
    {PlanAdjusted: _adjusted}
)
