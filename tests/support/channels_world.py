"""Channels with a stand-in for settlement's credit, so that its tests need no other service."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

import psycopg
import pytest
from google.protobuf.message import Message
from mantle.channels.v1 import order_service_pb2 as orders

from chassis.events.domain import ReceivedEvent
from chassis.ids import new_id
from tests.support.credit_desk import StandInDesk, served_desk
from tests.support.examples_channels import a_partner
from tests.support.server import World, libpq

M = TypeVar("M", bound=Message)

ADD_UNIT = """
INSERT INTO org_unit_copy (unit_id, path, version, record_time) VALUES (%s, %s, 1, now())
ON CONFLICT DO NOTHING
"""


@dataclass(slots=True)
class Shop:
    """Hold the running service and the stand-in."""

    world: World
    desk: StandInDesk

    def rich_partner(self, limit_minor: int = 10**12) -> str:
        """Return a partner that may order and whose credit settlement knows."""
        partner_id = a_partner(self.world)
        self.desk.limits[partner_id] = limit_minor
        return partner_id

    def on(self, day: str) -> None:
        """Set the business clock to ten in the morning of a day."""
        self.world.clock.set(datetime.fromisoformat(f"{day}T02:00:00").replace(tzinfo=UTC))

    def add_unit(self, unit_id: str, path: str) -> None:
        """Make a unit known, as planning's event does."""
        with psycopg.connect(libpq(self.world.database("channels").owner_url)) as db:
            db.execute(ADD_UNIT, [unit_id, path])

    def facts(self, kind: type[M]) -> list[M]:
        """Return the events of a type in the order in which they were written."""
        rows = self.world.rows(
            "channels",
            "SELECT payload FROM event WHERE type = %(type)s ORDER BY id",
            type=kind.DESCRIPTOR.full_name,
        )
        return [kind.FromString(payload) for (payload,) in rows]

    def tell(self, source: str, *facts: Message) -> None:
        """Apply facts of a peer, as the subscription does."""
        service = self.world.services["channels"]
        events = [self._event(source, fact) for fact in facts]
        with service.database.transaction() as tx:
            service.applier_of(source).apply(tx, *events)

    def _event(self, source: str, fact: Message) -> ReceivedEvent:
        at = self.world.clock.now()
        return ReceivedEvent(
            source=source,
            position=1,
            event_id=new_id(),
            type=fact.DESCRIPTOR.full_name,
            ordering_key="test",
            occur_time=at,
            record_time=at,
            actor=source,
            traceparent="",
            payload=fact.SerializeToString(),
        )

    def order(self, order_id: str) -> Any:
        """Return an order."""
        return self.world.call(orders.GetOrderRequest(order_id=order_id)).order


@pytest.fixture
def shop(world: World) -> Iterator[Shop]:
    """Give a test channels, which knows the unit `hq`, and the stand-in beside it."""
    # The stand-in is there first: who finds nobody waits up to two seconds before it looks again.
    with served_desk(world.port("settlement")) as desk:
        made = Shop(world.start("channels"), desk)
        made.add_unit("hq", "hq/")
        yield made
