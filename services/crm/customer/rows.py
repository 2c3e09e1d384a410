"""Rows of a file of customers: what each must be, checked row by row.

A problem never repeats the value, which may be personal. Pure, like the domain it belongs to.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from chassis.errors import FailedPrecondition, NotFound
from crm.customer.domain import (
    ATTRIBUTES_MAX,
    TAGS_MAX,
    AttributeValue,
    Customer,
    Kind,
    Status,
    Subscription,
    SubscriptionState,
)
from crm.touchpoint.domain import ContactKind

ERRORS_SHOWN_MAX: Final = 1000
OUT_OF_SCOPE: Final = "is not in the caller's part of the organisation"

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,39}")
_TAG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_PHONE: Final = re.compile(r"\+?[0-9]{5,20}")
_ATTRIBUTE: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_KINDS: Final = frozenset(Kind)
_STATUSES: Final = frozenset(Status)
_CONSENTS: Final = frozenset(ContactKind)
_NAME_CHARS_MAX: Final = 100
_TEXT_CHARS_MAX: Final = 200
_TAGS_MAX: Final = 50
_ATTRIBUTES_MAX: Final = 100
_PRODUCTS_MAX: Final = 100


@dataclass(frozen=True, slots=True)
class Row:
    """Hold a row as it came; None among the attributes is a value that was not set."""

    row_number: int
    customer_id: str
    unit_id: str = ""
    kind: str = ""
    status: str = ""
    display_name: str = ""
    phone: str = ""
    time_zone: str = ""
    tags: Sequence[str] = ()
    consents: Sequence[str] = ()
    product_ids: Sequence[str] = ()
    attributes: Mapping[str, AttributeValue | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RowError:
    """Say which field of which row is wrong, and how."""

    row_number: int
    field: str
    problem: str


@dataclass(frozen=True, slots=True)
class Import:
    """Hold how far an import is; fields as in the contract."""

    import_id: str
    unit_id: str
    create_time: datetime
    update_time: datetime
    rows_new: int = 0
    rows_updated: int = 0
    rows_rejected: int = 0

    @property
    def rows_received(self) -> int:
        """Return how many rows came in all parts."""
        return self.rows_new + self.rows_updated + self.rows_rejected

    def take(self, *, new: int, updated: int, rejected: int, at: datetime) -> "Import":
        """Count the rows of one part."""
        return replace(
            self,
            rows_new=self.rows_new + new,
            rows_updated=self.rows_updated + updated,
            rows_rejected=self.rows_rejected + rejected,
            update_time=at,
        )


@dataclass(frozen=True, slots=True)
class Imported:
    """Tell what became of one part of an import."""

    progress: Import
    errors: Sequence[RowError]


def problems_of(row: Row, *, is_new: bool) -> list[RowError]:
    """Tell everything that is wrong in a row; empty when it can be taken."""
    return [RowError(row.row_number, where, what) for where, what in _problems(row, is_new=is_new)]


def merged(
    row: Row, known: Customer | None, *, unit_id: str, at: datetime
) -> tuple[Customer, list[RowError]]:
    """Take a valid row over: make the customer, or change what the row says.

    Shape: the customer as it is to be, and what stops it after all.
    """
    before = known or Customer(
        customer_id=row.customer_id,
        unit_id=row.unit_id or unit_id,
        kind=Kind(row.kind or Kind.END),
        status=Status(row.status or Status.ACTIVE),
        display_name=row.display_name,
        phone=row.phone,
        time_zone=row.time_zone,
        create_time=at,
        version=0,
    )
    values = {name: value for name, value in row.attributes.items() if value is not None}
    after = replace(
        before,
        unit_id=row.unit_id or before.unit_id,
        kind=Kind(row.kind or before.kind),
        status=Status(row.status or before.status),
        display_name=row.display_name or before.display_name,
        phone=row.phone or before.phone,
        time_zone=row.time_zone or before.time_zone,
        tags=before.tags | frozenset(row.tags),
        consents=before.consents | {ContactKind(kind) for kind in row.consents},
        attributes={**before.attributes, **values},
        subscriptions=tuple(
            Subscription(product_id, SubscriptionState.ACTIVE, at) for product_id in row.product_ids
        ),
        version=before.version + 1,
    )
    full = [
        RowError(row.row_number, what, f"the customer would have more than {limit}")
        for what, count, limit in (
            ("tags", len(after.tags), TAGS_MAX),
            ("attributes", len(after.attributes), ATTRIBUTES_MAX),
        )
        if count > limit
    ]
    return after, full


def _problems(row: Row, *, is_new: bool) -> Iterator[tuple[str, str]]:
    if not _ID.fullmatch(row.customer_id):
        yield "customer_id", "is not 1 to 40 letters, digits and _.-"
    if row.unit_id and not _ID.fullmatch(row.unit_id):
        yield "unit_id", "is not 1 to 40 letters, digits and _.-"
    yield from _word("kind", row.kind, _KINDS)
    yield from _word("status", row.status, _STATUSES)
    yield from _personal(row, is_new=is_new)
    if row.time_zone and not _is_zone(row.time_zone):
        yield "time_zone", "is not a time zone"
    yield from _each("tags", row.tags, _TAGS_MAX, fits=lambda tag: bool(_TAG.fullmatch(tag)))
    yield from _each("consents", row.consents, len(_CONSENTS), fits=_CONSENTS.__contains__)
    yield from _each(
        "product_ids", row.product_ids, _PRODUCTS_MAX, fits=lambda one: bool(_ID.fullmatch(one))
    )
    yield from _attributes(row.attributes)


def _personal(row: Row, *, is_new: bool) -> Iterator[tuple[str, str]]:
    if is_new and not row.display_name.strip():
        yield "display_name", "is needed for a new customer"
    if len(row.display_name) > _NAME_CHARS_MAX:
        yield "display_name", f"has more than {_NAME_CHARS_MAX} characters"
    if row.phone and not _PHONE.fullmatch(row.phone):
        yield "phone", "is not 5 to 20 digits"


def _word(where: str, value: str, words: frozenset[str]) -> Iterator[tuple[str, str]]:
    if value and value not in words:
        yield where, f"is none of {', '.join(sorted(words))}"


def _each(  # the parts of a list's rule, all of them plain
    where: str, values: Sequence[str], limit: int, *, fits: Callable[[str], bool]
) -> Iterator[tuple[str, str]]:
    if len(values) > limit:
        yield where, f"has more than {limit} items"
    for number, value in enumerate(values[:limit]):
        if not fits(value):
            yield f"{where}[{number}]", "is not a valid value"


def _attributes(values: Mapping[str, AttributeValue | None]) -> Iterator[tuple[str, str]]:
    if len(values) > _ATTRIBUTES_MAX:
        yield "attributes", f"has more than {_ATTRIBUTES_MAX} items"
        return
    for name, value in sorted(values.items()):
        if not _ATTRIBUTE.fullmatch(name):
            yield "attributes", "has a name that is not 1 to 63 lower-case letters, digits and _"
        elif value is None:
            yield f"attributes.{name}", "has no value"
        elif isinstance(value, str) and len(value) > _TEXT_CHARS_MAX:
            yield f"attributes.{name}", f"has more than {_TEXT_CHARS_MAX} characters"


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


class ImportNotFound(NotFound):
    """No import has this id."""

    reason = "IMPORT_NOT_FOUND"

    def __init__(self, import_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no import {import_id}", importId=import_id)


class ImportOfOtherUnit(FailedPrecondition):
    """The import was begun for another unit."""

    reason = "IMPORT_OF_OTHER_UNIT"

    def __init__(self, import_id: str, unit_id: str) -> None:
        """Name the import and the unit it is for."""
        super().__init__(
            f"import {import_id} is for unit {unit_id}", importId=import_id, unitId=unit_id
        )
