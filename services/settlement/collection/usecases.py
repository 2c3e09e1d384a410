"""What is done to get money in: look at ages, remind, block, and compare with targets."""

from dataclasses import replace
from datetime import date, datetime
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month, PeriodInvalid
from chassis.policy import usecases as policy
from chassis.policy.book import PolicyBook
from chassis.policy.domain import PolicyNotFound
from chassis.scope import Caller
from settlement.bill import usecases as bills
from settlement.collection import storage
from settlement.collection.domain import (
    MONTHS_MAX,
    NO_INVOICE,
    Ageing,
    Bucket,
    DunningLevelReached,
    DunningRules,
    Exposure,
    Notice,
    OverdueInvoice,
    Statistics,
    Target,
    statistics,
)
from settlement.credit import usecases as limits
from settlement.receivable import due, overdue

KIND: Final = "dunning"
NOTICES_MAX: Final = 500


def watch_overdue(tx: Transaction, *, book: PolicyBook, today: date) -> Outcome[bool]:
    """Block and release partners by what is overdue, with the grace of their terms of payment.

    Shape: true when there is more to do at once.
    Source: R-085.
    """
    terms = book.all_in_force(tx, kind=limits.PAYMENT_TERMS, on=today)
    graces = {one.scope: limits.grace_of(one.parameters) for one in terms}
    return overdue.watch(tx, today=today, graces=graces)


def remind(tx: Transaction, *, book: PolicyBook, today: date) -> Outcome[bool]:
    """Remind of invoices that have been overdue long enough for their next dunning level.

    Shape: true when there is more to do at once; nothing happens while no policy says when.
    """
    try:
        found = book.in_force(tx, kind=KIND, scopes=[""], on=today)
    except PolicyNotFound:
        return Outcome(False)
    rules = DunningRules.read(found.parameters)
    late = due.raise_levels(tx, after_days=rules.after_days, today=today, count_max=NOTICES_MAX)
    if not late:
        return Outcome(False)
    notices = [
        Notice(
            notice_id=new_id(),
            invoice_id=one.invoice_id,
            order_id=one.order_id,
            partner_id=one.partner_id,
            unit_id=one.unit_id,
            level=one.dunning_level,
            overdue_days=one.overdue_days,
            open_amount=one.open_amount,
            notice_date=today,
        )
        for one in late
    ]
    storage.add_notices(tx, notices)
    return Outcome(len(late) == NOTICES_MAX, facts=[DunningLevelReached(one) for one in notices])


def list_ageings(
    tx: Transaction, part: Page, *, partner_id: str, by: Caller, today: date
) -> Slice[Ageing]:
    """Return a page of what partners in the caller's scope have open by age, by partner.

    Errors: PolicyNotFound.
    Source: R-134.
    """
    rules = _rules(tx, today)
    found = due.ageing_page(
        tx,
        part,
        partner_id=partner_id,
        ends=rules.bucket_ends,
        today=today,
        units=scope.units_of(by),
    )
    items = tuple(
        Ageing(
            one.partner_id,
            one.unit_id,
            one.overdue_days,
            tuple(map(Bucket, rules.labels, one.amounts)),
        )
        for one in found.items
    )
    return Slice(items, found.next_page_token)


def list_overdue(
    tx: Transaction, part: Page, *, partner_id: str, by: Caller, today: date
) -> Slice[OverdueInvoice]:
    """Return a page of the invoices in the caller's scope that were not paid in time, by due day.

    Errors: PolicyNotFound.
    Source: R-134.
    """
    rules = _rules(tx, today)
    found = due.overdue_page(tx, part, partner_id=partner_id, today=today, units=scope.units_of(by))
    items = tuple(
        OverdueInvoice(
            invoice_id=one.invoice_id,
            order_id=one.order_id,
            partner_id=one.partner_id,
            due_date=one.due_date,
            overdue_days=one.overdue_days,
            bucket=rules.bucket_of(one.overdue_days),
            open_amount=one.open_amount,
            dunning_level=one.dunning_level,
        )
        for one in found.items
    )
    return Slice(items, found.next_page_token)


def list_notices(tx: Transaction, part: Page, *, partner_id: str, by: Caller) -> Slice[Notice]:
    """Return a page of the reminders in the caller's scope, in the order in which they were
    made."""
    return storage.notices(tx, part, partner_id=partner_id, units=scope.units_of(by))


def exposure(
    tx: Transaction, *, partner_id: str, by: Caller, at: datetime, today: date
) -> Exposure:
    """Return what uses a partner's credit up, by bucket, from the ledger.

    Shape: what the ledger has beyond the open invoices is a bucket of its own, so that all of them
        sum to the receivable.
    Errors: CreditAccountNotFound, PolicyNotFound, OutOfScope.
    """
    position = limits.get(tx, partner_id=partner_id, by=by, at=at)
    currency_code = position.account.limit.currency_code
    rules = _rules(tx, today)
    aged = due.open_by_age(
        tx,
        partner_id=partner_id,
        currency_code=currency_code,
        ends=rules.bucket_ends,
        today=today,
    )
    invoiced = sum(aged, start=Money.zero(currency_code))
    return Exposure(
        partner_id=partner_id,
        limit=position.account.limit,
        receivable=position.receivable,
        open_orders=position.reserved,
        advance=position.advance,
        pending_bills=bills.pending(tx, partner_id=partner_id, currency_code=currency_code),
        buckets=(
            *map(Bucket, rules.labels, aged),
            Bucket(NO_INVOICE, position.receivable - invoiced),
        ),
    )


def set_target(tx: Transaction, *, target: Target, by: Caller, at: datetime) -> Outcome[Target]:
    """Say what a unit is to collect within a month.

    Errors: OutOfScope.
    Source: R-135.
    """
    scope.require(tx, by, target.unit_id)
    storage.save_target(tx, target, by=by.actor, at=at)
    return Outcome(target)


def collected(
    tx: Transaction, *, unit_id: str, start: Month, end: Month, currency_code: str, by: Caller
) -> Statistics:
    """Return what a unit and all below it collected, month by month, against the unit's targets.

    Errors: PeriodInvalid, OutOfScope.
    Source: R-135.
    """
    scope.require(tx, by, unit_id)
    count = start.months_until(end) + 1
    if not 1 <= count <= MONTHS_MAX:
        raise PeriodInvalid(f"is not 1 to {MONTHS_MAX} months", f"{start}..{end}")
    months = start.span(count)
    units = scope.units_of(replace(by, unit_id=unit_id, roles=frozenset()))
    assert units is not None
    received = due.received(
        tx,
        units=units,
        currency_code=currency_code,
        start=start.first_day,
        end=end.next().first_day,
    )
    targets = storage.targets(tx, unit_id, months=months, currency_code=currency_code)
    return statistics(months, targets, received, currency_code=currency_code)


def _rules(tx: Transaction, today: date) -> DunningRules:
    found = policy.in_force(tx, kind=KIND, scopes=[""], on=today)
    return DunningRules.read(found.parameters)
