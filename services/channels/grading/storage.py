"""The table of credit changes."""

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from channels.grading.domain import (
    CreditChange,
    CreditChangeNotFound,
    GradeTerms,
    Rating,
    Score,
    State,
)
from channels.partner.domain import Credit, Grade
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

credit_change = sa.Table(
    "credit_change",
    TABLES,
    sa.Column("change_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("points", sa.Numeric, nullable=False),
    sa.Column("scores", JSONB, nullable=False),
    sa.Column("policy_ids", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("from_grade", sa.Text, nullable=False),
    sa.Column("to_grade", sa.Text, nullable=False),
    sa.Column("points_min", sa.Numeric, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("limit_minor", sa.BigInteger, nullable=False),
    sa.Column("credit_days", sa.Integer, nullable=False),
    sa.Column("approver_role", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("reviewed_by", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)


def add(tx: Transaction, new: CreditChange) -> bool:
    """Insert a change; False when the partner has an open one."""
    statement = insert(credit_change).values(_row(new)).on_conflict_do_nothing()
    return tx.execute(statement.returning(sa.literal(1))).first() is not None


def save(tx: Transaction, changed: CreditChange) -> None:
    """Write a change that was locked before."""
    tx.execute(
        sa.update(credit_change)
        .where(credit_change.c.change_id == changed.change_id)
        .values(
            state=changed.state,
            reviewed_by=changed.reviewed_by,
            decided_by=changed.decided_by,
            version=changed.version,
        )
    )


def get(tx: Transaction, change_id: str, *, lock: bool = False) -> CreditChange:
    """Return a change.

    Errors: CreditChangeNotFound.
    """
    query = sa.select(credit_change).where(credit_change.c.change_id == change_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise CreditChangeNotFound(change_id)
    return _change(row)


def page(
    tx: Transaction, part: Page, *, by: Caller, partner_id: str, state: State | None
) -> Slice[CreditChange]:
    """Return a page of the changes in the caller's scope, by id."""
    query = sa.select(credit_change)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(credit_change.c.unit_id.in_(units))
    if partner_id:
        query = query.where(credit_change.c.partner_id == partner_id)
    if state is not None:
        query = query.where(credit_change.c.state == state)
    found = [_change(row) for row in tx.execute(keyset(query, part, [credit_change.c.change_id]))]
    return part.slice(found, key=lambda one: (one.change_id,))


def scores_to_json(scores: tuple[Score, ...]) -> list[list[str]]:
    """Write points as JSON, decimals as texts."""
    return [[one.criterion, str(one.points), one.source] for one in scores]


def scores_from_json(rows: list[list[str]]) -> tuple[Score, ...]:
    """Read points that `scores_to_json` wrote."""
    return tuple(Score(criterion, Decimal(points), source) for criterion, points, source in rows)


def _row(source: CreditChange) -> dict[str, Any]:
    terms = source.terms
    return {
        "change_id": source.change_id,
        "partner_id": source.partner_id,
        "unit_id": source.unit_id,
        "state": source.state,
        "points": source.rating.points,
        "scores": scores_to_json(source.rating.scores),
        "policy_ids": list(source.rating.policy_ids),
        "from_grade": source.from_grade,
        "to_grade": terms.grade,
        "points_min": terms.points_min,
        "currency_code": terms.credit.limit.currency_code,
        "limit_minor": terms.credit.limit.amount_minor,
        "credit_days": terms.credit.days,
        "approver_role": terms.approver_role,
        "reason": source.reason,
        "proposed_by": source.proposed_by,
        "reviewed_by": source.reviewed_by,
        "decided_by": source.decided_by,
        "create_time": source.create_time,
        "version": source.version,
    }


def _change(row: sa.Row[Any]) -> CreditChange:
    terms = GradeTerms(
        grade=Grade(row.to_grade),
        points_min=row.points_min,
        credit=Credit(Money(row.currency_code, row.limit_minor), row.credit_days),
        approver_role=row.approver_role,
    )
    rating = Rating(row.points, scores_from_json(row.scores), terms, tuple(row.policy_ids))
    return CreditChange(
        change_id=row.change_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        state=State(row.state),
        from_grade=Grade(row.from_grade),
        rating=rating,
        terms=terms,
        reason=row.reason,
        proposed_by=row.proposed_by,
        create_time=row.create_time,
        reviewed_by=row.reviewed_by,
        decided_by=row.decided_by,
        version=row.version,
    )
