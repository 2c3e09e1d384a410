"""Events between protobuf and our own words."""

from collections.abc import Sequence
from datetime import UTC

from mantle.events.v1 import event_log_service_pb2 as pb
from mantle.events.v1 import event_pb2

from chassis.events.domain import Parked, ReceivedEvent, Stretch


def received(source: str, answer: pb.ReadEventsResponse) -> list[ReceivedEvent]:
    """Read the events of an answer, with the service that they came from."""
    return [
        ReceivedEvent(
            source=source,
            position=one.position,
            event_id=one.event_id,
            type=one.type,
            ordering_key=one.ordering_key,
            occur_time=one.occur_time.ToDatetime(UTC),
            record_time=one.record_time.ToDatetime(UTC),
            actor=one.actor,
            traceparent=one.traceparent,
            payload=one.payload,
            partition=one.partition,
        )
        for one in answer.events
    ]


def read_events_response(stretch: Stretch) -> pb.ReadEventsResponse:
    """Write a stretch of the log."""
    return pb.ReadEventsResponse(
        events=[_event(one) for one in stretch.events],
        next_position=stretch.next_position,
        log_epoch=stretch.log_epoch,
        head_position=stretch.head_position,
    )


def list_parked_response(
    page: tuple[Sequence[Parked], str],
) -> pb.ListParkedEventsResponse:
    """Write a page of parked events."""
    parked, token = page
    return pb.ListParkedEventsResponse(
        parked_events=[_parked(one) for one in parked], next_page_token=token
    )


def replay_response(done: tuple[int, str]) -> pb.ReplayParkedEventResponse:
    """Write how many events were applied, and the reason for which the next one stays."""
    return pb.ReplayParkedEventResponse(applied=done[0], reason=done[1])


def _parked(one: Parked) -> event_pb2.ParkedEvent:
    message = event_pb2.ParkedEvent(
        event=_event(one.event), source=one.event.source, reason=one.reason, attempts=one.attempts
    )
    message.park_time.FromDatetime(one.park_time)
    return message


def _event(one: ReceivedEvent) -> event_pb2.Event:
    message = event_pb2.Event(
        position=one.position,
        event_id=one.event_id,
        type=one.type,
        ordering_key=one.ordering_key,
        partition=one.partition,
        actor=one.actor,
        traceparent=one.traceparent,
        payload=one.payload,
    )
    message.occur_time.FromDatetime(one.occur_time)
    message.record_time.FromDatetime(one.record_time)
    return message
