"""The front door of prices."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import pricing_service_pb2 as pb

from channels.pricing import usecases, wire
from chassis.clock import Clock
from chassis.policy.book import PolicyBook
from chassis.rpc.door import Door


class PricingServicer:
    """Serve `mantle.channels.v1.PricingService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo, book: PolicyBook) -> None:
        """Know the door, the time, the company's time zone and the policies in memory."""
        self._door = door
        self._clock = clock
        self._zone = zone
        self._book = book

    def QuotePrice(self, request: pb.QuotePriceRequest, context: grpc.ServicerContext) -> bytes:
        """Price lines for a partner."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.quote(
                tx,
                book=self._book,
                partner_id=request.partner_id,
                lines=wire.wanted(request),
                on=wire.wanted_day(request, self._clock.today(self._zone)),
                by=who,
            ),
            reply=wire.quoted,
        )
