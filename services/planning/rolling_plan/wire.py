"""Rolling cycles between the domain and the contract, and the event of an approved plan."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from google.protobuf.message import Message
from mantle.planning.v1 import events_pb2, plan_side_pb2, rolling_plan_pb2
from mantle.planning.v1 import rolling_plan_service_pb2 as pb

from chassis.events.domain import EventDraft
from chassis.paging import Slice
from chassis.period import Month
from chassis.wire import from_decimal, from_time
from planning.monthly_plan.wire import plan_to_proto
from planning.plan_side import Side
from planning.rolling_plan.delivery import Delivery, Group
from planning.rolling_plan.domain import (
    Adjustment,
    CustomerNote,
    Cycle,
    Deadlines,
    Filed,
    Layer,
    Line,
    Office,
    Reason,
    RollingPlanApproved,
    State,
)
from planning.rolling_plan.readings import AccuracyLine, Form, FormLine, Merged
from planning.rolling_plan.supply import CheckKind, CheckState, SupplyCheck, SupplyLine
from planning.rolling_plan.tools import Tool
from planning.rolling_plan.wire_market import from_risk, from_stock

_DRAFT: Final = rolling_plan_pb2.ForecastAdjustmentDraft
_CHECK: Final = rolling_plan_pb2.SupplyCheck
_STATES: Final = {
    state: rolling_plan_pb2.RollingCycle.State.Value(f"STATE_{state}") for state in State
}
_TOOLS: Final = {
    tool: rolling_plan_pb2.ForecastTool.Value(f"FORECAST_TOOL_{tool}") for tool in Tool
}
_TOOLS_READ: Final = {number: tool for tool, number in _TOOLS.items()}
_SIDES: Final = {side: plan_side_pb2.PlanSide.Value(f"PLAN_SIDE_{side}") for side in Side}
_SIDES_READ: Final = {number: side for side, number in _SIDES.items()}
_REASONS: Final = {reason: _DRAFT.Reason.Value(f"REASON_{reason}") for reason in Reason}
_REASONS_READ: Final = {number: reason for reason, number in _REASONS.items()}
_LAYERS: Final = {
    layer: rolling_plan_pb2.ForecastLayer.Value(f"FORECAST_LAYER_{layer}") for layer in Layer
}
_GROUPS: Final = {
    group: rolling_plan_pb2.RecipientGroup.Value(f"RECIPIENT_GROUP_{group}") for group in Group
}
_GROUPS_READ: Final = {number: group for group, number in _GROUPS.items()}
_KINDS: Final = {kind: _CHECK.Kind.Value(f"KIND_{kind}") for kind in CheckKind}
_CHECK_STATES: Final = {state: _CHECK.State.Value(f"STATE_{state}") for state in CheckState}
_NEVER: Final = datetime(1970, 1, 1, tzinfo=UTC)


def notes(request: pb.RecordCustomerDemandRequest) -> tuple[CustomerNote, ...]:
    """Read what customers said."""
    return tuple(
        CustomerNote(one.partner_id, one.product_id, one.sell_out, one.stock, one.note)
        for one in request.customers
    )


def lines(messages: Iterable[rolling_plan_pb2.ForecastLine]) -> tuple[Line, ...]:
    """Read the lines of a draft.

    Errors: PeriodInvalid.
    """
    return tuple(
        Line(one.product_id, one.channel, one.partner_id, Month.parse(one.month), one.quantity)
        for one in messages
    )


def tool(request: pb.SubmitOfficeDraftRequest) -> Tool:
    """Read what a draft was made with."""
    return _TOOLS_READ[request.tool]


def passes(request: pb.CheckOfficeDraftRequest) -> bool:
    """Read what the regional manager decided."""
    return request.decision == pb.CheckOfficeDraftRequest.DECISION_PASSED


def side(request: pb.AdjustForecastRequest | pb.GiveConsentRequest) -> Side:
    """Read whose side it is."""
    return _SIDES_READ[request.side]


def group(request: pb.AcknowledgePlanRequest) -> Group:
    """Read which recipients acknowledge."""
    return _GROUPS_READ[request.recipient_group]


def changes(request: pb.AdjustForecastRequest) -> tuple[Adjustment, ...]:
    """Read what a director changes; who and when, the use case fills in.

    Errors: PeriodInvalid.
    """
    return tuple(
        Adjustment(
            side=_SIDES_READ[request.side],
            reason=_REASONS_READ[one.reason],
            note=one.note,
            delta=one.delta,
            unit_id=one.unit_id,
            product_id=one.product_id,
            channel=one.channel,
            month=Month.parse(one.month),
            adjusted_by="",
            adjust_time=_NEVER,
        )
        for one in request.adjustments
    )


def month_or_none(text: str) -> Month | None:
    """Read a month that may be left out.

    Errors: PeriodInvalid.
    """
    return Month.parse(text) if text else None


def replied(response: type[Any], *, office: str = "") -> Callable[[Cycle], Message]:
    """Answer with the cycle as it is now, in the response of the RPC.

    Shape: what an office recorded is in the answer to its own step alone, and in its form; a
        company has hundreds of offices with hundreds of customers each.
    """
    return lambda cycle: response(cycle=cycle_to_proto(cycle, office=office))


def listed(found: Slice[Cycle]) -> pb.ListRollingCyclesResponse:
    """Answer with a page of cycles."""
    return pb.ListRollingCyclesResponse(
        cycles=map(cycle_to_proto, found.items), next_page_token=found.next_page_token
    )


def got_form(form: Form) -> pb.GetOfficeFormResponse:
    """Answer with an office's form."""
    return pb.GetOfficeFormResponse(
        history=map(_line, form.history),
        lines=map(_form_line, form.lines),
        customers=map(_customer, form.customers),
        situation=form.situation,
        stocks=map(from_stock, form.stocks),
        quality_risks=map(from_risk, form.risks),
    )


def got_merged(found: Merged) -> pb.GetMergedForecastResponse:
    """Answer with the merged figures."""
    return pb.GetMergedForecastResponse(
        total_quantity=found.total,
        units=[pb.UnitVolume(unit_id=unit, quantity=quantity) for unit, quantity in found.units],
        channels=[
            pb.ChannelVolume(channel=channel, quantity=quantity)
            for channel, quantity in found.channels
        ],
    )


def got_accuracy(found: Iterable[AccuracyLine]) -> pb.GetForecastAccuracyResponse:
    """Answer with the accuracy of what was filed."""
    return pb.GetForecastAccuracyResponse(
        lines=[
            pb.AccuracyLine(
                layer=_LAYERS[one.layer],
                unit_id=one.unit_id,
                month=str(one.month),
                forecast=one.forecast,
                actual=one.actual,
                error_percent=_percent(one.error),
                accuracy_percent=_percent(one.accuracy),
            )
            for one in found
        ]
    )


def got_deliveries(found: Iterable[Delivery]) -> pb.GetDeliveryLogResponse:
    """Answer with the delivery log."""
    return pb.GetDeliveryLogResponse(
        deliveries=[
            pb.PlanDelivery(
                recipient_group=_GROUPS[one.group],
                acknowledged=one.acknowledged,
                acknowledgements=[
                    pb.PlanAcknowledgement(
                        unit_id=each.unit_id,
                        acknowledged_by=each.acknowledged_by,
                        acknowledge_time=from_time(each.acknowledge_time),
                    )
                    for each in one.acknowledgements
                ],
            )
            for one in found
        ]
    )


def cycle_to_proto(cycle: Cycle, *, office: str = "") -> rolling_plan_pb2.RollingCycle:
    """Write a cycle."""
    return rolling_plan_pb2.RollingCycle(
        cycle_id=cycle.cycle_id,
        unit_id=cycle.unit_id,
        month=str(cycle.month),
        state=_STATES[cycle.state],
        horizon=map(str, cycle.horizon),
        deadlines=_deadlines(cycle.deadlines),
        offices=[_office(one, whole=one.unit_id == office) for one in cycle.offices.values()],
        adjustments=map(_adjustment, cycle.adjustments),
        sales_consent=cycle.consents[Side.SALES],
        market_consent=cycle.consents[Side.MARKET],
        minutes=cycle.minutes,
        supply_checks=map(_check, cycle.checks),
        filed_forecasts=map(_filed, cycle.filed),
        plan_version=cycle.plan_version,
        version_id=cycle.version_id,
        process_id=cycle.process_id,
        created_by=cycle.created_by,
        create_time=from_time(cycle.create_time),
    )


def _deadlines(one: Deadlines) -> rolling_plan_pb2.CycleDeadlines:
    return rolling_plan_pb2.CycleDeadlines(
        start_date=one.start.isoformat(),
        merge_date=one.merge.isoformat(),
        coordination_date=one.coordination.isoformat(),
        approval_date=one.approval.isoformat(),
    )


def _office(one: Office, *, whole: bool) -> rolling_plan_pb2.CycleOffice:
    return rolling_plan_pb2.CycleOffice(
        unit_id=one.unit_id,
        draft_version=one.draft_version,
        tool=_TOOLS[one.tool] if one.tool else rolling_plan_pb2.FORECAST_TOOL_UNSPECIFIED,
        note=one.note,
        situation=one.situation if whole else "",
        customers=map(_customer, one.customers if whole else ()),
        comment=one.comment,
        passed=one.passed,
        submitted_by=one.submitted_by,
    )


def _customer(one: CustomerNote) -> rolling_plan_pb2.CustomerDemand:
    return rolling_plan_pb2.CustomerDemand(
        customer=rolling_plan_pb2.CustomerNote(
            partner_id=one.partner_id,
            product_id=one.product_id,
            sell_out=one.sell_out,
            stock=one.stock,
            note=one.note,
        ),
        suggested_quantity=one.suggested,
    )


def _line(one: Line) -> rolling_plan_pb2.ForecastLine:
    return rolling_plan_pb2.ForecastLine(
        product_id=one.product_id,
        channel=one.channel,
        partner_id=one.partner_id,
        month=str(one.month),
        quantity=one.quantity,
    )


def _form_line(one: FormLine) -> pb.FormLine:
    return pb.FormLine(
        product_id=one.product_id,
        channel=one.channel,
        month=str(one.month),
        annual_quantity=one.annual,
        last_quantity=one.last,
        quantity=one.quantity,
        deviation_percent=_percent(one.deviation),
        suggestions=[
            pb.ToolSuggestion(tool=_TOOLS[tool], quantity=quantity)
            for tool, quantity in one.suggestions.items()
        ],
    )


def _adjustment(one: Adjustment) -> rolling_plan_pb2.ForecastAdjustment:
    return rolling_plan_pb2.ForecastAdjustment(
        side=_SIDES[one.side],
        adjustment=_DRAFT(
            reason=_REASONS[one.reason],
            note=one.note,
            delta=one.delta,
            unit_id=one.unit_id,
            product_id=one.product_id,
            channel=one.channel,
            month=str(one.month),
        ),
        adjusted_by=one.adjusted_by,
        adjust_time=from_time(one.adjust_time),
    )


def _check(one: SupplyCheck) -> rolling_plan_pb2.SupplyCheck:
    return _CHECK(
        kind=_KINDS[one.kind],
        state=_CHECK_STATES[one.state],
        reason=one.reason,
        lines=map(_supply, one.lines),
        asked_by=one.asked_by,
        ask_time=from_time(one.ask_time),
    )


def _supply(one: SupplyLine) -> rolling_plan_pb2.SupplyLine:
    return rolling_plan_pb2.SupplyLine(
        product_id=one.product_id,
        month=str(one.month),
        demand=one.demand,
        finished_stock=one.finished_stock,
        capacity=one.capacity,
        material=one.material,
        supply=one.supply,
        shortfall=one.shortfall,
        proposal=one.proposal,
    )


def _filed(one: Filed) -> rolling_plan_pb2.FiledForecast:
    return rolling_plan_pb2.FiledForecast(
        layer=_LAYERS[one.layer],
        unit_id=one.unit_id,
        version_id=one.version_id,
        filed_by=one.filed_by,
        file_time=from_time(one.file_time),
    )


def _percent(value: Decimal | None) -> str:
    return "" if value is None else from_decimal(value)


def _approved(fact: RollingPlanApproved) -> EventDraft:
    cycle = fact.cycle
    payload = events_pb2.MonthlyPlanApproved(
        unit_id=cycle.unit_id,
        month=str(cycle.month),
        plan_version=cycle.plan_version,
        cycle_id=cycle.cycle_id,
        plans=map(plan_to_proto, fact.plans),
        volumes=_volumes(fact),
    )
    return EventDraft(payload, f"monthly_plan/{cycle.unit_id}/{cycle.month}")


def _volumes(fact: RollingPlanApproved) -> list[rolling_plan_pb2.PlanVolume]:
    """Sum the figures over partners, because not every recipient is to see each partner's part."""
    sums: dict[tuple[str, str, str, str], int] = {}
    for cell in fact.cells:
        at = cell.address
        key = (at.unit_id, at.product_id, at.channel, str(at.month))
        sums[key] = sums.get(key, 0) + cell.value
    return [
        rolling_plan_pb2.PlanVolume(
            unit_id=unit, product_id=product, channel=channel, month=month, quantity=quantity
        )
        for (unit, product, channel, month), quantity in sorted(sums.items())
    ]


FACTS: Final[Mapping[type, Callable[[Any], EventDraft]]] = MappingProxyType(
    {RollingPlanApproved: _approved}
)
