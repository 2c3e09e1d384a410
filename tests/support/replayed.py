"""Apply a fact to a service as its reader does, as often as a test wants."""

from google.protobuf.message import Message

from chassis.events.domain import ReceivedEvent
from chassis.ids import new_id
from tests.support.server import World


def apply(world: World, service: str, fact: Message, *, source: str) -> None:
    """Apply a fact of a source once, in a transaction of its own."""
    now = world.clock.now()
    received = ReceivedEvent(
        source=source,
        position=1,
        event_id=new_id(),
        type=fact.DESCRIPTOR.full_name,
        ordering_key="key",
        occur_time=now,
        record_time=now,
        actor=source,
        traceparent="",
        payload=fact.SerializeToString(),
    )
    made = world.start(service).services[service]
    with made.database.transaction() as tx:
        made.applier_of(source).apply(tx, received)
