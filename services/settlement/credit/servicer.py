"""The front door of credit."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import credit_service_pb2 as pb

from chassis.clock import Clock
from chassis.period import parse_date
from chassis.rpc.combined import Combined
from chassis.rpc.door import Door
from chassis.rpc.messages import in_batch
from chassis.rpc.visit import Visit
from chassis.wire import to_money
from settlement.credit import blocking, reserving, usecases, wire
from settlement.credit.domain import Owner, Reservation
from settlement.credit.reserving import Wanted


class CreditServicer:
    """Serve `mantle.settlement.v1.CreditService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the business time and the company's zone.

        Orders of one partner wait for one row, so those that come together are served together.
        """
        self._door = door
        self._clock = clock
        self._zone = zone
        self._reserving: Combined[Wanted, Reservation] = door.combined(
            "reserve credit",
            item=_wanted,
            act=lambda tx, wanted: reserving.reserve_together(tx, wanted, at=clock.now()),
            reply=wire.reserved,
        )

    @in_batch
    def ReserveCredit(self, visit: Visit) -> None:
        """Set a part of a limit aside."""
        self._reserving.take(visit)

    def ReserveCredits(
        self, request: pb.ReserveCreditsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Set parts of limits aside."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: reserving.reserve_each(
                tx, [_wanted(one) for one in request.wishes], by=who, at=self._clock.now()
            ),
            reply=wire.reserved_each,
        )

    def ReleaseCredit(
        self, request: pb.ReleaseCreditRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Give a pending reservation back."""
        return self._door.write(
            request,
            context,
            act=lambda tx, _: reserving.release(
                tx, owner=Owner(request.owner_kind, request.owner_id)
            ),
            reply=wire.released,
        )

    def BlockCredit(self, request: pb.BlockCreditRequest, context: grpc.ServicerContext) -> bytes:
        """Let nothing more be reserved."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: blocking.block(
                tx,
                partner_id=request.partner_id,
                why=request.reason,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.blocked,
        )

    def UnblockCredit(
        self, request: pb.UnblockCreditRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Let the limit be used again."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: blocking.unblock(
                tx,
                partner_id=request.partner_id,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.unblocked,
        )

    def GetCreditAccount(
        self, request: pb.GetCreditAccountRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a partner's credit."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(
                tx, partner_id=request.partner_id, by=who, at=self._clock.now()
            ),
            reply=wire.got,
        )


def _wanted(request: pb.ReserveCreditRequest | pb.CreditWish) -> Wanted:
    return Wanted(
        request.partner_id,
        Owner(request.owner_kind, request.owner_id),
        to_money(request.amount),
        parse_date(request.order_date),
    )
