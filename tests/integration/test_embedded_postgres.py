"""The embedded server: who may connect to what, what survives, what is said when it fails."""

import os
import pwd
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from local import binaries, errors
from local.databases import ServiceDatabase
from local.postgres import EmbeddedPostgres
from tests.support.postgres import DatabaseFor, SharedPostgres

SERVICES = ("planning", "channels", "crm", "settlement")


def connect(url: str) -> psycopg.Connection:
    return psycopg.connect(url.replace("+psycopg", ""), autocommit=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    yield server
    server.destroy()


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, ServiceDatabase]]:
    server = EmbeddedPostgres(tmp_path_factory.mktemp("four"), durable=False)
    server.start()
    yield {service: server.create_service_database(service) for service in SERVICES}
    server.destroy()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_reaches_its_own_database(four: dict[str, ServiceDatabase], service: str) -> None:
    with connect(four[service].owner_url) as owner, connect(four[service].app_url) as app:
        names = [c.execute("SELECT current_user").fetchone() for c in (owner, app)]

    assert names == [(f"{service}_owner",), (f"{service}_app",)]


@pytest.mark.parametrize(("service", "other"), list(permutations(SERVICES, 2)))
def test_no_role_connects_to_the_database_of_another_service(
    four: dict[str, ServiceDatabase], service: str, other: str
) -> None:
    for url in (four[service].owner_url, four[service].app_url):
        foreign = url.removesuffix(service) + other

        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            connect(foreign)


@pytest.mark.parametrize("database", ["postgres", "template1"])
def test_no_service_connects_to_a_shared_database(
    four: dict[str, ServiceDatabase], database: str
) -> None:
    url = four["planning"].owner_url.removesuffix("planning") + database

    with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
        connect(url)


def test_the_app_role_changes_no_schema(four: dict[str, ServiceDatabase]) -> None:
    with connect(four["planning"].app_url) as app:
        for statement in ("CREATE TABLE t (id int)", "CREATE TEMP TABLE t (id int)"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                app.execute(statement)


def test_a_wrong_password_is_refused(four: dict[str, ServiceDatabase]) -> None:
    url = sa.make_url(four["planning"].app_url).set(password="wrong")

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        connect(url.render_as_string(hide_password=False))


def test_a_clone_has_the_schema_and_both_roles(database_for: DatabaseFor) -> None:
    database = database_for("planning")

    with connect(database.app_url) as app, connect(database.owner_url) as owner:
        app.execute("SELECT count(*) FROM audit_entry")
        owner.execute("CREATE TABLE t (id int)")
        app.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            app.execute("DELETE FROM audit_entry")


def test_a_clone_is_closed_to_the_roles_of_another_service(database_for: DatabaseFor) -> None:
    planning, crm = database_for("planning"), database_for("crm")

    for url in (crm.owner_url, crm.app_url):
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            connect(url.removesuffix(crm.name) + planning.name)


def test_two_clones_share_nothing(database_for: DatabaseFor) -> None:
    first, second = database_for("planning"), database_for("planning")

    with connect(first.owner_url) as owner:
        owner.execute("CREATE TABLE only_here (id int)")

    with connect(second.owner_url) as owner:
        assert owner.execute("SELECT to_regclass('only_here')").fetchone() == (None,)


def test_a_template_is_closed_to_everybody(shared_postgres: SharedPostgres) -> None:
    template = shared_postgres.template("planning")

    with pytest.raises(psycopg.OperationalError, match="not currently accepting connections"):
        connect(shared_postgres.server.superuser_url(template))


def test_data_survive_a_restart(server: EmbeddedPostgres) -> None:
    server.start()
    before = server.create_service_database("planning")
    with connect(before.owner_url) as owner:
        owner.execute("CREATE TABLE kept AS SELECT 7 AS value")
    port = server.port
    server.stop()
    server.start()
    after = server.create_service_database("planning")

    assert (after, server.port) == (before, port)
    with connect(after.owner_url) as owner:
        assert owner.execute("SELECT value FROM kept").fetchone() == (7,)


def test_data_survive_a_kill(tmp_path: Path) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=True)
    server.start()
    url = server.create_service_database("planning").owner_url
    with connect(url) as owner:
        owner.execute("CREATE TABLE kept AS SELECT 7 AS value")
    server.kill()
    server.start()

    with connect(url) as owner:
        row = owner.execute("SELECT value FROM kept").fetchone()
    server.destroy()

    assert row == (7,)


def test_a_second_object_finds_the_running_server(server: EmbeddedPostgres, tmp_path: Path) -> None:
    server.start()
    again = EmbeddedPostgres(tmp_path / "postgres", durable=False)
    again.start()

    assert again.is_running()
    assert again.port == server.port
    again.stop()
    assert not server.is_running()


def test_a_pid_file_with_the_pid_of_a_stranger_is_removed(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    (server.data / "postmaster.pid").write_text(f"{os.getpid()}\n{server.data}\n")
    server.start()

    assert server.is_running()


def test_a_wanted_port_that_is_taken_is_reported(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as stranger:
        port = stranger.getsockname()[1]
        server = EmbeddedPostgres(tmp_path / "postgres", durable=False, port=port)

        with pytest.raises(errors.PortTaken, match=f"port {port}, wanted by PostgreSQL, is taken"):
            server.start()
    server.destroy()


def test_a_remembered_port_that_is_taken_is_given_up(server: EmbeddedPostgres) -> None:
    server.start()
    server.stop()
    port = server.port
    with socket.create_server(("127.0.0.1", port)):
        server.start()

        assert server.port != port


def test_it_listens_on_the_loopback_interface_alone(server: EmbeddedPostgres) -> None:
    server.start()
    with server.admin() as connection:
        rows = connection.execute(
            "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        )

        assert rows.fetchone() == ("127.0.0.1", "")


def test_passwords_are_readable_by_the_owner_alone(server: EmbeddedPostgres) -> None:
    server.start()
    files = [path for path in server.home.iterdir() if path.is_file() and path.suffix != ".log"]

    assert [stat.S_IMODE(path.stat().st_mode) for path in files] == [0o600]


@pytest.mark.parametrize(("durable", "fsync"), [(True, "on"), (False, "off")])
def test_only_a_durable_server_waits_for_the_disk(
    tmp_path: Path, durable: bool, fsync: str
) -> None:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=durable)
    server.start()
    with server.admin() as connection:
        row = connection.execute("SELECT current_setting('fsync')").fetchone()
    server.destroy()

    assert row == (fsync,)


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        ("FATAL:  could not write file: No space left on device", errors.DiskFull),
        ("LOG:  could not bind: Address already in use", errors.PortTaken),
        ("FATAL:  something else", errors.PostgresFailed),
    ],
)
def test_the_words_of_postgresql_become_an_error_with_advice(
    tmp_path: Path, output: str, kind: type[errors.LocalError]
) -> None:
    error = errors.of_postgres(output, doing="starting", place=tmp_path, port=5432)

    assert type(error) is kind


def test_missing_programs_are_reported(
    server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(binaries, "PACKAGE", "package_that_is_not_there")

    with pytest.raises(errors.BinariesMissing, match="./run setup"):
        server.start()


PLAIN_USER = """
import os, sys
from pathlib import Path
from local.postgres import EmbeddedPostgres
place, uid, gid = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
server = EmbeddedPostgres(place / "postgres", durable=False)
server.start()
with server.admin() as connection:
    row = connection.execute("SELECT count(*) FROM pg_roles WHERE rolname = 'postgres'").fetchone()
print(os.geteuid(), (place / "postgres" / "data").stat().st_uid, *row)
server.destroy()
"""


def test_a_plain_user_can_run_it() -> None:
    """As root, a child turns into `nobody` first; otherwise the tests' own user is a plain one."""
    place = Path(tempfile.mkdtemp(prefix="mantle-plain-", dir="/var/tmp"))
    who = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
    os.chown(place, who.pw_uid, who.pw_gid)
    words = (str(place), str(who.pw_uid), str(who.pw_gid))
    done = subprocess.run(
        [sys.executable, "-c", PLAIN_USER, *words],
        cwd=place,
        capture_output=True,
        text=True,
        check=False,
    )
    shutil.rmtree(place)

    assert done.stdout == f"{who.pw_uid} {who.pw_uid} 1\n", done.stderr
