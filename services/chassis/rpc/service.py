"""One process: what every service's `__main__` wires its capabilities into."""

import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import sqlalchemy as sa
from google.protobuf.descriptor import ServiceDescriptor
from mantle.events.v1 import event_log_service_pb2
from mantle.policy.v1 import policy_service_pb2
from mantle.process.v1 import process_service_pb2
from mantle.work.v1 import work_service_pb2

from chassis import telemetry
from chassis.audit import storage as audit
from chassis.clock import Clock, FileClock, SystemClock
from chassis.database import Database, Transaction
from chassis.errors import PermissionDenied
from chassis.events.applier import Applier, Handler
from chassis.events.domain import FactTable
from chassis.events.sequencer import Sequencer
from chassis.events.servicer import EventLogServicer
from chassis.events.subscription import Subscription
from chassis.events.watch import LogWatch
from chassis.lines import LineWriter, set_up_logs
from chassis.outcome import Outcome
from chassis.policy import usecases as policy
from chassis.policy.domain import PolicyKinds
from chassis.policy.servicer import PolicyServicer
from chassis.policy.wire import FACTS as POLICY_FACTS
from chassis.process import usecases as process
from chassis.process.servicer import ProcessServicer
from chassis.process.source import Definitions
from chassis.rpc import gauges, replies
from chassis.rpc.access import Tokens
from chassis.rpc.client import Peer, TokenFile
from chassis.rpc.door import Door
from chassis.rpc.gate import Gate
from chassis.rpc.methods import Method
from chassis.rpc.server import Limits, Server
from chassis.scope import Caller
from chassis.settings import Settings
from chassis.work.backdoor import BackDoor
from chassis.work.domain import Run
from chassis.work.runner import Runner, Step
from chassis.work.schedule import Schedule
from chassis.work.servicer import WorkServicer

SPARE_CONNECTIONS = 8
PURGE_PERIOD_S = 600.0
# A database that stands still for a moment must not turn a denial into an error of ours.
DENIAL_S = 5.0
RUN_POLL_S = 1.0
# Objects that are new, then rounds: python's own are 700, 10, 10.
GARBAGE_THRESHOLDS = (20_000, 20, 20)

log = logging.getLogger("mantle.service")


class Service:
    """Hold the parts that all capabilities of a process share, and run them.

    Shape: construct, `mount` the capabilities, `subscribe` to peers, then `run`. Public parts:
    `settings`, `database`, `clock`, `door`, `back_door`, `peers` (service name → Peer), `schedule`,
    `neighbours` (as `peers`, for systems beside the platform).
    """

    def __init__(self, settings: Settings, *, facts: FactTable) -> None:
        """Make the parts; nothing listens and nothing is read yet."""
        self.settings = settings
        set_up_logs(level=settings.log_level)
        self.lines = LineWriter(sys.stdout)
        self.telemetry = telemetry.set_up(
            settings.service,
            instance=settings.instance,
            directory=settings.telemetry_directory,
            endpoint=settings.telemetry_endpoint,
            sample_ratio=settings.trace_ratio,
        )
        self.clock: Clock = (
            FileClock(Path(settings.clock_file)) if settings.clock_file else SystemClock()
        )
        self.database = Database(
            settings.database_url,
            size=settings.concurrency + SPARE_CONNECTIONS,
            name=settings.service,
        )
        telemetry.trace_statements(self.database.engine, self.telemetry)
        direct = _libpq(settings.database_url)
        self.sequencer = Sequencer(direct)
        self.watch = LogWatch(direct)
        self.facts: FactTable = {**POLICY_FACTS, **facts}
        self.door = Door(
            self.database, facts=self.facts, clock=self.clock, committed=self.sequencer.poke
        )
        self.back_door = BackDoor(
            self.database,
            facts=self.facts,
            clock=self.clock,
            committed=self.sequencer.poke,
            telemetry=self.telemetry,
        )
        token = TokenFile(settings.service_token_file)
        self.peers: Mapping[str, Peer] = {
            name: Peer(name, address, token=token, measured=self.telemetry)
            for name, address in settings.peer_addresses.items()
        }
        self.neighbours: Mapping[str, Peer] = {
            name: Peer(name, address, token=token, measured=self.telemetry)
            for name, address in settings.neighbour_addresses.items()
        }
        self.schedule = Schedule(self.back_door)
        self._at_start: list[tuple[str, Callable[[Transaction], Outcome[object]]]] = []
        self._appliers: dict[str, Applier] = {}
        self._subscriptions: list[Subscription] = []
        self._stopping = threading.Event()
        self._server = self._served()

    def mount(self, service: ServiceDescriptor, servicer: object) -> None:
        """Serve a capability's contract."""
        self._server.mount(service, servicer)

    def mount_processes(self, directory: Path) -> Definitions:
        """Load this service's process definitions, publish them at the start and serve them."""
        definitions = Definitions.load(directory)

        def publish(tx: Transaction) -> Outcome[None]:
            process.publish(tx, definitions, at=self.clock.now())
            return Outcome(None)

        self.at_start("publish processes", publish)
        self.mount(
            service_named(process_service_pb2.DESCRIPTOR, "ProcessService"),
            ProcessServicer(self.door, definitions=definitions, clock=self.clock),
        )
        return definitions

    def mount_policies(
        self, kinds: PolicyKinds, directory: Path, *, changed: Callable[[], None] = lambda: None
    ) -> None:
        """Put default policies in force at the start, and serve the kinds that are owned here."""
        self.at_start(
            "default policies",
            lambda tx: policy.ensure_defaults(
                tx, directory=directory, kinds=kinds, at=self.clock.now()
            ),
        )
        self.mount(
            service_named(policy_service_pb2.DESCRIPTOR, "PolicyService"),
            PolicyServicer(
                self.door,
                kinds,
                clock=self.clock,
                zone=self.settings.time_zone,
                changed=changed,
            ),
        )

    def mount_runs(self, kinds: Mapping[str, Callable[[Run], Step]]) -> None:
        """Take long runs of these kinds forward, and serve their progress."""
        runner = Runner(self.back_door, kinds=kinds)
        self.schedule.loop("runs", RUN_POLL_S, runner.turn, at_stop=runner.release)
        self.mount(
            service_named(work_service_pb2.DESCRIPTOR, "WorkService"), WorkServicer(self.door)
        )

    def count(self, name: str, query: Callable[[Transaction], int], *, unit: str) -> None:
        """Tell how many of something there are, whenever metrics are exported."""
        gauges.count(self.telemetry.meter, name, query, database=self.database, unit=unit)

    def at_start(self, name: str, act: Callable[[Transaction], Outcome[object]]) -> None:
        """Do something in one transaction before listening; several pods may do it at once."""
        self._at_start.append((name, act))

    def subscribe(self, source: str, handlers: Iterable[Handler]) -> None:
        """Follow a peer's log; one call a peer, with the handlers of all capabilities."""
        applier = Applier(handlers, facts=self.facts, clock=self.clock, measured=self.telemetry)
        self._appliers[source] = applier
        self._subscriptions.append(
            Subscription(
                self.peers[source],
                self.database,
                applier,
                owner=self.settings.instance,
                committed=self.sequencer.poke,
            )
        )

    def start(self) -> int:
        """Begin to serve, and return the port."""
        for name, act in self._at_start:
            self.back_door.act(name, act)
        gauges.observe(
            self.telemetry.meter,
            database=self.database,
            clock=self.clock,
            subscriptions=self._subscriptions,
        )
        self.sequencer.start()
        self.watch.start()
        self.schedule.every("purge replies", PURGE_PERIOD_S, self._purge)
        self.schedule.start()
        for subscription in self._subscriptions:
            subscription.start()
        port = self._server.start(self.settings.listen_address, reflect=self.settings.reflection)
        self._server.ready(True)
        log.info("ready", extra={"service": self.settings.service, "port": port})
        return port

    def stop(self) -> None:
        """Leave in order: not ready, wait for the load balancer, end calls, end readers, close the
        pool."""
        self._server.ready(False)
        threading.Event().wait(self.settings.drain_wait_s)
        self.watch.stop()
        self._server.stop(self.settings.stop_grace_s)
        self.door.close()
        for subscription in self._subscriptions:
            subscription.stop()
        # Closing the channels ends the long polls, so that nobody waits for them.
        for peer in (*self.peers.values(), *self.neighbours.values()):
            peer.close()
        for subscription in self._subscriptions:
            subscription.join(timeout_s=5)
        self.schedule.stop()
        self.sequencer.stop()
        self.database.close()
        self.telemetry.stop()
        log.info("stopped", extra={"service": self.settings.service})
        self.lines.close()

    def run(self) -> None:
        """Serve until SIGTERM or SIGINT."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        self.start()
        _spare_the_loaded()
        self._stopping.wait()
        self.stop()

    @property
    def sources(self) -> list[str]:
        """Return the peers whose logs are followed."""
        return list(self._appliers)

    def applier_of(self, source: str) -> Applier:
        """Return what applies the facts of a peer."""
        return self._appliers[source]

    def _served(self) -> Server:
        tokens = Tokens(
            self.settings.token_keys_file,
            issuer=self.settings.token_issuer,
            audience=self.settings.token_audience,
        )
        gate = Gate(
            self.telemetry,
            tokens,
            concurrency=self.settings.concurrency,
            denied=self._denied,
            line=self.lines.write,
        )
        server = Server(
            gate, Limits(self.settings.concurrency, self.settings.message_size_bytes_max)
        )
        server.mount(
            service_named(event_log_service_pb2.DESCRIPTOR, "EventLogService"),
            EventLogServicer(self.door, self.watch, applier_of=self.applier_of, clock=self.clock),
            waiting=["ReadEvents"],
        )
        return server

    def _denied(self, method: Method, caller: Caller, refused: PermissionDenied) -> None:
        """Write a refusal down in a transaction of its own; the refused one left nothing."""
        with self.database.transaction(timeout_s=DENIAL_S) as tx:
            audit.record(tx, caller, method=method.short, outcome=refused.reason)

    def _purge(self, tx: Transaction) -> Outcome[bool]:
        purged = replies.purge(tx, older_than_days=self.settings.reply_keep_days)
        return Outcome(purged == replies.PURGE_BATCH)


def each(handlers: Iterable[Iterable[Handler]]) -> list[Handler]:
    """Join the handlers of several subscribers."""
    return [handler for some in handlers for handler in some]


def service_named(descriptor_file: object, name: str) -> ServiceDescriptor:
    """Return a service of a generated file's DESCRIPTOR by its short name."""
    found: ServiceDescriptor = descriptor_file.services_by_name[name]  # type: ignore[attr-defined]
    return found


def _spare_the_loaded() -> None:
    """Let the collector of garbage look at what calls leave behind, and less often; what is loaded
    at the start stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_THRESHOLDS)


def _libpq(url: str) -> str:
    """Return a SQLAlchemy address as libpq reads it."""
    return sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
