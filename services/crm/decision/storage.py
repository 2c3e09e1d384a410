"""The decisions: one statement reads all that a batch needs, one writes all it did.

Both are written out, because this is the hot path. The write also takes the contact: the limit is
checked on the row that it changes, so two decisions at once cannot both take the last one.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from chassis.database import Transaction
from chassis.keyset import keyset
from chassis.paging import Page, Slice
from chassis.scope import Caller, OutOfScope
from crm.customer.domain import CustomerNotFound, Kind, Status
from crm.decision.domain import (
    Decision,
    DecisionNotFound,
    Draft,
    EventType,
    Profile,
    Reason,
    Rejection,
    Touch,
    Verdict,
)
from crm.outreach.domain import Offer
from crm.outreach.storage import row_of

TABLES = sa.MetaData()

decision = sa.Table(
    "decision",
    TABLES,
    sa.Column("decision_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("customer_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("touchpoint_id", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("event_id", sa.Text, nullable=False),
    sa.Column("event_type", sa.Text, nullable=False),
    sa.Column("event_name", sa.Text, nullable=False),
    sa.Column("occur_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("moment", sa.Text, nullable=False),
    sa.Column("attributes", JSONB, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("rejections", JSONB, nullable=False),
    sa.Column("refusal", sa.Text, nullable=False),
    sa.Column("deferred_until", sa.DateTime(timezone=True)),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("create_time", sa.DateTime(timezone=True), nullable=False),
)

_PROFILES: Final = sa.text("""
SELECT w.place, c.unit_id, c.kind, c.status, c.time_zone, c.tags, c.consents, c.attributes,
  c.scores, u.path, r.outbound_times, r.declines,
  (SELECT array_agg(s.product_id) FROM subscription s
    WHERE s.customer_id = c.customer_id AND s.state <> 'CANCELLED') AS owned,
  (SELECT number FROM rule_change) AS change_number,
  (SELECT starts_with(u.path, own.path) FROM org_unit_copy own
    WHERE own.unit_id = w.caller_unit_id) AS in_scope
FROM unnest(CAST(:customer_ids AS text[]), CAST(:caller_unit_ids AS text[]))
    WITH ORDINALITY AS w (customer_id, caller_unit_id, place)
  JOIN customer c ON c.customer_id = w.customer_id
  LEFT JOIN org_unit_copy u ON u.unit_id = c.unit_id
  LEFT JOIN customer_reach r ON r.customer_id = c.customer_id
""")

# `made` claims the events; everything else hangs on it, so that an event that comes again changes
# nothing. `reach` takes the contacts; offers of the first step hang on it too. No customer is in it
# twice, and rows are taken in the order of their keys, so that two batches never wait for each
# other.
_WRITE: Final = sa.text("""
WITH wanted AS (
  SELECT * FROM jsonb_to_recordset(CAST(:drafts AS jsonb)) AS w (decision_id uuid,
    customer_id text, unit_id text, touchpoint_id text, source text, event_id text,
    event_type text, event_name text, occur_time timestamptz, moment text, attributes jsonb,
    outcome text, rejections jsonb, refusal text, deferred_until timestamptz, partner_id text,
    create_time timestamptz, contact_cutoff timestamptz, contacts_max integer, offers jsonb)
), made AS (
  INSERT INTO decision (decision_id, customer_id, unit_id, touchpoint_id, source, event_id,
    event_type, event_name, occur_time, moment, attributes, outcome, rejections, refusal,
    deferred_until, partner_id, create_time)
  SELECT decision_id, customer_id, unit_id, touchpoint_id, source, event_id, event_type,
    event_name, occur_time, moment, attributes, outcome, rejections, refusal, deferred_until,
    partner_id, create_time
  FROM wanted ORDER BY source, event_id
  ON CONFLICT ON CONSTRAINT decision_event_once DO NOTHING
  RETURNING decision_id
), reach AS (
  INSERT INTO customer_reach AS r (customer_id, outbound_times, declines)
  SELECT customer_id, ARRAY[create_time], '{}' FROM made JOIN wanted USING (decision_id)
    WHERE contact_cutoff IS NOT NULL AND contacts_max > 0
    ORDER BY customer_id
  ON CONFLICT (customer_id) DO UPDATE SET outbound_times = excluded.outbound_times || ARRAY(
      SELECT t FROM unnest(r.outbound_times) t, wanted w
      WHERE w.customer_id = r.customer_id AND t > w.contact_cutoff)
    WHERE (SELECT count(t) < min(w.contacts_max) FROM wanted w
      LEFT JOIN LATERAL unnest(r.outbound_times) t ON t > w.contact_cutoff
      WHERE w.customer_id = r.customer_id)
  RETURNING customer_id
), offers AS (
  INSERT INTO offer
  SELECT o.* FROM made JOIN wanted USING (decision_id),
    jsonb_populate_recordset(NULL::offer, wanted.offers) o
  WHERE wanted.contact_cutoff IS NULL OR wanted.customer_id IN (SELECT customer_id FROM reach)
)
SELECT w.decision_id, m.decision_id IS NOT NULL AS made, r.customer_id IS NOT NULL AS reached
FROM wanted w LEFT JOIN made m USING (decision_id) LEFT JOIN reach r USING (customer_id)
""")


def profiles(
    tx: Transaction, wanted: Sequence[tuple[Caller, str]]
) -> list[Profile | CustomerNotFound | OutOfScope]:
    """Read everything that decisions know of their customers, and check the callers' scopes.

    Shape: a profile or a refusal for each pair of caller and customer id, in their order.
    """
    rows = tx.execute(
        _PROFILES,
        {
            "customer_ids": [customer_id for _, customer_id in wanted],
            "caller_unit_ids": [caller.unit_id for caller, _ in wanted],
        },
    )
    found = {row.place: row for row in rows}
    return [
        _seen(found.get(place), caller, customer_id)
        for place, (caller, customer_id) in enumerate(wanted, start=1)
    ]


def _seen(
    row: sa.Row[Any] | None, caller: Caller, customer_id: str
) -> Profile | CustomerNotFound | OutOfScope:
    if row is None:
        return CustomerNotFound(customer_id)
    if not (caller.is_service or row.in_scope):
        return OutOfScope(caller.subject, row.unit_id)
    return Profile(
        customer_id=customer_id,
        unit_id=row.unit_id,
        units=tuple((row.path or f"{row.unit_id}/").split("/")[:-1]),
        kind=Kind(row.kind),
        status=Status(row.status),
        time_zone=row.time_zone,
        tags=frozenset(row.tags),
        consents=frozenset(row.consents),
        attributes=row.attributes,
        scores=row.scores,
        owned=frozenset(row.owned or ()),
        outbound_times=tuple(row.outbound_times or ()),
        declines={
            campaign_id: datetime.fromisoformat(at)
            for campaign_id, at in (row.declines or {}).items()
        },
        change_number=row.change_number,
    )


def add_all(tx: Transaction, drafts: Sequence[Draft]) -> list[Decision | None]:
    """Write decisions of different customers, with their offers and the contacts they take.

    Shape: each decision as it was written, which has no offers when another one took the last
        contact meanwhile; None where the event was decided on before.
    """
    rows = tx.execute(_WRITE, {"drafts": json.dumps([_draft_row(draft) for draft in drafts])})
    done = {str(row.decision_id): row for row in rows}
    return [_written(tx, draft, done[draft.decision.decision_id]) for draft in drafts]


def _written(tx: Transaction, draft: Draft, done: sa.Row[Any]) -> Decision | None:
    one = draft.decision
    if not done.made:
        return None
    if draft.contact_cutoff is None or done.reached:
        return one
    # Rare: two decisions at once. The offers were not written; the verdict is put right.
    lost = one.lose_contact()
    tx.execute(
        sa.update(decision)
        .where(decision.c.decision_id == one.decision_id)
        .values(outcome=lost.verdict.value, refusal=str(lost.refusal), rejections=[])
    )
    return lost


def _draft_row(draft: Draft) -> dict[str, Any]:
    cutoff = draft.contact_cutoff
    return {
        **_row(draft.decision),
        "contact_cutoff": cutoff.isoformat() if cutoff else None,
        "contacts_max": draft.contacts_max,
        "offers": [_offer_row(offer) for offer in draft.decision.offers],
    }


def of_event(tx: Transaction, source: str, event_id: str) -> Decision:
    """Return the decision on an event that is known to have one."""
    query = sa.select(decision).where(decision.c.source == source, decision.c.event_id == event_id)
    return _decision(tx.execute(query).one())


def get(tx: Transaction, decision_id: str) -> Decision:
    """Return a decision without its offers.

    Errors: DecisionNotFound.
    """
    query = sa.select(decision).where(decision.c.decision_id == decision_id)
    row = tx.execute(query).one_or_none()
    if row is None:
        raise DecisionNotFound(decision_id)
    return _decision(row)


def timeline(tx: Transaction, page: Page, *, customer_id: str) -> Slice[Decision]:
    """Return a page of a customer's decisions without offers and rejections, the newest first."""
    query = sa.select(decision).where(decision.c.customer_id == customer_id)
    rows = tx.execute(keyset(query, page, [decision.c.decision_id], descending=True))
    return page.slice(rows, key=lambda row: (row.decision_id,)).map(_decision)


def _row(one: Decision) -> dict[str, Any]:
    touch = one.touch
    return {
        "decision_id": one.decision_id,
        "customer_id": touch.customer_id,
        "unit_id": one.unit_id,
        "touchpoint_id": touch.touchpoint_id,
        "source": touch.source,
        "event_id": touch.event_id,
        "event_type": touch.type.value,
        "event_name": touch.name,
        "occur_time": touch.occur_time.isoformat(),
        "moment": touch.moment,
        "attributes": dict(touch.attributes),
        "outcome": one.verdict.value,
        "rejections": [
            [r.campaign_id, r.offer_code, r.reason.value, r.detail] for r in one.rejections
        ],
        "refusal": one.refusal.value if one.refusal else "",
        "deferred_until": one.deferred_until.isoformat() if one.deferred_until else None,
        "partner_id": touch.partner_id,
        "create_time": one.create_time.isoformat(),
    }


def _offer_row(offer: Offer) -> dict[str, Any]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in row_of(offer).items()
    }


def _decision(row: sa.Row[Any]) -> Decision:
    return Decision(
        decision_id=row.decision_id,
        unit_id=row.unit_id,
        touch=Touch(
            customer_id=row.customer_id,
            touchpoint_id=row.touchpoint_id,
            source=row.source,
            event_id=row.event_id,
            type=EventType(row.event_type),
            name=row.event_name,
            occur_time=row.occur_time,
            moment=row.moment,
            attributes=row.attributes,
            partner_id=row.partner_id,
        ),
        verdict=Verdict(row.outcome),
        create_time=row.create_time,
        rejections=_rejections(row.rejections),
        refusal=Reason(row.refusal) if row.refusal else None,
        deferred_until=row.deferred_until,
    )


def _rejections(rows: Sequence[Sequence[str]]) -> tuple[Rejection, ...]:
    return tuple(
        Rejection(campaign_id, offer_code, Reason(reason), detail)
        for campaign_id, offer_code, reason, detail in rows
    )
