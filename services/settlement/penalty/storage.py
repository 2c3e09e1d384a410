"""The table of penalties; a case has one."""

from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money, format_decimal
from chassis.paging import Page, Slice
from chassis.scope import Caller
from settlement.penalty.domain import Booked, Confirmed, DiversionPenaltyNotFound, Penalty

TABLES = sa.MetaData()

diversion_penalty = sa.Table(
    "diversion_penalty",
    TABLES,
    sa.Column("case_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("victim_unit_id", sa.Text, nullable=False),
    sa.Column("victim_partner_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("factor", sa.Text, nullable=False),
    sa.Column("fine_minor", sa.BigInteger, nullable=False),
    sa.Column("award_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("policy_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("post_date", sa.Date, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
)
_own = diversion_penalty.c


def add(tx: Transaction, new: Penalty) -> bool:
    """Insert a penalty; False when the case has one."""
    case = new.case
    draft = insert(diversion_penalty).values(
        case_id=case.case_id,
        partner_id=case.partner_id,
        unit_id=case.unit_id,
        victim_unit_id=case.victim_unit_id,
        victim_partner_id=case.victim_partner_id,
        product_id=case.product_id,
        quantity=case.quantity,
        order_id=case.order_id,
        currency_code=case.amount.currency_code,
        amount_minor=case.amount.amount_minor,
        factor=format_decimal(new.factor),
        fine_minor=new.fine.amount_minor,
        award_id=new.award_id,
        policy_id=new.policy_id,
        post_date=case.day,
        create_time=case.at,
    )
    made = draft.on_conflict_do_nothing().returning(_own.case_id)
    return tx.execute(made).one_or_none() is not None


def get(tx: Transaction, case_id: str) -> Booked:
    """Return the penalty of a case.

    Errors: DiversionPenaltyNotFound.
    """
    query = sa.select(diversion_penalty).where(_own.case_id == case_id)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise DiversionPenaltyNotFound(case_id)
    return _booked(row)


def page(tx: Transaction, part: Page, *, by: Caller, partner_id: str) -> Slice[Booked]:
    """Return a page of the penalties in the caller's scope, by case."""
    query = sa.select(diversion_penalty)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(_own.unit_id.in_(units))
    if partner_id:
        query = query.where(_own.partner_id == partner_id)
    found = [_booked(row) for row in tx.execute(keyset(query, part, [_own.case_id]))]
    return part.slice(found, key=lambda one: (one.penalty.case.case_id,))


def _booked(row: sa.Row[Any]) -> Booked:
    case = Confirmed(
        case_id=row.case_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        victim_unit_id=row.victim_unit_id,
        victim_partner_id=row.victim_partner_id,
        order_id=row.order_id,
        product_id=row.product_id,
        batch="",
        quantity=row.quantity,
        amount=Money(row.currency_code, row.amount_minor),
        actor="",
        day=row.post_date,
        at=row.create_time,
    )
    return Booked(Penalty(case, Decimal(row.factor), row.policy_id), row.create_time)
