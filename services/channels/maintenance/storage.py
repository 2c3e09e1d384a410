"""The tables of maintenances, reviews and awards."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from channels.maintenance import rows
from channels.maintenance.domain import (
    Award,
    Counts,
    CycleState,
    Decision,
    Maintenance,
    MaintenanceNotFound,
    Review,
    ReviewNotFound,
    State,
)
from channels.partner.domain import Grade, Kind
from channels.turnover.domain import PartnerYear
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

maintenance = sa.Table(
    "maintenance",
    TABLES,
    sa.Column("cycle_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("run_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
)

partner_review = sa.Table(
    "partner_review",
    TABLES,
    sa.Column("review_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("cycle_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3)),
    sa.Column("purchases_minor", sa.BigInteger),
    sa.Column("target_minor", sa.BigInteger),
    sa.Column("invoices", sa.Integer, nullable=False),
    sa.Column("late_invoices", sa.Integer, nullable=False),
    sa.Column("points", sa.Numeric),
    sa.Column("proposal", sa.Text, nullable=False),
    sa.Column("from_grade", sa.Text, nullable=False),
    sa.Column("to_grade", sa.Text, nullable=False),
    sa.Column("decision", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("terms", JSONB(none_as_null=True)),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
)

partner_award = sa.Table(
    "partner_award",
    TABLES,
    sa.Column("award_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("ranked_unit_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("rank", sa.Integer, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("purchases_minor", sa.BigInteger, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("grant_time", sa.DateTime(timezone=True), nullable=False),
)


def add_first(tx: Transaction, new: Maintenance) -> Maintenance:
    """Insert a maintenance, or return the one that the unit and year have."""
    draft = insert(maintenance).values(
        cycle_id=new.cycle_id,
        unit_id=new.unit_id,
        year=new.year,
        state=new.state,
        run_id=new.run_id,
        create_time=new.create_time,
    )
    tx.execute(draft.on_conflict_do_nothing())
    query = sa.select(maintenance).where(
        maintenance.c.unit_id == new.unit_id, maintenance.c.year == new.year
    )
    return _maintenance(tx.execute(query).one())


def get(tx: Transaction, cycle_id: str, *, lock: bool = False) -> Maintenance:
    """Return a maintenance.

    Errors: MaintenanceNotFound.
    """
    query = sa.select(maintenance).where(maintenance.c.cycle_id == cycle_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise MaintenanceNotFound(cycle_id)
    return _maintenance(row)


def close(tx: Transaction, cycle_id: str) -> None:
    """Write down that a maintenance, which was locked before, is closed."""
    own = maintenance.c.cycle_id == cycle_id
    tx.execute(sa.update(maintenance).where(own).values(state=CycleState.CLOSED))


def counts(tx: Transaction, cycle_id: str) -> Counts:
    """Count the reviews of a maintenance by what became of them."""
    state, decision = partner_review.c.state, partner_review.c.decision

    def ended(how: Decision) -> Any:
        return sa.func.count().filter(state == State.DONE, decision == how)

    query = sa.select(
        sa.func.count(),
        ended(Decision.RENEW),
        ended(Decision.ADJUST),
        ended(Decision.TERMINATE),
        sa.func.count().filter(state != State.DONE),
    ).where(partner_review.c.cycle_id == cycle_id)
    return Counts(*tx.execute(query).one())


def add_reviews(tx: Transaction, reviews: Sequence[Review]) -> None:
    """Insert reviews."""
    if reviews:
        tx.execute(sa.insert(partner_review), [_row(one) for one in reviews])


def reviewed(tx: Transaction, partner_ids: Collection[str], *, year: int) -> set[str]:
    """Return those of the partners that have a review of the year."""
    query = sa.select(partner_review.c.partner_id).where(
        partner_review.c.partner_id.in_(partner_ids), partner_review.c.year == year
    )
    return set(tx.execute(query).scalars())


def save(tx: Transaction, changed: Review) -> None:
    """Write a review that was locked before."""
    row = _row(changed)
    own = partner_review.c.review_id == row.pop("review_id")
    tx.execute(sa.update(partner_review).where(own).values(row))


def lock_reviews(
    tx: Transaction,
    cycle_id: str,
    review_ids: Collection[str],
    *,
    state: State,
    limit: int,
) -> list[Review]:
    """Lock reviews of a maintenance by partner: those named, or the next ones in a state.

    Errors: ReviewNotFound.
    """
    query = sa.select(partner_review).where(partner_review.c.cycle_id == cycle_id)
    if review_ids:
        query = query.where(partner_review.c.review_id.in_(review_ids))
    else:
        query = query.where(partner_review.c.state == state)
    query = query.order_by(partner_review.c.partner_id).limit(limit).with_for_update()
    found = [_review(row) for row in tx.execute(query)]
    missing = sorted(set(review_ids) - {one.review_id for one in found})
    if missing:
        raise ReviewNotFound(missing[0])
    return found


def get_review(tx: Transaction, review_id: str) -> Review:
    """Return a review.

    Errors: ReviewNotFound.
    """
    query = sa.select(partner_review).where(partner_review.c.review_id == review_id)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise ReviewNotFound(review_id)
    return _review(row)


def page(tx: Transaction, part: Page, *, cycle_id: str, state: State | None) -> Slice[Review]:
    """Return a page of the reviews of a maintenance, by id."""
    query = sa.select(partner_review).where(partner_review.c.cycle_id == cycle_id)
    if state is not None:
        query = query.where(partner_review.c.state == state)
    found = [_review(row) for row in tx.execute(keyset(query, part, [partner_review.c.review_id]))]
    return part.slice(found, key=lambda one: (one.review_id,))


def add_awards(tx: Transaction, awards: Sequence[Award], *, ranked_unit_id: str) -> bool:
    """Insert awards; False when one of them was granted already."""
    drafts = [
        {
            "award_id": one.award_id,
            "partner_id": one.partner_id,
            "unit_id": one.unit_id,
            "ranked_unit_id": ranked_unit_id,
            "kind": one.kind,
            "year": one.year,
            "rank": one.rank,
            "currency_code": one.amount.currency_code,
            "purchases_minor": one.purchases.amount_minor,
            "amount_minor": one.amount.amount_minor,
            "grant_time": one.grant_time,
        }
        for one in awards
    ]
    if not drafts:
        return True
    draft = insert(partner_award).values(drafts).on_conflict_do_nothing()
    return len(tx.execute(draft.returning(partner_award.c.award_id)).all()) == len(drafts)


def award_page(tx: Transaction, part: Page, *, by: Caller, year: int) -> Slice[Award]:
    """Return a page of the awards in the caller's scope, by id."""
    query = sa.select(partner_award)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(partner_award.c.unit_id.in_(units))
    if year:
        query = query.where(partner_award.c.year == year)
    found = [_award(row) for row in tx.execute(keyset(query, part, [partner_award.c.award_id]))]
    return part.slice(found, key=lambda one: (one.award_id,))


def _maintenance(row: sa.Row[Any]) -> Maintenance:
    return Maintenance(
        cycle_id=row.cycle_id,
        unit_id=row.unit_id,
        year=row.year,
        state=CycleState(row.state),
        run_id=row.run_id,
        create_time=row.create_time,
    )


def _row(source: Review) -> dict[str, Any]:
    figures = source.figures
    known = figures.purchases or figures.target
    return {
        "review_id": source.review_id,
        "cycle_id": source.cycle_id,
        "partner_id": source.partner_id,
        "unit_id": source.unit_id,
        "year": figures.year,
        "state": source.state,
        "currency_code": known.currency_code if known else None,
        "purchases_minor": figures.purchases.amount_minor if figures.purchases else None,
        "target_minor": figures.target.amount_minor if figures.target else None,
        "invoices": figures.invoices,
        "late_invoices": figures.late_invoices,
        "points": source.points,
        "proposal": source.proposal,
        "from_grade": source.from_grade,
        "to_grade": source.to_grade,
        "decision": source.decision,
        "reason": source.reason,
        "terms": rows.terms_to_json(source.terms),
        "decided_by": source.decided_by,
        "approved_by": source.approved_by,
    }


def _review(row: sa.Row[Any]) -> Review:
    figures = PartnerYear(
        partner_id=row.partner_id,
        year=row.year,
        purchases=_money(row.currency_code, row.purchases_minor),
        target=_money(row.currency_code, row.target_minor),
        invoices=row.invoices,
        late_invoices=row.late_invoices,
    )
    return Review(
        review_id=row.review_id,
        cycle_id=row.cycle_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        state=State(row.state),
        figures=figures,
        points=row.points,
        proposal=Decision(row.proposal),
        from_grade=Grade(row.from_grade),
        to_grade=Grade(row.to_grade),
        decision=Decision(row.decision) if row.decision else None,
        reason=row.reason,
        terms=rows.terms_from_json(row.terms),
        decided_by=row.decided_by,
        approved_by=row.approved_by,
    )


def _award(row: sa.Row[Any]) -> Award:
    return Award(
        award_id=row.award_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        kind=Kind(row.kind),
        year=row.year,
        rank=row.rank,
        purchases=Money(row.currency_code, row.purchases_minor),
        amount=Money(row.currency_code, row.amount_minor),
        grant_time=row.grant_time,
    )


def _money(currency_code: str | None, amount_minor: int | None) -> Money | None:
    if currency_code is None or amount_minor is None:
        return None
    return Money(currency_code, amount_minor)
