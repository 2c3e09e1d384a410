"""PostgreSQL for tests: one server for all workers, one migrated template a service, one clone a
test.

Several sessions and xdist workers may use the server at once; each writes its name into a folder,
and the last one to leave stops the server. On a disk the templates outlive the session: the name of
one has the digest of the migrations it was made from, so the next session finds it ready.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from itertools import count
from pathlib import Path

import psycopg
import pytest

from chassis import migrate
from local import databases, processes
from local.databases import ServiceDatabase
from local.errors import PostgresFailed
from local.places import REPOSITORY
from local.postgres import EmbeddedPostgres

__all__ = ["DatabaseFor", "SharedPostgres", "database_for", "shared_postgres"]

MEMORY = Path("/dev/shm")
# A session takes about a tenth of it.
MEMORY_NEEDED_BYTES = 8 * 2**30
SERVICES = REPOSITORY / "services"
CLONE_PREFIX = "clone_"

DatabaseFor = Callable[[str], ServiceDatabase]


def directory() -> Path:
    """Return the place of the tests' server: in memory where there is plenty, else beside the code.

    Shape: a place of its own for each user, because the data belongs to who made it. To copy the
        files of a database, with which most tests begin, takes half as long in memory.
    """
    own = f"postgres-{os.geteuid()}"
    if MEMORY.is_dir() and shutil.disk_usage(MEMORY).total >= MEMORY_NEEDED_BYTES:
        return MEMORY / f"mantle-{hashlib.sha256(bytes(REPOSITORY)).hexdigest()[:12]}" / own
    return REPOSITORY / "build" / "tests" / own


class SharedPostgres:
    """Use the tests' server together with other processes.

    Shape: `enter` and `leave` once a process; between them any number of databases.
    """

    def __init__(self) -> None:
        """Prepare; nothing is started yet."""
        self._directory = directory()
        self._numbers = count(1)
        self._templates: dict[str, str] = {}
        self._opened = ExitStack()
        self.server = EmbeddedPostgres(self._directory / "server", durable=False)

    def enter(self) -> None:
        """Start the server unless it runs, and say that this process uses it."""
        with self._exclusive():
            users = self._users()
            try:
                self.server.start()
            except PostgresFailed:
                # Data without fsync do not survive a crash of the machine, and are worth nothing.
                self.server.destroy()
                self.server.start()
            if not users:
                self._sweep()
            own = processes.record("tests", os.getpid())
            assert own is not None
            processes.save(self._user_file(os.getpid()), [own])

    def leave(self) -> None:
        """Say that this process is done, and stop the server after the last one."""
        self._opened.close()
        with self._exclusive():
            self._user_file(os.getpid()).unlink(missing_ok=True)
            if self._users():
                self.server.detach()
            elif self._directory.is_relative_to(MEMORY):
                self.server.destroy()
            else:
                self.server.stop()

    def clone(self, service: str) -> ServiceDatabase:
        """Return a fresh database with the service's schema and the rights of its two roles."""
        name = f"{CLONE_PREFIX}{os.getpid()}_{next(self._numbers)}"
        databases.create(self._admin, name, service=service, template=self.template(service))
        return self.server.service_database(service, name=name)

    def drop(self, database: ServiceDatabase) -> None:
        """Drop a clone, whoever is still connected."""
        databases.drop(self._admin, database.name)

    def template(self, service: str) -> str:
        """Return the name of the service's template, made now when its migrations changed."""
        if service not in self._templates:
            self._templates[service] = self._found_template(service)
        return self._templates[service]

    @cached_property
    def _admin(self) -> psycopg.Connection:
        """Return a superuser's connection that stays open, because a login costs as much as what
        is done with it."""
        return self._opened.enter_context(self.server.admin())

    def _found_template(self, service: str) -> str:
        name = f"{service}_{migrations_digest(service)}"
        if name in databases.templates(self._admin):
            return name
        with self._exclusive():
            # Another worker may have made it while this one waited.
            if name not in databases.templates(self._admin):
                self._make_template(self._admin, service, name)
        return name

    def _make_template(self, connection: psycopg.Connection, service: str, name: str) -> None:
        self.server.create_roles(service)
        databases.drop(connection, name)
        databases.create(connection, name, service=service)
        migrate.upgrade(service, self.server.service_database(service, name=name).owner_url)
        databases.freeze(connection, name)

    def _sweep(self) -> None:
        """Drop what sessions that crashed left behind, and templates of older migrations."""
        current = {f"{service}_{migrations_digest(service)}" for service in migrate_services()}
        with self.server.admin() as connection:
            rows = connection.execute(
                "SELECT datname FROM pg_database WHERE starts_with(datname, %s)", [CLONE_PREFIX]
            )
            clones = [name for (name,) in rows]
            old = [name for name in databases.templates(connection) if name not in current]
            for name in (*clones, *old):
                databases.drop(connection, name)

    def _users(self) -> list[Path]:
        """Return the files of the processes that use the server, without those that are gone."""
        alive: list[Path] = []
        for path in (self._directory / "users").iterdir():
            if any(processes.is_alive(known) for known in processes.load(path)):
                alive.append(path)
            else:
                path.unlink(missing_ok=True)
        return alive

    def _user_file(self, pid: int) -> Path:
        return self._directory / "users" / str(pid)

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        (self._directory / "users").mkdir(parents=True, exist_ok=True)
        with open(self._directory / "lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def migrate_services() -> list[str]:
    """Return the names of the services that have migrations, sorted."""
    return sorted(path.parent.name for path in SERVICES.glob("*/migrations"))


def migrations_digest(service: str) -> str:
    """Return 12 characters that change with the migrations of the chassis or the service."""
    total = hashlib.sha256()
    for owner in ("chassis", service):
        for path in sorted((SERVICES / owner / "migrations").rglob("*")):
            if path.is_file() and path.suffix != ".pyc":
                total.update(f"{path.relative_to(SERVICES)}\0".encode() + path.read_bytes() + b"\0")
    return total.hexdigest()[:12]


@pytest.fixture(scope="session")
def shared_postgres() -> Iterator[SharedPostgres]:
    """Give the session the tests' server."""
    shared = SharedPostgres()
    shared.enter()
    yield shared
    shared.leave()


@contextmanager
def fresh_databases(shared: SharedPostgres) -> Iterator[DatabaseFor]:
    """Give a fresh, migrated database each time a service is named; drop them on leaving."""
    made: list[ServiceDatabase] = []

    def clone(service: str) -> ServiceDatabase:
        made.append(shared.clone(service))
        return made[-1]

    try:
        yield clone
    finally:
        for database in made:
            shared.drop(database)


@pytest.fixture
def database_for(shared_postgres: SharedPostgres) -> Iterator[DatabaseFor]:
    """Give a test fresh, migrated databases."""
    with fresh_databases(shared_postgres) as clone:
        yield clone
