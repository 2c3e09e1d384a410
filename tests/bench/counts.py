"""What one call costs in things that can be counted, and are the same on every machine."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median

from tests.bench.load import Client
from tests.bench.proxy import CountingProxy
from tests.bench.stage import Side, Stage, side
from tests.support.spans import read_spans

CALLS = 60


@dataclass(frozen=True, slots=True)
class CallCounts:
    """Hold counts a call of one service; round trips and statements are those to PostgreSQL."""

    round_trips: float
    statements: float
    transactions: float
    wal_bytes: float
    spans: float

    def __str__(self) -> str:
        return (
            f"{self.round_trips:.3g} round trips, {self.statements:.3g} statements,"
            f" {self.transactions:.3g} transactions, {self.wal_bytes:.0f} B of WAL,"
            f" {self.spans:.3g} spans"
        )


@contextmanager
def watched(stage: Stage) -> Iterator[CountingProxy]:
    """Open a relay to the stage's server."""
    proxy = CountingProxy(stage.postgres.port)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()


def count(
    stage: Stage,
    service: str,
    prepare: Callable[[Side], Client],
    *,
    in_flight: int = 1,
) -> CallCounts:
    """Count what a call does to the database, and the spans it leaves at full tracing.

    Shape: `prepare` arranges the data and returns a client whose calls are counted; the first ones,
        which prepare statements and fill caches, are left out.
    """
    with watched(stage) as proxy:
        with side(
            stage,
            service,
            database_port=proxy.listening,
            extra={"MANTLE_TRACE_RATIO": "1", "MANTLE_CONCURRENCY": str(max(16, in_flight))},
            spans=True,
        ) as made:
            client = prepare(made)
            client.closed(in_flight=in_flight, calls=CALLS * in_flight)
            looks = [
                _look(stage, proxy, client, service=service, in_flight=in_flight)
                for _ in range(CALLS)
            ]
        spans = _spans_a_call(made, client.method)
    # The median, because what a service does beside its calls falls into some of them.
    middle = [median(look[place] for look in looks) for place in range(4)]
    round_trips, statements, transactions, wal_bytes = middle
    return CallCounts(round_trips, statements, transactions, wal_bytes, spans)


def _look(
    stage: Stage, proxy: CountingProxy, client: Client, *, service: str, in_flight: int
) -> tuple[float, float, float, float]:
    """Count during as many calls as are in flight, and return the counts a call."""
    before, wal = proxy.of(service), stage.wal_bytes()
    calls = 1 if in_flight == 1 else in_flight * 4
    sample = client.closed(in_flight=in_flight, calls=calls)
    sample.require_served()
    found, wal = proxy.of(service).minus(before), stage.wal_bytes() - wal
    counted = (found.round_trips, found.statements, found.transactions, wal)
    return tuple(one / sample.done for one in counted)  # type: ignore[return-value]


def _spans_a_call(made: Side, method: str) -> float:
    """Return how many spans a trace has whose first span is the method's."""
    spans = list(read_spans(made.telemetry))
    roots = {one["traceId"] for one in spans if one["name"] == method}
    return sum(one["traceId"] in roots for one in spans) / max(1, len(roots))
