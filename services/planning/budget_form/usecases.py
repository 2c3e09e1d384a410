"""What the budget form does: it keeps what settlement tells, and shows it beside the budgets."""

from datetime import date

from chassis import scope
from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import DateRange
from chassis.scope import Caller
from planning.budget import usage
from planning.budget_form import storage
from planning.budget_form.domain import Form, Opinion, form_lines


def take_over(tx: Transaction, told: Opinion) -> Outcome[None]:
    """Keep the opinion on an expense for the next budget.

    Source: R-109.
    """
    storage.add(tx, told)
    return Outcome(None)


def get(tx: Transaction, *, unit_id: str, fiscal_year: int, by: Caller) -> Form:
    """Return the form for a year's budget, from the year before.

    Errors: OutOfScope.
    Source: R-109.
    """
    scope.require(tx, by, unit_id)
    units = scope.units_of(Caller(subject="", roles=frozenset(), unit_id=unit_id, actor=""))
    before = fiscal_year - 1
    period = DateRange(date(before, 1, 1), date(fiscal_year, 1, 1))
    used = usage.usage_by_type(tx, units=units, period=period)
    brought = storage.by_type(tx, fiscal_year=before, units=units)
    return Form(unit_id, fiscal_year, form_lines(used, brought))


def list_opinions(
    tx: Transaction, part: Page, *, fiscal_year: int, unit_id: str, by: Caller
) -> Slice[Opinion]:
    """Return a page of a year's opinions in the caller's scope."""
    units = scope.units_of(by)
    return storage.page(tx, part, fiscal_year=fiscal_year, unit_id=unit_id, units=units)
