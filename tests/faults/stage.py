"""The whole platform as real processes in a directory of its own, and the means to break it.

It takes the place of `tests.support.server.World` for the arrange functions: `call`, `rows`,
`clock`. Every wait has a limit and says what it waited for; whatever was started is ended.
"""

import os
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import grpc
import psycopg
from google.protobuf.message import Message

from chassis.rpc.client import UNANSWERED
from chassis.rpc.methods import Method, method_of
from chassis.rpc.status import read_details
from chassis.settings import SERVICES
from local import ports, processes
from local.places import REPOSITORY, Places
from local.platform import SETTINGS, Platform
from local.postgres import EmbeddedPostgres
from local.service_process import ServiceProcess
from tests.faults.journal import Journal
from tests.support.server import ROOT_UNIT, START, Refused, libpq, service_of, with_request_id
from tests.support.waiting import until

ZONE: Final = ZoneInfo(SETTINGS["MANTLE_TIME_ZONE"])
DIRECTORY = REPOSITORY / "build" / "faults"
SOURCE = REPOSITORY / "services"
CALL_S = 20.0
CALLS_MAX = 3
SETTLE_S = 30.0
SETTLE_LOOK_S = 0.1
CHANNEL_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 50),
    ("grpc.min_reconnect_backoff_ms", 50),
    ("grpc.max_reconnect_backoff_ms", 200),
)

# What the log does not show: settlement asks planning for what becomes of a budget.
UNTOLD = "SELECT count(*) FROM expense WHERE budget_state NOT IN (budget_wanted, 'LOST')"

Plant = Callable[[Path], None]


@dataclass(frozen=True, slots=True)
class Second:
    """Hold a further process of a service and its address."""

    process: ServiceProcess
    address: str

    def terminate(self) -> None:
        """Ask it to leave in order, and wait until it has left."""
        known = self.process.record()
        assert known is not None, "it left by itself"
        os.kill(known.pid, signal.SIGTERM)
        until(lambda: self.process.record() is None, "the second process to leave", within_s=30)


class Stage:
    """Run the platform from a fresh directory.

    Shape: the services run from a copy of their source, so that an edit disturbs no run; `plant`
        may change the copy. The marks are the harness's own journal: what it broke and when it was
        whole again.
    """

    def __init__(self, name: str, *, plant: Plant | None = None) -> None:
        """Throw away what an earlier run left under this name; nothing is started yet."""
        self.directory = DIRECTORY / name
        _clear(self.directory)
        source = self.directory / "services"
        shutil.copytree(SOURCE, source, ignore=shutil.ignore_patterns("__pycache__"))
        if plant is not None:
            plant(source)
        self.journals = self.directory / "journals"
        self.marks = Journal(self.journals / "marks.jsonl")
        self._fault_file = self.directory / "fault"
        around = {
            "MANTLE_FAULT": f"@{self._fault_file}",
            # A moment in which callers see that a process is not ready any more, as in a cluster.
            "MANTLE_DRAIN_WAIT_S": "0.5",
            "MANTLE_STOP_GRACE_S": "5",
            # Before the real tree, which set-up put on the path.
            "PYTHONPATH": str(source),
        }
        self.places = Places(self.directory / "platform")
        self.platform = Platform(self.places, extra=dict.fromkeys(SERVICES, around))
        self.clock = self.platform.clock
        self._channels: dict[str, grpc.Channel] = {}
        self._databases: dict[str, psycopg.Connection] = {}
        self._lock = threading.Lock()
        self._seconds: list[ServiceProcess] = []
        self._never = threading.Event()

    def start(self, *_services: str) -> None:
        """Start everything, or do nothing when it runs."""
        if not self._channels:
            self.places.directory.mkdir(parents=True, exist_ok=True)
            self.clock.set(START)
            self.platform.start()
            for service in SERVICES:
                self._channels[service] = channel(self.platform.address(service))

    def stop(self) -> None:
        """End everything that was started."""
        for one in self._channels.values():
            one.close()
        for second in self._seconds:
            second.kill()
        for database in self._databases.values():
            database.close()
        self.platform.stop()
        self.marks.close()

    def call(
        self,
        request: Message,
        *,
        role: str = "",
        unit_id: str = ROOT_UNIT,
        service: str = "",
        **_: object,
    ) -> Any:
        """Send a request as a person of a role and return the answer.

        Shape: what nobody answers, because its connection ended, is sent again with the same id.
        Errors: Refused.
        """
        method = method_of(type(request))
        data = with_request_id(request).SerializeToString()
        metadata = self.identity(role or sorted(method.roles)[0], unit_id)
        stub = self.stub(method, service)
        for left in reversed(range(CALLS_MAX)):
            try:
                reply = stub(data, timeout=CALL_S, metadata=metadata, wait_for_ready=True)
                return method.response.FromString(reply)
            except grpc.RpcError as error:
                if left and error.code() in UNANSWERED:
                    continue
                reason, found = read_details(error.trailing_metadata())
                raise Refused(
                    error.code(), reason, message=error.details() or "", metadata=found
                ) from None
        raise AssertionError("the last call returns or raises")

    def stub(self, method: Method, service: str = "") -> Any:
        """Return the function that sends bytes to an RPC."""
        return self._channels[service or service_of(method)].unary_unary(f"/{method.name}")

    def identity(self, role: str, unit_id: str = ROOT_UNIT) -> tuple[tuple[str, str], ...]:
        """Return the metadata of a person with a role."""
        token = self.platform.token(role, unit_id=unit_id, subject=f"{role}@{unit_id}")
        return (("authorization", f"Bearer {token}"),)

    @property
    def today(self) -> date:
        """Return the day that the company has."""
        return self.clock.today(ZONE)

    def rows(self, service: str, query: str, **values: object) -> list[Any]:
        """Run a query as the owner of a service's database and return its rows."""
        with self._lock:
            try:
                return self._database(service).execute(query, values or None).fetchall()
            except psycopg.OperationalError:
                # The server was broken meanwhile; a second failure is the caller's.
                self._databases.pop(service).close()
                return self._database(service).execute(query, values or None).fetchall()

    def change(self, service: str, statement: str, **values: object) -> int:
        """Run a statement as the owner of a service's database; return how many rows it changed."""
        with self._lock:
            return self._database(service).execute(statement, values or None).rowcount

    def _database(self, service: str) -> psycopg.Connection:
        if service not in self._databases:
            self._databases[service] = psycopg.connect(
                libpq(self.platform.database_url(service, "owner")),
                autocommit=True,
                prepare_threshold=None,
            )
        return self._databases[service]

    # Breaking and mending.

    def arm(self, *faults: str) -> None:
        """Arm seams in the running processes, and disarm all others."""
        fresh = self._fault_file.with_suffix(".new")
        fresh.write_text(" ".join(faults))
        fresh.replace(self._fault_file)

    def pid(self, service: str) -> int | None:
        """Return the process id of a service, or None when it is dead."""
        for known in processes.load(self.places.processes):
            if known.name == service and processes.is_alive(known):
                return known.pid
        return None

    def dead(self) -> list[str]:
        """Return the services that do not run."""
        return [service for service in SERVICES if self.pid(service) is None]

    def kill(self, service: str) -> None:
        """End a service as a crash would."""
        self.marks.write("killed", service=service)
        self.platform.kill(service)

    def revive(self, *services: str, hurry: bool = True) -> None:
        """Start services that died, and wait until they are ready.

        Shape: in a hurry the leases of the dead run out at once, instead of in ten seconds.
        """
        for service in services:
            if hurry:
                self.expire_leases(service)
            self.platform.restart(service)
            self.marks.write("healed", service=service)

    def expire_leases(self, service: str) -> None:
        """Let what a service's processes hold run out now, as ten seconds would."""
        self.change(service, "UPDATE subscription_cursor SET lease_until = now() - interval '1 s'")
        self.change(service, "UPDATE subscription_member SET until = now() - interval '1 s'")

    def crash_postgres(self) -> None:
        """End the database server as a power cut would."""
        self.marks.write("killed", service="postgres")
        self.platform.postgres.kill()

    def revive_postgres(self) -> None:
        """Start the database server again; it recovers from its log."""
        self.platform.postgres.start()
        self.marks.write("healed", service="postgres")

    def second(self, service: str) -> "Second":
        """Start a second process of a service, on a port of its own, and wait until it is ready."""
        address = f"{ports.LOOPBACK}:{ports.choose()}"
        around = {
            **os.environ,
            "no_proxy": ports.LOOPBACK,
            **self.platform.environment(service),
            "MANTLE_LISTEN_ADDRESS": address,
        }
        log = self.places.log(f"{service}-second")
        made = ServiceProcess(service, address=address, environment=around, log=log)
        self._seconds.append(made)
        made.start()
        until(made.is_ready, f"the second {service} to be ready", within_s=60)
        return Second(made, address)

    def terminate(self, service: str) -> None:
        """Ask a service to leave in order, and wait until it has left."""
        pid = self.pid(service)
        assert pid is not None, f"{service} does not run"
        self.marks.write("terminated", service=service)
        os.kill(pid, signal.SIGTERM)
        until(lambda: self.pid(service) is None, f"{service} to leave", within_s=30)

    # Rest.

    def settle(self, *, within_s: float = SETTLE_S) -> None:
        """Wait until every log is numbered and every reader stands at its end."""
        seen: list[str] = []

        def is_settled() -> bool:
            # A look is eight queries, which those who work could use themselves.
            self._never.wait(SETTLE_LOOK_S)
            before = self._heads()
            seen[:] = [*self._behind(before)] or [*self._behind(self._heads())]
            return not seen

        deadline_s = time.monotonic() + within_s
        with suppress(AssertionError):
            until(is_settled, "rest", within_s=within_s)
        assert time.monotonic() < deadline_s, f"after {within_s} s: {', '.join(seen)}"

    def _heads(self) -> dict[str, tuple[int, int]]:
        query = "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM event_position)"
        return {service: self.rows(service, query)[0] for service in SERVICES}

    def _behind(self, heads: Mapping[str, tuple[int, int]]) -> Iterator[str]:
        for service, (events, numbered) in heads.items():
            if events != numbered:
                yield f"{service} has numbered {numbered} of {events} events"
        for service in SERVICES:
            for source, position in self.rows(
                service, "SELECT source, min(position) FROM subscription_cursor GROUP BY source"
            ):
                if position < heads[source][1]:
                    yield f"{service} stands at {position} of {heads[source][1]} of {source}"
        [(expenses,)] = self.rows("settlement", UNTOLD)
        if expenses:
            yield f"settlement has not told planning of {expenses} expenses"


@contextmanager
def staged(name: str, *, plant: Plant | None = None) -> Iterator[Stage]:
    """Run a platform for a while."""
    stage = Stage(name, plant=plant)
    try:
        stage.start()
        yield stage
    finally:
        stage.stop()


def channel(address: str, *options: tuple[str, object]) -> grpc.Channel:
    """Return a channel without retries of its own, so that a client sees every failure."""
    return grpc.insecure_channel(
        address, options=[*CHANNEL_OPTIONS, ("grpc.enable_retries", 0), *options]
    )


def _clear(directory: Path) -> None:
    """Throw away an earlier run; its processes are gone, or are ended by their records."""
    processes.stop(processes.load(Places(directory / "platform").processes))
    if directory.exists():
        EmbeddedPostgres(Places(directory / "platform").postgres).destroy()
        shutil.rmtree(directory)
    directory.mkdir(parents=True)
