"""What an adjustment holds beside its figures, as JSON, and the text that is archived."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from chassis.money import Money
from chassis.period import Month
from planning.adjustment.domain import (
    Activity,
    ActivityReport,
    Adjustment,
    CauseCode,
    MonthlySales,
    Package,
    Shift,
    Target,
    TrackingLine,
    TrackingReport,
)
from planning.cube.domain import Cell
from planning.plan_side import Side


def content_to_json(one: Adjustment) -> dict[str, Any]:
    """Write what the steps brought."""
    return {
        "major_share": str(one.report.major_share),
        "report": [[row.measure, row.unit_id, row.target, row.actual] for row in one.report.lines],
        "major": one.major,
        "review_reason": one.review_reason,
        "cause_code": one.cause_code,
        "cause": one.cause,
        "targets": [[row.measure, row.unit_id, row.change] for row in one.targets],
        "activities": _activities_to_json(one.activities),
        "packages": [
            {
                "side": package.side,
                "shifts": _shifts_to_json(package.shifts),
                "note": package.note,
                "proposed_by": package.proposed_by,
                "propose_time": package.propose_time.isoformat(),
            }
            for package in one.packages
        ],
        "shifts": _shifts_to_json(one.shifts),
        "check_comment": one.check_comment,
    }


def content_from_json(content: dict[str, Any]) -> dict[str, Any]:
    """Read what the steps brought, as the fields of an adjustment."""
    code = content["cause_code"]
    return {
        "report": TrackingReport(
            tuple(TrackingLine(*row) for row in content["report"]), Decimal(content["major_share"])
        ),
        "major": content["major"],
        "review_reason": content["review_reason"],
        "cause_code": CauseCode(code) if code else None,
        "cause": content["cause"],
        "targets": tuple(Target(*row) for row in content["targets"]),
        "activities": _activities_from_json(content["activities"]),
        "packages": tuple(map(_package_from_json, content["packages"])),
        "shifts": _shifts_from_json(content["shifts"]),
        "check_comment": content["check_comment"],
    }


def archive_hash(one: Adjustment, figures: Sequence[Cell]) -> str:
    """Return the SHA-256 of all that an adjustment holds and of the plan's figures."""
    archived = {
        "adjustment_id": one.adjustment_id,
        "unit_id": one.unit_id,
        "month": str(one.month),
        "plan_version": one.plan_version,
        "content": content_to_json(one),
        "claims": [
            [claim.side, claim.claimed_by, claim.claim_time.isoformat()]
            for claim in sorted(one.claims, key=lambda claim: claim.side)
        ],
        "figures": sorted(
            [
                cell.measure,
                cell.address.unit_id,
                cell.address.product_id,
                str(cell.address.month),
                cell.value,
            ]
            for cell in figures
        ),
    }
    text = json.dumps(archived, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _activities_to_json(report: ActivityReport | None) -> dict[str, Any] | None:
    if report is None:
        return None
    return {
        "months": [[str(one.month), *_money(one.sales)] for one in report.months],
        "activities": [[one.campaign_id, one.name, *_money(one.cost)] for one in report.activities],
    }


def _activities_from_json(content: dict[str, Any] | None) -> ActivityReport | None:
    if content is None:
        return None
    return ActivityReport(
        tuple(
            MonthlySales(Month.parse(month), Money(currency, amount))
            for month, currency, amount in content["months"]
        ),
        tuple(
            Activity(campaign_id, name, Money(currency, amount))
            for campaign_id, name, currency, amount in content["activities"]
        ),
    )


def _package_from_json(content: dict[str, Any]) -> Package:
    return Package(
        side=Side(content["side"]),
        shifts=_shifts_from_json(content["shifts"]),
        note=content["note"],
        proposed_by=content["proposed_by"],
        propose_time=datetime.fromisoformat(content["propose_time"]),
    )


def _shifts_to_json(shifts: Sequence[Shift]) -> list[dict[str, Any]]:
    return [
        {
            "measure": one.measure,
            "unit_id": one.unit_id,
            "product_id": one.product_id,
            "channel": one.channel,
            "first_month": str(one.first_month),
            "last_month": str(one.last_month),
            "change": one.change,
        }
        for one in shifts
    ]


def _shifts_from_json(rows: Sequence[dict[str, Any]]) -> tuple[Shift, ...]:
    return tuple(
        Shift(
            **{
                **row,
                "first_month": Month.parse(row["first_month"]),
                "last_month": Month.parse(row["last_month"]),
            }
        )
        for row in rows
    )


def _money(amount: Money) -> tuple[str, int]:
    return amount.currency_code, amount.amount_minor
