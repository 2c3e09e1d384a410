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
from settlement.commission.cash import Promise
from settlement.commission.domain import PAYABLE, Entry, Payment, State, Wanted
from settlement.commission.earning import Basis, Earning, Per, Rate, Returned

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
    sa.Column("occasion", sa.Text, nullable=False),
    sa.Column("share", sa.Text, nullable=False),
    sa.Column("basis", sa.Text, nullable=False),
    sa.Column("base_minor", sa.BigInteger, nullable=False),
    sa.Column("base_quantity", sa.BigInteger, nullable=False),
    sa.Column("returned_minor", sa.BigInteger, nullable=False),
    sa.Column("returned_quantity", sa.BigInteger, nullable=False),
    sa.Column("reversed_minor", sa.BigInteger, nullable=False),
    sa.Column("statement_id", sa.Uuid(as_uuid=False)),
    sa.UniqueConstraint("order_id", "event_kind", "product_id", "occasion"),
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


# Written out once: building a statement costs more than running it.
ADD = """
INSERT INTO commission_entry (entry_id, partner_id, unit_id, event_kind, per, order_id, offer_id,
  campaign_id, product_id, quantity, rate_minor, amount_minor, currency_code, policy_id, state,
  accrue_date, accrue_time, confirm_date, occasion, share, basis, base_minor, base_quantity,
  returned_minor, returned_quantity, reversed_minor)
SELECT * FROM unnest(%(entry_ids)s::uuid[], %(partner_ids)s::text[], %(unit_ids)s::text[],
  %(event_kinds)s::text[], %(pers)s::text[], %(order_ids)s::text[], %(offer_ids)s::text[],
  %(campaign_ids)s::text[], %(product_ids)s::text[], %(quantities)s::bigint[],
  %(rates_minor)s::bigint[], %(amounts_minor)s::bigint[], %(currency_codes)s::text[],
  %(policy_ids)s::uuid[], %(states)s::text[], %(accrue_dates)s::date[],
  %(accrue_times)s::timestamptz[], %(confirm_dates)s::date[], %(occasions)s::text[],
  %(shares)s::text[], %(bases)s::text[], %(bases_minor)s::bigint[], %(base_quantities)s::bigint[],
  %(returned_minor)s::bigint[], %(returned_quantities)s::bigint[], %(reversed_minor)s::bigint[])
ON CONFLICT DO NOTHING
RETURNING entry_id::text
"""
SET_CONFIRM_DATES = """
UPDATE commission_entry AS e SET confirm_date = delivered.confirm_date
FROM unnest(%(order_ids)s::text[], %(confirm_dates)s::date[]) AS delivered (order_id, confirm_date)
WHERE e.order_id = delivered.order_id AND e.state = 'ACCRUED'
"""
# One array, because a partner may have more entries than a statement takes parameters.
SAVE = """
UPDATE commission_entry
SET state = %(state)s, payment_id = coalesce(%(payment_id)s::uuid, payment_id)
WHERE entry_id = ANY(%(entry_ids)s::uuid[])
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
            "confirm_dates": arrays.plain(one.confirm_date for one in new),
            "occasions": arrays.texts(one.occasion for one in new),
            "shares": arrays.texts(one.rate.share for one in earned),
            "bases": arrays.plain(one.rate.basis for one in earned),
            "bases_minor": arrays.plain(one.base_minor for one in earned),
            "base_quantities": arrays.plain(one.base_quantity for one in earned),
            "returned_minor": arrays.plain(one.returned.amount_minor for one in new),
            "returned_quantities": arrays.plain(one.returned.quantity for one in new),
            "reversed_minor": arrays.plain(one.reversed_minor for one in new),
        },
    )
    return frozenset(entry_id for (entry_id,) in rows)


def of_order(tx: Transaction, order_id: str) -> list[Entry]:
    """Lock and return the entries of an order that still stand.

    Shape: read again once they are locked, because a split that was waited for has left new rows
        in the place of the old one, and a statement sees the moment at which it began.
    """
    own = _entry.order_id == order_id, _entry.state != State.REVERSED
    _locked(tx, *own)
    return _locked(tx, *own)


def of_promise(tx: Transaction, one: Promise) -> list[Entry]:
    """Lock and return what a promise earned and still stands, the oldest first."""
    return _locked(
        tx,
        _entry.order_id == one.order_id,
        _entry.event_kind == one.earning.rate.event_kind,
        _entry.product_id == one.earning.product_id,
        _entry.basis == Basis.CASH,
        _entry.state != State.REVERSED,
    )


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
        sa.select(*_entry)
        .where(_entry.state == State.ACCRUED, _entry.confirm_date <= today)
        .order_by(_entry.confirm_date, _entry.sequence)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return [_read(row) for row in tx.execute(query)]


def payable(tx: Transaction, partner_id: str, currency_code: str) -> list[Entry]:
    """Lock and return the entries of a partner that are confirmed or stated, and not paid."""
    return _locked(
        tx,
        _entry.partner_id == partner_id,
        _entry.currency_code == currency_code,
        _entry.state.in_(PAYABLE),
    )


def get(tx: Transaction, entry_id: str) -> Entry | None:
    """Lock and return an entry, if there is one."""
    return next(iter(_locked(tx, _entry.entry_id == entry_id)), None)


def save(tx: Transaction, entries: Sequence[Entry]) -> None:
    """Store the state of some entries, which changed alike."""
    if not entries:
        return
    run(
        tx,
        SAVE,
        {
            "entry_ids": arrays.plain(one.entry_id for one in entries),
            "state": entries[0].state,
            "payment_id": entries[0].payment_id,
        },
    )


def add_payment(tx: Transaction, paid: Payment) -> None:
    """Store a payment."""
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


def page(
    tx: Transaction, part: Page, wanted: Wanted, *, units: sa.ScalarSelect[str] | None
) -> Slice[Entry]:
    """Return a page of entries, in the order in which they were earned."""
    query = sa.select(*_entry)
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
        query = query.where(within(_entry.accrue_date, wanted.month))
    rows = tx.execute(keyset(query, part, [_entry.sequence]))
    return part.slice(map(_read, rows), key=lambda one: [one.sequence])


def within(column: sa.ColumnElement[Any], month: Month) -> sa.ColumnElement[bool]:
    """Ask for the days of a month."""
    return sa.and_(column >= month.first_day, column < month.next().first_day)


def _locked(tx: Transaction, *conditions: sa.ColumnElement[bool]) -> list[Entry]:
    query = sa.select(*_entry).where(*conditions).order_by(_entry.sequence).with_for_update()
    return [_read(row) for row in tx.execute(query)]


def _read(row: Any) -> Entry:
    amount = Money(row.currency_code, row.rate_minor)
    rate = Rate(row.event_kind, Per(row.per), amount, row.share, Basis(row.basis))
    return Entry(
        entry_id=row.entry_id,
        partner_id=row.partner_id,
        unit_id=row.unit_id,
        order_id=row.order_id,
        offer_id=row.offer_id,
        campaign_id=row.campaign_id,
        earning=Earning(rate, row.product_id, row.quantity, row.base_minor, row.base_quantity),
        policy_id=row.policy_id,
        accrue_date=row.accrue_date,
        accrue_time=row.accrue_time,
        confirm_date=row.confirm_date,
        state=State(row.state),
        reverse_date=row.reverse_date,
        payment_id=row.payment_id,
        sequence=row.sequence,
        occasion=row.occasion,
        returned=Returned(row.returned_quantity, row.returned_minor),
        reversed_minor=row.reversed_minor,
        statement_id=row.statement_id,
    )
