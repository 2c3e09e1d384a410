"""Rows of the store, and the JSON in them, as domain values."""

from collections.abc import Iterable, Sequence
from typing import Any

from chassis.period import Month
from planning.plan_side import Side
from planning.rolling_plan.domain import (
    Adjustment,
    CustomerNote,
    Filed,
    Layer,
    Office,
    Reason,
)
from planning.rolling_plan.supply import CheckKind, CheckState, SupplyCheck, SupplyLine
from planning.rolling_plan.tools import Tool


def customers_to_json(notes: Iterable[CustomerNote]) -> list[list[Any]]:
    """Write customers' notes."""
    return [
        [one.partner_id, one.product_id, one.sell_out, one.stock, one.note, one.suggested]
        for one in notes
    ]


def customers_from_json(rows: Sequence[Sequence[Any]]) -> tuple[CustomerNote, ...]:
    """Read customers' notes."""
    return tuple(CustomerNote(*row) for row in rows)


def supply_to_json(lines: Iterable[SupplyLine]) -> list[dict[str, Any]]:
    """Write what can be supplied."""
    return [
        {
            "product_id": one.product_id,
            "month": str(one.month),
            "demand": one.demand,
            "finished_stock": one.finished_stock,
            "capacity": one.capacity,
            "material": one.material,
            "proposal": one.proposal,
        }
        for one in lines
    ]


def supply_from_json(rows: Sequence[dict[str, Any]]) -> tuple[SupplyLine, ...]:
    """Read what can be supplied."""
    return tuple(SupplyLine(**{**row, "month": Month.parse(row["month"])}) for row in rows)


def office_of(row: Any) -> Office:
    """Read an office."""
    return Office(
        unit_id=row.unit_id,
        draft_version=row.draft_version,
        tool=Tool(row.tool) if row.tool else None,
        note=row.note,
        situation=row.situation,
        customers=customers_from_json(row.customers),
        comment=row.comment,
        passed=row.passed,
        submitted_by=row.submitted_by,
    )


def adjustment_of(row: Any) -> Adjustment:
    """Read a director's change."""
    return Adjustment(
        side=Side(row.side),
        reason=Reason(row.reason),
        note=row.note,
        delta=row.delta,
        unit_id=row.unit_id,
        product_id=row.product_id,
        channel=row.channel,
        month=Month.parse(row.month),
        adjusted_by=row.adjusted_by,
        adjust_time=row.adjust_time,
    )


def check_of(row: Any) -> SupplyCheck:
    """Read a supply check."""
    return SupplyCheck(
        kind=CheckKind(row.kind),
        state=CheckState(row.state),
        reason=row.reason,
        lines=supply_from_json(row.lines),
        asked_by=row.asked_by,
        ask_time=row.ask_time,
    )


def filed_of(row: Any) -> Filed:
    """Read a filed layer."""
    return Filed(Layer(row.layer), row.unit_id, row.version_id, row.filed_by, row.file_time)
