"""Calls that wait, or are refused, without a thread of their own.

gRPC's synchronous server parks a thread for every call until its answer is there, and moves the
message to that thread and back. A call that is served in a batch needs none: here the thread that
takes calls from the transport also takes their messages, and whoever has the answer sends it. A
call without a place is refused by that thread at once, whatever its RPC.

This is the one module that uses private parts of grpcio. They are those of one release, so another
one stops the start; whoever raises the release runs `test_held.py` and then changes KNOWN.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc
from grpc import _server
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from chassis.rpc.status import DETAILS_KEY, Refusal, refusal
from chassis.rpc.turnstile import Places, RpcHandler

KNOWN = "1.85."
_MESSAGE = "receive_message"
_NO_FLAGS = 0

Metadata = tuple[tuple[str, str | bytes], ...]

log = logging.getLogger(__name__)

_DONE: Future[Any] = Future()
_DONE.set_result(None)


class TransportChanged(Exception):
    """Another release of grpcio is installed than the one that this module was tried with."""


def require_known_transport() -> None:
    """Refuse to start with a grpcio that nobody has tried this module with.

    Errors: TransportChanged.
    """
    if not grpc.__version__.startswith(KNOWN):
        raise TransportChanged(f"grpcio is {grpc.__version__}, tried was {KNOWN}x")


class HeldCall:
    """One call that has arrived: its message, and the one chance to answer it.

    Shape: `deadline_s` on the clock of `time.time`, far away where the caller set none; `arrived_s`
        on the monotonic clock. Answered from any thread; an answer to a caller that has gone is
        dropped.
    """

    __slots__ = ("_event", "_places", "_state", "arrived_s", "request")

    def __init__(self, event: Any, state: Any, request: bytes, *, places: Places) -> None:
        """Keep what the answer needs."""
        self._event = event
        self._state = state
        self._places = places
        self.request = request
        self.arrived_s = time.monotonic()

    @property
    def metadata(self) -> Metadata:
        """Return what the caller sent beside the message."""
        found: Metadata = self._event.invocation_metadata
        return found

    def left_s(self) -> float:
        """Return the seconds that are left until the caller's deadline; negative when it is
        over."""
        deadline_s: float = self._event.call_details.deadline
        return deadline_s - time.time()

    def is_active(self) -> bool:
        """Tell whether somebody still waits for the answer."""
        return bool(_server._is_rpc_state_active(self._state))

    def reply(self, message: bytes) -> None:
        """Send the answer."""
        self._end(message)

    def refuse(self, answer: Refusal) -> None:
        """Send a status instead of an answer."""
        _set_status(self._state, answer)
        self._end(None)

    def _end(self, message: bytes | None) -> None:
        try:
            _server._status(self._event, self._state, message)
        finally:
            self._places.leave()


class _Counter(ThreadPoolExecutor):
    """Take calls over on the thread that brings them; nothing that is submitted ever runs."""

    def __init__(self, places: Places, take: Callable[[HeldCall], None]) -> None:
        super().__init__(1)
        self._places = places
        self._take = take

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        _serve, event, state, *_ = args
        event.call.start_server_batch(
            (cygrpc.ReceiveMessageOperation(_NO_FLAGS),), self._receiving(event, state)
        )
        # Its message is received on this thread, so not before this.
        self._places.enter()
        state.due.add(_MESSAGE)
        return _DONE

    def _receiving(self, event: Any, state: Any) -> Callable[[Any], tuple[Any, Any]]:
        def receive(received: Any) -> tuple[Any, Any]:
            request = received.batch_operations[0].message()
            with state.condition:
                ended: tuple[Any, Any] = _server._possibly_finish_call(state, _MESSAGE)
            call = HeldCall(event, state, request, places=self._places)
            if request is None:
                # It was cancelled, or closed without a message, which no client of ours does.
                call.refuse(_NO_MESSAGE)
            else:
                self._begin(call)
            return ended

        return receive

    def _begin(self, call: HeldCall) -> None:
        try:
            self._take(call)
        except Exception as error:  # the transport's thread must not end with a call
            log.exception("call not taken")
            call.refuse(refusal(error))


class _Refuser(ThreadPoolExecutor):
    """Refuse calls on the thread that brings them; nobody waits for their messages."""

    def __init__(self, answer: Refusal) -> None:
        super().__init__(1)
        self._answer = answer

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        _serve, event, state, *_ = args
        _set_status(state, self._answer)
        _server._status(event, state, None)
        return _DONE


_NO_MESSAGE = Refusal(grpc.StatusCode.UNIMPLEMENTED, "", "one message is needed", b"")


def _set_status(state: Any, answer: Refusal) -> None:
    with state.condition:
        state.code = answer.code
        state.details = answer.message.encode()
        if answer.details:
            state.trailing_metadata = ((DETAILS_KEY, answer.details),)


def held(places: Places, take: Callable[[HeldCall], None]) -> RpcHandler:
    """Return the handler of an RPC whose calls are taken over by `take`, each in a place.

    Shape: callers see an ordinary RPC of one message and one answer. `take` is called on the
        transport's thread, so it must be quick.
    """
    return _handler(_Counter(places, take))


def refusing(answer: Refusal) -> RpcHandler:
    """Return the handler that refuses every call."""
    return _handler(_Refuser(answer))


def _handler(pool: ThreadPoolExecutor) -> RpcHandler:
    def never(_requests: object, _context: object) -> Any:
        raise AssertionError("calls are taken over before they are served")

    never.experimental_thread_pool = pool  # type: ignore[attr-defined]
    # As a stream, because gRPC would let a thread wait for the message of anything else.
    return grpc.stream_stream_rpc_method_handler(never)
