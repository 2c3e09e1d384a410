"""Copies of campaigns and products, as their owners told them."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from chassis import upsert
from chassis.database import Transaction
from chassis.money import Money
from crm.rules.domain import Campaign, CampaignState, Product, Terms

TABLES = sa.MetaData()

campaign_copy = sa.Table(
    "campaign_copy",
    TABLES,
    sa.Column("campaign_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("start_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("end_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("audience", sa.Text, nullable=False),
    sa.Column("variables", JSONB, nullable=False),
    sa.Column("offers", JSONB, nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False),
)

product_copy = sa.Table(
    "product_copy",
    TABLES,
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("available", sa.Boolean, nullable=False),
    sa.Column("excludes", ARRAY(sa.Text), nullable=False),
    sa.Column("requires", ARRAY(sa.Text), nullable=False),
)


def keep_campaign(tx: Transaction, one: Campaign) -> None:
    """Keep a campaign as it was told; an older version never replaces a newer one."""
    row = {
        "campaign_id": one.campaign_id,
        "unit_id": one.unit_id,
        "version": one.version,
        "state": one.state.value,
        "start_time": one.start_time,
        "end_time": one.end_time,
        "audience": one.audience,
        "variables": dict(one.variables),
        "offers": [_terms_row(terms) for terms in one.offers],
        "traceparent": one.traceparent,
    }
    upsert.put(tx, campaign_copy, row, newer_in="version", or_as_new=True)


def keep_product(tx: Transaction, one: Product) -> None:
    """Keep a product as it was told; an older version never replaces a newer one.

    Availability moves within a version, so an equal one replaces: its owner's facts come in order.
    """
    row = {
        "product_id": one.product_id,
        "version": one.version,
        "available": one.available,
        "excludes": sorted(one.excludes),
        "requires": sorted(one.requires),
    }
    upsert.put(tx, product_copy, row, newer_in="version", or_as_new=True)


def campaign_state(tx: Transaction, campaign_id: str) -> CampaignState | None:
    """Return what a campaign allows now, or None when it was never heard of."""
    query = sa.select(campaign_copy.c.state).where(campaign_copy.c.campaign_id == campaign_id)
    state = tx.execute(query).scalar_one_or_none()
    return None if state is None else CampaignState(state)


def campaigns_in(tx: Transaction, states: Collection[CampaignState]) -> list[Campaign]:
    """Return the campaigns in these states, by id."""
    query = (
        sa.select(campaign_copy)
        .where(campaign_copy.c.state.in_(sorted(states)))
        .order_by(campaign_copy.c.campaign_id)
    )
    return [_campaign(row) for row in tx.execute(query)]


def products(tx: Transaction) -> list[Product]:
    """Return all products, by id."""
    query = sa.select(product_copy).order_by(product_copy.c.product_id)
    return [
        Product(
            product_id=row.product_id,
            version=row.version,
            available=row.available,
            excludes=frozenset(row.excludes),
            requires=frozenset(row.requires),
        )
        for row in tx.execute(query)
    ]


def _campaign(row: sa.Row[Any]) -> Campaign:
    return Campaign(
        campaign_id=row.campaign_id,
        unit_id=row.unit_id,
        version=row.version,
        state=CampaignState(row.state),
        start_time=row.start_time,
        end_time=row.end_time,
        audience=row.audience,
        variables=row.variables,
        offers=tuple(_terms(terms) for terms in row.offers),
        traceparent=row.traceparent,
    )


def _terms_row(one: Terms) -> dict[str, object]:
    return {
        "offer_code": one.offer_code,
        "product_id": one.product_id,
        "wording": one.wording,
        "propensity_ppm": one.propensity_ppm,
        "currency_code": one.value.currency_code,
        "value_minor": one.value.amount_minor,
        "valid_days": one.valid_days,
        "score_cut_ppm": one.score_cut_ppm,
        "event_types": sorted(one.event_types),
        "touchpoint_kinds": sorted(one.touchpoint_kinds),
        "required_tags": sorted(one.required_tags),
        "excluded_tags": sorted(one.excluded_tags),
        "condition": one.condition,
        "moment": one.moment,
    }


def _terms(row: dict[str, Any]) -> Terms:
    return Terms(
        offer_code=row["offer_code"],
        product_id=row["product_id"],
        wording=row["wording"],
        propensity_ppm=row["propensity_ppm"],
        value=Money(row["currency_code"], row["value_minor"]),
        valid_days=row["valid_days"],
        score_cut_ppm=row["score_cut_ppm"],
        event_types=frozenset(row["event_types"]),
        touchpoint_kinds=frozenset(row["touchpoint_kinds"]),
        required_tags=frozenset(row["required_tags"]),
        excluded_tags=frozenset(row["excluded_tags"]),
        condition=row["condition"],
        moment=row["moment"],
    )
