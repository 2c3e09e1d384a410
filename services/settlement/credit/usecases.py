"""What is done with credit accounts: open, read, lock, and by which terms.

What is set aside on them is in `reserving`, what finance does with them in `blocking`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime

from chassis import scope
from chassis.database import Transaction
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.policy import usecases as policy
from chassis.policy.parameters import Parameters
from chassis.scope import Caller
from settlement.credit import storage
from settlement.credit.domain import (
    CreditAccount,
    CreditAccountNotFound,
    Owner,
    Position,
    State,
)
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import AccountCode, AccountRef

PAYMENT_TERMS = "payment_terms"


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


def position_of(tx: Transaction, account: CreditAccount, *, at: datetime) -> Position:
    """Return an account with what uses it up."""
    [position] = positions_of(tx, {account.partner_id: account}, at=at).values()
    return position


def positions_of(
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


def _refs(account: CreditAccount) -> list[AccountRef]:
    """Name what a partner owes and what it paid before, in this order."""
    return [
        AccountRef(code, account.partner_id, account.unit_id, account.limit.currency_code)
        for code in (AccountCode.RECEIVABLE, AccountCode.ADVANCE)
    ]
