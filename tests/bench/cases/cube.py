"""B9, the roll-up of 1.2 million leaves and of one changed leaf; B10, a total spread over them.

The same numbers stand in the cube, in a table of PostgreSQL and in one of DuckDB in memory. All
three sum the same seven levels, from the whole down to the leaf; the cube gives every month beside.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median

import duckdb
import numpy as np
import psycopg

from chassis.database import Database
from chassis.period import Month
from chassis.scope import Caller
from planning.cube import changing, queries, storage, usecases
from planning.cube.changing import Differences
from planning.cube.domain import Act, Address, Axis, Cell, Kind, Proportional, Where
from planning.cube.exact import Ints
from planning.cube.memory import Memory, memory_of
from planning.cube.packing import pack_change
from planning.cube.rows import Codes, Rows
from planning.cube.sheet import Grouping, Sheet
from planning.cube.storage import Doing, Piece
from planning.organization import usecases as organization
from tests.bench.machine import cpu_s
from tests.bench.pairs import Comparison, Run, Sizes, Slice, compare
from tests.bench.stage import Stage
from tests.bench.statistics import abba, interval_of
from tests.bench.table import Row, at_least, at_most
from tests.support.server import libpq

UNITS, REGIONS, PRODUCTS, CHANNELS, TERMINALS, MONTHS = 100, 10, 25, 10, 4, 12
ROWS = UNITS * PRODUCTS * CHANNELS * TERMINALS
SEED = 20_260_302
YEAR = 2026
MEASURE = "sales"
AT = datetime(2026, 3, 2, tzinfo=UTC)
PLANNER = Caller("bench", frozenset({"service"}), "", "bench")
TOTAL = 123_456_789_012_345
HELD_PRODUCTS = ("P0", "P1", "P2")
PAIRS, PAIRS_SHORT = 6, 2
DELTAS, WRITES = 400, 100
FULL_GOAL, DELTA_GOAL, FLAT_GOAL, SPREAD_GOAL = 1.0, 1.0, 1.1, 0.25
LEVELS: tuple[tuple[Axis, ...], ...] = (
    (),
    (Axis.UNIT,),
    (Axis.OWN_UNIT, Axis.PRODUCT),
    (Axis.OWN_UNIT, Axis.PRODUCT, Axis.CHANNEL),
    (Axis.OWN_UNIT, Axis.PRODUCT, Axis.CHANNEL, Axis.TERMINAL),
)
NUMBERED = """
INSERT INTO cube_row (row_no, unit_id, product_id, channel, terminal_id, xid)
SELECT n, 'U' || n / %(per_unit)s, 'P' || n / %(per_product)s %% %(products)s,
  'C' || n / %(terminals)s %% %(channels)s, 'T' || n %% %(terminals)s, 0
FROM generate_series(0, %(rows)s - 1) n
"""
LISTED = """
INSERT INTO org_unit_copy (unit_id, path, version, record_time)
SELECT unit_id, path, 1, now()
FROM unnest(%(units)s::text[], %(paths)s::text[]) AS unit (unit_id, path) ON CONFLICT DO NOTHING;
"""
MEMBERS = """
INSERT INTO cube_member (axis, code, name, group_code)
VALUES ('PRODUCT', 'P1', '', ''), ('CHANNEL', 'C1', '', '')
"""
TABLE = """
CREATE TABLE bench_leaf (leaf int, region int, unit int, product int, channel int, terminal int,
  month int, value bigint);
CREATE TABLE bench_share (leaf int, value bigint);
"""
# The sum around it keeps the planner from leaving out what nobody reads.
ROLL_UP = """
SELECT count(*), sum(level) FROM (
  SELECT sum(value) AS level FROM bench_leaf
  GROUP BY ROLLUP (region, unit, product, channel, terminal, month)
) levels
"""
# Exact by the largest remainder; 128 bits are numeric here. New rows are cheaper than an UPDATE.
SPREAD = """
TRUNCATE bench_share;
WITH whole AS (
  SELECT %(left)s::numeric AS left_, sum(value) AS weight FROM bench_leaf WHERE product > 2
), floors AS (
  SELECT leaf, div(left_ * value, weight) AS share, left_ * value %% weight AS rest, left_
  FROM bench_leaf, whole WHERE product > 2
), ranked AS (
  SELECT leaf, share, row_number() OVER (ORDER BY rest DESC, leaf) AS place,
    left_ - sum(share) OVER () AS over
  FROM floors
)
INSERT INTO bench_share
SELECT leaf, share + CASE WHEN place <= over THEN 1 ELSE 0 END FROM ranked
UNION ALL SELECT leaf, value FROM bench_leaf WHERE product <= 2
"""


@dataclass(slots=True)
class Numbers:
    """Hold the same leaves three times."""

    database: Database
    rows: psycopg.Connection
    duck: duckdb.DuckDBPyConnection
    values: Ints
    version_id: str

    def fill(self) -> None:
        """Write the leaves everywhere."""
        self._fill_cube()
        leaves = _leaves(self.values)
        with self.rows.cursor() as cursor:
            cursor.execute(TABLE)
            with cursor.copy("COPY bench_leaf FROM STDIN") as copy:
                for line in zip(*(column.tolist() for column in leaves.values()), strict=True):
                    copy.write_row(line)
        self.rows.commit()
        self.rows.autocommit = True
        self.rows.execute("VACUUM ANALYZE bench_leaf")
        self.duck.register("filled", leaves)
        self.duck.execute("CREATE TABLE bench_leaf AS SELECT * FROM filled")

    def _fill_cube(self) -> None:
        differing = {(MEASURE, YEAR): Differences.dense(self.values)}
        with self.database.transaction(timeout_s=120) as tx:
            organization.ensure_root(tx, at=AT)
            version = usecases.create_version(tx, name="bench", kind=Kind.PLAN, by=PLANNER, at=AT)
            self.version_id = version.version_id
            doing = Doing(Act.IMPORT, "bench", "bench", AT)
            changing.act(tx, self.version_id, doing, differing=differing)
            usecases.fold(tx)

    def branch(self, name: str) -> None:
        """Go on with a version that has the leaves as they were filled."""
        with self.database.transaction() as tx:
            base = usecases.version_named(tx, "bench")
            assert base is not None
            branched = usecases.branch(tx, base.version_id, name=name, by=PLANNER, at=AT)
        self.version_id = branched.version_id


def _leaves(values: Ints) -> dict[str, Ints]:
    """Return the leaves as columns."""
    row, month = np.divmod(np.arange(values.size), MONTHS)
    unit = row // (ROWS // UNITS)
    return {
        "leaf": np.arange(values.size),
        "region": unit // (UNITS // REGIONS),
        "unit": unit,
        "product": row // (CHANNELS * TERMINALS) % PRODUCTS,
        "channel": row // TERMINALS % CHANNELS,
        "terminal": row % TERMINALS,
        "month": month,
        "value": values.reshape(-1),
    }


@contextmanager
def numbers(stage: Stage) -> Iterator[Numbers]:
    """Open all three with the same leaves."""
    place = stage.database("planning")
    database = Database(place.app_url, size=2)
    values = np.random.default_rng(SEED).integers(1, 1_000_000, (ROWS, MONTHS))
    with psycopg.connect(libpq(place.owner_url)) as rows, duckdb.connect() as duck:
        counts = {
            "rows": ROWS,
            "per_unit": ROWS // UNITS,
            "per_product": CHANNELS * TERMINALS,
            "products": PRODUCTS,
            "channels": CHANNELS,
            "terminals": TERMINALS,
        }
        rows.execute(NUMBERED, counts)
        rows.execute(LISTED, {"units": list(paths()), "paths": list(paths().values())})
        rows.execute(MEMBERS)
        rows.commit()
        made = Numbers(database, rows, duck, values, "")
        made.fill()
        yield made
    database.close()
    stage.drop(place)


def paths() -> dict[str, str]:
    """Return the tree: the headquarters, ten regions, ten units in each."""
    regions = {f"R{number}": f"hq/R{number}/" for number in range(REGIONS)}
    per_region = UNITS // REGIONS
    units = {f"U{number}": f"hq/R{number // per_region}/U{number}/" for number in range(UNITS)}
    return {"hq": "hq/", **regions, **units}


def groupings_of(rows: Rows, levels: tuple[tuple[Axis, ...], ...] = LEVELS) -> list[Grouping]:
    """Return the groupings of the seven levels; the leaf is the sheet itself."""
    return [Grouping.of(rows, axes, paths=paths(), groups={}) for axes in levels]


def looping(act: Callable[[], object], *, pids: Callable[[], list[int]] = list) -> Run:
    """Return the half that does something over and over."""

    def run(seconds: float) -> Slice:
        done, before, begin_s = 0, cpu_s(pids()), time.perf_counter()
        while time.perf_counter() < begin_s + seconds or not done:
            act()
            done += 1
        took_s = time.perf_counter() - begin_s
        return Slice(done, 0, took_s, cpu_s(pids()) - before)

    return run


def timed(act: Callable[[], object], times: int) -> float:
    """Return the median time of an act in milliseconds."""
    took = []
    for _ in range(times):
        begin_s = time.perf_counter()
        act()
        took.append(time.perf_counter() - begin_s)
    return median(took) * 1_000


def roll_up(made: Numbers, groupings: list[Grouping], *, read: bool) -> Callable[[], object]:
    """Return the roll-up of all levels, of a sheet in memory or of one that is read first."""
    kept = Sheet(made.values)

    def ours() -> object:
        sheet = kept
        if read:
            with (
                made.database.transaction(read_only=True) as tx,
                Memory().opened(tx, made.version_id) as book,
            ):
                sheet = book.sheet(tx, MEASURE, YEAR)
        sheet.kept.clear()
        return [sheet.sums(grouping) for grouping in groupings]

    return ours


def delta(sheet: Sheet, groupings: list[Grouping]) -> Callable[[], None]:
    """Return the change of one leaf, seen at the whole, its region, its unit and so on down."""
    random = np.random.default_rng(SEED)
    for grouping in groupings:
        sheet.sums(grouping)

    def one() -> None:
        row, month = int(random.integers(0, len(sheet.values))), int(random.integers(0, MONTHS))
        sheet.apply(np.array([row]), np.array([month]), np.array([7]))
        for grouping in groupings:
            group = grouping.group_of_row[row]
            first, last = grouping.first_of[group], grouping.first_of[group + 1]
            assert sheet.sums(grouping)[grouping.line_of[first:last], month].all()

    return one


def kept(made: Numbers) -> Callable[[], None]:
    """Return what makes one changed cell durable: the one statement of an act, committed."""
    doing = Doing(Act.WRITE, "", "bench", AT)
    piece = Piece(MEASURE, YEAR, 0, pack_change(np.array([3]), np.array([7])))

    def one() -> None:
        with made.database.transaction() as tx:
            storage.act(tx, made.version_id, doing, pieces=[piece])

    return one


def durable(made: Numbers) -> Callable[[], None]:
    """Return the write of one cell by the use case, committed."""
    numbers_ = iter(np.random.default_rng(SEED).integers(0, UNITS, WRITES * 4).tolist())

    def one() -> None:
        cell = Cell(MEASURE, Address(f"U{next(numbers_)}", "P1", "C1", "T1", Month(YEAR, 3)), 7)
        with made.database.transaction() as tx:
            usecases.write(tx, made.version_id, [cell], by=PLANNER, at=AT, add=True)

    return one


def require_alike(made: Numbers, groupings: list[Grouping]) -> None:
    """See that all three have the same whole and the same number of leaves."""
    [(_, found)] = made.rows.execute(ROLL_UP).fetchall()
    [(_, duck)] = made.duck.execute(ROLL_UP).fetchall()
    sheet = Sheet(made.values)
    whole = int(sheet.sums(groupings[0]).sum())
    assert found == duck == 7 * whole, "the three do not sum alike"


def wide() -> tuple[Sheet, list[Grouping]]:
    """Return ten times the leaves, in memory alone."""
    count = ROWS * 10
    names = (UNITS, PRODUCTS, CHANNELS * 10, TERMINALS)
    codes = tuple(
        Codes([f"{letter}{n}" for n in range(size)])
        for letter, size in zip("UPCT", names, strict=True)
    )
    row = np.arange(count)
    columns = (
        row // (count // UNITS),
        row // (CHANNELS * 10 * TERMINALS) % PRODUCTS,
        row // TERMINALS % (CHANNELS * 10),
        row % TERMINALS,
    )
    rows = Rows(codes, tuple(column.astype(np.int32) for column in columns))  # type: ignore[arg-type]
    values = np.ones((count, MONTHS), dtype=np.int64)
    return Sheet(values), groupings_of(rows, LEVELS[:4])


def spread_once(made: Numbers) -> Callable[[], None]:
    """Return the spread of a total over all leaves, three products held, committed."""
    totals = iter(range(TOTAL, TOTAL + 10_000))

    def one() -> None:
        with made.database.transaction(timeout_s=120) as tx:
            usecases.spread(
                tx,
                made.version_id,
                MEASURE,
                where=Where(),
                total=next(totals),
                rule=Proportional(made.version_id),
                held=[Where(products=HELD_PRODUCTS)],
                by=PLANNER,
                at=AT,
            )

    return one


def spread_by_sql(made: Numbers, left: int) -> Callable[[], None]:
    """Return the same as one statement of PostgreSQL, committed."""

    def one() -> None:
        truncate, statement = SPREAD.split(";", 1)
        with made.rows.transaction():
            made.rows.execute(truncate)
            made.rows.execute(statement, {"left": left})

    return one


def require_exact(made: Numbers, left: int) -> None:
    """See that the cube's shares are those of SQL with 128 bits, cell by cell."""
    spread_by_sql(made, left)()
    spread_once(made)()
    found = made.rows.execute("SELECT value FROM bench_share ORDER BY leaf").fetchall()
    with made.database.transaction(read_only=True) as tx:
        rows = memory_of(tx).rows(tx)
        chosen = queries.select(rows, Where(), paths={})
        ours = queries.values_of(tx, made.version_id, MEASURE, chosen=chosen)[YEAR]
    assert [value for (value,) in found] == ours[:ROWS].reshape(-1).tolist()


def measured(ours: Run, baseline: Run, pairs: int) -> Comparison:
    """Run each half once a pair; what takes seconds is not done for a third of one."""
    found = Comparison()
    for order in abba(pairs):
        for which in order:
            half, kept = (ours, found.ours) if which == "a" else (baseline, found.baseline)
            kept.append(half(0))
    return found


def rolled(made: Numbers, sizes: Sizes) -> list[Row]:
    """Measure B9."""
    made.branch("B9")
    with made.database.transaction(read_only=True) as tx:
        rows = memory_of(tx).rows(tx)
    groupings = groupings_of(rows)
    require_alike(made, groupings)

    @contextmanager
    def against_duck() -> Iterator[tuple[Run, Run]]:
        yield (
            looping(roll_up(made, groupings, read=True)),
            looping(lambda: made.duck.execute(ROLL_UP).fetchall()),
        )

    full = compare(against_duck, sizes)
    in_memory = timed(roll_up(made, groupings, read=False), 7)
    rows_ms = timed(lambda: made.rows.execute(ROLL_UP).fetchall(), 2 if sizes.short else 7)
    bound_ms = rows_ms / 500
    seen_ms = timed(delta(Sheet(made.values.copy()), groupings), DELTAS)
    kept_ms = timed(kept(made), WRITES)
    written_ms = timed(durable(made), WRITES)
    narrow_ms = timed(delta(Sheet(made.values.copy()), groupings[:4]), DELTAS)
    wide_ms = timed(delta(*wide()), DELTAS)
    return [
        Row(
            "B9 full roll-up",
            f"{ROWS * MONTHS:,} leaves, 7 levels, the cube read from its chunks / DuckDB in memory,"
            " the same rows; rows and groupings known",
            f"≥ {FULL_GOAL}",
            f"{full.throughput} ({1_000 / full.level('ours', _rate):.0f} ms /"
            f" {1_000 / full.level('baseline', _rate):.0f} ms; in memory {in_memory:.0f} ms)",
            at_least(full.throughput.median, FULL_GOAL),
            str(full.same),
        ),
        Row(
            "B9 one leaf, visible",
            "one changed leaf at every ancestor of five groupings, in memory / 1/500 of"
            " PostgreSQL's roll-up of the same rows",
            f"≤ {DELTA_GOAL}",
            f"{seen_ms / bound_ms:.3f} ({seen_ms * 1_000:.0f} µs; PostgreSQL {rows_ms:.0f} ms)",
            at_most(seen_ms / bound_ms, DELTA_GOAL),
        ),
        Row(
            "B9 one leaf, durable",
            "one changed leaf committed: its one statement / 1/500 of PostgreSQL's roll-up; beside"
            " it the whole use case with all its checks",
            f"≤ {DELTA_GOAL}",
            f"{kept_ms / bound_ms:.2f} ({kept_ms:.2f} ms; use case {written_ms:.2f} ms)",
            at_most(kept_ms / bound_ms, DELTA_GOAL),
        ),
        Row(
            "B9 one leaf, 10x",
            f"the same at {ROWS * MONTHS * 10:,} leaves / at {ROWS * MONTHS:,}, four groupings",
            f"≤ {FLAT_GOAL}",
            f"{wide_ms / narrow_ms:.2f}",
            at_most(wide_ms / narrow_ms, FLAT_GOAL),
        ),
    ]


def spread(made: Numbers, sizes: Sizes) -> list[Row]:
    """Measure B10."""
    made.branch("B10")
    held = made.values.reshape(UNITS, PRODUCTS, -1)[:, : len(HELD_PRODUCTS)].sum()
    left = TOTAL - int(held)
    require_exact(made, left)
    found = measured(
        looping(spread_once(made)),
        looping(spread_by_sql(made, left)),
        PAIRS_SHORT if sizes.short else PAIRS,
    )
    ratio = interval_of(
        [one.seconds / other.seconds for one, other in zip(found.ours, found.baseline, strict=True)]
    )
    times = {
        name: median(one.seconds for one in half) * 1_000
        for name, half in (("ours", found.ours), ("sql", found.baseline))
    }
    return [
        Row(
            "B10 spread",
            f"a total over {ROWS * MONTHS:,} leaves in proportion, 12 % held, exact, durable;"
            " SpreadTotal's use case / one SQL statement with windows into new rows, equal cell by"
            " cell",
            f"≤ {SPREAD_GOAL}",
            f"{ratio} ({times['ours']:.0f} ms / {times['sql']:.0f} ms)",
            at_most(ratio.median, SPREAD_GOAL),
            str(found.same),
        )
    ]


def run(stage: Stage, sizes: Sizes) -> list[Row]:
    """Measure the roll-up, one changed leaf, and a spread."""
    with numbers(stage) as made:
        # What filling has left to be written would be written during the first commits.
        with stage.postgres.admin() as admin:
            admin.execute("CHECKPOINT")
        return [*rolled(made, sizes), *spread(made, sizes)]


def _rate(one: Slice) -> float:
    return one.rate
