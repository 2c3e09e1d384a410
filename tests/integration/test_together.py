"""Statements that are sent together: one round trip, answers in any order, errors as they are."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from decimal import Decimal
from typing import LiteralString

import pytest
import sqlalchemy as sa
import sqlalchemy.exc as sa_errors

from chassis.database import Database, is_transient, run, send, together
from chassis.statements import BusyError
from tests.support.postgres import DatabaseFor
from tests.support.waiting import until


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


def test_what_is_sent_begins_before_somebody_waits_for_it(database: Database) -> None:
    other = Database(database.url, size=1)

    def is_locked() -> bool:
        query = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = 7"
        return other.read(lambda tx: run(tx, query, {}).fetchone()) == (1,)

    with database.transaction() as tx, together(tx):
        lock = run(tx, "SELECT pg_advisory_xact_lock(7)", {})
        send(tx)
        until(is_locked, "the lock")
        after = run(tx, "SELECT 2", {})
        found = after.fetchone(), len(lock.fetchall())
    other.close()

    assert found == ((2,), 1)


def test_statements_within_those_that_are_sent_together_belong_to_them(database: Database) -> None:
    with pytest.raises(sa_errors.DBAPIError) as failed, database.transaction() as tx, together(tx):
        with together(tx):
            run(tx, "SELECT 1 / %(value)s::int", {"value": 0})
        # It is the outer one's end that waits.
        run(tx, "SELECT 1", {})

    assert "division by zero" in str(failed.value)
    assert database.read(lambda tx: run(tx, "SELECT 1", {}).fetchone()) == (1,)


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


def test_what_has_failed_is_never_taken_for_committed(database: Database) -> None:
    with pytest.raises(sa_errors.DBAPIError, match="nothing can be committed"):
        swallow(database, "SELECT 1 / 0")

    assert database.read(lambda tx: run(tx, "SELECT 1", {}).fetchone()) == (1,)


@pytest.mark.parametrize("is_more", [False, True])
def test_a_transaction_that_lost_its_connection_is_never_taken_for_committed(
    database: Database, is_more: bool
) -> None:
    with pytest.raises(sa_errors.PendingRollbackError):
        swallow(database, "SELECT pg_terminate_backend(pg_backend_pid())", is_more=is_more)

    assert database.read(lambda tx: run(tx, "SELECT 1", {}).fetchone()) == (1,)


def swallow(database: Database, statement: LiteralString, *, is_more: bool = False) -> None:
    """Go on after a statement failed, as nobody may."""
    with database.transaction() as tx:
        with suppress(sa_errors.DBAPIError):
            run(tx, statement, {})
        if is_more:
            run(tx, "SELECT 1", {})


@pytest.mark.parametrize("is_together", [False, True])
def test_a_text_that_postgresql_cannot_hold_is_refused_and_not_cut(
    database: Database, is_together: bool
) -> None:
    cut = {"text": "before\0after"}

    with pytest.raises(sa_errors.DataError), database.transaction() as tx:
        if is_together:
            with together(tx):
                run(tx, "SELECT %(text)s::text", cut)
        run(tx, "SELECT %(text)s::text", cut)

    assert database.read(lambda tx: run(tx, "SELECT 1", {}).fetchone()) == (1,)


def test_values_come_back_as_they_were(database: Database) -> None:
    values = {"day": date(2026, 2, 28), "share": Decimal("0.05"), "one": 1, "yes": True, "no": None}
    query = (
        "SELECT %(day)s::date, %(share)s::numeric, %(one)s::bigint, %(yes)s::boolean,"
        " %(no)s::text, %(one)s::text, '100 %%'"
    )

    found = database.read(lambda tx: run(tx, query, values).fetchone())

    assert found == (date(2026, 2, 28), Decimal("0.05"), 1, True, None, "1", "100 %")


def test_what_is_prepared_outlives_a_rollback_and_a_failed_preparation(database: Database) -> None:
    query, wrong = "SELECT 7", "SELECT no_such_column"
    for _ in range(2):
        with pytest.raises(sa_errors.DBAPIError), database.transaction() as tx, together(tx):
            run(tx, query, {})
            run(tx, wrong, {})

    prepared = "SELECT count(*) FROM pg_prepared_statements WHERE statement = %(query)s::text"
    found = database.read(
        lambda tx: (run(tx, query, {}).fetchone(), run(tx, prepared, {"query": query}).fetchone())
    )
    assert found == ((7,), (1,))


def test_what_the_driver_removes_at_a_savepoint_is_prepared_anew(database: Database) -> None:
    query = "SELECT 7"
    with database.transaction() as tx:
        for _ in range(5):
            tx.execute(sa.text("SELECT 8"))
        run(tx, query, {})
        tx.begin_nested().rollback()
        found = run(tx, query, {}).fetchone()

    assert found == (7,)


def test_who_finds_a_prepared_statement_gone_may_try_again(database: Database) -> None:
    query = "SELECT 7"
    database.read(lambda tx: run(tx, query, {}))

    with pytest.raises(sa_errors.DBAPIError) as gone, database.transaction() as tx:
        tx.exec_driver_sql("DEALLOCATE PREPARE ALL")
        run(tx, query, {})

    assert is_transient(gone.value)
    assert database.read(lambda tx: run(tx, query, {}).fetchone()) == (7,)


def test_a_cursor_among_statements_that_are_sent_together_is_refused(database: Database) -> None:
    with pytest.raises(BusyError), database.transaction() as tx, together(tx):
        run(tx, "SELECT 1", {})
        tx.execute(sa.text("SELECT 2"))

    assert database.read(lambda tx: run(tx, "SELECT 1", {}).fetchone()) == (1,)
