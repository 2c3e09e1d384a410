"""The table of price overrides; a row is locked before it changes."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa

from channels.price_override.domain import Filter, PriceOverride, PriceOverrideNotFound, State
from chassis import arrays, scope
from chassis.database import Later, Transaction, run
from chassis.keyset import keyset
from chassis.money import UnitPrice
from chassis.paging import Page, Slice
from chassis.period import DateRange
from chassis.scope import Caller

TABLES = sa.MetaData()

price_override = sa.Table(
    "price_override",
    TABLES,
    sa.Column("override_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("project_id", sa.Text, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("unit_price", sa.Numeric, nullable=False),
    sa.Column("policy_unit_price", sa.Numeric, nullable=False),
    sa.Column("start_date", sa.Date, nullable=False),
    sa.Column("end_date", sa.Date, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

# Written out once: building a statement costs more than running it. The columns are those of the
# table in its order.
USABLE = """
SELECT CAST(o.override_id AS text) AS override_id, o.partner_id, o.unit_id, o.product_id,
  o.project_id, o.currency_code, o.unit_price, o.policy_unit_price, o.start_date, o.end_date,
  o.reason, o.state, o.requested_by, o.decided_by, o.decision, o.create_time, o.version
FROM price_override AS o
JOIN unnest(%(partner_ids)s::text[], %(product_ids)s::text[]) AS wanted (partner_id, product_id)
  ON (o.partner_id, o.product_id) = (wanted.partner_id, wanted.product_id)
WHERE o.state = 'APPROVED'
ORDER BY o.project_id DESC, o.create_time DESC, o.override_id DESC
"""


def add(tx: Transaction, new: PriceOverride) -> None:
    """Insert an override."""
    tx.execute(sa.insert(price_override).values(_row(new)))


def save(tx: Transaction, changed: PriceOverride) -> None:
    """Write an override that was locked before."""
    row = _row(changed)
    override_id = row.pop("override_id")
    tx.execute(
        sa.update(price_override).where(price_override.c.override_id == override_id).values(row)
    )


def lock(tx: Transaction, override_id: str) -> PriceOverride:
    """Lock and return an override.

    Errors: PriceOverrideNotFound.
    """
    query = sa.select(price_override).where(price_override.c.override_id == override_id)
    row = tx.execute(query.with_for_update()).one_or_none()
    if row is None:
        raise PriceOverrideNotFound(override_id)
    return _override(row)


def usable(tx: Transaction, wanted: Collection[tuple[str, str]]) -> Later[list[PriceOverride]]:
    """Return the approved overrides of partners and products, those of a project first."""
    found = run(
        tx,
        USABLE,
        {
            "partner_ids": arrays.texts(partner_id for partner_id, _ in wanted),
            "product_ids": arrays.texts(product_id for _, product_id in wanted),
        },
    )
    return lambda: [_override_of(*row) for row in found]


def page(tx: Transaction, part: Page, *, by: Caller, wanted: Filter) -> Slice[PriceOverride]:
    """Return a page of the overrides in the caller's scope, the newest first."""
    query = sa.select(price_override)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(price_override.c.unit_id.in_(units))
    for column, value in (
        (price_override.c.partner_id, wanted.partner_id),
        (price_override.c.product_id, wanted.product_id),
        (price_override.c.state, wanted.state),
    ):
        query = query.where(column == value) if value else query
    columns = [price_override.c.create_time, price_override.c.override_id]
    found = [_override(row) for row in tx.execute(keyset(query, part, columns, descending=True))]
    return part.slice(found, key=lambda one: (one.create_time, one.override_id))


def _row(source: PriceOverride) -> dict[str, Any]:
    return {
        "override_id": source.override_id,
        "partner_id": source.partner_id,
        "unit_id": source.unit_id,
        "product_id": source.product_id,
        "project_id": source.project_id,
        "currency_code": source.unit_price.currency_code,
        "unit_price": source.unit_price.amount,
        "policy_unit_price": source.policy_price.amount,
        "start_date": source.valid.start,
        "end_date": source.last_day,
        "reason": source.reason,
        "state": source.state,
        "requested_by": source.requested_by,
        "decided_by": source.decided_by,
        "decision": source.decision,
        "create_time": source.create_time,
        "version": source.version,
    }


def _override(row: Any) -> PriceOverride:
    return _override_of(*row)


def _override_of(*row: Any) -> PriceOverride:
    override_id, partner_id, unit_id, product_id, project_id, currency_code, *rest = row
    price, policy_price, first, last, reason, state, requested_by, *rest = rest
    decided_by, decision, create_time, version = rest
    return PriceOverride(
        override_id=override_id,
        partner_id=partner_id,
        unit_id=unit_id,
        product_id=product_id,
        project_id=project_id,
        unit_price=UnitPrice(currency_code, price),
        policy_price=UnitPrice(currency_code, policy_price),
        valid=DateRange.closed(first, last),
        reason=reason,
        state=State(state),
        requested_by=requested_by,
        create_time=create_time,
        decided_by=decided_by,
        decision=decision,
        version=version,
    )
