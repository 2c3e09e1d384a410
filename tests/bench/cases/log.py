"""B11: from the commit of a fact in one service to the commit of its effect in another."""

import json
import threading
import time
from collections.abc import Iterator
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
from tests.bench.statistics import interval_of, percentile
from tests.bench.table import Row, at_least, at_most
from tests.support.server import libpq

METHOD = method_of(pb.ReserveBudgetRequest)
TABLES = """
CREATE TABLE bench_effect (event_id uuid PRIMARY KEY, unit_id text NOT NULL);
CREATE TABLE bench_cursor (position bigint NOT NULL);
INSERT INTO bench_cursor VALUES (0);
"""
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
BULK = 2_000
RATE = 100.0
HOLD_S = 3.0
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
        fill(log, old)
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


def prepare(effects: ServiceDatabase) -> None:
    """Make the tables that effects go to."""
    with psycopg.connect(libpq(effects.owner_url)) as db:
        db.execute(TABLES)


def fill(log: ServiceDatabase, count: int, *, numbered: bool = True) -> None:
    """Put facts into a log, with or without their positions."""
    values = {"count": count, "payload": PAYLOAD.SerializeToString()}
    with psycopg.connect(libpq(log.owner_url)) as db:
        db.execute(FILL, values)
        if numbered:
            db.execute(NUMBER)
    if numbered:
        with psycopg.connect(libpq(log.owner_url), autocommit=True) as db:
            db.execute("VACUUM ANALYZE event, event_position")


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
        wanted = count() + size
        before_s = cpu_s(pids)
        fill(log, size, numbered=False)
        if numbered:
            with psycopg.connect(libpq(log.owner_url)) as db:
                db.execute(NUMBER)
        begin_s = time.perf_counter()
        while count() < wanted:
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
    """Hold the 99th percentiles of one session, in seconds."""

    quiet: float
    held: float
    median: float


def ages_of(stage: Stage, sizes: Sizes, *, old: int) -> list[Ages]:
    """Return the ages with some old facts in the log, quiet and beside a held transaction, by
    turns."""
    rounds = 1 if sizes.short else 6
    found = []
    with ends(stage, old=old) as made:
        token = stage.issuer.mint("bench", ["finance"], unit_id="hq")
        client = Client(made.writer.address, METHOD.name, each(iter(fresh())), token=token)
        single_ages_s(made, client, seconds=sizes.warm_s)
        for _ in range(rounds):
            quiet = single_ages_s(made, client, seconds=HOLD_S)
            with held(made.log):
                beside = single_ages_s(made, client, seconds=HOLD_S)
            found.append(Ages(percentile(quiet, 99), percentile(beside, 99), percentile(quiet, 50)))
    return found


def fresh() -> Iterator[bytes]:
    """Give requests that were never sent."""
    while True:
        yield from messages(64)


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure throughput in bulk and age one by one, with few and with many old facts."""
    size = 500 if sizes.short else BULK
    many = 20_000 if sizes.short else 10_000_000 if sizes.long else 1_000_000
    applied = compare(lambda: bulks(stage, size), sizes)
    notify_s = percentile(notify_ages_s(stage, count=500), 99)
    few_old = ages_of(stage, sizes, old=10_000)
    many_old = ages_of(stage, sizes, old=many)
    quiet = interval_of([one.quiet for one in few_old])
    growth = interval_of([b.quiet / a.quiet for a, b in zip(few_old, many_old, strict=True)])
    beside = interval_of([one.held / one.quiet for one in (*few_old, *many_old)])
    median_ms = interval_of([one.median * 1e3 for one in few_old])
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
            f"{quiet.median / notify_s:.2f} ({quiet.low / notify_s:.2f}–"
            f"{quiet.high / notify_s:.2f}): p99 {quiet.median * 1e3:.1f} ms,"
            f" p50 {median_ms.median:.1f} ms, NOTIFY {notify_s * 1e3:.2f} ms",
            at_most(quiet.median / notify_s, NOTIFY_GOAL),
        ),
        Row(
            "B11 old events",
            f"p99 with {many:,} old facts / with 10,000",
            f"≤ {GROWTH_GOAL}",
            str(growth),
            at_most(growth.median, GROWTH_GOAL),
        ),
        Row(
            "B11 held transaction",
            f"p99 while a transaction with a fact is open for {HOLD_S:.0f} s / without",
            f"≤ {HELD_GOAL}",
            str(beside),
            at_most(beside.median, HELD_GOAL),
        ),
    ]
