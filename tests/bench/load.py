"""Calls at a chosen pace, from a client that costs a tenth of what it measures.

gRPC's own Python client needs as much CPU a call as the servers here, so it would be the limit. A
unary call is two frames of HTTP/2, and all that a bench needs of its answer is the status and the
bytes: this writes and reads those frames. Deliberately absent: TLS, streams, compression, retries.
"""

import itertools
import select
import socket
import struct
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE = 0, 1, 3, 4, 6, 7, 8
END_STREAM, END_HEADERS, ACK = 0x1, 0x4, 0x1
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
WINDOW_MAX = 2**31 - 1
WINDOW_DEFAULT = 65_535
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE = 1, 4
# gRPC's own setting: binary trailers come as they are, and not in base64 and Huffman's code.
TRUE_BINARY = 0xFE03
STREAMS_MAX = 2**30
CALL_TIMEOUT_S = 20
STALL_S = 30.0
FRAME_MAX = 16_384
RECEIVE_BYTES = 262_144
# With its length in front, so that it is not found inside `grpc-status-details-bin`.
STATUS = b"\x0bgrpc-status"
UNKNOWN_STATUS = -1

Prepared = Callable[[], bytes]


class NotServed(Exception):
    """Too many calls were refused for a figure."""


class Stalled(Exception):
    """No answer came for 30 s; the bench is void."""


@dataclass(slots=True)
class Sample:
    """Hold what a stretch of calls gave.

    Shape: `codes` counts gRPC status numbers. Units: seconds; `client_cpu_s` is this process's own.
    """

    seconds: float = 0.0
    client_cpu_s: float = 0.0
    codes: Counter[int] = field(default_factory=Counter)
    latencies_s: list[float] = field(default_factory=list)
    replies: list[bytes] = field(default_factory=list)

    @property
    def done(self) -> int:
        """Return how many calls were answered with OK."""
        return self.codes[0]

    @property
    def failed(self) -> int:
        """Return how many were not."""
        return self.codes.total() - self.codes[0]

    def require_served(self, *, refused_max: float = 0.05) -> None:
        """Refuse a sample in which more than a share of the calls was not answered with OK.

        Errors: NotServed.
        """
        if self.failed > self.codes.total() * refused_max:
            raise NotServed(f"answers by status number: {dict(self.codes)}")


class Client:
    """Speak to one method of one server over one connection.

    Shape: `request` gives the next message's bytes. Not for several threads.
    """

    def __init__(
        self, address: str, method: str, request: Prepared, *, token: str = "", keep: bool = False
    ) -> None:
        """Connect; `keep` stores the replies' bytes in the sample."""
        self.method = method
        self._address = address
        self.request = request
        self._keep = keep
        self._headers = header_block(address, method, token)
        self._begun: dict[int, float] = {}
        self._bodies: dict[int, bytes] = {}
        self._sample = Sample()
        self._connect()

    def closed(self, *, in_flight: int, seconds: float = 0, calls: int = 0) -> Sample:
        """Keep calls in flight for some seconds, or until some calls are sent; wait for the
        last."""
        sample = self._sample = Sample()
        cpu_s, begin_s = time.process_time(), time.perf_counter()
        ends_s = begin_s + seconds if seconds else float("inf")
        left = calls or 1 << 60
        while True:
            free = in_flight - len(self._begun)
            if time.perf_counter() >= ends_s:
                left = 0
            if free and left:
                now = min(free, left)
                left -= now
                self._send([time.perf_counter()] * now)
            if not self._begun:
                break
            self._receive(STALL_S)
        sample.seconds = time.perf_counter() - begin_s
        sample.client_cpu_s = time.process_time() - cpu_s
        return sample

    def open(self, *, rate: float, seconds: float) -> Sample:
        """Send at a fixed rate whatever comes back; latency counts from the intended moment."""
        sample = self._sample = Sample()
        cpu_s, begin_s = time.process_time(), time.perf_counter()
        moments = [begin_s + number / rate for number in range(int(rate * seconds))]
        sent = 0
        while sent < len(moments) or self._begun:
            now_s = time.perf_counter()
            due = sent
            while due < len(moments) and moments[due] <= now_s:
                due += 1
            if due > sent:
                self._send(moments[sent:due])
                sent = due
            left_s = moments[sent] - time.perf_counter() if sent < len(moments) else STALL_S
            self._receive(max(0.0, left_s), needed=sent == len(moments))
        sample.seconds = time.perf_counter() - begin_s
        sample.client_cpu_s = time.process_time() - cpu_s
        return sample

    def one(self) -> bytes:
        """Call once and return the reply's bytes; anything but OK is a mistake of the bench."""
        keep, self._keep = self._keep, True
        sample = self.closed(in_flight=1, calls=1)
        self._keep = keep
        assert sample.done == 1, f"{self._address} answered {dict(sample.codes)}"
        return sample.replies[0]

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def _connect(self) -> None:
        host, _, port = self._address.rpartition(":")
        self._socket = socket.create_connection((host, int(port)), timeout=STALL_S)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._stream = 1
        self._window = WINDOW_DEFAULT
        self._credit = WINDOW_MAX
        self._going_away = False
        self._buffer = b""
        settings = struct.pack(
            ">HIHIHI", HEADER_TABLE_SIZE, 0, INITIAL_WINDOW_SIZE, WINDOW_MAX, TRUE_BINARY, 1
        )
        wider = struct.pack(">I", WINDOW_MAX - WINDOW_DEFAULT)
        self._socket.sendall(
            PREFACE + frame(SETTINGS, 0, 0, settings) + frame(WINDOW_UPDATE, 0, 0, wider)
        )

    def _send(self, moments: Sequence[float]) -> None:
        self._renew()
        out = bytearray()
        for moment in moments:
            self._begun[self._put(out, self._headers, self.request())] = moment
        self._socket.sendall(out)

    def _renew(self) -> None:
        # A connection ends after five minutes by the server's rule, or when its numbers run out.
        if (self._going_away or self._stream > STREAMS_MAX) and not self._begun:
            self._socket.close()
            self._connect()

    def _put(self, out: bytearray, headers: bytes, message: bytes) -> int:
        """Write one call's frames to the end of `out`, and return the number of its stream."""
        stream, size = self._stream, len(message) + 5
        self._stream += 2
        while self._window < size:
            self._socket.sendall(bytes(out))
            out.clear()
            self._receive(STALL_S)
        self._window -= size
        out += frame(HEADERS, END_HEADERS, stream, headers)
        body = b"\0" + struct.pack(">I", len(message)) + message
        for begin in range(0, size, FRAME_MAX):
            last = END_STREAM if begin + FRAME_MAX >= size else 0
            out += frame(DATA, last, stream, body[begin : begin + FRAME_MAX])
        return stream

    def _receive(self, wait_s: float, *, needed: bool = True) -> None:
        ready, _, _ = select.select([self._socket], [], [], wait_s)
        if not ready:
            if needed and wait_s >= STALL_S:
                raise Stalled(f"{self._address}: {len(self._begun)} calls without an answer")
            return
        received = self._socket.recv(RECEIVE_BYTES)
        if not received:
            self._lost()
            return
        self._buffer += received
        view, at, end = self._buffer, 0, len(self._buffer)
        while end - at >= 9:
            size = int.from_bytes(view[at : at + 3], "big")
            if end - at < 9 + size:
                break
            stream = int.from_bytes(view[at + 5 : at + 9], "big")
            self._take(view[at + 3], view[at + 4], stream, view[at + 9 : at + 9 + size])
            at += 9 + size
        self._buffer = view[at:]

    def _lost(self) -> None:
        """Count what was under way as failed, and connect again."""
        for _ in self._begun:
            self._sample.codes[UNKNOWN_STATUS] += 1
        self._begun.clear()
        self._connect()

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        if stream == 0:
            self._take_control(kind, flags, payload)
        elif kind == DATA:
            self._take_data(stream, payload)
        elif kind == HEADERS and flags & END_STREAM:
            self._end(stream, _status(payload))
        elif kind == RST_STREAM:
            self._end(stream, UNKNOWN_STATUS)

    def _take_control(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            self._socket.sendall(frame(SETTINGS, ACK, 0, b""))
        elif kind == PING and not flags & ACK:
            self._socket.sendall(frame(PING, ACK, 0, payload))
        elif kind == GOAWAY:
            self._going_away = True
        elif kind == WINDOW_UPDATE:
            self._window += int.from_bytes(payload, "big")

    def _take_data(self, stream: int, payload: bytes) -> None:
        self._credit -= len(payload)
        if self._keep:
            self._bodies[stream] = self._bodies.get(stream, b"") + payload
        if self._credit < WINDOW_MAX // 2:
            more = struct.pack(">I", WINDOW_MAX - self._credit)
            self._credit = WINDOW_MAX
            self._socket.sendall(frame(WINDOW_UPDATE, 0, 0, more))

    def _end(self, stream: int, status: int) -> None:
        begun = self._begun.pop(stream, None)
        if begun is None:
            return
        self._sample.codes[status] += 1
        self._sample.latencies_s.append(time.perf_counter() - begun)
        if self._keep:
            self._sample.replies.append(self._bodies.pop(stream, b"")[5:])


def over(prepared: Sequence[bytes]) -> Prepared:
    """Give the same messages in turn, for ever."""
    return itertools.cycle(prepared).__next__


def each(messages: Iterator[bytes]) -> Prepared:
    """Give every message once."""
    return messages.__next__


def frame(kind: int, flags: int, stream: int, payload: bytes) -> bytes:
    """Return one frame of HTTP/2."""
    return len(payload).to_bytes(3, "big") + struct.pack(">BBI", kind, flags, stream) + payload


def header_block(
    address: str, method: str, token: str, *, timeout_ms: int = CALL_TIMEOUT_S * 1000
) -> bytes:
    """Return the headers of a call with a deadline."""
    headers = [
        (":method", "POST"),
        (":scheme", "http"),
        (":path", f"/{method}"),
        (":authority", address),
        ("te", "trailers"),
        ("content-type", "application/grpc"),
        ("grpc-timeout", f"{timeout_ms}m"),
    ]
    if token:
        headers.append(("authorization", f"Bearer {token}"))
    # Literals that no table remembers: the same bytes for every call.
    return b"".join(b"\0" + _text(name) + _text(value) for name, value in headers)


def _text(value: str) -> bytes:
    size, rest = len(value), b""
    if size >= 127:
        size, left = 127, len(value) - 127
        while left >= 128:
            rest += bytes([left % 128 + 128])
            left //= 128
        rest += bytes([left])
    return bytes([size]) + rest + value.encode()


def _status(block: bytes) -> int:
    """Find the status among the trailers, which the server writes as plain literals for a client
    without a table."""
    at = block.find(STATUS)
    if at < 0:
        return UNKNOWN_STATUS
    at += len(STATUS)
    value = block[at + 1 : at + 1 + block[at]]
    return int(value) if value.isdigit() else UNKNOWN_STATUS
