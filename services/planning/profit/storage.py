"""The assumptions of a version: prices by product and channel, and shares of sales.

They are no numbers that add up, so they stand beside the cube and not in it.
"""

from collections.abc import Mapping
from decimal import Decimal

import sqlalchemy as sa

from chassis.database import Transaction
from chassis.money import UnitPrice
from planning.profit.domain import Assumptions, PriceAssumption

TABLES = sa.MetaData()
CODE = sa.Text(collation="C")

price_assumption = sa.Table(
    "price_assumption",
    TABLES,
    sa.Column("version_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("product_id", CODE, primary_key=True),
    sa.Column("channel", CODE, primary_key=True),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("list_price", sa.Numeric(18, 6), nullable=False),
    sa.Column("channel_factor", sa.Numeric(7, 6), nullable=False),
    sa.Column("allowance_share", sa.Numeric(7, 6), nullable=False),
    sa.Column("unit_cost", sa.Numeric(18, 6), nullable=False),
)

sales_share = sa.Table(
    "sales_share",
    TABLES,
    sa.Column("version_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("expense_type", CODE, primary_key=True),
    sa.Column("share", sa.Numeric(7, 6), nullable=False),
)


def save(tx: Transaction, assumptions: Assumptions) -> None:
    """Set the assumptions of a version in place of those that it has."""
    version_id = assumptions.version_id
    for table in (price_assumption, sales_share):
        tx.execute(sa.delete(table).where(table.c.version_id == version_id))
    prices = [
        {
            "version_id": version_id,
            "product_id": one.product_id,
            "channel": one.channel,
            "currency_code": one.list_price.currency_code,
            "list_price": one.list_price.amount,
            "channel_factor": one.channel_factor,
            "allowance_share": one.allowance_share,
            "unit_cost": one.unit_cost.amount,
        }
        for one in assumptions.prices
    ]
    if prices:
        tx.execute(sa.insert(price_assumption), prices)
    shares = [
        {"version_id": version_id, "expense_type": code, "share": share}
        for code, share in assumptions.sales_shares.items()
    ]
    if shares:
        tx.execute(sa.insert(sales_share), shares)


def find(tx: Transaction, version_id: str) -> Assumptions | None:
    """Return the assumptions that were set for a version itself, None without any."""
    columns = price_assumption.c
    rows = tx.execute(
        sa.select(
            columns.product_id,
            columns.channel,
            columns.currency_code,
            columns.list_price,
            columns.channel_factor,
            columns.allowance_share,
            columns.unit_cost,
        )
        .where(columns.version_id == version_id)
        .order_by(columns.product_id, columns.channel)
    )
    prices = tuple(
        PriceAssumption(
            row.product_id,
            row.channel,
            UnitPrice(row.currency_code, _plain(row.list_price)),
            _plain(row.channel_factor),
            _plain(row.allowance_share),
            UnitPrice(row.currency_code, _plain(row.unit_cost)),
        )
        for row in rows
    )
    shares = _shares(tx, version_id)
    return Assumptions(version_id, prices, shares) if prices or shares else None


def _shares(tx: Transaction, version_id: str) -> Mapping[str, Decimal]:
    columns = sales_share.c
    rows = tx.execute(
        sa.select(columns.expense_type, columns.share)
        .where(columns.version_id == version_id)
        .order_by(columns.expense_type)
    )
    return {row.expense_type: _plain(row.share) for row in rows}


def _plain(value: Decimal) -> Decimal:
    """Drop the zeros that the column adds behind the point, but keep two digits."""
    cents = value.quantize(Decimal("0.01"))
    return cents if cents == value else value.normalize()
