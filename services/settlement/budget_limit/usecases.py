"""Keep the copy of the year's expense budgets, and look it up."""

from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.scope import Caller
from settlement.budget_limit import storage
from settlement.budget_limit.domain import Limits


def take_over(tx: Transaction, told: Limits) -> Outcome[None]:
    """Take a year's limits over; an older version never replaces a newer one.

    Source: R-040.
    """
    storage.replace(tx, told)
    return Outcome(None)


def get(tx: Transaction, *, unit_id: str, fiscal_year: int, by: Caller) -> Limits:
    """Return the limits of a unit's plan of a year.

    Errors: OutOfScope, BudgetLimitsNotFound.
    """
    scope.require(tx, by, unit_id)
    return storage.get(tx, unit_id=unit_id, fiscal_year=fiscal_year)
