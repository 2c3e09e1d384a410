"""The tables of contracts and their history; a contract's row is locked before it changes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from channels.contract.domain import (
    Attachment,
    Contract,
    Filter,
    History,
    Kind,
    Move,
    Progress,
    Review,
    State,
)
from channels.contract.errors import ContractNotFound
from channels.contract.rows import terms_from_json, terms_to_json
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

contract = sa.Table(
    "contract",
    TABLES,
    sa.Column("contract_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("filing_id", sa.Uuid(as_uuid=False)),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("terms", JSONB, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
contract_terms = sa.Table(
    "contract_terms",
    TABLES,
    sa.Column("contract_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("terms_version", sa.Integer, primary_key=True),
    sa.Column("terms", JSONB, nullable=False),
)
contract_move = sa.Table(
    "contract_move",
    TABLES,
    sa.Column("contract_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("from_state", sa.Text, nullable=False),
    sa.Column("to_state", sa.Text, nullable=False),
    sa.Column("moved_by", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("move_time", sa.DateTime(timezone=True), nullable=False),
)
contract_review = sa.Table(
    "contract_review",
    TABLES,
    sa.Column("contract_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("version", sa.BigInteger, primary_key=True),
    sa.Column("terms_version", sa.Integer, nullable=False),
    sa.Column("passed", sa.Boolean, nullable=False),
    sa.Column("opinion", sa.Text, nullable=False),
    sa.Column("reviewed_by", sa.Text, nullable=False),
    sa.Column("review_time", sa.DateTime(timezone=True), nullable=False),
)
contract_attachment = sa.Table(
    "contract_attachment",
    TABLES,
    sa.Column("attachment_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("contract_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("terms_version", sa.Integer, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("added_by", sa.Text, nullable=False),
    sa.Column("add_time", sa.DateTime(timezone=True), nullable=False),
)
contract_order = sa.Table(
    "contract_order",
    TABLES,
    sa.Column("order_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("contract_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("add_time", sa.DateTime(timezone=True), nullable=False),
)

ORDERED = sa.text(
    """
    SELECT line.product_id, sum(line.quantity) AS quantity
    FROM contract_order AS own
    JOIN sales_order AS placed ON placed.order_id = own.order_id
    JOIN sales_order_line AS line ON line.order_id = own.order_id
    WHERE own.contract_id = CAST(:contract_id AS uuid)
      AND placed.state NOT IN ('REJECTED', 'CANCELLED')
    GROUP BY line.product_id
    """
)
# What was sent of a line is worth its share of the line's amount, rounded half up once.
PROGRESS = sa.text(
    """
    WITH own AS (
      SELECT order_id FROM contract_order WHERE contract_id = CAST(:contract_id AS uuid)
    ), sent AS (
      SELECT line.order_id, line.line_number,
        round(line.amount_minor::numeric * sum(goods.quantity) / line.quantity) AS amount_minor
      FROM own
      JOIN shipment AS moved ON moved.order_id = own.order_id
        AND moved.state IN ('SHIPPED', 'DELIVERED')
      JOIN shipment_line AS goods ON goods.shipment_id = moved.shipment_id
      JOIN sales_order_line AS line ON line.order_id = own.order_id
        AND line.product_id = goods.product_id
      GROUP BY line.order_id, line.line_number
    )
    SELECT
      (SELECT coalesce(sum(amount_minor), 0) FROM sent) AS shipped_minor,
      (SELECT coalesce(sum(told.amount_minor), 0) FROM invoice_copy AS told
       JOIN own ON own.order_id = told.order_id) AS invoiced_minor,
      coalesce(sum(told.amount_minor) FILTER (WHERE told.kind = 'CREDIT_NOTE_ISSUED'), 0)
        AS credited_minor,
      coalesce(sum(told.amount_minor) FILTER (WHERE told.kind = 'PAYMENT_MATCHED'), 0)
        AS received_minor
    FROM order_fact_copy AS told JOIN own ON own.order_id = told.order_id
    """
)


def add(tx: Transaction, new: Contract) -> None:
    """Insert a contract with its first terms."""
    tx.execute(sa.insert(contract).values(_row(new)))
    add_terms(tx, new)


def add_terms(tx: Transaction, source: Contract) -> None:
    """Insert the terms that a contract has now."""
    tx.execute(
        sa.insert(contract_terms).values(
            contract_id=source.contract_id,
            terms_version=source.terms.terms_version,
            terms=terms_to_json(source.terms),
        )
    )


def save(tx: Transaction, changed: Contract) -> None:
    """Write a contract that was locked before."""
    row = _row(changed)
    own = contract.c.contract_id == row.pop("contract_id")
    tx.execute(sa.update(contract).where(own).values(row))


def add_move(tx: Transaction, changed: Contract, move: Move) -> None:
    """Insert the move that led to a contract's version."""
    tx.execute(
        sa.insert(contract_move).values(
            contract_id=changed.contract_id,
            version=changed.version,
            from_state=move.before,
            to_state=move.after,
            moved_by=move.moved_by,
            reason=move.reason,
            move_time=move.at,
        )
    )


def add_review(tx: Transaction, changed: Contract, review: Review) -> None:
    """Insert the review that led to a contract's version."""
    tx.execute(
        sa.insert(contract_review).values(
            contract_id=changed.contract_id,
            version=changed.version,
            terms_version=review.terms_version,
            passed=review.passed,
            opinion=review.opinion,
            reviewed_by=review.reviewed_by,
            review_time=review.at,
        )
    )


def add_attachment(tx: Transaction, contract_id: str, new: Attachment) -> None:
    """Insert a document."""
    tx.execute(
        sa.insert(contract_attachment).values(
            attachment_id=new.attachment_id,
            contract_id=contract_id,
            terms_version=new.terms_version,
            name=new.name,
            reference=new.reference,
            sha256=new.sha256,
            added_by=new.added_by,
            add_time=new.at,
        )
    )


def add_order(tx: Transaction, contract_id: str, order_id: str, *, at: datetime) -> bool:
    """Put an order under a contract; False when it is under one already."""
    draft = insert(contract_order).values(order_id=order_id, contract_id=contract_id, add_time=at)
    made = draft.on_conflict_do_nothing().returning(contract_order.c.order_id)
    return tx.execute(made).one_or_none() is not None


def ordered(tx: Transaction, contract_id: str) -> dict[str, int]:
    """Count the pieces of the orders under a contract by product, ended orders apart."""
    return {
        row.product_id: int(row.quantity)
        for row in tx.execute(ORDERED, {"contract_id": contract_id})
    }


def get(tx: Transaction, contract_id: str, *, lock: bool = False) -> Contract:
    """Return a contract.

    Errors: ContractNotFound.
    """
    query = sa.select(contract).where(contract.c.contract_id == contract_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise ContractNotFound(contract_id)
    return _contract(row)


def has_attachment(tx: Transaction, contract_id: str, terms_version: int) -> bool:
    """Tell whether a version of the terms has a document."""
    own = contract_attachment.c
    query = sa.select(own.attachment_id).where(
        own.contract_id == contract_id, own.terms_version == terms_version
    )
    return tx.execute(query.limit(1)).one_or_none() is not None


def has_orders(tx: Transaction, contract_id: str) -> bool:
    """Tell whether orders are under a contract."""
    query = sa.select(contract_order.c.order_id).where(contract_order.c.contract_id == contract_id)
    return tx.execute(query.limit(1)).one_or_none() is not None


def history(tx: Transaction, contract_id: str) -> History:
    """Return all that happened to a contract."""

    def rows(table: sa.Table, *order: sa.Column[Any]) -> Sequence[Any]:
        query = sa.select(table).where(table.c.contract_id == contract_id).order_by(*order)
        return tx.execute(query).all()

    return History(
        terms=tuple(
            terms_from_json(row.terms)
            for row in rows(contract_terms, contract_terms.c.terms_version)
        ),
        moves=tuple(
            Move(
                State(row.from_state), State(row.to_state), row.moved_by, row.reason, row.move_time
            )
            for row in rows(contract_move, contract_move.c.version)
        ),
        attachments=tuple(
            Attachment(
                row.attachment_id,
                row.terms_version,
                row.name,
                row.reference,
                row.sha256,
                row.added_by,
                row.add_time,
            )
            for row in rows(contract_attachment, contract_attachment.c.attachment_id)
        ),
        reviews=tuple(
            Review(row.terms_version, row.passed, row.opinion, row.reviewed_by, row.review_time)
            for row in rows(contract_review, contract_review.c.version)
        ),
        order_ids=tuple(
            row.order_id
            for row in rows(contract_order, contract_order.c.add_time, contract_order.c.order_id)
        ),
    )


def page(tx: Transaction, part: Page, *, by: Caller, wanted: Filter) -> Slice[Contract]:
    """Return a page of the contracts in the caller's scope, the newest first."""
    query = sa.select(contract)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(contract.c.unit_id.in_(units))
    for column, value in (
        (contract.c.customer_id, wanted.customer_id),
        (contract.c.partner_id, wanted.partner_id),
        (contract.c.state, wanted.state),
    ):
        query = query.where(column == value) if value else query
    rows = tx.execute(keyset(query, part, [contract.c.contract_id], descending=True))
    return part.slice([_contract(row) for row in rows], key=lambda one: (one.contract_id,))


def progress(tx: Transaction, source: Contract) -> Progress:
    """Add up what shipments, invoices and payments of a contract's orders told."""
    row = tx.execute(PROGRESS, {"contract_id": source.contract_id}).one()
    value = source.terms.value

    def amount(minor: Any) -> Money:
        return Money(value.currency_code, int(minor))

    return Progress(
        value=value,
        shipped=amount(row.shipped_minor),
        invoiced=amount(row.invoiced_minor - row.credited_minor),
        received=amount(row.received_minor),
    )


def _row(source: Contract) -> dict[str, Any]:
    return {
        "contract_id": source.contract_id,
        "kind": source.kind,
        "partner_id": source.partner_id,
        "customer_id": source.customer_id,
        "unit_id": source.unit_id,
        "title": source.title,
        "filing_id": source.filing_id or None,
        "state": source.state,
        "terms": terms_to_json(source.terms),
        "created_by": source.created_by,
        "create_time": source.create_time,
        "version": source.version,
    }


def _contract(row: sa.Row[Any]) -> Contract:
    return Contract(
        contract_id=row.contract_id,
        kind=Kind(row.kind),
        partner_id=row.partner_id,
        customer_id=row.customer_id,
        unit_id=row.unit_id,
        title=row.title,
        filing_id=row.filing_id or "",
        terms=terms_from_json(row.terms),
        created_by=row.created_by,
        create_time=row.create_time,
        state=State(row.state),
        version=row.version,
    )
