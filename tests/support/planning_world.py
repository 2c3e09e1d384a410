"""Planning alone, told by hand what its peers would tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeVar

import pytest
from google.protobuf.message import Message
from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.channels.v1 import product_pb2
from mantle.crm.v1 import events_pb2 as crm_pb
from mantle.crm.v1 import offer_pb2
from mantle.settlement.v1 import events_pb2 as settlement_pb

from chassis.events.domain import ReceivedEvent
from chassis.ids import new_id
from tests.support.examples_planning import cny
from tests.support.server import ROOT_UNIT, World

M = TypeVar("M", bound=Message)


@dataclass(slots=True)
class Office:
    """Hold the running service."""

    world: World

    def tell(self, source: str, *facts: Message) -> None:
        """Apply facts of a peer at once, as the subscription does."""
        service = self.world.services["planning"]
        at = self.world.clock.now()
        events = [
            ReceivedEvent(
                source=source,
                position=position,
                event_id=new_id(),
                type=fact.DESCRIPTOR.full_name,
                ordering_key="test",
                occur_time=at,
                record_time=at,
                actor=source,
                traceparent="",
                payload=fact.SerializeToString(),
            )
            for position, fact in enumerate(facts, start=1)
        ]
        with service.database.transaction() as tx:
            service.applier_of(source).apply(tx, *events)

    def facts(self, kind: type[M]) -> list[M]:
        """Return the events of a type in the order in which they were written."""
        rows = self.world.rows(
            "planning",
            "SELECT payload FROM event WHERE type = %(type)s ORDER BY id",
            type=kind.DESCRIPTOR.full_name,
        )
        return [kind.FromString(payload) for (payload,) in rows]

    def sell(self, product_id: str, *, on_sale: bool = True, version: int = 1) -> str:
        """Make a product known, and return its id."""
        state = (
            product_pb2.Product.STATE_ON_SALE if on_sale else product_pb2.Product.STATE_WITHDRAWN
        )
        product = product_pb2.Product(product_id=product_id, state=state, version=version)
        self.tell("channels", channels_pb.ProductChanged(product=product, available=on_sale))
        return product_id

    def post(
        self,
        campaign_id: str,
        *,
        revenue_minor: int = 0,
        cost_minor: int = 0,
        reversal: bool = False,
        transfer_id: str = "",
    ) -> None:
        """Post a revenue or a cost of a campaign."""
        fact = self.posting(
            campaign_id,
            revenue_minor=revenue_minor,
            cost_minor=cost_minor,
            reversal=reversal,
            transfer_id=transfer_id,
        )
        self.tell("settlement", fact)

    def posting(
        self,
        campaign_id: str,
        *,
        revenue_minor: int = 0,
        cost_minor: int = 0,
        reversal: bool = False,
        transfer_id: str = "",
    ) -> settlement_pb.ActualPosted:
        """Write a posting of a campaign, to be told."""
        kinds = settlement_pb.ActualPosted
        return settlement_pb.ActualPosted(
            campaign_id=campaign_id,
            product_id="P1",
            unit_id=ROOT_UNIT,
            kind=kinds.KIND_REVENUE if revenue_minor else kinds.KIND_COMMISSION,
            amount=cny(revenue_minor or cost_minor),
            reversal=reversal,
            order_id=new_id(),
            transfer_id=transfer_id or new_id(),
        )

    def show(self, campaign_id: str, *, touchpoint_kind: str = "HOTLINE") -> str:
        """Show an offer and return its id."""
        shown = crm_pb.OfferShown(
            offer_id=new_id(), campaign_id=campaign_id, touchpoint_kind=touchpoint_kind
        )
        self.tell("crm", shown)
        return shown.offer_id

    def answer(
        self,
        campaign_id: str,
        offer_id: str,
        answer: offer_pb2.Answer.ValueType,
        *,
        touchpoint_kind: str = "HOTLINE",
    ) -> None:
        """Answer an offer."""
        self.tell(
            "crm",
            crm_pb.OfferAnswered(
                offer_id=offer_id,
                campaign_id=campaign_id,
                touchpoint_kind=touchpoint_kind,
                answer=answer,
            ),
        )


@pytest.fixture
def office(world: World) -> Iterator[Office]:
    """Give a test planning without its peers."""
    world.start("planning")
    yield Office(world)
