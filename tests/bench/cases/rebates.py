"""A month's accrual of rebate over a large base: our run in chunks against one SQL statement that
leaves the same rows, growth, memory, and what a kill costs."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from itertools import chain
from statistics import median
from typing import Any

import psycopg

from chassis import scope
from chassis.database import Database
from chassis.policy import usecases as policies
from local.databases import ServiceDatabase
from settlement.__main__ import POLICIES
from settlement.policy_kinds import KINDS
from tests.bench.pairs import Sizes
from tests.bench.stage import Stage
from tests.bench.statistics import abba, interval_of, ratios_of
from tests.bench.table import Row, at_least, at_most
from tests.support.books import check_books
from tests.support.server import ROOT_UNIT, START, libpq

MONTH, YEAR = "2026-12", 2026
# A partner pays four invoices a week.
A_PARTNER = 200
ROWS, ROWS_SHORT = 100_000, 1_000
RATIO_GOAL, GROWTH_GOAL, MEMORY_GOAL = 0.80, 10.5, 1.1
WAIT_S = 60.0

FILL = """
INSERT INTO rebate_base (entry_id, year, partner_id, unit_id, order_id, product_id, kind,
  amount_minor, currency_code, day)
SELECT uuidv7(), %(year)s, 'D' || lpad((n %% %(partners)s)::text, 6, '0'), %(unit_id)s,
  'O' || n, '', CASE WHEN n %% 20 = 0 THEN 'RETURN' ELSE 'PURCHASE' END,
  100000 + n::bigint * 7919 %% 3000000, 'CNY', make_date(%(year)s, 1 + n %% 12, 1 + n %% 28)
FROM generate_series(1, %(rows)s) AS n
"""
FILL_MONTHS = """
INSERT INTO rebate_month (year, partner_id, currency_code, month, unit_id, purchases_minor,
  returns_minor, exclusions_minor)
SELECT year, partner_id, currency_code, date_trunc('month', day), unit_id,
  coalesce(sum(amount_minor) FILTER (WHERE kind = 'PURCHASE'), 0),
  coalesce(sum(amount_minor) FILTER (WHERE kind = 'RETURN'), 0), 0
FROM rebate_base GROUP BY 1, 2, 3, 4, 5
"""
# A partner's accounts are opened when it is activated, so both halves find them.
RESET = """
TRUNCATE rebate_accrual, transfer, account, account_day, event, work_run, work_preview CASCADE;
INSERT INTO account (account_id, code, holder_id, unit_id, currency_code, debits_minor,
  credits_minor)
SELECT 'rebate_accrued:' || partner_id || ':CNY', 'rebate_accrued', partner_id, 'hq', 'CNY', 0, 0
FROM (SELECT DISTINCT partner_id FROM rebate_base) AS known
UNION ALL SELECT 'rebate_expense:hq:CNY', 'rebate_expense', 'hq', 'hq', 'CNY', 0, 0;
"""
# What the best hand would write: one pass, one statement, the tiers spelled out in it.
ONE_STATEMENT = """
WITH total AS (
  SELECT partner_id, sum(CASE WHEN kind IN ('PURCHASE', 'READMISSION') THEN amount_minor
    ELSE -amount_minor END)::bigint AS base_minor
  FROM rebate_base WHERE year = 2026 AND day < '2027-01-01' GROUP BY partner_id
), rated AS (
  SELECT partner_id, base_minor, uuidv7() AS transfer_id, round(base_minor * CASE
    WHEN base_minor >= 200000000 THEN 0.03 WHEN base_minor >= 100000000 THEN 0.02
    WHEN base_minor >= 50000000 THEN 0.01 ELSE 0 END)::bigint AS amount_minor
  FROM total
), accrued AS (
  INSERT INTO rebate_accrual (year, partner_id, period, unit_id, currency_code, policy_id,
    credit_grade, base_minor, rebate_minor, delta_minor, transfer_id, post_date)
  SELECT 2026, partner_id, '2026-12', 'hq', 'CNY', uuidv7(), '', base_minor, amount_minor,
    amount_minor, transfer_id, '2026-12-31'
  FROM rated WHERE amount_minor > 0
), side AS (
  SELECT 'rebate_accrued:' || partner_id || ':CNY' AS account_id, 0 AS debits,
    amount_minor AS credits
  FROM rated WHERE amount_minor > 0
  UNION ALL SELECT 'rebate_expense:hq:CNY', sum(amount_minor)::bigint, 0 FROM rated
), moved AS (
  UPDATE account AS a SET debits_minor = debits_minor + side.debits,
    credits_minor = credits_minor + side.credits
  FROM side WHERE a.account_id = side.account_id
), moved_day AS (
  INSERT INTO account_day (account_id, post_date, debits_minor, credits_minor)
  SELECT account_id, '2026-12-31', debits, credits FROM side
)
INSERT INTO transfer (transfer_id, kind, debit_account_id, credit_account_id, amount_minor,
  currency_code, post_date, purpose, subject_kind, subject_id, memo, record_time)
SELECT transfer_id, 'POSTED', 'rebate_expense:hq:CNY', 'rebate_accrued:' || partner_id || ':CNY',
  amount_minor, 'CNY', '2026-12-31', 'rebate_accrued', 'rebate', '2026-12', '', now()
FROM rated WHERE amount_minor > 0
"""
RESULT = """
SELECT count(*), coalesce(sum(delta_minor), 0)::bigint, (SELECT count(*) FROM transfer),
  (SELECT coalesce(sum(credits_minor), 0)::bigint FROM account),
  (SELECT coalesce(sum(credits_minor), 0)::bigint FROM account_day)
FROM rebate_accrual
"""
LEFT = """
SELECT (SELECT count(*) FROM rebate_accrual), done_count, state, cursor ->> 'after',
  (SELECT coalesce(max(partner_id), '') FROM rebate_accrual), (SELECT count(*) FROM event)
FROM work_run
"""


@dataclass(frozen=True, slots=True)
class Done:
    """Hold what one pod did. Units: seconds; KiB."""

    seconds: float
    chunks: int
    peak_kib: int


@dataclass(slots=True)
class Year:
    """Hold a database whose base has so many rows."""

    place: ServiceDatabase
    owner: psycopg.Connection[Any]
    rows: int

    def ours(self) -> Done:
        """Run the accrual in a pod of its own."""
        self.owner.execute(RESET.encode())
        found = subprocess.run(self._words(), capture_output=True, text=True, check=True)
        return Done(**json.loads(found.stdout.splitlines()[-1]))

    def one_statement(self) -> float:
        """Do the same by one statement. Units: seconds."""
        self.owner.execute(RESET.encode())
        with psycopg.connect(libpq(self.place.app_url)) as db:
            begin_s = time.perf_counter()
            db.execute(ONE_STATEMENT.encode())
            db.commit()
            return time.perf_counter() - begin_s

    def result(self) -> tuple[Any, ...]:
        """Return what either half left, in sums."""
        [row] = self.owner.execute(RESULT.encode()).fetchall()
        return tuple(row)

    def killed(self) -> int:
        """Kill a pod in the middle, let another go on, and return how many chunks were committed
        when it died."""
        self.owner.execute(RESET.encode())
        with subprocess.Popen(self._words(), stdout=subprocess.DEVNULL) as pod:
            deadline = time.monotonic() + WAIT_S
            while not self._chunks() and pod.poll() is None:
                assert time.monotonic() < deadline, "no chunk was done"
            pod.kill()
        [(rows, done, state, after, last, chunks)] = self.owner.execute(LEFT.encode()).fetchall()
        assert (rows, state) == (done, "RUNNING") and last <= after, "a part of a chunk was left"
        self.owner.execute(b"UPDATE work_run SET lease_until = now() - interval '1 s'")
        subprocess.run(self._words(), capture_output=True, check=True)
        return int(chunks)

    def _chunks(self) -> int:
        row = self.owner.execute(b"SELECT count(*) FROM event").fetchone()
        return int(row[0]) if row else 0

    def _words(self) -> list[str]:
        return [sys.executable, "-m", "tests.bench.servers.accrual", self.place.app_url, MONTH]


def a_year(stage: Stage, rows: int) -> Year:
    """Fill a base of so many rows, of a two hundredth as many partners."""
    place = stage.database("settlement")
    database = Database(place.app_url, size=1)
    with database.transaction() as tx:
        scope.copy_unit(tx, unit_id=ROOT_UNIT, path=f"{ROOT_UNIT}/", version=1, at=START)
        policies.ensure_defaults(tx, directory=POLICIES, kinds=KINDS, at=START)
    database.close()
    owner = psycopg.connect(libpq(place.owner_url), autocommit=True)
    values = {"year": YEAR, "partners": rows // A_PARTNER, "unit_id": ROOT_UNIT, "rows": rows}
    owner.execute(FILL.encode(), values)
    owner.execute(FILL_MONTHS.encode())
    owner.execute(b"VACUUM ANALYZE rebate_base, rebate_month")
    return Year(place, owner, rows)


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure the accrual of a small and a ten times larger base."""
    rows = ROWS_SHORT if sizes.short else ROWS
    small, large = a_year(stage, rows), a_year(stage, 10 * rows)
    pairs = 2 if sizes.short else 8
    ours, theirs = _compared(large, pairs)
    little = [small.ours() for _ in range(pairs)]
    speed = interval_of(ratios_of(theirs, [one.seconds for one in ours]))
    growth = median(one.seconds for one in ours) / median(one.seconds for one in little)
    memory = max(one.peak_kib for one in ours) / max(one.peak_kib for one in little)
    same = _same_result(large)
    committed = 0 if sizes.short else large.killed()
    assert large.result() == same, "the pod that went on left something else"
    check_books(large.place)
    seconds = median(one.seconds for one in ours)
    return [
        Row(
            "B7 rebates",
            f"{large.rows:,} rows of base of {large.rows // A_PARTNER:,} partners → tiers →"
            f" balanced postings, in chunks of 1,000 partners that read sums kept by month / the"
            f" best single statement over the rows",
            f"≥ {RATIO_GOAL}",
            f"{speed}; {large.rows / seconds:,.0f} rows/s ({seconds:.2f} s,"
            f" by one statement {median(theirs):.2f} s)",
            at_least(speed.median, RATIO_GOAL),
        ),
        Row(
            "B7 rebates, growth",
            f"time at {large.rows:,} / at {small.rows:,} rows",
            f"≤ {GROWTH_GOAL}",
            f"{growth:.2f}",
            at_most(growth, GROWTH_GOAL),
        ),
        Row(
            "B7 rebates, memory",
            f"peak memory of the pod at {large.rows:,} / at {small.rows:,} rows",
            f"≤ {MEMORY_GOAL}",
            f"{memory:.3f} ({max(one.peak_kib for one in ours) / 1024:.0f} MiB)",
            at_most(memory, MEMORY_GOAL),
        ),
        Row(
            "B7 rebates, kill",
            "chunks that stood when the pod was killed; nothing of the one under way; the next pod"
            " goes on behind them to the same result",
            "≤ 1 chunk lost",
            "not tried" if sizes.short else f"{committed} stood, 0 done twice",
            "–" if sizes.short else "met",
        ),
    ]


def _compared(year: Year, pairs: int) -> tuple[list[Done], list[float]]:
    """Run both halves in turn."""
    year.ours()
    ours: list[Done] = []
    theirs: list[float] = []
    for which in chain.from_iterable(abba(pairs)):
        if which == "a":
            ours.append(year.ours())
        else:
            theirs.append(year.one_statement())
    return ours, theirs


def _same_result(year: Year) -> tuple[Any, ...]:
    """Let each half do it once more, and return what both leave."""
    year.one_statement()
    by_statement = year.result()
    year.ours()
    by_run = year.result()
    assert by_run == by_statement, f"{by_run} is not {by_statement}"
    return by_run
