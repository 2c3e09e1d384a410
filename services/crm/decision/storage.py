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

from chassis import arrays
from chassis.database import Later, Transaction, run
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

TABLES = sa.MetaData()

_KINDS: Final = {one.value: one for one in Kind}
_STATUSES: Final = {one.value: one for one in Status}

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

# An empty jsonb is as good as none, which the driver need not parse.
_PROFILES: Final = """
SELECT w.place, c.unit_id, c.kind, c.status, c.time_zone, c.tags, c.consents,
  nullif(c.attributes, '{}') AS attributes, nullif(c.scores, '{}') AS scores, u.path,
  r.outbound_times, nullif(r.declines, '{}') AS declines,
  (SELECT array_agg(s.product_id) FROM subscription s
    WHERE s.customer_id = c.customer_id AND s.state <> 'CANCELLED') AS owned,
  (SELECT number FROM rule_change) AS change_number,
  (SELECT starts_with(u.path, own.path) FROM org_unit_copy own
    WHERE own.unit_id = w.caller_unit_id) AS in_scope
FROM unnest(%(customer_ids)s::text[], %(caller_unit_ids)s::text[])
    WITH ORDINALITY AS w (customer_id, caller_unit_id, place)
  JOIN customer c ON c.customer_id = w.customer_id
  LEFT JOIN org_unit_copy u ON u.unit_id = c.unit_id
  LEFT JOIN customer_reach r ON r.customer_id = c.customer_id
"""

# `made` claims the events; everything else hangs on it, so that an event that comes again changes
# nothing. `reach` takes the contacts; offers of the first step hang on it too. No customer is in it
# twice, and rows are taken in the order of their keys, so that two batches never wait for each
# other. Values come as one array a column, which costs less than JSON on both sides, and only what
# did not go as drafted comes back. The text stays below 4,096 characters: the driver reads a longer
# one anew each time.
_WRITE: Final = """
WITH wanted AS (
  SELECT * FROM unnest(%(decision_ids)s::uuid[], %(customer_ids)s::text[],
      %(unit_ids)s::text[], %(touchpoint_ids)s::text[], %(sources)s::text[],
      %(event_ids)s::text[], %(event_types)s::text[], %(event_names)s::text[],
      %(occur_times)s::timestamptz[], %(moments)s::text[], %(attributes)s::jsonb[],
      %(outcomes)s::text[], %(rejections)s::jsonb[], %(refusals)s::text[],
      %(deferred_untils)s::timestamptz[], %(partner_ids)s::text[],
      %(contact_cutoffs)s::timestamptz[], %(contacts_maxes)s::integer[])
    AS w (decision_id, customer_id, unit_id, touchpoint_id, source, event_id, event_type,
      event_name, occur_time, moment, attributes, outcome, rejections, refusal, deferred_until,
      partner_id, contact_cutoff, contacts_max), (SELECT %(at)s::timestamptz) AS now (create_time)
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
  INSERT INTO offer (offer_id, decision_id, customer_id, unit_id, campaign_id, campaign_version,
    offer_code, product_id, wording, touchpoint_id, touchpoint_kind, contact_kind, partner_id,
    propensity_ppm, propensity_source, value_minor, currency_code, state, create_time, expire_time,
    answered_by, order_id, withdraw_reason, version)
  SELECT o.offer_id, o.decision_id, w.customer_id, w.unit_id, o.campaign_id, o.campaign_version,
    o.offer_code, o.product_id, o.wording, w.touchpoint_id, o.touchpoint_kind, o.contact_kind,
    w.partner_id, o.propensity_ppm, o.propensity_source, o.value_minor, o.currency_code, 'CREATED',
    w.create_time, o.expire_time, '', '', '', 1
  FROM unnest(%(offer_ids)s::uuid[], %(offer_decision_ids)s::uuid[],
      %(campaign_ids)s::uuid[], %(campaign_versions)s::bigint[],
      %(offer_codes)s::text[], %(product_ids)s::text[], %(wordings)s::text[],
      %(touchpoint_kinds)s::text[], %(contact_kinds)s::text[],
      %(propensities_ppm)s::integer[], %(propensity_sources)s::text[],
      %(values_minor)s::bigint[], %(currency_codes)s::text[],
      %(expire_times)s::timestamptz[])
    AS o (offer_id, decision_id, campaign_id, campaign_version, offer_code, product_id, wording,
      touchpoint_kind, contact_kind, propensity_ppm, propensity_source, value_minor, currency_code,
      expire_time)
    JOIN made USING (decision_id) JOIN wanted w USING (decision_id)
  WHERE w.contact_cutoff IS NULL OR w.customer_id IN (SELECT customer_id FROM reach)
)
SELECT w.decision_id, m.decision_id IS NOT NULL AS made
FROM wanted w LEFT JOIN made m USING (decision_id) LEFT JOIN reach r USING (customer_id)
WHERE m.decision_id IS NULL OR (w.contact_cutoff IS NOT NULL AND r.customer_id IS NULL)
"""


def profiles(
    tx: Transaction, wanted: Sequence[tuple[Caller, str]]
) -> Later[list[Profile | CustomerNotFound | OutOfScope]]:
    """Read everything that decisions know of their customers, and check the callers' scopes, once
    it is asked for.

    Shape: a profile or a refusal for each pair of caller and customer id, in their order.
    """
    rows = run(
        tx,
        _PROFILES,
        {
            "customer_ids": arrays.texts([customer_id for _, customer_id in wanted]),
            "caller_unit_ids": arrays.texts([caller.unit_id for caller, _ in wanted]),
        },
    )

    def found() -> list[Profile | CustomerNotFound | OutOfScope]:
        by_place = {row[0]: row for row in rows}
        return [
            _seen(by_place.get(place), caller, customer_id)
            for place, (caller, customer_id) in enumerate(wanted, start=1)
        ]

    return found


def _seen(
    row: tuple[Any, ...] | None, caller: Caller, customer_id: str
) -> Profile | CustomerNotFound | OutOfScope:
    if row is None:
        return CustomerNotFound(customer_id)
    _, unit_id, kind, status, time_zone, tags, consents, attributes, scores, *rest = row
    path, outbound_times, declines, owned, change_number, in_scope = rest
    if not (caller.is_service or in_scope):
        return OutOfScope(caller.subject, unit_id)
    return Profile(
        customer_id=customer_id,
        unit_id=unit_id,
        units=tuple((path or f"{unit_id}/").split("/")[:-1]),
        kind=_KINDS[kind],
        status=_STATUSES[status],
        time_zone=time_zone,
        tags=frozenset(tags),
        consents=frozenset(consents),
        attributes=attributes or {},
        scores=scores or {},
        owned=frozenset(owned or ()),
        outbound_times=tuple(outbound_times or ()),
        declines={
            campaign_id: datetime.fromisoformat(at) for campaign_id, at in (declines or {}).items()
        },
        change_number=change_number,
    )


def add_all(tx: Transaction, drafts: Sequence[Draft]) -> Later[dict[str, bool]]:
    """Write decisions of different customers, with their offers and the contacts they take.

    Shape: drafts of one instant, one at least. What did not go as drafted, by its decision's id,
        once it is asked for: written, but another one took the last contact meanwhile; or not
        written, because the event was decided on before.
    """
    decisions = [draft.decision for draft in drafts]
    offers = [offer for one in decisions for offer in one.offers]
    limits = {
        "contact_cutoffs": arrays.plain([draft.contact_cutoff for draft in drafts]),
        "contacts_maxes": arrays.plain([draft.contacts_max for draft in drafts]),
        "at": str(decisions[0].create_time),
    }
    rows = run(tx, _WRITE, _decision_columns(decisions) | _offer_columns(offers) | limits)
    return lambda: {str(decision_id): made for decision_id, made in rows}


def lose_contact(tx: Transaction, lost: Decision) -> None:
    """Put the verdict right of a decision whose offers were not written."""
    tx.execute(
        sa.update(decision)
        .where(decision.c.decision_id == lost.decision_id)
        .values(outcome=lost.verdict.value, refusal=str(lost.refusal), rejections=[])
    )


def _decision_columns(decisions: Sequence[Decision]) -> dict[str, str]:
    touches = [one.touch for one in decisions]
    return {
        "decision_ids": arrays.texts([one.decision_id for one in decisions]),
        "customer_ids": arrays.texts([touch.customer_id for touch in touches]),
        "unit_ids": arrays.texts([one.unit_id for one in decisions]),
        "touchpoint_ids": arrays.texts([touch.touchpoint_id for touch in touches]),
        "sources": arrays.texts([touch.source for touch in touches]),
        "event_ids": arrays.texts([touch.event_id for touch in touches]),
        "event_types": arrays.texts([touch.type for touch in touches]),
        "event_names": arrays.texts([touch.name for touch in touches]),
        "occur_times": arrays.plain([touch.occur_time for touch in touches]),
        "moments": arrays.texts([touch.moment for touch in touches]),
        "attributes": arrays.texts(
            [json.dumps(dict(touch.attributes)) if touch.attributes else "{}" for touch in touches]
        ),
        "outcomes": arrays.texts([one.verdict for one in decisions]),
        "rejections": arrays.texts(
            [json.dumps(_rejection_rows(one)) if one.rejections else "[]" for one in decisions]
        ),
        "refusals": arrays.texts([one.refusal or "" for one in decisions]),
        "deferred_untils": arrays.plain([one.deferred_until for one in decisions]),
        "partner_ids": arrays.texts([touch.partner_id for touch in touches]),
    }


def _offer_columns(offers: Sequence[Offer]) -> dict[str, str]:
    """Write what new offers do not share with their decisions."""
    return {
        "offer_ids": arrays.texts([one.offer_id for one in offers]),
        "offer_decision_ids": arrays.texts([one.decision_id for one in offers]),
        "campaign_ids": arrays.texts([one.campaign_id for one in offers]),
        "campaign_versions": arrays.plain([one.campaign_version for one in offers]),
        "offer_codes": arrays.texts([one.offer_code for one in offers]),
        "product_ids": arrays.texts([one.product_id for one in offers]),
        "wordings": arrays.texts([one.wording for one in offers]),
        "touchpoint_kinds": arrays.texts([one.touchpoint_kind for one in offers]),
        "contact_kinds": arrays.texts([one.contact_kind for one in offers]),
        "propensities_ppm": arrays.plain([one.propensity_ppm for one in offers]),
        "propensity_sources": arrays.texts([one.propensity_source for one in offers]),
        "values_minor": arrays.plain([one.value.amount_minor for one in offers]),
        "currency_codes": arrays.texts([one.value.currency_code for one in offers]),
        "expire_times": arrays.plain([one.expire_time for one in offers]),
    }


def _rejection_rows(one: Decision) -> list[list[str]]:
    return [[r.campaign_id, r.offer_code, r.reason.value, r.detail] for r in one.rejections]


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
