"""Campaigns with their allocations, and the products that channels told of."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chassis import upsert
from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from planning.campaign.domain import Allocation, Campaign, CampaignNotFound, State
from planning.campaign.plan_json import (
    plan_from_json,
    plan_to_json,
    result_from_json,
    result_to_json,
)

TABLES = sa.MetaData()
TIME = sa.DateTime(timezone=True)

campaign = sa.Table(
    "campaign",
    TABLES,
    sa.Column("campaign_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("segment", sa.Text, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("stopped", sa.Boolean, nullable=False),
    sa.Column("plan", JSONB, nullable=False),
    sa.Column("process_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("traceparent", sa.Text, nullable=False),
    sa.Column("created_by", sa.Text, nullable=False),
    sa.Column("create_time", TIME, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("result", JSONB(none_as_null=True)),
    sa.Column("lesson", sa.Text, nullable=False),
    sa.Column("evaluate_time", TIME),
)

campaign_allocation = sa.Table(
    "campaign_allocation",
    TABLES,
    sa.Column("campaign_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("budget_line_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("unit_id", sa.Text, primary_key=True),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("reservation_id", sa.Uuid(as_uuid=False), nullable=False),
)

product_copy = sa.Table(
    "product_copy",
    TABLES,
    sa.Column("product_id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("on_sale", sa.Boolean, nullable=False),
    sa.Column("version", sa.BigInteger, nullable=False),
)

LOCK = sa.text(
    """
    SELECT campaign_id::text FROM campaign WHERE campaign_id = ANY(CAST(:campaign_ids AS uuid[]))
    ORDER BY campaign.campaign_id FOR UPDATE
    """
)


def add(tx: Transaction, new: Campaign) -> None:
    """Store a new campaign."""
    tx.execute(
        sa.insert(campaign).values(
            campaign_id=new.campaign_id,
            unit_id=new.unit_id,
            process_id=new.process_id,
            traceparent=new.traceparent,
            created_by=new.created_by,
            create_time=new.create_time,
            **_changing(new),
        )
    )


def save(tx: Transaction, changed: Campaign) -> None:
    """Store what can change of a campaign, its allocations left out."""
    tx.execute(
        sa.update(campaign)
        .where(campaign.c.campaign_id == changed.campaign_id)
        .values(**_changing(changed))
    )


def save_allocations(tx: Transaction, changed: Campaign) -> None:
    """Replace the allocations of a campaign."""
    tx.execute(
        sa.delete(campaign_allocation).where(
            campaign_allocation.c.campaign_id == changed.campaign_id
        )
    )
    rows = [
        {
            "campaign_id": changed.campaign_id,
            "budget_line_id": part.budget_line_id,
            "unit_id": part.unit_id,
            "currency_code": part.amount.currency_code,
            "amount_minor": part.amount.amount_minor,
            "reservation_id": part.reservation_id,
        }
        for part in changed.allocations
    ]
    if rows:
        tx.execute(sa.insert(campaign_allocation), rows)


def get(tx: Transaction, campaign_id: str, *, lock: bool = False) -> Campaign:
    """Return a campaign; with `lock`, nobody else changes it until the transaction ends.

    Errors: CampaignNotFound.
    """
    statement = sa.select(*campaign.c).where(campaign.c.campaign_id == campaign_id)
    row = tx.execute(statement.with_for_update() if lock else statement).first()
    if row is None:
        raise CampaignNotFound(campaign_id)
    return _campaigns(tx, [row])[0]


def page(
    tx: Transaction, part: Page, *, segment: str, units: sa.ScalarSelect[str] | None
) -> Slice[Campaign]:
    """Return a page of campaigns, oldest first; of one segment unless it is empty."""
    statement = _wanted(sa.select(*campaign.c), segment=segment, units=units)
    rows = tx.execute(keyset(statement, part, [campaign.c.campaign_id])).all()
    return part.slice(_campaigns(tx, rows), key=lambda one: [one.campaign_id])


def evaluated(
    tx: Transaction, part: Page, *, segment: str, units: sa.ScalarSelect[str] | None
) -> Slice[Campaign]:
    """Return a page of evaluated campaigns in the order of their evaluation."""
    statement = _wanted(sa.select(*campaign.c), segment=segment, units=units).where(
        campaign.c.evaluate_time.is_not(None)
    )
    columns = [campaign.c.evaluate_time, campaign.c.campaign_id]
    rows = tx.execute(keyset(statement, part, columns)).all()
    return part.slice(_campaigns(tx, rows), key=_evaluation)


def latest_evaluated(
    tx: Transaction, *, segment: str, units: sa.ScalarSelect[str] | None, limit: int
) -> list[Campaign]:
    """Return the campaigns of a segment that were evaluated last, the latest first."""
    statement = _wanted(sa.select(*campaign.c), segment=segment, units=units)
    rows = tx.execute(
        statement.where(campaign.c.evaluate_time.is_not(None))
        .order_by(campaign.c.evaluate_time.desc(), campaign.c.campaign_id.desc())
        .limit(limit)
    ).all()
    return _campaigns(tx, rows)


def lock(tx: Transaction, campaign_ids: Collection[str]) -> set[str]:
    """Lock those of the campaigns that exist, in the order of their ids, and return their ids."""
    rows = tx.execute(LOCK, {"campaign_ids": [*campaign_ids]})
    return {row.campaign_id for row in rows}


def copy_product(
    tx: Transaction, product_id: str, *, name: str, on_sale: bool, version: int
) -> None:
    """Keep a product as channels told it; an older version never replaces a newer one."""
    row = {"product_id": product_id, "name": name, "on_sale": on_sale, "version": version}
    upsert.put(tx, product_copy, row, newer_in="version", or_as_new=True)


def on_sale(tx: Transaction, product_ids: Sequence[str]) -> list[str]:
    """Return those of the products that are on sale."""
    return list(
        tx.scalars(
            sa.select(product_copy.c.product_id).where(
                product_copy.c.product_id.in_(product_ids), product_copy.c.on_sale
            )
        )
    )


def all_on_sale(tx: Transaction, *, limit: int) -> list[str]:
    """Return products that are on sale, in the order of their ids."""
    return list(
        tx.scalars(
            sa.select(product_copy.c.product_id)
            .where(product_copy.c.on_sale)
            .order_by(product_copy.c.product_id)
            .limit(limit)
        )
    )


def _wanted(
    statement: sa.Select[Any], *, segment: str, units: sa.ScalarSelect[str] | None
) -> sa.Select[Any]:
    if segment:
        statement = statement.where(campaign.c.segment == segment)
    return statement if units is None else statement.where(campaign.c.unit_id.in_(units))


def _evaluation(one: Campaign) -> list[Any]:
    return [one.evaluate_time, one.campaign_id]


def _changing(one: Campaign) -> Mapping[str, object]:
    return {
        "segment": one.plan.segment,
        "version": one.version,
        "state": one.milestone,
        "paused": one.paused,
        "stopped": one.stopped,
        "plan": plan_to_json(one.plan),
        "reason": one.reason,
        "result": None if one.result is None else result_to_json(one.result),
        "lesson": one.lesson,
        "evaluate_time": one.evaluate_time,
    }


def _campaigns(tx: Transaction, rows: Sequence[sa.Row[Any]]) -> list[Campaign]:
    """Read campaigns, with one statement for the allocations of all of them."""
    parts: dict[str, list[Allocation]] = {row.campaign_id: [] for row in rows}
    found = tx.execute(
        sa.select(*campaign_allocation.c)
        .where(campaign_allocation.c.campaign_id.in_(parts))
        .order_by(campaign_allocation.c.budget_line_id, campaign_allocation.c.unit_id)
    )
    for one in found:
        amount = Money(one.currency_code, one.amount_minor)
        parts[one.campaign_id].append(
            Allocation(one.budget_line_id, one.unit_id, amount, one.reservation_id)
        )
    return [_campaign(row, tuple(parts[row.campaign_id])) for row in rows]


def _campaign(row: sa.Row[Any], allocations: tuple[Allocation, ...]) -> Campaign:
    return Campaign(
        campaign_id=row.campaign_id,
        unit_id=row.unit_id,
        version=row.version,
        milestone=State(row.state),
        plan=plan_from_json(row.plan),
        process_id=row.process_id,
        traceparent=row.traceparent,
        created_by=row.created_by,
        create_time=row.create_time,
        paused=row.paused,
        stopped=row.stopped,
        allocations=allocations,
        reason=row.reason,
        result=None if row.result is None else result_from_json(row.result),
        lesson=row.lesson,
        evaluate_time=row.evaluate_time,
    )
