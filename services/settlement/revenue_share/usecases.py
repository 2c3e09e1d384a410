"""What is done with schemes of revenue share: they go through their steps, admit, and are read.

A scheme's row is locked before its process, its distributions (`distributing`) and the ledger.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Final, Unpack

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import CurrencyMismatch, Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.policy import usecases as policy
from chassis.process import usecases as process
from chassis.process.definition import Definition
from chassis.scope import Caller
from settlement.revenue_share import storage
from settlement.revenue_share.domain import (
    PROCESS,
    CapitalEntry,
    CapitalTable,
    Pool,
    Scheme,
    Statement,
    Terms,
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
    one = own(tx, scheme_id, by=by)
    one = _done(tx, one, 1, by=by, at=at, rpc="ReviseShareScheme")
    return _saved(tx, one.revise(title, steering_group, _terms(tx, one.unit_id, on=today)))


def discuss(
    tx: Transaction, *, scheme_id: str, agreed: bool, comment: str, by: Caller, at: datetime
) -> Outcome[Scheme]:
    """End the discussion.

    Errors: those of `_own` and `_done`.
    """
    one = own(tx, scheme_id, by=by)
    answer = "agreed" if agreed else "revise"
    rpc = "DiscussShareScheme"
    return _saved(tx, _done(tx, one, 2, by=by, at=at, rpc=rpc, answer=answer, note=comment))


def start_trial(tx: Transaction, *, scheme_id: str, by: Caller, at: datetime) -> Outcome[Scheme]:
    """Begin the trial.

    Errors: those of `_own` and `_done`.
    """
    one = own(tx, scheme_id, by=by)
    return _saved(tx, _done(tx, one, 3, by=by, at=at, rpc="StartShareTrial"))


def review_trial(
    tx: Transaction, *, scheme_id: str, effective: bool, comment: str, by: Caller, at: datetime
) -> Outcome[Scheme]:
    """End the trial.

    Errors: those of `_own` and `_done`.
    """
    one = own(tx, scheme_id, by=by)
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
    one = own(tx, scheme_id, by=by)
    one.admit(entry.participant_id, score)
    require_currency(one, entry.capital)
    known = storage.table_on(tx, scheme_id) or CapitalTable(
        scheme_id, 0, effective_date, (), by.subject, at
    )
    table = known.following(entry, effective_date=effective_date, by=by.subject, at=at)
    storage.add_table(tx, table)
    return Outcome(table)


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


def statement(tx: Transaction, *, scheme_id: str, participant_id: str, by: Caller) -> Statement:
    """Sum what a participant got from a scheme.

    Errors: ShareSchemeNotFound, OutOfScope.
    """
    one = get_scheme(tx, scheme_id=scheme_id, by=by)
    lines = storage.statement_lines(tx, scheme_id=scheme_id, participant_id=participant_id)
    return Statement(scheme_id, participant_id, one.currency_code, tuple(lines))


def own(tx: Transaction, scheme_id: str, *, by: Caller) -> Scheme:
    """Lock a scheme of the caller's part of the organisation.

    Errors: ShareSchemeNotFound, OutOfScope.
    """
    found = storage.get_scheme(tx, scheme_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _done(
    tx: Transaction, one: Scheme, step: int, *, rpc: str, **how: Unpack[process.Doing]
) -> Scheme:
    completed = process.complete(tx, one.process_id, step=step, rpc=f"{SERVICE}/{rpc}", **how)
    return replace(one, state=SchemeState(completed.state))


def _saved(tx: Transaction, one: Scheme) -> Outcome[Scheme]:
    storage.save_scheme(tx, one)
    return Outcome(one)


def _terms(tx: Transaction, unit_id: str, *, on: date) -> Terms:
    found = policy.in_force(tx, kind=POLICY, scopes=[f"unit:{unit_id}", ""], on=on)
    weights = {pool: found.parameters.decimal(f"{pool.lower()}_weight") for pool in Pool}
    return Terms(found.policy_id, weights, found.parameters.decimal("admission_score"))


def require_currency(one: Scheme, amount: Money) -> None:
    """Refuse an amount in another currency than the scheme's.

    Errors: CurrencyMismatch.
    """
    if amount.currency_code != one.currency_code:
        raise CurrencyMismatch(one.currency_code, amount.currency_code)
