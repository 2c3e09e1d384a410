"""What a bench runs on: one durable PostgreSQL, databases of its own, real processes, real tokens.

Everything that was started is ended when its `with` is left, whatever happened in it.
"""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import sqlalchemy as sa

from chassis import migrate
from chassis.clock import FileClock
from chassis.settings import SERVICES
from local import databases, ports
from local.databases import ServiceDatabase
from local.places import REPOSITORY
from local.postgres import EmbeddedPostgres
from local.tokens import AUDIENCE, ISSUER, TokenIssuer
from tests.bench import machine
from tests.bench.machine import CORE_VARIABLE
from tests.support.server import START, World, libpq

DIRECTORY = REPOSITORY / "build" / "bench"
CONCURRENCY = 32
STAND_IN_THREADS = 64
START_WAIT_S = 60.0
STOP_WAIT_S = 15.0
POLL_S = 0.05
SETTLE_POLL_S = 0.2
# Never set: a wait with a limit.
_pause = threading.Event().wait


class NotStarted(Exception):
    """A process ended, or did not listen in time; the end of its log is the message."""


@dataclass(slots=True)
class Process:
    """Hold one process that listens on a port of this machine."""

    name: str
    port: int
    popen: subprocess.Popen[bytes]
    log: Path

    @property
    def address(self) -> str:
        """Return `host:port`."""
        return f"{ports.LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """Return its process id."""
        return self.popen.pid

    def await_port(self) -> None:
        """Wait until it listens.

        Errors: NotStarted.
        """
        deadline = time.monotonic() + START_WAIT_S
        while ports.is_free(self.port):
            if self.popen.poll() is not None or time.monotonic() > deadline:
                raise NotStarted(f"{self.name}: {self.log.read_text(errors='replace')[-2000:]}")
            _pause(POLL_S)

    def stop(self) -> None:
        """End it, politely first."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            with suppress(ProcessLookupError):
                self.popen.send_signal(number)
            with suppress(subprocess.TimeoutExpired):
                self.popen.wait(STOP_WAIT_S)
                return


@dataclass(slots=True)
class Stage:
    """Hold the server, the keys and the clock of one bench."""

    postgres: EmbeddedPostgres
    issuer: TokenIssuer
    clock: FileClock
    directory: Path
    _templates: dict[str, str] = field(default_factory=dict)
    _numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def database(self, service: str) -> ServiceDatabase:
        """Return a fresh database with a service's schema."""
        if service not in self._templates:
            self._templates[service] = self._template(service)
        name = f"{service}_{next(self._numbers)}"
        return self.postgres.clone_database(service, template=self._templates[service], name=name)

    def drop(self, database: ServiceDatabase) -> None:
        """Drop a database, whoever is connected."""
        with self.postgres.admin() as connection:
            databases.drop(connection, database.name)

    @property
    def postmaster(self) -> int:
        """Return the process id of PostgreSQL's first process."""
        return int((self.postgres.data / "postmaster.pid").read_text().partition("\n")[0])

    def backends_of(self, *found: ServiceDatabase) -> Callable[[], list[int]]:
        """Return a look at the PostgreSQL processes that serve these databases now."""
        names = [database.name for database in found]
        return lambda: machine.backends(self.postmaster, names)

    def wal_bytes(self) -> int:
        """Return how much was ever written ahead."""
        query = "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"
        with self.postgres.admin() as connection:
            row = connection.execute(query).fetchone()
        assert row is not None
        return int(row[0])

    def checkpoint(self) -> None:
        """Write a checkpoint now, so that none falls into a measurement by chance."""
        with self.postgres.admin() as connection:
            connection.execute("CHECKPOINT")

    def launch(
        self,
        name: str,
        *words: object,
        port: int | None = None,
        core: str | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        """Start `python -m tests.bench.servers.<name> PORT …`; it may not listen yet.

        Shape: on the core of the measured process unless told otherwise.
        """
        port = port or ports.choose()
        log = self.directory / "logs" / f"{name}-{port}.log"
        log.parent.mkdir(parents=True, exist_ok=True)
        around = {
            **os.environ,
            "no_proxy": ports.LOOPBACK,
            CORE_VARIABLE: machine.service_core() if core is None else core,
            **(environment or {}),
        }
        with open(log, "wb") as out:
            popen = subprocess.Popen(
                [sys.executable, "-m", f"tests.bench.servers.{name}", str(port), *map(str, words)],
                cwd=REPOSITORY,
                env=around,
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Process(name, port, popen, log)

    @contextmanager
    def running(self, *started: Process) -> Iterator[None]:
        """Wait until processes listen, and end them on leaving."""
        try:
            for process in started:
                process.await_port()
            yield
        finally:
            for process in started:
                process.stop()

    def environment(
        self, service: str, database_url: str, peers: Mapping[str, int]
    ) -> dict[str, str]:
        """Return a service's settings, as a cluster would give them; the port comes with the
        words."""
        token = self.directory / f"{service}.token"
        token.write_text(self.issuer.mint(service, ["service"]))
        nowhere = ports.choose()
        return {
            "MANTLE_DATABASE_URL": database_url,
            "MANTLE_TIME_ZONE": "Asia/Shanghai",
            "MANTLE_CONCURRENCY": str(CONCURRENCY),
            "MANTLE_TOKEN_KEYS_FILE": str(self.issuer.keys_file),
            "MANTLE_TOKEN_ISSUER": ISSUER,
            "MANTLE_TOKEN_AUDIENCE": AUDIENCE,
            "MANTLE_SERVICE_TOKEN_FILE": str(token),
            "MANTLE_CLOCK_FILE": str(self.directory / "clock.json"),
            "MANTLE_REFLECTION": "off",
            "MANTLE_TRACE_RATIO": "0.01",
            "MANTLE_STOP_GRACE_S": "2",
            **{
                f"MANTLE_{one.upper()}_ADDRESS": f"{ports.LOOPBACK}:{peers.get(one, nowhere)}"
                for one in SERVICES
            },
        }

    def _template(self, service: str) -> str:
        name = f"{service}_bench_template"
        self.postgres.create_roles(service)
        with self.postgres.admin() as connection:
            databases.drop(connection, name)
            databases.create(connection, name, service=service)
            owner = self.postgres.service_database(service, name=name)
            migrate.upgrade(service, owner.owner_url)
            databases.freeze(connection, name)
        return name


@contextmanager
def staged() -> Iterator[Stage]:
    """Open a stage in `build/bench`; the data of the last one are thrown away."""
    shutil.rmtree(DIRECTORY, ignore_errors=True)
    DIRECTORY.mkdir(parents=True)
    postgres = EmbeddedPostgres(DIRECTORY / "postgres", durable=True)
    postgres.destroy()
    issuer = TokenIssuer(DIRECTORY / "keys")
    issuer.prepare()
    clock = FileClock(DIRECTORY / "clock.json")
    clock.set(START)
    machine.pin_self(machine.client_core())
    try:
        # PostgreSQL may run anywhere; it would inherit the client's core.
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, machine.CORES)
        postgres.start()
        os.sched_setaffinity(0, cores)
        yield Stage(postgres, issuer, clock, DIRECTORY)
    finally:
        postgres.destroy()


@dataclass(slots=True)
class Side:
    """Hold the services of one half, each a process, with databases of their own.

    Shape: `world` speaks to them as the tests' world does, for arranging.
    """

    stage: Stage
    databases: dict[str, ServiceDatabase]
    processes: dict[str, Process]
    world: World
    telemetry: Path
    stand_in_port: int

    def address(self, service: str) -> str:
        """Return `host:port` of a service."""
        return self.processes[service].address

    def pids(self, *names: str) -> list[int]:
        """Return the processes of some services, of all when none is named."""
        return [self.processes[name].pid for name in names or self.processes]

    def rows(self, service: str, query: str, **values: object) -> list[Any]:
        """Run a query as the owner of a service's database."""
        with psycopg.connect(libpq(self.databases[service].owner_url)) as db:
            return db.execute(query, values).fetchall()


class _Remote(World):
    """The tests' world, whose services are processes that run already."""

    __slots__ = ()

    def start(self, *_names: str) -> World:
        """Do nothing: they run."""
        return self

    def _heads(self) -> dict[str, int]:
        return {}


@contextmanager
def side(
    stage: Stage,
    *services: str,
    extra: Mapping[str, str] | None = None,
    words: Iterable[str] = (),
    database_port: int | None = None,
    spans: bool = False,
) -> Iterator[Side]:
    """Start some services against each other.

    Shape: services that are not named are one stand-in whose log never grows and who grants every
        credit. `words` go to each service's launcher; `database_port` leads through a relay; with
        `spans` what is traced is written to files.
    """
    own = {name: ports.choose() for name in services}
    found = {name: stage.database(name) for name in services}
    telemetry = stage.directory / "telemetry" / "-".join(str(port) for port in own.values())
    more = dict(extra or {}) | ({"MANTLE_TELEMETRY_DIRECTORY": str(telemetry)} if spans else {})
    world = _Remote(stage.directory, stage.database, stage.issuer, stage.clock)
    world.ports, world.databases = dict(own), dict(found)
    stand_in = stage.launch("stand_in", STAND_IN_THREADS, core=machine.client_core())
    peers = dict.fromkeys(SERVICES, stand_in.port) | own
    started: dict[str, Process] = {}
    try:
        for name in services:
            url = _through(found[name].app_url, database_port)
            settings = stage.environment(name, url, peers) | more
            started[name] = stage.launch(
                "service", name, *words, port=own[name], environment=settings
            )
        with stage.running(stand_in, *started.values()):
            yield Side(stage, found, started, world, telemetry, stand_in.port)
    finally:
        for channel in world.channels.values():
            channel.close()
        for process in (stand_in, *started.values()):
            process.stop()
        for database in found.values():
            stage.drop(database)


def _through(url: str, port: int | None) -> str:
    """Return a database's address, by way of another port if there is one."""
    return sa.make_url(url).set(port=port).render_as_string(False) if port else url


def settle(made: Side, *, within_s: float = 60.0) -> None:
    """Wait until every service of a side has applied all that its started peers have told."""
    deadline = time.monotonic() + within_s
    level = 0
    while level < 2:
        level = level + 1 if _is_settled(made) else 0
        if time.monotonic() > deadline:
            raise NotStarted(f"events were not applied within {within_s} s")
        _pause(SETTLE_POLL_S)


def _is_settled(made: Side) -> bool:
    heads = {}
    for name in made.processes:
        [(events, head)] = made.rows(
            name, "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM event_position)"
        )
        heads[name] = head if events == head else -1
    if -1 in heads.values():
        return False
    for name in made.processes:
        cursors = made.rows(
            name, "SELECT source, min(position) FROM subscription_cursor GROUP BY source"
        )
        if any(position < heads.get(source, 0) for source, position in cursors):
            return False
    return True
