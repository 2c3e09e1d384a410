"""How a scheme distributes: a month's net income is calculated, approved or rejected, and paid."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal

from chassis import scope
from chassis.database import Transaction
from chassis.ids import derived_id, new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.scope import Caller
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, unit_account
from settlement.revenue_share import storage, usecases
from settlement.revenue_share.domain import (
    CapitalTable,
    Distribution,
    Result,
    RevenueShared,
    share,
)
from settlement.revenue_share.errors import CapitalMissing


def calculate(
    tx: Transaction,
    *,
    scheme_id: str,
    month: Month,
    income: Money,
    cost: Money,
    scores: Mapping[str, Decimal],
    by: Caller,
    at: datetime,
    today: date,
) -> Outcome[Distribution]:
    """Calculate how a month's net income is shared; a loss is carried to the next one.

    Errors: ShareSchemeNotFound, ShareSchemeStateForbids, DistributionMonthNotOver,
        DistributionExists, DistributionOutOfOrder, CapitalMissing, CurrencyMismatch, OutOfScope.
    Source: R-126, R-128 … R-132.
    """
    one = usecases.own(tx, scheme_id, by=by)
    one.require_month(month, today=today)
    usecases.require_currency(one, income)
    usecases.require_currency(one, cost)
    table = _table(tx, scheme_id, month.next().first_day - timedelta(days=1))
    result = Result(income.amount_minor, cost.amount_minor, one.loss_minor)
    made = Distribution(
        distribution_id=new_id(),
        scheme_id=scheme_id,
        unit_id=one.unit_id,
        month=month,
        currency_code=one.currency_code,
        result=result,
        capital_version=table.version,
        lines=share(
            Money(one.currency_code, result.distributable_minor),
            one.terms,
            unit_id=one.unit_id,
            capital=table.entries,
            scores=scores,
        ),
        calculated_by=by.subject,
        create_time=at,
    )
    storage.add_distribution(tx, made)
    storage.save_scheme(tx, replace(one, loss_minor=result.loss_after_minor, last_month=month))
    return Outcome(made)


def approve(
    tx: Transaction, *, distribution_id: str, by: Caller, at: datetime, today: date
) -> Outcome[Distribution]:
    """Approve a distribution and owe the participants what they get.

    Errors: DistributionNotFound, DistributionStateForbids, DistributionNeedsAnotherPerson,
        OutOfScope.
    """
    one = _own_distribution(tx, distribution_id, by=by).approve(by=by.subject, on=today)
    storage.save_distribution(tx, one)
    expense = unit_account(AccountCode.REVENUE_SHARE_EXPENSE, one.unit_id, one.currency_code)
    reason = Reason("revenue_shared", "share_distribution", distribution_id, today, at)
    owed = _owed(one)
    moves = [
        Move(derived_id(distribution_id, "share", place), expense, ref, amount, reason)
        for place, (ref, amount) in enumerate(owed, 1)
    ]
    ledger.post(tx, moves)
    return Outcome(one, facts=[RevenueShared(one)] if moves else [])


def reject(
    tx: Transaction, *, distribution_id: str, why: str, by: Caller, today: date
) -> Outcome[Distribution]:
    """Reject a distribution, so that its month may be calculated anew, with the loss that was
    carried to it.

    Errors: DistributionNotFound, DistributionStateForbids, DistributionOutOfOrder, OutOfScope.
    """
    found = get_distribution(tx, distribution_id=distribution_id, by=by)
    scheme = usecases.own(tx, found.scheme_id, by=by)
    one = _own_distribution(tx, distribution_id, by=by).reject(why=why, by=by.subject, on=today)
    storage.save_distribution(tx, one)
    before = storage.last_month(tx, scheme.scheme_id)
    storage.save_scheme(tx, scheme.take_back(one, before=before))
    return Outcome(one)


def pay(
    tx: Transaction, *, distribution_id: str, by: Caller, at: datetime, today: date
) -> Outcome[Distribution]:
    """Pay a distribution out.

    Errors: DistributionNotFound, DistributionStateForbids, OutOfScope.
    """
    one = _own_distribution(tx, distribution_id, by=by).pay(on=today)
    storage.save_distribution(tx, one)
    cash = unit_account(AccountCode.CASH, one.unit_id, one.currency_code)
    reason = Reason("revenue_share_paid", "share_distribution", distribution_id, today, at)
    moves = [
        Move(derived_id(distribution_id, "pay", place), ref, cash, amount, reason)
        for place, (ref, amount) in enumerate(_owed(one), 1)
    ]
    ledger.post(tx, moves)
    return Outcome(one)


def get_distribution(tx: Transaction, *, distribution_id: str, by: Caller) -> Distribution:
    """Return a distribution.

    Errors: DistributionNotFound, OutOfScope.
    """
    found = storage.get_distribution(tx, distribution_id)
    scope.require(tx, by, found.unit_id)
    return found


def list_distributions(
    tx: Transaction, part: Page, *, scheme_id: str, by: Caller
) -> Slice[Distribution]:
    """Return a page of the distributions of a scheme, the earliest month first.

    Errors: ShareSchemeNotFound, OutOfScope.
    """
    usecases.get_scheme(tx, scheme_id=scheme_id, by=by)
    return storage.distributions(tx, part, scheme_id=scheme_id)


def _own_distribution(tx: Transaction, distribution_id: str, *, by: Caller) -> Distribution:
    found = storage.get_distribution(tx, distribution_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _table(tx: Transaction, scheme_id: str, day: date) -> CapitalTable:
    found = storage.table_on(tx, scheme_id, day=day)
    if found is None:
        raise CapitalMissing(scheme_id, day)
    return found


def _owed(one: Distribution) -> list[tuple[AccountRef, Money]]:
    code = AccountCode.REVENUE_SHARE_PAYABLE
    return [
        (AccountRef(code, line.participant_id, one.unit_id, one.currency_code), line.amount)
        for line in one.lines
        if line.amount.amount_minor
    ]
