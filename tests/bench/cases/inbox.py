"""My open steps: an inbox costs the same among ten thousand processes as among a hundred.

Twice, because two plans of the database are behind it: a manager has few steps, all in one unit;
headquarters have all there are, and read the first page of them.
"""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg
from mantle.process.v1 import process_service_pb2 as pb

from chassis.rpc.methods import method_of
from tests.bench.load import Client, over
from tests.bench.pairs import Run, Sizes, calling, compare
from tests.bench.stage import Side, Stage, side
from tests.bench.table import Row, at_least, at_most
from tests.support.server import libpq

METHOD = method_of(pb.ListOpenStepsRequest)
ROLE, DEFINITION = "planning_team_manager", "campaign"
MANAGER, HEADQUARTERS = "a0", "hq"
MANY, FEW, MINE, PAGE = 10_000, 100, 20, 50
UNITS = 200
STEPS = 12
IN_FLIGHT = 8
GOAL, CPU_GOAL = 0.90, 1.10
# Every unit has as many open steps of the role as the caller's; one process in two has ended.
FILL = """
INSERT INTO org_unit_copy (unit_id, path, version, record_time)
SELECT 'a' || n, 'hq/a' || n || '/', 1, now() FROM generate_series(0, %(units)s - 1) n
ON CONFLICT DO NOTHING;

CREATE TEMP TABLE made AS
SELECT gen_random_uuid() AS process_id, n,
       'a' || CASE WHEN n < %(mine)s THEN 0 ELSE 1 + n %% (%(units)s - 1) END AS unit_id,
       n >= %(mine)s AND n %% 2 = 0 AS done
FROM generate_series(0, %(count)s - 1) n;

INSERT INTO process_instance (process_id, definition, version, subject_kind, subject_id, unit_id,
  keys, traceparent, create_time, state, revision, done)
SELECT process_id, %(definition)s, 1, 'bench', n::text, unit_id, '{}', '',
       '2026-01-01'::timestamptz + n * interval '1 minute', 'PLANNING', 1, done
FROM made;

INSERT INTO process_step (process_id, step, key, state, unit_id, role, done_by, done_time,
  open_time)
SELECT process_id, step, '',
       CASE WHEN done OR step < 3 THEN 'DONE' WHEN step = 3 THEN 'OPEN' ELSE 'WAITING' END,
       unit_id, %(role)s,
       CASE WHEN done OR step < 3 THEN 'bench' END,
       CASE WHEN done OR step < 3 THEN now() END,
       '2026-01-01'::timestamptz + n * interval '1 minute'
FROM made, generate_series(1, %(steps)s) step;
"""


def filled(made: Side, count: int, unit_id: str) -> Client:
    """Put running and ended processes into a service, and return a client that asks for the steps
    of one person."""
    values = {
        "units": UNITS,
        "mine": MINE,
        "count": count,
        "definition": DEFINITION,
        "role": ROLE,
        "steps": STEPS,
    }
    database = made.databases["planning"]
    with psycopg.connect(libpq(database.owner_url), autocommit=True) as db:
        for statement in FILL.split(";\n"):
            if statement.strip():
                db.execute(statement, values)
        # What autovacuum does by itself on a table that is a minute old.
        db.execute("VACUUM ANALYZE process_step")
        db.execute("VACUUM ANALYZE process_instance")
        db.execute("VACUUM ANALYZE org_unit_copy")
    token = made.stage.issuer.mint(unit_id, [ROLE], unit_id=unit_id)
    request = pb.ListOpenStepsRequest().SerializeToString()
    return Client(made.address("planning"), METHOD.name, over([request]), token=token)


def require_sense(client: Client, unit_id: str) -> None:
    """See that a manager gets the own open steps, all of them, and headquarters a full page; both
    the oldest first."""
    found = pb.ListOpenStepsResponse.FromString(client.one())
    subjects = [int(one.subject_id) for one in found.open_steps]
    assert subjects == sorted(subjects)
    assert subjects[:MINE] == list(range(MINE))
    assert len(subjects) == (MINE if unit_id == MANAGER else PAGE)
    assert bool(found.next_page_token) == (unit_id == HEADQUARTERS)


@contextmanager
def among(stage: Stage, unit_id: str) -> Iterator[tuple[Run, Run]]:
    """Open the same inbox among many processes, and among few."""
    with ExitStack() as stack:
        many, few = (
            _half(stack.enter_context(side(stage, "planning")), count, unit_id)
            for count in (MANY, FEW)
        )
        yield many, few


def _half(made: Side, count: int, unit_id: str) -> Run:
    client = filled(made, count, unit_id)
    require_sense(client, unit_id)
    return calling(
        client,
        in_flight=IN_FLIGHT,
        service=lambda: made.pids("planning"),
        database=made.stage.backends_of(made.databases["planning"]),
    )


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure inboxes among many processes against the same among few."""
    return [
        _row(stage, sizes, MANAGER, f"{MINE} steps of one manager"),
        _row(stage, sizes, HEADQUARTERS, f"the first {PAGE} steps of headquarters"),
    ]


def _row(stage: Stage, sizes: Sizes, unit_id: str, what: str) -> Row:
    found = compare(lambda: among(stage, unit_id), sizes)
    return Row(
        f"Inbox growth, {unit_id}",
        f"ListOpenSteps, {what} among {MANY:,} processes in {UNITS} units, half of them ended /"
        f" among {FEW}",
        f"≥ {GOAL}, CPU ≤ {CPU_GOAL}",
        f"{found.throughput} ({found.level('ours', lambda one: one.rate):.0f}/s);"
        f" CPU with PostgreSQL {found.whole_cpu}",
        f"{at_least(found.throughput.median, GOAL)};"
        f" CPU {at_most(found.whole_cpu.median, CPU_GOAL)}",
        str(found.same),
    )
