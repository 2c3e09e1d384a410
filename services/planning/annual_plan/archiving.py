"""The archive of a year plan: its content as one text with a hash, and the score of its year."""

import hashlib
import json
from datetime import datetime
from typing import Any

from chassis.database import Transaction
from chassis.scope import Caller
from planning.annual_plan import figures, record_storage, target_storage, usecases
from planning.annual_plan.domain import AnnualPlan, Archive
from planning.annual_plan.report import Score
from planning.annual_plan.targets import Target


def archived(tx: Transaction, plan: AnnualPlan, *, by: Caller, at: datetime) -> Archive:
    """Write the plan down as one text, and hash it."""
    content = json.dumps(
        _content(tx, plan), sort_keys=True, ensure_ascii=False, separators=(",", ":")
    )
    return Archive(
        annual_plan_id=plan.annual_plan_id,
        revision=plan.revision,
        sha256=hashlib.sha256(content.encode()).hexdigest(),
        content=content,
        archived_by=by.subject,
        archive_time=at,
    )


def get(tx: Transaction, *, annual_plan_id: str, by: Caller) -> tuple[Archive, Score]:
    """Return an archived plan with its score.

    Errors: AnnualPlanNotFound, OutOfScope, PlanArchiveNotFound.
    Source: R-027.
    """
    plan = usecases.owned(tx, annual_plan_id, by=by)
    found = record_storage.get_archive(tx, annual_plan_id)
    score = Score(
        archived=plan.money(json.loads(found.content)["sales_minor"]),
        current=figures.sales(tx, plan, plan.cube_version_id),
        actual=figures.actual_sales(tx, plan) or plan.money(0),
    )
    return found, score


def _content(tx: Transaction, plan: AnnualPlan) -> dict[str, Any]:
    targets = figures.valued(tx, plan, target_storage.living(tx, plan.annual_plan_id))
    return {
        "annual_plan_id": plan.annual_plan_id,
        "fiscal_year": plan.fiscal_year,
        "revision": plan.revision,
        "currency_code": plan.currency_code,
        "cube_version_id": plan.cube_version_id,
        "sales_minor": figures.sales(tx, plan, plan.cube_version_id).amount_minor,
        "figures": [list(one) for one in figures.lines(tx, plan)],
        "targets": sorted(map(_target, targets)),
    }


def _target(target: Target) -> list[str | int]:
    place = target.place
    value = target.value.amount_minor if target.value else 0
    return [target.view, target.measure, place.unit_id, place.product_id, place.channel, value]
