"""The real services in this process: their own `build`, real tokens, real PostgreSQL, real gRPC.

A test takes `world` and calls any service's RPC by its request message. Services start when first
called; peers find each other because every service gets its port before any starts.
"""

import copy
import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import grpc
import psycopg
import pytest
import sqlalchemy as sa
from google.protobuf.message import Message

from chassis.clock import FileClock
from chassis.ids import new_id
from chassis.rpc.methods import Method, method_of
from chassis.rpc.service import Service
from chassis.rpc.status import read_details
from chassis.settings import SERVICES, Settings
from local.databases import ServiceDatabase
from local.supply import SupplyStandIn
from local.tokens import AUDIENCE, ISSUER, TokenIssuer
from tests.support import listening
from tests.support.books import check_books
from tests.support.postgres import SharedPostgres, fresh_databases
from tests.support.spans import read_spans
from tests.support.waiting import until

ROOT_UNIT = "hq"
START = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
CALL_S = 20.0


class Refused(Exception):
    """An answer that is not OK, as a client sees it."""

    def __init__(
        self, code: grpc.StatusCode, reason: str, *, message: str, metadata: dict[str, str]
    ) -> None:
        """Keep what the status and its details said."""
        super().__init__(f"{code.name} {reason}: {message}")
        self.code = code
        self.reason = reason
        self.message = message
        self.metadata = metadata


@dataclass(slots=True)
class World:
    """All services a test needs, started when first called.

    Shape: `call` sends a request to the RPC that takes it, as a person with a role and a unit.
    """

    directory: Path
    database_for: Callable[[str], ServiceDatabase]
    issuer: TokenIssuer
    clock: FileClock
    concurrency: int = 16
    trace_ratio: float = 1.0
    databases: dict[str, ServiceDatabase] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)
    channels: dict[str, grpc.Channel] = field(default_factory=dict)
    databases_open: dict[str, psycopg.Connection] = field(default_factory=dict)
    rows_lock: threading.Lock = field(default_factory=threading.Lock)
    supply: SupplyStandIn = field(default_factory=SupplyStandIn)
    supply_port: int = 0

    def call(  # the parts of a call, each with a name
        self,
        request: Message,
        *,
        role: str = "",
        unit_id: str = ROOT_UNIT,
        subject: str = "",
        service: str = "",
        timeout_s: float = CALL_S,
    ) -> Any:
        """Send a request as a person; an empty role takes the first that the contract allows.

        Shape: a write without `request_id` gets a new one. `service` names who is asked where
            several serve the RPC.
        Errors: Refused.
        """
        method = method_of(type(request))
        role = role or sorted(method.roles or {"planning"})[0]
        data = self.call_raw(
            method,
            with_request_id(request).SerializeToString(),
            token=self.token(role, unit_id=unit_id, subject=subject),
            service=service,
            timeout_s=timeout_s,
        )
        return method.response.FromString(data)

    def call_raw(
        self,
        method: Method,
        data: bytes,
        *,
        token: str | None,
        service: str = "",
        timeout_s: float = CALL_S,
    ) -> bytes:
        """Send bytes to an RPC and return the reply's bytes.

        Errors: Refused.
        """
        channel = self.channel(service or service_of(method))
        stub = channel.unary_unary(f"/{method.name}", _same, _same)
        metadata = () if token is None else (("authorization", f"Bearer {token}"),)
        try:
            return bytes(stub(data, timeout=timeout_s, metadata=metadata, wait_for_ready=True))
        except grpc.RpcError as error:
            reason, found = read_details(error.trailing_metadata())
            raise Refused(
                error.code(), reason, message=error.details() or "", metadata=found
            ) from None

    def token(self, role: str, *, unit_id: str = ROOT_UNIT, subject: str = "") -> str:
        """Return a token of a person who has one role in one unit."""
        subject = subject or f"{role}@{unit_id}"
        return self.issuer.mint(subject, [role], unit_id="" if role == "service" else unit_id)

    def channel(self, service: str) -> grpc.Channel:
        """Return the channel to a service, which is started now if it does not run."""
        self.start(service)
        if service not in self.channels:
            self.channels[service] = grpc.insecure_channel(f"127.0.0.1:{self.port(service)}")
        return self.channels[service]

    def port(self, service: str) -> int:
        """Return where a service listens, or will once it is started."""
        if service not in self.ports:
            self.ports[service] = listening.choose()
        return self.ports[service]

    def start(self, *names: str) -> "World":
        """Start services by name; one that runs is left alone."""
        for name in names:
            if name not in self.services:
                service: Service = importlib.import_module(f"{name}.__main__").build(
                    self.settings(name)
                )
                service.start()
                self.services[name] = service
        return self

    def database(self, service: str) -> ServiceDatabase:
        """Return a service's own database, fresh for this test."""
        if service not in self.databases:
            self.databases[service] = self.database_for(service)
        return self.databases[service]

    def settle(self, *, within_s: float = 20.0) -> None:
        """Wait until every started service has applied all that its started peers have told."""
        until(self._is_settled, f"all events applied within {within_s} s", within_s=within_s)

    def stop(self) -> None:
        """Stop everything that was started."""
        for channel in self.channels.values():
            channel.close()
        for service in reversed(list(self.services.values())):
            service.stop()
            # Its thread would go on looking for spans as long as the tests run.
            service.telemetry.traces.shutdown()
        for database in self.databases_open.values():
            database.close()
        self.supply.stop()

    def rows(self, service: str, query: str, **values: object) -> list[Any]:
        """Run a query as the owner of a service's database and return its rows."""
        with self.rows_lock:
            if service not in self.databases_open:
                # Kept open, because settling asks many times and a login costs more than a query.
                self.databases_open[service] = psycopg.connect(
                    libpq(self.database(service).owner_url),
                    autocommit=True,
                    prepare_threshold=None,
                )
            return self.databases_open[service].execute(query, values).fetchall()

    def spans(self) -> list[dict[str, Any]]:
        """Return all spans that have ended; the one of a reply or an effect may still be open."""
        for service in self.services.values():
            service.telemetry.traces.force_flush()
        return list(read_spans(self.directory / "telemetry"))

    def _is_settled(self) -> bool:
        """Tell whether twice in a row every log is numbered and every cursor stands at its end."""
        before = self._heads()
        return self._cursors_at(before) and self._heads() == before

    def _heads(self) -> dict[str, int]:
        heads = {}
        for name in self.services:
            [(events, head)] = self.rows(
                name, "SELECT (SELECT count(*) FROM event), (SELECT count(*) FROM event_position)"
            )
            heads[name] = head if events == head else -1
        return heads

    def _cursors_at(self, heads: dict[str, int]) -> bool:
        if -1 in heads.values():
            return False
        for name, service in self.services.items():
            read = {
                source: position
                for source, position in self.rows(
                    name, "SELECT source, min(position) FROM subscription_cursor GROUP BY source"
                )
            }
            wanted = [source for source in service.sources if source in heads]
            if any(read.get(source, -1) < heads[source] for source in wanted):
                return False
        return True

    def settings(self, name: str) -> Settings:
        """Return the settings that a service of this world runs with."""
        token_file = self.directory / f"{name}.token"
        token_file.write_text(self.issuer.mint(name, ["service"]))
        return Settings(
            service=name,
            instance=f"{name}-test",
            database_url=self.database(name).app_url,
            listen_address=f"127.0.0.1:{self.port(name)}",
            peer_addresses={
                peer: f"127.0.0.1:{self.port(peer)}" for peer in SERVICES if peer != name
            },
            neighbour_addresses={"supply": f"127.0.0.1:{self.supply_port}"},
            token_keys_file=str(self.issuer.keys_file),
            token_issuer=ISSUER,
            token_audience=AUDIENCE,
            service_token_file=str(token_file),
            time_zone=ZoneInfo("Asia/Shanghai"),
            clock_file=str(self.directory / "clock.json"),
            concurrency=self.concurrency,
            stop_grace_s=1.0,
            reflection=False,
            trace_ratio=self.trace_ratio,
            telemetry_directory=str(self.directory / "telemetry"),
            log_level="WARNING",
        )


def with_request_id(request: Message) -> Message:
    """Return the request with a new `request_id` where it has none."""
    if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:  # type: ignore[attr-defined]
        request = copy.deepcopy(request)
        request.request_id = new_id()  # type: ignore[attr-defined]
    return request


def libpq(url: str) -> str:
    """Return a SQLAlchemy address as psycopg reads it."""
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def service_of(method: Method) -> str:
    """Return the service that an RPC of a service's own package belongs to."""
    package = method.name.split(".")[1]
    assert package in SERVICES, f"{method.name} is served by several services: name one"
    return package


def _same(data: bytes) -> bytes:
    return data


@contextmanager
def opened_world(
    directory: Path, database_for: Callable[[str], ServiceDatabase], issuer: TokenIssuer
) -> Iterator[World]:
    """Give a world of its own clock and databases, and stop what was started in it."""
    clock = FileClock(directory / "clock.json")
    clock.set(START)
    made = World(directory, database_for, issuer, clock)
    made.supply_port = made.supply.start()
    try:
        yield made
    finally:
        made.stop()
        if "settlement" in made.databases:
            check_books(made.databases["settlement"])


@pytest.fixture
def world(
    tmp_path: Path, database_for: Callable[[str], ServiceDatabase], token_issuer: TokenIssuer
) -> Iterator[World]:
    """Give a test the four services, each started when first called."""
    with opened_world(tmp_path, database_for, token_issuer) as made:
        yield made


@pytest.fixture(scope="module")
def whole_world(
    tmp_path_factory: pytest.TempPathFactory,
    shared_postgres: SharedPostgres,
    token_issuer: TokenIssuer,
) -> Iterator[World]:
    """Give all tests of a module the four services, running and knowing each other's units.

    Shape: a test may only touch what it arranged itself.
    """
    with (
        fresh_databases(shared_postgres) as database_for,
        opened_world(tmp_path_factory.mktemp("world"), database_for, token_issuer) as made,
    ):
        # Its tests make tens of thousands of calls; what spans hold is tested elsewhere.
        made.trace_ratio = 0.0
        made.start(*SERVICES)
        made.settle()
        yield made


@pytest.fixture(scope="session")
def token_issuer(tmp_path_factory: pytest.TempPathFactory) -> TokenIssuer:
    """Give the session one signing key."""
    issuer = TokenIssuer(tmp_path_factory.mktemp("keys"))
    issuer.prepare()
    return issuer
