"""B11: from the commit of a fact in one service to the commit of its effect in another."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg
from mantle.planning.v1 import budget_service_pb2 as pb
from mantle.type.v1.org_unit_pb2 import OrgUnitChanged

from chassis.events.domain import SHARDS
from chassis.rpc.methods import method_of
from local import ports
from local.databases import ServiceDatabase
from tests.bench.cases.gate import messages
from tests.bench.load import Client, each
from tests.bench.machine import cpu_s
from tests.bench.pairs import Run, Sizes, Slice, compare
from tests.bench.stage import POLL_S, NotStarted, Process, Stage
from tests.bench.statistics import abba, interval_of, percentile
from tests.bench.table import Row, at_least, at_most
from tests.support.server import libpq

METHOD = method_of(pb.ReserveBudgetRequest)
TABLES = """
CREATE TABLE bench_effect (event_id uuid PRIMARY KEY, unit_id text NOT NULL);
CREATE TABLE bench_cursor (position bigint NOT NULL);
INSERT INTO bench_cursor VALUES (0);
"""
OLD = """
INSERT INTO event (event_id, type, ordering_key, partition, keep, occur_time, actor, traceparent,
                   payload)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'mantle.type.v1.OrgUnitChanged', 'unit-' || n, n & 63,
       'reference', now(), 'bench', '', %(payload)s
FROM generate_series(1, %(count)s) n
"""
OLD_POSITIONS = "INSERT INTO event_position (position, id) SELECT id, id FROM event ORDER BY id"
FILL = """
INSERT INTO event (event_id, type, ordering_key, partition, keep, occur_time, actor, traceparent,
                   payload)
SELECT gen_random_uuid(), 'mantle.type.v1.OrgUnitChanged', 'unit-' || n, (hashtext(n::text) & 63),
       'reference', now(), 'bench', '', %(payload)s
FROM generate_series(1, %(count)s) n
"""
NUMBER = """
INSERT INTO event_position (position, id)
SELECT (SELECT coalesce(max(position), 0) FROM event_position) + row_number() OVER (ORDER BY e.id),
       e.id
FROM event e LEFT JOIN event_position p ON p.id = e.id WHERE p.id IS NULL
"""
STAND = """
INSERT INTO subscription_cursor (source, shard, position)
SELECT 'planning', shard, %(position)s FROM generate_series(0, %(shards)s - 1) shard
"""
PAYLOAD = OrgUnitChanged(unit_id="u" * 36, path="hq/" + "u" * 36 + "/", version=1)
OLD_PAYLOAD = OrgUnitChanged(unit_id="u", path="hq/u/", version=1)
BULK = 2_000
FEW_OLD, MANY_OLD = 10_000, 10_000_000
RATE = 100.0
HOLD_S = 3.0
PAIRS = 8
APPLY_WAIT_S = 60.0
RATIO_GOAL, NOTIFY_GOAL, GROWTH_GOAL, HELD_GOAL = 0.6, 5.0, 1.1, 1.05
_pause = threading.Event().wait


@dataclass(slots=True)
class Ends:
    """Hold a writer and a reader with their databases."""

    stage: Stage
    log: ServiceDatabase
    effects: ServiceDatabase
    writer: Process
    reader: Process

    def ages_s(self) -> list[float]:
        """Return how old the facts were whose effects were committed since the last call."""
        place = self.stage.directory / f"ages-{time.monotonic_ns()}.json"
        assert self.reader.popen.stdin is not None
        self.reader.popen.stdin.write(f"{place}\n".encode())
        self.reader.popen.stdin.flush()
        deadline = time.monotonic() + APPLY_WAIT_S
        while not place.exists():
            if time.monotonic() > deadline:
                raise NotStarted("the reader does not answer")
            _pause(POLL_S)
        found: list[float] = json.loads(place.read_text())
        return found


@contextmanager
def ends(stage: Stage, *, old: int = 0) -> Iterator[Ends]:
    """Start a writer with some old facts in its log, and a reader that stands behind them."""
    log, effects = stage.database("planning"), stage.database("channels")
    prepare(effects)
    if old:
        age(log, old)
        with psycopg.connect(libpq(effects.owner_url)) as db:
            db.execute(STAND, {"position": old, "shards": SHARDS})
    port = ports.choose()
    writer = stage.launch(
        "log_ends", "writer", port=port, environment=stage.environment("planning", log.app_url, {})
    )
    reader = stage.launch(
        "log_ends",
        "reader",
        environment=stage.environment("channels", effects.app_url, {"planning": port}),
    )
    try:
        with stage.running(writer, reader):
            yield Ends(stage, log, effects, writer, reader)
    finally:
        for database in (log, effects):
            stage.drop(database)


def age(log: ServiceDatabase, count: int) -> None:
    """Put old facts with their positions into an empty log.

    Units: ten million need two minutes and 4 GB.
    """
    with psycopg.connect(libpq(log.owner_url), autocommit=True) as db:
        db.execute(OLD, {"count": count, "payload": OLD_PAYLOAD.SerializeToString()})
        db.execute(OLD_POSITIONS)
        db.execute("VACUUM ANALYZE event, event_position")


def prepare(effects: ServiceDatabase) -> None:
    """Make the tables that effects go to."""
    with psycopg.connect(libpq(effects.owner_url)) as db:
        db.execute(TABLES)


def fill(log: ServiceDatabase, count: int) -> None:
    """Put facts without positions into a log."""
    with psycopg.connect(libpq(log.owner_url)) as db:
        db.execute(FILL, {"count": count, "payload": PAYLOAD.SerializeToString()})


def bulk(
    log: ServiceDatabase, effects: ServiceDatabase, pids: list[int], *, numbered: bool, size: int
) -> Run:
    """Return the half that commits facts at once and waits until all have their effect.

    Shape: a slice is one such bulk, however long it takes.
    """
    watch = psycopg.connect(libpq(effects.owner_url), autocommit=True)

    def count() -> int:
        row = watch.execute("SELECT count(*) FROM bench_effect").fetchone()
        assert row is not None
        return int(row[0])

    def run(_seconds: float) -> Slice:
        # Counting must not cost more with each slice.
        watch.execute("TRUNCATE bench_effect")
        before_s = cpu_s(pids)
        fill(log, size)
        if numbered:
            with psycopg.connect(libpq(log.owner_url)) as db:
                db.execute(NUMBER)
        begin_s = time.perf_counter()
        while count() < size:
            if time.perf_counter() - begin_s > APPLY_WAIT_S:
                raise NotStarted("facts were not applied in time")
            _pause(POLL_S / 5)
        seconds = time.perf_counter() - begin_s
        return Slice(size, 0, seconds, cpu_s(pids) - before_s)

    return run


@contextmanager
def bulks(stage: Stage, size: int) -> Iterator[tuple[Run, Run]]:
    """Open the subscription and the bare reader, each with a log of its own."""
    with ends(stage) as ours:
        log, effects = stage.database("planning"), stage.database("channels")
        prepare(effects)
        bare = stage.launch("bare_reader", libpq(log.owner_url), libpq(effects.owner_url))
        try:
            with stage.running(bare):
                yield (
                    bulk(
                        ours.log,
                        ours.effects,
                        [ours.writer.pid, ours.reader.pid],
                        numbered=False,
                        size=size,
                    ),
                    bulk(log, effects, [bare.pid], numbered=True, size=size),
                )
        finally:
            for database in (log, effects):
                stage.drop(database)


def notify_ages_s(stage: Stage, *, count: int) -> list[float]:
    """Return how long a bare NOTIFY takes from one connection to another."""
    url = libpq(stage.postgres.superuser_url())
    ages = []
    with (
        psycopg.connect(url, autocommit=True) as teller,
        psycopg.connect(url, autocommit=True) as listener,
    ):
        listener.execute("LISTEN bench")
        for _ in range(count):
            begin_s = time.perf_counter()
            teller.execute("NOTIFY bench")
            for _ in listener.notifies(timeout=5, stop_after=1):
                ages.append(time.perf_counter() - begin_s)
    return ages


def single_ages_s(made: Ends, client: Client, *, seconds: float) -> list[float]:
    """Commit facts one by one at a fixed rate, and return the ages of their effects."""
    made.ages_s()
    sample = client.open(rate=RATE, seconds=seconds)
    sample.require_served()
    ages: list[float] = []
    deadline = time.monotonic() + APPLY_WAIT_S
    while len(ages) < sample.done:
        ages += made.ages_s()
        assert time.monotonic() < deadline, "a fact has no effect"
        _pause(POLL_S)
    return ages


@contextmanager
def held(log: ServiceDatabase) -> Iterator[None]:
    """Keep a transaction open that has written an event and does not commit."""
    with psycopg.connect(libpq(log.owner_url)) as db:
        db.execute(FILL, {"count": 1, "payload": PAYLOAD.SerializeToString()})
        yield
        db.rollback()


@dataclass(frozen=True, slots=True)
class Ages:
    """Hold the ages of a stretch of facts as percentiles, in seconds."""

    p50: float
    p99: float


Look = Callable[[], Ages]


@contextmanager
def looking(stage: Stage, sizes: Sizes, *, old: int) -> Iterator[tuple[Ends, Look]]:
    """Open both ends of a log with some old facts, and give what measures the ages of new ones."""
    with ends(stage, old=old) as made:
        token = stage.issuer.mint("bench", ["finance"], unit_id="hq")
        client = Client(made.writer.address, METHOD.name, each(iter(fresh())), token=token)

        def look() -> Ages:
            ages = single_ages_s(made, client, seconds=HOLD_S)
            return Ages(percentile(ages, 50), percentile(ages, 99))

        single_ages_s(made, client, seconds=sizes.warm_s)
        yield made, look


def fresh() -> Iterator[bytes]:
    """Give requests that were never sent."""
    while True:
        yield from messages(64)


def pairs_of(ours: Look, other: Look, sizes: Sizes) -> list[tuple[Ages, Ages]]:
    """Look by turns, A B B A."""
    found = []
    for first, _ in abba(1 if sizes.short else PAIRS):
        if first == "a":
            a, b = ours(), other()
        else:
            b, a = other(), ours()
        found.append((a, b))
    return found


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure throughput in bulk, and age one by one, quiet and beside a held transaction."""
    size = 500 if sizes.short else BULK
    applied = compare(lambda: bulks(stage, size), sizes)
    notify_s = percentile(notify_ages_s(stage, count=500), 99)
    with looking(stage, sizes, old=FEW_OLD) as (made, look):

        def beside() -> Ages:
            with held(made.log):
                return look()

        found = pairs_of(beside, look, sizes)
    p99_s = interval_of([quiet.p99 for _, quiet in found])
    p50_ms = interval_of([quiet.p50 * 1e3 for _, quiet in found])
    slower = interval_of([held_.p99 / quiet.p99 for held_, quiet in found])
    return [
        Row(
            "B11 events applied",
            f"{size} facts to effects through gRPC, cursor and lease / bare cursor and unnest",
            f"≥ {RATIO_GOAL}",
            f"{applied.throughput}; CPU {applied.service_cpu}"
            f" ({applied.level('ours', lambda one: one.rate):.0f}/s,"
            f" {applied.level('ours', lambda one: one.service_us):.0f} µs an event)",
            at_least(applied.throughput.median, RATIO_GOAL),
            str(applied.same),
        ),
        Row(
            "B11 commit to effect",
            f"p99 at {RATE:.0f}/s, from the record of the fact to the commit of its effect"
            " / p99 of a bare NOTIFY",
            f"≤ {NOTIFY_GOAL:.0f}",
            f"{p99_s.median / notify_s:.2f} ({p99_s.low / notify_s:.2f}–"
            f"{p99_s.high / notify_s:.2f}): p99 {p99_s.median * 1e3:.1f} ms,"
            f" p50 {p50_ms.median:.1f} ms, NOTIFY {notify_s * 1e3:.2f} ms",
            at_most(p99_s.median / notify_s, NOTIFY_GOAL),
        ),
        Row(
            "B11 held transaction",
            f"p99 while a transaction with a fact is open for {HOLD_S:.0f} s / without",
            f"≤ {HELD_GOAL}",
            f"{slower}; p50 {interval_of([a.p50 / b.p50 for a, b in found])}",
            at_most(slower.median, HELD_GOAL),
        ),
    ]


def old(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure age one by one with few and with many old facts, by turns."""
    many = FEW_OLD * 2 if sizes.short else MANY_OLD
    with (
        looking(stage, sizes, old=many) as (_, look),
        looking(stage, sizes, old=FEW_OLD) as (_, look_at_few),
    ):
        found = pairs_of(look, look_at_few, sizes)
    growth = interval_of([a.p99 / b.p99 for a, b in found])
    middle = interval_of([a.p50 / b.p50 for a, b in found])
    p99_ms = interval_of([a.p99 * 1e3 for a, _ in found])
    return [
        Row(
            "B11 old events",
            f"p99 from commit to effect with {many:,} old facts / with {FEW_OLD:,}",
            f"≤ {GROWTH_GOAL}",
            f"{growth}; p50 {middle} (p99 {p99_ms.median:.1f} ms)",
            at_most(growth.median, GROWTH_GOAL),
        ),
    ]
