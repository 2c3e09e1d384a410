"""What the demo's two campaigns offer, to whom, and when."""

from datetime import datetime, timedelta
from typing import Final

from mantle.planning.v1 import campaign_pb2
from mantle.policy.v1 import policy_pb2

from local.demo.narrator import cny
from local.demo.scene import stamp

SEGMENT: Final = "home-internet"
FLASH_SEGMENT: Final = "home-internet-weekend"
SEGMENTS: Final = (SEGMENT, FLASH_SEGMENT)
MARGIN_SHARE: Final = "0.60"

_Goal: Final = campaign_pb2.CampaignGoal

ATTRIBUTES: Final = (
    campaign_pb2.AttributeDeclaration(name="tenure_months", type=policy_pb2.VARIABLE_TYPE_INT),
    campaign_pb2.AttributeDeclaration(
        name="monthly_charges_minor", type=policy_pb2.VARIABLE_TYPE_INT
    ),
)


def home_campaign(begin: datetime, *, budget_minor: int) -> campaign_pb2.CampaignPlan:
    """Plan three weeks for customers at home; five offers."""
    return campaign_pb2.CampaignPlan(
        name=f"Safe and entertained at home, {begin:%B %Y}",
        segment=SEGMENT,
        goals=[
            _Goal(kind=_Goal.KIND_SALES, unit="order", baseline="0", target="150"),
            _Goal(kind=_Goal.KIND_PROFIT, unit="percent", baseline="0", target="100"),
        ],
        audience="tenure_months >= 1",
        offers=_home_offers(),
        wording="First help, then offer. One sentence, one question, and a no is a no.",
        support="Halls and agents get the tariff sheet two days before the start.",
        budget=cny(budget_minor),
        start_time=stamp(begin),
        end_time=stamp(begin + timedelta(days=21)),
        margin_share=MARGIN_SHARE,
        attributes=ATTRIBUTES,
    )


def flash_campaign(begin: datetime, *, budget_minor: int) -> campaign_pb2.CampaignPlan:
    """Plan a weekend with one offer that beats all others."""
    return campaign_pb2.CampaignPlan(
        name=f"Weekend backup, {begin:%d %B %Y}",
        segment=FLASH_SEGMENT,
        goals=[_Goal(kind=_Goal.KIND_SALES, unit="order", baseline="0", target="50")],
        offers=[
            _offer(
                "BACKUP",
                "BACKUP",
                wording="Your photos, kept safe: online backup.",
                propensity="0.95",
                value_minor=9_900,
            ),
        ],
        wording="Free for this weekend.",
        support="None.",
        budget=cny(budget_minor),
        start_time=stamp(begin),
        end_time=stamp(begin + timedelta(days=2)),
        margin_share=MARGIN_SHARE,
    )


def _home_offers() -> list[campaign_pb2.Offer]:
    return [
        _offer(
            "SAFE",
            "SECURITY",
            wording="Shall we keep your connection safe? Three months of online security.",
            propensity="0.28",
            value_minor=2_900,
            event_types=["BUSINESS_HANDLING", "SERVICE_COMMUNICATION"],
        ),
        _offer(
            "HELP",
            "SUPPORT",
            wording="Next time we come to you: tech support for three months.",
            propensity="0.32",
            value_minor=2_700,
            event_types=["SERVICE_COMMUNICATION"],
            moment="resolved",
        ),
        _offer(
            "SHOW",
            "STREAM",
            wording="You use a lot of data: TV and movies in one.",
            propensity="0.20",
            value_minor=4_500,
            event_types=["DATA_VOLUME_USED"],
            required_tags=["FIBRE"],
        ),
        _offer(
            "CARE",
            "PROTECT",
            wording="Your devices, protected for three months.",
            propensity="0.25",
            value_minor=2_400,
            condition="tenure_months >= 12 && monthly_charges_minor >= 4000",
            score_cut="0.10",
        ),
        _offer(
            "HUB",
            "P2",
            wording="A home hub for every room.",
            propensity="0.30",
            value_minor=2_500,
            event_types=["NETWORK_LOCATION", "DATA_VOLUME_USED"],
            excluded_tags=["NEW"],
        ),
    ]


def _offer(
    offer_code: str,
    product_id: str,
    *,
    wording: str,
    propensity: str,
    value_minor: int,
    **conditions: object,
) -> campaign_pb2.Offer:
    offer = campaign_pb2.Offer(
        offer_code=offer_code,
        product_id=product_id,
        wording=wording,
        propensity=propensity,
        value=cny(value_minor),
        valid_days=14,
    )
    for name, value in conditions.items():
        if isinstance(value, list):
            getattr(offer, name).extend(value)
        else:
            setattr(offer, name, value)
    return offer
