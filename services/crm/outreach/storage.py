"""The offers, and what the contact limits remember of a customer.

A decision inserts offers by a statement of its own (`crm.decision.storage`).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from crm.customer.storage import customer
from crm.outreach.domain import OPEN, Offer, OfferNotFound, Opportunity, State
from crm.rules.domain import OVER, CampaignState
from crm.rules.storage import campaign_copy
from crm.touchpoint.domain import ContactKind

TABLES = sa.MetaData()

offer = sa.Table(
    "offer",
    TABLES,
    sa.Column("offer_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("decision_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("campaign_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("campaign_version", sa.BigInteger, nullable=False),
    sa.Column("offer_code", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("wording", sa.Text, nullable=False),
    sa.Column("touchpoint_id", sa.Text, nullable=False),
    sa.Column("touchpoint_kind", sa.Text, nullable=False),
    sa.Column("contact_kind", sa.Text, nullable=False),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("propensity_ppm", sa.Integer, nullable=False),
    sa.Column("propensity_source", sa.Text, nullable=False),
    sa.Column("value_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("expire_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("show_time", sa.DateTime(timezone=True)),
    sa.Column("answer_time", sa.DateTime(timezone=True)),
    sa.Column("answered_by", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("withdraw_reason", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

customer_reach = sa.Table(
    "customer_reach",
    TABLES,
    sa.Column("customer_id", sa.Text, primary_key=True),
    sa.Column("outbound_times", ARRAY(sa.DateTime(timezone=True)), nullable=False),
    sa.Column("declines", JSONB, nullable=False),
)

_is_open: Final = offer.c.state.in_(sorted(OPEN))
_CHANGING: Final = (
    "state",
    "partner_id",
    "show_time",
    "answer_time",
    "answered_by",
    "order_id",
    "withdraw_reason",
    "version",
)


def get(tx: Transaction, offer_id: str, *, lock: bool = False) -> Offer:
    """Return an offer.

    Errors: OfferNotFound.
    """
    query = sa.select(offer).where(offer.c.offer_id == offer_id)
    row = tx.execute(query.with_for_update() if lock else query).one_or_none()
    if row is None:
        raise OfferNotFound(offer_id)
    return _offer(row)


def find(tx: Transaction, offer_id: str) -> Offer | None:
    """Return an offer, or None; whoever asks has the id from elsewhere."""
    row = tx.execute(sa.select(offer).where(offer.c.offer_id == offer_id)).one_or_none()
    return None if row is None else _offer(row)


def lock_siblings(tx: Transaction, one: Offer) -> tuple[Offer, list[Offer]]:
    """Hold an offer and all others of the same customer and campaign, locked by id.

    Shape: the offer as it is now, and the others.
    """
    # The customer's row first: a decision that is just making one more offer is not seen, but two
    # answers, whatever they answer, come one after the other.
    tx.execute(
        sa.select(customer.c.customer_id)
        .where(customer.c.customer_id == one.customer_id)
        .with_for_update()
    )
    rows = tx.execute(
        sa.select(offer)
        .where(offer.c.customer_id == one.customer_id, offer.c.campaign_id == one.campaign_id)
        .order_by(offer.c.offer_id)
        .with_for_update()
    )
    found = {row.offer_id: _offer(row) for row in rows}
    return found.pop(one.offer_id), list(found.values())


def is_sold(tx: Transaction, one: Offer) -> bool:
    """Tell whether the customer has accepted an offer of the campaign."""
    query = sa.select(sa.literal(1)).where(
        offer.c.customer_id == one.customer_id,
        offer.c.campaign_id == one.campaign_id,
        offer.c.state == State.ACCEPTED,
    )
    return tx.execute(query).first() is not None


def save(tx: Transaction, changed: Sequence[Offer]) -> None:
    """Write what can change in offers."""
    for one in changed:
        row = row_of(one)
        tx.execute(
            sa.update(offer)
            .where(offer.c.offer_id == one.offer_id)
            .values({name: row[name] for name in _CHANGING})
        )


def of_decision(tx: Transaction, decision_id: str) -> list[Offer]:
    """Return the offers of a decision in the order in which they were made."""
    query = sa.select(offer).where(offer.c.decision_id == decision_id).order_by(offer.c.offer_id)
    return [_offer(row) for row in tx.execute(query)]


def opportunities(
    tx: Transaction,
    page: Page,
    *,
    units: sa.ScalarSelect[str] | None,
    wanted: dict[str, str],
    at: datetime,
) -> Slice[Opportunity]:
    """Return a page of the open offers, the newest first.

    Shape: `wanted` is column → value; an empty value means all.
    """
    query = (
        sa.select(offer, customer.c.display_name)
        .join(customer, customer.c.customer_id == offer.c.customer_id)
        .where(_is_open, offer.c.expire_time > at)
    )
    if units is not None:
        query = query.where(offer.c.unit_id.in_(units))
    for name, value in wanted.items():
        if value:
            query = query.where(offer.c[name] == value)
    rows = tx.execute(keyset(query, page, [offer.c.offer_id], descending=True))
    return page.slice(rows, key=lambda row: (row.offer_id,)).map(
        lambda row: Opportunity(_offer(row), row.display_name)
    )


def accepted_by_kind(tx: Transaction, customer_id: str) -> dict[str, int]:
    """Return how many offers a customer accepted, by kind of touchpoint."""
    query = (
        sa.select(offer.c.touchpoint_kind, sa.func.count().label("accepted"))
        .where(offer.c.customer_id == customer_id, offer.c.state == State.ACCEPTED)
        .group_by(offer.c.touchpoint_kind)
    )
    return {row.touchpoint_kind: row.accepted for row in tx.execute(query)}


def open_of_campaigns_over(tx: Transaction, *, limit: int) -> list[tuple[Offer, CampaignState]]:
    """Hold open offers of campaigns that were stopped or have ended; those held by others wait."""
    query = (
        sa.select(offer, campaign_copy.c.state.label("campaign_state"))
        .join(campaign_copy, campaign_copy.c.campaign_id == offer.c.campaign_id)
        .where(_is_open, campaign_copy.c.state.in_(sorted(OVER)))
        .limit(limit)
        .with_for_update(of=offer, skip_locked=True)
    )
    return [(_offer(row), CampaignState(row.campaign_state)) for row in tx.execute(query)]


def expire(tx: Transaction, *, at: datetime, limit: int) -> int:
    """Write down that offers have expired, and return how many."""
    due = (
        sa.select(offer.c.offer_id)
        .where(_is_open, offer.c.expire_time <= at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    done = tx.execute(
        sa.update(offer)
        .where(offer.c.offer_id.in_(due))
        .values(state=State.EXPIRED.value, version=offer.c.version + 1)
    )
    return done.rowcount


def note_decline(tx: Transaction, one: Offer, *, at: datetime) -> None:
    """Remember that a customer said no to a campaign."""
    said = {one.campaign_id: at.isoformat()}
    draft = insert(customer_reach).values(
        customer_id=one.customer_id, outbound_times=[], declines=said
    )
    tx.execute(
        draft.on_conflict_do_update(
            index_elements=[customer_reach.c.customer_id],
            set_={"declines": customer_reach.c.declines.op("||")(draft.excluded.declines)},
        )
    )


def row_of(one: Offer) -> dict[str, Any]:
    """Return an offer as a row."""
    return {
        "offer_id": one.offer_id,
        "decision_id": one.decision_id,
        "customer_id": one.customer_id,
        "unit_id": one.unit_id,
        "campaign_id": one.campaign_id,
        "campaign_version": one.campaign_version,
        "offer_code": one.offer_code,
        "product_id": one.product_id,
        "wording": one.wording,
        "touchpoint_id": one.touchpoint_id,
        "touchpoint_kind": one.touchpoint_kind,
        "contact_kind": one.contact_kind.value,
        "partner_id": one.partner_id,
        "propensity_ppm": one.propensity_ppm,
        "propensity_source": one.propensity_source,
        "value_minor": one.value.amount_minor,
        "currency_code": one.value.currency_code,
        "state": one.state.value,
        "create_time": one.create_time,
        "expire_time": one.expire_time,
        "show_time": one.show_time,
        "answer_time": one.answer_time,
        "answered_by": one.answered_by,
        "order_id": one.order_id,
        "withdraw_reason": one.withdraw_reason,
        "version": one.version,
    }


def _offer(row: sa.Row[Any]) -> Offer:
    return Offer(
        offer_id=row.offer_id,
        decision_id=row.decision_id,
        customer_id=row.customer_id,
        unit_id=row.unit_id,
        campaign_id=row.campaign_id,
        campaign_version=row.campaign_version,
        offer_code=row.offer_code,
        product_id=row.product_id,
        wording=row.wording,
        touchpoint_id=row.touchpoint_id,
        touchpoint_kind=row.touchpoint_kind,
        contact_kind=ContactKind(row.contact_kind),
        partner_id=row.partner_id,
        propensity_ppm=row.propensity_ppm,
        propensity_source=row.propensity_source,
        value=Money(row.currency_code, row.value_minor),
        state=State(row.state),
        create_time=row.create_time,
        expire_time=row.expire_time,
        show_time=row.show_time,
        answer_time=row.answer_time,
        answered_by=row.answered_by,
        order_id=row.order_id,
        withdraw_reason=row.withdraw_reason,
        version=row.version,
    )
