"""How much of a year's budget is used, for capabilities that report on the whole of it."""

import sqlalchemy as sa

from chassis import scope
from chassis.database import Transaction
from chassis.period import DateRange
from chassis.scope import Caller
from planning.budget.domain import IN_FORCE, LineState
from planning.budget.storage import budget_line
from planning.budget.sums import Usage


def usage_of(tx: Transaction, *, unit_id: str, period: DateRange, currency_code: str) -> Usage:
    """Sum the lines in force of a unit and of all below it that lie in a period.

    Shape: lines of other currencies are left out. The scope is the caller's to check.
    Source: R-005.
    """
    units = scope.units_of(Caller(subject="", roles=frozenset(), unit_id=unit_id, actor=""))
    assert units is not None, "a caller with a unit does not see all"
    columns = budget_line.c
    row = tx.execute(
        sa.select(_sum(columns.amount_minor), _sum(columns.spent_minor)).where(
            columns.unit_id.in_(units),
            columns.state.in_(sorted(IN_FORCE)),
            columns.start_date >= period.start,
            columns.end_date <= period.end,
            columns.currency_code == currency_code,
        )
    ).one()
    return Usage(row[0], row[1])


def usage_by_type(
    tx: Transaction, *, units: sa.ScalarSelect[str] | None, period: DateRange
) -> dict[tuple[str, str], tuple[int, int]]:
    """Sum the lines that are or were in force and lie in a period, by type and currency.

    Shape: (type, currency) → (amount, spent) in minor units. The scope is the caller's to check.
    """
    columns = budget_line.c
    query = (
        sa.select(
            columns.expense_type,
            columns.currency_code,
            _sum(columns.amount_minor),
            _sum(columns.spent_minor),
        )
        .where(
            columns.state.in_(sorted(IN_FORCE | {LineState.CLOSED})),
            columns.start_date >= period.start,
            columns.end_date <= period.end,
        )
        .group_by(columns.expense_type, columns.currency_code)
        .order_by(columns.expense_type, columns.currency_code)
    )
    if units is not None:
        query = query.where(columns.unit_id.in_(units))
    return {(row[0], row[1]): (row[2], row[3]) for row in tx.execute(query)}


def _sum(column: sa.Column[int]) -> sa.ColumnElement[int]:
    return sa.func.coalesce(sa.func.sum(column), 0).cast(sa.BigInteger)
