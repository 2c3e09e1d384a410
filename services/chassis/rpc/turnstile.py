"""Refusing what has no place, before a thread, a token or a span is spent on it.

A refusal by the gate needs a thread, and calls that wait for one to be refused are late for
everybody. gRPC's own limit is cheap but says no reason. So the thread that takes calls from the
transport looks how many are inside and refuses the rest itself.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeAlias

import grpc

RpcHandler: TypeAlias = "grpc.RpcMethodHandler[bytes, bytes]"


class Places:
    """Count the calls that are inside."""

    def __init__(self, number: int) -> None:
        """Take the number of places."""
        self.number = number
        self._taken = 0
        self._count = threading.Lock()

    @property
    def full(self) -> bool:
        """Tell whether there is no place left."""
        return self._taken >= self.number

    def enter(self) -> None:
        """Take a place."""
        with self._count:
            self._taken += 1

    def leave(self) -> None:
        """Give a place back."""
        with self._count:
            self._taken -= 1


class CallThreads(ThreadPoolExecutor):
    """Serve calls on as many threads as there are places."""

    def __init__(self, places: Places) -> None:
        """Take the places that the threads stand for."""
        super().__init__(places.number, thread_name_prefix="call")
        self._places = places

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Take a place until the work has ended."""
        future = super().submit(fn, *args, **kwargs)
        self._places.enter()
        future.add_done_callback(lambda _: self._places.leave())
        return future


class Turnstile(grpc.GenericRpcHandler):
    """Let calls in while there are places.

    Shape: one table for all, because gRPC asks one handler after the other for every call.
        `refused(method)` hears of every call that is turned away, on the transport's thread, so it
        must be quick.
    """

    def __init__(self, *, full: RpcHandler, refused: Callable[[str], None]) -> None:
        """Take the handler that answers when there is no place."""
        self._full = full
        self._refused = refused
        self._handlers: dict[str, tuple[RpcHandler, Places | None]] = {}

    def serve(self, path: str, handler: RpcHandler, *, places: Places | None) -> None:
        """Let calls of an RPC through; with None they need no place."""
        self._handlers[path] = (handler, places)

    def service(self, details: grpc.HandlerCallDetails) -> "RpcHandler | None":
        """Return the handler of a call, or the one that refuses it."""
        handler, places = self._handlers.get(details.method, (None, None))
        if places is None or not places.full:
            return handler
        self._refused(details.method[1:])
        return self._full
