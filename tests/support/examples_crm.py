"""One example of every write of crm, and the small steps that its tests are arranged with."""

from itertools import count

from mantle.crm.v1 import customer_pb2, decision_pb2, offer_pb2, touchpoint_pb2
from mantle.crm.v1 import customer_service_pb2 as customers
from mantle.crm.v1 import decision_service_pb2 as decisions
from mantle.crm.v1 import outreach_service_pb2 as outreach
from mantle.crm.v1 import touchpoint_service_pb2 as touchpoints

from chassis.ids import new_id
from chassis.wire import from_time
from tests.support.examples import Example
from tests.support.examples_channels import a_partner, a_product
from tests.support.examples_planning import a_live_campaign, a_plan, an_offer
from tests.support.server import ROOT_UNIT, World
from tests.support.waiting import until

_numbers = count(1)
COPIES = {"planning": "on_sale", "crm": "available"}


def a_customer(world: World, *, unit_id: str = ROOT_UNIT, tags: tuple[str, ...] = ()) -> str:
    """Import a customer and return the id."""
    row = new_row(tags=tags)
    request = customers.ImportCustomersRequest(import_id=new_id(), unit_id=unit_id, rows=[row])
    reply = world.call(request, role="customer_service")
    assert not reply.errors, reply.errors
    return row.customer_id


def new_row(*, tags: tuple[str, ...] = ()) -> customers.CustomerRow:
    """Return a row of a customer who is not known yet."""
    number = next(_numbers)
    return customers.CustomerRow(
        row_number=number, customer_id=f"K{number}", display_name="Li Wei", tags=tags
    )


def a_campaign_for(world: World, tag: str, *, product_id: str = "") -> str:
    """Take a campaign live whose one offer is for customers with a tag, and wait for crm."""
    product_id = product_id or a_product(world)
    until(
        lambda: all(_on_sale(world, service, product_id) for service in COPIES),
        f"planning and crm to know that {product_id} is on sale",
    )
    offer = an_offer(product_id)
    offer.required_tags.append(tag)
    campaign_id = a_live_campaign(world, a_plan(world, offers=[offer]))
    until(
        lambda: bool(
            world.rows(
                "crm",
                "SELECT 1 FROM campaign_copy WHERE campaign_id = %(id)s AND state = 'LIVE'",
                id=campaign_id,
            )
        ),
        f"crm to know campaign {campaign_id}",
    )
    return campaign_id


def a_touch(
    world: World, customer_id: str, *, touchpoint_id: str = "hotline", partner_id: str = ""
) -> decisions.DecideRequest:
    """Return the request to decide on a call."""
    return decisions.DecideRequest(
        customer_id=customer_id,
        touchpoint_id=touchpoint_id,
        event=decisions.TouchEvent(
            event_id=new_id(),
            source="hotline",
            type=decision_pb2.EVENT_TYPE_CALL_BEHAVIOUR,
            occur_time=from_time(world.clock.now()),
        ),
        partner_id=partner_id,
    )


def a_made_offer(world: World, *, partner_id: str = "") -> offer_pb2.Offer:
    """Bring an offer about that nobody has shown."""
    tag = f"T{next(_numbers)}"
    a_campaign_for(world, tag)
    customer_id = a_customer(world, tags=(tag,))
    touch = a_touch(world, customer_id, partner_id=partner_id)
    [offer] = world.call(touch, role="front_line").decision.offers
    made: offer_pb2.Offer = offer
    return made


def a_shown_offer(world: World, *, partner_id: str = "") -> offer_pb2.Offer:
    """Bring an offer about and show it."""
    offer = a_made_offer(world, partner_id=partner_id)
    reply = world.call(outreach.ShowOfferRequest(offer_id=offer.offer_id), role="front_line")
    shown: offer_pb2.Offer = reply.offer
    return shown


def import_customers(_world: World) -> Example:
    """Take one new customer."""
    request = customers.ImportCustomersRequest(
        import_id=new_id(), unit_id=ROOT_UNIT, rows=[new_row()]
    )
    return Example(request, role="customer_service")


def change_tags(world: World) -> Example:
    """Add a tag."""
    request = customers.ChangeTagsRequest(customer_id=a_customer(world), add=["HEAVY_DATA"])
    return Example(request, role="customer_service")


def set_consent(world: World) -> Example:
    """Agree to messages."""
    request = customers.SetConsentRequest(
        customer_id=a_customer(world),
        contact_kind=touchpoint_pb2.CONTACT_KIND_MESSAGE,
        granted=True,
    )
    return Example(request, role="customer_service")


def record_subscription(world: World) -> Example:
    """Note a product that a customer uses."""
    request = customers.RecordSubscriptionRequest(
        customer_id=a_customer(world),
        product_id="P1",
        state=customer_pb2.Subscription.STATE_ACTIVE,
    )
    return Example(request, role="customer_service")


def set_scores(world: World) -> Example:
    """Keep a propensity."""
    request = customers.SetScoresRequest(
        customer_id=a_customer(world),
        scores=[customers.NewScore(product_id="P1", propensity="0.42")],
    )
    return Example(request, role="customer_service")


def change_touchpoint(_world: World) -> Example:
    """Rename a touchpoint."""
    request = touchpoints.ChangeTouchpointRequest(touchpoint_id="mms", name="Picture message")
    return Example(request, role="customer_service")


def decide(world: World) -> Example:
    """Decide on a call."""
    return Example(a_touch(world, a_customer(world)), role="front_line")


def show_offer(world: World) -> Example:
    """Show an offer."""
    offer = a_made_offer(world)
    return Example(outreach.ShowOfferRequest(offer_id=offer.offer_id), role="front_line")


def answer_offer(world: World) -> Example:
    """Accept an offer, which places an order."""
    offer = a_shown_offer(world, partner_id=a_partner(world))
    request = outreach.AnswerOfferRequest(offer_id=offer.offer_id, answer=offer_pb2.ANSWER_ACCEPT)
    return Example(request, role="front_line")


def withdraw_offer(world: World) -> Example:
    """Take an offer back."""
    offer = a_made_offer(world)
    request = outreach.WithdrawOfferRequest(offer_id=offer.offer_id, reason="made by mistake")
    return Example(request, role="customer_service")


def _on_sale(world: World, service: str, product_id: str) -> bool:
    world.start(service)
    [(on_sale,)] = world.rows(
        service,
        f"SELECT bool_or({COPIES[service]}) FROM product_copy WHERE product_id = %(id)s",
        id=product_id,
    )
    return bool(on_sale)
