"""The tables of the seal register and of the contract templates."""

from typing import Any

import sqlalchemy as sa

from channels.contract.domain import SealState, SealUse, Template
from channels.contract.errors import ContractTemplateNotFound, SealUseNotFound
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

seal_use = sa.Table(
    "seal_use",
    TABLES,
    sa.Column("seal_use_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("contract_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("terms_version", sa.Integer, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("seal", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("requested_by", sa.Text, nullable=False),
    sa.Column("request_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("approved_by", sa.Text, nullable=False),
    sa.Column("approve_time", sa.DateTime(timezone=True)),
    sa.Column("used_by", sa.Text, nullable=False),
    sa.Column("use_time", sa.DateTime(timezone=True)),
)
contract_template = sa.Table(
    "contract_template",
    TABLES,
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("template_version", sa.Integer, primary_key=True),
    sa.Column("reference", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("promotion", sa.Text, nullable=False),
    sa.Column("published_by", sa.Text, nullable=False),
    sa.Column("publish_time", sa.DateTime(timezone=True), nullable=False),
)


def add_use(tx: Transaction, new: SealUse) -> None:
    """Insert a line of the register."""
    tx.execute(sa.insert(seal_use).values(_row(new)))


def save_use(tx: Transaction, changed: SealUse) -> None:
    """Write a line that was locked before."""
    row = _row(changed)
    own = seal_use.c.seal_use_id == row.pop("seal_use_id")
    tx.execute(sa.update(seal_use).where(own).values(row))


def lock_use(tx: Transaction, seal_use_id: str) -> SealUse:
    """Lock and return a line.

    Errors: SealUseNotFound.
    """
    query = sa.select(seal_use).where(seal_use.c.seal_use_id == seal_use_id).with_for_update()
    row = tx.execute(query).one_or_none()
    if row is None:
        raise SealUseNotFound(seal_use_id)
    return _use(row)


def lock_approved(tx: Transaction, contract_id: str, terms_version: int) -> SealUse | None:
    """Lock and return the allowed use of a seal on a version of the terms, the oldest."""
    query = sa.select(seal_use).where(
        seal_use.c.contract_id == contract_id,
        seal_use.c.terms_version == terms_version,
        seal_use.c.state == SealState.APPROVED,
    )
    query = query.order_by(seal_use.c.seal_use_id).limit(1).with_for_update()
    row = tx.execute(query).one_or_none()
    return None if row is None else _use(row)


def page(
    tx: Transaction, part: Page, *, by: Caller, contract_id: str, state: SealState | None
) -> Slice[SealUse]:
    """Return a page of the register in the caller's scope, the newest first."""
    query = sa.select(seal_use)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(seal_use.c.unit_id.in_(units))
    if contract_id:
        query = query.where(seal_use.c.contract_id == contract_id)
    if state is not None:
        query = query.where(seal_use.c.state == state)
    rows = tx.execute(keyset(query, part, [seal_use.c.seal_use_id], descending=True))
    return part.slice([_use(row) for row in rows], key=lambda one: (one.seal_use_id,))


def lock_templates(tx: Transaction, product_id: str) -> None:
    """Let nobody else publish for the product until the transaction ends: the first version has no
    row to lock."""
    key = sa.func.hashtextextended(f"mantle.contract_template.{product_id}", 0)
    tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def add_template(tx: Transaction, new: Template) -> None:
    """Insert a version of a template."""
    tx.execute(
        sa.insert(contract_template).values(
            product_id=new.product_id,
            template_version=new.template_version,
            reference=new.reference,
            sha256=new.sha256,
            promotion=new.promotion,
            published_by=new.published_by,
            publish_time=new.publish_time,
        )
    )


def template_versions(tx: Transaction, product_ids: list[str]) -> dict[str, int]:
    """Return the newest version of those of the products that have a template."""
    own = contract_template.c
    query = (
        sa.select(own.product_id, sa.func.max(own.template_version))
        .where(own.product_id.in_(product_ids))
        .group_by(own.product_id)
    )
    return {product_id: version for product_id, version in tx.execute(query)}


def get_template(tx: Transaction, product_id: str) -> Template:
    """Return the newest version of a product's template.

    Errors: ContractTemplateNotFound.
    """
    own = contract_template.c
    query = sa.select(contract_template).where(own.product_id == product_id)
    row = tx.execute(query.order_by(own.template_version.desc()).limit(1)).one_or_none()
    if row is None:
        raise ContractTemplateNotFound(product_id)
    return Template(
        row.product_id,
        row.template_version,
        row.reference,
        row.sha256,
        row.promotion,
        row.published_by,
        row.publish_time,
    )


def _row(source: SealUse) -> dict[str, Any]:
    return {
        "seal_use_id": source.seal_use_id,
        "contract_id": source.contract_id,
        "terms_version": source.terms_version,
        "unit_id": source.unit_id,
        "seal": source.seal,
        "purpose": source.purpose,
        "state": source.state,
        "requested_by": source.requested_by,
        "request_time": source.request_time,
        "approved_by": source.approved_by,
        "approve_time": source.approve_time,
        "used_by": source.used_by,
        "use_time": source.use_time,
    }


def _use(row: sa.Row[Any]) -> SealUse:
    return SealUse(
        seal_use_id=row.seal_use_id,
        contract_id=row.contract_id,
        terms_version=row.terms_version,
        unit_id=row.unit_id,
        seal=row.seal,
        purpose=row.purpose,
        requested_by=row.requested_by,
        request_time=row.request_time,
        state=SealState(row.state),
        approved_by=row.approved_by,
        approve_time=row.approve_time,
        used_by=row.used_by,
        use_time=row.use_time,
    )
