"""What is done with revenue share: a scheme goes through its steps, admits, distributes.

A scheme's row is locked before its process, its distributions and the ledger.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.ids import derived_id, new_id
from chassis.money import CurrencyMismatch, Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.policy import usecases as policy
from chassis.process import usecases as process
from chassis.process.definition import Definition
from chassis.scope import Caller
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, unit_account
from settlement.revenue_share import storage
from settlement.revenue_share.domain import (
    PROCESS,
    CapitalEntry,
    CapitalTable,
    Distribution,
    Pool,
    Result,
    RevenueShared,
    Scheme,
    Statement,
    Terms,
    share,
)
from settlement.revenue_share.errors import CapitalMissing
from settlement.revenue_share.states import SchemeState

SERVICE: Final = "mantle.settlement.v1.RevenueShareService"
POLICY: Final = "revenue_share"


def draft(
    tx: Transaction,
    definition: Definition,
    *,
    unit_id: str,
    title: str,
    steering_group: Sequence[str],
    currency_code: str,
    zone: tzinfo,
    by: Caller,
    at: datetime,
) -> Outcome[Scheme]:
    """Draft a scheme and begin its process.

    Errors: StepRoleForbids, PolicyNotFound, OutOfScope.
    Source: R-132.
    """
    scope.require(tx, by, unit_id)
    scheme_id = new_id()
    begun = process.start(
        tx,
        definition,
        subject_kind=PROCESS,
        subject_id=scheme_id,
        unit_id=unit_id,
        zone=zone,
        by=by,
        at=at,
    )
    new = Scheme(
        scheme_id=scheme_id,
        unit_id=unit_id,
        title=title,
        steering_group=tuple(steering_group),
        state=SchemeState(begun.state),
        process_id=begun.process_id,
        currency_code=currency_code,
        terms=_terms(tx, unit_id, on=at.astimezone(zone).date()),
        created_by=by.subject,
        create_time=at,
    )
    new = _done(tx, new, 1, by=by, at=at, rpc="DraftShareScheme")
    storage.add_scheme(tx, new)
    return Outcome(new)


def revise(
    tx: Transaction,
    *,
    scheme_id: str,
    title: str,
    steering_group: Sequence[str],
    today: date,
    by: Caller,
    at: datetime,
) -> Outcome[Scheme]:
    """Revise a draft that was sent back.

    Errors: those of `_own` and `_done`, PolicyNotFound.
    """
    one = _own(tx, scheme_id, by=by)
    one = _done(tx, one, 1, by=by, at=at, rpc="ReviseShareScheme")
    return _saved(tx, one.revise(title, steering_group, _terms(tx, one.unit_id, on=today)))


def discuss(
    tx: Transaction, *, scheme_id: str, agreed: bool, comment: str, by: Caller, at: datetime
) -> Outcome[Scheme]:
    """End the discussion.

    Errors: those of `_own` and `_done`.
    """
    one = _own(tx, scheme_id, by=by)
    answer = "agreed" if agreed else "revise"
    rpc = "DiscussShareScheme"
    return _saved(tx, _done(tx, one, 2, by=by, at=at, rpc=rpc, answer=answer, note=comment))


def start_trial(tx: Transaction, *, scheme_id: str, by: Caller, at: datetime) -> Outcome[Scheme]:
    """Begin the trial.

    Errors: those of `_own` and `_done`.
    """
    one = _own(tx, scheme_id, by=by)
    return _saved(tx, _done(tx, one, 3, by=by, at=at, rpc="StartShareTrial"))


def review_trial(
    tx: Transaction, *, scheme_id: str, effective: bool, comment: str, by: Caller, at: datetime
) -> Outcome[Scheme]:
    """End the trial.

    Errors: those of `_own` and `_done`.
    """
    one = _own(tx, scheme_id, by=by)
    answer = "effective" if effective else "revise"
    rpc = "ReviewShareTrial"
    return _saved(tx, _done(tx, one, 4, by=by, at=at, rpc=rpc, answer=answer, note=comment))


def admit(
    tx: Transaction,
    *,
    scheme_id: str,
    entry: CapitalEntry,
    score: Decimal,
    effective_date: date,
    by: Caller,
    at: datetime,
) -> Outcome[CapitalTable]:
    """Admit a participant who reaches the target standard, by a new version of the table.

    Errors: ShareSchemeNotFound, AdmissionTargetMissed, ShareParticipantExists, CapitalDatePassed,
        CurrencyMismatch, OutOfScope.
    Source: R-127, R-128.
    """
    one = _own(tx, scheme_id, by=by)
    one.admit(entry.participant_id, score)
    _require_currency(one, entry.capital)
    known = storage.table_on(tx, scheme_id) or CapitalTable(
        scheme_id, 0, effective_date, (), by.subject, at
    )
    table = known.following(entry, effective_date=effective_date, by=by.subject, at=at)
    storage.add_table(tx, table)
    return Outcome(table)


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
    one = _own(tx, scheme_id, by=by)
    one.require_month(month, today=today)
    _require_currency(one, income)
    _require_currency(one, cost)
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


def get_scheme(tx: Transaction, *, scheme_id: str, by: Caller) -> Scheme:
    """Return a scheme.

    Errors: ShareSchemeNotFound, OutOfScope.
    """
    found = storage.get_scheme(tx, scheme_id)
    scope.require(tx, by, found.unit_id)
    return found


def list_schemes(tx: Transaction, part: Page, *, unit_id: str, by: Caller) -> Slice[Scheme]:
    """Return a page of the schemes in the caller's scope, in the order in which they were
    drafted."""
    return storage.schemes(tx, part, unit_id=unit_id, units=scope.units_of(by))


def capital_table(
    tx: Transaction, *, scheme_id: str, as_of: date | None, today: date, by: Caller
) -> CapitalTable:
    """Return the newest version of a capital table, or that of a day.

    Errors: ShareSchemeNotFound, CapitalMissing, OutOfScope.
    """
    get_scheme(tx, scheme_id=scheme_id, by=by)
    found = storage.table_on(tx, scheme_id, day=as_of)
    if found is None:
        raise CapitalMissing(scheme_id, as_of or today)
    return found


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
    get_scheme(tx, scheme_id=scheme_id, by=by)
    return storage.distributions(tx, part, scheme_id=scheme_id)


def statement(tx: Transaction, *, scheme_id: str, participant_id: str, by: Caller) -> Statement:
    """Sum what a participant got from a scheme.

    Errors: ShareSchemeNotFound, OutOfScope.
    """
    one = get_scheme(tx, scheme_id=scheme_id, by=by)
    lines = storage.statement_lines(tx, scheme_id=scheme_id, participant_id=participant_id)
    return Statement(scheme_id, participant_id, one.currency_code, tuple(lines))


def _own(tx: Transaction, scheme_id: str, *, by: Caller) -> Scheme:
    found = storage.get_scheme(tx, scheme_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _own_distribution(tx: Transaction, distribution_id: str, *, by: Caller) -> Distribution:
    found = storage.get_distribution(tx, distribution_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _done(
    tx: Transaction,
    one: Scheme,
    step: int,
    *,
    by: Caller,
    at: datetime,
    rpc: str,
    answer: str | None = None,
    note: str = "",
) -> Scheme:
    completed = process.complete(
        tx,
        one.process_id,
        step=step,
        by=by,
        at=at,
        rpc=f"{SERVICE}/{rpc}",
        answer=answer,
        note=note,
    )
    return replace(one, state=SchemeState(completed.state))


def _saved(tx: Transaction, one: Scheme) -> Outcome[Scheme]:
    storage.save_scheme(tx, one)
    return Outcome(one)


def _terms(tx: Transaction, unit_id: str, *, on: date) -> Terms:
    found = policy.in_force(tx, kind=POLICY, scopes=[f"unit:{unit_id}", ""], on=on)
    weights = {pool: found.parameters.decimal(f"{pool.lower()}_weight") for pool in Pool}
    return Terms(found.policy_id, weights, found.parameters.decimal("admission_score"))


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


def _require_currency(one: Scheme, amount: Money) -> None:
    if amount.currency_code != one.currency_code:
        raise CurrencyMismatch(one.currency_code, amount.currency_code)
