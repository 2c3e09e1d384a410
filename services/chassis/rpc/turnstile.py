"""Refusing what has no place, before a thread, a token or a span is spent on it.

A refusal by the gate costs a fifth of a call, and calls that wait for a thread to be refused are
late for everybody. gRPC's own limit is cheap but says no reason. So the thread that takes calls
from the transport looks how many are inside and answers the rest itself.
"""

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import grpc

from chassis.errors import Overloaded
from chassis.rpc.status import DETAILS_KEY, refusal


class Places(ThreadPoolExecutor):
    """Serve calls on as many threads as there are places, and know how many are taken."""

    def __init__(self, number: int) -> None:
        """Take the number of places."""
        super().__init__(number, thread_name_prefix="call")
        self._number = number
        self._taken = 0
        self._count = threading.Lock()

    @property
    def full(self) -> bool:
        """Tell whether another call would have to wait for a thread."""
        return self._taken >= self._number

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Take a place until the work has ended."""
        future = super().submit(fn, *args, **kwargs)
        self.enter()
        future.add_done_callback(lambda _: self.leave())
        return future

    def enter(self) -> None:
        """Take a place for a call that needs no thread."""
        with self._count:
            self._taken += 1

    def leave(self) -> None:
        """Give a place back."""
        with self._count:
            self._taken -= 1


class _AtOnce(ThreadPoolExecutor):
    """Do the work on the thread that brings it."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        fn(*args, **kwargs)
        future.set_result(None)
        return future


class Turnstile(grpc.GenericRpcHandler):
    """Let calls in while there are places.

    Shape: `handlers` by the path of their RPC; one table for all, because gRPC asks one handler
        after the other for every call. Those of `open_handlers` need no place. `refused(method)`
        hears of every call that is turned away, on the transport's thread, so it must be quick.
    """

    def __init__(self, places: Places, *, refused: Callable[[str], None]) -> None:
        """Stand before handlers whose calls take places."""
        self.handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {}
        self.open_handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {}
        self._places = places
        self._refused = refused
        answer = refusal(Overloaded("the service has no place free; come back later"))
        trailers = ((DETAILS_KEY, answer.details),)

        def refuse(_requests: object, context: grpc.ServicerContext) -> None:
            context.set_code(answer.code)
            context.set_details(answer.message)
            context.set_trailing_metadata(trailers)

        # As a stream, because gRPC would wait for the message of anything else.
        refuse.experimental_thread_pool = _AtOnce(1)  # type: ignore[attr-defined]
        self._refusal: Any = grpc.stream_unary_rpc_method_handler(refuse)

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        """Return the handler of a call, or the one that refuses it."""
        handler = self.handlers.get(details.method)
        if handler is None:
            return self.open_handlers.get(details.method)
        if not self._places.full:
            return handler
        self._refused(details.method[1:])
        return self._refusal
