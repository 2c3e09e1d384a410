"""What is done with awards and penalties: propose, approve, book, state; and people are ranked.

An award is locked before the ledger. Nothing is booked that another person did not approve.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, tzinfo
from decimal import Decimal
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.ids import derived_id, new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month, local_date
from chassis.policy import usecases as policy
from chassis.scope import Caller
from settlement.award import storage
from settlement.award.domain import (
    Award,
    AwardBooked,
    AwardStatement,
    Beneficiary,
    BeneficiaryKind,
    Granted,
    Incentive,
    Kind,
    Ranking,
    RankingExists,
    State,
    places,
)
from settlement.credit import usecases as credit
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef, Move, Reason, unit_account

INCENTIVE: Final = "incentive"
CHANNELS: Final = "channels"


def propose(
    tx: Transaction,
    *,
    kind: Kind,
    beneficiary: Beneficiary,
    unit_id: str,
    base: Money,
    reason: str,
    award_date: date,
    incentive: bool,
    by: Caller,
    at: datetime,
) -> Outcome[Award]:
    """Propose an award or a penalty; a bonus is worth more in a model region.

    Errors: CreditAccountNotFound, PolicyNotFound, OutOfScope.
    Source: R-121, R-123.
    """
    scope.require(tx, by, unit_id)
    if beneficiary.kind is BeneficiaryKind.PARTNER:
        credit.require(tx, partner_id=beneficiary.beneficiary_id, by=by)
    factor = Decimal(1)
    if incentive:
        path = storage.path_of(tx, unit_id)
        factor = _incentive(tx, path, on=award_date).factor(path)
    new = Award(
        award_id=new_id(),
        kind=kind,
        beneficiary=beneficiary,
        unit_id=unit_id,
        base=base,
        factor=factor,
        reason=reason,
        award_date=award_date,
        proposed_by=by.subject,
        create_time=at,
    )
    storage.add(tx, [new])
    return Outcome(new)


def approve(tx: Transaction, *, award_id: str, by: Caller, at: datetime) -> Outcome[Award]:
    """Approve an award as another person.

    Errors: AwardNotFound, AwardStateForbids, AwardNeedsAnotherPerson, OutOfScope.
    """
    approved = _own(tx, award_id, by=by).approve(by=by.subject, at=at)
    storage.save(tx, approved)
    return Outcome(approved)


def book(
    tx: Transaction, *, award_id: str, by: Caller, at: datetime, today: date
) -> Outcome[Award]:
    """Post an award to the ledger.

    Errors: AwardNotFound, AwardStateForbids, OutOfScope.
    Source: R-123.
    """
    booked = _own(tx, award_id, by=by).book(by=by.subject, at=at)
    storage.save(tx, booked)
    ledger.post(tx, [_move(booked, on=today, at=at)])
    return Outcome(booked, facts=[AwardBooked(booked, today)])


def book_granted(
    tx: Transaction, granted: Sequence[Granted], *, zone: tzinfo
) -> list[Outcome[None]]:
    """Book awards that channels granted, and penalties that it imposed, each once.

    Source: R-078.
    """
    new = [_granted(one, local_date(one.at, zone)) for one in granted]
    stored = storage.add(tx, new)
    kept = {one.award_id: one for one in new if one.award_id in stored}
    ledger.post(tx, [_move(one, on=one.award_date, at=one.create_time) for one in kept.values()])
    return [
        Outcome(None, facts=[AwardBooked(own, own.award_date)])
        if (own := kept.pop(one.award_id, None))
        else Outcome(None)
        for one in granted
    ]


def get(tx: Transaction, *, award_id: str, by: Caller) -> Award:
    """Return an award.

    Errors: AwardNotFound, OutOfScope.
    """
    found = storage.get(tx, award_id)
    scope.require(tx, by, found.unit_id)
    return found


def listing(
    tx: Transaction,
    part: Page,
    *,
    beneficiary_id: str,
    state: State | None,
    month: Month | None,
    by: Caller,
) -> Slice[Award]:
    """Return a page of the awards in the caller's scope, in the order in which they were
    proposed."""
    return storage.page(
        tx,
        part,
        beneficiary_id=beneficiary_id,
        state=state,
        month=month,
        units=scope.units_of(by),
    )


def statement(
    tx: Transaction, *, beneficiary: Beneficiary, month: Month, by: Caller
) -> AwardStatement:
    """Sum what was booked for somebody within a month, as far as the caller may see it.

    Source: R-123.
    """
    found = storage.booked(tx, beneficiary, month, units=scope.units_of(by))
    return AwardStatement(beneficiary, month, tuple(found))


def rank(
    tx: Transaction,
    *,
    unit_id: str,
    month: Month,
    scores: Mapping[str, Decimal],
    by: Caller,
    at: datetime,
) -> Outcome[Ranking]:
    """Rank people of a unit for a month, once.

    Errors: RankingExists, PolicyNotFound, OutOfScope.
    Source: R-122.
    """
    scope.require(tx, by, unit_id)
    rules = _incentive(tx, storage.path_of(tx, unit_id), on=month.first_day)
    made = Ranking(
        ranking_id=new_id(),
        unit_id=unit_id,
        month=month,
        places=places(scores, review_percent=rules.review_percent),
        review_percent=rules.review_percent,
        policy_id=rules.policy_id,
        created_by=by.subject,
        create_time=at,
    )
    if not storage.add_ranking(tx, made):
        raise RankingExists(unit_id, month)
    return Outcome(made)


def list_rankings(
    tx: Transaction, part: Page, *, unit_id: str, month: Month | None, by: Caller
) -> Slice[Ranking]:
    """Return a page of the rankings in the caller's scope, in the order in which they were made."""
    return storage.rankings(tx, part, unit_id=unit_id, month=month, units=scope.units_of(by))


def _own(tx: Transaction, award_id: str, *, by: Caller) -> Award:
    found = storage.get(tx, award_id, lock=True)
    scope.require(tx, by, found.unit_id)
    return found


def _incentive(tx: Transaction, path: Sequence[str], *, on: date) -> Incentive:
    """Read the rules of the nearest unit that has some, or of the company."""
    scopes = [*(f"unit:{unit_id}" for unit_id in reversed(path)), ""]
    found = policy.in_force(tx, kind=INCENTIVE, scopes=scopes, on=on)
    return Incentive(
        policy_id=found.policy_id,
        model_units=frozenset(found.parameters.texts("model_units")),
        model_factor=found.parameters.decimal("model_factor"),
        review_percent=found.parameters.decimal("review_percent"),
    )


def _granted(one: Granted, day: date) -> Award:
    return Award(
        award_id=one.award_id,
        kind=one.kind,
        beneficiary=Beneficiary(BeneficiaryKind.PARTNER, one.partner_id),
        unit_id=one.unit_id,
        base=one.amount,
        factor=Decimal(1),
        reason=one.reason,
        award_date=day,
        proposed_by=CHANNELS,
        create_time=one.at,
        state=State.BOOKED,
        approved_by=one.actor,
        approve_time=one.at,
        booked_by=CHANNELS,
        book_time=one.at,
    )


def _move(one: Award, *, on: date, at: datetime) -> Move:
    """Owe an award to its beneficiary, or let the beneficiary owe a penalty: a partner on an
    account of its own, a person as less of what it is owed."""
    currency_code = one.amount.currency_code
    holder = one.beneficiary.holder_id
    reason = Reason(one.kind.lower(), "award", one.award_id, on, at)
    transfer_id = derived_id(one.award_id, "book", 0)
    payable = AccountRef(AccountCode.AWARD_PAYABLE, holder, one.unit_id, currency_code)
    if one.kind is Kind.AWARD:
        expense = unit_account(AccountCode.AWARD_EXPENSE, one.unit_id, currency_code)
        return Move(transfer_id, expense, payable, one.amount, reason)
    income = unit_account(AccountCode.PENALTY_INCOME, one.unit_id, currency_code)
    owes = AccountRef(AccountCode.PENALTY_RECEIVABLE, holder, one.unit_id, currency_code)
    partner = one.beneficiary.kind is BeneficiaryKind.PARTNER
    return Move(transfer_id, owes if partner else payable, income, one.amount, reason)
