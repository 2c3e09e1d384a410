"""Statements of batches: arrays arrive as they were, and errors are those that callers know."""

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import psycopg
import pytest
import sqlalchemy.exc as sa_errors

from chassis import arrays, errors
from chassis.database import Database, run
from chassis.ids import new_id
from chassis.rpc.status import known
from crm.decision import storage
from tests.support.postgres import DatabaseFor

AWKWARD = [
    "",
    "NULL",
    "null",
    "a,b",
    "{}",
    'say "no"',
    "back\\slash",
    "\\",
    " both ",
    "线\n路",
    "'",
]
# What the driver reads once and then remembers.
STATEMENT_LENGTH_MAX = 4096


@pytest.fixture
def database(database_for: DatabaseFor) -> Iterator[Database]:
    made = Database(database_for("crm").app_url, size=1)
    yield made
    made.close()


@pytest.mark.parametrize("texts", [[], ["plain", "words"], AWKWARD, ["a", None, 'b"']])
def test_texts_arrive_as_they_were(database: Database, texts: list[str | None]) -> None:
    with database.transaction() as tx:
        rows = run(tx, "SELECT unnest(%(all)s::text[])", {"all": arrays.texts(texts)})

        assert [text for (text,) in rows] == texts


@pytest.mark.parametrize("blobs", [[], [b""], [b"\x00\xff", b"{}", b'"\\x41"', bytes(range(256))]])
def test_bytes_arrive_as_they_were(database: Database, blobs: list[bytes]) -> None:
    with database.transaction() as tx:
        rows = run(tx, "SELECT unnest(%(all)s::bytea[])", {"all": arrays.blobs(blobs)})

        assert [bytes(blob) for (blob,) in rows] == blobs


def test_bytes_arrive_as_they_were_by_a_cursor_too(database: Database) -> None:
    blobs = [b"", b"\x00\xff", b'"\\x41"']

    with database.transaction() as tx:
        query = "SELECT unnest(%(all)s::bytea[])"
        rows = tx.exec_driver_sql(query, {"all": arrays.blobs(blobs)}).all()

    assert [bytes(blob) for (blob,) in rows] == blobs


def test_times_and_ids_arrive_with_their_gaps(database: Database) -> None:
    at = datetime(2026, 3, 2, 2, 0, 0, 123456, tzinfo=UTC)
    one = UUID(new_id())

    with database.transaction() as tx:
        rows = run(
            tx,
            "SELECT * FROM unnest(%(times)s::timestamptz[], %(ids)s::uuid[])",
            {"times": arrays.plain([at, None]), "ids": arrays.plain([None, one])},
        )

        assert list(rows) == [(at, None), (None, one)]


def test_a_neighbour_that_holds_a_row_is_a_conflict(database_for: DatabaseFor) -> None:
    place = database_for("crm")
    database = Database(place.app_url, size=2)
    locking = "SELECT number FROM rule_change FOR UPDATE"

    with database.transaction() as first, pytest.raises(sa_errors.DBAPIError) as caught:
        run(first, locking, {})
        with database.transaction() as second:
            run(second, "SET LOCAL lock_timeout = 1", {})
            run(second, locking, {})
    database.close()

    assert isinstance(known(caught.value), errors.Conflict)


def test_a_lost_connection_is_told_and_replaced(database: Database) -> None:
    with pytest.raises(sa_errors.DBAPIError) as caught, database.transaction() as tx:
        driver = tx.connection.driver_connection
        assert isinstance(driver, psycopg.Connection)
        run(tx, "SELECT pg_terminate_backend(pg_backend_pid())", {})

    assert caught.value.connection_invalidated
    assert isinstance(known(caught.value), errors.PeerUnavailable)
    with database.transaction() as tx:
        assert run(tx, "SELECT 1", {}).fetchall() == [(1,)]


def test_the_driver_remembers_the_statements_of_a_decision() -> None:
    lengths = [len(statement) for statement in (storage._PROFILES, storage._WRITE)]

    assert max(lengths) <= STATEMENT_LENGTH_MAX
