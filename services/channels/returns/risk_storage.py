"""Rates of what came back, and the items that they raised, as rows."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from channels.returns.domain import Kind
from channels.returns.risk import QualityRisk, RateFilter, ReturnRate, RiskFilter
from channels.returns.storage import TABLES, goods_return, goods_return_line
from channels.shipment.domain import State as ShipmentState
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller

quality_risk = sa.Table(
    "quality_risk",
    TABLES,
    sa.Column("risk_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("delivered", sa.BigInteger, nullable=False),
    sa.Column("returned", sa.BigInteger, nullable=False),
    sa.Column("exchanged", sa.BigInteger, nullable=False),
    sa.Column("share_max", sa.Numeric, nullable=False),
    sa.Column("return_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("raise_time", sa.DateTime(timezone=True), nullable=False),
)

# Shipments have a capability of their own; of their tables only this is read.
_shipment: Final = sa.table(
    "shipment",
    sa.column("shipment_id"),
    sa.column("partner_id", sa.Text),
    sa.column("unit_id", sa.Text),
    sa.column("state", sa.Text),
    sa.column("deliver_date", sa.Date),
)
_shipment_line: Final = sa.table(
    "shipment_line",
    sa.column("shipment_id"),
    sa.column("product_id", sa.Text),
    sa.column("quantity", sa.BigInteger),
)
_NONE: Final = sa.literal(0, sa.BigInteger)


def rates(tx: Transaction, part: Page, *, wanted: RateFilter, by: Caller) -> Slice[ReturnRate]:
    """Return a page of rates in the caller's scope, by partner and product."""
    found = _rates(wanted, by=by).subquery()
    columns = [found.c.partner_id, found.c.product_id]
    rows = tx.execute(keyset(sa.select(found), part, columns))
    return part.slice(map(_rate, rows), key=lambda one: (one.partner_id, one.product_id))


def rates_of(tx: Transaction, wanted: RateFilter) -> dict[str, ReturnRate]:
    """Return the rates of a partner by product, whoever looks at it."""
    return {row.product_id: _rate(row) for row in tx.execute(_rates(wanted, by=None))}


def raise_risk(tx: Transaction, new: QualityRisk) -> bool:
    """Insert an item; False when there is one of this partner, product and year already."""
    row = {
        "risk_id": new.risk_id,
        "partner_id": new.rate.partner_id,
        "product_id": new.rate.product_id,
        "unit_id": new.unit_id,
        "year": new.year,
        "delivered": new.rate.delivered,
        "returned": new.rate.returned,
        "exchanged": new.rate.exchanged,
        "share_max": new.share_max,
        "return_id": new.return_id,
        "raise_time": new.raise_time,
    }
    statement = insert(quality_risk).values(row).on_conflict_do_nothing()
    return tx.execute(statement.returning(sa.literal(1))).first() is not None


def risk_page(tx: Transaction, part: Page, *, wanted: RiskFilter, by: Caller) -> Slice[QualityRisk]:
    """Return a page of the items in the caller's scope, the newest first."""
    own = quality_risk.c
    query = sa.select(quality_risk)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(own.unit_id.in_(units))
    for column, value in (
        (own.partner_id, wanted.partner_id),
        (own.product_id, wanted.product_id),
        (own.year, wanted.year),
    ):
        query = query.where(column == value) if value else query
    columns = [own.raise_time, own.risk_id]
    rows = tx.execute(keyset(query, part, columns, descending=True))
    return part.slice(map(_risk, rows), key=lambda one: (one.raise_time, one.risk_id))


def _rates(wanted: RateFilter, *, by: Caller | None) -> sa.Select[Any]:
    """Add up what was delivered and what came back; a row is of one of the two."""
    is_return = goods_return.c.kind == Kind.RETURN
    came = (
        sa.select(
            _shipment.c.partner_id,
            _shipment_line.c.product_id,
            _shipment_line.c.quantity.label("delivered"),
            _NONE.label("returned"),
            _NONE.label("exchanged"),
        )
        .join(_shipment_line, _shipment_line.c.shipment_id == _shipment.c.shipment_id)
        .where(
            _shipment.c.state == ShipmentState.DELIVERED,
            _shipment.c.deliver_date.between(wanted.first_day, wanted.last_day),
        )
    )
    went = (
        sa.select(
            goods_return.c.partner_id,
            goods_return_line.c.product_id,
            _NONE,
            sa.case((is_return, goods_return_line.c.accepted), else_=0),
            sa.case((is_return, 0), else_=goods_return_line.c.accepted),
        )
        .join(goods_return_line, goods_return_line.c.return_id == goods_return.c.return_id)
        .where(goods_return.c.settle_date.between(wanted.first_day, wanted.last_day))
    )
    came = _narrowed(came, _shipment, _shipment_line, wanted=wanted, by=by)
    went = _narrowed(went, goods_return, goods_return_line, wanted=wanted, by=by)
    both = sa.union_all(came, went).subquery()
    sums = [
        sa.cast(sa.func.sum(both.c[name]), sa.BigInteger).label(name)
        for name in ("delivered", "returned", "exchanged")
    ]
    keys = both.c.partner_id, both.c.product_id
    return sa.select(*keys, *sums).group_by(*keys)


def _narrowed(
    query: sa.Select[Any],
    head: sa.FromClause,
    line: sa.FromClause,
    *,
    wanted: RateFilter,
    by: Caller | None,
) -> sa.Select[Any]:
    units = None if by is None else scope.units_of(by)
    if units is not None:
        query = query.where(head.c.unit_id.in_(units))
    if wanted.partner_id:
        query = query.where(head.c.partner_id == wanted.partner_id)
    if wanted.product_id:
        query = query.where(line.c.product_id == wanted.product_id)
    return query


def _rate(row: Any) -> ReturnRate:
    return ReturnRate(row.partner_id, row.product_id, row.delivered, row.returned, row.exchanged)


def _risk(row: Any) -> QualityRisk:
    return QualityRisk(
        risk_id=row.risk_id,
        rate=_rate(row),
        unit_id=row.unit_id,
        year=row.year,
        share_max=row.share_max,
        return_id=row.return_id,
        raise_time=row.raise_time,
    )
