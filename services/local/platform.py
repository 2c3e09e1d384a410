"""The whole platform as one object: PostgreSQL, four databases, the four services, and a stand-in
for the neighbour system for production and supply.

The commands and the end-to-end tests use the same class. A service gets exactly the settings that
it gets in a cluster, from the environment. One platform at a time runs from a directory, which a
lock on a file holds.
"""

import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy.exc import DBAPIError

from chassis import migrate
from chassis.clock import FileClock
from chassis.settings import SERVICES
from local import errors, ports, processes
from local.places import Places
from local.postgres import EmbeddedPostgres
from local.progress import Progress
from local.service_process import ServiceProcess
from local.supply import SupplyStandIn
from local.tokens import AUDIENCE, ISSUER, LIFETIME, ROOT_UNIT_ID, TokenIssuer

__all__ = ["SERVICES", "Platform", "reset"]

SUPPLY = "supply"
READY_WAIT_S = 60.0
READY_POLL_S = 0.05
WATCH_POLL_S = 0.5
HOLDER_STOP_STEPS = ((signal.SIGTERM, 45.0), (signal.SIGKILL, 5.0))

SETTINGS = {
    "MANTLE_TIME_ZONE": "Asia/Shanghai",
    "MANTLE_CONCURRENCY": "16",
    "MANTLE_TOKEN_ISSUER": ISSUER,
    "MANTLE_TOKEN_AUDIENCE": AUDIENCE,
    "PYTHONUNBUFFERED": "1",
}


class Platform:
    """Run the platform from one directory.

    Shape: `extra` has further environment per service, over the usual; `preferred_ports` are taken
        when free. Data survives `stop`; with `durable` false it may be lost with the machine. Works
        as a context manager.
    """

    def __init__(
        self,
        places: Places | None = None,
        *,
        durable: bool = True,
        extra: Mapping[str, Mapping[str, str]] | None = None,
        preferred_ports: Mapping[str, int] | None = None,
        progress: Progress | None = None,
    ) -> None:
        """Prepare; nothing is written or started yet."""
        self.places = places or Places()
        self.postgres = EmbeddedPostgres(
            self.places.postgres, durable=durable, log=self.places.log("postgres")
        )
        self.clock = FileClock(self.places.clock)
        self._extra = extra or {}
        self._preferred_ports = preferred_ports or {}
        self._progress = progress or Progress()
        self._issuer = TokenIssuer(self.places.keys)
        self._services: dict[str, ServiceProcess] = {}
        self.supply = SupplyStandIn()
        self._lock: int | None = None

    def __enter__(self) -> Self:
        """Start."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Start everything and return when all four services are ready.

        Errors: LocalError and its kinds; what was started is stopped again.
        """
        self._hold()
        try:
            self._start()
        except OSError as error:
            self.stop()
            raise errors.of_system(error, self.places.directory) from error
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """End everything this object started, the services together and first."""
        running = {name: one.record() for name, one in self._services.items()}
        processes.stop([known for known in running.values() if known is not None])
        for service in self._services.values():
            service.forget()
        self._services = {}
        self.supply.stop()
        self.postgres.stop()
        self._release()

    def address(self, service: str) -> str:
        """Return `host:port` of a service."""
        return f"{ports.LOOPBACK}:{self._ports()[service]}"

    def token(
        self,
        role: str,
        *,
        unit_id: str = ROOT_UNIT_ID,
        subject: str = "",
        lifetime: timedelta = LIFETIME,
    ) -> str:
        """Return a fresh token of a person with one role, whose name is the default subject."""
        return self._issuer.mint(subject or role, [role], unit_id=unit_id, lifetime=lifetime)

    def database_url(self, service: str, role: str = "app") -> str:
        """Return the SQLAlchemy URL of a service's database; `role` is `app` or `owner`."""
        database = self.postgres.service_database(service)
        return database.owner_url if role == "owner" else database.app_url

    def kill(self, service: str) -> None:
        """End a service as a crash would."""
        self._services[service].kill()
        self._remember_processes()

    def restart(self, service: str) -> None:
        """End a service in order, start it again on the same port, and wait until it is ready."""
        running = self._services[service].record()
        processes.stop([running] if running is not None else [])
        self._services[service].forget()
        self._launch(service)
        self._await_ready([service])

    def watch(self) -> None:
        """Wait until a part of the platform ends by itself.

        Errors: ServiceFailed or LocalError then; it never returns otherwise.
        """
        while True:
            for service in self._services.values():
                service.require_alive()
            if not self.postgres.is_running():
                log = self.places.log("postgres")
                raise errors.PostgresFailed("running", errors.read_text(log))
            time.sleep(WATCH_POLL_S)

    def environment(self, service: str) -> dict[str, str]:
        """Return the settings that a service is started with.

        Errors: LocalError when the platform never started from this directory.
        """
        peers = {f"MANTLE_{name.upper()}_ADDRESS": self.address(name) for name in SERVICES}
        return {
            **SETTINGS,
            **peers,
            "MANTLE_NEIGHBOUR_ADDRESSES": f"{SUPPLY}={self.address(SUPPLY)}",
            "MANTLE_SERVICE": service,
            "MANTLE_DATABASE_URL": self.database_url(service),
            "MANTLE_LISTEN_ADDRESS": self.address(service),
            "MANTLE_TOKEN_KEYS_FILE": str(self._issuer.keys_file),
            "MANTLE_SERVICE_TOKEN_FILE": str(self.places.tokens / f"service-{service}"),
            "MANTLE_CLOCK_FILE": str(self.places.clock),
            "MANTLE_TELEMETRY_DIRECTORY": str(self.places.telemetry),
            **self._extra.get(service, {}),
        }

    def _start(self) -> None:
        processes.stop(processes.load(self.places.processes))
        for folder in (self.places.logs, self.places.telemetry):
            folder.mkdir(parents=True, exist_ok=True)
        with self._progress.stage("PostgreSQL"):
            self.postgres.start()
        with self._progress.stage("databases and roles"):
            for service in SERVICES:
                self.postgres.create_service_database(service)
        self._issuer.prepare()
        self._issuer.write_token_files(self.places.tokens, SERVICES)
        self._choose_ports()
        for service in SERVICES:
            # A service starts while the schemas of the next ones are still being made.
            with self._progress.stage(f"schema of {service}"):
                self._migrate(service)
            self.places.log(service).write_bytes(b"")
            self._launch(service)
        self.supply.start(self._ports()[SUPPLY])
        self._await_ready(SERVICES)

    def _migrate(self, service: str) -> None:
        try:
            migrate.upgrade(service, self.database_url(service, "owner"))
        except (DBAPIError, migrate.MigrationLockBusy) as error:
            raise errors.LocalError(f"the schema of {service} cannot be made: {error}") from error

    def _launch(self, service: str) -> None:
        # gRPC would send even calls to this machine through a proxy that the environment names.
        direct = ",".join(filter(None, (os.environ.get("no_proxy", ""), ports.LOOPBACK)))
        around = {**os.environ, "no_proxy": direct}
        process = ServiceProcess(
            service,
            address=self.address(service),
            environment=around | self.environment(service),
            log=self.places.log(service),
        )
        self._services[service] = process
        process.start()
        self._remember_processes()

    def _await_ready(self, services: tuple[str, ...] | list[str]) -> None:
        """Ask all in turn until each said yes once."""
        begin = time.monotonic()
        waiting = list(services)
        while waiting:
            for service in list(waiting):
                if self._services[service].is_ready():
                    waiting.remove(service)
                    self._progress.done(f"{service} ready", time.monotonic() - begin)
            if waiting and time.monotonic() - begin > READY_WAIT_S:
                raise self._services[waiting[0]].late(READY_WAIT_S)
            time.sleep(READY_POLL_S if waiting else 0)

    def _choose_ports(self) -> None:
        chosen: dict[str, int] = {}
        for service in (*SERVICES, SUPPLY):
            wanted = self._preferred_ports.get(service)
            chosen[service] = ports.choose(wanted, without=chosen.values())
        self.places.ports.write_text(json.dumps(chosen), encoding="utf-8")

    def _ports(self) -> dict[str, int]:
        try:
            known: dict[str, int] = json.loads(self.places.ports.read_bytes())
        except FileNotFoundError as error:
            raise errors.LocalError(
                f"no platform has started from {self.places.directory} yet; `./run up` starts one"
            ) from error
        return known

    def _remember_processes(self) -> None:
        known = (one.record() for one in self._services.values())
        processes.save(self.places.processes, [one for one in known if one is not None])

    def _hold(self) -> None:
        """Take the directory, or say that another platform has it."""
        try:
            self.places.directory.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.places.lock, os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._close_lock()
            raise errors.AlreadyRunning(self.places.directory) from error
        except OSError as error:
            raise errors.of_system(error, self.places.directory) from error
        own = processes.record("platform", os.getpid())
        processes.save(self.places.holder, [own] if own is not None else [])

    def _release(self) -> None:
        if self._lock is not None:
            for path in (self.places.processes, self.places.holder):
                path.unlink(missing_ok=True)
            self._close_lock()

    def _close_lock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def reset(directory: Path) -> None:
    """End whatever runs from a directory and remove all its data.

    Shape: ends only processes whose recorded pid and start time still agree.
    """
    places = Places(directory)
    processes.stop(processes.load(places.holder), HOLDER_STOP_STEPS)
    processes.stop(processes.load(places.processes))
    if places.directory.exists():
        EmbeddedPostgres(places.postgres).destroy()
        shutil.rmtree(places.directory)
