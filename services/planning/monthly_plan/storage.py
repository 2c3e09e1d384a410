"""Monthly plans; rows are only ever inserted, the highest version of a unit and month holds."""

from collections.abc import Collection, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import Transaction
from chassis.period import Month
from planning.monthly_plan.domain import MonthlyPlan, MonthlyPlanNotFound, PlanLine

TABLES = sa.MetaData()

monthly_plan = sa.Table(
    "monthly_plan",
    TABLES,
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("plan_version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("lines", JSONB, nullable=False),
    sa.Column("published_by", sa.Text, nullable=False),
    sa.Column("record_time", sa.DateTime(timezone=True), nullable=False),
)


_LOCK = sa.text(
    """
    SELECT pg_advisory_xact_lock(hashtextextended(key, 0))
    FROM unnest(CAST(:keys AS text[])) WITH ORDINALITY AS wanted (key, place) ORDER BY place
    """
)

_LATEST = sa.text(
    """
    SELECT plan.unit_id, plan.month, max(plan.plan_version) AS plan_version
    FROM monthly_plan AS plan
    JOIN unnest(CAST(:unit_ids AS text[]), CAST(:months AS text[])) AS wanted (unit_id, month)
      USING (unit_id, month)
    GROUP BY plan.unit_id, plan.month
    """
)


def next_versions(
    tx: Transaction, wanted: Collection[tuple[str, Month]]
) -> dict[tuple[str, Month], int]:
    """Return the versions that the next plans get; until the transaction ends nobody else gets
    them.

    Shape: (unit, month) → version, from 1. They are locked by unit and month.
    """
    ordered = sorted(wanted)
    keys = [f"monthly_plan/{unit_id}/{month}" for unit_id, month in ordered]
    tx.execute(_LOCK, {"keys": keys})
    unit_ids = [unit_id for unit_id, _ in ordered]
    months = [str(month) for _, month in ordered]
    rows = tx.execute(_LATEST, {"unit_ids": unit_ids, "months": months})
    latest = {(row.unit_id, Month.parse(row.month)): row.plan_version for row in rows}
    return {one: latest.get(one, 0) + 1 for one in ordered}


def add(tx: Transaction, plans: Sequence[MonthlyPlan], *, at: datetime) -> None:
    """Store versions."""
    rows = [
        {
            "unit_id": plan.unit_id,
            "month": str(plan.month),
            "plan_version": plan.plan_version,
            "lines": [[line.partner_id, line.product_id, line.quantity] for line in plan.lines],
            "published_by": plan.published_by,
            "record_time": at,
        }
        for plan in plans
    ]
    if rows:
        tx.execute(sa.insert(monthly_plan), rows)


def get(tx: Transaction, *, unit_id: str, month: Month, plan_version: int) -> MonthlyPlan:
    """Return a version, the highest for 0.

    Errors: MonthlyPlanNotFound.
    """
    statement = sa.select(*monthly_plan.c).where(
        monthly_plan.c.unit_id == unit_id, monthly_plan.c.month == str(month)
    )
    if plan_version:
        statement = statement.where(monthly_plan.c.plan_version == plan_version)
    row = tx.execute(statement.order_by(monthly_plan.c.plan_version.desc()).limit(1)).first()
    if row is None:
        raise MonthlyPlanNotFound(unit_id, month)
    return MonthlyPlan(
        unit_id=row.unit_id,
        month=month,
        plan_version=row.plan_version,
        lines=tuple(PlanLine(*line) for line in row.lines),
        published_by=row.published_by,
    )
