"""What closing a month does in the ledger; `settlement.period_close` says when and who.

A closed month is locked: what is posted by hand into it is refused, and facts that come late count
for the first day of the first open month.
"""

from collections.abc import Sequence
from datetime import date
from typing import Final

from chassis import scope
from chassis.database import Transaction
from chassis.period import Month
from chassis.scope import Caller
from settlement.ledger import balance_storage
from settlement.ledger.periods import MonthLine

PART_ACCOUNTS: Final = 5_000


def open_month(tx: Transaction) -> Month | None:
    """Return the first month that is open, which is the next to be closed; None while none was
    ever closed."""
    first = balance_storage.open_from(tx)
    return Month.of(first) if first else None


def first_month(tx: Transaction) -> Month | None:
    """Return the month of the first posting; None while there is none."""
    first = balance_storage.first_posting(tx)
    return Month.of(first) if first else None


def lock(tx: Transaction, month: Month) -> None:
    """Close a month for postings once those that are under way have ended."""
    balance_storage.own_months(tx)
    balance_storage.open_months_from(tx, month.next().first_day)


def reopen(tx: Transaction, month: Month) -> None:
    """Open a month for postings again, and forget what closing it wrote down."""
    balance_storage.own_months(tx)
    balance_storage.open_months_from(tx, month.first_day)
    balance_storage.forget_month(tx, month.last_day)


def write_balances(tx: Transaction, month: Month, *, after: str) -> tuple[str | None, int]:
    """Write down what the next accounts had moved by the end of a month.

    Shape: the account to go on after, None when all are done, and how many were looked at.
    """
    return balance_storage.close_accounts(tx, month.last_day, after=after, limit=PART_ACCOUNTS)


def write_trial(tx: Transaction, month: Month) -> Sequence[MonthLine]:
    """Write down the trial balance of a month, and return it by unit, currency and code."""
    balance_storage.close_trial(tx, month.last_day)
    return balance_storage.month_lines(tx, month.last_day)


def trial(tx: Transaction, month: Month, *, by: Caller) -> Sequence[MonthLine]:
    """Return the trial balance of a closed month in the caller's scope."""
    return balance_storage.month_lines(tx, month.last_day, units=scope.units_of(by))


def lines(tx: Transaction, month: Month) -> Sequence[MonthLine]:
    """Return the whole trial balance of a closed month."""
    return balance_storage.month_lines(tx, month.last_day)


def documents(tx: Transaction, day: date) -> tuple[int, int]:
    """Count the posted transfers of a day, and the documents behind them."""
    return balance_storage.documents(tx, day)
