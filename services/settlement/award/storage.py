"""The tables of awards and rankings."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.money import Money, format_decimal
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.scope import org_unit_copy
from settlement.award.domain import (
    Award,
    AwardNotFound,
    Beneficiary,
    BeneficiaryKind,
    Kind,
    Place,
    Ranking,
    State,
)

TABLES = sa.MetaData()

award = sa.Table(
    "award",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("award_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("beneficiary_kind", sa.Text, nullable=False),
    sa.Column("beneficiary_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("base_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("factor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("award_date", sa.Date, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("proposed_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("approve_time", sa.DateTime(timezone=True)),
    sa.Column("booked_by", sa.Text, nullable=False),
    sa.Column("book_time", sa.DateTime(timezone=True)),
)

ranking = sa.Table(
    "ranking",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("ranking_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("review_percent", sa.Text, nullable=False),
    sa.Column("policy_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.UniqueConstraint("unit_id", "month"),
)

ranking_place = sa.Table(
    "ranking_place",
    TABLES,
    sa.Column("ranking_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("place", sa.BigInteger, primary_key=True),
    sa.Column("person_id", sa.Text, nullable=False),
    sa.Column("score", sa.Text, nullable=False),
    sa.Column("under_review", sa.Boolean, nullable=False),
)

_award = award.c
_ranking = ranking.c

ADD = """
INSERT INTO award (award_id, kind, beneficiary_kind, beneficiary_id, unit_id, base_minor,
  currency_code, factor, reason, award_date, state, proposed_by, create_time, approved_by,
  approve_time, booked_by, book_time)
SELECT * FROM unnest(%(award_ids)s::uuid[], %(kinds)s::text[], %(beneficiary_kinds)s::text[],
  %(beneficiary_ids)s::text[], %(unit_ids)s::text[], %(bases_minor)s::bigint[],
  %(currency_codes)s::text[], %(factors)s::text[], %(reasons)s::text[], %(award_dates)s::date[],
  %(states)s::text[], %(proposers)s::text[], %(create_times)s::timestamptz[],
  %(approvers)s::text[], %(approve_times)s::timestamptz[], %(bookers)s::text[],
  %(book_times)s::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING award_id::text
"""


def add(tx: Transaction, new: Sequence[Award]) -> frozenset[str]:
    """Store new awards in their order, and return the ids of those that were not there yet."""
    if not new:
        return frozenset()
    rows = run(
        tx,
        ADD,
        {
            "award_ids": arrays.plain(one.award_id for one in new),
            "kinds": arrays.plain(one.kind for one in new),
            "beneficiary_kinds": arrays.plain(one.beneficiary.kind for one in new),
            "beneficiary_ids": arrays.texts(one.beneficiary.beneficiary_id for one in new),
            "unit_ids": arrays.texts(one.unit_id for one in new),
            "bases_minor": arrays.plain(one.base.amount_minor for one in new),
            "currency_codes": arrays.plain(one.base.currency_code for one in new),
            "factors": arrays.plain(format_decimal(one.factor) for one in new),
            "reasons": arrays.texts(one.reason for one in new),
            "award_dates": arrays.plain(one.award_date for one in new),
            "states": arrays.plain(one.state for one in new),
            "proposers": arrays.texts(one.proposed_by for one in new),
            "create_times": arrays.plain(one.create_time for one in new),
            "approvers": arrays.texts(one.approved_by for one in new),
            "approve_times": arrays.plain(one.approve_time for one in new),
            "bookers": arrays.texts(one.booked_by for one in new),
            "book_times": arrays.plain(one.book_time for one in new),
        },
    )
    return frozenset(award_id for (award_id,) in rows)


def get(tx: Transaction, award_id: str, *, lock: bool = False) -> Award:
    """Return an award, locked if asked for.

    Errors: AwardNotFound.
    """
    query = sa.select(*_award).where(_award.award_id == award_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise AwardNotFound(award_id)
    return _read(row)


def save(tx: Transaction, one: Award) -> None:
    """Store how far an award is."""
    tx.execute(
        sa.update(award)
        .where(_award.award_id == one.award_id)
        .values(
            state=one.state,
            approved_by=one.approved_by,
            approve_time=one.approve_time,
            booked_by=one.booked_by,
            book_time=one.book_time,
        )
    )


def page(
    tx: Transaction,
    part: Page,
    *,
    beneficiary_id: str,
    state: State | None,
    month: Month | None,
    units: sa.ScalarSelect[str] | None,
) -> Slice[Award]:
    """Return a page of awards, in the order in which they were proposed."""
    query = sa.select(*_award)
    if units is not None:
        query = query.where(_award.unit_id.in_(units))
    if beneficiary_id:
        query = query.where(_award.beneficiary_id == beneficiary_id)
    if state is not None:
        query = query.where(_award.state == state)
    if month is not None:
        query = query.where(*_within(month))
    rows = tx.execute(keyset(query, part, [_award.sequence]))
    return part.slice(map(_read, rows), key=lambda one: [one.sequence])


def booked(
    tx: Transaction,
    beneficiary: Beneficiary,
    month: Month,
    *,
    units: sa.ScalarSelect[str] | None,
) -> list[Award]:
    """Return what was booked for somebody and counts for a month."""
    query = sa.select(*_award).where(
        _award.beneficiary_kind == beneficiary.kind,
        _award.beneficiary_id == beneficiary.beneficiary_id,
        _award.state == State.BOOKED,
        *_within(month),
    )
    if units is not None:
        query = query.where(_award.unit_id.in_(units))
    return [_read(row) for row in tx.execute(query.order_by(_award.sequence))]


def path_of(tx: Transaction, unit_id: str) -> list[str]:
    """Return the ids from the root to a unit, the unit last; the unit alone when it is unknown."""
    query = sa.select(org_unit_copy.c.path).where(org_unit_copy.c.unit_id == unit_id)
    path = tx.execute(query).scalar_one_or_none() or unit_id
    return [one for one in path.split("/") if one]


def add_ranking(tx: Transaction, new: Ranking) -> bool:
    """Store a ranking; False when the unit is ranked for the month."""
    insert = """
        INSERT INTO ranking (ranking_id, unit_id, month, review_percent, policy_id, created_by,
          create_time)
        VALUES (%(ranking_id)s, %(unit_id)s, %(month)s, %(review_percent)s, %(policy_id)s,
          %(created_by)s, %(create_time)s)
        ON CONFLICT DO NOTHING RETURNING ranking_id
    """
    rows = run(
        tx,
        insert,
        {
            "ranking_id": new.ranking_id,
            "unit_id": new.unit_id,
            "month": str(new.month),
            "review_percent": format_decimal(new.review_percent),
            "policy_id": new.policy_id,
            "created_by": new.created_by,
            "create_time": new.create_time,
        },
    )
    if not list(rows):
        return False
    values = [
        {
            "ranking_id": new.ranking_id,
            "place": one.place,
            "person_id": one.person_id,
            "score": format_decimal(one.score),
            "under_review": one.under_review,
        }
        for one in new.places
    ]
    tx.execute(sa.insert(ranking_place), values)
    return True


def rankings(
    tx: Transaction,
    part: Page,
    *,
    unit_id: str,
    month: Month | None,
    units: sa.ScalarSelect[str] | None,
) -> Slice[Ranking]:
    """Return a page of rankings, in the order in which they were made."""
    query = sa.select(*_ranking)
    if units is not None:
        query = query.where(_ranking.unit_id.in_(units))
    if unit_id:
        query = query.where(_ranking.unit_id == unit_id)
    if month is not None:
        query = query.where(_ranking.month == str(month))
    rows = tx.execute(keyset(query, part, [_ranking.sequence])).all()
    placed = _places(tx, [row.ranking_id for row in rows])
    found = [_ranked(row, placed.get(row.ranking_id, [])) for row in rows]
    return part.slice(found, key=lambda one: [one.sequence])


def _places(tx: Transaction, ranking_ids: Sequence[str]) -> dict[str, list[Place]]:
    query = (
        sa.select(*ranking_place.c)
        .where(ranking_place.c.ranking_id.in_(ranking_ids))
        .order_by(ranking_place.c.ranking_id, ranking_place.c.place)
    )
    found: dict[str, list[Place]] = {}
    for row in tx.execute(query):
        one = Place(row.place, row.person_id, Decimal(row.score), row.under_review)
        found.setdefault(row.ranking_id, []).append(one)
    return found


def _within(month: Month) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return _award.award_date >= month.first_day, _award.award_date < month.next().first_day


def _ranked(row: Any, placed: Sequence[Place]) -> Ranking:
    return Ranking(
        ranking_id=row.ranking_id,
        unit_id=row.unit_id,
        month=Month.parse(row.month),
        places=tuple(placed),
        review_percent=Decimal(row.review_percent),
        policy_id=row.policy_id,
        created_by=row.created_by,
        create_time=row.create_time,
        sequence=row.sequence,
    )


def _read(row: Any) -> Award:
    return Award(
        award_id=row.award_id,
        kind=Kind(row.kind),
        beneficiary=Beneficiary(BeneficiaryKind(row.beneficiary_kind), row.beneficiary_id),
        unit_id=row.unit_id,
        base=Money(row.currency_code, row.base_minor),
        factor=Decimal(row.factor),
        reason=row.reason,
        award_date=row.award_date,
        proposed_by=row.proposed_by,
        create_time=row.create_time,
        state=State(row.state),
        approved_by=row.approved_by,
        approve_time=row.approve_time,
        booked_by=row.booked_by,
        book_time=row.book_time,
        sequence=row.sequence,
    )
