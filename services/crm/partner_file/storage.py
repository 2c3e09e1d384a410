"""The tables of customer files, which are copies of what channels tells."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis import scope, upsert
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller
from crm.partner_file.domain import (
    CustomerFile,
    CustomerFileNotFound,
    FiledAgreement,
    FiledReview,
    State,
)

TABLES = sa.MetaData()

partner_file = sa.Table(
    "partner_file",
    TABLES,
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
)

partner_file_agreement = sa.Table(
    "partner_file_agreement",
    TABLES,
    sa.Column("agreement_id", sa.Text, primary_key=True),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("report_id", sa.Text, nullable=False),
    sa.Column("selection_id", sa.Text, nullable=False),
    sa.Column("end_date", sa.Date),
    sa.Column("end_reason", sa.Text, nullable=False),
)

partner_file_review = sa.Table(
    "partner_file_review",
    TABLES,
    sa.Column("review_id", sa.Text, primary_key=True),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("target_percent", sa.Text, nullable=False),
    sa.Column("late_percent", sa.Text, nullable=False),
    sa.Column("proposal", sa.Text, nullable=False),
)


def put(tx: Transaction, told: CustomerFile) -> None:
    """Build a file, or take over what is told anew; a state is not set back by that."""
    row = {
        "customer_id": told.customer_id,
        "unit_id": told.unit_id,
        "name": told.name,
        "kind": told.kind,
        "state": told.state,
        "create_time": told.create_time,
    }
    upsert.put(tx, partner_file, row, keep=["state", "create_time"])


def set_state(tx: Transaction, customer_id: str, state: State) -> None:
    """Write whether a partner trades; a file that is not there is passed over."""
    own = partner_file.c.customer_id == customer_id
    tx.execute(sa.update(partner_file).where(own).values(state=state))


def add_agreement(tx: Transaction, customer_id: str, new: FiledAgreement) -> None:
    """Keep an agreement once."""
    draft = insert(partner_file_agreement).values(
        agreement_id=new.agreement_id,
        customer_id=customer_id,
        year=new.year,
        report_id=new.report_id,
        selection_id=new.selection_id,
        end_date=new.end_date,
        end_reason=new.end_reason,
    )
    tx.execute(draft.on_conflict_do_nothing())


def end_agreement(tx: Transaction, agreement_id: str, *, on: date, reason: str) -> None:
    """Keep what ended an agreement."""
    own = partner_file_agreement.c.agreement_id == agreement_id
    tx.execute(sa.update(partner_file_agreement).where(own).values(end_date=on, end_reason=reason))


def add_review(tx: Transaction, customer_id: str, new: FiledReview) -> None:
    """Keep a yearly evaluation once."""
    draft = insert(partner_file_review).values(
        review_id=new.review_id,
        customer_id=customer_id,
        year=new.year,
        target_percent=new.target_percent,
        late_percent=new.late_percent,
        proposal=new.proposal,
    )
    tx.execute(draft.on_conflict_do_nothing())


def get(tx: Transaction, customer_id: str) -> CustomerFile:
    """Return a file with its agreements and evaluations.

    Errors: CustomerFileNotFound.
    """
    query = sa.select(partner_file).where(partner_file.c.customer_id == customer_id)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise CustomerFileNotFound(customer_id)
    table = partner_file_agreement
    agreements = (
        sa.select(table)
        .where(table.c.customer_id == customer_id)
        .order_by(table.c.year, table.c.agreement_id)
    )
    reviews = (
        sa.select(partner_file_review)
        .where(partner_file_review.c.customer_id == customer_id)
        .order_by(partner_file_review.c.year, partner_file_review.c.review_id)
    )
    return replace(
        _file(row, [_agreement(one) for one in tx.execute(agreements)]),
        reviews=[_review(one) for one in tx.execute(reviews)],
    )


def unit_of(tx: Transaction, customer_id: str) -> str | None:
    """Return the unit of a file; None when there is no file."""
    query = sa.select(partner_file.c.unit_id).where(partner_file.c.customer_id == customer_id)
    found: str | None = tx.scalar(query)
    return found


def page(tx: Transaction, part: Page, *, by: Caller) -> Slice[CustomerFile]:
    """Return a page of the files in the caller's scope, by customer, without agreements."""
    query = sa.select(partner_file)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(partner_file.c.unit_id.in_(units))
    rows = tx.execute(keyset(query, part, [partner_file.c.customer_id]))
    return part.slice([_file(row, ()) for row in rows], key=lambda one: (one.customer_id,))


def _file(row: sa.Row[Any], agreements: Sequence[FiledAgreement]) -> CustomerFile:
    return CustomerFile(
        customer_id=row.customer_id,
        unit_id=row.unit_id,
        name=row.name,
        kind=row.kind,
        state=State(row.state),
        create_time=row.create_time,
        agreements=agreements,
    )


def _review(row: sa.Row[Any]) -> FiledReview:
    return FiledReview(
        review_id=row.review_id,
        year=row.year,
        target_percent=row.target_percent,
        late_percent=row.late_percent,
        proposal=row.proposal,
    )


def _agreement(row: sa.Row[Any]) -> FiledAgreement:
    return FiledAgreement(
        agreement_id=row.agreement_id,
        year=row.year,
        report_id=row.report_id,
        selection_id=row.selection_id,
        end_date=row.end_date,
        end_reason=row.end_reason,
    )
