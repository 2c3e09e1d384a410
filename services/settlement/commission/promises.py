"""What orders earn when they are paid for, as rows; use cases of commission alone use it."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction, run
from chassis.money import Money
from settlement.commission.cash import CashOrder, Promise
from settlement.commission.earning import Basis, Earning, Per, Rate, Returned
from settlement.commission.storage import TABLES

commission_cash_order = sa.Table(
    "commission_cash_order",
    TABLES,
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("total_minor", sa.BigInteger, nullable=False),
    sa.Column("collected_minor", sa.BigInteger, nullable=False),
    sa.Column("confirm_date", sa.Date),
)

commission_promise = sa.Table(
    "commission_promise",
    TABLES,
    sa.Column("order_id", sa.Text, primary_key=True),
    sa.Column("event_kind", sa.Text, primary_key=True),
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("offer_id", sa.Text, nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("policy_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("share", sa.Text, nullable=False),
    sa.Column("base_minor", sa.BigInteger, nullable=False),
    sa.Column("base_quantity", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("returned_minor", sa.BigInteger, nullable=False),
    sa.Column("returned_quantity", sa.BigInteger, nullable=False),
    sa.Column("earned_minor", sa.BigInteger, nullable=False),
    sa.Column("turns", sa.BigInteger, nullable=False),
)

_promise = commission_promise.c

ADD_ORDERS = """
INSERT INTO commission_cash_order (order_id, total_minor, collected_minor)
SELECT order_id, total_minor, 0
FROM unnest(%(order_ids)s::text[], %(totals_minor)s::bigint[]) AS new (order_id, total_minor)
ON CONFLICT DO NOTHING
"""
ADD = """
INSERT INTO commission_promise (order_id, event_kind, product_id, partner_id, unit_id, offer_id,
  campaign_id, policy_id, share, base_minor, base_quantity, currency_code, returned_minor,
  returned_quantity, earned_minor, turns)
SELECT *, 0, 0, 0, 0 FROM unnest(%(order_ids)s::text[], %(event_kinds)s::text[],
  %(product_ids)s::text[], %(partner_ids)s::text[], %(unit_ids)s::text[], %(offer_ids)s::text[],
  %(campaign_ids)s::text[], %(policy_ids)s::uuid[], %(shares)s::text[], %(bases_minor)s::bigint[],
  %(base_quantities)s::bigint[], %(currency_codes)s::text[])
ON CONFLICT DO NOTHING
"""
# Most orders promise nothing: then this is the one statement that they cost.
COLLECT = """
UPDATE commission_cash_order AS o
SET collected_minor = o.collected_minor + more.collected_minor,
  total_minor = greatest(o.total_minor - more.returned_minor, 0)
FROM unnest(%(order_ids)s::text[], %(collected_minor)s::bigint[], %(returned_minor)s::bigint[])
  AS more (order_id, collected_minor, returned_minor)
WHERE o.order_id = more.order_id
RETURNING o.order_id, o.total_minor, o.collected_minor, o.confirm_date
"""
SET_CONFIRM_DATES = """
UPDATE commission_cash_order AS o SET confirm_date = delivered.confirm_date
FROM unnest(%(order_ids)s::text[], %(confirm_dates)s::date[]) AS delivered (order_id, confirm_date)
WHERE o.order_id = delivered.order_id
"""
SAVE = """
UPDATE commission_promise AS p
SET returned_minor = now.returned_minor, returned_quantity = now.returned_quantity,
  earned_minor = now.earned_minor, turns = now.turns
FROM unnest(%(order_ids)s::text[], %(event_kinds)s::text[], %(product_ids)s::text[],
  %(returned_minor)s::bigint[], %(returned_quantities)s::bigint[], %(earned_minor)s::bigint[],
  %(turns)s::bigint[])
  AS now (order_id, event_kind, product_id, returned_minor, returned_quantity, earned_minor, turns)
WHERE p.order_id = now.order_id AND p.event_kind = now.event_kind
  AND p.product_id = now.product_id
"""


def add(tx: Transaction, orders: Mapping[str, int], new: Sequence[Promise]) -> None:
    """Store what orders promise, with the total in minor units of each; one that is known keeps
    what it has."""
    if not new:
        return
    run(
        tx,
        ADD_ORDERS,
        {"order_ids": arrays.texts(orders), "totals_minor": arrays.plain(orders.values())},
    )
    run(
        tx,
        ADD,
        {
            **_keys(new),
            "partner_ids": arrays.texts(one.partner_id for one in new),
            "unit_ids": arrays.texts(one.unit_id for one in new),
            "offer_ids": arrays.texts(one.offer_id for one in new),
            "campaign_ids": arrays.texts(one.campaign_id for one in new),
            "policy_ids": arrays.plain(one.policy_id for one in new),
            "shares": arrays.texts(one.earning.rate.share for one in new),
            "bases_minor": arrays.plain(one.earning.base_minor for one in new),
            "base_quantities": arrays.plain(one.earning.base_quantity for one in new),
            "currency_codes": arrays.plain(one.earning.rate.amount.currency_code for one in new),
        },
    )


def collect(tx: Transaction, more: Mapping[str, tuple[int, int]]) -> dict[str, CashOrder]:
    """Lock orders that promise something, add what was collected and take off what was returned.

    Shape: `more` has both in minor units by order; those without a promise are not in the answer.
    """
    rows = run(
        tx,
        COLLECT,
        {
            "order_ids": arrays.texts(more),
            "collected_minor": arrays.plain(collected for collected, _ in more.values()),
            "returned_minor": arrays.plain(returned for _, returned in more.values()),
        },
    )
    return {row[0]: CashOrder(*row) for row in rows}


def set_confirm_dates(tx: Transaction, days: Mapping[str, date]) -> None:
    """Say by order from which day on what it earns can be confirmed."""
    run(
        tx,
        SET_CONFIRM_DATES,
        {"order_ids": arrays.texts(days), "confirm_dates": arrays.plain(days.values())},
    )


def of_orders(tx: Transaction, order_ids: Sequence[str]) -> list[Promise]:
    """Return the promises of orders that are locked, in the order of their keys."""
    query = (
        sa.select(*_promise)
        .where(_promise.order_id.in_(order_ids))
        .order_by(_promise.order_id, _promise.event_kind, _promise.product_id)
    )
    return [_read(row) for row in tx.execute(query)]


def has_any(tx: Transaction, partner_id: str) -> bool:
    """Tell whether orders of a partner promise anything."""
    query = sa.select(sa.exists().where(_promise.partner_id == partner_id))
    return bool(tx.execute(query).scalar_one())


def save(tx: Transaction, changed: Sequence[Promise]) -> None:
    """Store what was returned and earned of some promises."""
    if not changed:
        return
    run(
        tx,
        SAVE,
        {
            **_keys(changed),
            "returned_minor": arrays.plain(one.returned.amount_minor for one in changed),
            "returned_quantities": arrays.plain(one.returned.quantity for one in changed),
            "earned_minor": arrays.plain(one.earned_minor for one in changed),
            "turns": arrays.plain(one.turns for one in changed),
        },
    )


def _keys(promises: Sequence[Promise]) -> dict[str, str]:
    return {
        "order_ids": arrays.texts(one.order_id for one in promises),
        "event_kinds": arrays.texts(one.earning.rate.event_kind for one in promises),
        "product_ids": arrays.texts(one.earning.product_id for one in promises),
    }


def _read(row: Any) -> Promise:
    rate = Rate(row.event_kind, Per.AMOUNT, Money.zero(row.currency_code), row.share, Basis.CASH)
    return Promise(
        order_id=row.order_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        offer_id=row.offer_id,
        campaign_id=row.campaign_id,
        policy_id=row.policy_id,
        earning=Earning(rate, row.product_id, 1, row.base_minor, row.base_quantity),
        returned=Returned(row.returned_quantity, row.returned_minor),
        earned_minor=row.earned_minor,
        turns=row.turns,
    )
