"""The tables of what partners signed: agreements, what ended them, and the areas they hold."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import DATERANGE, INT8RANGE, insert

from channels.partner.domain import (
    Agreement,
    AgreementState,
    Credit,
    Ending,
    Kind,
    Terms,
    Territory,
)
from chassis.database import Transaction
from chassis.money import Money

TABLES = sa.MetaData()

agreement = sa.Table(
    "agreement",
    TABLES,
    sa.Column("agreement_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("credit_limit_minor", sa.BigInteger, nullable=False),
    sa.Column("credit_days", sa.Integer, nullable=False),
    sa.Column("territory", sa.Text, nullable=False),
    sa.Column("sign_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("target_minor", sa.BigInteger),
    sa.Column("rebate_policy", sa.Text, nullable=False),
    sa.Column("price_policy", sa.Text, nullable=False),
    sa.Column("report_id", sa.Text, nullable=False),
)

agreement_ending = sa.Table(
    "agreement_ending",
    TABLES,
    sa.Column("agreement_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("end_date", sa.Date, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
)

agreement_territory = sa.Table(
    "agreement_territory",
    TABLES,
    sa.Column("agreement_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("area", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("exclusive", sa.Boolean, nullable=False),
    sa.Column("valid", DATERANGE, nullable=False),
    sa.Column("slot", INT8RANGE, nullable=False),
)

# An exclusive area takes all slots, any other a slot of its own, so that overlapping slots are
# exactly what two agreements must not have.
CLAIM = sa.text(
    """
    INSERT INTO agreement_territory (agreement_id, area, kind, exclusive, valid, slot)
    SELECT :agreement_id, :area, :kind, :exclusive, CAST(:valid AS daterange),
      CASE WHEN :exclusive THEN '(,)'::int8range
           ELSE (SELECT int8range(one, one + 1) FROM nextval('territory_slot_seq') AS one) END
    ON CONFLICT DO NOTHING
    RETURNING area
    """
)


def add_agreement(tx: Transaction, new: Agreement) -> bool:
    """Insert an agreement; False when the year has one."""
    statement = (
        insert(agreement)
        .values(
            agreement_id=new.agreement_id,
            partner_id=new.partner_id,
            year=new.year,
            currency_code=new.credit.limit.currency_code,
            credit_limit_minor=new.credit.limit.amount_minor,
            credit_days=new.credit.days,
            territory=new.territory,
            sign_time=new.sign_time,
            target_minor=new.terms.target.amount_minor if new.terms.target else None,
            rebate_policy=new.terms.rebate_policy,
            price_policy=new.terms.price_policy,
            report_id=new.terms.report_id,
        )
        .on_conflict_do_nothing()
    )
    return tx.execute(statement.returning(sa.literal(1))).first() is not None


def claim(tx: Transaction, signed: Agreement, *, kind: Kind, on: date) -> str | None:
    """Take the areas of an agreement, sorted; return one that is taken already, if there is one.

    Shape: from the day of the signature on, when the year has begun; who had them before keeps them
        until then.
    """
    year = signed.year_range
    start = on if on in year else year.start
    for territory in sorted(signed.terms.territories, key=lambda one: one.area):
        values = {
            "agreement_id": signed.agreement_id,
            "area": territory.area,
            "kind": kind,
            "exclusive": territory.exclusive,
            "valid": f"[{start},{year.end})",
        }
        if tx.execute(CLAIM, values).first() is None:
            return territory.area
    return None


def end_agreement(tx: Transaction, ended: Agreement, *, at: datetime) -> None:
    """Write down what ended an agreement; a termination gives its areas back from that day on."""
    assert ended.ending is not None, "the caller ended it"
    tx.execute(
        sa.insert(agreement_ending).values(
            agreement_id=ended.agreement_id,
            state=ended.ending.state,
            end_date=ended.ending.end_date,
            reason=ended.ending.reason,
            end_time=at,
        )
    )
    if ended.ending.state is not AgreementState.TERMINATED:
        return
    own = agreement_territory.c.agreement_id == ended.agreement_id
    end = ended.ending.end_date
    begun = sa.func.lower(agreement_territory.c.valid) < end
    tx.execute(sa.delete(agreement_territory).where(own, ~begun))
    tx.execute(
        sa.update(agreement_territory)
        .where(own, begun)
        .values(valid=sa.func.daterange(sa.func.lower(agreement_territory.c.valid), end))
    )


def agreements(tx: Transaction, partner_id: str, *, year: int | None = None) -> list[Agreement]:
    """Return a partner's agreements by year, all or that of one year."""
    return agreements_of(tx, [partner_id], year=year)


def agreements_of(
    tx: Transaction, partner_ids: Collection[str], *, year: int | None = None
) -> list[Agreement]:
    """Return the agreements of several partners by partner and year."""
    query = (
        sa.select(agreement, agreement_ending.c.state, agreement_ending.c.end_date)
        .add_columns(agreement_ending.c.reason)
        .outerjoin(agreement_ending, agreement_ending.c.agreement_id == agreement.c.agreement_id)
        .where(agreement.c.partner_id.in_(partner_ids))
    )
    if year is not None:
        query = query.where(agreement.c.year == year)
    rows = tx.execute(query.order_by(agreement.c.partner_id, agreement.c.year)).all()
    areas = _territories(tx, [row.agreement_id for row in rows])
    return [_agreement(row, tuple(areas.get(row.agreement_id, ()))) for row in rows]


def _territories(tx: Transaction, agreement_ids: Sequence[str]) -> dict[str, list[Territory]]:
    found: dict[str, list[Territory]] = {}
    query = sa.select(
        agreement_territory.c.agreement_id,
        agreement_territory.c.area,
        agreement_territory.c.exclusive,
    ).where(agreement_territory.c.agreement_id.in_(agreement_ids))
    for row in tx.execute(query.order_by(agreement_territory.c.area)) if agreement_ids else ():
        found.setdefault(row.agreement_id, []).append(Territory(row.area, row.exclusive))
    return found


def _agreement(row: sa.Row[Any], territories: tuple[Territory, ...]) -> Agreement:
    ending = None
    if row.state is not None:
        ending = Ending(AgreementState(row.state), row.end_date, row.reason)
    target = None if row.target_minor is None else Money(row.currency_code, row.target_minor)
    return Agreement(
        agreement_id=row.agreement_id,
        partner_id=row.partner_id,
        year=row.year,
        credit=Credit(Money(row.currency_code, row.credit_limit_minor), row.credit_days),
        territory=row.territory,
        sign_time=row.sign_time,
        terms=Terms(target, row.rebate_policy, row.price_policy, territories, row.report_id),
        ending=ending,
    )
