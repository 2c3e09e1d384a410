"""The front door of long work."""

import grpc
from mantle.work.v1 import work_service_pb2 as pb

from chassis.paging import page_of
from chassis.rpc.door import Door
from chassis.work import usecases, wire


class WorkServicer:
    """Serve `mantle.work.v1.WorkService`."""

    def __init__(self, door: Door) -> None:
        """Take requests from this door."""
        self._door = door

    def GetRun(self, request: pb.GetRunRequest, context: grpc.ServicerContext) -> bytes:
        """Show a run."""
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.get(tx, run_id=request.run_id, by=who),
            reply=wire.got,
        )

    def ListRuns(self, request: pb.ListRunsRequest, context: grpc.ServicerContext) -> bytes:
        """Show the runs in the caller's scope."""
        page, states = page_of(request), wire.states(request.states)
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.listing(
                tx, page=page, by=who, kind=request.kind, states=states
            ),
            reply=wire.listed,
        )

    def ListPreviewRows(
        self, request: pb.ListPreviewRowsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Show what a dry run found."""
        page = page_of(request)
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.previews(tx, run_id=request.run_id, page=page, by=who),
            reply=wire.previewed,
        )

    def CancelRun(self, request: pb.CancelRunRequest, context: grpc.ServicerContext) -> bytes:
        """End a run for good."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.cancel(tx, run_id=request.run_id, by=who),
            reply=wire.cancelled,
        )

    def ResumeRun(self, request: pb.ResumeRunRequest, context: grpc.ServicerContext) -> bytes:
        """Let a failed run go on."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.resume(tx, run_id=request.run_id, by=who),
            reply=wire.resumed,
        )
