"""The copy of the year's expense budgets: one version for each unit and year, with its limits."""

import sqlalchemy as sa

from chassis import upsert
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page
from settlement.budget_limit.domain import BudgetLimitsNotFound, Limit, Limits

TABLES = sa.MetaData()

year_plan_copy = sa.Table(
    "year_plan_copy",
    TABLES,
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("fiscal_year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("plan_version", sa.Integer, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
)

budget_limit_copy = sa.Table(
    "budget_limit_copy",
    TABLES,
    sa.Column("plan_unit_id", sa.Text, primary_key=True),
    sa.Column("fiscal_year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("expense_type", sa.Text, primary_key=True),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
)


def replace(tx: Transaction, told: Limits) -> bool:
    """Put a year's limits in the place of an older version; False when one as new is there."""
    if not _begins(tx, told):
        return False
    rows = [
        {
            "plan_unit_id": told.unit_id,
            "fiscal_year": told.fiscal_year,
            "month": one.month,
            "unit_id": one.unit_id,
            "expense_type": one.expense_type,
            "amount_minor": one.amount.amount_minor,
        }
        for one in told.limits
    ]
    if rows:
        tx.execute(sa.insert(budget_limit_copy), rows)
    return True


def get(tx: Transaction, part: Page, *, unit_id: str, fiscal_year: int) -> Limits:
    """Return a page of the limits of a unit's plan of a year.

    Errors: BudgetLimitsNotFound, PageTokenInvalid.
    """
    plan = tx.execute(
        sa.select(year_plan_copy.c.plan_version, year_plan_copy.c.currency_code).where(
            year_plan_copy.c.unit_id == unit_id, year_plan_copy.c.fiscal_year == fiscal_year
        )
    ).first()
    if plan is None:
        raise BudgetLimitsNotFound(unit_id, fiscal_year)
    columns = budget_limit_copy.c
    order = (columns.month, columns.unit_id, columns.expense_type)
    statement = sa.select(*order, columns.amount_minor).where(*_of(unit_id, fiscal_year))
    limits = (
        Limit(month, unit, expense_type, Money(plan.currency_code, amount))
        for month, unit, expense_type, amount in tx.execute(keyset(statement, part, order))
    )
    found = part.slice(limits, key=lambda one: one.key)
    return Limits(
        unit_id,
        fiscal_year,
        plan.plan_version,
        plan.currency_code,
        found.items,
        found.next_page_token,
    )


def total(tx: Transaction, *, unit_id: str, fiscal_year: int) -> Money:
    """Sum the limits of a unit's plan of a year.

    Errors: BudgetLimitsNotFound.
    """
    plan = year_plan_copy.c
    currency = tx.scalar(
        sa.select(plan.currency_code).where(
            plan.unit_id == unit_id, plan.fiscal_year == fiscal_year
        )
    )
    if currency is None:
        raise BudgetLimitsNotFound(unit_id, fiscal_year)
    summed = sa.func.coalesce(sa.func.sum(budget_limit_copy.c.amount_minor), 0)
    query = sa.select(summed.cast(sa.BigInteger)).where(*_of(unit_id, fiscal_year))
    return Money(currency, tx.execute(query).scalar_one())


def _begins(tx: Transaction, told: Limits) -> bool:
    """Make room for a newer version; False when one as new is there."""
    row = {
        "unit_id": told.unit_id,
        "fiscal_year": told.fiscal_year,
        "plan_version": told.plan_version,
        "currency_code": told.currency_code,
    }
    if not upsert.put(tx, year_plan_copy, row, newer_in="plan_version"):
        return False
    tx.execute(sa.delete(budget_limit_copy).where(*_of(told.unit_id, told.fiscal_year)))
    return True


def _of(unit_id: str, fiscal_year: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        budget_limit_copy.c.plan_unit_id == unit_id,
        budget_limit_copy.c.fiscal_year == fiscal_year,
    )
