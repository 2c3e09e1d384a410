"""Copies of what planning told: monthly plans with their lines, the year's targets."""

from collections.abc import Collection, Iterable
from typing import Any

import sqlalchemy as sa

from channels.quota.domain import Quotas, SalesTargetsNotFound, Target, Targets
from chassis import arrays, upsert
from chassis.database import Later, Transaction, run
from chassis.keyset import keyset
from chassis.paging import Page

TABLES = sa.MetaData()

monthly_plan_copy = sa.Table(
    "monthly_plan_copy",
    TABLES,
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("plan_version", sa.Integer, nullable=False),
)

partner_quota_copy = sa.Table(
    "partner_quota_copy",
    TABLES,
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("quantity", sa.BigInteger, nullable=False),
)

year_plan_copy = sa.Table(
    "year_plan_copy",
    TABLES,
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("fiscal_year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("plan_version", sa.Integer, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
)

sales_target_copy = sa.Table(
    "sales_target_copy",
    TABLES,
    sa.Column("plan_unit_id", sa.Text, primary_key=True),
    sa.Column("fiscal_year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("measure", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

# Written out once: building a statement costs more than running it.
PLANNED = """
SELECT q.partner_id, q.month, q.product_id, sum(q.quantity) AS quantity
FROM partner_quota_copy AS q
JOIN unnest(%(partner_ids)s::text[], %(months)s::text[])
  AS wanted (partner_id, month) ON (q.partner_id, q.month) = (wanted.partner_id, wanted.month)
GROUP BY q.partner_id, q.month, q.product_id
"""


def replace(
    tx: Transaction, *, unit_id: str, month: str, plan_version: int, quotas: Quotas
) -> bool:
    """Put a plan in the place of an older version; False when a version as new is there.

    Shape: `quotas` is (partner, product) → pieces.
    """
    row = {"unit_id": unit_id, "month": month, "plan_version": plan_version}
    if not upsert.put(tx, monthly_plan_copy, row, newer_in="plan_version"):
        return False
    tx.execute(
        sa.delete(partner_quota_copy).where(
            partner_quota_copy.c.unit_id == unit_id, partner_quota_copy.c.month == month
        )
    )
    rows = [
        {
            "unit_id": unit_id,
            "month": month,
            "partner_id": partner_id,
            "product_id": product_id,
            "quantity": quantity,
        }
        for (partner_id, product_id), quantity in sorted(quotas.items())
    ]
    if rows:
        tx.execute(sa.insert(partner_quota_copy), rows)
    return True


def planned(
    tx: Transaction, wanted: Collection[tuple[str, str]]
) -> Later[dict[tuple[str, str], dict[str, int]]]:
    """Return the pieces of each product that all plans of a month give a partner.

    Shape: (partner, month) → product → pieces; what no plan speaks of is missing.
    """
    rows = run(
        tx,
        PLANNED,
        {
            "partner_ids": arrays.texts(partner_id for partner_id, _ in wanted),
            "months": arrays.texts(month for _, month in wanted),
        },
    )
    return lambda: _by_partner(rows)


def replace_targets(tx: Transaction, told: Targets) -> bool:
    """Put a year's targets in the place of an older version; False when one as new is there."""
    if not _begins(tx, told):
        return False
    rows = [
        {
            "plan_unit_id": told.unit_id,
            "fiscal_year": told.fiscal_year,
            "month": one.month,
            "unit_id": one.unit_id,
            "product_id": one.product_id,
            "measure": one.measure,
            "value": one.value,
        }
        for one in told.targets
    ]
    if rows:
        tx.execute(sa.insert(sales_target_copy), rows)
    return True


def targets(tx: Transaction, part: Page, *, unit_id: str, fiscal_year: int) -> Targets:
    """Return a page of the targets of a unit's plan of a year.

    Errors: SalesTargetsNotFound, PageTokenInvalid.
    """
    plan = tx.execute(
        sa.select(year_plan_copy.c.plan_version, year_plan_copy.c.currency_code).where(
            year_plan_copy.c.unit_id == unit_id, year_plan_copy.c.fiscal_year == fiscal_year
        )
    ).first()
    if plan is None:
        raise SalesTargetsNotFound(unit_id, fiscal_year)
    order = (
        sales_target_copy.c.month,
        sales_target_copy.c.unit_id,
        sales_target_copy.c.product_id,
        sales_target_copy.c.measure,
    )
    statement = sa.select(*order, sales_target_copy.c.value).where(*_of(unit_id, fiscal_year))
    rows = tx.execute(keyset(statement, part, order))
    found = part.slice((Target(*row) for row in rows), key=lambda one: one.key)
    return Targets(
        unit_id,
        fiscal_year,
        plan.plan_version,
        plan.currency_code,
        found.items,
        found.next_page_token,
    )


def _begins(tx: Transaction, told: Targets) -> bool:
    """Make room for a newer version; False when one as new is there."""
    row = {
        "unit_id": told.unit_id,
        "fiscal_year": told.fiscal_year,
        "plan_version": told.plan_version,
        "currency_code": told.currency_code,
    }
    if not upsert.put(tx, year_plan_copy, row, newer_in="plan_version"):
        return False
    tx.execute(sa.delete(sales_target_copy).where(*_of(told.unit_id, told.fiscal_year)))
    return True


def _of(unit_id: str, fiscal_year: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        sales_target_copy.c.plan_unit_id == unit_id,
        sales_target_copy.c.fiscal_year == fiscal_year,
    )


def _by_partner(rows: Iterable[tuple[Any, ...]]) -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for partner_id, month, product_id, quantity in rows:
        found.setdefault((partner_id, month), {})[product_id] = int(quantity)
    return found
