"""Copies of what channels tells offices for their forecasts: launch months, stocks, risks."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from chassis import upsert
from chassis.database import Transaction
from chassis.period import Month
from planning.rolling_plan.readings import ProductRisk, ReportedStock

TABLES = sa.MetaData()

product_launch_copy = sa.Table(
    "product_launch_copy",
    TABLES,
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("launch_month", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

partner_stock_copy = sa.Table(
    "partner_stock_copy",
    TABLES,
    sa.Column("partner_id", sa.Text, primary_key=True),
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("month", sa.Text, nullable=False),
    sa.Column("closing_quantity", sa.BigInteger, nullable=False),
    sa.Column("demand_quantity", sa.BigInteger, nullable=False),
)

quality_risk_copy = sa.Table(
    "quality_risk_copy",
    TABLES,
    sa.Column("risk_id", sa.Text, primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("back_percent", sa.Numeric, nullable=False),
    sa.Column("percent_max", sa.Numeric, nullable=False),
)
_stock = partner_stock_copy.c
_risk = quality_risk_copy.c


def put_launch(tx: Transaction, product_id: str, *, launch_month: str, version: int) -> None:
    """Keep from which month on a product is sold; an older version never replaces a newer one."""
    row = {"product_id": product_id, "launch_month": launch_month, "version": version}
    upsert.put(tx, product_launch_copy, row, newer_in="version", or_as_new=True)


def launches(tx: Transaction, product_ids: Collection[str]) -> dict[str, Month]:
    """Return the launch months of those of the products that have one."""
    table = product_launch_copy.c
    query = sa.select(table.product_id, table.launch_month).where(
        table.product_id.in_(product_ids), table.launch_month != ""
    )
    return {row.product_id: Month.parse(row.launch_month) for row in tx.execute(query)}


def put_stocks(tx: Transaction, stocks: Sequence[ReportedStock]) -> None:
    """Keep what a partner reported, unless it reported a later month already."""
    rows = [
        {
            "partner_id": one.partner_id,
            "product_id": one.product_id,
            "unit_id": one.unit_id,
            "month": str(one.month),
            "closing_quantity": one.closing_quantity,
            "demand_quantity": one.demand_quantity,
        }
        for one in stocks
    ]
    upsert.put(tx, partner_stock_copy, rows, newer_in="month", or_as_new=True)


def stocks_of(tx: Transaction, unit_ids: Collection[str], *, limit: int) -> list[ReportedStock]:
    """Return what the partners of units reported last, by partner and product."""
    query = (
        sa.select(partner_stock_copy)
        .where(_stock.unit_id.in_(unit_ids))
        .order_by(_stock.partner_id, _stock.product_id)
        .limit(limit)
    )
    return [
        ReportedStock(
            partner_id=row.partner_id,
            product_id=row.product_id,
            unit_id=row.unit_id,
            month=Month.parse(row.month),
            closing_quantity=row.closing_quantity,
            demand_quantity=row.demand_quantity,
        )
        for row in tx.execute(query)
    ]


def put_risk(tx: Transaction, risk_id: str, risk: ProductRisk) -> None:
    """Keep a risk once."""
    row = {
        "risk_id": risk_id,
        "partner_id": risk.partner_id,
        "product_id": risk.product_id,
        "unit_id": risk.unit_id,
        "year": risk.year,
        "back_percent": risk.back_percent,
        "percent_max": risk.percent_max,
    }
    upsert.put(tx, quality_risk_copy, row)


def risks_of(
    tx: Transaction, unit_ids: Collection[str], *, since_year: int, limit: int
) -> list[ProductRisk]:
    """Return the risks of units' partners from a year on, the newest year first."""
    query = (
        sa.select(quality_risk_copy)
        .where(_risk.unit_id.in_(unit_ids), _risk.year >= since_year)
        .order_by(_risk.year.desc(), _risk.partner_id, _risk.product_id)
        .limit(limit)
    )
    return [
        ProductRisk(
            partner_id=row.partner_id,
            product_id=row.product_id,
            unit_id=row.unit_id,
            year=row.year,
            back_percent=row.back_percent,
            percent_max=row.percent_max,
        )
        for row in tx.execute(query)
    ]
