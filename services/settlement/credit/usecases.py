"""What is done with credit: open, reserve, confirm, give back, block."""

from dataclasses import replace
from datetime import date, datetime, timedelta

from chassis import scope
from chassis.database import Transaction
from chassis.ids import new_id
from chassis.money import CurrencyMismatch, Money
from chassis.outcome import Outcome
from chassis.policy import usecases as policy
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


def reserve(
    tx: Transaction, *, partner_id: str, owner: Owner, amount: Money, on: date, at: datetime
) -> Outcome[Reservation]:
    """Set a part of a limit aside for an owner, until its fact comes or the time is over.

    Errors: CreditAccountNotFound, CreditBlocked, CreditLimitExceeded, CurrencyMismatch,
        PolicyNotFound.
    Source: R-084.
    """
    account = storage.get(tx, partner_id, lock=True)
    found = storage.find_reservation(tx, owner, lock=True)
    if found is not None and not found.may(State.PENDING):
        return Outcome(found)
    if amount.currency_code != account.limit.currency_code:
        raise CurrencyMismatch(account.limit.currency_code, amount.currency_code)
    _position(tx, account, at=at, without=owner).admit(amount)
    terms = policy.in_force(tx, kind=PAYMENT_TERMS, scopes=scopes_of(account), on=on)
    reservation = Reservation(
        reservation_id=new_id() if found is None else found.reservation_id,
        owner=owner,
        partner_id=partner_id,
        amount=amount,
        state=State.PENDING,
        expire_time=at + timedelta(minutes=terms.parameters.integer("reservation_minutes")),
    )
    storage.save_reservation(tx, reservation)
    return Outcome(reservation)


def release(tx: Transaction, *, owner: Owner) -> Outcome[bool]:
    """Give a pending reservation back, and tell whether there was one."""
    found = _locked(tx, owner)
    if found is None or found.state is not State.PENDING:
        return Outcome(False)
    storage.save_reservation(tx, found.move(State.RELEASED))
    return Outcome(True)


def confirm(
    tx: Transaction, *, partner_id: str, owner: Owner, amount: Money, at: datetime
) -> Outcome[None]:
    """Let a reservation count until its owner ends.

    Shape: one that expired, was given back or was never made is made again while the limit leaves
        room; else nothing counts, and CreditConfirmRefused tells the owner. `at` is the time at
        which others could have used the limit, so it is now, not when the owner's fact was true.
    """
    try:
        account = storage.get(tx, partner_id, lock=True)
        found = storage.find_reservation(tx, owner, lock=True)
        if found is not None and not found.may(State.CONFIRMED):
            return Outcome(None)
        if found is None or not found.covers(amount, at=at):
            _position(tx, account, at=at, without=owner).admit(amount)
    except (CreditAccountNotFound, CreditBlocked, CreditLimitExceeded, CurrencyMismatch) as refused:
        fact = CreditConfirmRefused(owner, partner_id, refused.reason)
        return Outcome(None, facts=[fact])
    if found is None:
        found = Reservation(new_id(), owner, partner_id, amount, State.PENDING, at)
    storage.save_reservation(tx, replace(found.move(State.CONFIRMED), amount=amount))
    return Outcome(None)


def end(tx: Transaction, *, owner: Owner, state: State) -> Outcome[None]:
    """Stop counting a reservation, because its owner was invoiced or cancelled."""
    found = _locked(tx, owner)
    if found is not None:
        storage.save_reservation(tx, found.move(state))
    return Outcome(None)


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


def block(
    tx: Transaction, *, partner_id: str, why: str, by: Caller, at: datetime
) -> Outcome[Position]:
    """Let nothing more be reserved for a partner, or let it again when `why` is empty.

    Errors: CreditAccountNotFound, OutOfScope.
    """
    known = storage.get(tx, partner_id, lock=True)
    scope.require(tx, by, known.unit_id)
    changed = replace(known, blocked=bool(why), block_reason=why)
    storage.save(tx, changed)
    return Outcome(_position(tx, changed, at=at))


def get(tx: Transaction, *, partner_id: str, by: Caller, at: datetime) -> Position:
    """Return a partner's credit with what uses it up.

    Errors: CreditAccountNotFound, OutOfScope.
    """
    return _position(tx, require(tx, partner_id=partner_id, by=by), at=at)


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


def lock(tx: Transaction, partner_id: str) -> None:
    """Lock a partner's account, if it has one, before anything that uses its limit is changed."""
    try:
        storage.get(tx, partner_id, lock=True)
    except CreditAccountNotFound:
        return


def days_to_pay(tx: Transaction, account: CreditAccount, *, on: date) -> int:
    """Return the days that a partner has to pay: those of its agreement, or of the policy.

    Errors: PolicyNotFound.
    """
    if account.credit_days is not None:
        return account.credit_days
    terms = policy.in_force(tx, kind=PAYMENT_TERMS, scopes=scopes_of(account), on=on)
    return terms.parameters.integer("credit_days")


def scopes_of(account: CreditAccount) -> list[str]:
    """Return the policy scopes of a partner, from the nearest to the widest."""
    return [f"partner:{account.partner_id}", f"unit:{account.unit_id}", ""]


def _locked(tx: Transaction, owner: Owner) -> Reservation | None:
    """Lock the partner's account and then the reservation, as all who change one do."""
    found = storage.find_reservation(tx, owner)
    if found is None:
        return None
    lock(tx, found.partner_id)
    return storage.find_reservation(tx, owner, lock=True)


def _position(
    tx: Transaction, account: CreditAccount, *, at: datetime, without: Owner | None = None
) -> Position:
    currency_code = account.limit.currency_code
    receivable, advance = ledger.balances(
        tx,
        [
            AccountRef(code, account.partner_id, account.unit_id, currency_code)
            for code in (AccountCode.RECEIVABLE, AccountCode.ADVANCE)
        ],
    )
    reserved = storage.reserved_minor(tx, account, at=at, without=without)
    return Position(account, receivable.balance, advance.balance, Money(currency_code, reserved))
