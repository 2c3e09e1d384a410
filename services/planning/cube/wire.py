"""The cube between the domain and the contract; no fact of its own is told."""

from collections.abc import Iterable, Sequence
from typing import Final

from mantle.planning.v1 import cube_pb2
from mantle.planning.v1 import cube_service_pb2 as pb

from chassis.paging import Slice
from chassis.period import Month, PeriodInvalid, parse_date
from chassis.wire import from_time
from planning.cube.domain import (
    Act,
    Address,
    Axis,
    Cell,
    Change,
    Difference,
    Even,
    Grid,
    Kind,
    Member,
    Pin,
    Proportional,
    Row,
    Rule,
    Season,
    Version,
    Weighted,
    Where,
)
from planning.cube.errors import CubeTooLarge
from planning.cube.measures import Measure, Nature, Unit
from planning.cube.variance import Variance

GRID_MAX: Final = 1_000_000
PIN_MONTHS_MAX: Final = 120

_KINDS: Final = {kind: cube_pb2.CubeVersion.Kind.Value(f"KIND_{kind}") for kind in Kind}
_KINDS_READ: Final = {number: kind for kind, number in _KINDS.items()}
_ACTS: Final = {act: cube_pb2.CubeChange.Act.Value(f"ACT_{act}") for act in Act}
_AXES: Final = {cube_pb2.CubeAxis.Value(f"CUBE_AXIS_{axis}"): axis for axis in Axis}
_LISTS: Final = {
    cube_pb2.CUBE_MEMBER_AXIS_PRODUCT: Axis.PRODUCT,
    cube_pb2.CUBE_MEMBER_AXIS_CHANNEL: Axis.CHANNEL,
}
_UNITS: Final = {
    Unit.MONEY: cube_pb2.CubeMeasure.UNIT_MONEY,
    Unit.PIECES: cube_pb2.CubeMeasure.UNIT_PIECES,
}


def kind(number: cube_pb2.CubeVersion.Kind.ValueType) -> Kind:
    """Read what the numbers of a version are."""
    return _KINDS_READ[number]


def kind_wanted(request: pb.ListVersionsRequest) -> Kind | None:
    """Read which versions are wanted, None when all."""
    return _KINDS_READ.get(request.kind)


def member_axis(number: cube_pb2.CubeMemberAxis.ValueType) -> Axis:
    """Read which list is meant."""
    return _LISTS[number]


def axes(numbers: Iterable[cube_pb2.CubeAxis.ValueType]) -> list[Axis]:
    """Read what a table is grouped by."""
    return [_AXES[number] for number in numbers]


def members(messages: Iterable[cube_pb2.CubeMember]) -> list[Member]:
    """Read members."""
    return [Member(one.code, one.name, one.group) for one in messages]


def address(message: cube_pb2.CubeAddress) -> Address:
    """Read where a number stands.

    Errors: PeriodInvalid.
    """
    return Address(
        message.unit_id,
        message.product_id,
        message.channel,
        message.terminal_id,
        Month.parse(message.month),
    )


def cells(messages: Iterable[cube_pb2.CubeCell]) -> list[Cell]:
    """Read cells.

    Errors: PeriodInvalid.
    """
    return [Cell(one.measure, address(one.address), one.value) for one in messages]


def where(message: cube_pb2.CubeSelection) -> Where:
    """Read a selection.

    Errors: PeriodInvalid.
    """
    return Where(
        unit_ids=frozenset(message.unit_ids) or None,
        products=frozenset(message.product_ids) or None,
        channels=frozenset(message.channels) or None,
        terminals=frozenset(message.terminal_ids) or None,
        months=frozenset(map(Month.parse, message.months)) or None,
        on=parse_date(message.date) if message.HasField("date") else None,
        own_units=message.own_units,
    )


def spread_where(request: pb.SpreadTotalRequest, chosen: Rule) -> Where:
    """Read what a spread sets; without a selection, the grid that it goes to.

    Errors: PeriodInvalid.
    """
    if not request.HasField("selection") and isinstance(chosen, Even) and chosen.over:
        return chosen.over.where()
    return where(request.selection)


def rule(message: cube_pb2.SpreadRule) -> Rule:
    """Read how a total comes down.

    Errors: PeriodInvalid, CubeTooLarge.
    """
    match message.WhichOneof("rule"):
        case "even":
            return Even(_grid(message.even.over) if message.even.HasField("over") else None)
        case "weighted":
            parts = ((address(one.address), one.weight) for one in message.weighted.parts)
            return Weighted(tuple(parts))
        case "proportional":
            of = message.proportional
            year = of.year if of.HasField("year") else None
            return Proportional(of.version_id.lower(), of.measure, year)
        case _:
            season = message.season
            over = _grid(season.over) if season.HasField("over") else None
            return Season(season.version_id.lower(), season.measure, over)


def pins(messages: Iterable[cube_pb2.FixedTotal]) -> list[Pin]:
    """Read fixed totals.

    Errors: PeriodInvalid.
    """
    return [_pin(one) for one in messages]


def created(value: Version) -> pb.CreateVersionResponse:
    """Answer with the version."""
    return pb.CreateVersionResponse(version=_version(value))


def branched(value: Version) -> pb.BranchVersionResponse:
    """Answer with the branch."""
    return pb.BranchVersionResponse(version=_version(value))


def frozen(value: Version) -> pb.FreezeVersionResponse:
    """Answer with the version."""
    return pb.FreezeVersionResponse(version=_version(value))


def fixed(value: Sequence[Pin]) -> pb.FixTotalsResponse:
    """Answer with what is fixed."""
    return pb.FixTotalsResponse(totals=map(_total, value))


def released(value: Sequence[Pin]) -> pb.ReleaseTotalsResponse:
    """Answer with what is still fixed."""
    return pb.ReleaseTotalsResponse(totals=map(_total, value))


def defined(_count: int) -> pb.DefineMembersResponse:
    """Answer that it is done."""
    return pb.DefineMembersResponse()


def written(count: int) -> pb.WriteCellsResponse:
    """Answer with how many cells changed."""
    return pb.WriteCellsResponse(changed_cells=count)


def spread(count: int) -> pb.SpreadTotalResponse:
    """Answer with how many cells changed."""
    return pb.SpreadTotalResponse(changed_cells=count)


def imported(value: tuple[int, int]) -> pb.ImportCellsResponse:
    """Answer with how many rows there were and how many cells changed."""
    return pb.ImportCellsResponse(rows=value[0], changed_cells=value[1])


def got(value: tuple[Version, Sequence[Pin]]) -> pb.GetVersionResponse:
    """Answer with a version and its fixed totals."""
    return pb.GetVersionResponse(version=_version(value[0]), totals=map(_total, value[1]))


def listed(found: Slice[Version]) -> pb.ListVersionsResponse:
    """Answer with a page of versions."""
    return pb.ListVersionsResponse(
        versions=map(_version, found.items), next_page_token=found.next_page_token
    )


def measures(found: Slice[Measure]) -> pb.ListMeasuresResponse:
    """Answer with a page of measures."""
    items = [
        cube_pb2.CubeMeasure(
            measure=one.code,
            name=one.name,
            name_zh=one.name_zh,
            unit=_UNITS[one.unit],
            stock=one.nature is Nature.STOCK,
        )
        for one in found.items
    ]
    return pb.ListMeasuresResponse(measures=items, next_page_token=found.next_page_token)


def members_listed(found: Slice[Member]) -> pb.ListMembersResponse:
    """Answer with a page of members."""
    items = [
        cube_pb2.CubeMember(code=one.code, name=one.name, group=one.group) for one in found.items
    ]
    return pb.ListMembersResponse(members=items, next_page_token=found.next_page_token)


def queried(found: Slice[Row]) -> pb.QueryCellsResponse:
    """Answer with a page of lines."""
    items = [cube_pb2.CubeLine(keys=one.keys, values=one.values) for one in found.items]
    return pb.QueryCellsResponse(lines=items, next_page_token=found.next_page_token)


def differing(found: Slice[Difference]) -> pb.DiffVersionsResponse:
    """Answer with a page of cells."""
    items = [
        cube_pb2.CubeDifference(address=_address(one.address), before=one.before, after=one.after)
        for one in found.items
    ]
    return pb.DiffVersionsResponse(differences=items, next_page_token=found.next_page_token)


def changes(found: Slice[Change]) -> pb.ListCellHistoryResponse:
    """Answer with a page of what was done."""
    items = [
        cube_pb2.CubeChange(
            act=_ACTS[one.act],
            cause=one.cause,
            before=one.before,
            after=one.after,
            changed_by=one.changed_by,
            change_time=from_time(one.record_time),
            version_id=one.version_id,
        )
        for one in found.items
    ]
    return pb.ListCellHistoryResponse(changes=items, next_page_token=found.next_page_token)


def exported(value: tuple[bytes, str]) -> pb.ExportCellsResponse:
    """Answer with a page of a file."""
    return pb.ExportCellsResponse(csv=value[0], next_page_token=value[1])


def explained(value: tuple[Sequence[Variance], Variance]) -> pb.ExplainVarianceResponse:
    """Answer with the lines and their sum."""
    lines, total = value
    return pb.ExplainVarianceResponse(lines=map(_variance, lines), total=_variance(total))


def _variance(one: Variance) -> cube_pb2.VarianceLine:
    return cube_pb2.VarianceLine(
        keys=one.keys,
        before=one.before,
        after=one.after,
        volume=one.volume,
        mix=one.mix,
        price=one.price,
    )


def _grid(message: cube_pb2.CubeGrid) -> Grid:
    grid = Grid(
        units=tuple(message.unit_ids),
        products=tuple(message.product_ids) or ("",),
        channels=tuple(message.channels) or ("",),
        terminals=tuple(message.terminal_ids) or ("",),
        months=tuple(map(Month.parse, message.months)),
    )
    if grid.size > GRID_MAX:
        raise CubeTooLarge(grid.size, GRID_MAX)
    return grid


def _pin(message: cube_pb2.FixedTotal) -> Pin:
    first, last = Month.parse(message.first_month), Month.parse(message.last_month)
    if not 0 <= first.months_until(last) < PIN_MONTHS_MAX:
        raise PeriodInvalid(f"is not 1 to {PIN_MONTHS_MAX} months", f"{first}..{last}")
    return Pin(
        measure=message.measure,
        unit_id=message.unit_id,
        product_id=message.product_id,
        channel=message.channel,
        terminal_id=message.terminal_id,
        first_month=first,
        last_month=last,
        total=message.total,
    )


def _total(pin: Pin) -> cube_pb2.FixedTotal:
    return cube_pb2.FixedTotal(
        measure=pin.measure,
        unit_id=pin.unit_id,
        product_id=pin.product_id,
        channel=pin.channel,
        terminal_id=pin.terminal_id,
        first_month=str(pin.first_month),
        last_month=str(pin.last_month),
        total=pin.total,
    )


def _address(value: Address) -> cube_pb2.CubeAddress:
    return cube_pb2.CubeAddress(
        unit_id=value.unit_id,
        product_id=value.product_id,
        channel=value.channel,
        terminal_id=value.terminal_id,
        month=str(value.month),
    )


def _version(value: Version) -> cube_pb2.CubeVersion:
    return cube_pb2.CubeVersion(
        version_id=value.version_id,
        name=value.name,
        kind=_KINDS[value.kind],
        unit_id=value.unit_id,
        currency_code=value.currency_code,
        base_version_id=value.base_version_id,
        frozen=value.frozen,
        created_by=value.created_by,
        create_time=from_time(value.create_time),
        owner=value.owner,
    )
