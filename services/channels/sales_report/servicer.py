"""The front door of the sales that partners report."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import sales_report_service_pb2 as pb

from channels.order.fulfilment import Rules
from channels.sales_report import usecases, wire
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.policy.book import PolicyBook
from chassis.rpc.door import Door


class SalesReportServicer:
    """Serve `mantle.channels.v1.SalesReportService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo, book: PolicyBook) -> None:
        """Know the door, the time, the company's time zone and the policies."""
        self._door = door
        self._clock = clock
        self._zone = zone
        self._rules = Rules(book, zone)

    def ImportSales(self, request: pb.ImportSalesRequest, context: grpc.ServicerContext) -> bytes:
        """Take sales in."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.take_in(
                tx,
                partner_id=request.partner_id,
                sales=wire.to_sales(request),
                rules=self._rules,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.taken,
        )

    def ListReportedSales(
        self, request: pb.ListReportedSalesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of sales."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx, part=page_of(request), by=who, partner_id=request.partner_id
            ),
            reply=wire.listed,
        )
