"""Continue a list's statement behind the last row of the page before.

What a token holds is untrusted: a value of another type than its column never reaches SQL.
"""

from collections.abc import Sequence
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, Select, Uuid, literal, tuple_

from chassis.paging import Key, Page, PageTokenInvalid

R = TypeVar("R", bound=tuple[Any, ...])


def keyset(
    statement: Select[R],
    page: Page,
    columns: Sequence[ColumnElement[Any]],
    *,
    descending: bool = False,
) -> Select[R]:
    """Order a statement by its key columns, start it after the page's key and bound it.

    Shape: the columns together are unique and none of them is null; all of them ascend, or all
        descend. The statement finds one row more than the page holds, for `Page.slice`.
    Errors: PageTokenInvalid when the token's values do not fit the columns.
    """
    order = [column.desc() if descending else column.asc() for column in columns]
    bounded = statement.order_by(*order).limit(page.size + 1)
    after = bounds(page, columns)
    if after is None:
        return bounded
    pairs = zip(columns, after, strict=True)
    key = tuple_(*[literal(value, column.type) for column, value in pairs])
    row = tuple_(*columns)
    return bounded.where(row < key if descending else row > key)


def bounds(page: Page, columns: Sequence[ColumnElement[Any]]) -> tuple[Any, ...] | None:
    """Return the key that the page starts after, or None for the first page.

    Errors: PageTokenInvalid when the token's values do not fit the columns.
    """
    if page.after is None:
        return None
    if len(page.after) != len(columns):
        raise PageTokenInvalid
    pairs = zip(columns, page.after, strict=True)
    return tuple(_fitting(column, value) for column, value in pairs)


def _fitting(column: ColumnElement[Any], value: Key) -> Any:
    """Refuse a value that the column's type cannot be compared with."""
    if isinstance(column.type, Uuid):
        return _as_uuid(column.type, value)
    if type(value) is not column.type.python_type:
        raise PageTokenInvalid
    return value


def _as_uuid(kind: Uuid[Any], value: Key) -> Any:
    try:
        identity = UUID(value if isinstance(value, str) else "")
    except ValueError as error:
        raise PageTokenInvalid from error
    return identity if kind.as_uuid else str(identity)
