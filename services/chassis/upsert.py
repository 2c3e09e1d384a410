"""Rows that take the place of those with the same primary key."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from chassis.database import Transaction

Row = Mapping[str, Any]


def put(
    tx: Transaction,
    table: sa.Table,
    rows: Row | Sequence[Row],
    *,
    keep: Collection[str] = (),
    newer_in: str = "",
    or_as_new: bool = False,
) -> bool:
    """Insert rows, or write them over those that are there; return whether any was written.

    Shape: all rows name the same columns and no two have the same key; none is nothing to do. Of a
        row that is there, the columns that are not named and those of `keep` stay as they are.
        With `newer_in` only a row that is newer in that column is written over one that is there,
        or one that is as new.
    """
    if not rows:
        return False
    draft = insert(table).values(rows)
    named = rows if isinstance(rows, Mapping) else rows[0]
    fixed = {column.name for column in table.primary_key} | set(keep)
    where = None
    if newer_in:
        there, told = table.c[newer_in], draft.excluded[newer_in]
        where = there <= told if or_as_new else there < told
    statement = draft.on_conflict_do_update(
        index_elements=list(table.primary_key),
        set_={name: draft.excluded[name] for name in named if name not in fixed},
        where=where,
    )
    done = tx.execute(statement, execution_options={"preserve_rowcount": True})
    return done.rowcount > 0
