"""What was recorded for a year plan: what its steps brought, its revisions, its archive."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chassis import upsert
from chassis.database import Transaction
from chassis.money import Money
from planning.annual_plan.content import Content, key_of
from planning.annual_plan.content_json import content_from_json, content_to_json
from planning.annual_plan.domain import (
    AnnualPlan,
    Archive,
    Decision,
    Opinion,
    PlanPart,
    Revision,
)
from planning.annual_plan.errors import PlanArchiveNotFound

TABLES = sa.MetaData()
TIME = sa.DateTime(timezone=True)
ID = sa.Uuid(as_uuid=False)

annual_plan_content = sa.Table(
    "annual_plan_content",
    TABLES,
    sa.Column("annual_plan_id", ID, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("content", JSONB, nullable=False),
    sa.Column("recorded_by", sa.Text, nullable=False),
    sa.Column("record_time", TIME, nullable=False),
)

annual_plan_revision = sa.Table(
    "annual_plan_revision",
    TABLES,
    sa.Column("annual_plan_id", ID, primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("cube_version_id", ID, nullable=False),
    sa.Column("analysis_id", sa.Text, nullable=False),
    sa.Column("analysis", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3)),
    sa.Column("sales_minor", sa.BigInteger),
    sa.Column("profit_minor", sa.BigInteger),
    sa.Column("decision", sa.Text),
    sa.Column("opinions", JSONB, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("decide_time", TIME),
)

annual_plan_archive = sa.Table(
    "annual_plan_archive",
    TABLES,
    sa.Column("annual_plan_id", ID, primary_key=True),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("archived_by", sa.Text, nullable=False),
    sa.Column("archive_time", TIME, nullable=False),
)


def record(
    tx: Transaction, plan: AnnualPlan, content: Content, *, by: str, at: datetime
) -> Content | None:
    """Store what a step brings, and return what it replaces; nothing is overwritten."""
    kind, key = type(content).__name__, key_of(content)
    before = _latest(tx, plan.annual_plan_id, kind=kind, key=key)
    tx.execute(
        sa.insert(annual_plan_content).values(
            annual_plan_id=plan.annual_plan_id,
            kind=kind,
            key=key,
            number=before.number + 1 if before else 1,
            revision=plan.revision,
            content=content_to_json(content),
            recorded_by=by,
            record_time=at,
        )
    )
    return content_from_json(kind, before.content) if before else None


def contents(tx: Transaction, annual_plan_id: str) -> list[Content]:
    """Return the latest content of each kind and key, in the order of their keys."""
    table = annual_plan_content
    rows = tx.execute(
        sa.select(table.c.kind, table.c.content)
        .distinct(table.c.kind, table.c.key)
        .where(table.c.annual_plan_id == annual_plan_id)
        .order_by(table.c.kind, table.c.key, table.c.number.desc())
    )
    return [content_from_json(row.kind, row.content) for row in rows]


def save_revision(tx: Transaction, annual_plan_id: str, revision: Revision) -> None:
    """Store a revision; what is there is replaced."""
    row = {
        "annual_plan_id": annual_plan_id,
        "revision": revision.revision,
        "cube_version_id": revision.cube_version_id,
        "analysis_id": revision.analysis_id,
        "analysis": revision.analysis,
        "currency_code": revision.sales and revision.sales.currency_code,
        "sales_minor": revision.sales and revision.sales.amount_minor,
        "profit_minor": revision.profit and revision.profit.amount_minor,
        "decision": revision.decision,
        "opinions": [[one.part, one.comment] for one in revision.opinions],
        "decided_by": revision.decided_by,
        "decide_time": revision.decide_time,
    }
    upsert.put(tx, annual_plan_revision, row)


def revisions(tx: Transaction, annual_plan_id: str) -> tuple[Revision, ...]:
    """Return all revisions, the first one first."""
    table = annual_plan_revision
    rows = tx.execute(
        sa.select(*table.c)
        .where(table.c.annual_plan_id == annual_plan_id)
        .order_by(table.c.revision)
    )
    return tuple(map(_revision, rows))


def add_archive(tx: Transaction, archive: Archive) -> None:
    """Store an archived plan."""
    tx.execute(
        sa.insert(annual_plan_archive).values(
            annual_plan_id=archive.annual_plan_id,
            revision=archive.revision,
            sha256=archive.sha256,
            content=archive.content,
            archived_by=archive.archived_by,
            archive_time=archive.archive_time,
        )
    )


def get_archive(tx: Transaction, annual_plan_id: str) -> Archive:
    """Return an archived plan.

    Errors: PlanArchiveNotFound.
    """
    table = annual_plan_archive
    row = tx.execute(sa.select(*table.c).where(table.c.annual_plan_id == annual_plan_id)).first()
    if row is None:
        raise PlanArchiveNotFound(annual_plan_id)
    return Archive(**row._mapping)


def _latest(tx: Transaction, annual_plan_id: str, *, kind: str, key: str) -> sa.Row[Any] | None:
    table = annual_plan_content
    return tx.execute(
        sa.select(table.c.number, table.c.content)
        .where(table.c.annual_plan_id == annual_plan_id, table.c.kind == kind, table.c.key == key)
        .order_by(table.c.number.desc())
        .limit(1)
    ).first()


def _revision(row: sa.Row[Any]) -> Revision:
    return Revision(
        revision=row.revision,
        cube_version_id=row.cube_version_id,
        analysis_id=row.analysis_id,
        analysis=row.analysis,
        sales=_money(row.currency_code, row.sales_minor),
        profit=_money(row.currency_code, row.profit_minor),
        decision=Decision(row.decision) if row.decision else None,
        opinions=tuple(Opinion(PlanPart(part), comment) for part, comment in row.opinions),
        decided_by=row.decided_by,
        decide_time=row.decide_time,
    )


def _money(currency_code: str | None, amount_minor: int | None) -> Money | None:
    if currency_code is None or amount_minor is None:
        return None
    return Money(currency_code, amount_minor)
