"""Whose credit is blocked because it has not paid in time, and who is free again.

The block stands in the credit account itself, so that reserving credit needs no look at invoices.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from chassis.database import Transaction
from chassis.money import Money
from chassis.outcome import Outcome
from settlement.credit import usecases as limits
from settlement.credit.domain import AccountBlocked, AccountReleased, BlockCause, CreditAccount
from settlement.ledger import usecases as ledger
from settlement.receivable import due

CHANGES_MAX = 500
GraceOf = Callable[[CreditAccount], int | None]


@dataclass(frozen=True, slots=True)
class _Change:
    """Hold an account with the due day that blocks it, or None when nothing does."""

    account: CreditAccount
    since: date | None
    amount: Money


def watch(tx: Transaction, *, today: date, graces: Mapping[str, int | None]) -> Outcome[bool]:
    """Block the credit of partners whose invoices are overdue beyond their grace, and release that
    of those who have paid.

    Shape: true when there is more to do at once. Who stays as it is, is neither read nor locked.
        `graces` has the days of grace of all terms of payment by scope.
    Source: R-085.
    """
    chosen = due.candidates(tx, graces=graces, today=today, count_max=CHANGES_MAX)
    if not chosen:
        return Outcome(False)
    ledger.take_turn(tx)
    locked = limits.find_all(tx, chosen, lock=True)
    certain = _changes(
        tx, list(locked.values()), today=today, grace_of=lambda one: _grace(one, graces)
    )
    return Outcome(len(chosen) == CHANGES_MAX, facts=_apply(tx, certain, today=today))


def review(tx: Transaction, accounts: Sequence[CreditAccount], *, today: date) -> list[object]:
    """Release those of some blocked partners who owe nothing overdue any more; the accounts are
    locked.

    Shape: the facts of it. Accounts that are free cost nothing: only `watch` blocks.
    """
    blocked = [one for one in accounts if one.overdue_since is not None]
    if not blocked:
        return []
    changes = _changes(
        tx, blocked, today=today, grace_of=lambda one: limits.grace_days(tx, one, on=today)
    )
    return _apply(tx, changes, today=today)


def _grace(account: CreditAccount, graces: Mapping[str, int | None]) -> int | None:
    nearest = next((one for one in limits.scopes_of(account) if one in graces), None)
    return None if nearest is None else graces[nearest]


def _changes(
    tx: Transaction, accounts: Sequence[CreditAccount], *, today: date, grace_of: GraceOf
) -> list[_Change]:
    """Return the accounts that are not as what is overdue says."""
    owed = due.overdue_of(tx, [one.partner_id for one in accounts], today=today)
    found = []
    for account in accounts:
        own = owed.get(account.partner_id)
        grace = grace_of(account) if own is not None else None
        since = None
        if own is not None and grace is not None:
            is_late = own.oldest_due_date + timedelta(days=grace) < today
            since = own.oldest_due_date if is_late else None
        if (since is None) != (account.overdue_since is None):
            minor = own.amount_minor if own is not None else 0
            amount = Money(account.limit.currency_code, minor)
            found.append(_Change(account, since, amount))
    return found


def _apply(tx: Transaction, changes: Sequence[_Change], *, today: date) -> list[object]:
    limits.save_overdue(tx, {one.account.partner_id: one.since for one in changes})
    facts: list[object] = []
    for one in changes:
        partner_id = one.account.partner_id
        if one.since is not None:
            facts.append(
                AccountBlocked(partner_id, BlockCause.OVERDUE, today, "", one.since, one.amount)
            )
        elif not one.account.blocked:
            facts.append(AccountReleased(partner_id, today))
    return facts
