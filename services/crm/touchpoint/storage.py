"""The registry of the touchpoints, and the count of changes that decisions look at."""

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from crm.touchpoint.domain import ContactKind, Direction, Touchpoint, TouchpointNotFound

TABLES = sa.MetaData()

touchpoint = sa.Table(
    "touchpoint",
    TABLES,
    sa.Column("touchpoint_id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False, unique=True),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("name_zh", sa.Text, nullable=False),
    sa.Column("direction", sa.Text, nullable=False),
    sa.Column("contact_kind", sa.Text, nullable=False),
    sa.Column("active", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

rule_change = sa.Table(
    "rule_change",
    TABLES,
    sa.Column("only_row", sa.Boolean, primary_key=True),
    sa.Column("number", sa.BigInteger, nullable=False),
)


def add_missing(tx: Transaction, touchpoints: Sequence[Touchpoint]) -> None:
    """Insert the touchpoints that are not there yet; the others stay as they are."""
    rows = [_row(one) for one in touchpoints]
    tx.execute(insert(touchpoint).values(rows).on_conflict_do_nothing())


def get(tx: Transaction, touchpoint_id: str, *, lock: bool = False) -> Touchpoint:
    """Return a touchpoint.

    Errors: TouchpointNotFound.
    """
    query = sa.select(touchpoint).where(touchpoint.c.touchpoint_id == touchpoint_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise TouchpointNotFound(touchpoint_id)
    return _touchpoint(row)


def save(tx: Transaction, changed: Touchpoint) -> None:
    """Write a touchpoint."""
    tx.execute(
        sa.update(touchpoint)
        .where(touchpoint.c.touchpoint_id == changed.touchpoint_id)
        .values(_row(changed))
    )


def every(tx: Transaction) -> list[Touchpoint]:
    """Return all touchpoints, by id."""
    query = sa.select(touchpoint).order_by(touchpoint.c.touchpoint_id)
    return [_touchpoint(row) for row in tx.execute(query)]


def listing(
    tx: Transaction, page: Page, *, active_only: bool, direction: Direction | None
) -> Slice[Touchpoint]:
    """Return a page of the touchpoints, by id."""
    query = sa.select(touchpoint)
    if active_only:
        query = query.where(touchpoint.c.active)
    if direction is not None:
        query = query.where(touchpoint.c.direction == direction)
    rows = tx.execute(keyset(query, page, [touchpoint.c.touchpoint_id]))
    return page.slice(rows, key=lambda row: (row.touchpoint_id,)).map(_touchpoint)


def count_change(tx: Transaction) -> None:
    """Tell all decisions from this commit on that the rules in memory are old."""
    tx.execute(sa.update(rule_change).values(number=rule_change.c.number + 1))


def change_number(tx: Transaction) -> int:
    """Return how often the rules have changed."""
    return int(tx.execute(sa.select(rule_change.c.number)).scalar_one())


def _row(one: Touchpoint) -> dict[str, object]:
    return {
        "touchpoint_id": one.touchpoint_id,
        "kind": one.kind,
        "channel": one.channel,
        "name": one.name,
        "name_zh": one.name_zh,
        "direction": one.direction.value,
        "contact_kind": one.contact_kind.value,
        "active": one.active,
        "version": one.version,
    }


def _touchpoint(row: sa.Row[tuple[object, ...]]) -> Touchpoint:
    return Touchpoint(
        touchpoint_id=row.touchpoint_id,
        kind=row.kind,
        channel=row.channel,
        name=row.name,
        name_zh=row.name_zh,
        direction=Direction(row.direction),
        contact_kind=ContactKind(row.contact_kind),
        active=row.active,
        version=row.version,
    )
