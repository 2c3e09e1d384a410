"""A month's commission stated: 100,000 lines of 1,000 partners by the run's own chunks, against one
statement for all."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from statistics import median

import psycopg

from chassis import telemetry
from chassis.clock import FixedClock
from chassis.database import Database
from chassis.period import Month
from chassis.work import storage
from chassis.work import usecases as work
from chassis.work.backdoor import BackDoor
from chassis.work.domain import State
from chassis.work.runner import Runner
from settlement.commission import stating
from settlement.commission.wire import FACTS
from tests.bench.machine import cpu_s
from tests.bench.pairs import Sizes
from tests.bench.stage import Stage
from tests.bench.table import Row, at_least
from tests.support.server import libpq

LINES = 100_000
LINES_SHORT = 5_000
PARTNERS = 1_000
ROUNDS = 5
GOAL = 20_000
AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
NOW = datetime(2028, 1, 5, 2, 0, tzinfo=UTC)
FILL = """
INSERT INTO commission_entry (entry_id, partner_id, unit_id, event_kind, per, order_id, offer_id,
  campaign_id, product_id, quantity, rate_minor, amount_minor, currency_code, policy_id, state,
  accrue_date, accrue_time, confirm_date, occasion, share, basis, base_minor, base_quantity)
SELECT gen_random_uuid(), 'D' || (n %% %(partners)s), 'hq', 'sale', 'line',
  gen_random_uuid()::text, '', '', 'P1', 1, 500 + n %% 100, 500 + n %% 100, 'CNY',
  gen_random_uuid(), 'CONFIRMED', %(day)s, %(at)s, %(day)s, '', '', 'posting', 10000, 1
FROM generate_series(1, %(lines)s) AS n
"""
# What the chunks do for all partners at once, without what a run needs beside it.
WHOLE = """
WITH stated AS (
  UPDATE commission_entry SET state = 'STATED',
    statement_id = md5(partner_id || '/' || %(month)s || '/' || currency_code)::uuid
  WHERE state = 'CONFIRMED' AND confirm_date < %(end)s
  RETURNING partner_id, currency_code, unit_id, amount_minor - reversed_minor AS minor
)
INSERT INTO commission_statement (statement_id, partner_id, unit_id, month, currency_code,
  entry_count, entry_minor, reversal_count, reversal_minor, state_date)
SELECT md5(partner_id || '/' || %(month)s || '/' || currency_code)::uuid, partner_id, min(unit_id),
  %(month)s, currency_code, count(*), sum(minor), 0, 0, %(end)s
FROM stated GROUP BY partner_id, currency_code
"""
RULES = {
    "every line is on one statement": """
        SELECT entry_id FROM commission_entry LEFT JOIN commission_statement USING (statement_id)
        WHERE state <> 'STATED' OR commission_statement.statement_id IS NULL""",
    "a statement is the sum of its lines": """
        SELECT statement_id FROM commission_statement JOIN commission_entry USING (statement_id)
        GROUP BY statement_id, entry_minor, entry_count
        HAVING (sum(amount_minor), count(*)) <> (entry_minor, entry_count)""",
}


@dataclass(frozen=True, slots=True)
class Round:
    """Hold how fast one month was stated. Units: seconds of the clock and of the CPU."""

    lines: int
    seconds: float
    cpu_s: float

    @property
    def rate(self) -> float:
        """Return lines a second."""
        return self.lines / self.seconds

    @property
    def line_us(self) -> float:
        """Return the CPU a line, with PostgreSQL's, in microseconds."""
        return self.cpu_s / self.lines * 1e6


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure months stated by chunks and by one statement, in turn."""
    lines = LINES_SHORT if sizes.short else LINES
    place = stage.database("settlement")
    database = Database(place.app_url, size=1)
    ours: list[Round] = []
    whole: list[Round] = []
    try:
        month = Month(2026, 3)
        for number in range(2 * (1 if sizes.short else ROUNDS)):
            with psycopg.connect(libpq(place.owner_url), autocommit=True) as db:
                filled = {"partners": PARTNERS, "lines": lines, "day": month.first_day, "at": AT}
                db.execute(FILL, filled)
                db.execute("VACUUM ANALYZE commission_entry")
            stage.checkpoint()
            # The order changes within the pairs: the table grows under both alike.
            mine = number % 4 in (0, 3)
            act, found = (by_chunks, ours) if mine else (at_once, whole)
            found.append(
                timed(database, month, act, lines=lines, backends=stage.backends_of(place))
            )
            month = month.next()
        with psycopg.connect(libpq(place.owner_url)) as db:
            for rule, query in RULES.items():
                assert db.execute(query.encode()).fetchall() == [], rule
    finally:
        database.close()
        stage.drop(place)
    return [_row(ours, whole, lines)]


def timed(
    database: Database,
    month: Month,
    act: Callable[[Database, Month], None],
    *,
    lines: int,
    backends: Callable[[], list[int]],
) -> Round:
    """Time a month."""
    database.read(lambda _: None)
    own = [os.getpid(), *backends()]
    before, begin_s = cpu_s(own), time.perf_counter()
    act(database, month)
    seconds = time.perf_counter() - begin_s
    return Round(lines, seconds, cpu_s(own) - before)


def by_chunks(database: Database, month: Month) -> None:
    """State a month by a run: its chunks with their facts, cursors and leases."""
    measured = telemetry.set_up("settlement", instance="bench")
    back_door = BackDoor(
        database, facts=FACTS, clock=FixedClock(NOW), committed=lambda: None, telemetry=measured
    )
    step = stating.steps(FixedClock(NOW), zone=UTC)
    runner = Runner(back_door, kinds={stating.STATEMENTS: step})
    with database.transaction() as tx:
        cursor = {"month": str(month), "after": ""}
        begun = work.run(
            tx, stating.STATEMENTS, str(month), unit_id="hq", requested_by="bench", cursor=cursor
        )
    while runner.turn():
        pass
    with database.transaction() as tx:
        assert storage.get(tx, begun.id).state is State.DONE
    measured.stop()


def at_once(database: Database, month: Month) -> None:
    """State a month by one statement."""
    end: date = month.next().first_day
    with database.transaction(timeout_s=60) as tx:
        tx.exec_driver_sql(WHOLE, {"month": str(month), "end": end})


def _row(ours: list[Round], whole: list[Round], lines: int) -> Row:
    rate = median(one.rate for one in ours)
    best = median(one.rate for one in whole)
    line_us = median(one.line_us for one in ours)
    return Row(
        "commission",
        f"a month of {lines:,} confirmed lines of {PARTNERS:,} partners stated by a run, 200 a"
        " chunk with their facts, one writer; every line on one statement, sums equal after it",
        f"≥ {GOAL:,} lines/s",
        f"{rate:,.0f} lines/s; CPU a line {line_us:.0f} µs with PostgreSQL;"
        f" one statement for all {best:,.0f} lines/s, so {rate / best:.2f} of it",
        at_least(rate, GOAL),
    )
