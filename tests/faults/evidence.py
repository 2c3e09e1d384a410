"""What the checker may look at: journals, databases at rest by their owners' roles, telemetry.

It calls nothing of the services and knows none of their code; contracts and tables are enough.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import psycopg
from psycopg.rows import namedtuple_row

from tests.faults import journal
from tests.faults.journal import Request

PLACING = ("PlaceOrder", "AnswerOffer")
ENDED = ("CANCELLED", "REJECTED")
# Settlement says so until planning has confirmed a budget.
NOT_YET = "EXPENSE_BUDGET_NOT_HELD"


@dataclass(frozen=True, slots=True)
class Applied:
    """Hold one span of an applied event: which process applied what, and when.

    Units: `at_s` seconds since 1970.
    """

    instance: str
    service: str
    source: str
    position: int
    at_s: float


@dataclass
class Evidence:
    """Read everything once.

    Shape: `databases` is service → address of its database as the owner reads it.
    """

    journals: Path
    databases: Mapping[str, str]
    telemetry: Path
    _open: dict[str, psycopg.Connection[Any]] = field(default_factory=dict)

    def rows(self, service: str, query: str) -> list[Any]:
        """Return the rows of a query with their columns as attributes."""
        if service not in self._open:
            self._open[service] = psycopg.connect(
                self.databases[service], autocommit=True, row_factory=namedtuple_row
            )
        return self._open[service].execute(query).fetchall()

    def close(self) -> None:
        """Close the connections."""
        for one in self._open.values():
            one.close()

    @cached_property
    def lines(self) -> list[dict[str, Any]]:
        """Return all lines of all journals in the order of time."""
        return list(journal.lines(self.journals))

    @cached_property
    def requests(self) -> dict[str, Request]:
        """Return every request by its id."""
        return journal.requests(self.journals)

    def asked(self, *methods: str) -> Iterator[Request]:
        """Yield the requests of some methods."""
        return (one for one in self.requests.values() if one.method in methods)

    def marks(self, act: str) -> list[dict[str, Any]]:
        """Return what the harness wrote about itself."""
        return [line for line in self.lines if line["act"] == act]

    @cached_property
    def orders(self) -> dict[str, Any]:
        """Return the orders by id; `lines` has product → quantity."""
        return {row.order_id: row for row in self.rows("channels", ORDERS)}

    @cached_property
    def orders_of(self) -> dict[str, list[Any]]:
        """Return the orders by the customer they are for; each customer is of one request."""
        found = defaultdict(list)
        for order in self.orders.values():
            found[order.customer_id].append(order)
        return found

    @cached_property
    def entries(self) -> list[Any]:
        """Return the commission entries."""
        return self.rows("settlement", ENTRIES)

    @cached_property
    def transfers(self) -> list[Any]:
        """Return the posted transfers of the ledger."""
        return self.rows("settlement", TRANSFERS)

    @cached_property
    def returned(self) -> dict[str, list[Any]]:
        """Return the lines that came back and were credited, by order."""
        found = defaultdict(list)
        for line in self.rows("channels", RETURNED):
            found[line.order_id].append(line)
        return found

    @cached_property
    def applied(self) -> list[Applied]:
        """Return the spans of applied events that were exported."""
        return [one for path in self.telemetry.glob("*") for one in _applied(path)]

    def time_of(self, at: datetime) -> float:
        """Return a database's time as the journals write it."""
        return at.timestamp()


ORDERS = """
SELECT o.order_id::text, o.customer_id, o.partner_id, o.source, o.state, o.total_minor,
       o.contract_number, o.offer_id::text, o.campaign_id::text,
       (SELECT jsonb_object_agg(l.product_id, l.quantity) FROM sales_order_line l
        WHERE l.order_id = o.order_id) AS lines,
       ARRAY(SELECT m.to_state FROM sales_order_move m WHERE m.order_id = o.order_id
             ORDER BY m.move_number) AS moves
FROM sales_order o
"""
ENTRIES = """
SELECT entry_id::text, order_id, partner_id, event_kind, product_id, quantity, amount_minor, state,
       reversed_minor, campaign_id
FROM commission_entry
"""
RETURNED = """
SELECT r.return_id::text, r.order_id::text, r.partner_id, l.product_id, l.accepted, l.restocked,
       l.amount_minor
FROM goods_return r JOIN goods_return_line l USING (return_id)
WHERE r.settle_date IS NOT NULL
"""
TRANSFERS = """
SELECT t.transfer_id::text, t.debit_account_id, t.credit_account_id, t.amount_minor, t.purpose,
       t.subject_id, d.code AS debit_code, c.code AS credit_code
FROM transfer t
JOIN account d ON d.account_id = t.debit_account_id
JOIN account c ON c.account_id = t.credit_account_id
WHERE t.kind IN ('POSTED', 'POST_PENDING')
"""


def _applied(path: Path) -> Iterator[Applied]:
    """Read the spans of applied events from one file of OTLP lines; half a line is no span."""
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        if '"apply ' not in line:
            continue
        try:
            batch = json.loads(line)
        except ValueError:
            continue
        for resource in batch.get("resourceSpans", []):
            who = _attributes(resource.get("resource", {}))
            for scope in resource.get("scopeSpans", []):
                yield from (_span(who, one) for one in scope["spans"] if _is_apply(one))


def _is_apply(span: Mapping[str, Any]) -> bool:
    return str(span.get("name", "")).startswith("apply ")


def _span(who: Mapping[str, Any], span: Mapping[str, Any]) -> Applied:
    attributes = _attributes(span)
    return Applied(
        instance=str(who.get("service.instance.id", "")),
        service=str(who.get("service.name", "")),
        source=str(attributes.get("mantle.event.source", "")),
        position=int(attributes.get("mantle.event.position", 0)),
        at_s=int(span["startTimeUnixNano"]) / 1e9,
    )


def _attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {one["key"]: next(iter(one["value"].values())) for one in holder.get("attributes", [])}
