"""The table of reported sales; rows are only inserted. Who reports holds the lock of the partner's
reports."""

from collections.abc import Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from channels.sales_report.domain import ReportedSale
from chassis import arrays, scope
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

reported_sale = sa.Table(
    "reported_sale",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("sale_id", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("sale_date", sa.Date, nullable=False),
    sa.Column("report_time", sa.DateTime(timezone=True), nullable=False),
)

USED = """
SELECT sale_id FROM reported_sale
WHERE partner_id = %(partner_id)s AND sale_id = ANY(%(sale_ids)s::text[])
"""
ADD_ALL = """
INSERT INTO reported_sale (partner_id, sale_id, unit_id, order_id, sale_date, report_time)
SELECT *
FROM unnest(%(partner_ids)s::text[], %(sale_ids)s::text[], %(unit_ids)s::text[],
    %(order_ids)s::uuid[], %(sale_dates)s::date[], %(report_times)s::timestamptz[])
"""


def lock(tx: Transaction, partner_id: str) -> None:
    """Let nobody else report for the partner until the transaction ends: a number that is not used
    has no row to lock."""
    key = sa.func.hashtextextended(f"mantle.reported_sale.{partner_id}", 0)
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def used(tx: Transaction, partner_id: str, sale_ids: Iterable[str]) -> frozenset[str]:
    """Return those of the numbers that the partner has used."""
    found = run(tx, USED, {"partner_id": partner_id, "sale_ids": arrays.texts(sale_ids)})
    return frozenset(sale_id for (sale_id,) in found)


def add_all(tx: Transaction, new: Sequence[ReportedSale]) -> None:
    """Insert sales."""
    run(
        tx,
        ADD_ALL,
        {
            "partner_ids": arrays.texts(one.partner_id for one in new),
            "sale_ids": arrays.texts(one.sale_id for one in new),
            "unit_ids": arrays.texts(one.unit_id for one in new),
            "order_ids": arrays.plain(one.order_id for one in new),
            "sale_dates": arrays.plain(one.sale_date for one in new),
            "report_times": arrays.plain(one.report_time for one in new),
        },
    )


def page(tx: Transaction, part: Page, *, by: Caller, partner_id: str) -> Slice[ReportedSale]:
    """Return a page of the sales in the caller's scope, by partner and sale."""
    query = sa.select(reported_sale)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(reported_sale.c.unit_id.in_(units))
    if partner_id:
        query = query.where(reported_sale.c.partner_id == partner_id)
    rows = tx.execute(keyset(query, part, list(reported_sale.primary_key)))
    return part.slice([_sale(row) for row in rows], key=lambda one: (one.partner_id, one.sale_id))


def _sale(row: Any) -> ReportedSale:
    return ReportedSale(
        partner_id=row.partner_id,
        sale_id=row.sale_id,
        unit_id=row.unit_id,
        order_id=row.order_id,
        sale_date=row.sale_date,
        report_time=row.report_time,
    )
