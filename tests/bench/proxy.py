"""Count what really goes between a service and PostgreSQL: a relay that reads the message types.

`pg_stat_statements` counts everybody's statements and no round trips; here each connection is known
by the name that it gave itself, so that a call's counts are exact. Only ever in the way of a count,
never of a stopwatch.
"""

import contextlib
import socket
import struct
import threading
from collections import defaultdict
from dataclasses import dataclass, field

SSL_REQUEST, GSS_REQUEST = 80_877_103, 80_877_104
REFUSED = b"N"
READY, COMMAND_COMPLETE, IDLE = b"Z"[0], b"C"[0], b"I"[0]
CHUNK = 65_536


@dataclass(slots=True)
class Counts:
    """Count what one kind of connection did.

    Shape: a round trip ends when the server is ready again; a statement when a command is complete,
        BEGIN, SET and COMMIT included; a transaction when the server is ready and idle.
    """

    round_trips: int = 0
    statements: int = 0
    transactions: int = 0

    def minus(self, other: "Counts") -> "Counts":
        """Return what came on top of an earlier look."""
        return Counts(
            self.round_trips - other.round_trips,
            self.statements - other.statements,
            self.transactions - other.transactions,
        )


@dataclass(slots=True)
class CountingProxy:
    """Relay to a PostgreSQL server on this machine and count by `application_name`."""

    port: int
    counts: dict[str, Counts] = field(default_factory=lambda: defaultdict(Counts))
    listening: int = 0
    _listener: socket.socket | None = None

    def start(self) -> None:
        """Listen; `listening` is the port to connect to."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.listening = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, args=[self._listener], daemon=True).start()

    def stop(self) -> None:
        """Take no further connection; those that are open end with their clients."""
        if self._listener is not None:
            self._listener.close()

    def of(self, name: str) -> Counts:
        """Return a copy of what a kind of connection did so far."""
        now = self.counts[name]
        return Counts(now.round_trips, now.statements, now.transactions)

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._serve, args=[client], daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError, struct.error):
            startup = _startup(client)
            server = socket.create_connection(("127.0.0.1", self.port))
            for one in (client, server):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            server.sendall(startup)
            counts = self.counts[_name(startup)]
            threading.Thread(target=_copy, args=[client, server], daemon=True).start()
            _count(server, client, counts)


def _startup(client: socket.socket) -> bytes:
    """Read the startup message; encryption is refused, because it would hide the types."""
    while True:
        size = client.recv(4, socket.MSG_WAITALL)
        body = client.recv(struct.unpack(">I", size)[0] - 4, socket.MSG_WAITALL)
        if struct.unpack(">I", body[:4])[0] not in (SSL_REQUEST, GSS_REQUEST):
            return size + body
        client.sendall(REFUSED)


def _name(startup: bytes) -> str:
    words = startup[8:].split(b"\0")
    pairs = dict(zip(words[::2], words[1::2], strict=False))
    return pairs.get(b"application_name", b"").decode()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while received := source.recv(CHUNK):
            target.sendall(received)
        target.shutdown(socket.SHUT_WR)


def _count(source: socket.socket, target: socket.socket, counts: Counts) -> None:
    held = b""
    while received := source.recv(CHUNK):
        # Counted before it is sent on: whoever has the answer finds it counted.
        held += received
        at = 0
        while len(held) - at >= 5:
            size = 1 + int.from_bytes(held[at + 1 : at + 5], "big")
            if len(held) - at < size:
                break
            if held[at] == COMMAND_COMPLETE:
                counts.statements += 1
            elif held[at] == READY:
                counts.round_trips += 1
                counts.transactions += held[at + 5] == IDLE
            at += size
        held = held[at:]
        target.sendall(received)
