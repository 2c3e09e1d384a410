"""A list is read page by page, each row once, and a token serves its own list alone."""

import base64
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.dialects import postgresql

from chassis.errors import InvalidArgument
from chassis.keyset import keyset
from chassis.paging import Key, Page, PageTokenInvalid, open_page, page_of

ROWS = sa.table(
    "thing",
    sa.column("create_time", sa.DateTime(timezone=True)),
    sa.column("id", sa.Uuid(as_uuid=False)),
    sa.column("number", sa.BigInteger()),
    sa.column("name", sa.Text()),
)
ID = "0198f0a0-0000-7000-8000-000000000001"
AT = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)
keys = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=50),
    st.dates(),
    st.datetimes(timezones=st.just(UTC)),
    st.decimals(-(10**12), 10**12, places=4),
)


def token_after(*key: Key) -> str:
    """Make the token of a list that has one row of this key on its first page."""
    return open_page(1, "", conditions=["things"]).slice([1, 2], key=lambda _: key).next_page_token


def sql(page: Page, *columns: sa.ColumnElement[Any], descending: bool = False) -> str:
    """Write the statement of a page with its values."""
    statement = keyset(sa.select(ROWS.c.id), page, columns, descending=descending)
    compiled = statement.compile(
        dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}
    )
    return " ".join(str(compiled).split())


@pytest.mark.parametrize(("asked", "size"), [(0, 50), (1, 1), (500, 500), (501, 500)])
def test_a_page_size_is_defaulted_and_lowered(asked: int, size: int) -> None:
    page = open_page(asked, "", conditions=["things"])

    assert (page.size, page.after) == (size, None)


def test_a_list_has_its_own_sizes() -> None:
    page = open_page(0, "", conditions=["things"], size_default=7, size_max=5)

    assert page.size == 5


@given(st.lists(st.integers(), unique=True, max_size=40), st.integers(1, 10))
def test_pages_hold_each_row_once_and_in_order(numbers: list[int], size: int) -> None:
    rows = sorted(number % 2**60 for number in set(numbers))
    seen: list[int] = []
    token = ""

    while True:
        page = open_page(size, token, conditions=["things"])
        behind = [row for row in rows if page.after is None or row > page.after[0]]
        part = page.slice(behind[: page.size + 1], key=lambda row: (row,))
        seen += part.items
        token = part.next_page_token
        if not token:
            break

    assert seen == rows


@given(st.lists(keys, min_size=1, max_size=3))
def test_a_key_survives_its_token(key: list[Key]) -> None:
    token = token_after(*key)

    page = open_page(0, token, conditions=["things"])

    assert page.after == tuple(key)


def test_a_keyset_continues_after_the_last_row() -> None:
    page = open_page(2, token_after(AT, ID), conditions=["things"])

    statement = sql(page, ROWS.c.create_time, ROWS.c.id)

    assert statement == (
        "SELECT thing.id FROM thing WHERE (thing.create_time, thing.id) > "
        f"('2026-03-01 16:30:00+00:00', '{ID.replace('-', '')}') "
        "ORDER BY thing.create_time ASC, thing.id ASC LIMIT 3"
    )


def test_a_descending_keyset_continues_before_the_last_row() -> None:
    page = open_page(2, token_after(7), conditions=["things"])

    statement = sql(page, ROWS.c.number, descending=True)

    assert statement.endswith("WHERE (thing.number) < (7) ORDER BY thing.number DESC LIMIT 3")


def test_the_first_page_has_no_condition() -> None:
    statement = sql(open_page(2, "", conditions=["things"]), ROWS.c.number)

    assert "WHERE" not in statement


def test_a_slice_converts_its_items_and_keeps_its_token() -> None:
    part = open_page(1, "", conditions=[]).slice([1, 2], key=lambda row: (row,))

    texts = part.map(str)

    assert texts == type(texts)(("1",), part.next_page_token)


def test_a_negative_page_size_is_refused() -> None:
    with pytest.raises(InvalidArgument) as caught:
        open_page(-1, "", conditions=["things"])

    assert [violation.field for violation in caught.value.violations] == ["page_size"]


def test_a_token_of_other_conditions_is_refused() -> None:
    token = token_after(1)

    with pytest.raises(PageTokenInvalid):
        open_page(0, token, conditions=["things", "of another colour"])


def garbled(content: object) -> str:
    """Make a token of any content."""
    return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")


FINGERPRINT = open_page(0, "", conditions=["things"]).fingerprint


@pytest.mark.parametrize(
    "token",
    [
        "x",
        "!!!!",
        "\N{SNOWMAN}",
        "A" * 3000,
        garbled("[" * 900),
        garbled(None),
        garbled({}),
        garbled([]),
        garbled([FINGERPRINT]),
        garbled([FINGERPRINT, 1]),
        garbled([FINGERPRINT, ["x", "1"]]),
        garbled([FINGERPRINT, ["i", "1e3"]]),
        garbled([FINGERPRINT, ["i", str(2**63)]]),
        garbled([FINGERPRINT, ["i", None]]),
        garbled([FINGERPRINT, ["i", "9" * 1400]]),
        garbled([FINGERPRINT, ["s", "\x00"]]),
        garbled([FINGERPRINT, ["s", "\ud800"]]),
        garbled([FINGERPRINT, ["s", 5]]),
        garbled([FINGERPRINT, ["t", "2026-03-01T00:00:00"]]),
        garbled([FINGERPRINT, ["t", "0001-01-01T00:00:00+14:00"]]),
        garbled([FINGERPRINT, ["t", 5]]),
        garbled([FINGERPRINT, ["d", "2026-02-30"]]),
        garbled([FINGERPRINT, ["n", "NaN"]]),
        garbled([FINGERPRINT, ["n", "1e999999"]]),
        garbled([FINGERPRINT, ["n", "x"]]),
    ],
)
def test_a_token_that_nobody_gave_is_refused(token: str) -> None:
    with pytest.raises(PageTokenInvalid):
        open_page(0, token, conditions=["things"])


@given(st.text(max_size=60))
def test_no_text_does_worse_than_being_refused(token: str) -> None:
    try:
        page = open_page(0, token, conditions=["things"])
    except PageTokenInvalid:
        page = open_page(0, "", conditions=["things"])

    assert page.after is None


@pytest.mark.parametrize(
    ("column", "key"),
    [
        (ROWS.c.number, ("7",)),
        (ROWS.c.number, (1, 2)),
        (ROWS.c.name, (7,)),
        (ROWS.c.id, ("not a uuid",)),
        (ROWS.c.id, (7,)),
        (ROWS.c.create_time, (date(2026, 3, 1),)),
        (ROWS.c.create_time, (Decimal(1),)),
    ],
)
def test_a_forged_key_of_another_type_never_reaches_the_database(
    column: sa.ColumnElement[Any], key: tuple[Key, ...]
) -> None:
    page = open_page(0, token_after(*key), conditions=["things"])

    with pytest.raises(PageTokenInvalid):
        sql(page, column)


def test_a_uuid_key_has_the_type_of_its_column() -> None:
    column = sa.column("id", sa.Uuid())
    page = open_page(0, token_after(ID), conditions=["things"])

    statement = keyset(sa.select(column), page, [column])

    assert UUID(ID) in statement.compile().params.values()


@dataclass
class Request:
    """Stands for a generated List request."""

    colour: str
    page_size: int = 0
    page_token: str = ""

    def ClearField(self, field_name: str, /) -> None:
        setattr(self, field_name, type(self).__dataclass_fields__[field_name].default)

    def SerializeToString(self, *, deterministic: bool = False) -> bytes:
        return repr(self).encode()


def test_all_fields_of_a_request_but_the_page_are_its_conditions() -> None:
    first = page_of(Request("red"))
    token = first.slice(range(99), key=lambda row: (row,)).next_page_token

    second = page_of(Request("red", 3, token))

    assert (second.size, second.after) == (3, (49,))


def test_a_request_with_another_condition_refuses_the_token() -> None:
    token = page_of(Request("red")).slice(range(99), key=lambda row: (row,)).next_page_token

    with pytest.raises(PageTokenInvalid):
        page_of(Request("blue", 3, token))
