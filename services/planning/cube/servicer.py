"""The front door of the cube."""

from typing import Final

import grpc
from mantle.planning.v1 import cube_service_pb2 as pb

from chassis.clock import Clock
from chassis.outcome import Outcome
from chassis.paging import page_of
from chassis.rpc.door import Door
from planning.cube import imports, usecases, views, wire

LINES_DEFAULT: Final = 500
LINES_MAX: Final = 5_000
EXPORT_DEFAULT: Final = 10_000
EXPORT_MAX: Final = 50_000


class CubeServicer:
    """Serve versions of numbers."""

    def __init__(self, door: Door, clock: Clock) -> None:
        """Know the door and the business time."""
        self._door = door
        self._clock = clock

    def CreateVersion(
        self, request: pb.CreateVersionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Begin a version."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: Outcome(
                usecases.create_version(
                    tx,
                    name=request.name,
                    kind=wire.kind(request.kind),
                    unit_id=request.unit_id,
                    currency_code=request.currency_code,
                    by=who,
                    at=self._clock.now(),
                )
            ),
            reply=wire.created,
        )

    def BranchVersion(
        self, request: pb.BranchVersionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Begin a version with the numbers of another."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: Outcome(
                usecases.branch(
                    tx,
                    request.version_id,
                    name=request.name,
                    kind=wire.kind(request.kind),
                    unit_id=request.unit_id,
                    by=who,
                    at=self._clock.now(),
                )
            ),
            reply=wire.branched,
        )

    def FreezeVersion(
        self, request: pb.FreezeVersionRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Freeze a version."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: Outcome(usecases.freeze(tx, request.version_id, by=who)),
            reply=wire.frozen,
        )

    def FixTotals(self, request: pb.FixTotalsRequest, context: grpc.ServicerContext) -> bytes:
        """Fix totals."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: Outcome(
                usecases.pin(tx, request.version_id, wire.pins(request.totals), by=who)
            ),
            reply=wire.fixed,
        )

    def ReleaseTotals(
        self, request: pb.ReleaseTotalsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Let fixed totals go."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: Outcome(
                usecases.unpin(tx, request.version_id, wire.pins(request.totals), by=who)
            ),
            reply=wire.released,
        )

    def DefineMembers(
        self, request: pb.DefineMembersRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Make products or channels known."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: Outcome(
                usecases.define(
                    tx,
                    axis=wire.member_axis(request.axis),
                    members=wire.members(request.members),
                    by=who,
                )
            ),
            reply=wire.defined,
        )

    def WriteCells(self, request: pb.WriteCellsRequest, context: grpc.ServicerContext) -> bytes:
        """Set cells."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: Outcome(
                usecases.write(
                    tx,
                    request.version_id,
                    wire.cells(request.cells),
                    add=request.add,
                    cause=request.cause,
                    by=who,
                    at=self._clock.now(),
                )
            ),
            reply=wire.written,
        )

    def SpreadTotal(self, request: pb.SpreadTotalRequest, context: grpc.ServicerContext) -> bytes:
        """Spread a total."""
        rule = wire.rule(request.rule)
        return self._door.write(
            request,
            context,
            act=lambda tx, who: Outcome(
                usecases.spread(
                    tx,
                    request.version_id,
                    request.measure,
                    where=wire.spread_where(request, rule),
                    total=request.total,
                    rule=rule,
                    held=[wire.where(one) for one in request.held],
                    add=request.add,
                    cause=request.cause,
                    by=who,
                    at=self._clock.now(),
                )
            ),
            reply=wire.spread,
        )

    def ImportCells(self, request: pb.ImportCellsRequest, context: grpc.ServicerContext) -> bytes:
        """Set the cells of a file."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: Outcome(
                imports.import_cells(
                    tx,
                    request.version_id,
                    request.csv,
                    name=request.name,
                    by=who,
                    at=self._clock.now(),
                )
            ),
            reply=wire.imported,
        )

    def GetVersion(self, request: pb.GetVersionRequest, context: grpc.ServicerContext) -> bytes:
        """Return a version with its fixed totals."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: (
                usecases.get_version(tx, request.version_id),
                usecases.pins_of(tx, request.version_id, by=who),
            ),
            reply=wire.got,
        )

    def ListVersions(self, request: pb.ListVersionsRequest, context: grpc.ServicerContext) -> bytes:
        """List versions."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_versions(
                tx, page_of(request), kind=wire.kind_wanted(request)
            ),
            reply=wire.listed,
        )

    def ListMeasures(self, request: pb.ListMeasuresRequest, context: grpc.ServicerContext) -> bytes:
        """List what the cube counts."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: views.list_measures(tx, page_of(request)),
            reply=wire.measures,
        )

    def ListMembers(self, request: pb.ListMembersRequest, context: grpc.ServicerContext) -> bytes:
        """List products or channels."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_members(
                tx, page_of(request), axis=wire.member_axis(request.axis)
            ),
            reply=wire.members_listed,
        )

    def QueryCells(self, request: pb.QueryCellsRequest, context: grpc.ServicerContext) -> bytes:
        """Sum by axes."""
        part = page_of(request, size_default=LINES_DEFAULT, size_max=LINES_MAX)
        return self._door.read(
            request,
            context,
            act=lambda tx, who: views.query(
                tx,
                part,
                request.version_id,
                measures=request.measures,
                by=wire.axes(request.by),
                where=wire.where(request.selection),
                caller=who,
            ),
            reply=wire.queried,
        )

    def DiffVersions(self, request: pb.DiffVersionsRequest, context: grpc.ServicerContext) -> bytes:
        """List the cells that differ."""
        part = page_of(request, size_default=LINES_DEFAULT, size_max=LINES_MAX)
        return self._door.read(
            request,
            context,
            act=lambda tx, who: views.differences(
                tx,
                part,
                before=request.version_id,
                after=request.other_version_id,
                measure=request.measure,
                where=wire.where(request.selection),
                caller=who,
            ),
            reply=wire.differing,
        )

    def ListCellHistory(
        self, request: pb.ListCellHistoryRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List what was done to a cell."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: views.changes(
                tx,
                page_of(request),
                request.version_id,
                measure=request.measure,
                address=wire.address(request.address),
                caller=who,
            ),
            reply=wire.changes,
        )

    def ExportCells(self, request: pb.ExportCellsRequest, context: grpc.ServicerContext) -> bytes:
        """Write cells as a file."""
        part = page_of(request, size_default=EXPORT_DEFAULT, size_max=EXPORT_MAX)
        return self._door.read(
            request,
            context,
            act=lambda tx, who: views.exported(
                tx,
                part,
                request.version_id,
                measure=request.measure,
                where=wire.where(request.selection),
                caller=who,
            ),
            reply=wire.exported,
        )

    def ExplainVariance(
        self, request: pb.ExplainVarianceRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Say why sales differ."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: views.variance(
                tx,
                before=request.version_id,
                after=request.other_version_id,
                by=wire.axes(request.by),
                where=wire.where(request.selection),
                caller=who,
            ),
            reply=wire.explained,
        )
