"""The whole loop over four services: a touch, its offer shown, accepted, ordered, on credit.

B12 is the cost of tracing it. The reference load is that of the source documents: 42 touches a
second with everything behind them, and ten times that.
"""

import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from google.protobuf.message import Message
from mantle.crm.v1 import decision_pb2, offer_pb2
from mantle.crm.v1 import decision_service_pb2 as decisions
from mantle.crm.v1 import outreach_service_pb2 as outreach

from chassis.ids import new_id
from chassis.rpc.methods import method_of
from chassis.settings import SERVICES
from chassis.wire import from_time
from tests.bench import arrange, machine
from tests.bench.load import Client, Sample
from tests.bench.machine import cpu_s
from tests.bench.pairs import Run, Sizes, Slice, compare
from tests.bench.stage import Side, Stage, settle, side
from tests.bench.statistics import percentile
from tests.bench.table import Row, at_least, at_most
from tests.support import examples_channels, examples_crm
from tests.support.spans import read_spans

AT_ONCE = 16
PARTNERS = 20
CUSTOMERS = 20_000
TAG = "BENCH"
TOUCHES_A_SECOND = 42
SHOWN_EVERY, ACCEPTED_EVERY = 3, 10
P95_GOAL_MS = 50
ON_GOAL, ON_CPU_GOAL, FULL_GOAL, FULL_CPU_GOAL = 0.97, 1.04, 0.90, 1.12
STOP_WAIT_S = 30.0


@dataclass(slots=True)
class Loop:
    """Take customers through the loop, with one connection for each of the three calls.

    Shape: a customer buys once, so each flow takes the next one.
    """

    made: Side
    customer_ids: list[str]
    partner_ids: list[str]
    next_customer: Iterator[int] = field(default_factory=count)
    decided: int = 0
    _queue: deque[bytes] = field(default_factory=deque)
    _decide: Client | None = None
    _show: Client | None = None
    _answer: Client | None = None

    def connect(self) -> "Loop":
        """Open the three connections."""
        self._decide = self._client(decisions.DecideRequest)
        self._show = self._client(outreach.ShowOfferRequest)
        self._answer = self._client(outreach.AnswerOfferRequest)
        return self

    def another(self) -> "Loop":
        """Return a loop of the same customers with connections of its own."""
        return Loop(self.made, self.customer_ids, self.partner_ids, self.next_customer).connect()

    def flows(self, number: int) -> list[Sample]:
        """Take some customers through the whole loop at once, step by step."""
        touched = self.sent(self._decide, [self.touch() for _ in range(number)])
        self.decided += number
        offers = offers_of(touched)
        shown = self.show(offers)
        return [touched, shown, self.accept(offers)]

    def show(self, offers: list[offer_pb2.Offer]) -> Sample:
        """Show offers."""
        requests = [
            outreach.ShowOfferRequest(request_id=new_id(), offer_id=one.offer_id) for one in offers
        ]
        return self.sent(self._show, requests)

    def accept(self, offers: list[offer_pb2.Offer]) -> Sample:
        """Accept offers, which orders them."""
        requests = [
            outreach.AnswerOfferRequest(
                request_id=new_id(), offer_id=one.offer_id, answer=offer_pb2.ANSWER_ACCEPT
            )
            for one in offers
        ]
        return self.sent(self._answer, requests)

    def touches(self, *, rate: float, seconds: float) -> Sample:
        """Let customers touch at a fixed rate, whatever comes back."""
        assert self._decide is not None
        number = int(rate * seconds)
        self._queue.extend(self.touch().SerializeToString() for _ in range(number))
        self.decided += number
        return self._decide.open(rate=rate, seconds=seconds)

    def touch(self) -> decisions.DecideRequest:
        """Return the next customer's touch."""
        number = next(self.next_customer)
        return decisions.DecideRequest(
            request_id=new_id(),
            customer_id=self.customer_ids[number % len(self.customer_ids)],
            touchpoint_id="hotline",
            partner_id=self.partner_ids[number % len(self.partner_ids)],
            event=decisions.TouchEvent(
                event_id=new_id(),
                source="hotline",
                type=decision_pb2.EVENT_TYPE_CALL_BEHAVIOUR,
                occur_time=from_time(self.made.stage.clock.now()),
            ),
        )

    def sent(self, client: Client | None, requests: Sequence[Message]) -> Sample:
        """Send requests all at once and wait for their answers."""
        assert client is not None
        if not requests:
            return Sample()
        self._queue.extend(one.SerializeToString() for one in requests)
        return client.closed(in_flight=AT_ONCE, calls=len(requests))

    def _client(self, request: type[Message]) -> Client:
        token = self.made.stage.issuer.mint("bench", ["front_line"], unit_id="hq")
        return Client(
            self.made.address("crm"),
            method_of(request).name,
            self._queue.popleft,
            token=token,
            keep=True,
        )


def offers_of(sample: Sample) -> list[offer_pb2.Offer]:
    """Return the best offer of each decision that made one."""
    found = [
        decisions.DecideResponse.FromString(one).decision.offers for one in sample.replies if one
    ]
    return [offers[0] for offers in found if offers]


def arranged(made: Side, *, short: bool) -> Loop:
    """Bring a campaign to life through all four services, and import customers for it."""
    world = made.world
    settle(made)
    examples_crm.a_campaign_for(world, TAG)
    partner_ids = [f"D{number:03}" for number in range(2 if short else PARTNERS)]
    for partner_id in partner_ids:
        examples_channels.a_partner(world, partner_id)
    ids = arrange.import_customers(made, 2_000 if short else CUSTOMERS, tags=[TAG])
    settle(made)
    loop = Loop(made, ids, partner_ids).connect()
    samples = loop.flows(AT_ONCE)
    assert [one.done for one in samples] == [AT_ONCE] * 3, "every touch became an order"
    return loop


def looping(loop: Loop) -> Run:
    """Return the half that takes customers through the loop, so many at once."""
    made = loop.made
    backends = made.stage.backends_of(*made.databases.values())

    def run(seconds: float) -> Slice:
        pids, database = made.pids(), backends()
        before = cpu_s(pids), cpu_s(database)
        begin_s = time.perf_counter()
        done = failed = 0
        while time.perf_counter() - begin_s < seconds:
            samples = loop.flows(AT_ONCE)
            done += samples[-1].done
            failed += sum(one.failed for one in samples)
        after = cpu_s(pids), cpu_s(database)
        return Slice(
            done,
            failed,
            time.perf_counter() - begin_s,
            after[0] - before[0],
            after[1] - before[1],
        )

    return run


@contextmanager
def traced(stage: Stage, ratio: str, sizes: Sizes) -> Iterator[tuple[Run, Run]]:
    """Open the platform twice: tracing a share of the calls, and none."""
    with ExitStack() as stack:
        loops = []
        for share in (ratio, "0"):
            made = stack.enter_context(
                side(stage, *SERVICES, extra={"MANTLE_TRACE_RATIO": share}, spans=True)
            )
            loops.append(arranged(made, short=sizes.short))
        yield looping(loops[0]), looping(loops[1])
        if ratio == "1":
            require_every_span(loops[0])


def require_every_span(loop: Loop) -> None:
    """See that at full tracing each touch has its span, once the service has ended in order."""
    loop.made.processes["crm"].stop()
    name = method_of(decisions.DecideRequest).name
    kept = sum(one["name"] == name for one in read_spans(loop.made.telemetry))
    assert kept == loop.decided, f"{loop.decided - kept} spans of {loop.decided} were lost"


@dataclass(frozen=True, slots=True)
class Load:
    """Hold what a stretch of touches at a fixed rate gave."""

    rate: int
    seconds: float
    latencies_s: list[float]
    failed: int
    accepted: int
    service_cpu: float

    def __str__(self) -> str:
        p50, p95, p99 = (percentile(self.latencies_s, share) * 1e3 for share in (50, 95, 99))
        return (
            f"p95 {p95:.1f} ms (p50 {p50:.1f}, p99 {p99:.1f}); {self.failed} of"
            f" {len(self.latencies_s)} refused; {self.accepted} orders; services use"
            f" {self.service_cpu:.0%} of a core"
        )

    @property
    def p95_ms(self) -> float:
        """Return the 95th percentile from touch to offer in milliseconds."""
        return percentile(self.latencies_s, 95) * 1e3


def loaded(loop: Loop, *, rate: int, seconds: float) -> Load:
    """Let customers touch at a rate for some seconds, while others show and accept behind it."""
    behind = _Behind(loop.another())
    latencies: list[float] = []
    failed = 0
    pids = loop.made.pids()
    before_s, begin_s = cpu_s(pids), time.perf_counter()
    with behind.working():
        for _ in range(int(seconds)):
            sample = loop.touches(rate=rate, seconds=1)
            latencies += sample.latencies_s
            failed += sample.failed
            behind.take(offers_of(sample))
    spent_s = time.perf_counter() - begin_s
    return Load(
        rate, spent_s, latencies, failed, behind.accepted, (cpu_s(pids) - before_s) / spent_s
    )


class _Behind:
    """Show every third offer and accept every tenth, in a thread of its own."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: deque[list[offer_pb2.Offer]] = deque()
        self._wake = threading.Event()
        self._stop = False
        self.accepted = 0

    def take(self, offers: list[offer_pb2.Offer]) -> None:
        """Take the offers of a second."""
        self._waiting.append(offers)
        self._wake.set()

    @contextmanager
    def working(self) -> Iterator[None]:
        """Work until left, then finish what waits."""
        thread = threading.Thread(target=self._run)
        thread.start()
        try:
            yield
        finally:
            self._stop = True
            self._wake.set()
            thread.join(STOP_WAIT_S)

    def _run(self) -> None:
        while not (self._stop and not self._waiting):
            self._wake.wait(1)
            self._wake.clear()
            while self._waiting:
                offers = self._waiting.popleft()
                self._loop.show(offers[::SHOWN_EVERY])
                self.accepted += self._loop.accept(offers[::ACCEPTED_EVERY]).done


def tracing(stage: Stage, sizes: Sizes) -> list[Row]:
    """B12: the loop with 1 % and with all of its calls traced, against none."""
    goals: dict[str, tuple[str, float, float]] = {
        "0.01": ("1 %", ON_GOAL, ON_CPU_GOAL),
        "1": ("100 %", FULL_GOAL, FULL_CPU_GOAL),
    }
    rows = []
    for ratio, (name, goal, cpu_goal) in goals.items():
        found = compare(partial(traced, stage, ratio, sizes), sizes)
        rows.append(
            Row(
                f"B12 tracing {name}",
                f"touch, show, accept, order, credit over four services, {AT_ONCE} at once,"
                f" {name} traced to files / none",
                f"≥ {goal}, CPU ≤ {cpu_goal}",
                f"{found.throughput}; CPU with PostgreSQL {found.whole_cpu}"
                f" ({found.level('ours', lambda one: one.rate):.0f} flows/s,"
                f" {found.level('ours', lambda one: one.whole_us) / 1e3:.1f} ms of CPU a flow)",
                f"{at_least(found.throughput.median, goal)};"
                f" CPU {at_most(found.whole_cpu.median, cpu_goal)}",
                f"{found.same}; CPU {found.same_cpu}",
            )
        )
    return rows


def load(stage: Stage, sizes: Sizes) -> list[Row]:
    """Put the reference load on the platform, and ten times that."""
    seconds = 3 if sizes.short else 300 if sizes.long else 30
    rows = []
    with side(stage, *SERVICES, spans=True) as made:
        loop = arranged(made, short=sizes.short)
        loaded(loop, rate=TOUCHES_A_SECOND, seconds=2)
        for times in (1, 10):
            rate = TOUCHES_A_SECOND * times
            found = loaded(loop, rate=rate, seconds=seconds)
            rows.append(
                Row(
                    f"Load {rate}/s",
                    f"touch to offer from the intended moment, {seconds} s, a third shown and a"
                    f" tenth ordered behind it, four services on {_place()}",
                    f"p95 ≤ {P95_GOAL_MS} ms" if times == 1 else "stated",
                    str(found),
                    at_most(found.p95_ms, P95_GOAL_MS) if times == 1 else "–",
                )
            )
    return rows


def _place() -> str:
    return "one core" if machine.service_core() else "all cores"
