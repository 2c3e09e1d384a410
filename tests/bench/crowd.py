"""A crowd that calls whether it is served or not: offered load, deadlines, refusals and retries.

An open loop of many simulated processes over one connection. Each process has a throttle of its
own, as a `Peer` has, or none and sends again what was refused. What became of every call is kept,
so that it can be held against the database.
"""

import heapq
import struct
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

import grpc

from chassis.rpc.status import DETAILS_KEY, read_details
from chassis.rpc.throttle import Throttle
from tests.bench.load import (
    ACK,
    RST_STREAM,
    SETTINGS,
    STALL_S,
    UNKNOWN_STATUS,
    Client,
    Prepared,
    frame,
    header_block,
)

OK = grpc.StatusCode.OK.value[0]
DEADLINE_EXCEEDED = grpc.StatusCode.DEADLINE_EXCEEDED.value[0]
RESOURCE_EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED.value[0]
CANCELLED = grpc.StatusCode.CANCELLED.value[0]
UNAVAILABLE = grpc.StatusCode.UNAVAILABLE.value[0]
REFUSALS = (RESOURCE_EXHAUSTED, UNAVAILABLE)
KEPT_BACK = -2
NO_REASON = ""
MAX_CONCURRENT_STREAMS = 3
NO_LIMIT = 1 << 31
REFUSED_STREAM, CANCEL = (7).to_bytes(4, "big"), (8).to_bytes(4, "big")
ENHANCE_YOUR_CALM = (11).to_bytes(4, "big")
# What gRPC's own client makes of a stream that is reset. A server that has more streams than it
# said it takes turns others away unseen, before any code of ours and with no reason of ours.
RESETS = {REFUSED_STREAM: UNAVAILABLE, ENHANCE_YOUR_CALM: RESOURCE_EXHAUSTED, CANCEL: CANCELLED}
TURNED_AWAY = "(turned away by HTTP/2)"
DETAILS_LITERAL = bytes([len(DETAILS_KEY)]) + DETAILS_KEY.encode()
# A server refuses at once what has less than 100 ms left.
WORTH_S = 0.11
STEP_MS = 10
# The server's word about a deadline comes a moment after the deadline.
PATIENCE_S = 0.05


@dataclass(frozen=True, slots=True)
class Manner:
    """Say how the callers behave.

    Shape: with `throttled` each of the `processes` keeps calls back by itself and takes a refusal
        for the answer; otherwise a refused call is sent again after `pause_s`, `tries` times in
        all.
    Units: seconds; the deadline is for a call with all its tries. No more than `in_flight_max`
        calls are under way at once, even if the server would allow more.
    """

    throttled: bool
    processes: int = 16
    deadline_s: float = 1.0
    tries: int = 1
    pause_s: float = 0.2
    in_flight_max: int = NO_LIMIT


@dataclass(slots=True)
class Want:
    """Hold one call of the crowd, and what became of it.

    Shape: `code` is the last status, KEPT_BACK for a call that was never sent. `unsure` means that
        a try ended without a definite answer.
    Units: seconds of the performance counter; `tried_s` is when its last try was meant to begin.
    """

    due_s: float
    process: int
    message: bytes = b""
    tries: int = 0
    refusals: int = 0
    code: int = KEPT_BACK
    reason: str = NO_REASON
    unsure: bool = False
    tried_s: float = 0.0
    end_s: float = 0.0

    @property
    def took_s(self) -> float:
        """Return how long the try took that ended it."""
        return self.end_s - self.tried_s


@dataclass(frozen=True, slots=True)
class Load:
    """Hold one stretch of offered load: calls a second, and for how long."""

    rate: float
    seconds: float


class Crowd(Client):
    """Offer load to one method of one server."""

    def __init__(
        self,
        address: str,
        method: str,
        request: Prepared,
        *,
        token: str,
        manner: Manner,
    ) -> None:
        """Connect."""
        self._streams_max = manner.in_flight_max
        self.manner = manner
        super().__init__(address, method, request, token=token)
        self.client_share = 0.0
        self._token = token
        self._throttles = [Throttle() for _ in range(manner.processes)]
        self._blocks: dict[int, bytes] = {}
        self._reasons: dict[bytes, str] = {}
        self._trailers = b""
        self._wants: dict[int, Want] = {}
        self._waiting: deque[Want] = deque()
        self._later: list[tuple[float, int, Want]] = []
        self._limits: list[tuple[float, int]] = []
        self._out = bytearray()

    def offer(self, loads: Sequence[Load]) -> list[Want]:
        """Offer stretches of load one after the other, and return every call once all have
        ended."""
        cpu_s, begin_s = time.process_time(), time.perf_counter()
        wants = _planned(begin_s, loads, processes=self.manner.processes)
        ends_s = begin_s + sum(load.seconds for load in loads)
        number = 0
        while number < len(wants) or self._wants or self._later or self._waiting:
            now_s = time.perf_counter()
            while number < len(wants) and wants[number].due_s <= now_s:
                self._begin(wants[number])
                number += 1
            self._turn(now_s)
            next_s = wants[number].due_s if number < len(wants) else now_s + STALL_S
            for one in (self._later, self._limits):
                next_s = min(next_s, one[0][0]) if one else next_s
            self._receive(max(0.0, next_s - time.perf_counter()), needed=False)
        self.client_share = (time.process_time() - cpu_s) / (ends_s - begin_s)
        return wants

    def _begin(self, want: Want) -> None:
        if self.manner.throttled and not self._throttles[want.process].admit():
            want.end_s = want.due_s
            return
        want.message = self.request()
        self._try(want, want.due_s)

    def _try(self, want: Want, moment_s: float) -> None:
        """Queue a try; as many go out as the server allows on one connection."""
        want.tries += 1
        want.tried_s = moment_s
        self._waiting.append(want)

    def _turn(self, now_s: float) -> None:
        """Send what is due, give up what took too long, and write all of it."""
        while self._later and self._later[0][0] <= now_s:
            moment_s, _, want = heapq.heappop(self._later)
            self._try(want, moment_s)
        while self._limits and self._limits[0][0] <= now_s:
            _, stream = heapq.heappop(self._limits)
            if stream in self._wants:
                self._out += frame(RST_STREAM, 0, stream, CANCEL)
                self._trailers = b""
                self._end(stream, DEADLINE_EXCEEDED)
        while self._waiting and len(self._wants) < self._streams_max:
            self._write(self._waiting.popleft())
        if self._out:
            self._socket.sendall(self._out)
            self._out = bytearray()

    def _write(self, want: Want) -> None:
        limit_s = want.due_s + self.manner.deadline_s
        left_s = limit_s - time.perf_counter()
        if left_s < STEP_MS / 1000:
            want.reason = NO_REASON
            self._close(want, DEADLINE_EXCEEDED)
            return
        stream = self._put(self._out, self._block(left_s), want.message)
        self._wants[stream] = want
        self._begun[stream] = want.tried_s
        heapq.heappush(self._limits, (limit_s + PATIENCE_S, stream))

    def _block(self, left_s: float) -> bytes:
        left_ms = max(STEP_MS, int(left_s * 1000) // STEP_MS * STEP_MS)
        if left_ms not in self._blocks:
            self._blocks[left_ms] = header_block(
                self._address, self.method, self._token, timeout_ms=left_ms
            )
        return self._blocks[left_ms]

    def _take(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        self._trailers = payload
        super()._take(kind, flags, stream, payload)

    def _take_control(self, kind: int, flags: int, payload: bytes) -> None:
        if kind == SETTINGS and not flags & ACK:
            for at in range(0, len(payload), 6):
                name, value = struct.unpack_from(">HI", payload, at)
                if name == MAX_CONCURRENT_STREAMS:
                    self._streams_max = min(value, self.manner.in_flight_max)
        super()._take_control(kind, flags, payload)

    def _end(self, stream: int, status: int) -> None:
        want = self._wants.pop(stream, None)
        if want is None:
            return
        del self._begun[stream]
        want.reason = NO_REASON if status == OK else self._reason(self._trailers)
        if status == UNKNOWN_STATUS:
            status = RESETS.get(self._trailers, UNKNOWN_STATUS)
            want.reason = TURNED_AWAY if status in REFUSALS else NO_REASON
        definite = status in {OK, *REFUSALS} or want.reason == "DEADLINE_TOO_SHORT"
        want.unsure = want.unsure or not definite
        self._close(want, status)

    def _close(self, want: Want, status: int) -> None:
        want.code, want.end_s = status, time.perf_counter()
        self._count(want)
        self._plan_again(want)

    def _count(self, want: Want) -> None:
        want.refusals += want.code in REFUSALS
        throttle = self._throttles[want.process]
        if not self.manner.throttled or want.code in {DEADLINE_EXCEEDED, UNAVAILABLE}:
            return
        throttle.refused() if want.code == RESOURCE_EXHAUSTED else throttle.accepted()

    def _plan_again(self, want: Want) -> None:
        """Plan another try of a refused call while there are tries and time left."""
        again_s = want.end_s + self.manner.pause_s * (0.5 + want.process / self.manner.processes)
        left_s = want.due_s + self.manner.deadline_s - again_s
        enough = want.tries >= self.manner.tries or left_s < WORTH_S
        if want.code in REFUSALS and not enough:
            heapq.heappush(self._later, (again_s, id(want), want))

    def _reason(self, trailers: bytes) -> str:
        at = trailers.find(DETAILS_LITERAL)
        if at < 0:
            return NO_REASON
        details = _value(trailers, at + len(DETAILS_LITERAL))
        if details not in self._reasons:
            self._reasons[details], _ = read_details([_Trailer(DETAILS_KEY, details)])
        return self._reasons[details]

    def _lost(self) -> None:
        for stream in list(self._wants):
            self._trailers = b""
            self._end(stream, UNKNOWN_STATUS)
        self._out = bytearray()
        self._connect()


@dataclass(frozen=True, slots=True)
class _Trailer:
    """One item of trailing metadata, as gRPC's own client gives it."""

    key: str
    value: bytes


def _planned(begin_s: float, loads: Sequence[Load], *, processes: int) -> list[Want]:
    wants: list[Want] = []
    for load in loads:
        count = int(load.rate * load.seconds)
        wants += [Want(begin_s + number / load.rate, number % processes) for number in range(count)]
        begin_s += load.seconds
    return wants


def _value(block: bytes, at: int) -> bytes:
    """Read a literal that was written without Huffman's code; a binary one begins with a zero."""
    size, shift = block[at] & 0x7F, 0
    at += 1
    if size == 0x7F:
        while True:
            size += (block[at] & 0x7F) << shift
            shift += 7
            at += 1
            if not block[at - 1] & 0x80:
                break
    value = block[at : at + size]
    return value[1:] if value[:1] == b"\0" else value
