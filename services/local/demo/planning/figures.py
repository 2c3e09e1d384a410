"""The numbers of the demo in planning's cube: files, spreads and tables by public RPCs."""

from collections.abc import Iterable, Sequence
from typing import Final

from mantle.planning.v1 import cube_pb2
from mantle.planning.v1 import cube_service_pb2 as pb

from local.demo.desk import Desk, Person, all_pages
from local.tokens import ROOT_UNIT_ID

ACTUAL: Final = "ACTUAL"
CURRENCY: Final = "CNY"
COLUMNS: Final = "measure,unit_id,product_id,channel,terminal_id,month,value"
VOLUME: Final = "volume"
SALES: Final = "sales"

Figure = tuple[str, str, str, str, str, str]
Keys = tuple[str, ...]


def planner(desk: Desk) -> Person:
    """Return the person of the planning department."""
    return desk.person("planning")


def know(desk: Desk, axis: cube_pb2.CubeMemberAxis.ValueType, names: dict[str, str]) -> None:
    """Make products or channels known, by code."""
    members = [cube_pb2.CubeMember(code=code, name=name) for code, name in names.items()]
    planner(desk).ask(pb.DefineMembersRequest(axis=axis, members=members))


def version_named(desk: Desk, name: str) -> str:
    """Return the version of a name; empty when there is none."""
    found = all_pages(planner(desk), pb.ListVersionsRequest(), "versions")
    return next((str(one.version_id) for one in found if one.name == name), "")


def begin_version(desk: Desk, name: str, kind: cube_pb2.CubeVersion.Kind.ValueType) -> str:
    """Begin a version without numbers and return it."""
    request = pb.CreateVersionRequest(
        name=name, kind=kind, unit_id=ROOT_UNIT_ID, currency_code=CURRENCY
    )
    return str(planner(desk).ask(request).version.version_id)


def actual_version(desk: Desk) -> str:
    """Return the version of what came, which begins now if nothing came yet."""
    found = version_named(desk, ACTUAL)
    return found or begin_version(desk, ACTUAL, cube_pb2.CubeVersion.KIND_ACTUAL)


def import_actuals(desk: Desk, name: str, figures: Iterable[Figure]) -> int:
    """Import what came as a file and return how many rows it had.

    Shape: a figure is measure, unit, product, channel, month and value as a text.
    """
    rows = [
        f"{measure},{unit_id},{product_id},{channel},,{month},{value}"
        for measure, unit_id, product_id, channel, month, value in figures
    ]
    text = "\n".join([COLUMNS, *rows, ""])
    request = pb.ImportCellsRequest(version_id=actual_version(desk), csv=text.encode(), name=name)
    return int(planner(desk).ask(request).rows)


def table(
    desk: Desk,
    version_id: str,
    measures: Sequence[str],
    *,
    by: Sequence[cube_pb2.CubeAxis.ValueType],
    where: cube_pb2.CubeSelection,
) -> dict[Keys, tuple[int, ...]]:
    """Sum measures by axes."""
    request = pb.QueryCellsRequest(version_id=version_id, measures=measures, by=by, selection=where)
    lines = all_pages(planner(desk), request, "lines")
    return {tuple(one.keys): tuple(one.values) for one in lines}


def by_month(
    desk: Desk, version_id: str, measure: str, *, unit_id: str, months: Sequence[str]
) -> dict[str, int]:
    """Sum a measure of a unit and all below it by month; what is 0 is left out."""
    where = cube_pb2.CubeSelection(unit_ids=[unit_id], months=months)
    found = table(desk, version_id, [measure], by=[cube_pb2.CUBE_AXIS_MONTH], where=where)
    return {keys[0]: values[0] for keys, values in found.items()}


def spread_evenly(
    desk: Desk, version_id: str, measure: str, *, unit_id: str, months: Sequence[str], total: int
) -> None:
    """Spread an amount of a unit evenly over months."""
    grid = cube_pb2.CubeGrid(unit_ids=[unit_id], months=months)
    rule = cube_pb2.SpreadRule(even=cube_pb2.SpreadRule.Even(over=grid))
    planner(desk).ask(
        pb.SpreadTotalRequest(version_id=version_id, measure=measure, total=total, rule=rule)
    )


def level(desk: Desk, version_id: str, measure: str, *, where: cube_pb2.CubeSelection) -> None:
    """Give every month of a selection the same, which leaves its sum as it is."""
    [values] = table(desk, version_id, [measure], by=[], where=where).values()
    rule = cube_pb2.SpreadRule(even=cube_pb2.SpreadRule.Even())
    planner(desk).ask(
        pb.SpreadTotalRequest(
            version_id=version_id, measure=measure, selection=where, total=values[0], rule=rule
        )
    )


def spread_by_season(
    desk: Desk, version_id: str, *, history_id: str, over: cube_pb2.CubeGrid, total: int
) -> None:
    """Spread a volume over cells by the season that a version's history shows."""
    season = cube_pb2.SpreadRule.Season(version_id=history_id, over=over)
    planner(desk).ask(
        pb.SpreadTotalRequest(
            version_id=version_id,
            measure=VOLUME,
            selection=cube_pb2.CubeSelection(unit_ids=over.unit_ids),
            total=total,
            rule=cube_pb2.SpreadRule(season=season),
        )
    )
