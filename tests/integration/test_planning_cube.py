"""The cube through its doors: whole or not at all, in the caller's scope, with a reason."""

from collections.abc import Sequence

import pytest
from mantle.planning.v1 import cube_pb2
from mantle.planning.v1 import cube_service_pb2 as pb
from mantle.settlement.v1 import events_pb2 as settlement_pb

from chassis.ids import new_id
from tests.support.examples_planning import a_cell, a_fixed_total, a_unit, a_version, cny
from tests.support.planning_world import Office, office
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, Refused, World, world

__all__ = ["office", "world"]

ROLE = "planning"
HEADER = "measure,unit_id,product_id,channel,terminal_id,month,value\n"
MONTHS = [f"2026-{number:02}" for number in range(1, 13)]


def query(
    world: World,
    version_id: str,
    *by: cube_pb2.CubeAxis.ValueType,
    measures: Sequence[str] = ("sales",),
    unit_id: str = ROOT_UNIT,
    selection: cube_pb2.CubeSelection | None = None,
) -> dict[tuple[str, ...], tuple[int, ...]]:
    """Sum by axes, as somebody of a unit."""
    request = pb.QueryCellsRequest(
        version_id=version_id, measures=measures, by=by, selection=selection
    )
    lines = world.call(request, role=ROLE, unit_id=unit_id).lines
    return {tuple(one.keys): tuple(one.values) for one in lines}


def put(world: World, version_id: str, values: dict[str, int], *, measure: str = "sales") -> None:
    """Set cells of March by product."""
    cells = []
    for product_id, value in values.items():
        cell = a_cell(value)
        cell.measure, cell.address.product_id = measure, product_id
        cells.append(cell)
    world.call(pb.WriteCellsRequest(version_id=version_id, cells=cells), role=ROLE)


def know(world: World, *codes: str) -> None:
    """Make products known."""
    request = pb.DefineMembersRequest(
        axis=cube_pb2.CUBE_MEMBER_AXIS_PRODUCT,
        members=[cube_pb2.CubeMember(code=code, name=code) for code in codes],
    )
    world.call(request, role=ROLE)


def imported(world: World, version_id: str, rows: str) -> pb.ImportCellsResponse:
    """Import a file."""
    request = pb.ImportCellsRequest(
        version_id=version_id, csv=(HEADER + rows).encode(), name="plan.csv"
    )
    reply: pb.ImportCellsResponse = world.call(request, role=ROLE)
    return reply


@req("R-011")
def test_a_total_entered_above_is_seen_at_every_level(world: World) -> None:
    region = a_unit(world)
    offices = [a_unit(world, parent=region) for _ in range(2)]
    version_id = a_version(world)
    grid = cube_pb2.CubeGrid(unit_ids=offices, months=MONTHS)
    rule = cube_pb2.SpreadRule(even=cube_pb2.SpreadRule.Even(over=grid))

    reply = world.call(
        pb.SpreadTotalRequest(version_id=version_id, measure="sales", total=10_001, rule=rule),
        role=ROLE,
    )

    lines = query(world, version_id, cube_pb2.CUBE_AXIS_UNIT)
    assert reply.changed_cells == 24
    assert lines[ROOT_UNIT,] == lines[region,] == (10_001,)
    assert sum(lines[office_id,][0] for office_id in offices) == 10_001


@req("R-183")
def test_who_plans_one_area_neither_reads_nor_writes_another(world: World) -> None:
    one, other = a_unit(world), a_unit(world)
    version_id = a_version(world)
    cells = [a_cell(10, unit_id=one), a_cell(20, unit_id=other)]
    world.call(pb.WriteCellsRequest(version_id=version_id, cells=cells), role=ROLE)

    seen = query(world, version_id, cube_pb2.CUBE_AXIS_UNIT, unit_id=other)
    with pytest.raises(Refused) as reading:
        query(
            world,
            version_id,
            unit_id=other,
            selection=cube_pb2.CubeSelection(unit_ids=[one]),
        )
    with pytest.raises(Refused) as writing:
        world.call(
            pb.WriteCellsRequest(version_id=version_id, cells=cells[:1]), role=ROLE, unit_id=other
        )

    assert seen == {(other,): (20,)}
    assert {reading.value.reason, writing.value.reason} == {"OUT_OF_SCOPE"}
    denied = world.rows(
        "planning",
        "SELECT method FROM audit_entry WHERE outcome = 'OUT_OF_SCOPE' AND subject = %(who)s",
        who=f"{ROLE}@{other}",
    )
    assert sorted(denied) == [("QueryCells",), ("WriteCells",)]


def test_a_file_with_a_wrong_row_leaves_nothing_and_names_the_row(world: World) -> None:
    know(world, "P1")
    version_id = a_version(world)

    with pytest.raises(Refused) as refused:
        imported(
            world,
            version_id,
            "sales,hq,P1,,,2026-01,1295.46\nsales,nowhere,P9,,,2026-01,1\nsales,hq,P1,,,2026-02,x\n",
        )

    assert (refused.value.reason, refused.value.metadata["rows"]) == ("CELLS_CSV_INVALID", "2")
    assert "csv.rows[3]" in refused.value.message
    assert query(world, version_id) == {}


def test_what_is_imported_is_exported_alike_page_by_page(world: World) -> None:
    know(world, "P1", "P2")
    version_id = a_version(world)
    rows = [f"sales,hq,{code},,T{n},2026-01,{n}.05\n" for code in ("P1", "P2") for n in range(1, 4)]

    reply = imported(world, version_id, "".join(rows))

    found, token = "", ""
    while True:
        request = pb.ExportCellsRequest(
            version_id=version_id, measure="sales", page_size=4, page_token=token
        )
        page = world.call(request, role=ROLE)
        found += page.csv.decode().removeprefix(HEADER)
        token = page.next_page_token
        if not token:
            break
    assert (reply.rows, reply.changed_cells, found) == (6, 6, "".join(rows))


def test_lines_come_page_by_page_in_order(world: World) -> None:
    know(world, *(f"P{number}" for number in range(5)))
    version_id = a_version(world)
    put(world, version_id, {f"P{number}": 10 + number for number in range(5)})

    keys, token = [], ""
    for _ in range(3):
        request = pb.QueryCellsRequest(
            version_id=version_id,
            measures=["sales"],
            by=[cube_pb2.CUBE_AXIS_PRODUCT],
            page_size=2,
            page_token=token,
        )
        page = world.call(request, role=ROLE)
        keys += [line.keys[0] for line in page.lines]
        token = page.next_page_token

    assert (keys, token) == (["P0", "P1", "P2", "P3", "P4"], "")


@req("R-011", "R-180")
def test_parts_that_do_not_sum_to_a_fixed_total_are_refused(world: World) -> None:
    version_id = a_version(world)
    fixed = pb.FixTotalsRequest(version_id=version_id, totals=[a_fixed_total(100)])
    world.call(fixed, role=ROLE)
    put(world, version_id, {"": 100})

    with pytest.raises(Refused) as refused:
        put(world, version_id, {"": 101})

    got = world.call(pb.GetVersionRequest(version_id=version_id), role=ROLE)
    assert (refused.value.reason, refused.value.metadata["difference"]) == (
        "PARTS_NOT_BALANCED",
        "1",
    )
    assert list(got.totals) == [a_fixed_total(100)]


@req("R-183")
def test_the_totals_of_other_areas_are_not_shown(world: World) -> None:
    one, other = a_unit(world), a_unit(world)
    version_id = a_version(world)
    totals = [a_fixed_total(100) for _ in range(2)]
    totals[0].unit_id, totals[1].unit_id = one, other
    world.call(pb.FixTotalsRequest(version_id=version_id, totals=totals), role=ROLE)

    seen = world.call(pb.GetVersionRequest(version_id=version_id), role=ROLE, unit_id=other)
    whole = world.call(pb.GetVersionRequest(version_id=version_id), role=ROLE)

    assert list(seen.totals) == totals[1:]
    assert sorted(one.unit_id for one in whole.totals) == sorted([one, other])


def test_two_versions_are_compared_cell_by_cell_and_a_cell_tells_its_story(world: World) -> None:
    version_id = a_version(world)
    put(world, version_id, {"": 100})
    branch = pb.BranchVersionRequest(
        version_id=version_id,
        name="what if",
        kind=cube_pb2.CubeVersion.KIND_SCENARIO,
        unit_id=ROOT_UNIT,
    )
    what_if = world.call(branch, role=ROLE).version
    put(world, what_if.version_id, {"": 130})

    diff = pb.DiffVersionsRequest(
        version_id=version_id, other_version_id=what_if.version_id, measure="sales"
    )
    story = pb.ListCellHistoryRequest(
        version_id=what_if.version_id, measure="sales", address=a_cell().address, page_size=1
    )
    first = world.call(story, role=ROLE)
    story.page_token = first.next_page_token
    second = world.call(story, role=ROLE)

    assert [
        (one.address, one.before, one.after) for one in world.call(diff, role=ROLE).differences
    ] == [(a_cell().address, 100, 130)]
    told = [*first.changes, *second.changes]
    assert [(one.before, one.after, one.version_id) for one in told] == [
        (100, 130, what_if.version_id),
        (0, 100, version_id),
    ]
    assert {one.changed_by for one in told} == {f"{ROLE}@{ROOT_UNIT}"}
    assert what_if.base_version_id == version_id


def test_a_variance_is_explained_by_volume_mix_and_price(world: World) -> None:
    know(world, "P1", "P2")
    plan, came = a_version(world), a_version(world)
    put(world, plan, {"P1": 100_000, "P2": 100_000})
    put(world, plan, {"P1": 100, "P2": 50}, measure="volume")
    put(world, came, {"P1": 180_000, "P2": 100_000})
    put(world, came, {"P1": 200, "P2": 50}, measure="volume")

    request = pb.ExplainVarianceRequest(
        version_id=plan, other_version_id=came, by=[cube_pb2.CUBE_AXIS_PRODUCT]
    )
    reply = world.call(request, role=ROLE)

    total = reply.total
    assert (total.volume, total.mix, total.price) == (133_334, -33_334, -20_000)
    assert [list(line.keys) for line in reply.lines] == [["P1"], ["P2"]]


def test_a_frozen_version_takes_nothing(world: World) -> None:
    version_id = a_version(world)
    world.call(pb.FreezeVersionRequest(version_id=version_id), role=ROLE)

    with pytest.raises(Refused) as refused:
        put(world, version_id, {"": 1})

    assert refused.value.reason == "CUBE_VERSION_FROZEN"


def test_lists_name_measures_products_and_versions(world: World) -> None:
    know(world, "P1")
    version_id = a_version(world)

    measures = world.call(pb.ListMeasuresRequest(), role=ROLE).measures
    members = pb.ListMembersRequest(axis=cube_pb2.CUBE_MEMBER_AXIS_PRODUCT)
    kind = cube_pb2.CubeVersion.KIND_PLAN

    assert {"sales", "volume", "stock"} <= {one.measure for one in measures}
    assert [one.code for one in world.call(members, role=ROLE).members] == ["P1"]
    versions = world.call(pb.ListVersionsRequest(kind=kind), role=ROLE).versions
    assert [one.version_id for one in versions] == [version_id]


def posting(transfer_id: str, minor: int, *, reversal: bool = False) -> settlement_pb.ActualPosted:
    """Return a posting of revenue."""
    return settlement_pb.ActualPosted(
        product_id="P1",
        unit_id=ROOT_UNIT,
        kind=settlement_pb.ActualPosted.KIND_REVENUE,
        amount=cny(minor),
        reversal=reversal,
        order_id=new_id(),
        transfer_id=transfer_id,
        post_date="2026-02-27",
        partner_id="D1",
        quantity=minor // 100,
    )


@req("R-180")
def test_what_is_posted_counts_once_in_its_month_and_can_be_taken_back(office: Office) -> None:
    first = new_id()

    office.tell("settlement", posting(first, 5_000))
    office.tell("settlement", posting(first, 5_000))
    office.tell("settlement", posting(new_id(), 2_000))
    office.tell("settlement", posting(new_id(), 1_000, reversal=True))

    [actual] = office.world.call(
        pb.ListVersionsRequest(kind=cube_pb2.CubeVersion.KIND_ACTUAL), role=ROLE
    ).versions
    axes = (cube_pb2.CUBE_AXIS_TERMINAL, cube_pb2.CUBE_AXIS_MONTH)
    found = query(office.world, actual.version_id, *axes, measures=["sales", "volume"])
    assert actual.name == "ACTUAL"
    assert found == {("D1", "2026-02"): (6_000, 60)}


def test_what_is_posted_at_once_counts_as_if_one_came_after_the_other(office: Office) -> None:
    twice = new_id()
    dollars = posting(new_id(), 900)
    dollars.amount.currency_code = "USD"
    march = posting(new_id(), 300)
    march.post_date, march.partner_id = "2026-03-01", "D2"
    free = posting(new_id(), 0)
    office.tell("settlement", posting(new_id(), 1_000))

    office.tell(
        "settlement",
        *(posting(twice, 5_000), dollars, march, free, posting(twice, 5_000)),
        *(posting(new_id(), 2_000), posting(new_id(), 1_000, reversal=True)),
    )

    kind = cube_pb2.CubeVersion.KIND_ACTUAL
    versions = office.world.call(pb.ListVersionsRequest(kind=kind), role=ROLE).versions
    axes = (cube_pb2.CUBE_AXIS_TERMINAL, cube_pb2.CUBE_AXIS_MONTH)
    found = {
        (one.name, one.currency_code): query(
            office.world, one.version_id, *axes, measures=["sales", "volume"]
        )
        for one in versions
    }
    assert found == {
        ("ACTUAL", "CNY"): {("D1", "2026-02"): (7_000, 70), ("D2", "2026-03"): (300, 3)},
        ("ACTUAL USD", "USD"): {("D1", "2026-02"): (900, 9)},
    }


def test_what_came_is_imported_or_posted_and_not_written_by_hand(office: Office) -> None:
    know(office.world, "P1")
    office.tell("settlement", posting(new_id(), 5_000))
    [actual] = office.world.call(
        pb.ListVersionsRequest(kind=cube_pb2.CubeVersion.KIND_ACTUAL), role=ROLE
    ).versions

    with pytest.raises(Refused) as written:
        put(office.world, actual.version_id, {"P1": 1})
    imported(office.world, actual.version_id, "sales,hq,P1,,,2026-01,12.00\n")

    assert written.value.reason == "CUBE_VERSION_ACTUAL"


def test_a_product_is_known_as_soon_as_channels_tell_of_it(office: Office) -> None:
    office.sell("P7")

    put(office.world, a_version(office.world), {"P7": 1})
