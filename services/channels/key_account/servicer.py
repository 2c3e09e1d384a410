"""The front door of large customers."""

from datetime import tzinfo

import grpc
from mantle.channels.v1 import key_account_service_pb2 as pb

from channels.key_account import usecases, wire
from channels.selection.wire import to_check
from chassis.clock import Clock
from chassis.paging import page_of
from chassis.rpc.door import Door


class KeyAccountServicer:
    """Serve `mantle.channels.v1.KeyAccountService`."""

    def __init__(self, door: Door, clock: Clock, *, zone: tzinfo) -> None:
        """Know the door, the time, and the company's time zone."""
        self._door = door
        self._clock = clock
        self._zone = zone

    def RecordCustomerCheck(
        self, request: pb.RecordCustomerCheckRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Record a check of a dossier."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.record_check(
                tx,
                customer_id=request.customer_id,
                unit_id=request.unit_id,
                check=to_check(request.check),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.account_in(pb.RecordCustomerCheckResponse),
        )

    def ApproveCustomer(
        self, request: pb.ApproveCustomerRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Approve a customer."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.approve(tx, customer_id=request.customer_id, by=who),
            reply=wire.account_in(pb.ApproveCustomerResponse),
        )

    def AssignAccountManagers(
        self, request: pb.AssignAccountManagersRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Give managers to large customers."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.assign(
                tx,
                unit_id=request.unit_id,
                year=request.year,
                managers=request.managers,
                today=self._clock.today(self._zone),
                by=who,
                at=self._clock.now(),
            ),
            reply=wire.assigned,
        )

    def ListKeyAccounts(
        self, request: pb.ListKeyAccountsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of customers."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(
                tx, part=page_of(request), by=who, manager=request.manager
            ),
            reply=wire.listed,
        )
