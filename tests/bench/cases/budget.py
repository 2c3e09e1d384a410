"""B6, the budget line that everybody wants, and B13 on the same RPC."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import cycle

import psycopg
from mantle.planning.v1 import budget_service_pb2 as pb
from mantle.type.v1 import money_pb2

from chassis.ids import new_id
from chassis.rpc.methods import method_of
from chassis.wire import from_time
from tests.bench.counts import count
from tests.bench.load import Client, each
from tests.bench.pairs import Run, Sizes, calling, compare
from tests.bench.stage import Side, Stage, side
from tests.bench.table import Row, at_least, at_most
from tests.support.server import libpq

METHOD = method_of(pb.ReserveBudgetRequest)
CALLERS = 64
ENOUGH = {"MANTLE_CONCURRENCY": str(CALLERS)}
IN_FLIGHT = 32
LINES = 1_000
PLENTY_MINOR = 10**14
PART_MINOR = 100
FITS = 300
FAILED_PRECONDITION = 9
HOT_GOAL, SAFETY_GOAL, SAFETY_CPU_GOAL = 0.90, 0.90, 1.10
LINE = """
INSERT INTO budget_line (budget_line_id, unit_id, name, expense_type, start_date, end_date,
  currency_code, amount_minor, spent_minor, state, version, created_by, approved_by)
VALUES (%s, 'hq', 'bench', 'campaign', '2026-01-01', '2027-01-01', 'CNY', %s, 0, 'EFFECTIVE', 1,
  'bench', 'other')
"""
HELD = """
SELECT coalesce(sum(amount_minor), 0)::bigint, count(*) FROM budget_reservation
WHERE budget_line_id = %(line)s AND state IN ('PENDING', 'CONFIRMED')
"""


def lines(made: Side, number: int, *, amount_minor: int = PLENTY_MINOR) -> list[str]:
    """Write budget lines that can be reserved from, and return their ids."""
    ids = [new_id() for _ in range(number)]
    with psycopg.connect(libpq(made.databases["planning"].owner_url)) as db, db.cursor() as cursor:
        cursor.executemany(LINE, [(one, amount_minor) for one in ids])
    return ids


def holds(made: Side, line_ids: list[str]) -> Iterator[bytes]:
    """Give requests to hold a small part of the lines in turn, each sent once."""
    expire_time = from_time(made.stage.clock.now() + timedelta(days=30))
    for line_id in cycle(line_ids):
        yield pb.ReserveBudgetRequest(
            request_id=new_id(),
            budget_line_id=line_id,
            amount=money_pb2.Money(currency_code="CNY", amount_minor=PART_MINOR),
            owner_service="settlement",
            owner_kind="expense_claim",
            owner_id=new_id(),
            expire_time=expire_time,
        ).SerializeToString()


def caller(made: Side, line_ids: list[str]) -> Client:
    """Return a client that reserves from lines in turn."""
    token = made.stage.issuer.mint("bench", ["finance"], unit_id="hq")
    return Client(made.address("planning"), METHOD.name, each(holds(made, line_ids)), token=token)


@contextmanager
def hot(stage: Stage) -> Iterator[tuple[Run, Run]]:
    """Open one line, and a thousand, of the same service."""
    with side(stage, "planning", extra=ENOUGH) as made:
        require_no_oversell(made)
        database = stage.backends_of(made.databases["planning"])
        one, many = (
            calling(
                caller(made, lines(made, number)),
                in_flight=CALLERS,
                service=_pids_of(made),
                database=database,
            )
            for number in (1, LINES)
        )
        yield one, many


def require_no_oversell(made: Side) -> None:
    """See that 64 callers get exactly what a line has, and not a part more."""
    [line_id] = lines(made, 1, amount_minor=FITS * PART_MINOR + PART_MINOR // 2)
    sample = caller(made, [line_id]).closed(in_flight=CALLERS, calls=FITS * 2)
    [(held_minor, held)] = made.rows("planning", HELD, line=line_id)
    granted = sample.done
    assert held_minor == held * PART_MINOR <= FITS * PART_MINOR, "a line was oversold"
    assert held == granted, "what was granted is what is held"
    refused = sample.codes[FAILED_PRECONDITION]
    assert granted == FITS or granted + refused < FITS * 2, "a part that fits was refused"


@contextmanager
def safety(stage: Stage) -> Iterator[tuple[Run, Run]]:
    """Open planning with and without identity, access and validation."""
    with ExitStack() as stack:
        halves = []
        for words in ((), ("open",)):
            made = stack.enter_context(side(stage, "planning", words=words))
            halves.append(
                calling(
                    caller(made, lines(made, LINES)),
                    in_flight=IN_FLIGHT,
                    service=_pids_of(made),
                    database=stage.backends_of(made.databases["planning"]),
                )
            )
        yield halves[0], halves[1]


def _pids_of(made: Side) -> Callable[[], list[int]]:
    return lambda: made.pids("planning")


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure the hot line, and what safety costs a reservation."""
    alone = count(stage, "planning", lambda made: caller(made, lines(made, LINES)))
    crowd = count(stage, "planning", lambda made: caller(made, lines(made, 1)), in_flight=CALLERS)
    row = compare(lambda: hot(stage), sizes)
    on = compare(lambda: safety(stage), sizes)
    return [
        Row(
            "B6 hot budget line",
            f"ReserveBudget, {CALLERS} callers on one line / over {LINES:,} lines; no oversell",
            f"≥ {HOT_GOAL}",
            f"{row.throughput} ({row.level('ours', lambda one: one.rate):.0f}/s);"
            f" CPU with PostgreSQL {row.whole_cpu}",
            at_least(row.throughput.median, HOT_GOAL),
            str(row.same),
        ),
        Row("B6 counts, alone", "one ReserveBudget, one caller", "–", str(alone)),
        Row("B6 counts, crowd", f"one of {CALLERS} callers on one line", "–", str(crowd)),
        Row(
            "B13 safety",
            f"ReserveBudget over {LINES:,} lines, {IN_FLIGHT} in flight: token, access, scope and"
            " validation on / off (mTLS is the mesh's)",
            f"≥ {SAFETY_GOAL}, CPU ≤ {SAFETY_CPU_GOAL}",
            f"{on.throughput}; CPU with PostgreSQL {on.whole_cpu}",
            f"{at_least(on.throughput.median, SAFETY_GOAL)};"
            f" CPU {at_most(on.whole_cpu.median, SAFETY_CPU_GOAL)}",
            f"{on.same}; CPU {on.same_cpu}",
        ),
    ]
