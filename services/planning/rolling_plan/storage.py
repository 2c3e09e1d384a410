"""Monthly plans; rows are only ever inserted, the highest version of a unit and month holds."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import Transaction
from chassis.period import Month
from planning.rolling_plan.domain import MonthlyPlan, MonthlyPlanNotFound, PlanLine

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


def next_version(tx: Transaction, *, unit_id: str, month: Month) -> int:
    """Return the version that the next plan gets; until the transaction ends nobody else gets one.

    Shape: from 1.
    """
    key = sa.func.hashtextextended(f"monthly_plan/{unit_id}/{month}", 0)
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
    latest = tx.scalar(
        sa.select(sa.func.max(monthly_plan.c.plan_version)).where(
            monthly_plan.c.unit_id == unit_id, monthly_plan.c.month == str(month)
        )
    )
    return (latest or 0) + 1


def add(tx: Transaction, plan: MonthlyPlan, *, at: datetime) -> None:
    """Store a version."""
    tx.execute(
        sa.insert(monthly_plan).values(
            unit_id=plan.unit_id,
            month=str(plan.month),
            plan_version=plan.plan_version,
            lines=[[line.partner_id, line.product_id, line.quantity] for line in plan.lines],
            published_by=plan.published_by,
            record_time=at,
        )
    )


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
