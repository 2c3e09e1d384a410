"""Postings into the ledger: many in a statement against one a transaction."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from operator import attrgetter

from chassis.database import Database
from chassis.ids import new_id
from chassis.money import Money
from settlement.ledger import usecases
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, unit_account
from tests.bench.machine import cpu_s
from tests.bench.pairs import Comparison, Run, Sizes, Slice, compare
from tests.bench.stage import Stage
from tests.bench.table import Row, at_least
from tests.support.books import check_books
from tests.support.server import START

BATCH = 500
PARTNERS = 1_000
AMOUNT_MINOR = 100
GOAL = 10_000
REASON = Reason("bench", "bench", "1", date(2026, 3, 2), START)


def moves() -> Iterator[Move]:
    """Give postings without end: revenue of one unit, owed by partners in turn."""
    revenue = unit_account(AccountCode.REVENUE, "hq", "CNY")
    partners = [AccountRef(AccountCode.RECEIVABLE, f"D{n}", "hq", "CNY") for n in range(PARTNERS)]
    amount = Money("CNY", AMOUNT_MINOR)
    while True:
        for partner in partners:
            yield Move(new_id(), partner, revenue, amount, REASON)


def posting(database: Database, backends: Callable[[], list[int]], *, size: int) -> Run:
    """Return the half that posts so many at once, each such batch a transaction.

    Shape: a call is one posting: its own use case, one move. The making of the moves counts.
    """
    source = moves()
    own = [os.getpid()]

    def run(seconds: float) -> Slice:
        others = backends()
        before = cpu_s(own), cpu_s(others)
        begin_s = time.perf_counter()
        calls = 0
        while time.perf_counter() - begin_s < seconds:
            batch = [[next(source)] for _ in range(size)]
            with database.transaction() as tx:
                usecases.post_all(tx, batch)
            calls += size
        seconds = time.perf_counter() - begin_s
        after = cpu_s(own), cpu_s(others)
        return Slice(calls, 0, seconds, after[0] - before[0], after[1] - before[1])

    return run


@contextmanager
def ledgers(stage: Stage) -> Iterator[tuple[Run, Run]]:
    """Open two ledgers, one for batches and one for single postings, and see at the end that both
    add up."""
    made = [stage.database("settlement") for _ in range(2)]
    opened = [Database(one.app_url, size=1) for one in made]
    try:
        # A connection has a process of its own, whose CPU counts from the first slice on.
        for database in opened:
            database.read(lambda _: None)
        bulk, single = (
            posting(database, stage.backends_of(place), size=size)
            for database, place, size in zip(opened, made, (BATCH, 1), strict=True)
        )
        yield bulk, single
        for place in made:
            check_books(place)
    finally:
        for database in opened:
            database.close()
        for place in made:
            stage.drop(place)


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure postings at once and one by one."""
    found = compare(lambda: ledgers(stage), sizes)
    rate = found.level("ours", lambda one: one.rate)
    return [
        Row(
            "postings, bulk",
            f"{BATCH} postings a transaction over {PARTNERS:,} partners and one revenue account,"
            " one writer; debits = credits and balances = sums after it",
            f"≥ {GOAL:,}/s",
            f"{_figure(found, 'ours')}; {found.throughput} times single",
            at_least(rate, GOAL),
            str(found.same),
        ),
        Row(
            "postings, single",
            "one posting a transaction, the same accounts, one writer",
            "–",
            _figure(found, "baseline"),
        ),
    ]


def _figure(found: Comparison, half: str) -> str:
    rate, own, whole = (
        found.level(half, value)
        for value in (attrgetter("rate"), attrgetter("service_us"), attrgetter("whole_us"))
    )
    return f"{rate:,.0f}/s; CPU a posting {own:.0f} µs, with PostgreSQL {whole:.0f} µs"
