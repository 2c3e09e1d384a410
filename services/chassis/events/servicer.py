"""The front door of a service's log."""

import time
from collections.abc import Callable

import grpc
from mantle.events.v1 import event_log_service_pb2 as pb

from chassis import paging
from chassis.clock import Clock
from chassis.events import usecases, wire
from chassis.events.usecases import Applies
from chassis.events.watch import LogWatch
from chassis.rpc.call import current_call
from chassis.rpc.door import Door


class EventLogServicer:
    """Serve `mantle.events.v1.EventLogService`."""

    def __init__(
        self, door: Door, watch: LogWatch, *, applier_of: Callable[[str], Applies], clock: Clock
    ) -> None:
        """Know whom to wait with, and who applies a replayed event."""
        self._door = door
        self._watch = watch
        self._applier_of = applier_of
        self._clock = clock

    def ReadEvents(self, request: pb.ReadEventsRequest, context: grpc.ServicerContext) -> bytes:
        """Return what is behind a position, or wait for it."""
        call = current_call.get()
        assert call is not None
        ends_s = time.monotonic() + min(request.wait.ToTimedelta().total_seconds(), call.left_s())
        while True:
            grown = self._watch.count
            answer = self._read(request, context)
            left_s = ends_s - time.monotonic()
            moved = pb.ReadEventsResponse.FromString(answer).next_position > request.after_position
            if moved or left_s <= 0 or self._watch.stopped or not context.is_active():
                return answer
            self._watch.wait(grown, timeout_s=left_s)

    def ListParkedEvents(
        self, request: pb.ListParkedEventsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List what could not be applied."""
        page = paging.page_of(request)
        return self._door.read(
            request,
            context,
            act=lambda tx, _who: usecases.list_parked(tx, page),
            reply=lambda found: wire.list_parked_response((found.items, found.next_page_token)),
        )

    def ReplayParkedEvent(
        self, request: pb.ReplayParkedEventRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Apply a parked event again."""
        return self._door.write(
            request,
            context,
            act=lambda tx, _who: usecases.replay(
                tx, request.event_id, applier_of=self._applier_of, at=self._clock.now()
            ),
            reply=wire.replay_response,
        )

    def _read(self, request: pb.ReadEventsRequest, context: grpc.ServicerContext) -> bytes:
        return self._door.read(
            request,
            context,
            act=lambda tx, _who: usecases.read(
                tx,
                after_position=request.after_position,
                log_epoch=request.log_epoch,
                types=list(request.types),
                partitions=list(request.partitions),
                page_size=request.page_size,
            ),
            reply=wire.read_events_response,
        )
