"""Pages of a list: sizes and opaque tokens; `chassis.keyset` continues a statement behind a token.

A token holds the sort key of the last row and a fingerprint of the list's conditions; it says
nothing secret and grants nothing, so it is not signed. What comes back is untrusted.
"""

import base64
import copy
import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Final, Generic, Literal, Protocol, TypeVar

from chassis.errors import InvalidArgument, Violation

Key = str | int | datetime | date | Decimal
T = TypeVar("T")

SIZE_DEFAULT: Final = 50
SIZE_MAX: Final = 500
TOKEN_CHARS_MAX: Final = 2000


class PageTokenInvalid(InvalidArgument):
    """The page token is not one that this list gave for these conditions."""

    reason = "PAGE_TOKEN_INVALID"

    def __init__(self) -> None:
        """Say so; a token is opaque, so there is no more to tell."""
        message = "the page token does not belong to this list and its conditions"
        super().__init__(message, violations=[Violation("page_token", "page_token", message)])


class ListRequest(Protocol):
    """Describe what every List request has: its two page fields, and bytes for a fingerprint."""

    @property
    def page_size(self) -> int:
        """Tell how many items are wanted; 0 leaves it to the list."""
        ...

    @property
    def page_token(self) -> str:
        """Give back the token of the page before, or the empty text for the first page."""
        ...

    def ClearField(self, field_name: Literal["page_size", "page_token"], /) -> None:
        """Forget a field."""
        ...

    def SerializeToString(self, *, deterministic: bool = ...) -> bytes:
        """Write the message as bytes."""
        ...


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """Hold the items of one page, and the token of the next or the empty text after the last."""

    items: tuple[T, ...]
    next_page_token: str

    def map(self, convert: Callable[[T], Any]) -> "Slice[Any]":
        """Convert the items and keep the token."""
        return Slice(tuple(convert(item) for item in self.items), self.next_page_token)


@dataclass(frozen=True, slots=True)
class Page:
    """Say which part of a list is wanted.

    Shape: at most `size` items after the row with the key `after`, or the first ones when it is
        None.
    """

    size: int
    fingerprint: str
    after: tuple[Key, ...] | None = None

    def slice(self, rows: Iterable[T], *, key: Callable[[T], Sequence[Key]]) -> Slice[T]:
        """Cut the page out of the rows that a `keyset` statement found.

        Shape: the statement asks for one row more than the page holds; that row only tells that
            there is a next page. `key` gives the values of the keyset's columns, in their order.
        """
        found = list(rows)
        items = found[: self.size]
        if len(found) <= self.size:
            return Slice(tuple(items), "")
        return Slice(tuple(items), _token(self.fingerprint, key(items[-1])))


def page_of(
    request: ListRequest, *, size_default: int = SIZE_DEFAULT, size_max: int = SIZE_MAX
) -> Page:
    """Read the page fields of a List request; all its other fields are the conditions.

    Errors: as `open_page`.
    """
    conditions = copy.deepcopy(request)
    conditions.ClearField("page_size")
    conditions.ClearField("page_token")
    return open_page(
        request.page_size,
        request.page_token,
        conditions=(
            type(request).__qualname__,
            conditions.SerializeToString(deterministic=True).hex(),
        ),
        size_default=size_default,
        size_max=size_max,
    )


def open_page(
    page_size: int,
    page_token: str,
    *,
    conditions: Sequence[object],
    size_default: int = SIZE_DEFAULT,
    size_max: int = SIZE_MAX,
) -> Page:
    """Read a page size and a page token.

    Shape: size 0 means the default, a size above the maximum is lowered to it. `conditions` is
        everything that decides which rows are in the list and in what order, the list's name
        included.
    Errors: InvalidArgument when the size is below 0; PageTokenInvalid.
    """
    if page_size < 0:
        message = f"a page of {page_size} items cannot be"
        violation = Violation("page_size", "int32.gte", message)
        raise InvalidArgument(message, violations=[violation], pageSize=page_size)
    fingerprint = _fingerprint(conditions)
    after = _read_token(page_token, fingerprint) if page_token else None
    return Page(min(page_size or size_default, size_max), fingerprint, after)


def _fingerprint(conditions: Sequence[object]) -> str:
    text = json.dumps([repr(condition) for condition in conditions])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _token(fingerprint: str, key: Sequence[Key]) -> str:
    content = json.dumps([fingerprint, *map(_written, key)], separators=(",", ":"))
    return base64.urlsafe_b64encode(content.encode()).decode().rstrip("=")


def _read_token(token: str, fingerprint: str) -> tuple[Key, ...]:
    if len(token) > TOKEN_CHARS_MAX:
        raise PageTokenInvalid
    try:
        content = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
        found, *key = json.loads(content)
        values = tuple(_value(written) for written in key)
    except (ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise PageTokenInvalid from error
    if found != fingerprint or not values:
        raise PageTokenInvalid
    return values


def _written(value: Key) -> list[str]:
    """Write a value with the mark of its type."""
    match value:
        case str():
            return ["s", value]
        case int():
            return ["i", str(value)]
        case datetime():
            return ["t", value.astimezone(UTC).isoformat()]
        case date():
            return ["d", value.isoformat()]
        case Decimal():
            return ["n", str(value)]


def _value(written: Any) -> Key:
    """Read a value that `_written` wrote.

    Errors: ValueError, TypeError or ArithmeticError on anything else.
    """
    mark, text = written
    match mark:
        case "s":
            return _plain(text)
        case "i":
            return _int64(text)
        case "t":
            return _aware(text)
        case "d":
            return date.fromisoformat(text)
        case "n":
            return _finite(text)
        case _:
            raise ValueError(mark)


def _plain(text: str) -> str:
    """Refuse what PostgreSQL cannot store as text: NUL, and surrogates, which do not encode."""
    if "\x00" in text:
        raise ValueError("NUL")
    text.encode()
    return text


def _int64(text: str) -> int:
    number = int(text)
    if not -(2**63) <= number < 2**63:
        raise ValueError("beyond int64")
    return number


def _aware(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("no time zone")
    return at.astimezone(UTC)


def _finite(text: str) -> Decimal:
    number = Decimal(text)
    if not number.is_finite() or abs(number.adjusted()) > 60:
        raise ValueError("beyond a finite number")
    return number
