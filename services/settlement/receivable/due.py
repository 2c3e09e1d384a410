"""What is due: sums and lists of open invoices by age, set-based; `overdue` and the collection of
money use it.

An invoice whose goods are not all picked up is not asked for: its settlement is not open.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from settlement.receivable.domain import ReceiptKind, State
from settlement.receivable.storage import invoice, receipt

# The states and the pick-up say together what may be asked for; `invoice_due` serves it.
DUE = "i.state IN ('ISSUED', 'PARTIALLY_PAID') AND i.pickup_state <> 'OPEN'"
OVERDUE = f"""
SELECT a.partner_id, min(i.due_date), coalesce(sum(i.open_minor), 0)::bigint
FROM credit_account AS a
LEFT JOIN invoice AS i ON i.partner_id = a.partner_id AND {DUE}
  AND i.currency_code = a.currency_code AND i.due_date < %(today)s
  AND (a.waived_due_date IS NULL OR i.due_date > a.waived_due_date)
WHERE a.partner_id = ANY(%(partner_ids)s::text[])
GROUP BY a.partner_id
"""
# The nearest terms say how late an invoice may be; terms without a grace block nothing.
GRACE = """
CASE WHEN own.scope IS NOT NULL THEN own.grace_days
  WHEN unit.scope IS NOT NULL THEN unit.grace_days ELSE company.grace_days END
"""
ACCOUNTS = """
credit_account AS a
LEFT JOIN terms AS own ON own.scope = 'partner:' || a.partner_id
LEFT JOIN terms AS unit ON unit.scope = 'unit:' || a.unit_id
LEFT JOIN terms AS company ON company.scope = ''
"""
BLOCKING = f"""
{DUE} AND i.currency_code = a.currency_code AND i.due_date < %(today)s::date - ({GRACE})
  AND (a.waived_due_date IS NULL OR i.due_date > a.waived_due_date)
"""
# Who stays as it is, is not returned: of the blocked the first invoice that blocks is enough, and
# of the others `invoice_due` gives those alone that are late beyond the shortest grace.
CANDIDATES = f"""
WITH terms AS MATERIALIZED (
  SELECT * FROM unnest(%(scopes)s::text[], %(graces)s::integer[]) AS terms (scope, grace_days)
)
SELECT a.partner_id FROM {ACCOUNTS}
WHERE a.overdue_since IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM invoice AS i WHERE i.partner_id = a.partner_id AND {BLOCKING})
UNION
SELECT a.partner_id FROM {ACCOUNTS} JOIN invoice AS i ON i.partner_id = a.partner_id
WHERE a.overdue_since IS NULL AND i.due_date < %(late_from)s::date AND {BLOCKING}
ORDER BY 1 LIMIT %(count_max)s
"""
BY_AGE = """
SELECT width_bucket(greatest(%(today)s::date - due_date, 0), %(starts)s::integer[]),
  sum(open_minor)::bigint
FROM invoice
WHERE partner_id = %(partner_id)s AND currency_code = %(currency_code)s
  AND state IN ('ISSUED', 'PARTIALLY_PAID')
GROUP BY 1
"""
LATE_COLUMNS = (
    "invoice_id",
    "order_id",
    "partner_id",
    "unit_id",
    "due_date",
    "open_minor",
    "currency_code",
    "dunning_level",
    "sequence",
)
# Who pays locks the credit account and then invoices; this locks invoices alone, and waits for
# none.
RAISE = f"""
WITH late AS (
  SELECT i.invoice_id,
    width_bucket(%(today)s::date - i.due_date, %(after_days)s::integer[]) AS level
  FROM invoice AS i
  WHERE {DUE} AND i.due_date < %(today)s
    AND i.dunning_level < width_bucket(%(today)s::date - i.due_date, %(after_days)s::integer[])
  ORDER BY i.due_date, i.sequence
  LIMIT %(count_max)s
  FOR UPDATE SKIP LOCKED
)
UPDATE invoice AS i SET dunning_level = late.level FROM late
WHERE i.invoice_id = late.invoice_id
RETURNING {", ".join(f"i.{name}" for name in LATE_COLUMNS)}
"""


@dataclass(frozen=True, slots=True)
class Overdue:
    """Hold what a partner has not paid in time: the oldest due day of it, and its sum."""

    oldest_due_date: date
    amount_minor: int


@dataclass(frozen=True, slots=True)
class Aged:
    """Hold what a partner has open in one currency by age, and how long the oldest is overdue.

    Shape: not due, then up to each number of overdue days, then the rest.
    """

    partner_id: str
    unit_id: str
    overdue_days: int
    amounts: tuple[Money, ...]


@dataclass(frozen=True, slots=True)
class Late:
    """Hold an invoice that was not paid in time, and for how many days."""

    invoice_id: str
    order_id: str
    partner_id: str
    unit_id: str
    due_date: date
    overdue_days: int
    open_amount: Money
    dunning_level: int
    sequence: int


def overdue_of(tx: Transaction, partner_ids: Collection[str], *, today: date) -> dict[str, Overdue]:
    """Return what partners have not paid in time in their account's currency; those that have
    nothing overdue, or whose overdue was forgiven by hand, are left out."""
    values = {"partner_ids": arrays.texts(partner_ids), "today": today}
    return {
        partner_id: Overdue(oldest, minor)
        for partner_id, oldest, minor in run(tx, OVERDUE, values)
        if oldest is not None
    }


def candidates(
    tx: Transaction, *, graces: Mapping[str, int | None], today: date, count_max: int
) -> list[str]:
    """Return the partners who have to be blocked or released, in their order, so many at most.

    Shape: `graces` has the days of grace of all terms of payment by scope, None where they block
        nothing.
    """
    days = [one for one in graces.values() if one is not None]
    values = {
        "scopes": arrays.texts(graces),
        "graces": arrays.plain(graces.values()),
        "today": today,
        "late_from": today - timedelta(days=min(days)) if days else date.min,
        "count_max": count_max,
    }
    return [partner_id for (partner_id,) in run(tx, CANDIDATES, values)]


def open_by_age(
    tx: Transaction, *, partner_id: str, currency_code: str, ends: Sequence[int], today: date
) -> list[Money]:
    """Sum what a partner has open by age: not due, then up to each number of overdue days, then the
    rest."""
    values = {
        "today": today,
        "starts": arrays.plain(_starts(ends)),
        "partner_id": partner_id,
        "currency_code": currency_code,
    }
    found: dict[int, int] = dict(run(tx, BY_AGE, values).fetchall())
    return [Money(currency_code, found.get(place, 0)) for place in range(len(ends) + 2)]


def ageing_page(
    tx: Transaction,
    part: Page,
    *,
    partner_id: str,
    ends: Sequence[int],
    today: date,
    units: sa.ScalarSelect[str] | None,
) -> Slice[Aged]:
    """Return a page of what partners have open by age, by partner and currency."""
    c = invoice.c
    days = sa.literal(today) - c.due_date
    starts = _starts(ends)
    limits = [(None, 0), *zip(starts, [*ends, None], strict=True)]
    sums = [
        sa.func.coalesce(sa.func.sum(c.open_minor).filter(_between(days, low, high)), 0)
        for low, high in limits
    ]
    grouped = (
        sa.select(
            c.partner_id,
            c.currency_code.cast(sa.Text).label("currency_code"),
            sa.func.max(c.unit_id).label("unit_id"),
            sa.func.min(c.due_date).label("oldest"),
            *(one.label(f"bucket_{place}") for place, one in enumerate(sums)),
        )
        .where(c.state.in_([State.ISSUED, State.PARTIALLY_PAID]))
        .group_by(c.partner_id, c.currency_code)
    )
    if units is not None:
        grouped = grouped.where(c.unit_id.in_(units))
    if partner_id:
        grouped = grouped.where(c.partner_id == partner_id)
    table = grouped.subquery()
    rows = tx.execute(
        keyset(sa.select(*table.c), part, [table.c.partner_id, table.c.currency_code])
    )
    found = [
        Aged(
            row.partner_id,
            row.unit_id,
            max((today - row.oldest).days, 0),
            tuple(Money(row.currency_code, int(minor)) for minor in row[4:]),
        )
        for row in rows
    ]
    return part.slice(found, key=lambda one: [one.partner_id, one.amounts[0].currency_code])


def overdue_page(
    tx: Transaction,
    part: Page,
    *,
    partner_id: str,
    today: date,
    units: sa.ScalarSelect[str] | None,
) -> Slice[Late]:
    """Return a page of the invoices that were not paid in time, by due day."""
    c = invoice.c
    # A page token holds texts and whole numbers, and the text of a day sorts like the day.
    day = sa.func.to_char(c.due_date, "YYYY-MM-DD", type_=sa.Text)
    query = sa.select(*(c[name] for name in LATE_COLUMNS)).where(
        c.state.in_([State.ISSUED, State.PARTIALLY_PAID]), c.due_date < today
    )
    if units is not None:
        query = query.where(c.unit_id.in_(units))
    if partner_id:
        query = query.where(c.partner_id == partner_id)
    found = [_late(row, today=today) for row in tx.execute(keyset(query, part, [day, c.sequence]))]
    return part.slice(found, key=lambda one: [one.due_date.isoformat(), one.sequence])


def raise_levels(
    tx: Transaction, *, after_days: Sequence[int], today: date, count_max: int
) -> list[Late]:
    """Raise the dunning level of invoices that are overdue long enough, so many at once, and return
    them in the order of their due days.

    Shape: level 1 from the first number of days on, and so on; the numbers ascend. An invoice that
        somebody pays at this moment is left for the next turn.
    """
    values = {"after_days": arrays.plain(after_days), "today": today, "count_max": count_max}
    rows = run(tx, RAISE, values).fetchall()
    found = [
        _late(SimpleNamespace(**dict(zip(LATE_COLUMNS, row, strict=True))), today=today)
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.due_date, one.sequence))


def received(
    tx: Transaction,
    *,
    units: sa.ScalarSelect[str],
    currency_code: str,
    start: date,
    end: date,
) -> dict[str, int]:
    """Sum the money that units received from one day up to and without another.

    Shape: minor units by month, such as `2026-03`; a rebate on account is no money.
    """
    c = receipt.c
    month = sa.func.to_char(c.receive_date, "YYYY-MM")
    query = (
        sa.select(month, sa.func.sum(c.amount_minor))
        .where(
            c.unit_id.in_(units),
            c.kind != ReceiptKind.REBATE,
            c.currency_code == currency_code,
            c.receive_date >= start,
            c.receive_date < end,
        )
        .group_by(month)
    )
    return {name: int(minor) for name, minor in tx.execute(query)}


def _starts(ends: Sequence[int]) -> list[int]:
    return [1, *(end + 1 for end in ends)]


def _between(
    days: sa.ColumnElement[Any], low: int | None, high: int | None
) -> sa.ColumnElement[bool]:
    bounds = [days >= low] if low is not None else []
    return sa.and_(*bounds, *([days <= high] if high is not None else []))


def _late(row: Any, *, today: date) -> Late:
    return Late(
        invoice_id=str(row.invoice_id),
        order_id=row.order_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        due_date=row.due_date,
        overdue_days=(today - row.due_date).days,
        open_amount=Money(row.currency_code, row.open_minor),
        dunning_level=row.dunning_level,
        sequence=row.sequence,
    )
