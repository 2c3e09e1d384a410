"""Calls to the other services: one channel a peer for the life of the process, deadlines handed
down, ids derived.

Asking while a transaction is open is refused: rows would stay locked over a network call.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from opentelemetry.trace import SpanKind

from chassis import telemetry
from chassis.database import open_transaction
from chassis.errors import DeadlineExceeded, Overloaded, PeerUnavailable
from chassis.faults import seam
from chassis.rpc.call import ACTOR_KEY, DEADLINE_S_MIN, current_call
from chassis.rpc.methods import Method, method_of
from chassis.rpc.status import PeerRefused, read_details
from chassis.rpc.throttle import Throttle

R = TypeVar("R", bound=Message)
_Stub = Callable[..., Any]

BACKGROUND_DEADLINE_S = 5.0
TOKEN_CHECK_S = 5.0
UNANSWERED = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED})

# Whoever is about to leave is not ready first, and no longer called. A call that reaches it all the
# same comes back as CANCELLED, and nobody has looked at it (grpc/grpc#41785).
SERVICE_CONFIG = json.dumps(
    {
        "loadBalancingConfig": [{"round_robin": {}}],
        "healthCheckConfig": {"serviceName": ""},
        "methodConfig": [
            {
                "name": [{}],
                "retryPolicy": {
                    "maxAttempts": 3,
                    "initialBackoff": "0.05s",
                    "maxBackoff": "0.5s",
                    "backoffMultiplier": 2,
                    "retryableStatusCodes": ["UNAVAILABLE", "CANCELLED"],
                },
            }
        ],
        "retryThrottling": {"maxTokens": 20, "tokenRatio": 0.2},
    }
)

CHANNEL_OPTIONS = [
    ("grpc.service_config", SERVICE_CONFIG),
    ("grpc.keepalive_time_ms", 30_000),
    ("grpc.keepalive_timeout_ms", 5_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    ("grpc.initial_reconnect_backoff_ms", 200),
]


class AskedInTransaction(Exception):
    """A peer was asked while a transaction was open; that is a mistake of ours."""


class TokenFile:
    """Read this service's own token from a file that the platform renews."""

    def __init__(self, path: str) -> None:
        """Take the file's path; it is read at the first call."""
        self._path = Path(path)
        self._token = ""
        self._read_s = float("-inf")

    def __call__(self) -> str:
        """Return the token, read again after 5 s."""
        if time.monotonic() - self._read_s > TOKEN_CHECK_S:
            self._token = self._path.read_text().strip()
            self._read_s = time.monotonic()
        return self._token


class Peer:
    """Speak to one service.

    Shape: `name` is the service's name, `address` a gRPC target.
    """

    def __init__(
        self,
        name: str,
        address: str,
        *,
        token: Callable[[], str],
        measured: telemetry.Telemetry,
    ) -> None:
        """Open the channel; it connects at the first call."""
        self.name = name
        self._address = address
        self._token = token
        self._telemetry = measured
        self._channel = grpc.insecure_channel(address, options=CHANNEL_OPTIONS)
        self._throttle = Throttle()
        self._stubs: dict[type[Message], tuple[Method, _Stub]] = {}

    def ask(self, request: Message, _response: type[R], *, deadline_s: float | None = None) -> R:
        """Call the RPC that takes this request.

        Shape: a write without `request_id` gets the one derived from the current call.
        Units: `deadline_s` at most; never more than what is left of the current call.
        Errors: PeerUnavailable, DeadlineExceeded, PeerRefused (to be translated in `peers.py`),
        AskedInTransaction.
        """
        if open_transaction.get():
            raise AskedInTransaction(type(request).__name__)
        left_s = self._left_s(deadline_s)
        if not self._throttle.admit():
            raise Overloaded(f"{self.name} refuses most calls, so this one was not sent")
        method, stub = self._stub(type(request))
        self._identify(method, request)
        parent = telemetry.traceparent()
        with telemetry.continued_span(
            self._telemetry,
            method.name,
            parent=parent,
            kind=SpanKind.CLIENT,
            # Asking that nobody asked for, as the readers of logs do all day, is not worth a trace.
            ratio=None if parent else 0.0,
        ) as span:
            span.set_attribute("rpc.system.name", "grpc")
            span.set_attribute("rpc.method", method.name)
            span.set_attribute("server.address", self._address)
            seam(method.short, "before_send")
            try:
                answer: R = stub(
                    request, timeout=left_s, metadata=self._metadata(), wait_for_ready=False
                )
            except grpc.RpcError as error:
                span.set_attribute("rpc.response.status_code", error.code().name)
                raise self._translated(error) from error
            self._throttle.accepted()
            span.set_attribute("rpc.response.status_code", "OK")
            seam(method.short, "after_reply")
            return answer

    def close(self) -> None:
        """Close the channel; only at the end of the process."""
        self._channel.close()

    def _stub(self, request: type[Message]) -> tuple[Method, _Stub]:
        known = self._stubs.get(request)
        if known is None:
            method = method_of(request)
            stub = self._channel.unary_unary(
                f"/{method.name}",
                request_serializer=request.SerializeToString,
                response_deserializer=method.response.FromString,
            )
            known = self._stubs[request] = (method, stub)
        return known

    def _left_s(self, deadline_s: float | None) -> float:
        call = current_call.get()
        limit_s = BACKGROUND_DEADLINE_S if call is None else call.left_s()
        if limit_s < DEADLINE_S_MIN:
            # It would refuse at once, and has better things to do.
            raise DeadlineExceeded(f"too little time is left to ask {self.name}")
        return limit_s if deadline_s is None else min(deadline_s, limit_s)

    def _identify(self, method: Method, request: Message) -> None:
        call = current_call.get()
        if method.writes and call is not None and not getattr(request, "request_id", "set"):
            request.request_id = call.next_request_id(method.name)  # type: ignore[attr-defined]

    def _metadata(self) -> tuple[tuple[str, str | bytes], ...]:
        call = current_call.get()
        metadata: list[tuple[str, str | bytes]] = [
            ("authorization", f"Bearer {self._token()}"),
            ("traceparent", telemetry.traceparent()),
        ]
        if call is not None:
            metadata.append((ACTOR_KEY, call.caller.actor.encode()))
        return tuple(metadata)

    def _translated(self, error: grpc.RpcError) -> Exception:
        code = error.code()
        reason, metadata = read_details(error.trailing_metadata())
        if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
            self._throttle.refused()
            return Overloaded(f"{self.name} has no place free; come back later")
        if code not in UNANSWERED:
            self._throttle.accepted()
        if code is grpc.StatusCode.DEADLINE_EXCEEDED and current_call.get() is not None:
            return DeadlineExceeded(f"{self.name} did not answer within the deadline")
        if code in UNANSWERED or not reason:
            return PeerUnavailable(self.name)
        return PeerRefused(self.name, reason, message=error.details() or "", metadata=metadata)
