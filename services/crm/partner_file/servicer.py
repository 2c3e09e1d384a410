"""The front door of customer files."""

import grpc
from mantle.crm.v1 import partner_file_service_pb2 as pb

from chassis.paging import page_of
from chassis.rpc.door import Door
from crm.partner_file import usecases, wire


class PartnerFileServicer:
    """Serve `mantle.crm.v1.PartnerFileService`."""

    def __init__(self, door: Door) -> None:
        """Know the door."""
        self._door = door

    def GetCustomerFile(
        self, request: pb.GetCustomerFileRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a file."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, customer_id=request.customer_id, by=who),
            reply=wire.got,
        )

    def ListCustomerFiles(
        self, request: pb.ListCustomerFilesRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Return a page of files."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_page(tx, part=page_of(request), by=who),
            reply=wire.listed,
        )
