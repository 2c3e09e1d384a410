"""The table of filings. That one branch is first is a constraint of the table."""

from collections.abc import Iterable
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, insert

from channels.group_filing.domain import (
    Filing,
    Filter,
    GroupFilingNotFound,
    Measuring,
    SizeCount,
    State,
    Waiver,
)
from chassis import scope
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller

TABLES = sa.MetaData()

group_filing = sa.Table(
    "group_filing",
    TABLES,
    sa.Column("filing_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("client_id", sa.Text, nullable=False),
    sa.Column("project", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("first_filing_id", sa.Uuid(as_uuid=False)),
    sa.Column("first_unit_id", sa.Text, nullable=False),
    sa.Column("filed_by", sa.Text, nullable=False),
    sa.Column("file_date", sa.Date, nullable=False),
    sa.Column("protect_until_date", sa.Date, nullable=False),
    sa.Column("planned", sa.Integer, nullable=False),
    sa.Column("measured", sa.Integer, nullable=False),
    sa.Column("sizes", JSONB, nullable=False),
    sa.Column("waiver_reason", sa.Text, nullable=False),
    sa.Column("waiver_reference", sa.Text, nullable=False),
    sa.Column("waived_by", sa.Text, nullable=False),
    sa.Column("contract_id", sa.Uuid(as_uuid=False)),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)
_own = group_filing.c
PROTECTED = (State.FILED, State.CONFIRMED, State.CONTRACTED)
LIVING = (State.FILED, State.CONFIRMED)


def add(tx: Transaction, new: Filing) -> bool:
    """Insert a filing; False when another one protects the client on one of its days.

    Shape: when somebody else is filing the client right now, this waits for how that ends.
    """
    draft = insert(group_filing).values(_row(new)).on_conflict_do_nothing()
    return tx.execute(draft.returning(_own.filing_id)).one_or_none() is not None


def protecting(tx: Transaction, new: Filing) -> Filing | None:
    """Return the filing that protects the client on the days of another one, the oldest."""
    query = sa.select(group_filing).where(
        _own.client_id == new.client_id,
        _own.state.in_(PROTECTED),
        _own.file_date <= new.protect_until,
        _own.protect_until_date >= new.file_date,
    )
    row = tx.execute(query.order_by(_own.filing_id).limit(1)).one_or_none()
    return None if row is None else _filing(row)


def get(tx: Transaction, filing_id: str, *, lock: bool = False) -> Filing:
    """Return a filing.

    Errors: GroupFilingNotFound.
    """
    query = sa.select(group_filing).where(_own.filing_id == filing_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise GroupFilingNotFound(filing_id)
    return _filing(row)


def save(tx: Transaction, changed: Filing) -> None:
    """Write a filing that was locked before."""
    row = _row(changed)
    own = _own.filing_id == row.pop("filing_id")
    tx.execute(sa.update(group_filing).where(own).values(row))


def lock_expired(tx: Transaction, *, today: date, limit: int) -> list[Filing]:
    """Lock filings whose protection is over, those apart that somebody else holds."""
    query = sa.select(group_filing).where(_own.state.in_(LIVING), _own.protect_until_date < today)
    query = query.order_by(_own.filing_id).limit(limit).with_for_update(skip_locked=True)
    return [_filing(row) for row in tx.execute(query)]


def page(tx: Transaction, part: Page, *, by: Caller, wanted: Filter) -> Slice[Filing]:
    """Return a page of the filings in the caller's scope, the newest first."""
    query = sa.select(group_filing)
    units = scope.units_of(by)
    if units is not None:
        query = query.where(_own.unit_id.in_(units))
    if wanted.client_id:
        query = query.where(_own.client_id == wanted.client_id)
    if wanted.state is not None:
        query = query.where(_own.state == wanted.state)
    rows = tx.execute(keyset(query, part, [_own.filing_id], descending=True))
    return part.slice([_filing(row) for row in rows], key=lambda one: (one.filing_id,))


def _row(source: Filing) -> dict[str, Any]:
    found = source.measuring
    waiver = found.waiver if found else None
    return {
        "filing_id": source.filing_id,
        "unit_id": source.unit_id,
        "client_id": source.client_id,
        "project": source.project,
        "state": source.state,
        "first_filing_id": source.first_filing_id or None,
        "first_unit_id": source.first_unit_id,
        "filed_by": source.filed_by,
        "file_date": source.file_date,
        "protect_until_date": source.protect_until,
        "planned": found.planned if found else 0,
        "measured": found.measured if found else 0,
        "sizes": _sizes_to_json(found.sizes if found else ()),
        "waiver_reason": waiver.reason if waiver else "",
        "waiver_reference": waiver.reference if waiver else "",
        "waived_by": waiver.waived_by if waiver else "",
        "contract_id": source.contract_id or None,
        "create_time": source.create_time,
        "version": source.version,
    }


def _sizes_to_json(sizes: Iterable[SizeCount]) -> list[list[Any]]:
    return [[one.size, one.people] for one in sizes]


def _filing(row: sa.Row[Any]) -> Filing:
    waiver = Waiver(row.waiver_reason, row.waiver_reference, row.waived_by)
    measuring = Measuring(
        row.planned,
        tuple(SizeCount(size, people) for size, people in row.sizes),
        waiver if row.waived_by else None,
    )
    return Filing(
        filing_id=row.filing_id,
        unit_id=row.unit_id,
        client_id=row.client_id,
        project=row.project,
        filed_by=row.filed_by,
        file_date=row.file_date,
        protect_until=row.protect_until_date,
        create_time=row.create_time,
        state=State(row.state),
        first_filing_id=row.first_filing_id or "",
        first_unit_id=row.first_unit_id,
        measuring=measuring if row.planned else None,
        contract_id=row.contract_id or "",
        version=row.version,
    )
