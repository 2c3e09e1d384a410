"""The table of cases."""

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, insert

from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller
from crm.service_case.domain import (
    Days,
    Filter,
    Kind,
    Report,
    ServiceCase,
    ServiceCaseNotFound,
    State,
)

TABLES = sa.MetaData()
_IDS: Final = ARRAY(sa.Uuid(as_uuid=False))
_TIME: Final = sa.DateTime(timezone=True)

service_case = sa.Table(
    "service_case",
    TABLES,
    sa.Column("case_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("touchpoint_id", sa.Text, nullable=False),
    sa.Column("cause", sa.Text, nullable=False),
    sa.Column("category", sa.Text, nullable=False),
    sa.Column("department", sa.Text, nullable=False),
    sa.Column("order_ids", _IDS, nullable=False),
    sa.Column("return_ids", _IDS, nullable=False),
    sa.Column("solution", sa.Text, nullable=False),
    sa.Column("satisfied", sa.Boolean),
    sa.Column("callback_note", sa.Text, nullable=False),
    sa.Column("reopened_count", sa.Integer, nullable=False),
    sa.Column("opened_by", sa.Text, nullable=False),
    sa.Column("open_time", _TIME, nullable=False),
    sa.Column("open_date", sa.Date, nullable=False),
    sa.Column("due_time", _TIME, nullable=False),
    sa.Column("close_time", _TIME),
    sa.Column("traceparent", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
_own = service_case.c
_LISTS: Final = ("order_ids", "return_ids")
_FIELDS: Final = tuple(one.name for one in fields(ServiceCase))


def add(tx: Transaction, new: ServiceCase) -> None:
    """Insert a case; one whose cause has one already is passed over."""
    draft = insert(service_case).values(_row(new))
    # Written out: a generic plan cannot match a parameter with the condition of an index.
    named = sa.text("cause <> ''")
    tx.execute(draft.on_conflict_do_nothing(index_elements=[_own.cause], index_where=named))


def save(tx: Transaction, changed: ServiceCase) -> None:
    """Write a case that was locked before."""
    row = _row(changed)
    own = _own.case_id == row.pop("case_id")
    tx.execute(sa.update(service_case).where(own).values(row))


def get(tx: Transaction, case_id: str, *, lock: bool = False) -> ServiceCase:
    """Return a case.

    Errors: ServiceCaseNotFound.
    """
    query = sa.select(service_case).where(_own.case_id == case_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise ServiceCaseNotFound(case_id)
    return _case(row)


def of_return(tx: Transaction, return_id: str) -> list[ServiceCase]:
    """Return the cases that led to a return, locked, by id."""
    query = sa.select(service_case).where(_own.return_ids.contains([return_id]))
    return [_case(row) for row in tx.execute(query.order_by(_own.case_id).with_for_update())]


def page(tx: Transaction, part: Page, *, by: Caller, wanted: Filter) -> Slice[ServiceCase]:
    """Return a page of the cases in the caller's scope, the newest first."""
    query = _in_scope(sa.select(service_case), by)
    if wanted.customer_id:
        query = query.where(_own.customer_id == wanted.customer_id)
    if wanted.kind is not None:
        query = query.where(_own.kind == wanted.kind)
    if wanted.state is not None:
        query = query.where(_own.state == wanted.state)
    if wanted.overdue_at is not None:
        query = query.where(_own.due_time < wanted.overdue_at, _own.state != State.CLOSED)
    rows = tx.execute(keyset(query, part, [_own.case_id], descending=True))
    return part.slice([_case(row) for row in rows], key=lambda one: (one.case_id,))


def count(tx: Transaction, days: Days, *, by: Caller) -> Report:
    """Count the cases in the caller's scope that were opened on some days."""
    closed = _own.close_time.is_not(None)
    counted: Sequence[sa.ColumnElement[bool]] = (
        sa.true(),
        closed,
        _own.close_time <= _own.due_time,
        closed & _own.satisfied.is_not(None),
        closed & _own.satisfied.is_(True),
    )
    query = sa.select(*(sa.func.count().filter(one) for one in counted)).where(
        _own.open_date.between(days.first, days.last)
    )
    if days.kind is not None:
        query = query.where(_own.kind == days.kind)
    return Report(*tx.execute(_in_scope(query, by)).one())


def _in_scope(query: sa.Select[Any], by: Caller) -> sa.Select[Any]:
    units = scope.units_of(by)
    return query if units is None else query.where(_own.unit_id.in_(units))


def _row(source: ServiceCase) -> dict[str, Any]:
    row = asdict(source)
    return row | {name: list(row[name]) for name in _LISTS}


def _case(row: sa.Row[Any]) -> ServiceCase:
    found = {name: getattr(row, name) for name in _FIELDS}
    found |= {name: tuple(found[name]) for name in _LISTS}
    found |= {"kind": Kind(row.kind), "state": State(row.state)}
    return ServiceCase(**found)
