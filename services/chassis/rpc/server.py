"""The listening side: which handlers a process serves, on which threads, and how it stops.

Limits follow from one number. `concurrency` calls are admitted by the gate; a quarter more may wait
for it, each on a thread. Of the calls that are served in batches twice `concurrency` may be inside,
so that a crowd's next batch gathers while one is served and is no smaller. The turnstile refuses
the rest on the transport's own thread. One connection may have eight times `concurrency` under way,
and HTTP/2 turns more away unseen, so that a client that never tires cannot fill the transport's
queue. Health and waiting readers have threads of their own.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import grpc
from google.protobuf.descriptor import ServiceDescriptor
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from chassis.errors import Overloaded
from chassis.rpc.gate import Gate
from chassis.rpc.held import held, refusing, require_known_transport
from chassis.rpc.messages import is_in_batch
from chassis.rpc.methods import methods_of
from chassis.rpc.status import refusal
from chassis.rpc.turnstile import CallThreads, Places, RpcHandler, Turnstile

READERS_MAX = 64
HEALTH_THREADS = 2
WAITING_MIN = 2
STREAMS_MIN = 256
REFUSED_CODE = grpc.StatusCode.RESOURCE_EXHAUSTED.name
LIVE = "live"
READY = "ready"


class MethodNotServed(Exception):
    """The contract has an RPC that the servicer lacks."""


class PortTaken(Exception):
    """The address cannot be listened on."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Hold the sizes of a server."""

    concurrency: int
    message_size_bytes_max: int


class Server:
    """Serve capabilities behind a gate."""

    def __init__(self, gate: Gate, limits: Limits) -> None:
        """Prepare threads and health; nothing listens yet."""
        require_known_transport()
        self._gate = gate
        self._readers = ThreadPoolExecutor(READERS_MAX, thread_name_prefix="reader")
        self._names: list[str] = []
        waiting = max(WAITING_MIN, limits.concurrency // 4)
        self._thread_places = Places(limits.concurrency + waiting)
        self._batch_places = Places(limits.concurrency * 2)
        self._calls = CallThreads(self._thread_places)
        self._server = grpc.server(
            self._calls,
            options=[
                ("grpc.so_reuseport", 0),
                ("grpc.max_receive_message_length", limits.message_size_bytes_max),
                ("grpc.max_send_message_length", limits.message_size_bytes_max * 4),
                ("grpc.max_concurrent_streams", max(STREAMS_MIN, limits.concurrency * 8)),
                ("grpc.max_connection_age_ms", 300_000),
                ("grpc.max_connection_age_grace_ms", 60_000),
                ("grpc.server_handshake_timeout_ms", 5_000),
                ("grpc.http2.min_ping_interval_without_data_ms", 10_000),
                ("grpc.keepalive_permit_without_calls", 1),
            ],
        )
        full = refusing(refusal(Overloaded("the service has no place free; come back later")))
        self._turnstile = Turnstile(full=full, refused=self._refused)
        self._server.add_generic_rpc_handlers((self._turnstile,))
        self._health = health.HealthServicer(
            experimental_non_blocking=True,
            experimental_thread_pool=ThreadPoolExecutor(
                HEALTH_THREADS, thread_name_prefix="health"
            ),
        )
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._server)

    def mount(
        self, service: ServiceDescriptor, servicer: object, *, waiting: Iterable[str] = ()
    ) -> None:
        """Serve every RPC of a contract; those named in `waiting` get threads of their own and no
        admission.

        Errors: MethodNotServed; AccessMissing.
        """
        for method in methods_of(service):
            act: Callable[..., Any] | None = getattr(servicer, method.short, None)
            if act is None:
                raise MethodNotServed(method.name)
            path = f"/{method.name}"
            if is_in_batch(act):
                taken = held(self._batch_places, self._gate.admit(method, act))
                self._turnstile.serve(path, taken, places=self._batch_places)
                continue
            serve = self._gate.wrap(method, act, admission=method.short not in waiting)
            handler: RpcHandler = grpc.unary_unary_rpc_method_handler(serve)
            if method.short in waiting:
                serve.experimental_thread_pool = self._readers  # type: ignore[attr-defined]
                self._turnstile.serve(path, handler, places=None)
            else:
                self._turnstile.serve(path, handler, places=self._thread_places)
        self._names.append(service.full_name)

    def start(self, address: str, *, reflect: bool) -> int:
        """Listen, and return the port.

        Errors: PortTaken.
        """
        if reflect:
            names = [*self._names, health.SERVICE_NAME, reflection.SERVICE_NAME]
            reflection.enable_server_reflection(names, self._server)
        try:
            port = self._server.add_insecure_port(address)
        except RuntimeError as error:
            raise PortTaken(f"cannot listen on {address}") from error
        self._server.start()
        self._health.set(LIVE, health_pb2.HealthCheckResponse.SERVING)
        return port

    def ready(self, is_ready: bool) -> None:
        """Tell probes and load balancers whether to send calls here."""
        state = (
            health_pb2.HealthCheckResponse.SERVING
            if is_ready
            else health_pb2.HealthCheckResponse.NOT_SERVING
        )
        for name in [READY, "", *self._names]:
            self._health.set(name, state)

    def stop(self, grace_s: float) -> None:
        """Refuse new calls, answer running ones within the grace, and return when all have ended.

        A handler outlives its caller, but never its own deadline, so the wait has an end.
        """
        self._server.stop(grace_s).wait(grace_s + 1)
        self._calls.shutdown(cancel_futures=True)
        self._readers.shutdown(cancel_futures=True)

    def _refused(self, method: str) -> None:
        self._gate.meter.record((method, REFUSED_CODE, Overloaded.reason), 0.0)
