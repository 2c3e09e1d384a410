"""The table of partners' stocks. Who reports holds the lock of the partner's reports."""

from collections.abc import Collection, Sequence
from typing import Any

import sqlalchemy as sa

from channels.partner_stock.domain import Filter, PartnerStock
from chassis import scope, upsert
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

partner_stock = sa.Table(
    "partner_stock",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("month", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("opening_quantity", sa.BigInteger, nullable=False),
    sa.Column("in_quantity", sa.BigInteger, nullable=False),
    sa.Column("out_quantity", sa.BigInteger, nullable=False),
    sa.Column("closing_quantity", sa.BigInteger, nullable=False),
    sa.Column("demand_quantity", sa.BigInteger, nullable=False),
    sa.Column("delivered_quantity", sa.BigInteger, nullable=False),
    sa.Column("reported_by", sa.Text, nullable=False),
    sa.Column("report_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)


def lock(tx: Transaction, partner_id: str) -> None:
    """Let nobody else report for the partner until the transaction ends: the first report of a
    product has no row to lock."""
    key = sa.func.hashtextextended(f"mantle.partner_stock.{partner_id}", 0)
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def latest(
    tx: Transaction, partner_id: str, product_ids: Collection[str]
) -> dict[str, list[PartnerStock]]:
    """Return the last two reports of each product, the newest first."""
    place = sa.func.row_number().over(
        partition_by=partner_stock.c.product_id, order_by=partner_stock.c.month.desc()
    )
    ranked = (
        sa.select(partner_stock, place.label("place"))
        .where(
            partner_stock.c.partner_id == partner_id,
            partner_stock.c.product_id.in_(sorted(product_ids)),
        )
        .subquery()
    )
    query = (
        sa.select(ranked).where(ranked.c.place <= 2).order_by(ranked.c.product_id, ranked.c.place)
    )
    found: dict[str, list[PartnerStock]] = {}
    for row in tx.execute(query):
        found.setdefault(row.product_id, []).append(_stock(row))
    return found


def save_all(tx: Transaction, stocks: Sequence[PartnerStock]) -> None:
    """Insert reports, or write their corrections."""
    upsert.put(tx, partner_stock, [_row(one) for one in stocks])


def page(tx: Transaction, part: Page, *, by: Caller, wanted: Filter) -> Slice[PartnerStock]:
    """Return a page of the reports in the caller's scope, by partner, product and month."""
    query = sa.select(partner_stock)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(partner_stock.c.unit_id.in_(units))
    for column, value in (
        (partner_stock.c.partner_id, wanted.partner_id),
        (partner_stock.c.product_id, wanted.product_id),
        (partner_stock.c.month, wanted.month),
    ):
        query = query.where(column == value) if value else query
    rows = tx.execute(keyset(query, part, list(partner_stock.primary_key)))
    return part.slice(
        [_stock(row) for row in rows], key=lambda one: (one.partner_id, one.product_id, one.month)
    )


def _row(source: PartnerStock) -> dict[str, Any]:
    return {
        "partner_id": source.partner_id,
        "product_id": source.product_id,
        "month": source.month,
        "unit_id": source.unit_id,
        "opening_quantity": source.opening,
        "in_quantity": source.came_in,
        "out_quantity": source.went_out,
        "closing_quantity": source.closing,
        "demand_quantity": source.demand,
        "delivered_quantity": source.delivered,
        "reported_by": source.reported_by,
        "report_time": source.report_time,
        "version": source.version,
    }


def _stock(row: Any) -> PartnerStock:
    return PartnerStock(
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        product_id=row.product_id,
        month=row.month,
        opening=row.opening_quantity,
        came_in=row.in_quantity,
        went_out=row.out_quantity,
        demand=row.demand_quantity,
        delivered=row.delivered_quantity,
        reported_by=row.reported_by,
        report_time=row.report_time,
        version=row.version,
    )
