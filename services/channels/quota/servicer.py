"""The front door of the quotas."""

import grpc
from mantle.channels.v1 import quota_service_pb2 as pb

from channels.quota import usecases, wire
from chassis.paging import page_of
from chassis.rpc.door import Door


class QuotaServicer:
    """Serve what planning told of targets."""

    def __init__(self, door: Door) -> None:
        """Know the door."""
        self._door = door

    def GetSalesTargets(
        self, request: pb.GetSalesTargetsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of a year's targets."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.targets(
                tx,
                page_of(request),
                unit_id=request.unit_id,
                fiscal_year=request.fiscal_year,
                by=who,
            ),
            reply=wire.got,
        )
