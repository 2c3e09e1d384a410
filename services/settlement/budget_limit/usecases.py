"""Keep the copy of the year's expense budgets, and look it up."""

from chassis import scope
from chassis.database import Transaction
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.paging import Page
from chassis.scope import Caller
from settlement.budget_limit import storage
from settlement.budget_limit.domain import Limits


def take_over(tx: Transaction, told: Limits) -> Outcome[None]:
    """Take a year's limits over; an older version never replaces a newer one.

    Source: R-040.
    """
    storage.replace(tx, told)
    return Outcome(None)


def get(tx: Transaction, part: Page, *, unit_id: str, fiscal_year: int, by: Caller) -> Limits:
    """Return a page of the limits of a unit's plan of a year.

    Errors: OutOfScope, BudgetLimitsNotFound, PageTokenInvalid.
    """
    scope.require(tx, by, unit_id)
    return storage.get(tx, part, unit_id=unit_id, fiscal_year=fiscal_year)


def total(tx: Transaction, *, unit_id: str, fiscal_year: int, by: Caller) -> Money:
    """Sum the limits of a unit's plan of a year.

    Errors: OutOfScope, BudgetLimitsNotFound.
    Source: R-112.
    """
    scope.require(tx, by, unit_id)
    return storage.total(tx, unit_id=unit_id, fiscal_year=fiscal_year)
