"""Two halves against each other: slices in turn, over several restarts, until the machine is quiet
enough to believe it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from itertools import chain
from statistics import median

from tests.bench.load import Client
from tests.bench.machine import cpu_s
from tests.bench.statistics import Interval, abba, first_level, interval_of, percentile, ratios_of


@dataclass(frozen=True, slots=True)
class Sizes:
    """Say how much is measured.

    Shape: `restarts` times the processes are new, with `pairs` pairs in all. Units: seconds; `long`
        asks for the sizes that only a night allows.
    """

    pairs: int = 42
    restarts: int = 3
    slice_s: float = 0.35
    warm_s: float = 1.5
    long: bool = False
    short: bool = False


FULL = Sizes()
LONG = Sizes(pairs=60, restarts=5, slice_s=0.5, warm_s=3, long=True)
SHORT = Sizes(pairs=4, restarts=1, slice_s=0.25, warm_s=0.3, short=True)


@dataclass(frozen=True, slots=True)
class Slice:
    """Hold one slice of one half. Units: seconds; CPU of the service and of its database."""

    calls: int
    failed: int
    seconds: float
    service_cpu_s: float
    database_cpu_s: float = 0.0
    p50_s: float = 0.0
    p99_s: float = 0.0
    client_share: float = 0.0

    @property
    def rate(self) -> float:
        """Return calls a second."""
        return self.calls / self.seconds if self.seconds else 0.0

    @property
    def service_us(self) -> float:
        """Return the service's CPU a call in microseconds."""
        return self.service_cpu_s / self.calls * 1e6 if self.calls else 0.0

    @property
    def whole_us(self) -> float:
        """Return the CPU a call with the database's, in microseconds."""
        both = self.service_cpu_s + self.database_cpu_s
        return both / self.calls * 1e6 if self.calls else 0.0


Run = Callable[[float], Slice]
Opened = Callable[[], AbstractContextManager[tuple[Run, Run]]]


@dataclass(slots=True)
class Comparison:
    """Hold the slices of both halves, in the order in which they ran."""

    ours: list[Slice] = field(default_factory=list)
    baseline: list[Slice] = field(default_factory=list)

    @property
    def throughput(self) -> Interval:
        """Return ours / baseline in calls a second."""
        return self._ratio(lambda one: one.rate)

    @property
    def service_cpu(self) -> Interval:
        """Return ours / baseline in CPU a call of the service's process."""
        return self._ratio(lambda one: one.service_us)

    @property
    def whole_cpu(self) -> Interval:
        """Return ours / baseline in CPU a call, PostgreSQL's included."""
        return self._ratio(lambda one: one.whole_us)

    @property
    def p99(self) -> Interval:
        """Return ours / baseline in the 99th percentile of a slice's latencies."""
        return self._ratio(lambda one: one.p99_s)

    @property
    def same(self) -> Interval:
        """Return the A/A interval: each half against itself within one A B B A."""
        return self._same(lambda one: one.rate)

    @property
    def same_cpu(self) -> Interval:
        """Return the A/A interval of CPU a call."""
        return self._same(lambda one: one.service_us)

    @property
    def failed(self) -> int:
        """Return how many calls of both halves were not answered with OK."""
        return sum(one.failed for one in (*self.ours, *self.baseline))

    @property
    def client_share(self) -> float:
        """Return the busiest share of a core that the client needed, as a median."""
        return max(median(one.client_share for one in half) for half in (self.ours, self.baseline))

    def level(self, of: str, value: Callable[[Slice], float]) -> float:
        """Return the median of a value of one half, `ours` or `baseline`."""
        return median(value(one) for one in getattr(self, of))

    def _ratio(self, value: Callable[[Slice], float]) -> Interval:
        return interval_of(ratios_of(list(map(value, self.ours)), list(map(value, self.baseline))))

    def _same(self, value: Callable[[Slice], float]) -> Interval:
        ratios = []
        for half in (self.ours, self.baseline):
            values = list(map(value, half))
            ratios += ratios_of(values[1::2], values[0::2])
        return interval_of(ratios)


def compare(opened: Opened, sizes: Sizes) -> Comparison:
    """Measure two halves; a run whose A/A pair is not level is done again.

    Errors: TooNoisy.
    """
    if sizes.short:
        return _measured(opened, sizes)
    return first_level(lambda: _measured(opened, sizes), lambda one: one.same)


def _measured(opened: Opened, sizes: Sizes) -> Comparison:
    found = Comparison()
    for _ in range(sizes.restarts):
        with opened() as (ours, baseline):
            for half in (ours, baseline):
                half(sizes.warm_s)
            # An even number, so that each A B B A is whole and begins with both alike.
            pairs = max(2, sizes.pairs // sizes.restarts // 2 * 2)
            for which in chain.from_iterable(abba(pairs)):
                half, kept = (ours, found.ours) if which == "a" else (baseline, found.baseline)
                kept.append(half(sizes.slice_s))
    return found


def calling(
    client: Client,
    *,
    in_flight: int,
    service: Callable[[], list[int]],
    database: Callable[[], list[int]] = list,
) -> Run:
    """Return the half that keeps calls in flight at one server.

    Shape: `service` and `database` give the processes whose CPU counts.
    """

    def run(seconds: float) -> Slice:
        own, others = service(), database()
        before = cpu_s(own), cpu_s(others)
        sample = client.closed(in_flight=in_flight, seconds=seconds)
        after = cpu_s(own), cpu_s(others)
        return Slice(
            calls=sample.done,
            failed=sample.failed,
            seconds=sample.seconds,
            service_cpu_s=after[0] - before[0],
            database_cpu_s=after[1] - before[1],
            p50_s=percentile(sample.latencies_s, 50),
            p99_s=percentile(sample.latencies_s, 99),
            client_share=sample.client_cpu_s / sample.seconds,
        )

    return run
