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

# Kept of the caller's time for the reading behind the wait.
READ_S = 0.2


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
        wait_s = min(request.wait.ToTimedelta().total_seconds(), call.left_s() - READ_S)
        ends_s = time.monotonic() + wait_s
        grown = self._watch.count
        if request.after_position == self._watch.head:
            # Who stands at the end need not look before there is more.
            self._wait(grown, context, ends_s=ends_s)
        while True:
            grown = self._watch.count
            answer = self._read(request, context)
            moved = pb.ReadEventsResponse.FromString(answer).next_position > request.after_position
            if moved or not self._wait(grown, context, ends_s=ends_s):
                return answer

    def ListParkedEvents(
        self, request: pb.ListParkedEventsRequest, context: grpc.ServicerContext
    ) -> bytes:
        """List what could not be applied."""
        page = paging.page_of(request)
        return self._door.read(
            request,
            context,
            act=lambda tx, who: usecases.list_parked(tx, page, by=who),
            reply=lambda found: wire.list_parked_response((found.items, found.next_page_token)),
        )

    def ReplayParkedEvent(
        self, request: pb.ReplayParkedEventRequest, context: grpc.ServicerContext
    ) -> bytes:
        """Apply a parked event again."""
        return self._door.write(
            request,
            context,
            act=lambda tx, who: usecases.replay(
                tx, request.event_id, applier_of=self._applier_of, by=who, at=self._clock.now()
            ),
            reply=wire.replay_response,
        )

    def _wait(self, grown: int, context: grpc.ServicerContext, *, ends_s: float) -> bool:
        """Wait until the log has grown; False when the time is over or nobody waits any more."""
        while (left_s := ends_s - time.monotonic()) > 0 and context.is_active():
            if self._watch.wait(grown, timeout_s=left_s):
                return not self._watch.stopped
        return False

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
