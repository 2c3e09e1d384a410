"""The tables of partners and their purchases; `signed` has what they signed."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from channels.partner.domain import (
    ORDERING,
    Credit,
    Grade,
    Kind,
    Partner,
    PartnerNotFound,
    Standing,
    State,
    YearPurchases,
)
from channels.partner.signed import agreement
from chassis import arrays, scope, upsert
from chassis.database import Later, Transaction, run
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

partner = sa.Table(
    "partner",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("credit_grade", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3)),
    sa.Column("credit_limit_minor", sa.BigInteger),
    sa.Column("credit_days", sa.Integer, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("price_policy", sa.Text, nullable=False),
    sa.Column("terms_year", sa.Integer, nullable=False),
)

year_purchases = sa.Table(
    "year_purchases",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
)

# Written out once: building a statement costs more than running it.
STANDINGS = """
SELECT p.partner_id, p.name, p.kind, p.unit_id, p.state, p.credit_grade, p.currency_code,
  p.credit_limit_minor, p.credit_days, p.version, p.create_time, p.price_policy, p.terms_year,
  EXISTS (SELECT FROM agreement AS a
          WHERE a.partner_id = p.partner_id AND a.year = %(year)s) AS signed,
  (SELECT y.amount_minor FROM year_purchases AS y
   WHERE y.partner_id = p.partner_id AND y.year = %(year)s - 1) AS purchases_minor
FROM partner AS p
WHERE p.partner_id = ANY(%(partner_ids)s::text[])
"""


def add(tx: Transaction, new: Partner) -> bool:
    """Insert a partner; False when the id is taken."""
    statement = insert(partner).values(_row(new)).on_conflict_do_nothing()
    return tx.execute(statement.returning(sa.literal(1))).first() is not None


def save(tx: Transaction, changed: Partner) -> None:
    """Write a partner that was locked before."""
    row = _row(changed)
    tx.execute(sa.update(partner).where(partner.c.partner_id == row.pop("partner_id")).values(row))


def get(tx: Transaction, partner_id: str, *, lock: bool = False) -> Partner:
    """Return a partner.

    Errors: PartnerNotFound.
    """
    query = sa.select(partner).where(partner.c.partner_id == partner_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise PartnerNotFound(partner_id)
    return _partner(row)


def standings(
    tx: Transaction, partner_ids: Collection[str], *, year: int
) -> Later[dict[str, Standing]]:
    """Return how those of the partners stand that exist, by id."""
    rows = run(tx, STANDINGS, {"partner_ids": arrays.texts(partner_ids), "year": year})
    return lambda: {row[0]: _standing(row) for row in rows}


def page(
    tx: Transaction, part: Page, *, by: Caller, kind: Kind | None, state: State | None
) -> Slice[Partner]:
    """Return a page of the partners in the caller's scope, by id."""
    query = sa.select(partner)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(partner.c.unit_id.in_(units))
    if kind is not None:
        query = query.where(partner.c.kind == kind)
    if state is not None:
        query = query.where(partner.c.state == state)
    found = [_partner(row) for row in tx.execute(keyset(query, part, [partner.c.partner_id]))]
    return part.slice(found, key=lambda one: (one.partner_id,))


def ordering_of(
    tx: Transaction,
    unit_id: str,
    *,
    after: str,
    limit: int,
    kinds: Collection[Kind],
    lock: bool,
) -> list[Partner]:
    """Return partners that order, of a unit and those below it, by id."""
    own, below = scope.org_unit_copy.alias("own"), scope.org_unit_copy.alias("below")
    query = (
        sa.select(partner)
        .join(below, below.c.unit_id == partner.c.unit_id)
        .join(own, sa.func.starts_with(below.c.path, own.c.path))
        .where(own.c.unit_id == unit_id, partner.c.partner_id > after)
        .where(partner.c.state.in_(ORDERING))
    )
    if kinds:
        query = query.where(partner.c.kind.in_(kinds))
    query = query.order_by(partner.c.partner_id).limit(limit)
    rows = tx.execute(query.with_for_update(of=partner) if lock else query)
    return [_partner(row) for row in rows]


def lock_all(tx: Transaction, partner_ids: Collection[str]) -> list[Partner]:
    """Lock those of the partners that exist, by id."""
    query = sa.select(partner).where(partner.c.partner_id.in_(partner_ids))
    return [
        _partner(row) for row in tx.execute(query.order_by(partner.c.partner_id).with_for_update())
    ]


def due_for_terms(tx: Transaction, *, year: int, limit: int) -> list[str]:
    """Return partners that order on the terms of an earlier year though they signed for this one;
    what others hold is left to them."""
    query = (
        sa.select(partner.c.partner_id)
        .join(agreement, agreement.c.partner_id == partner.c.partner_id)
        .where(agreement.c.year == year, partner.c.terms_year < year)
        .where(partner.c.state.in_([*ORDERING, State.APPROVED]))
        .order_by(partner.c.partner_id)
        .limit(limit)
        .with_for_update(of=partner, skip_locked=True)
    )
    return list(tx.execute(query).scalars())


def save_purchases(tx: Transaction, recorded: YearPurchases) -> None:
    """Write what a partner bought in a year, over what was there."""
    row = {
        "partner_id": recorded.partner_id,
        "year": recorded.year,
        "currency_code": recorded.amount.currency_code,
        "amount_minor": recorded.amount.amount_minor,
    }
    upsert.put(tx, year_purchases, row)


def purchases(tx: Transaction, partner_id: str, *, year: int | None = None) -> list[YearPurchases]:
    """Return what a partner bought by year, in all years or in one."""
    query = sa.select(year_purchases).where(year_purchases.c.partner_id == partner_id)
    if year is not None:
        query = query.where(year_purchases.c.year == year)
    return [
        YearPurchases(row.partner_id, row.year, Money(row.currency_code, row.amount_minor))
        for row in tx.execute(query.order_by(year_purchases.c.year))
    ]


def _row(source: Partner) -> dict[str, Any]:
    credit = source.credit
    return {
        "partner_id": source.partner_id,
        "name": source.name,
        "kind": source.kind,
        "unit_id": source.unit_id,
        "state": source.state,
        "credit_grade": source.credit_grade,
        "currency_code": credit.limit.currency_code if credit else None,
        "credit_limit_minor": credit.limit.amount_minor if credit else None,
        "credit_days": credit.days if credit else 0,
        "version": source.version,
        "create_time": source.create_time,
        "price_policy": source.price_policy,
        "terms_year": source.terms_year,
    }


def _partner(row: sa.Row[Any]) -> Partner:
    credit = None
    if row.currency_code is not None:
        credit = Credit(Money(row.currency_code, row.credit_limit_minor), row.credit_days)
    return Partner(
        partner_id=row.partner_id,
        name=row.name,
        kind=Kind(row.kind),
        unit_id=row.unit_id,
        state=State(row.state),
        credit_grade=Grade(row.credit_grade),
        credit=credit,
        version=row.version,
        create_time=row.create_time,
        price_policy=row.price_policy,
        terms_year=row.terms_year,
    )


def _standing(row: tuple[Any, ...]) -> Standing:
    (partner_id, name, kind, unit_id, state, credit_grade) = row[:6]
    (currency_code, limit_minor, days, version, create_time) = row[6:11]
    (price_policy, terms_year, signed, purchases_minor) = row[11:]
    found = Partner(
        partner_id=partner_id,
        name=name,
        kind=Kind(kind),
        unit_id=unit_id,
        state=State(state),
        credit_grade=Grade(credit_grade),
        credit=Credit(Money(currency_code, limit_minor), days) if currency_code else None,
        version=version,
        create_time=create_time,
        price_policy=price_policy,
        terms_year=terms_year,
    )
    return Standing(found, signed, purchases_minor or 0)
