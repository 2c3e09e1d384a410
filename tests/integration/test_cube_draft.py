"""Many changes of a version in one pass, as the steps of a process make them."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from chassis.database import Transaction
from chassis.period import Month
from planning.cube import usecases as cube
from planning.cube.domain import Address, Cell, Kind, Proportional, Where
from planning.cube.errors import CellValueInvalid, CubeVersionFrozen, CubeVersionOwned
from tests.support.monthly_desk import PLANNER, found_region, know_members, quietly
from tests.support.server import World, world

__all__ = ["world"]

AT = datetime(2026, 3, 2, tzinfo=UTC)
MAY = Month(2026, 5)
OWNER = "trial"
# Product, channel, the months, and by how much: each stands on what the ones before it left.
CHANGES = [
    ({"P1"}, None, MAY, 1_000),
    (None, {"OTC"}, MAY, -37),
    (None, None, MAY.plus(1), 11),
    ({"P1"}, {"OTC"}, MAY, 5),
    (None, None, MAY, -501),
]


@pytest.fixture
def offices(world: World) -> list[str]:
    """Found a region with two offices."""
    know_members(world)
    return found_region(world, offices=2)[1]


def begun(tx: Transaction, offices: list[str], name: str) -> str:
    """Begin a version with uneven numbers and return its id."""
    version = cube.create_version(tx, name=name, kind=Kind.FORECAST, owner=OWNER, by=PLANNER, at=AT)
    places = [
        Address(office, product, channel, "", month)
        for office in offices
        for product in ("P1", "P2")
        for channel in ("OTC", "Rx")
        for month in (MAY, MAY.plus(1))
    ]
    cells = [Cell("volume", place, 97 + 31 * number) for number, place in enumerate(places)]
    cube.write(tx, version.version_id, cells, by=PLANNER, at=AT, owner=OWNER)
    return version.version_id


def where_of(
    products: set[str] | None, channels: set[str] | None, month: Month, units: list[str]
) -> Where:
    return Where(unit_ids=set(units), products=products, channels=channels, months={month})


def drafted(tx: Transaction, version_id: str, offices: list[str]) -> int:
    """Make all changes in one pass; return how many cells were stored."""
    draft = cube.Draft(tx, version_id, owner=OWNER)
    for products, channels, month, change in CHANGES:
        cells = draft.pick("volume", where_of(products, channels, month, offices))
        draft.scale(cells, cells.total + change, cause="once")
    return draft.save(by=PLANNER, at=AT)


def spread(tx: Transaction, version_id: str, offices: list[str]) -> None:
    """Make all changes one spread after the other."""
    for products, channels, month, change in CHANGES:
        where = where_of(products, channels, month, offices)
        cube.spread(
            tx,
            version_id,
            "volume",
            where=where,
            total=cube.total(tx, version_id, "volume", where=where) + change,
            rule=Proportional(version_id),
            by=PLANNER,
            at=AT,
            owner=OWNER,
        )


def frozen(tx: Transaction, version_id: str) -> str:
    """Freeze a version and return its id."""
    return cube.freeze(tx, version_id, by=PLANNER, owner=OWNER).version_id


def test_many_changes_in_one_pass_are_those_of_one_spread_after_the_other(
    world: World, offices: list[str]
) -> None:
    first = quietly(world, lambda tx: begun(tx, offices, "one pass"))
    second = quietly(world, lambda tx: begun(tx, offices, "one by one"))

    changed = quietly(world, lambda tx: drafted(tx, first, offices))
    quietly(world, lambda tx: spread(tx, second, offices))

    differences = quietly(world, lambda tx: cube.diff(tx, first, second, measure="volume"))
    acts = world.rows(
        "planning",
        "SELECT count(*) FROM cube_act WHERE version_id = %(id)s AND act = 'SPREAD'",
        id=first,
    )
    assert differences == []
    assert changed == 16
    assert acts == [(1,)]


def test_a_cell_that_had_no_row_joins_the_pass(world: World, offices: list[str]) -> None:
    version_id = quietly(world, lambda tx: begun(tx, offices, "a new row"))
    fresh = Address(offices[0], "P1", "", "", MAY.plus(12))
    where = Where.of(fresh)

    def act(tx: Transaction) -> None:
        draft = cube.Draft(tx, version_id, owner=OWNER)
        draft.add("volume", fresh, 60, cause="new")
        draft.scale(draft.pick("volume", where), 90, cause="more")
        draft.save(by=PLANNER, at=AT)

    quietly(world, act)

    assert quietly(world, lambda tx: cube.total(tx, version_id, "volume", where=where)) == 90


@pytest.mark.parametrize(
    ("act", "error"),
    [
        (lambda tx, one: cube.Draft(tx, one, owner=""), CubeVersionOwned),
        (lambda tx, one: cube.Draft(tx, frozen(tx, one), owner=OWNER), CubeVersionFrozen),
        (
            lambda tx, one: cube.Draft(tx, one, owner=OWNER).add(
                "volume", Address("hq", "", "", "", MAY), 10**16, cause="too much"
            ),
            CellValueInvalid,
        ),
    ],
)
def test_a_pass_that_cannot_be_is_refused(
    world: World,
    offices: list[str],
    act: Callable[[Transaction, str], object],
    error: type[Exception],
) -> None:
    version_id = quietly(world, lambda tx: begun(tx, offices, "refused"))

    with pytest.raises(error):
        quietly(world, lambda tx: act(tx, version_id))
