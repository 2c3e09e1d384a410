"""Numbers of the cube: what is entered at one level is right at every other, to the last unit."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from random import Random

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from sqlalchemy import event, text

from chassis.allocation import EmptySplit, split
from chassis.database import Database, Transaction
from chassis.ids import new_id
from chassis.period import Month
from chassis.scope import Caller, OutOfScope
from planning.cube import folding, row_storage, storage, usecases
from planning.cube.domain import (
    Act,
    Axis,
    Cell,
    Even,
    Grid,
    Kind,
    Pin,
    Proportional,
    Season,
    Weighted,
    Where,
)
from planning.cube.errors import (
    CellDoubled,
    CellValueInvalid,
    CubeMemberUnknown,
    CubeVersionFrozen,
    CubeVersionNameTaken,
    CubeVersionNotFound,
    HeldExceedsTotal,
    MeasureUnknown,
    PartsNotBalanced,
    SpreadOutside,
)
from planning.cube.memory import PIECES_MAX, Book
from planning.cube.packing import pack_change
from planning.cube.rows import Key
from planning.organization import usecases as organization
from planning.organization.domain import UnitNotFound
from tests.support.cube_desk import AT, PLANNER, YEAR, Desk, address, desk
from tests.support.requirements import req
from tests.support.waiting import until

__all__ = ["desk"]

JANUARY, DECEMBER = YEAR[0], YEAR[-1]
F1_SALES = {
    ("A1", "P1"): 85_500_000,
    ("A1", "P2"): 85_500_000,
    ("A2", "P1"): 51_300_000,
    ("A2", "P2"): 42_750_000,
}


def whole_year(total: int, *, months: tuple[Month, ...] = YEAR) -> Pin:
    """Fix the company's sales."""
    return Pin(
        measure="sales",
        unit_id="hq",
        first_month=months[0],
        last_month=months[-1],
        total=total,
    )


def f1(desk: Desk, version_id: str) -> None:
    """Plan F1's sales: each area and product evenly over the year."""
    for (unit_id, product_id), total in F1_SALES.items():
        grid = Grid(units=(unit_id,), products=(product_id,), months=YEAR)
        desk.spread(version_id, total, rule=Even(grid), where=grid.where())


def branch(desk: Desk, version_id: str) -> str:
    """Begin a what-if of a version."""
    made = desk.do(lambda tx: usecases.branch(tx, version_id, name="6 %", by=PLANNER, at=AT))
    return made.version_id


@req("R-014")
def test_f1_sums_to_the_cent_at_every_level(desk: Desk) -> None:
    plan = desk.version()

    f1(desk, plan)

    assert desk.table(plan, Axis.UNIT) == {
        ("A1",): (171_000_000,),
        ("A2",): (94_050_000,),
        ("hq",): (265_050_000,),
    }
    assert desk.total(plan) == 265_050_000


@req("R-013")
def test_product_plans_sum_to_the_market_plan(desk: Desk) -> None:
    plan = desk.version()

    desk.write(
        plan, {address("hq", "P1"): 15_000_000, address("hq", "P2"): 10_000_000}, measure="expense"
    )

    assert desk.total(plan, measure="expense") == 25_000_000
    assert desk.table(plan, Axis.PRODUCT, measures=["expense"]) == {
        ("P1",): (15_000_000,),
        ("P2",): (10_000_000,),
    }


@req("R-011")
def test_weights_split_a_target_exactly_and_an_unbalanced_one_is_refused(desk: Desk) -> None:
    plan = desk.version()
    parts = (address("hq", "P1"), address("hq", "P2"))
    desk.do(lambda tx: usecases.pin(tx, plan, [whole_year(260_000_000)], by=PLANNER))

    desk.spread(plan, 260_000_000, rule=Weighted(((parts[0], 65), (parts[1], 35))))

    assert desk.cells(plan) == {parts[0]: 169_000_000, parts[1]: 91_000_000}
    with pytest.raises(PartsNotBalanced) as refused:
        desk.write(plan, {parts[0]: 169_000_100, parts[1]: 91_000_000})
    assert refused.value.metadata["difference"] == "100"
    assert desk.cells(plan) == {parts[0]: 169_000_000, parts[1]: 91_000_000}


@req("R-011")
def test_a_hundred_in_three_months(desk: Desk) -> None:
    plan = desk.version()

    desk.spread(plan, 10_000, rule=Even(Grid(units=("A1",), months=YEAR[:3])))

    assert list(desk.cells(plan).values()) == [3_334, 3_333, 3_333]


@req("R-011")
def test_a_million_over_twelve_months_loses_nothing(desk: Desk) -> None:
    plan = desk.version()

    desk.spread(plan, 100_000_000, rule=Even(Grid(units=("A1",), months=YEAR)))

    assert desk.total(plan) == 100_000_000


@req("R-037")
def test_a_shortfall_goes_on_top_of_eleven_months(desk: Desk) -> None:
    plan = desk.version()
    grid = Grid(units=("A1",), products=("P1",), months=YEAR)
    desk.spread(plan, 171_000_000, rule=Even(grid))
    desk.write(plan, {address(): 14_250_000 - 1_425_000})

    later = Grid(units=("A1",), products=("P1",), months=YEAR[1:])
    desk.spread(plan, 1_425_000, rule=Even(later), add=True)

    got = [value - 14_250_000 for value in list(desk.cells(plan).values())[1:]]
    assert got == [129_546] * 5 + [129_545] * 6
    assert desk.total(plan) == 171_000_000


@req("R-054")
def test_a_cut_is_spread_in_proportion_to_what_is_there(desk: Desk) -> None:
    plan = desk.version()
    desk.write(plan, {address("A1"): 7_200_000, address("A2"): 4_800_000})

    desk.spread(plan, 10_500_000, rule=Proportional(plan))

    assert desk.cells(plan) == {address("A1"): 6_300_000, address("A2"): 4_200_000}


@req("R-049")
def test_offices_are_merged_by_area_and_by_channel(desk: Desk) -> None:
    plan = desk.version()
    desk.write(
        plan,
        {
            address("A1", channel="OTC"): 2_500_000,
            address("A1", channel="RX"): 3_500_000,
            address("A2", channel="OTC"): 1_500_000,
            address("A2", channel="RX"): 3_000_000,
        },
    )

    assert desk.table(plan, Axis.OWN_UNIT) == {("A1",): (6_000_000,), ("A2",): (4_500_000,)}
    assert desk.table(plan, Axis.CHANNEL) == {("OTC",): (4_000_000,), ("RX",): (6_500_000,)}
    assert desk.total(plan) == 10_500_000


@req("R-180")
def test_a_plan_sums_alike_on_four_axes_and_twelve_months(desk: Desk) -> None:
    plan = desk.version()
    for area in ("A1", "A2"):
        for number in (1, 2):
            desk.found(f"{area}-rep{number}", parent=area)
    grid = Grid(
        units=("A1-rep1", "A1-rep2", "A2-rep1", "A2-rep2"),
        products=("P1", "P2"),
        terminals=("T1", "T2", "T3"),
        months=YEAR,
    )
    desk.spread(plan, 265_050_000, rule=Even(grid))
    desk.do(lambda tx: usecases.pin(tx, plan, [whole_year(265_050_000)], by=PLANNER))

    areas = desk.table(plan, Axis.UNIT)
    sums = [
        sum(value for (value,) in desk.table(plan, axis).values())
        for axis in (Axis.OWN_UNIT, Axis.PRODUCT, Axis.TERMINAL, Axis.MONTH)
    ]
    assert sums == [265_050_000] * 4
    assert areas["A1",][0] + areas["A2",][0] == areas["hq",][0] == 265_050_000
    assert len(desk.table(plan, Axis.MONTH)) == 12


@req("R-180")
def test_one_rep_more_is_refused_until_another_has_less(desk: Desk) -> None:
    plan = desk.version()
    desk.spread(plan, 10_000, rule=Even(Grid(units=("A1", "A2"), months=YEAR[:1])))
    pin = whole_year(10_000, months=YEAR[:1])
    desk.do(lambda tx: usecases.pin(tx, plan, [pin], by=PLANNER))
    one, other = address("A1", ""), address("A2", "")

    with pytest.raises(PartsNotBalanced):
        desk.write(plan, {one: 1}, add=True)
    desk.write(plan, {one: 1, other: -1}, add=True)

    assert desk.cells(plan) == {one: 5_001, other: 4_999}


@req("R-298")
def test_a_goal_comes_down_to_six_branches(desk: Desk) -> None:
    goal = desk.version("goal 2026")
    branches = [desk.found(f"B{number}") for number in range(1, 7)]

    for unit_id, part in zip(branches, split(1_200_000_000, [1] * 6), strict=True):
        grid = Grid(units=(unit_id,), months=YEAR)
        desk.spread(goal, part, rule=Even(grid), where=grid.where())

    assert desk.total(goal, Where(unit_ids={"hq"})) == 1_200_000_000
    assert [desk.total(goal, Where(unit_ids={one})) for one in branches] == [200_000_000] * 6


def test_a_fixed_total_is_looked_at_when_the_version_is_frozen(desk: Desk) -> None:
    plan = desk.version()
    pin = Pin(measure="sales", unit_id="A1", first_month=JANUARY, last_month=JANUARY, total=5)
    desk.do(lambda tx: usecases.pin(tx, plan, [pin], by=PLANNER))

    with pytest.raises(PartsNotBalanced):
        desk.do(lambda tx: usecases.freeze(tx, plan, by=PLANNER))
    desk.do(lambda tx: usecases.unpin(tx, plan, [pin], by=PLANNER))
    desk.do(lambda tx: usecases.freeze(tx, plan, by=PLANNER))

    with pytest.raises(CubeVersionFrozen):
        desk.write(plan, {address(): 1})


def test_a_held_cell_stays_and_the_others_take_the_rest(desk: Desk) -> None:
    plan = desk.version()
    desk.write(plan, {address("A1"): 300, address("A2"): 100, address("hq"): 100})

    desk.spread(plan, 1_000, rule=Proportional(plan), held=[Where(unit_ids={"A1"})])

    assert desk.cells(plan) == {address("A1"): 300, address("A2"): 350, address("hq"): 350}


def test_more_held_than_there_is_to_give_is_refused(desk: Desk) -> None:
    plan = desk.version()
    desk.write(plan, {address("A1"): 300, address("A2"): 100})

    with pytest.raises(HeldExceedsTotal):
        desk.spread(plan, 200, rule=Even(), held=[Where(unit_ids={"A1"})])


def test_a_spread_beyond_its_selection_is_refused(desk: Desk) -> None:
    plan = desk.version()

    with pytest.raises(SpreadOutside):
        desk.spread(
            plan, 5, rule=Even(Grid(units=("A1",), months=YEAR)), where=Where(unit_ids={"A2"})
        )


def test_a_spread_over_nothing_is_refused(desk: Desk) -> None:
    with pytest.raises(EmptySplit):
        desk.spread(desk.version(), 5, rule=Even())


def test_a_season_is_learned_from_all_years_of_history(desk: Desk) -> None:
    history, plan = desk.version("HISTORY"), desk.version()
    for year in (2024, 2025):
        for month, value in ((1, 100), (2, 200), (3, 100)):
            desk.write(history, {address("A1", month=f"{year}-0{month}"): value})
            desk.write(history, {address("A2", month=f"{year}-0{month}"): 3 * value})

    desk.spread(plan, 8_000, rule=Season(history), where=Where(months=YEAR[:3]))

    assert desk.table(plan, Axis.MONTH) == {
        ("2026-01",): (2_000,),
        ("2026-02",): (4_000,),
        ("2026-03",): (2_000,),
    }
    assert desk.table(plan, Axis.OWN_UNIT) == {("A1",): (2_000,), ("A2",): (6_000,)}


def test_a_proportion_can_be_another_years(desk: Desk) -> None:
    history, plan = desk.version("HISTORY"), desk.version()
    desk.write(history, {address(month="2025-01"): 30, address(month="2025-02"): 10})

    desk.spread(plan, 400, rule=Proportional(history, year=2025), where=Where(months=YEAR))

    assert desk.cells(plan) == {address(month="2026-01"): 300, address(month="2026-02"): 100}


@req("R-165")
def test_a_roll_up_follows_the_tree_of_its_day(desk: Desk) -> None:
    plan = desk.version()
    office = desk.found("office", parent="A1")
    desk.write(plan, {address(office): 100})
    desk.do(
        lambda tx: organization.move(
            tx,
            unit_id=office,
            parent_unit_id="A2",
            valid_from=date(2026, 7, 1),
            today=date(2026, 3, 2),
            by=PLANNER,
            at=AT,
        )
    )

    before = desk.table(plan, Axis.UNIT, where=Where(on=date(2026, 6, 30)))
    after = desk.table(plan, Axis.UNIT, where=Where(on=date(2026, 7, 1)))

    assert before == {("A1",): (100,), ("hq",): (100,), ("office",): (100,)}
    assert after == {("A2",): (100,), ("hq",): (100,), ("office",): (100,)}
    assert desk.total(plan, Where(unit_ids={"A1"}, on=date(2026, 7, 1))) == 0


def test_products_and_channels_sum_by_group(desk: Desk) -> None:
    plan = desk.version()
    desk.know(Axis.PRODUCT, "P1", "P2", group="heart")
    desk.know(Axis.PRODUCT, "P3")
    desk.write(plan, {address("A1", code): 10 for code in ("P1", "P2", "P3")})

    assert desk.table(plan, Axis.PRODUCT_GROUP) == {("",): (10,), ("heart",): (20,)}


def test_a_stock_has_what_its_last_month_has(desk: Desk) -> None:
    plan = desk.version()
    values = {
        address(month="2026-01"): 50,
        address(month="2026-03"): 30,
        address("A2", month="2026-03"): 5,
    }
    desk.write(plan, values, measure="stock")

    quarter = desk.table(plan, Axis.QUARTER, measures=["stock"], where=Where(months=YEAR[:3]))

    assert quarter == {("2026-Q1",): (35,)}


def test_a_branch_goes_its_own_way_and_shares_what_it_did_not_change(desk: Desk) -> None:
    plan = desk.version()
    f1(desk, plan)
    base = desk.cells(plan)

    what_if = desk.do(
        lambda tx: usecases.branch(tx, plan, name="6 %", by=PLANNER, at=AT)
    ).version_id
    desk.write(what_if, {address(): 1})
    desk.write(plan, {address(month="2026-02"): 2})

    assert desk.cells(what_if) == {**base, address(): 1}
    assert desk.cells(plan) == {**base, address(month="2026-02"): 2}
    shared = desk.do(lambda tx: tx.exec_driver_sql("SELECT count(*) FROM cube_chunk").scalar_one())
    assert shared == 1


def test_the_cells_that_differ_between_versions_are_told(desk: Desk) -> None:
    plan = desk.version()
    desk.write(plan, {address("A1"): 10, address("A2"): 20})
    other = branch(desk, plan)
    desk.write(other, {address("A2"): 25, address("hq"): 1})

    found = desk.database.read(lambda tx: usecases.diff(tx, plan, other, measure="sales"))

    assert {one.address: (one.before, one.after) for one in found} == {
        address("A2"): (20, 25),
        address("hq"): (0, 1),
    }


def test_a_cell_knows_who_changed_it_when_and_by_what(desk: Desk) -> None:
    plan = desk.version()
    desk.write(plan, {address(): 100}, cause="first draft")
    desk.spread(plan, 300, rule=Proportional(plan))
    what_if = branch(desk, plan)
    other = Caller("li.wei", frozenset({"planning"}), "A1", "li.wei")
    desk.write(what_if, {address(): 50}, by=other)

    told = desk.history(what_if, address())

    assert [(one.act, one.cause, one.before, one.after, one.changed_by) for one in told] == [
        (Act.WRITE, "", 300, 50, "li.wei"),
        (Act.SPREAD, "proportional", 100, 300, "planner"),
        (Act.WRITE, "first draft", 0, 100, "planner"),
    ]
    assert {one.record_time for one in told} == {AT}
    assert [one.version_id for one in told] == [what_if, plan, plan]


def test_what_is_written_in_a_transaction_is_seen_in_it_and_by_nobody_when_it_fails(
    desk: Desk,
) -> None:
    plan = desk.version()
    desk.write(plan, {address(): 1})
    assert desk.total(plan) == 1

    class Stop(Exception):
        pass

    with pytest.raises(Stop), desk.database.transaction() as tx:
        usecases.write(tx, plan, [Cell("sales", address("A2", "P2"), 10)], by=PLANNER, at=AT)
        assert usecases.total(tx, plan, "sales") == 11
        raise Stop

    assert desk.total(plan) == 1
    desk.write(plan, {address("A2", "P1", channel="RX"): 5})
    assert desk.table(plan, Axis.CHANNEL) == {("",): (1,), ("RX",): (5,)}


def test_a_reader_of_an_older_moment_sees_that_moment(desk: Desk) -> None:
    plan = desk.version()
    desk.write(plan, {address(): 1})

    with desk.database.transaction(read_only=True) as tx:
        assert usecases.total(tx, plan, "sales") == 1
        desk.write(plan, {address(): 2})
        assert desk.total(plan) == 2
        assert usecases.total(tx, plan, "sales") == 1


def test_folding_changes_no_number(desk: Desk) -> None:
    plan = desk.version()
    f1(desk, plan)
    for value in range(usecases.FOLD_PIECES_MIN):
        desk.write(plan, {address(month="2026-05"): value})
    before = desk.cells(plan)

    folded = [desk.do(usecases.fold).value for _ in range(2)]

    assert folded == [True, False]
    assert desk.cells(plan) == before
    fresh = Desk(Database(desk.database.url, size=1))
    assert fresh.cells(plan) == before
    fresh.database.close()


def test_few_acts_are_left_and_a_large_one_is_folded_alone(desk: Desk) -> None:
    small, large = desk.version("small"), desk.version("large")
    desk.write(small, {address(): 1})
    assert not desk.do(usecases.fold).value
    terminals = tuple(f"T{number}" for number in range(5_000))

    grid = Grid(units=("A1", "A2"), terminals=terminals, months=YEAR)
    random = Random(1)
    weights = tuple((one, random.randrange(10**9)) for one in grid.addresses())
    desk.spread(large, 10**14 + 7, rule=Weighted(weights))

    assert [desk.do(usecases.fold).value for _ in range(2)] == [True, False]
    assert desk.total(large) == 10**14 + 7


def test_a_process_sees_what_another_one_did(desk: Desk) -> None:
    other = Desk(Database(desk.database.url, size=1))
    plan = desk.version()
    desk.write(plan, {address(): 1})
    assert (desk.total(plan), other.total(plan)) == (1, 1)

    other.write(plan, {address(): 5, address("A2", "P2"): 7})
    desk.write(plan, {address(): 1}, add=True)

    assert desk.table(plan, Axis.OWN_UNIT) == other.table(plan, Axis.OWN_UNIT)
    assert desk.cells(plan) == {address(): 6, address("A2", "P2"): 7}
    other.database.close()


def test_a_copy_that_is_far_behind_is_read_anew(desk: Desk) -> None:
    plan = desk.version()
    desk.write(plan, {address(): 1})
    assert desk.total(plan) == 1
    piece = pack_change(np.array([address().month.month - 1]), np.array([1]))

    with desk.database.transaction() as tx:
        storage.open_version(tx, plan)
        for _ in range(PIECES_MAX + 1):
            storage.act(
                tx,
                plan,
                storage.Doing(Act.WRITE, "", "planner", AT),
                pieces=[storage.Piece("sales", 2026, 0, piece)],
            )

    assert desk.total(plan) == PIECES_MAX + 2
    desk.write(plan, {address(): 1}, add=True)
    assert desk.total(plan) == PIECES_MAX + 3


def test_writers_at_once_lose_nothing(desk: Desk) -> None:
    plan = desk.version()
    start = threading.Barrier(4)

    def add(number: int) -> None:
        start.wait(10)
        for _ in range(5):
            desk.write(
                plan, {address(): 1, address(channel=("OTC", "RX")[number % 2]): 1}, add=True
            )

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))

    assert desk.table(plan, Axis.CHANNEL) == {("",): (20,), ("OTC",): (10,), ("RX",): (10,)}


def test_a_reader_beside_writers_sees_whole_acts(desk: Desk) -> None:
    """What one cell gets another loses, so the sum is the same whenever it is looked at."""
    plan = desk.version()
    one, other = address("A1"), address("A2", month="2027-05")
    desk.write(plan, {one: 1_000, other: 1_000})
    start = threading.Barrier(4)

    def move(_number: int) -> set[int]:
        start.wait(10)
        for _ in range(15):
            desk.write(plan, {one: -1, other: 1}, add=True)
        return set()

    def look(_number: int) -> set[int]:
        start.wait(10)
        return {desk.total(plan) for _ in range(40)}

    with ThreadPoolExecutor(4) as pool:
        writers = [pool.submit(move, number) for number in range(2)]
        readers = [pool.submit(look, number) for number in range(2)]
        seen = set().union(*(one.result(60) for one in (*writers, *readers)))

    assert seen == {2_000}
    assert desk.cells(plan) == {one: 970, other: 1_030}


@req("R-183")
def test_a_unit_out_of_scope_is_neither_written_nor_spread_over(desk: Desk) -> None:
    plan = desk.version()
    desk.write(plan, {address("A1"): 10, address("A2"): 10})
    stranger = Caller("li.wei", frozenset({"regional_manager"}), "A2", "li.wei")

    with pytest.raises(OutOfScope):
        desk.write(plan, {address("A1"): 5}, by=stranger)
    with pytest.raises(OutOfScope):
        desk.spread(plan, 60, rule=Proportional(plan), by=stranger)

    assert desk.total(plan) == 20


@req("R-183")
def test_a_spread_tells_nothing_of_units_out_of_scope(desk: Desk) -> None:
    plan, history = desk.version(), desk.version("FY2025")
    desk.write(plan, {address("A1"): 777})
    desk.write(history, {address("A1", month="2026-02"): 500, address("A2"): 3})
    stranger = Caller("li.wei", frozenset({"regional_manager"}), "A2", "li.wei")
    own = Grid(units=("A2",), products=("P1",), months=YEAR)
    others = Where(unit_ids={"A1"}, own_units=True)

    with pytest.raises(OutOfScope):
        desk.spread(plan, 1, rule=Even(own), held=[others], by=stranger)
    with pytest.raises(OutOfScope):
        desk.spread(plan, 1_000, rule=Season(history, over=own), add=True, by=stranger)
    with pytest.raises(OutOfScope):
        desk.spread(plan, 1, rule=Proportional(history), add=True, by=stranger)

    assert desk.cells(plan) == {address("A1"): 777}


def test_a_version_is_read_however_often_large_numbers_came_and_went(desk: Desk) -> None:
    plan = desk.version()
    products = [f"L{number}" for number in range(400)]
    desk.know(Axis.PRODUCT, *products)
    large = {address("A1", one, month=str(month)): 10**15 for one in products for month in YEAR}

    desk.write(plan, large)
    whole = desk.total(plan)
    desk.write(plan, dict.fromkeys(large, 0))

    assert whole == 10**15 * len(large)
    assert desk.total(plan) == 0


def test_many_measures_are_read_with_few_statements(desk: Desk) -> None:
    plan = desk.version()
    measures = sorted(desk.do(usecases.all_measures))
    desk.write(plan, {address(): 1})
    desk.table(plan, measures=measures)
    asked: list[str] = []

    def look(tx: Transaction) -> None:
        event.listen(tx, "before_cursor_execute", lambda *given: asked.append(given[2]))
        usecases.table(tx, plan, measures, by=[Axis.UNIT])

    desk.database.read(look)

    assert len(measures) > 20
    assert len(asked) <= 4


def test_a_version_takes_no_more_memory_than_it_may(desk: Desk) -> None:
    plan = desk.version()
    for number, code in enumerate(["sales", "volume", "commission"]):
        desk.write(plan, {address(): number + 1}, measure=code)

    def look(tx: Transaction) -> tuple[list[int], int, int]:
        book = Book(plan, storage.head(tx, plan).act_id, bytes_max=1)
        seen = []
        for code in ("sales", "volume", "commission", "sales"):
            sheet = book.sheet(tx, code, 2026)
            seen.append(int(sheet.values.sum()))
        return seen, book.size_bytes, sheet.size_bytes

    seen, of_book, of_sheet = desk.database.read(look)

    assert seen == [1, 2, 3, 1]
    assert of_book == of_sheet


def test_rows_keep_their_order_when_a_database_counts_its_transactions_anew(desk: Desk) -> None:
    add = text(
        "INSERT INTO cube_row (row_no, unit_id, product_id, channel, terminal_id, xid)"
        " SELECT number, 'A1', 'P' || number, '', '',"
        " CASE number WHEN 0 THEN pg_current_xact_id()::text::bigint ELSE 0 END"
        " FROM generate_series(0, 1) AS number"
    )

    def look(tx: Transaction) -> tuple[list[Key], list[Key]]:
        tx.execute(add)
        return row_storage.rows_from(tx, 0)

    committed, own = desk.do(look)

    assert committed == [("A1", "P0", "", ""), ("A1", "P1", "", "")]
    assert own == []


def test_a_chunk_that_two_versions_give_up_at_once_is_dropped(desk: Desk) -> None:
    plan = desk.version()
    desk.write(plan, {address(): 1})
    scenario = branch(desk, plan)
    for version_id in (plan, scenario):
        desk.write(version_id, {address(): 5})

    def fold(tx: Transaction, version_id: str) -> None:
        usecases.open_version(tx, version_id)
        folding.fold_version(tx, version_id)

    def waits() -> bool:
        of_locks = text(
            "SELECT count(*) > 0 FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        return bool(desk.do(lambda tx: tx.scalar(of_locks)))

    with ThreadPoolExecutor(1) as pool:
        with desk.database.transaction() as tx:
            fold(tx, plan)
            other = pool.submit(desk.do, lambda tx: fold(tx, scenario))
            until(lambda: other.done() or waits(), "the other fold")
        other.result(10)
    left = desk.do(
        lambda tx: tx.scalar(
            text(
                "SELECT count(*) FROM cube_chunk"
                " WHERE chunk_id NOT IN (SELECT chunk_id FROM cube_page)"
            )
        )
    )

    assert left == 0
    assert desk.total(plan) == desk.total(scenario) == 5


@pytest.mark.parametrize(("kind", "unit_id"), [(Kind.PLAN, "hq"), (Kind.ACTUAL, "A1")])
def test_only_the_company_begins_the_version_that_postings_go_to(
    desk: Desk, kind: Kind, unit_id: str
) -> None:
    with pytest.raises(CubeVersionNameTaken):
        desk.do(
            lambda tx: usecases.create_version(
                tx, name="ACTUAL", kind=kind, unit_id=unit_id, by=PLANNER, at=AT
            )
        )


@pytest.mark.parametrize(
    ("cell", "refusal"),
    [
        (Cell("charm", address(), 1), MeasureUnknown),
        (Cell("sales", address("nowhere"), 1), UnitNotFound),
        (Cell("sales", address("A1", "P9"), 1), CubeMemberUnknown),
        (Cell("sales", address("A1", channel="moon"), 1), CubeMemberUnknown),
        (Cell("sales", address(), 10**15 + 1), CellValueInvalid),
    ],
)
def test_what_is_not_known_is_refused_by_name(
    desk: Desk, cell: Cell, refusal: type[Exception]
) -> None:
    plan = desk.version()

    with pytest.raises(refusal):
        desk.do(lambda tx: usecases.write(tx, plan, [cell], by=PLANNER, at=AT))

    assert desk.table(plan, measures=["sales"]) == {}


def test_a_cell_named_twice_a_name_taken_and_a_version_missing_are_refused(desk: Desk) -> None:
    plan = desk.version()
    twice = [Cell("sales", address(), 1)] * 2

    with pytest.raises(CellDoubled):
        desk.do(lambda tx: usecases.write(tx, plan, twice, by=PLANNER, at=AT))
    with pytest.raises(CubeVersionNameTaken):
        desk.version()
    with pytest.raises(CubeVersionNotFound):
        desk.total("00000000-0000-0000-0000-000000000000")


cases = st.lists(
    st.tuples(
        st.sampled_from(["A1", "A2", "hq"]),
        st.sampled_from(["P1", "P2"]),
        st.integers(1, 4),
        st.integers(0, 10**9),
        st.booleans(),
    ),
    min_size=2,
    max_size=12,
    unique_by=lambda one: one[:3],
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(cases, st.integers(0, 10**11))
@req("R-011")
def test_a_spread_is_the_split_with_held_cells_and_every_level_sums_to_it(
    desk: Desk, case: list[tuple[str, str, int, int, bool]], rest: int
) -> None:
    plan = desk.version(f"plan {new_id()}")
    where = [address(unit, product, month=f"2026-0{month}") for unit, product, month, _, _ in case]
    desk.write(plan, {one: row[3] for one, row in zip(where, case, strict=True)})
    kept = desk.cells(plan)
    held = [one for one, row in zip(where, case, strict=True) if row[4] and one in kept]
    total = rest + sum(kept[one] for one in held)
    assume(len(held) < len(kept))

    desk.spread(plan, total, rule=Proportional(plan), held=[Where.of(one) for one in held])

    found = desk.cells(plan)
    assert desk.total(plan) == total == sum(found.values())
    assert {one: found.get(one, 0) for one in held} == {one: kept[one] for one in held}
    free = [one for one in kept if one not in held]
    shares = split(rest, [kept[one] for one in free])
    assert sorted(found.get(one, 0) for one in free) == sorted(shares)
    assert desk.table(plan, Axis.UNIT).get(("hq",), (0,)) == (total,)
