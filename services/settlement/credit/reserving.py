"""What is set aside on credit accounts for owners: reserve, confirm, give back, end."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from chassis.database import Transaction
from chassis.errors import MantleError
from chassis.ids import new_id
from chassis.money import CurrencyMismatch, Money
from chassis.outcome import Outcome
from chassis.policy import usecases as policy
from chassis.scope import Caller
from settlement.credit import storage, usecases
from settlement.credit.domain import (
    CreditAccount,
    CreditAccountNotFound,
    CreditBlocked,
    CreditConfirmRefused,
    CreditLimitExceeded,
    Owner,
    Position,
    Reservation,
    State,
)


@dataclass(frozen=True, slots=True)
class Wanted:
    """Hold which part of a partner's limit is wanted, for whom, and the day of its owner."""

    partner_id: str
    owner: Owner
    amount: Money
    on: date


@dataclass(frozen=True, slots=True)
class Claim:
    """Hold which part of a partner's limit an owner uses up."""

    partner_id: str
    owner: Owner
    amount: Money


@dataclass(slots=True)
class _Locked:
    """Hold what many reservations use up, locked and read at once; it changes in turn.

    Shape: `positions` by partner, empty where nobody needs room; `minutes` keeps the policy'
        answers by partner and day.
    """

    accounts: dict[str, CreditAccount]
    reservations: dict[Owner, Reservation]
    positions: dict[str, Position] = field(default_factory=dict)
    minutes: dict[tuple[str, date], int] = field(default_factory=dict)


def reserve_together(
    tx: Transaction, wanted: Sequence[tuple[Caller, Wanted]], *, at: datetime
) -> list[Outcome[Reservation] | MantleError]:
    """Set parts of limits aside for many owners, until their facts come or the time is over; the
    first ones first.

    Shape: a reservation or a refusal for each: CreditAccountNotFound, CreditBlocked,
        CreditLimitExceeded, CreditReservationFixed, CurrencyMismatch, PolicyNotFound. One lock and
        one sum of a partner serve all who want a part of its limit.
    Source: R-084.
    """
    items = [one for _, one in wanted]
    locked = _lock_together(tx, items)
    locked.positions = usecases.positions_of(tx, locked.accounts, at=at)
    answers: list[Outcome[Reservation] | MantleError] = []
    changed: dict[Owner, Reservation] = {}
    for one in items:
        try:
            reservation = _reserved(tx, locked, one, at=at)
        except MantleError as refused:
            answers.append(refused)
            continue
        answers.append(Outcome(reservation))
        if reservation.state is State.PENDING:
            changed[one.owner] = reservation
    if changed:
        storage.save_all(tx, list(changed.values()))
    return answers


def reserve_each(
    tx: Transaction, wanted: Sequence[Wanted], *, by: Caller, at: datetime
) -> Outcome[list[Reservation | MantleError]]:
    """Set parts of limits aside that one caller wants, as `reserve_together` does."""
    answers = reserve_together(tx, [(by, one) for one in wanted], at=at)
    found = [one if isinstance(one, MantleError) else one.value for one in answers]
    return Outcome(found)


def release(tx: Transaction, *, owner: Owner) -> Outcome[bool]:
    """Give a pending reservation back, and tell whether there was one."""
    found = _locked(tx, owner)
    if found is None or found.state is not State.PENDING:
        return Outcome(False)
    storage.save_reservation(tx, found.move(State.RELEASED))
    return Outcome(True)


def confirm_all(tx: Transaction, claims: Sequence[Claim], *, at: datetime) -> list[Outcome[None]]:
    """Let reservations count until their owners end; the first ones first.

    Shape: one that expired, was given back or was never made is made again while the limit leaves
        room; else nothing counts, and CreditConfirmRefused tells the owner. `at` is the time at
        which others could have used the limit, so it is now, not when the owner's fact was true.
    """
    locked = _lock_together(tx, claims)
    if any(_needs_room(locked, one, at=at) for one in claims):
        locked.positions = usecases.positions_of(tx, locked.accounts, at=at)
    outcomes: list[Outcome[None]] = []
    changed: dict[Owner, Reservation] = {}
    for one in claims:
        try:
            confirmed = _confirmed(locked, one, at=at)
        except (CreditAccountNotFound, CreditBlocked, CreditLimitExceeded, CurrencyMismatch) as no:
            fact = CreditConfirmRefused(one.owner, one.partner_id, no.reason)
            outcomes.append(Outcome(None, facts=[fact]))
            continue
        outcomes.append(Outcome(None))
        if confirmed is not None:
            changed[one.owner] = confirmed
    if changed:
        storage.save_all(tx, list(changed.values()))
    return outcomes


def end(tx: Transaction, *, owner: Owner, state: State) -> Outcome[None]:
    """Stop counting a reservation, because its owner was invoiced or cancelled."""
    found = _locked(tx, owner)
    if found is not None:
        storage.save_reservation(tx, found.move(state))
    return Outcome(None)


def _lock_together(tx: Transaction, items: Sequence[Wanted] | Sequence[Claim]) -> _Locked:
    """Lock the accounts and then the reservations, as all who change one do."""
    accounts = storage.find_all(tx, {one.partner_id for one in items}, lock=True)
    return _Locked(accounts, storage.lock_reservations(tx, {one.owner for one in items}))


def _reserved(tx: Transaction, locked: _Locked, one: Wanted, *, at: datetime) -> Reservation:
    """Set one part aside, and count it for those who come after it."""
    position = locked.positions.get(one.partner_id)
    if position is None:
        raise CreditAccountNotFound(one.partner_id)
    found = locked.reservations.get(one.owner)
    if found is not None and not found.may(State.PENDING):
        found.require_same(one.partner_id, one.amount)
        return found
    currency_code = position.account.limit.currency_code
    if one.amount.currency_code != currency_code:
        raise CurrencyMismatch(currency_code, one.amount.currency_code)
    position = _without(position, found, at=at)
    position.admit(one.amount)
    minutes = _minutes(tx, locked, position.account, on=one.on)
    reservation = Reservation(
        reservation_id=new_id() if found is None else found.reservation_id,
        owner=one.owner,
        partner_id=one.partner_id,
        amount=one.amount,
        state=State.PENDING,
        expire_time=at + timedelta(minutes=minutes),
    )
    locked.reservations[one.owner] = reservation
    locked.positions[one.partner_id] = replace(position, reserved=position.reserved + one.amount)
    return reservation


def _needs_room(locked: _Locked, one: Claim, *, at: datetime) -> bool:
    """Tell whether nothing that is set aside covers a claim, so that the limit decides."""
    found = locked.reservations.get(one.owner)
    if found is None or found.amount.currency_code != one.amount.currency_code:
        return True
    return found.may(State.CONFIRMED) and not found.covers(one.amount, at=at)


def _confirmed(locked: _Locked, one: Claim, *, at: datetime) -> Reservation | None:
    """Confirm one part and count it for those who come after it; None when nothing changes."""
    account = locked.accounts.get(one.partner_id)
    if account is None:
        raise CreditAccountNotFound(one.partner_id)
    found = locked.reservations.get(one.owner)
    if found is not None and not found.may(State.CONFIRMED):
        return None
    position = locked.positions.get(one.partner_id)
    if position is not None:
        position = _without(position, found, at=at)
    if found is None or not found.covers(one.amount, at=at):
        assert position is not None
        position.admit(one.amount)
    if found is None:
        found = Reservation(new_id(), one.owner, one.partner_id, one.amount, State.PENDING, at)
    confirmed = replace(found.move(State.CONFIRMED), amount=one.amount)
    locked.reservations[one.owner] = confirmed
    if position is not None and one.amount.currency_code == account.limit.currency_code:
        reserved = position.reserved + one.amount
        locked.positions[one.partner_id] = replace(position, reserved=reserved)
    return confirmed


def _without(position: Position, found: Reservation | None, *, at: datetime) -> Position:
    """Leave out what an owner has in the sum of this partner already."""
    if (
        found is None
        or not found.counts(at=at)
        or found.partner_id != position.account.partner_id
        or found.amount.currency_code != position.account.limit.currency_code
    ):
        return position
    return replace(position, reserved=position.reserved - found.amount)


def _minutes(tx: Transaction, locked: _Locked, account: CreditAccount, *, on: date) -> int:
    key = account.partner_id, on
    if key not in locked.minutes:
        scopes = usecases.scopes_of(account)
        terms = policy.in_force(tx, kind=usecases.PAYMENT_TERMS, scopes=scopes, on=on)
        locked.minutes[key] = terms.parameters.integer("reservation_minutes")
    return locked.minutes[key]


def _locked(tx: Transaction, owner: Owner) -> Reservation | None:
    """Lock the partner's account and then the reservation, as all who change one do."""
    found = storage.find_reservation(tx, owner)
    if found is None:
        return None
    usecases.lock(tx, found.partner_id)
    return storage.find_reservation(tx, owner, lock=True)
