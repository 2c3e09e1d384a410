"""A relay for gRPC that can lose replies: it lets a request pass and cuts when its answer comes.

It reads the types of HTTP/2's frames, nothing more: the first HEADERS or DATA frame from a server
is an answer, and whoever sends one has committed.
"""

import contextlib
import socket
import threading
from dataclasses import dataclass, field

HEADER_BYTES = 9
DATA, HEADERS = 0, 1
CHUNK = 65_536


@dataclass(slots=True)
class LosingProxy:
    """Relay to an address of this machine; lose an answer each time `lose` was called."""

    port: int
    lost: int = 0
    _to_lose: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _listener: socket.socket | None = None

    def start(self) -> str:
        """Listen, and return the address to connect to."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def stop(self) -> None:
        """Take no further connection."""
        if self._listener is not None:
            self._listener.close()

    def lose(self, count: int = 1) -> None:
        """Lose the next answers."""
        with self._lock:
            self._to_lose += count

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with (
            contextlib.suppress(OSError),
            client,
            socket.create_connection(("127.0.0.1", self.port)) as server,
        ):
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_copy, args=[client, server], daemon=True).start()
            try:
                self._relay(server, client)
            finally:
                # The other thread still reads, and a mere close would wait for it.
                for one in (client, server):
                    one.shutdown(socket.SHUT_RDWR)

    def _relay(self, server: socket.socket, client: socket.socket) -> None:
        """Hand whole frames on, until one is to be lost; leaving closes both ends."""
        held = b""
        while received := server.recv(CHUNK):
            held += received
            while len(held) >= HEADER_BYTES:
                size = HEADER_BYTES + int.from_bytes(held[:3], "big")
                if len(held) < size:
                    break
                if held[3] in (DATA, HEADERS) and self._is_lost():
                    return
                client.sendall(held[:size])
                held = held[size:]

    def _is_lost(self) -> bool:
        with self._lock:
            if self._to_lose == 0:
                return False
            self._to_lose -= 1
            self.lost += 1
            return True


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while received := source.recv(CHUNK):
            target.sendall(received)
        target.shutdown(socket.SHUT_RDWR)
