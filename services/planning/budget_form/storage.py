"""The copy of what settlement tells of evaluated expenses."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from planning.budget_form.domain import Brought, Opinion, TypeBrought

TABLES = sa.MetaData()

expense_evaluation_copy = sa.Table(
    "expense_evaluation_copy",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("expense_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("fiscal_year", sa.Integer, nullable=False),
    sa.Column("expense_type", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("spent_minor", sa.BigInteger, nullable=False),
    sa.Column("sales_before_minor", sa.BigInteger, nullable=False),
    sa.Column("sales_after_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("opinion", sa.Text, nullable=False),
    sa.Column("evaluated_by", sa.Text, nullable=False),
)

_one = expense_evaluation_copy.c


def add(tx: Transaction, told: Opinion) -> None:
    """Keep an opinion; one that is there stays."""
    values = {
        "expense_id": told.expense_id,
        "unit_id": told.unit_id,
        "fiscal_year": told.fiscal_year,
        "expense_type": told.expense_type,
        "purpose": told.purpose,
        "spent_minor": told.brought.spent.amount_minor,
        "sales_before_minor": told.brought.sales_before.amount_minor,
        "sales_after_minor": told.brought.sales_after.amount_minor,
        "currency_code": told.brought.spent.currency_code,
        "opinion": told.opinion,
        "evaluated_by": told.evaluated_by,
    }
    tx.execute(insert(expense_evaluation_copy).values(values).on_conflict_do_nothing())


def page(
    tx: Transaction,
    part: Page,
    *,
    fiscal_year: int,
    unit_id: str,
    units: sa.ScalarSelect[str] | None,
) -> Slice[Opinion]:
    """Return a page of a year's opinions, in the order in which they became known."""
    query = sa.select(*_one).where(_one.fiscal_year == fiscal_year)
    if units is not None:
        query = query.where(_one.unit_id.in_(units))
    if unit_id:
        query = query.where(_one.unit_id == unit_id)
    rows = tx.execute(keyset(query, part, [_one.sequence]))
    return part.slice(map(_read, rows), key=lambda one: [one.sequence])


def by_type(
    tx: Transaction, *, fiscal_year: int, units: sa.ScalarSelect[str] | None
) -> list[TypeBrought]:
    """Sum a year's evaluated expenses by type and currency."""
    columns = (_one.spent_minor, _one.sales_before_minor, _one.sales_after_minor)
    sums = [sa.func.sum(column).cast(sa.BigInteger) for column in columns]
    query = (
        sa.select(_one.expense_type, _one.currency_code, sa.func.count(), *sums)
        .where(_one.fiscal_year == fiscal_year)
        .group_by(_one.expense_type, _one.currency_code)
        .order_by(_one.expense_type, _one.currency_code)
    )
    if units is not None:
        query = query.where(_one.unit_id.in_(units))
    return [
        TypeBrought(
            expense_type,
            count,
            Brought(Money(currency, spent), Money(currency, before), Money(currency, after)),
        )
        for expense_type, currency, count, spent, before, after in tx.execute(query)
    ]


def _read(row: Any) -> Opinion:
    def money(minor: int) -> Money:
        return Money(row.currency_code, minor)

    return Opinion(
        expense_id=row.expense_id,
        unit_id=row.unit_id,
        fiscal_year=row.fiscal_year,
        expense_type=row.expense_type,
        purpose=row.purpose,
        brought=Brought(
            money(row.spent_minor), money(row.sales_before_minor), money(row.sales_after_minor)
        ),
        opinion=row.opinion,
        evaluated_by=row.evaluated_by,
        sequence=row.sequence,
    )
