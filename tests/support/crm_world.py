"""Crm with a stand-in for channels' orders, told by hand what its peers would tell."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any, TypeVar

import pytest
from google.protobuf.message import Message
from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.channels.v1 import order_pb2, pricing_pb2, product_pb2
from mantle.crm.v1 import customer_service_pb2 as customers
from mantle.crm.v1 import decision_pb2, offer_pb2
from mantle.crm.v1 import decision_service_pb2 as decisions
from mantle.crm.v1 import outreach_service_pb2 as outreach
from mantle.planning.v1 import campaign_pb2
from mantle.planning.v1 import events_pb2 as planning_pb
from mantle.type.v1 import money_pb2, org_unit_pb2

from chassis.events.domain import ReceivedEvent
from chassis.ids import new_id
from chassis.wire import from_time
from tests.support.order_desk import StandInOrders, served_orders
from tests.support.server import ROOT_UNIT, World

M = TypeVar("M", bound=Message)

_numbers = count(1)


def an_offer(product_id: str = "P1", offer_code: str = "O12", **fields: Any) -> campaign_pb2.Offer:
    """Return an offer of a product, to everybody and everywhere unless told otherwise."""
    value_minor = fields.pop("value_minor", 3_000)
    return campaign_pb2.Offer(
        offer_code=offer_code,
        product_id=product_id,
        wording=fields.pop("wording", "another ten gigabytes"),
        propensity=fields.pop("propensity", "0.42"),
        value=money_pb2.Money(currency_code="CNY", amount_minor=value_minor),
        valid_days=fields.pop("valid_days", 7),
        **fields,
    )


@dataclass(slots=True)
class Front:
    """Hold the running service and the stand-in."""

    world: World
    orders: StandInOrders

    def tell(self, source: str, fact: Message, *, key: str = "test") -> None:
        """Apply a fact of a peer, as the subscription does."""
        service = self.world.services["crm"]
        at = self.world.clock.now()
        event = ReceivedEvent(
            source=source,
            position=next(_numbers),
            event_id=new_id(),
            type=fact.DESCRIPTOR.full_name,
            ordering_key=key,
            occur_time=at,
            record_time=at,
            actor=source,
            traceparent="",
            payload=fact.SerializeToString(),
        )
        with service.database.transaction() as tx:
            service.applier_of(source).apply(tx, event)

    def unit(self, path: str) -> str:
        """Make a unit known and return its id."""
        unit_id = path.rstrip("/").rpartition("/")[2]
        self.tell("planning", org_unit_pb2.OrgUnitChanged(unit_id=unit_id, path=path, version=1))
        return unit_id

    def product(
        self,
        product_id: str = "P1",
        *,
        available: bool = True,
        version: int = 1,
        excludes: tuple[str, ...] = (),
        requires: tuple[str, ...] = (),
    ) -> str:
        """Make a product known and return its id."""
        product = product_pb2.Product(
            product_id=product_id,
            version=version,
            excludes_product_ids=excludes,
            requires_product_ids=requires,
        )
        self.tell("channels", channels_pb.ProductChanged(product=product, available=available))
        return product_id

    def campaign(
        self, *offers: campaign_pb2.Offer, unit_id: str = ROOT_UNIT, **plan: Any
    ) -> campaign_pb2.Campaign:
        """Make a campaign live, for thirty days from now unless told otherwise."""
        now = self.world.clock.now()
        made = campaign_pb2.Campaign(
            campaign_id=new_id(),
            unit_id=unit_id,
            version=1,
            state=campaign_pb2.Campaign.STATE_EXECUTING,
            plan=campaign_pb2.CampaignPlan(
                name="spring",
                offers=offers or [an_offer()],
                start_time=plan.pop("start_time", from_time(now)),
                end_time=plan.pop("end_time", from_time(now + timedelta(days=30))),
                **plan,
            ),
            traceparent=plan.pop("traceparent", ""),
        )
        self.tell("planning", planning_pb.CampaignStarted(campaign=made))
        return made

    def turn(self, kind: type[Message], campaign: campaign_pb2.Campaign) -> None:
        """Tell the next fact of a campaign."""
        campaign.version += 1
        self.tell("planning", kind(campaign=campaign))

    def customer(self, customer_id: str = "", *, unit_id: str = ROOT_UNIT, **fields: Any) -> str:
        """Import a customer and return the id."""
        customer_id = customer_id or f"C{next(_numbers)}"
        fields.setdefault("display_name", "Li Wei")
        row = customers.CustomerRow(row_number=1, customer_id=customer_id, **fields)
        reply = self.world.call(
            customers.ImportCustomersRequest(import_id=new_id(), unit_id=unit_id, rows=[row]),
            role="customer_service",
        )
        assert not reply.errors, reply.errors
        return customer_id

    def touch(
        self, customer_id: str, touchpoint_id: str = "hotline", **fields: Any
    ) -> decisions.DecideRequest:
        """Return a request to decide."""
        event = decisions.TouchEvent(
            event_id=fields.pop("event_id", "") or new_id(),
            source=fields.pop("source", "test"),
            type=fields.pop("type", decision_pb2.EVENT_TYPE_CALL_BEHAVIOUR),
            name=fields.pop("name", ""),
            moment=fields.pop("moment", ""),
            occur_time=from_time(self.world.clock.now()),
        )
        for name, value in fields.pop("attributes", {}).items():
            event.attributes[name].CopyFrom(value)
        return decisions.DecideRequest(
            customer_id=customer_id,
            touchpoint_id=touchpoint_id,
            event=event,
            partner_id=fields.pop("partner_id", "D1"),
        )

    def decide(
        self, customer_id: str, touchpoint_id: str = "hotline", **fields: Any
    ) -> decision_pb2.Decision:
        """Decide as somebody of the front line."""
        request = self.touch(customer_id, touchpoint_id, **fields)
        decision: decision_pb2.Decision = self.world.call(request, role="front_line").decision
        return decision

    def shown(
        self, customer_id: str, touchpoint_id: str = "hotline", **fields: Any
    ) -> offer_pb2.Offer:
        """Decide, and show the best offer."""
        [offer] = self.decide(customer_id, touchpoint_id, **fields).offers
        reply = self.world.call(outreach.ShowOfferRequest(offer_id=offer.offer_id))
        shown: offer_pb2.Offer = reply.offer
        return shown

    def answer(
        self, offer_id: str, answer: offer_pb2.Answer.ValueType, **fields: Any
    ) -> outreach.AnswerOfferResponse:
        """Answer an offer."""
        request = outreach.AnswerOfferRequest(offer_id=offer_id, answer=answer, **fields)
        reply: outreach.AnswerOfferResponse = self.world.call(request, role="front_line")
        return reply

    def offer(self, offer_id: str) -> offer_pb2.Offer:
        """Return an offer as it is now."""
        reply = self.world.call(outreach.GetOfferRequest(offer_id=offer_id))
        found: offer_pb2.Offer = reply.offer
        return found

    def order(self, offer: offer_pb2.Offer, order_id: str = "") -> order_pb2.Order:
        """Return an order that names an offer."""
        line = order_pb2.OrderLine(priced=pricing_pb2.PricedLine(product_id=offer.product_id))
        return order_pb2.Order(
            order_id=order_id or new_id(),
            partner_id="D1",
            customer_id=offer.customer_id,
            offer_id=offer.offer_id,
            lines=[line],
        )

    def facts(self, kind: type[M]) -> list[M]:
        """Return the events of a type in the order in which they were written."""
        rows = self.world.rows(
            "crm",
            "SELECT payload FROM event WHERE type = %(type)s ORDER BY id",
            type=kind.DESCRIPTOR.full_name,
        )
        return [kind.FromString(payload) for (payload,) in rows]

    def at(self, text: str) -> None:
        """Set the business clock to a time in Shanghai, such as 2026-03-02T22:15."""
        local = datetime.fromisoformat(f"{text}:00+08:00")
        self.world.clock.set(local.astimezone(UTC))


@pytest.fixture
def front(world: World) -> Iterator[Front]:
    """Give a test crm, which knows the unit `hq` and the product P1, and the stand-in beside it."""
    # The stand-in is there first: who finds nobody waits up to two seconds before it looks again.
    with served_orders(world.port("channels")) as orders:
        made = Front(world.start("crm"), orders)
        made.unit("hq/")
        made.product()
        yield made
