"""The schema comes up from nothing, once, whoever runs it."""

import threading

import psycopg
import pytest
from psycopg import errors

from chassis import migrate
from tests.support.postgres import DatabaseFor
from tests.support.server import libpq

APPEND_ONLY = ["audit_entry", "event", "event_position"]


@pytest.mark.parametrize("table", APPEND_ONLY)
@pytest.mark.parametrize("change", ["UPDATE {} SET id = DEFAULT", "DELETE FROM {}", "TRUNCATE {}"])
def test_the_application_never_changes_what_is_append_only(
    database_for: DatabaseFor, table: str, change: str
) -> None:
    database = database_for("planning")

    with (
        psycopg.connect(libpq(database.app_url)) as db,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        db.execute(change.format(table))  # type: ignore[call-overload]


def test_the_application_creates_no_table(database_for: DatabaseFor) -> None:
    database = database_for("planning")

    with (
        psycopg.connect(libpq(database.app_url)) as db,
        pytest.raises(errors.InsufficientPrivilege),
    ):
        db.execute("CREATE TABLE intruder (id int)")


def test_several_migrations_at_once_are_one(database_for: DatabaseFor) -> None:
    database = database_for("planning")
    failures: list[Exception] = []

    def run() -> None:
        try:
            migrate.upgrade("planning", database.owner_url)
        except Exception as error:  # handed to the test's own thread
            failures.append(error)

    runners = [threading.Thread(target=run) for _ in range(3)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join(timeout=60)

    assert failures == []
