"""The bare synchronous gRPC server: bytes in, as many bytes out as it was told, nothing else.

It is the floor under every call: `python -m tests.bench.servers.echo PORT THREADS REPLY_BYTES`.
"""

import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc

from tests.bench.machine import pin_self


class Anything(grpc.GenericRpcHandler):
    """Answer every method with the same bytes."""

    def __init__(self, reply: bytes) -> None:
        """Prepare the one handler."""
        self._handler: Any = grpc.unary_unary_rpc_method_handler(lambda request, context: reply)

    def service(self, _details: grpc.HandlerCallDetails) -> Any:
        """Return the handler, whatever is called."""
        return self._handler


def served(handler: grpc.GenericRpcHandler, port: int, *, threads: int) -> grpc.Server:
    """Return a started server with the options of the real one that matter for speed."""
    server = grpc.server(
        ThreadPoolExecutor(threads),
        options=[("grpc.so_reuseport", 0), ("grpc.max_connection_age_ms", 300_000)],
    )
    server.add_generic_rpc_handlers((handler,))
    assert server.add_insecure_port(f"127.0.0.1:{port}") == port
    server.start()
    return server


def serve_until_told(server: Any) -> None:
    """Say that the server is ready, and wait for SIGTERM."""
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    print("ready", flush=True)
    stopping.wait()
    server.stop(1).wait()


if __name__ == "__main__":
    pin_self()
    PORT, THREADS, REPLY_BYTES = (int(word) for word in sys.argv[1:4])
    serve_until_told(served(Anything(b"\x0a" * REPLY_BYTES), PORT, threads=THREADS))
