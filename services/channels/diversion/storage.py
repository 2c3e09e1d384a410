"""The table of diversion cases, and the trace of a batch through shipments."""

from typing import Any

import sqlalchemy as sa

from channels.diversion.domain import (
    DiversionCase,
    DiversionCaseNotFound,
    Filter,
    Scan,
    Source,
    State,
)
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money, UnitPrice
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

diversion_case = sa.Table(
    "diversion_case",
    TABLES,
    sa.Column("case_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("batch", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("source_partner_id", sa.Text, nullable=False),
    sa.Column("source_unit_id", sa.Text, nullable=False),
    sa.Column("found_unit_id", sa.Text, nullable=False),
    sa.Column("found_partner_id", sa.Text, nullable=False),
    sa.Column("order_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("unit_price", sa.Numeric, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("finding_id", sa.Uuid(as_uuid=False)),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("opened_by", sa.Text, nullable=False),
    sa.Column("open_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("decided_by", sa.Text, nullable=False),
    sa.Column("decision", sa.Text, nullable=False),
    sa.Column("decide_time", sa.DateTime(timezone=True)),
    sa.Column("fine_minor", sa.BigInteger),
    sa.Column("version", sa.BigInteger, nullable=False),
)
_own = diversion_case.c

# A partner that got a batch by several orders is judged by the price of the first.
SOURCES = sa.text(
    """
    SELECT DISTINCT ON (moved.partner_id) moved.partner_id, placed.unit_id,
      CAST(moved.order_id AS text) AS order_id, placed.currency_code, line.unit_price,
      CAST(sum(goods.quantity) OVER (PARTITION BY moved.partner_id) AS bigint) AS quantity
    FROM shipment_line AS goods
    JOIN shipment AS moved ON moved.shipment_id = goods.shipment_id
    JOIN sales_order AS placed ON placed.order_id = moved.order_id
    JOIN sales_order_line AS line ON line.order_id = moved.order_id
      AND line.product_id = goods.product_id
    WHERE goods.batch = :batch AND goods.product_id = :product_id
      AND moved.state IN ('SHIPPED', 'DELIVERED')
    ORDER BY moved.partner_id, moved.pick_time, moved.shipment_id
    """
)
INSIDE = sa.text(
    """
    SELECT starts_with(inner_unit.path, outer_unit.path)
    FROM org_unit_copy AS inner_unit, org_unit_copy AS outer_unit
    WHERE inner_unit.unit_id = :inner_id AND outer_unit.unit_id = :outer_id
    """
)


def lock_batch(tx: Transaction, scan: Scan) -> None:
    """Let nobody else scan the batch until the transaction ends: the first case has no row."""
    key = sa.func.hashtextextended(f"mantle.diversion.{scan.product_id}/{scan.batch}", 0)
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def sources(tx: Transaction, scan: Scan) -> list[Source]:
    """Return the partners that a batch was sent to, by id."""
    values = {"batch": scan.batch, "product_id": scan.product_id}
    return [
        Source(
            row.partner_id,
            row.unit_id,
            row.order_id,
            row.quantity,
            UnitPrice(row.currency_code, row.unit_price),
        )
        for row in tx.execute(SOURCES, values)
    ]


def found_before(tx: Transaction, scan: Scan, partner_id: str) -> int:
    """Count the pieces of a partner's batch that other cases have, dismissed ones apart."""
    query = sa.select(sa.func.coalesce(sa.func.sum(_own.quantity), 0)).where(
        _own.batch == scan.batch,
        _own.product_id == scan.product_id,
        _own.source_partner_id == partner_id,
        _own.state != State.DISMISSED,
    )
    return int(tx.execute(query).scalar_one())


def is_inside(tx: Transaction, unit_id: str, *, of: str) -> bool:
    """Tell whether a unit is another one or below it."""
    found = tx.execute(INSIDE, {"inner_id": unit_id, "outer_id": of}).scalar_one_or_none()
    return bool(found)


def add(tx: Transaction, new: DiversionCase) -> None:
    """Insert a case."""
    tx.execute(sa.insert(diversion_case).values(_row(new)))


def save(tx: Transaction, changed: DiversionCase) -> None:
    """Write a case that was locked before."""
    row = _row(changed)
    own = _own.case_id == row.pop("case_id")
    tx.execute(sa.update(diversion_case).where(own).values(row))


def get(tx: Transaction, case_id: str, *, lock: bool = False) -> DiversionCase:
    """Return a case.

    Errors: DiversionCaseNotFound.
    """
    query = sa.select(diversion_case).where(_own.case_id == case_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise DiversionCaseNotFound(case_id)
    return _case(row)


def page(tx: Transaction, part: Page, *, by: Caller, wanted: Filter) -> Slice[DiversionCase]:
    """Return a page of the cases found in the caller's scope, the newest first."""
    query = sa.select(diversion_case)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(_own.found_unit_id.in_(units))
    if wanted.source_partner_id:
        query = query.where(_own.source_partner_id == wanted.source_partner_id)
    if wanted.state is not None:
        query = query.where(_own.state == wanted.state)
    rows = tx.execute(keyset(query, part, [_own.case_id], descending=True))
    return part.slice([_case(row) for row in rows], key=lambda one: (one.case_id,))


def _row(source: DiversionCase) -> dict[str, Any]:
    scan, sender = source.scan, source.source
    return {
        "case_id": source.case_id,
        "batch": scan.batch,
        "product_id": scan.product_id,
        "quantity": scan.quantity,
        "source_partner_id": sender.partner_id,
        "source_unit_id": sender.unit_id,
        "found_unit_id": scan.found_unit_id,
        "found_partner_id": scan.found_partner_id,
        "order_id": sender.order_id,
        "currency_code": sender.unit_price.currency_code,
        "unit_price": sender.unit_price.amount,
        "amount_minor": source.amount.amount_minor,
        "evidence": scan.evidence,
        "finding_id": scan.finding_id or None,
        "state": source.state,
        "opened_by": source.opened_by,
        "open_time": source.open_time,
        "decided_by": source.decided_by,
        "decision": source.decision,
        "decide_time": source.decide_time,
        "fine_minor": source.fine.amount_minor if source.fine else None,
        "version": source.version,
    }


def _case(row: sa.Row[Any]) -> DiversionCase:
    scan = Scan(
        batch=row.batch,
        product_id=row.product_id,
        quantity=row.quantity,
        found_unit_id=row.found_unit_id,
        evidence=row.evidence,
        found_partner_id=row.found_partner_id,
        source_partner_id=row.source_partner_id,
        finding_id=row.finding_id or "",
    )
    price = UnitPrice(row.currency_code, row.unit_price)
    return DiversionCase(
        case_id=row.case_id,
        scan=scan,
        source=Source(row.source_partner_id, row.source_unit_id, row.order_id, row.quantity, price),
        opened_by=row.opened_by,
        open_time=row.open_time,
        state=State(row.state),
        decided_by=row.decided_by,
        decision=row.decision,
        decide_time=row.decide_time,
        fine=None if row.fine_minor is None else Money(row.currency_code, row.fine_minor),
        version=row.version,
    )
