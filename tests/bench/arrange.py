"""What the benches put into the services before they measure.

Through the public API where that is quick; through the service's own handlers of facts where peers
would have told them; by copying rows where a thousand of something is needed.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from google.protobuf.message import Message
from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.channels.v1 import product_pb2
from mantle.crm.v1 import customer_service_pb2 as customers
from mantle.planning.v1 import campaign_pb2
from mantle.planning.v1 import events_pb2 as planning_pb
from mantle.type.v1 import money_pb2
from mantle.type.v1.org_unit_pb2 import OrgUnitChanged

from chassis.database import Database
from chassis.events.applier import Handler, Many
from chassis.events.domain import ReceivedEvent
from chassis.ids import new_id
from chassis.scope_subscriber import UnitSubscriber
from chassis.wire import from_time
from crm.rules.subscriber import CampaignSubscriber, ProductSubscriber
from tests.bench.stage import Side
from tests.support.server import ROOT_UNIT

SEED = 20_260_302
EVENT_NAMES = ("DATA_VOLUME_USED", "PACKAGE_EXPIRES", "ROAMING", "COMPLAINT_CLOSED", "TOP_UP")
TOUCHPOINT_KINDS = ("HOTLINE", "IVR")
TAGS = tuple(f"T{number}" for number in range(40))
IMPORT_SIZE = 500


def tell(made: Side, service: str, handlers: Iterable[Handler], facts: Iterable[Message]) -> None:
    """Apply facts of a peer in a service's database, all in one transaction, as its subscription
    would."""
    known = {kind: act for kind, act in handlers if not isinstance(act, Many)}
    database = Database(made.databases[service].app_url, size=1)
    try:
        with database.transaction() as tx:
            for number, fact in enumerate(facts, start=1):
                known[type(fact)](tx, _received(fact, number), fact)
    finally:
        database.close()


def tell_root(made: Side, service: str) -> None:
    """Make the root of the organisation known."""
    root = OrgUnitChanged(unit_id=ROOT_UNIT, path=f"{ROOT_UNIT}/", version=1)
    tell(made, service, UnitSubscriber().handlers(), [root])


def tell_products(made: Side, product_ids: Sequence[str]) -> None:
    """Make products known to crm."""
    facts = [
        channels_pb.ProductChanged(
            product=product_pb2.Product(
                product_id=one, state=product_pb2.Product.STATE_ON_SALE, version=1
            ),
            available=True,
        )
        for one in product_ids
    ]
    tell(made, "crm", ProductSubscriber().handlers(), facts)


def tell_campaigns(made: Side, count: int, product_ids: Sequence[str]) -> None:
    """Make campaigns live in crm: two offers each, for some events, places and tags.

    Shape: the same seed gives the same campaigns, but for their ids. Every tenth offer has a
        condition.
    """
    random = Random(SEED)
    now = made.stage.clock.now()
    facts = []
    for number in range(count):
        offers = [_offer(random, product_ids, f"O{number}-{place}") for place in range(2)]
        plan = campaign_pb2.CampaignPlan(
            name=f"campaign {number}",
            offers=offers,
            start_time=from_time(now - timedelta(days=1)),
            end_time=from_time(now + timedelta(days=300)),
        )
        campaign = campaign_pb2.Campaign(
            campaign_id=new_id(),
            unit_id=ROOT_UNIT,
            version=1,
            state=campaign_pb2.Campaign.STATE_EXECUTING,
            plan=plan,
        )
        facts.append(planning_pb.CampaignStarted(campaign=campaign))
    tell(made, "crm", CampaignSubscriber().handlers(), facts)


def import_customers(made: Side, count: int, *, tags: Sequence[str] = ()) -> list[str]:
    """Import customers with six tags each, or with the given ones, and return their ids."""
    random = Random(SEED)
    ids = [f"C{number}" for number in range(count)]
    for begin in range(0, count, IMPORT_SIZE):
        rows = [
            customers.CustomerRow(
                row_number=number + 1,
                customer_id=customer_id,
                display_name="Li Wei",
                tags=tags or random.sample(TAGS, 6),
            )
            for number, customer_id in enumerate(ids[begin : begin + IMPORT_SIZE])
        ]
        request = customers.ImportCustomersRequest(
            import_id=f"I{begin}", unit_id=ROOT_UNIT, rows=rows
        )
        reply = made.world.call(request, role="customer_service", timeout_s=60)
        assert not reply.errors, reply.errors[:3]
    return ids


def _offer(random: Random, product_ids: Sequence[str], code: str) -> campaign_pb2.Offer:
    tags = random.sample(TAGS, 2)
    return campaign_pb2.Offer(
        offer_code=code,
        product_id=random.choice(product_ids),
        wording="another ten gigabytes for the rest of the month",
        event_types=random.sample(EVENT_NAMES, 2),
        touchpoint_kinds=[random.choice(TOUCHPOINT_KINDS)],
        required_tags=tags[:1],
        excluded_tags=tags[1:],
        condition="'T1' in tags || owned_product_ids.size() < 9" if random.random() < 0.1 else "",
        propensity=f"0.{random.randint(10, 90)}",
        value=money_pb2.Money(currency_code="CNY", amount_minor=random.randint(500, 9_000)),
        valid_days=7,
    )


def _received(fact: Message, number: int) -> ReceivedEvent:
    at = datetime.now(UTC)
    return ReceivedEvent(
        source="bench",
        position=number,
        event_id=new_id(),
        type=fact.DESCRIPTOR.full_name,
        ordering_key="bench",
        occur_time=at,
        record_time=at,
        actor="bench",
        traceparent="",
        payload=fact.SerializeToString(),
    )
