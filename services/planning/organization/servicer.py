"""The front door of the organisation."""

from datetime import tzinfo

import grpc
from mantle.planning.v1 import unit_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import parse_date
from chassis.rpc.door import Door
from planning.organization import usecases, wire


class UnitServicer:
    """Serve the tree of units."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the business time, and the zone whose days count."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def CreateUnit(self, request: pb.CreateUnitRequest, context: grpc.ServicerContext) -> bytes:
        """Found a unit."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.create(
                tx,
                unit_id=request.unit_id,
                name=request.name,
                kind=wire.kind(request),
                parent_unit_id=request.parent_unit_id,
                valid_from=parse_date(request.valid_from),
                by=who,
                at=self._clock.now(),
                functions=request.functions,
            ),
            reply=wire.created,
        )

    def MoveUnit(self, request: pb.MoveUnitRequest, context: grpc.ServicerContext) -> bytes:
        """Move a unit."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.move(
                tx,
                unit_id=request.unit_id,
                parent_unit_id=request.parent_unit_id,
                valid_from=parse_date(request.valid_from),
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.moved,
        )

    def GetUnit(self, request: pb.GetUnitRequest, context: grpc.ServicerContext) -> bytes:
        """Return a unit."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(
                tx,
                unit_id=request.unit_id,
                on=wire.day(request, today=self._clock.today(self._zone)),
                by=who,
            ),
            reply=wire.got,
        )

    def ListUnits(self, request: pb.ListUnitsRequest, context: grpc.ServicerContext) -> bytes:
        """List units."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx,
                page_of(request),
                on=wire.day(request, today=self._clock.today(self._zone)),
                by=who,
            ),
            reply=wire.listed,
        )
