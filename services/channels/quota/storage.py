"""The copy of the monthly plans: one version for each unit and month, with its lines."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis import arrays
from chassis.database import Later, Transaction, run

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

Quotas = Mapping[tuple[str, str], int]

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
    draft = insert(monthly_plan_copy).values(
        unit_id=unit_id, month=month, plan_version=plan_version
    )
    statement = draft.on_conflict_do_update(
        index_elements=[monthly_plan_copy.c.unit_id, monthly_plan_copy.c.month],
        set_={"plan_version": draft.excluded.plan_version},
        where=monthly_plan_copy.c.plan_version < draft.excluded.plan_version,
    )
    if tx.execute(statement.returning(sa.literal(1))).first() is None:
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


def _by_partner(rows: Iterable[tuple[Any, ...]]) -> dict[tuple[str, str], dict[str, int]]:
    found: dict[tuple[str, str], dict[str, int]] = {}
    for partner_id, month, product_id, quantity in rows:
        found.setdefault((partner_id, month), {})[product_id] = int(quantity)
    return found
