"""Statements that are sent together: one round trip, answers in any order, errors as they are."""

from collections.abc import Iterator

import pytest
import sqlalchemy.exc as sa_errors

from chassis.database import Database, run, together
from tests.support.postgres import DatabaseFor


@pytest.fixture
def database(database_for: DatabaseFor) -> Iterator[Database]:
    made = Database(database_for("chassis_alone").app_url, size=1)
    yield made
    made.close()


def test_answers_can_be_read_after_all_were_sent(database: Database) -> None:
    with database.transaction() as tx, together(tx):
        first = run(tx, "SELECT %(value)s::int", {"value": 1})
        second = run(tx, "SELECT %(value)s::int", {"value": 2})
        found = second.fetchone(), first.fetchone()

    assert found == ((2,), (1,))


def test_nothing_leaves_before_somebody_waits_for_it(database: Database) -> None:
    """The driver's own way, a write to the socket for each, cost both sides more than the work."""
    watched = "SELECT query FROM pg_stat_activity WHERE pid = %(pid)s::int"
    other = Database(database.url, size=1)
    with database.transaction() as tx:
        [(pid,)] = run(tx, "SELECT pg_backend_pid()", {})
        with together(tx):
            first = run(tx, "SELECT 1", {})
            second = run(tx, "SELECT 2", {})
            [(seen,)] = other.read(lambda looking: run(looking, watched, {"pid": pid}).fetchall())
        found = [*first, *second]
    other.close()

    assert seen == "SELECT pg_backend_pid()"
    assert found == [(1,), (2,)]


def test_more_than_the_socket_takes_is_sent_all_the_same(database: Database) -> None:
    values = {"text": "x" * 4_000_000}

    with database.transaction() as tx, together(tx):
        lengths = [run(tx, "SELECT length(%(text)s::text)", values) for _ in range(4)]
        echoed = run(tx, "SELECT %(text)s::text", values)

    assert [one.fetchone() for one in lengths] == [(4_000_000,)] * 4
    assert echoed.fetchone() == (values["text"],)


@pytest.mark.parametrize("is_read", [True, False])
def test_an_error_is_one_that_callers_know_and_undoes_everything(
    database: Database, is_read: bool
) -> None:
    with pytest.raises(sa_errors.DBAPIError), database.transaction() as tx, together(tx):
        run(tx, "CREATE TEMPORARY TABLE kept (number int)", {})
        failing = run(tx, "SELECT 1 / %(value)s::int", {"value": 0})
        run(tx, "SELECT 1", {})
        if is_read:
            failing.fetchone()

    left = database.read(
        lambda tx: run(tx, "SELECT to_regclass('pg_temp.kept')", {}).fetchone(),
    )
    assert left == (None,)


def test_a_connection_that_is_lost_is_not_used_again(database: Database) -> None:
    with pytest.raises(sa_errors.DBAPIError), database.transaction() as tx, together(tx):
        run(tx, "SELECT pg_terminate_backend(pg_backend_pid())", {}).fetchone()

    assert database.read(lambda tx: run(tx, "SELECT 1", {}).fetchone()) == (1,)
