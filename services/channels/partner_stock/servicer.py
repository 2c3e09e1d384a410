"""The front door of the stocks that partners report."""

import grpc
from mantle.channels.v1 import partner_stock_service_pb2 as pb

from channels.partner_stock import usecases, wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.period import Month
from chassis.rpc.door import Door


class PartnerStockServicer:
    """Serve `mantle.channels.v1.PartnerStockService`."""

    def __init__(self, door: Door, clock: Clock) -> None:
        """Know the door and the time."""
        self._door = door
        self._clock = clock

    def ReportPartnerStock(
        self, request: pb.ReportPartnerStockRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Report a partner's stock of a month."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.report(
                tx,
                partner_id=request.partner_id,
                month=Month.parse(request.month),
                reports=wire.to_reports(request),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.reported,
        )

    def ListPartnerStock(
        self, request: pb.ListPartnerStockRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of reports."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx, part=page_of(request), by=who, wanted=wire.wanted(request)
            ),
            reply=wire.listed,
        )
