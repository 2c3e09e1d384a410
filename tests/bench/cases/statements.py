"""B8: the balance and the statement of an account as of any day, in a small and a large ledger."""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, timedelta

import psycopg

from chassis.database import Database, Transaction
from chassis.database import run as run_statement
from chassis.paging import Page
from chassis.period import Month
from local.databases import ServiceDatabase
from settlement.ledger import balance_storage, months, storage
from tests.bench.pairs import Run, Sizes, Slice, compare
from tests.bench.stage import Stage
from tests.bench.table import Row, at_most
from tests.support.books import check_books
from tests.support.server import libpq

FEW, MANY, NIGHT, TRY = 10_000, 1_000_000, 10_000_000, 20_000
PARTNERS = 100
FIRST_DAY = date(2024, 9, 1)
DAYS = 546
CLOSED_MONTHS = 17
ACCOUNT = "revenue:hq:CNY"
PAGE = 50
GROWTH_GOAL, KEY_GOAL = 1.2, 1.5
SEED = 8

ACCOUNTS = """
INSERT INTO account (account_id, code, holder_id, unit_id, currency_code, debits_minor,
  credits_minor)
SELECT 'receivable:D' || n || ':CNY', 'receivable', 'D' || n, 'hq', 'CNY', 0, 0
FROM generate_series(0, %(partners)s - 1) AS n
UNION ALL SELECT 'revenue:hq:CNY', 'revenue', 'hq', 'hq', 'CNY', 0, 0
"""
TRANSFERS = """
INSERT INTO transfer (transfer_id, kind, debit_account_id, credit_account_id, amount_minor,
  currency_code, post_date, purpose, subject_kind, subject_id, memo, record_time)
SELECT lpad(to_hex(n), 32, '0')::uuid, 'POSTED',
  'receivable:D' || n %% %(partners)s || ':CNY', 'revenue:hq:CNY', 1 + n %% 1000, 'CNY',
  %(first)s + (n * %(days)s / %(count)s)::integer, 'bench', 'order', n::text, '',
  '2026-03-02T02:00:00Z'
FROM generate_series(0, %(count)s::bigint - 1) AS n
"""
SIDES = """
INSERT INTO account_day (account_id, post_date, debits_minor, credits_minor)
SELECT debit_account_id, post_date, sum(amount_minor), 0 FROM transfer GROUP BY 1, 2
UNION ALL SELECT credit_account_id, post_date, 0, sum(amount_minor) FROM transfer GROUP BY 1, 2
"""
SUMS = """
UPDATE account AS a SET debits_minor = s.debits, credits_minor = s.credits
FROM (SELECT account_id, sum(debits_minor) AS debits, sum(credits_minor) AS credits
      FROM account_day GROUP BY 1) AS s
WHERE a.account_id = s.account_id
"""
# Filled without them and given them afterwards: the same ledger in a quarter of the time.
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = 'transfer' AND indexdef NOT LIKE 'CREATE UNIQUE%'
"""
BY_KEY = "SELECT debits_minor, credits_minor FROM account WHERE account_id = %(account_id)s"
CHECK = """
SELECT coalesce(sum(amount_minor), 0)::bigint FROM transfer
WHERE credit_account_id = %(account_id)s AND post_date <= %(day)s
"""

Read = Callable[[Transaction, date], object]


def fill(place: ServiceDatabase, count: int) -> None:
    """Put so many transfers into an empty ledger, spread over eighteen months, all months but the
    last closed.

    Units: ten million need some minutes and 6 GB.
    """
    values = {"partners": PARTNERS, "first": FIRST_DAY, "days": DAYS, "count": count}
    with psycopg.connect(libpq(place.owner_url), autocommit=True) as db:
        indexes = db.execute(INDEXES).fetchall()
        for name, _ in indexes:
            db.execute(f'DROP INDEX "{name}"'.encode())
        db.execute(ACCOUNTS, values)
        db.execute(TRANSFERS, values)
        for _, definition in indexes:
            db.execute(definition.encode())
        for statement in (SIDES, SUMS, "VACUUM ANALYZE"):
            db.execute(statement.encode())
    close(place)


def close(place: ServiceDatabase) -> None:
    """Close all months but the last, as the run does."""
    database = Database(place.app_url, size=1)
    for month in Month.of(FIRST_DAY).span(CLOSED_MONTHS):
        with database.transaction() as tx:
            months.lock(tx, month)
            months.write_balances(tx, month, after="")
            months.write_trial(tx, month)
    database.close()


def statement(tx: Transaction, day: date) -> object:
    """Read what a statement is made of: the balance before a day, a page from it on, the balance
    of the last day."""
    end = FIRST_DAY + timedelta(days=DAYS)
    part = Page(PAGE, "bench")
    return (
        balance_storage.sums_until(tx, ACCOUNT, day - timedelta(days=1)),
        storage.page(tx, part, account_id=ACCOUNT, start=day, until=end),
        balance_storage.sums_until(tx, ACCOUNT, end),
    )


def balance(tx: Transaction, day: date) -> object:
    """Read the balance at the end of a day."""
    return balance_storage.sums_until(tx, ACCOUNT, day)


def by_key(tx: Transaction, _day: date) -> object:
    """Read one row by its primary key, through the same driver."""
    return run_statement(tx, BY_KEY, {"account_id": ACCOUNT}).fetchone()


def reading(database: Database, read: Read) -> Run:
    """Return the half that reads as of random days, each in a transaction of its own."""
    chance = random.Random(SEED)

    def run(seconds: float) -> Slice:
        begin_s, calls = time.perf_counter(), 0
        while time.perf_counter() - begin_s < seconds:
            day = FIRST_DAY + timedelta(days=chance.randrange(DAYS))
            with database.transaction(read_only=True) as tx:
                read(tx, day)
            calls += 1
        return Slice(calls, 0, time.perf_counter() - begin_s, 0.0)

    return run


@contextmanager
def halves(
    few: ServiceDatabase, many: ServiceDatabase, reads: tuple[Read, Read]
) -> Iterator[tuple[Run, Run]]:
    """Open a connection to each of two ledgers."""
    opened = [Database(one.app_url, size=1) for one in (few, many)]
    try:
        first, second = (
            reading(database, read) for database, read in zip(opened, reads, strict=True)
        )
        yield first, second
    finally:
        for database in opened:
            database.close()


def require_truth(place: ServiceDatabase) -> None:
    """See that the books add up, and that a balance of a day is the sum of its transfers."""
    check_books(place)
    database = Database(place.app_url, size=1)
    with database.transaction(read_only=True) as tx:
        for step in (0, 100, DAYS):
            day = FIRST_DAY + timedelta(days=step)
            values = {"account_id": ACCOUNT, "day": day}
            row = run_statement(tx, CHECK, values).fetchone()
            assert row is not None and row[0] == balance_storage.sums_until(tx, ACCOUNT, day)[1]
    database.close()


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure both reads in a small and a large ledger, and the balance against a key."""
    count = TRY if sizes.short else NIGHT if sizes.long else MANY
    places = [stage.database("settlement") for _ in range(2)]
    try:
        for place, size in zip(places, (FEW, count), strict=True):
            fill(place, size)
            require_truth(place)
        few, many = places
        rows = [
            _growth(few, many, name=name, read=read, count=count, sizes=sizes)
            for name, read in (("statement", statement), ("balance", balance))
        ]
        return [*rows, _key(many, count=count, sizes=sizes)]
    finally:
        for place in places:
            stage.drop(place)


def _growth(
    few: ServiceDatabase,
    many: ServiceDatabase,
    *,
    name: str,
    read: Read,
    count: int,
    sizes: Sizes,
) -> Row:
    found = compare(lambda: halves(few, many, (read, read)), sizes)
    growth = found.throughput
    micros = [1e6 / found.level(half, lambda one: one.rate) for half in ("ours", "baseline")]
    return Row(
        f"B8 {name}, growth",
        f"{name} of one account as of any day of eighteen months, seventeen of them closed:"
        f" {count:,} entries against {FEW:,}, each read a transaction",
        f"≤ {GROWTH_GOAL}",
        f"{growth} ({micros[0]:.0f} µs, {micros[1]:.0f} µs)",
        at_most(growth.median, GROWTH_GOAL),
        str(found.same),
    )


def _key(many: ServiceDatabase, *, count: int, sizes: Sizes) -> Row:
    found = compare(lambda: halves(many, many, (by_key, balance)), sizes)
    return Row(
        "B8 balance",
        f"balance as of any day among {count:,} entries / one row by primary key through the same"
        " driver, each a transaction",
        f"≤ {KEY_GOAL}",
        str(found.throughput),
        at_most(found.throughput.median, KEY_GOAL),
        str(found.same),
    )
