"""Campaigns and products as their owners' facts tell them."""

from typing import Final

from mantle.channels.v1 import events_pb2 as channels
from mantle.planning.v1 import campaign_pb2
from mantle.policy.v1 import policy_pb2

from chassis.policy.domain import VariableType
from chassis.wire import to_money, to_time
from crm.customer.domain import to_ppm
from crm.rules.domain import Campaign, CampaignState, Product, Terms

_TYPES: Final = {
    policy_pb2.VARIABLE_TYPE_INT: VariableType.INT,
    policy_pb2.VARIABLE_TYPE_STRING: VariableType.STRING,
    policy_pb2.VARIABLE_TYPE_BOOL: VariableType.BOOL,
}


def campaign(message: campaign_pb2.Campaign, state: CampaignState) -> Campaign:
    """Read a campaign; the fact that carried it says what it allows."""
    plan = message.plan
    return Campaign(
        campaign_id=message.campaign_id,
        unit_id=message.unit_id,
        version=message.version,
        state=state,
        start_time=to_time(plan.start_time, "start_time"),
        end_time=to_time(plan.end_time, "end_time"),
        audience=plan.audience,
        variables={
            one.name: _TYPES[one.type].value for one in plan.attributes if one.type in _TYPES
        },
        offers=tuple(_terms(offer) for offer in plan.offers),
        traceparent=message.traceparent,
    )


def product(message: channels.ProductChanged) -> Product:
    """Read a product."""
    return Product(
        product_id=message.product.product_id,
        version=message.product.version,
        available=message.available,
        excludes=frozenset(message.product.excludes_product_ids),
        requires=frozenset(message.product.requires_product_ids),
    )


def _terms(offer: campaign_pb2.Offer) -> Terms:
    return Terms(
        offer_code=offer.offer_code,
        product_id=offer.product_id,
        wording=offer.wording,
        propensity_ppm=to_ppm(offer.propensity),
        value=to_money(offer.value),
        valid_days=offer.valid_days,
        score_cut_ppm=to_ppm(offer.score_cut),
        event_types=frozenset(offer.event_types),
        touchpoint_kinds=frozenset(offer.touchpoint_kinds),
        required_tags=frozenset(offer.required_tags),
        excluded_tags=frozenset(offer.excluded_tags),
        condition=offer.condition,
        moment=offer.moment,
    )
