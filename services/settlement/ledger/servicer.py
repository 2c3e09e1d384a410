"""The front door of the ledger."""

from datetime import tzinfo

import grpc
from mantle.settlement.v1 import ledger_service_pb2 as pb

from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door
from settlement.credit import usecases as credit
from settlement.ledger import sealing, usecases, wire

BLOCKS_DEFAULT, BLOCKS_MAX = 50, 200


class LedgerServicer:
    """Serve `mantle.settlement.v1.LedgerService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the business time and the company's zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def PostTransfers(
        self, request: pb.PostTransfersRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Write transfers by hand."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.post_by_hand(
                tx,
                wishes=wire.wishes(request),
                lock_credit=credit.lock,
                by=who,
                at=self._clock.now(),
                today=self._clock.today(self._zone),
            ),
            reply=wire.posted,
        )

    def GetAccount(self, request: pb.GetAccountRequest, context: grpc.ServicerContext) -> bytes:
        """Return an account."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get_account(
                tx,
                account_id=request.account_id,
                by=who,
                at=self._clock.now(),
                as_of=wire.day(request.as_of_date),
            ),
            reply=wire.got_account,
        )

    def ListTransfers(
        self, request: pb.ListTransfersRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of an account's transfers."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_transfers(
                tx,
                page_of(request),
                account_id=request.account_id,
                by=who,
                start=wire.day(request.start_date),
                until=wire.day(request.as_of_date),
            ),
            reply=wire.listed,
        )

    def GetTrialBalance(
        self, request: pb.GetTrialBalanceRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return the sums of all accounts by code."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.trial_balance(
                tx, by=who, as_of=wire.day(request.as_of_date)
            ),
            reply=wire.trial_balance,
        )

    def VerifyLedger(self, request: pb.VerifyLedgerRequest, context: grpc.ServicerContext) -> bytes:
        """Recompute blocks of the chain."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: sealing.verify(
                tx,
                first=max(1, request.first_block_number),
                limit=min(request.block_count or BLOCKS_DEFAULT, BLOCKS_MAX),
                by=who,
            ),
            reply=wire.verified,
        )
