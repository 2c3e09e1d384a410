"""How the prices of the policies were carried out, from what was ordered; with its one query."""

from typing import Any, Final

import sqlalchemy as sa

from channels.order.storage import price_deviation, sales_order, sales_order_line
from channels.pricing.domain import ExecutionFilter, PriceExecution
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.scope import Caller

ENDED: Final = ("CANCELLED", "REJECTED")


def list_page(
    tx: Transaction, *, part: Page, by: Caller, wanted: ExecutionFilter
) -> Slice[PriceExecution]:
    """Return a page of what was realised against the policies, in the caller's units.

    Shape: by partner, product, project and currency; orders that were rejected or cancelled do not
        count.
    Source: R-089.
    """
    sums = _sums(by, wanted).subquery()
    columns = [sums.c.partner_id, sums.c.product_id, sums.c.project_id, sums.c.currency_code]
    found = [_execution(row) for row in tx.execute(keyset(sa.select(sums), part, columns))]
    return part.slice(
        found,
        key=lambda one: (
            one.partner_id,
            one.product_id,
            one.project_id,
            one.realised.currency_code,
        ),
    )


def _sums(by: Caller, wanted: ExecutionFilter) -> sa.Select[Any]:
    order, line, other = sales_order.c, sales_order_line.c, price_deviation.c
    groups = [order.partner_id, line.product_id, order.project_id, order.currency_code]
    policy_minor = sa.func.coalesce(other.policy_amount_minor, line.amount_minor)
    query = (
        sa.select(
            *groups,
            sa.func.sum(line.quantity).label("quantity"),
            sa.func.sum(line.amount_minor).label("realised_minor"),
            sa.func.sum(policy_minor).label("policy_minor"),
            sa.func.coalesce(
                sa.func.sum(line.quantity).filter(other.order_id.is_not(None)), 0
            ).label("overridden"),
        )
        .join(sales_order_line, line.order_id == order.order_id)
        .outerjoin(
            price_deviation,
            (other.order_id == line.order_id) & (other.product_id == line.product_id),
        )
        .where(
            order.order_date.between(wanted.first_day, wanted.last_day),
            order.state.not_in(ENDED),
        )
        .group_by(*groups)
    )
    units = scope.units_of(by)
    if units is not None:
        query = query.where(order.unit_id.in_(units))
    for column, value in (
        (order.partner_id, wanted.partner_id),
        (line.product_id, wanted.product_id),
        (order.project_id, wanted.project_id),
    ):
        query = query.where(column == value) if value else query
    return query


def _execution(row: Any) -> PriceExecution:
    return PriceExecution(
        partner_id=row.partner_id,
        product_id=row.product_id,
        project_id=row.project_id,
        quantity=int(row.quantity),
        realised=Money(row.currency_code, int(row.realised_minor)),
        policy=Money(row.currency_code, int(row.policy_minor)),
        overridden_quantity=int(row.overridden),
    )
