"""The tables of commission."""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import sqlalchemy as sa

from chassis import arrays
from chassis.database import Transaction, run
from chassis.keyset import keyset
from chassis.money import Money
from chassis.paging import Page, Slice
from chassis.period import Month
from settlement.commission.domain import (
    Earning,
    Entry,
    Payment,
    Per,
    Rate,
    State,
    StatementLine,
    Wanted,
)

TABLES = sa.MetaData()

commission_entry = sa.Table(
    "commission_entry",
    TABLES,
    sa.Column("sequence", sa.BigInteger, sa.Identity(always=True), primary_key=True),
    sa.Column("entry_id", sa.Uuid(as_uuid=False), nullable=False, unique=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("unit_id", sa.Text, nullable=False),
    sa.Column("event_kind", sa.Text, nullable=False),
    sa.Column("per", sa.Text, nullable=False),
    sa.Column("order_id", sa.Text, nullable=False),
    sa.Column("offer_id", sa.Text, nullable=False),
    sa.Column("campaign_id", sa.Text, nullable=False),
    sa.Column("product_id", sa.Text, nullable=False),
    sa.Column("quantity", sa.BigInteger, nullable=False),
    sa.Column("rate_minor", sa.BigInteger, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("policy_id", sa.Uuid(as_uuid=False), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("accrue_date", sa.Date, nullable=False),
    sa.Column("accrue_time", sa.DateTime(timezone=True), nullable=False),
    sa.Column("confirm_date", sa.Date),
    sa.Column("reverse_date", sa.Date),
    sa.Column("payment_id", sa.Uuid(as_uuid=False)),
    sa.Column("netted_payment_id", sa.Uuid(as_uuid=False)),
    sa.UniqueConstraint("order_id", "event_kind", "product_id"),
)

commission_payment = sa.Table(
    "commission_payment",
    TABLES,
    sa.Column("payment_id", sa.Uuid(as_uuid=False), primary_key=True),
    sa.Column("partner_id", sa.Text, nullable=False),
    sa.Column("amount_minor", sa.BigInteger, nullable=False),
    sa.Column("currency_code", sa.CHAR(3), nullable=False),
    sa.Column("entry_count", sa.BigInteger, nullable=False),
    sa.Column("pay_date", sa.Date, nullable=False),
)

_entry = commission_entry.c
_READ = [column for column in _entry if column.name != "netted_payment_id"]


# Written out once: building a statement costs more than running it.
ADD = """
INSERT INTO commission_entry (entry_id, partner_id, unit_id, event_kind, per, order_id, offer_id,
  campaign_id, product_id, quantity, rate_minor, amount_minor, currency_code, policy_id, state,
  accrue_date, accrue_time)
SELECT * FROM unnest(%(entry_ids)s::uuid[], %(partner_ids)s::text[], %(unit_ids)s::text[],
  %(event_kinds)s::text[], %(pers)s::text[], %(order_ids)s::text[], %(offer_ids)s::text[],
  %(campaign_ids)s::text[], %(product_ids)s::text[], %(quantities)s::bigint[],
  %(rates_minor)s::bigint[], %(amounts_minor)s::bigint[], %(currency_codes)s::text[],
  %(policy_ids)s::uuid[], %(states)s::text[], %(accrue_dates)s::date[],
  %(accrue_times)s::timestamptz[])
ON CONFLICT DO NOTHING
RETURNING entry_id::text
"""
SET_CONFIRM_DATES = """
UPDATE commission_entry AS e SET confirm_date = delivered.confirm_date
FROM unnest(%(order_ids)s::text[], %(confirm_dates)s::date[]) AS delivered (order_id, confirm_date)
WHERE e.order_id = delivered.order_id AND e.state = 'ACCRUED'
"""


def add(tx: Transaction, new: Sequence[Entry]) -> frozenset[str]:
    """Store new entries in their order, and return the ids of those whose event had none yet."""
    if not new:
        return frozenset()
    earned = [one.earning for one in new]
    amounts = [one.amount for one in new]
    rows = run(
        tx,
        ADD,
        {
            "entry_ids": arrays.plain(one.entry_id for one in new),
            "partner_ids": arrays.texts(one.partner_id for one in new),
            "unit_ids": arrays.texts(one.unit_id for one in new),
            "event_kinds": arrays.texts(one.rate.event_kind for one in earned),
            "pers": arrays.plain(one.rate.per for one in earned),
            "order_ids": arrays.texts(one.order_id for one in new),
            "offer_ids": arrays.texts(one.offer_id for one in new),
            "campaign_ids": arrays.texts(one.campaign_id for one in new),
            "product_ids": arrays.texts(one.product_id for one in earned),
            "quantities": arrays.plain(one.quantity for one in earned),
            "rates_minor": arrays.plain(one.rate.amount.amount_minor for one in earned),
            "amounts_minor": arrays.plain(amount.amount_minor for amount in amounts),
            "currency_codes": arrays.plain(amount.currency_code for amount in amounts),
            "policy_ids": arrays.plain(one.policy_id for one in new),
            "states": arrays.plain(one.state for one in new),
            "accrue_dates": arrays.plain(one.accrue_date for one in new),
            "accrue_times": arrays.plain(one.accrue_time for one in new),
        },
    )
    return frozenset(entry_id for (entry_id,) in rows)


def of_order(tx: Transaction, order_id: str) -> list[Entry]:
    """Lock and return the entries of an order that still stand."""
    return _locked(tx, _entry.order_id == order_id, _entry.state != State.REVERSED)


def set_confirm_dates(tx: Transaction, days: Mapping[str, date]) -> None:
    """Say by order from which day on its entries that wait are confirmed."""
    run(
        tx,
        SET_CONFIRM_DATES,
        {"order_ids": arrays.texts(days), "confirm_dates": arrays.plain(days.values())},
    )


def confirmable(tx: Transaction, *, today: date, limit: int) -> list[Entry]:
    """Lock and return entries whose cooling-off is over, none of an order that is not delivered;
    those that somebody works on come next time."""
    query = (
        sa.select(*_READ)
        .where(_entry.state == State.ACCRUED, _entry.confirm_date <= today)
        .order_by(_entry.confirm_date, _entry.sequence)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_read(row) for row in tx.execute(query)]


def payable(tx: Transaction, partner_id: str, currency_code: str) -> list[Entry]:
    """Lock and return the confirmed entries of a partner that are not paid."""
    return _locked(
        tx,
        _entry.partner_id == partner_id,
        _entry.currency_code == currency_code,
        _entry.state == State.CONFIRMED,
    )


def taken_back(tx: Transaction, partner_id: str, currency_code: str) -> list[Entry]:
    """Lock and return the entries of a partner that were taken back after they were paid, and that
    no payment has netted yet."""
    return _locked(
        tx,
        _entry.partner_id == partner_id,
        _entry.currency_code == currency_code,
        _entry.state == State.REVERSED,
        _entry.payment_id.is_not(None),
        _entry.netted_payment_id.is_(None),
    )


def save(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Store what changed of some entries, which changed alike."""
    if not entries:
        return
    first = entries[0]
    values: dict[str, Any] = {"state": first.state}
    if first.state is State.REVERSED:
        values["reverse_date"] = first.reverse_date
    if first.state is State.PAID:
        values["payment_id"] = first.payment_id
    ids = [one.entry_id for one in entries]
    tx.execute(sa.update(commission_entry).where(_entry.entry_id.in_(ids)).values(values))


def add_payment(tx: Transaction, paid: Payment, *, netted: Sequence[Entry]) -> None:
    """Store a payment, and mark what it took off."""
    tx.execute(
        sa.insert(commission_payment).values(
            payment_id=paid.payment_id,
            partner_id=paid.partner_id,
            amount_minor=paid.amount.amount_minor,
            currency_code=paid.amount.currency_code,
            entry_count=paid.entry_count,
            pay_date=paid.pay_date,
        )
    )
    tx.execute(
        sa.update(commission_entry)
        .where(_entry.entry_id.in_([one.entry_id for one in netted]))
        .values(netted_payment_id=paid.payment_id)
    )


def page(
    tx: Transaction, part: Page, wanted: Wanted, *, units: sa.ScalarSelect[str] | None
) -> Slice[Entry]:
    """Return a page of entries, in the order in which they were earned."""
    query = sa.select(*_READ)
    if units is not None:
        query = query.where(_entry.unit_id.in_(units))
    for column, value in (
        (_entry.partner_id, wanted.partner_id),
        (_entry.campaign_id, wanted.campaign_id),
        (_entry.order_id, wanted.order_id),
        (_entry.state, wanted.state),
    ):
        if value:
            query = query.where(column == value)
    if wanted.month is not None:
        query = query.where(_within(_entry.accrue_date, wanted.month))
    rows = tx.execute(keyset(query, part, [_entry.sequence]))
    return part.slice(map(_read, rows), key=lambda one: [one.sequence])


def statement_lines(
    tx: Transaction, *, partner_id: str, month: Month, currency_code: str
) -> list[StatementLine]:
    """Sum what a partner earned and what was taken back within a month, by kind and product."""
    accrued = _within(_entry.accrue_date, month)
    reversed_ = sa.and_(_entry.reverse_date.is_not(None), _within(_entry.reverse_date, month))
    total = sa.func.coalesce(sa.func.sum(_entry.amount_minor).filter(accrued), 0)
    back = sa.func.coalesce(sa.func.sum(_entry.amount_minor).filter(reversed_), 0)
    query = (
        sa.select(
            _entry.event_kind,
            _entry.product_id,
            sa.func.count().filter(accrued).label("accrued_count"),
            total.label("accrued"),
            sa.func.count().filter(reversed_).label("reversed_count"),
            back.label("reversed"),
        )
        .where(
            _entry.partner_id == partner_id,
            _entry.currency_code == currency_code,
            sa.or_(accrued, reversed_),
        )
        .group_by(_entry.event_kind, _entry.product_id)
        .order_by(_entry.event_kind, _entry.product_id)
    )
    return [
        StatementLine(
            row.event_kind,
            row.product_id,
            row.accrued_count,
            Money(currency_code, int(row.accrued)),
            row.reversed_count,
            Money(currency_code, int(row.reversed)),
        )
        for row in tx.execute(query)
    ]


def _within(column: sa.ColumnElement[Any], month: Month) -> sa.ColumnElement[bool]:
    return sa.and_(column >= month.first_day, column < month.next().first_day)


def _locked(tx: Transaction, *conditions: sa.ColumnElement[bool]) -> list[Entry]:
    query = sa.select(*_READ).where(*conditions).order_by(_entry.sequence).with_for_update()
    return [_read(row) for row in tx.execute(query)]


def _read(row: Any) -> Entry:
    rate = Rate(row.event_kind, Per(row.per), Money(row.currency_code, row.rate_minor))
    return Entry(
        entry_id=row.entry_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        order_id=row.order_id,
        offer_id=row.offer_id,
        campaign_id=row.campaign_id,
        earning=Earning(rate, row.product_id, row.quantity),
        policy_id=row.policy_id,
        accrue_date=row.accrue_date,
        accrue_time=row.accrue_time,
        confirm_date=row.confirm_date,
        state=State(row.state),
        reverse_date=row.reverse_date,
        payment_id=row.payment_id,
        sequence=row.sequence,
    )
