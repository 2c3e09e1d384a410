"""Adjustments with their claims, and which version of a year's plan is in force."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.scope import org_unit_copy
from planning.adjustment.domain import Adjustment, Claim, PlanInForce, State
from planning.adjustment.errors import AdjustmentNotFound
from planning.adjustment.rows import content_from_json, content_to_json
from planning.plan_side import Side

TABLES = sa.MetaData()
TIME = sa.DateTime(timezone=True)

adjustment = sa.Table(
    "adjustment",
    TABLES,
    sa.Column("adjustment_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("process_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("base_plan_version", sa.Integer, nullable=False),
    sa.Column("base_version_id", sa.Text, nullable=False),
    sa.Column("plan_version", sa.Integer, nullable=False),
    sa.Column("version_id", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("effective", sa.Boolean, nullable=False),
    sa.Column("archive_hash", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", TIME, nullable=False),
)

adjustment_claim = sa.Table(
    "adjustment_claim",
    TABLES,
    sa.Column("adjustment_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("side", sa.Text, primary_key=True),
    sa.Column("claimed_by", sa.Text, nullable=False),
    sa.Column("claim_time", TIME, nullable=False),
)

plan_in_force = sa.Table(
    "plan_in_force",
    TABLES,
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("fiscal_year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("plan_version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("version_id", sa.Text, nullable=False),
    sa.Column("put_by", sa.Text, nullable=False),
    sa.Column("put_time", TIME, nullable=False),
)


def lock_plan(tx: Transaction, *, unit_id: str, fiscal_year: int) -> None:
    """Let nobody else change which plan of a year is in force, or begin an adjustment of it."""
    key = sa.func.hashtextextended(f"plan_in_force/{unit_id}/{fiscal_year}", 0)
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def put(tx: Transaction, plan: PlanInForce, *, by: str, at: datetime) -> None:
    """Store that a version is in force from now on."""
    tx.execute(
        sa.insert(plan_in_force).values(
            unit_id=plan.unit_id,
            fiscal_year=plan.fiscal_year,
            plan_version=plan.plan_version,
            version_id=plan.version_id,
            put_by=by,
            put_time=at,
        )
    )


def in_force(tx: Transaction, *, unit_id: str, fiscal_year: int) -> PlanInForce | None:
    """Return the plan of a year that is in force for a unit: its own, or the nearest above it."""
    columns = plan_in_force.c
    above, own = org_unit_copy.alias("above"), org_unit_copy.alias("own")
    row = tx.execute(
        sa.select(columns.unit_id, columns.plan_version, columns.version_id)
        .join(above, above.c.unit_id == columns.unit_id)
        .join(own, sa.func.starts_with(own.c.path, above.c.path))
        .where(own.c.unit_id == unit_id, columns.fiscal_year == fiscal_year)
        .order_by(sa.func.length(above.c.path).desc(), columns.plan_version.desc())
        .limit(1)
    ).first()
    if row is None:
        return None
    return PlanInForce(row.unit_id, fiscal_year, row.plan_version, row.version_id)


def exists(tx: Transaction, *, unit_id: str, month: Month) -> bool:
    """Tell whether a unit has an adjustment of a month."""
    found = sa.select(adjustment.c.adjustment_id).where(
        adjustment.c.unit_id == unit_id, adjustment.c.month == str(month)
    )
    return tx.execute(found).first() is not None


def ahead(tx: Transaction, one: Adjustment) -> str:
    """Name another adjustment of a year's plan that has passed its check and is not in force yet;
    the empty text when there is none."""
    columns = adjustment.c
    found = sa.select(columns.adjustment_id).where(
        columns.unit_id == one.unit_id,
        columns.month.startswith(f"{one.year:04d}-"),
        columns.adjustment_id != one.adjustment_id,
        columns.state == State.CHECKED,
        sa.not_(columns.effective),
    )
    return tx.scalar(found.limit(1)) or ""


def add(tx: Transaction, new: Adjustment) -> None:
    """Store a new adjustment."""
    tx.execute(
        sa.insert(adjustment).values(
            adjustment_id=new.adjustment_id,
            unit_id=new.unit_id,
            month=str(new.month),
            process_id=new.process_id,
            currency_code=new.currency_code,
            created_by=new.created_by,
            create_time=new.create_time,
            **_changing(new),
        )
    )


def save(tx: Transaction, changed: Adjustment) -> None:
    """Store what can change of an adjustment, its claims left out."""
    tx.execute(
        sa.update(adjustment)
        .where(adjustment.c.adjustment_id == changed.adjustment_id)
        .values(**_changing(changed))
    )


def add_claim(tx: Transaction, adjustment_id: str, claim: Claim) -> None:
    """Store a claim."""
    tx.execute(
        sa.insert(adjustment_claim).values(
            adjustment_id=adjustment_id,
            side=claim.side,
            claimed_by=claim.claimed_by,
            claim_time=claim.claim_time,
        )
    )


def get(tx: Transaction, adjustment_id: str, *, lock: bool = False) -> Adjustment:
    """Return an adjustment; with `lock`, nobody else changes it until the transaction ends.

    Errors: AdjustmentNotFound.
    """
    statement = sa.select(*adjustment.c).where(adjustment.c.adjustment_id == adjustment_id)
    row = tx.execute(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise AdjustmentNotFound(adjustment_id)
    return _adjustments(tx, [row])[0]


def page(tx: Transaction, part: Page, *, units: sa.ScalarSelect[str] | None) -> Slice[Adjustment]:
    """Return a page of adjustments, the latest month first."""
    statement = sa.select(*adjustment.c)
    if units is not None:
        statement = statement.where(adjustment.c.unit_id.in_(units))
    columns = [adjustment.c.month, adjustment.c.adjustment_id]
    rows = tx.execute(keyset(statement, part, columns, descending=True)).all()
    return part.slice(_adjustments(tx, rows), key=lambda one: [str(one.month), one.adjustment_id])


def _changing(one: Adjustment) -> dict[str, object]:
    return {
        "state": one.state,
        "base_plan_version": one.base.plan_version,
        "base_version_id": one.base.version_id,
        "plan_version": one.plan_version,
        "version_id": one.version_id,
        "attempt": one.attempt,
        "content": content_to_json(one),
        "effective": one.effective,
        "archive_hash": one.archive_hash,
    }


def _adjustments(tx: Transaction, rows: Sequence[Any]) -> list[Adjustment]:
    """Put adjustments together with their claims, by one statement for all of them."""
    claims: dict[str, list[Claim]] = {row.adjustment_id: [] for row in rows}
    statement = sa.select(*adjustment_claim.c).where(
        adjustment_claim.c.adjustment_id.in_(list(claims))
    )
    for row in tx.execute(statement.order_by(adjustment_claim.c.claim_time)):
        claims[row.adjustment_id].append(Claim(Side(row.side), row.claimed_by, row.claim_time))
    return [_adjustment(row, claims[row.adjustment_id]) for row in rows]


def _adjustment(row: Any, claims: Sequence[Claim]) -> Adjustment:
    month = Month.parse(row.month)
    return Adjustment(
        adjustment_id=row.adjustment_id,
        unit_id=row.unit_id,
        month=month,
        state=State(row.state),
        process_id=row.process_id,
        base=PlanInForce(row.unit_id, month.year, row.base_plan_version, row.base_version_id),
        currency_code=row.currency_code,
        created_by=row.created_by,
        create_time=row.create_time,
        claims=tuple(claims),
        plan_version=row.plan_version,
        version_id=row.version_id,
        attempt=row.attempt,
        effective=row.effective,
        archive_hash=row.archive_hash,
        **content_from_json(row.content),
    )
