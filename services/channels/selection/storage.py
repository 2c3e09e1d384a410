"""The tables of selections, information forms and evaluation reports."""

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from channels.selection import rows
from channels.selection.domain import (
    Benefit,
    Evaluation,
    EvaluationState,
    FormState,
    Holder,
    InfoForm,
    Selection,
    State,
)
from channels.selection.errors import EvaluationNotFound, FormNotFound, SelectionNotFound
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

selection = sa.Table(
    "selection",
    TABLES,
    sa.Column("selection_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("process_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("places", JSONB, nullable=False),
    sa.Column("prospects", JSONB, nullable=False),
    sa.Column("listed", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

info_form = sa.Table(
    "info_form",
    TABLES,
    sa.Column("form_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("selection_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("missing", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("mandatory_count", sa.Integer, nullable=False),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("submit_time", sa.DateTime(timezone=True), nullable=False),
)

info_form_copy = sa.Table(
    "info_form_copy",
    TABLES,
    sa.Column("form_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("holder", sa.Text, primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("fields", JSONB, nullable=False),
)

evaluation = sa.Table(
    "evaluation",
    TABLES,
    sa.Column("report_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("selection_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("rating", JSONB, nullable=False),
    sa.Column("items", JSONB, nullable=False),
    sa.Column("checks", JSONB, nullable=False),
    sa.Column("currency_code", sa.CHAR(3)),
    sa.Column("cost_minor", sa.BigInteger),
    sa.Column("contribution_minor", sa.BigInteger),
    sa.Column("recommendation", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
)


def add(tx: Transaction, new: Selection) -> None:
    """Insert a selection."""
    tx.execute(sa.insert(selection).values(_row(new)))


def save(tx: Transaction, changed: Selection) -> None:
    """Write a selection that was locked before."""
    row = _row(changed)
    own = selection.c.selection_id == row.pop("selection_id")
    tx.execute(sa.update(selection).where(own).values(row))


def get(tx: Transaction, selection_id: str, *, lock: bool = False) -> Selection:
    """Return a selection.

    Errors: SelectionNotFound.
    """
    query = sa.select(selection).where(selection.c.selection_id == selection_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise SelectionNotFound(selection_id)
    return _selection(row)


def page(tx: Transaction, part: Page, *, by: Caller, year: int) -> Slice[Selection]:
    """Return a page of the selections in the caller's scope, by id."""
    query = sa.select(selection)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(selection.c.unit_id.in_(units))
    if year:
        query = query.where(selection.c.year == year)
    found = [_selection(row) for row in tx.execute(keyset(query, part, [selection.c.selection_id]))]
    return part.slice(found, key=lambda one: (one.selection_id,))


def add_form(tx: Transaction, new: InfoForm, holders: Mapping[Holder, str]) -> None:
    """Insert a form with a copy for each holder's unit."""
    tx.execute(
        sa.insert(info_form).values(
            form_id=new.form_id,
            selection_id=new.selection_id,
            place=new.place,
            partner_id=new.partner_id,
            state=new.state,
            missing=list(new.missing),
            mandatory_count=new.mandatory_count,
            note=new.note,
            submit_time=new.submit_time,
        )
    )
    copies = [
        {"form_id": new.form_id, "holder": holder, "unit_id": unit_id, "fields": dict(new.fields)}
        for holder, unit_id in holders.items()
    ]
    tx.execute(sa.insert(info_form_copy), copies)


def save_form(tx: Transaction, changed: InfoForm) -> None:
    """Write what the check found."""
    own = info_form.c.form_id == changed.form_id
    tx.execute(sa.update(info_form).where(own).values(state=changed.state, note=changed.note))


def last_form(tx: Transaction, selection_id: str, place: str, *, holder: Holder) -> InfoForm:
    """Return a holder's copy of the last form of a place.

    Errors: FormNotFound.
    """
    query = (
        sa.select(info_form, info_form_copy.c.unit_id, info_form_copy.c.fields)
        .join(info_form_copy, info_form_copy.c.form_id == info_form.c.form_id)
        .where(info_form.c.selection_id == selection_id, info_form.c.place == place)
        .where(info_form_copy.c.holder == holder)
        .order_by(info_form.c.form_id.desc())
        .limit(1)
    )
    row = tx.execute(query).one_or_none()
    if row is None:
        raise FormNotFound(selection_id, place)
    return InfoForm(
        form_id=row.form_id,
        selection_id=row.selection_id,
        place=row.place,
        partner_id=row.partner_id,
        state=FormState(row.state),
        fields=row.fields,
        missing=tuple(row.missing),
        mandatory_count=row.mandatory_count,
        note=row.note,
        submit_time=row.submit_time,
        holder=holder,
        holder_unit_id=row.unit_id,
    )


def put_evaluation(tx: Transaction, changed: Evaluation, *, is_new: bool = False) -> None:
    """Insert a report, or write one whose selection is locked."""
    row = _evaluation_row(changed)
    if is_new:
        tx.execute(sa.insert(evaluation).values(row))
        return
    own = evaluation.c.report_id == row.pop("report_id")
    tx.execute(sa.update(evaluation).where(own).values(row))


def get_evaluation(tx: Transaction, report_id: str) -> Evaluation:
    """Return a report.

    Errors: EvaluationNotFound.
    """
    query = sa.select(evaluation).where(evaluation.c.report_id == report_id)
    row = tx.execute(query).one_or_none() if report_id else None
    if row is None:
        raise EvaluationNotFound(report_id)
    benefit = None
    if row.currency_code is not None:
        benefit = Benefit(
            Money(row.currency_code, row.cost_minor),
            Money(row.currency_code, row.contribution_minor),
        )
    return Evaluation(
        report_id=row.report_id,
        selection_id=row.selection_id,
        place=row.place,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        state=EvaluationState(row.state),
        rating=rows.rating_from_json(row.rating),
        create_time=row.create_time,
        items=rows.items_from_json(row.items),
        checks=rows.checks_from_json(row.checks),
        benefit=benefit,
        recommendation=row.recommendation,
    )


def _row(source: Selection) -> dict[str, Any]:
    return {
        "selection_id": source.selection_id,
        "unit_id": source.unit_id,
        "year": source.year,
        "state": source.state,
        "process_id": source.process_id,
        "places": rows.places_to_json(source.places),
        "prospects": rows.prospects_to_json(source.prospects),
        "listed": list(source.listed),
        "create_time": source.create_time,
        "version": source.version,
    }


def _selection(row: sa.Row[Any]) -> Selection:
    return Selection(
        selection_id=row.selection_id,
        unit_id=row.unit_id,
        year=row.year,
        state=State(row.state),
        process_id=row.process_id,
        places=rows.places_from_json(row.places),
        create_time=row.create_time,
        prospects=rows.prospects_from_json(row.prospects),
        listed=tuple(row.listed),
        version=row.version,
    )


def _evaluation_row(source: Evaluation) -> dict[str, Any]:
    benefit = source.benefit
    return {
        "report_id": source.report_id,
        "selection_id": source.selection_id,
        "place": source.place,
        "partner_id": source.partner_id,
        "unit_id": source.unit_id,
        "state": source.state,
        "rating": rows.rating_to_json(source.rating),
        "items": rows.items_to_json(source.items),
        "checks": rows.checks_to_json(source.checks),
        "currency_code": benefit.cost.currency_code if benefit else None,
        "cost_minor": benefit.cost.amount_minor if benefit else None,
        "contribution_minor": benefit.contribution.amount_minor if benefit else None,
        "recommendation": source.recommendation,
        "create_time": source.create_time,
    }
