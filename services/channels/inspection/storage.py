"""The tables of visits and findings; a row is locked before it changes."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from channels.inspection.domain import (
    Coverage,
    Finding,
    FindingFilter,
    FindingNotFound,
    FindingState,
    Kind,
    ProductCount,
    Report,
    Score,
    Visit,
    VisitFilter,
    VisitNotFound,
    VisitPlan,
    VisitPlanNotFound,
    VisitState,
)
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

visit_plan = sa.Table(
    "visit_plan",
    TABLES,
    sa.Column("plan_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
)
visit = sa.Table(
    "visit",
    TABLES,
    sa.Column("visit_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("plan_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("visitor", sa.Text, nullable=False),
    sa.Column("visit_date", sa.Date, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("report", JSONB(none_as_null=True)),
    sa.Column("missed_reason", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
finding = sa.Table(
    "finding",
    TABLES,
    sa.Column("finding_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("visit_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due_date", sa.Date, nullable=False),
    sa.Column("correction", sa.Text, nullable=False),
    sa.Column("corrected_by", sa.Text, nullable=False),
    sa.Column("check_note", sa.Text, nullable=False),
    sa.Column("checked_by", sa.Text, nullable=False),
    sa.Column("reopened_count", sa.Integer, nullable=False),
    sa.Column("raised_by", sa.Text, nullable=False),
    sa.Column("raise_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)


def add_plan(tx: Transaction, plan: VisitPlan, visits: Sequence[Visit]) -> None:
    """Insert a plan with its visits."""
    tx.execute(
        sa.insert(visit_plan).values(
            plan_id=plan.plan_id,
            unit_id=plan.unit_id,
            kind=plan.kind,
            title=plan.title,
            start_date=plan.start_date,
            end_date=plan.end_date,
            created_by=plan.created_by,
            create_time=plan.create_time,
        )
    )
    tx.execute(sa.insert(visit), [_visit_row(one) for one in visits])


def get_plan(tx: Transaction, plan_id: str) -> Coverage:
    """Return a plan with how much of it is done.

    Errors: VisitPlanNotFound.
    """
    row = tx.execute(sa.select(visit_plan).where(visit_plan.c.plan_id == plan_id)).one_or_none()
    if row is None:
        raise VisitPlanNotFound(plan_id)
    count = sa.func.count()
    query = sa.select(
        count,
        count.filter(visit.c.state == VisitState.DONE),
        count.filter(visit.c.state == VisitState.MISSED),
    ).where(visit.c.plan_id == plan_id)
    planned, done, missed = tx.execute(query).one()
    plan = VisitPlan(
        plan_id=row.plan_id,
        unit_id=row.unit_id,
        kind=Kind(row.kind),
        title=row.title,
        start_date=row.start_date,
        end_date=row.end_date,
        created_by=row.created_by,
        create_time=row.create_time,
    )
    return Coverage(plan, planned, done, missed)


def get_visit(tx: Transaction, visit_id: str, *, lock: bool = False) -> Visit:
    """Return a visit.

    Errors: VisitNotFound.
    """
    query = sa.select(visit).where(visit.c.visit_id == visit_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise VisitNotFound(visit_id)
    return _visit(row)


def save_visit(tx: Transaction, changed: Visit) -> None:
    """Write a visit that was locked before."""
    row = _visit_row(changed)
    own = visit.c.visit_id == row.pop("visit_id")
    tx.execute(sa.update(visit).where(own).values(row))


def visits(tx: Transaction, part: Page, *, by: Caller, wanted: VisitFilter) -> Slice[Visit]:
    """Return a page of the visits in the caller's scope, by id."""
    query = sa.select(visit)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(visit.c.unit_id.in_(units))
    for column, value in (
        (visit.c.plan_id, wanted.plan_id),
        (visit.c.partner_id, wanted.partner_id),
        (visit.c.state, wanted.state),
    ):
        query = query.where(column == value) if value else query
    rows = tx.execute(keyset(query, part, [visit.c.visit_id]))
    return part.slice([_visit(row) for row in rows], key=lambda one: (one.visit_id,))


def add_finding(tx: Transaction, new: Finding) -> None:
    """Insert a finding."""
    tx.execute(sa.insert(finding).values(_finding_row(new)))


def get_finding(tx: Transaction, finding_id: str, *, lock: bool = False) -> Finding:
    """Return a finding.

    Errors: FindingNotFound.
    """
    query = sa.select(finding).where(finding.c.finding_id == finding_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise FindingNotFound(finding_id)
    return _finding(row)


def save_finding(tx: Transaction, changed: Finding) -> None:
    """Write a finding that was locked before."""
    row = _finding_row(changed)
    own = finding.c.finding_id == row.pop("finding_id")
    tx.execute(sa.update(finding).where(own).values(row))


def findings(tx: Transaction, part: Page, *, by: Caller, wanted: FindingFilter) -> Slice[Finding]:
    """Return a page of the findings in the caller's scope, by id."""
    query = sa.select(finding)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(finding.c.unit_id.in_(units))
    if wanted.partner_id:
        query = query.where(finding.c.partner_id == wanted.partner_id)
    if wanted.state is not None:
        query = query.where(finding.c.state == wanted.state)
    rows = tx.execute(keyset(query, part, [finding.c.finding_id]))
    return part.slice([_finding(row) for row in rows], key=lambda one: (one.finding_id,))


def _visit_row(source: Visit) -> dict[str, Any]:
    return {
        "visit_id": source.visit_id,
        "plan_id": source.plan_id,
        "unit_id": source.unit_id,
        "partner_id": source.partner_id,
        "visitor": source.visitor,
        "visit_date": source.visit_date,
        "state": source.state,
        "report": _report_to_json(source.report) if source.report else None,
        "missed_reason": source.missed_reason,
        "version": source.version,
    }


def _visit(row: sa.Row[Any]) -> Visit:
    return Visit(
        visit_id=row.visit_id,
        plan_id=row.plan_id,
        unit_id=row.unit_id,
        partner_id=row.partner_id,
        visitor=row.visitor,
        visit_date=row.visit_date,
        state=VisitState(row.state),
        report=_report_from_json(row.report) if row.report else None,
        missed_reason=row.missed_reason,
        version=row.version,
    )


def _report_to_json(report: Report) -> dict[str, Any]:
    return {
        "stock_counts": [[one.product_id, one.quantity] for one in report.stock_counts],
        "display": report.display,
        "orders": [[one.product_id, one.quantity] for one in report.orders],
        "competitor_note": report.competitor_note,
        "scores": [[one.name, one.points] for one in report.scores],
        "points_max": report.points_max,
        "recorded_by": report.recorded_by,
        "record_time": report.record_time.isoformat(),
    }


def _report_from_json(row: dict[str, Any]) -> Report:
    return Report(
        stock_counts=_counts(row["stock_counts"]),
        display=row["display"],
        orders=_counts(row["orders"]),
        competitor_note=row["competitor_note"],
        scores=tuple(Score(name, points) for name, points in row["scores"]),
        points_max=row["points_max"],
        recorded_by=row["recorded_by"],
        record_time=datetime.fromisoformat(row["record_time"]),
    )


def _counts(rows: Iterable[Sequence[Any]]) -> tuple[ProductCount, ...]:
    return tuple(ProductCount(product_id, quantity) for product_id, quantity in rows)


def _finding_row(source: Finding) -> dict[str, Any]:
    return {
        "finding_id": source.finding_id,
        "visit_id": source.visit_id,
        "unit_id": source.unit_id,
        "partner_id": source.partner_id,
        "description": source.description,
        "batch": source.batch,
        "state": source.state,
        "due_date": source.due_date,
        "correction": source.correction,
        "corrected_by": source.corrected_by,
        "check_note": source.check_note,
        "checked_by": source.checked_by,
        "reopened_count": source.reopened_count,
        "raised_by": source.raised_by,
        "raise_time": source.raise_time,
        "version": source.version,
    }


def _finding(row: sa.Row[Any]) -> Finding:
    return Finding(
        finding_id=row.finding_id,
        visit_id=row.visit_id,
        unit_id=row.unit_id,
        partner_id=row.partner_id,
        description=row.description,
        batch=row.batch,
        due_date=row.due_date,
        raised_by=row.raised_by,
        raise_time=row.raise_time,
        state=FindingState(row.state),
        correction=row.correction,
        corrected_by=row.corrected_by,
        check_note=row.check_note,
        checked_by=row.checked_by,
        reopened_count=row.reopened_count,
        version=row.version,
    )
