"""What campaigns cost over some time, for capabilities that report on the whole of marketing."""

from datetime import datetime

import sqlalchemy as sa

from chassis import scope
from chassis.database import Transaction
from chassis.money import Money
from chassis.scope import Caller
from planning.campaign.actuals import campaign_actual
from planning.campaign.results import ActualKind, CampaignCost
from planning.campaign.storage import campaign


def costs_of(
    tx: Transaction, *, unit_id: str, start: datetime, end: datetime
) -> list[CampaignCost]:
    """Sum what was posted as the costs of the campaigns of a unit and of all below it.

    Shape: one a campaign and currency, over the time from `start` up to `end`; reversals are taken
        off. The scope is the caller's to check.
    Source: R-035.
    """
    units = scope.units_of(Caller(subject="", roles=frozenset(), unit_id=unit_id, actor=""))
    assert units is not None, "a caller with a unit does not see all"
    posted = sa.case(
        (campaign_actual.c.reversal, -campaign_actual.c.amount_minor),
        else_=campaign_actual.c.amount_minor,
    )
    same = (
        campaign.c.campaign_id,
        campaign.c.plan["name"].astext,
        campaign_actual.c.currency_code,
    )
    statement = (
        sa.select(*same, sa.func.sum(posted).cast(sa.BigInteger))
        .join(campaign_actual, campaign_actual.c.campaign_id == campaign.c.campaign_id)
        .where(
            campaign.c.unit_id.in_(units),
            campaign_actual.c.kind == ActualKind.COMMISSION,
            campaign_actual.c.occur_time >= start,
            campaign_actual.c.occur_time < end,
        )
        .group_by(*same)
        .order_by(*same)
    )
    return [
        CampaignCost(campaign_id, name, Money(currency_code, cost_minor))
        for campaign_id, name, currency_code, cost_minor in tx.execute(statement)
    ]
