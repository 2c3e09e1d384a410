"""What is done with credit: open, reserve, confirm, give back, block."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta

from chassis import scope
from chassis.database import Transaction
from chassis.errors import MantleError
from chassis.ids import new_id
from chassis.money import CurrencyMismatch, Money
from chassis.outcome import Outcome
from chassis.policy import usecases as policy
from chassis.policy.parameters import Parameters
from chassis.scope import Caller
from settlement.credit import storage
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
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef

PAYMENT_TERMS = "payment_terms"


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

    Shape: `positions` by partner, empty where nobody needs room; `minutes` keeps the policies'
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
        CreditLimitExceeded, CurrencyMismatch, PolicyNotFound. One lock and one sum of a partner
        serve all who want a part of its limit.
    Source: R-084.
    """
    items = [one for _, one in wanted]
    locked = _lock_together(tx, items)
    locked.positions = _positions(tx, locked.accounts, at=at)
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
        locked.positions = _positions(tx, locked.accounts, at=at)
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


def end_all(tx: Transaction, *, owners: Sequence[Owner], state: State) -> None:
    """Stop counting the reservations of owners, whose partners' accounts are locked."""
    storage.end_all(tx, owners, state)


def activate(
    tx: Transaction, *, partner_id: str, unit_id: str, limit: Money, credit_days: int
) -> Outcome[None]:
    """Open a partner's credit with its ledger accounts, or take over what was agreed anew."""
    opened = CreditAccount(partner_id, unit_id, limit)
    known = account_for(tx, opened, lock=True)
    storage.save(tx, replace(known, unit_id=unit_id, limit=limit, credit_days=credit_days))
    return Outcome(None)


def regrade(tx: Transaction, *, partner_id: str, limit: Money, credit_days: int) -> Outcome[None]:
    """Take over a partner's new limit and terms.

    Errors: CreditAccountNotFound.
    """
    known = storage.get(tx, partner_id, lock=True)
    storage.save(tx, replace(known, limit=limit, credit_days=credit_days))
    return Outcome(None)


def save_overdue(tx: Transaction, since: Mapping[str, date | None]) -> None:
    """Let the due days of invoices block partners' credit, None not any more; the accounts are
    locked."""
    storage.save_overdue(tx, since)


def find_all(
    tx: Transaction, partner_ids: Collection[str], *, lock: bool = False
) -> dict[str, CreditAccount]:
    """Return those of the partners' accounts that exist, by partner."""
    return storage.find_all(tx, partner_ids, lock=lock)


def get(tx: Transaction, *, partner_id: str, by: Caller, at: datetime) -> Position:
    """Return a partner's credit with what uses it up.

    Errors: CreditAccountNotFound, OutOfScope.
    """
    return position_of(tx, require(tx, partner_id=partner_id, by=by), at=at)


def require(tx: Transaction, *, partner_id: str, by: Caller, lock: bool = False) -> CreditAccount:
    """Return a partner's account inside the caller's scope.

    Errors: CreditAccountNotFound, OutOfScope.
    """
    account = storage.get(tx, partner_id, lock=lock)
    scope.require(tx, by, account.unit_id)
    return account


def account_for(tx: Transaction, opened: CreditAccount, *, lock: bool = False) -> CreditAccount:
    """Return a partner's account, opened with its ledger accounts when there is none.

    Shape: a fact about an order may come before the fact of the partner's activation; then the
        account has no limit and no days until that comes.
    """
    try:
        return storage.get(tx, opened.partner_id, lock=lock)
    except CreditAccountNotFound:
        currency_code = opened.limit.currency_code
        storage.ensure(tx, replace(opened, limit=Money.zero(currency_code)))
        ledger.open_partner_accounts(
            tx,
            partner_id=opened.partner_id,
            unit_id=opened.unit_id,
            currency_code=currency_code,
        )
        return storage.get(tx, opened.partner_id, lock=lock)


def accounts_for(
    tx: Transaction, opened: Sequence[CreditAccount], *, lock: bool = False
) -> dict[str, CreditAccount]:
    """Return many partners' accounts by partner, as `account_for` does; of several that would open
    one, the first does."""
    wanted: dict[str, CreditAccount] = {}
    for one in opened:
        wanted.setdefault(one.partner_id, one)
    found = storage.find_all(tx, wanted, lock=lock)
    for partner_id in sorted(wanted.keys() - found.keys()):
        found[partner_id] = account_for(tx, wanted[partner_id], lock=lock)
    return found


def lock(tx: Transaction, partner_id: str) -> None:
    """Lock a partner's account, if it has one, before anything that uses its limit is changed."""
    storage.find_all(tx, [partner_id], lock=True)


def days_to_pay(tx: Transaction, account: CreditAccount, *, on: date) -> int:
    """Return the days that a partner has to pay: those of its agreement, or of the policy.

    Errors: PolicyNotFound.
    """
    if account.credit_days is not None:
        return account.credit_days
    terms = policy.in_force(tx, kind=PAYMENT_TERMS, scopes=scopes_of(account), on=on)
    return terms.parameters.integer("credit_days")


def grace_days(tx: Transaction, account: CreditAccount, *, on: date) -> int | None:
    """Return how many days after the due day nothing is blocked yet; None means that nothing ever
    is.

    Errors: PolicyNotFound.
    """
    terms = policy.in_force(tx, kind=PAYMENT_TERMS, scopes=scopes_of(account), on=on)
    return grace_of(terms.parameters)


def grace_of(terms: Parameters) -> int | None:
    """Read the grace out of terms of payment; those of before it was invented block nothing."""
    return terms.integer("grace_days") if "grace_days" in terms else None


def scopes_of(account: CreditAccount) -> list[str]:
    """Return the policy scopes of a partner, from the nearest to the widest."""
    return [f"partner:{account.partner_id}", f"unit:{account.unit_id}", ""]


def _lock_together(tx: Transaction, items: Sequence[Wanted] | Sequence[Claim]) -> _Locked:
    """Lock the accounts and then the reservations, as all who change one do."""
    accounts = storage.find_all(tx, {one.partner_id for one in items}, lock=True)
    return _Locked(accounts, storage.lock_reservations(tx, {one.owner for one in items}))


def _positions(
    tx: Transaction, accounts: Mapping[str, CreditAccount], *, at: datetime
) -> dict[str, Position]:
    """Read what uses up the limits of accounts, by partner."""
    reserved = storage.reserved(tx, accounts, at=at)
    refs = [ref for account in accounts.values() for ref in _refs(account)]
    balances = iter(ledger.balances(tx, refs))
    positions = {}
    for partner_id, account in accounts.items():
        currency_code = account.limit.currency_code
        positions[partner_id] = Position(
            account,
            receivable=next(balances).balance,
            advance=next(balances).balance,
            reserved=Money(currency_code, reserved[partner_id, currency_code]),
        )
    return positions


def _reserved(tx: Transaction, locked: _Locked, one: Wanted, *, at: datetime) -> Reservation:
    """Set one part aside, and count it for those who come after it."""
    position = locked.positions.get(one.partner_id)
    if position is None:
        raise CreditAccountNotFound(one.partner_id)
    found = locked.reservations.get(one.owner)
    if found is not None and not found.may(State.PENDING):
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
        terms = policy.in_force(tx, kind=PAYMENT_TERMS, scopes=scopes_of(account), on=on)
        locked.minutes[key] = terms.parameters.integer("reservation_minutes")
    return locked.minutes[key]


def _refs(account: CreditAccount) -> list[AccountRef]:
    """Name what a partner owes and what it paid before, in this order."""
    return [
        AccountRef(code, account.partner_id, account.unit_id, account.limit.currency_code)
        for code in (AccountCode.RECEIVABLE, AccountCode.ADVANCE)
    ]


def _locked(tx: Transaction, owner: Owner) -> Reservation | None:
    """Lock the partner's account and then the reservation, as all who change one do."""
    found = storage.find_reservation(tx, owner)
    if found is None:
        return None
    lock(tx, found.partner_id)
    return storage.find_reservation(tx, owner, lock=True)


def position_of(tx: Transaction, account: CreditAccount, *, at: datetime) -> Position:
    """Return an account with what uses it up."""
    [position] = _positions(tx, {account.partner_id: account}, at=at).values()
    return position
