"""What is done with the copies: keep them, and give all that is live as one picture."""

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.database import Transaction
from chassis.outcome import Outcome
from crm.rules import storage
from crm.rules.domain import Campaign, CampaignState, Product
from crm.rules.index import RuleIndex
from crm.touchpoint import usecases as touchpoints
from crm.touchpoint.domain import Touchpoint


@dataclass(frozen=True, slots=True)
class Picture:
    """Hold all rules, products and touchpoints as they were at one count of changes."""

    number: int
    index: RuleIndex
    products: Mapping[str, Product]
    touchpoints: Mapping[str, Touchpoint]


def keep_campaign(tx: Transaction, campaign: Campaign) -> Outcome[None]:
    """Keep a campaign as its owner told it; decisions follow from the commit on."""
    storage.keep_campaign(tx, campaign)
    touchpoints.count_change(tx)
    return Outcome(None)


def keep_product(tx: Transaction, product: Product) -> Outcome[None]:
    """Keep a product as its owner told it; decisions follow from the commit on."""
    storage.keep_product(tx, product)
    touchpoints.count_change(tx)
    return Outcome(None)


def campaign_state(tx: Transaction, *, campaign_id: str) -> CampaignState | None:
    """Return what a campaign allows now, or None when it was never heard of."""
    return storage.campaign_state(tx, campaign_id)


def picture(tx: Transaction) -> Picture:
    """Read everything that a decision looks up in memory."""
    # The count before the rows: a change between the two is then seen as one next time.
    number = touchpoints.change_number(tx)
    return Picture(
        number=number,
        index=RuleIndex(storage.campaigns_in(tx, {CampaignState.LIVE})),
        products={one.product_id: one for one in storage.products(tx)},
        touchpoints={one.touchpoint_id: one for one in touchpoints.every(tx)},
    )
