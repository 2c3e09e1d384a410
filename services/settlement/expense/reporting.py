"""What expenses come to, read from the ledger: use of the budget, sales, the cost of a success."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta, tzinfo

from chassis import scope
from chassis.database import Transaction
from chassis.money import Money
from chassis.period import DateRange, PeriodInvalid
from chassis.scope import Caller
from settlement.budget_limit import usecases as budget_limit
from settlement.expense import storage
from settlement.expense.figures import ExpenseUse, SuccessCost, Successes
from settlement.expense.requesting import rules_of
from settlement.ledger import usecases as ledger
from settlement.ledger.domain import DEBIT_CODES, AccountCode

EXPENSES = (AccountCode.SELLING_EXPENSE, AccountCode.SERVICE_EXPENSE)


def use(
    tx: Transaction, *, unit_id: str, fiscal_year: int, as_of: date | None, today: date, by: Caller
) -> ExpenseUse:
    """Tell how much of its year's budget a unit and all below it used.

    Errors: OutOfScope, BudgetLimitsNotFound, PeriodInvalid for a day outside the year.
    Source: R-112.
    """
    budget = budget_limit.total(tx, unit_id=unit_id, fiscal_year=fiscal_year, by=by)
    first, last = date(fiscal_year, 1, 1), date(fiscal_year, 12, 31)
    day = as_of or max(first, min(today, last))
    if not first <= day <= last:
        raise PeriodInvalid(f"is not a day of {fiscal_year}", str(day))
    moved = _moved(tx, unit_id, DateRange.closed(first, day), currency_code=budget.currency_code)
    return ExpenseUse(
        unit_id=unit_id,
        fiscal_year=fiscal_year,
        as_of=day,
        budget=budget,
        sales_spent=moved[AccountCode.SELLING_EXPENSE],
        service_spent=moved[AccountCode.SERVICE_EXPENSE],
        commission_spent=moved[AccountCode.COMMISSION_EXPENSE],
        sales=moved[AccountCode.REVENUE],
    )


def sales(tx: Transaction, unit_id: str, period: DateRange, *, currency_code: str) -> Money:
    """Sum what a unit and all below it sold; the scope is the caller's to check."""
    return _moved(tx, unit_id, period, currency_code=currency_code)[AccountCode.REVENUE]


def success_cost(
    tx: Transaction,
    *,
    unit_id: str,
    baseline: DateRange,
    period: DateRange,
    currency_code: str,
    today: date,
    by: Caller,
) -> SuccessCost:
    """Tell what an accepted offer cost in a time, and what it cost before.

    Errors: OutOfScope, PolicyNotFound.
    Source: R-116.
    """
    scope.require(tx, by, unit_id)
    return SuccessCost(
        unit_id,
        _successes(tx, unit_id, baseline, currency_code=currency_code),
        _successes(tx, unit_id, period, currency_code=currency_code),
        rules_of(tx, unit_id, on=today).success_cost_goal_percent,
    )


def note_successes(
    tx: Transaction, accepted: list[tuple[str, str, datetime]], *, zone: tzinfo
) -> None:
    """Keep accepted offers, each with its unit and time.

    Source: R-116.
    """
    storage.note_successes(tx, accepted, zone=zone)


def _successes(
    tx: Transaction, unit_id: str, period: DateRange, *, currency_code: str
) -> Successes:
    assert period.end is not None
    moved = _moved(tx, unit_id, period, currency_code=currency_code)
    units = scope.units_of(_of_unit(unit_id))
    count = storage.successes(tx, units, start=period.start, end=period.end)
    spent = Money(currency_code, sum(moved[code].amount_minor for code in EXPENSES))
    return Successes(period, spent, count)


def _moved(
    tx: Transaction, unit_id: str, period: DateRange, *, currency_code: str
) -> Mapping[AccountCode, Money]:
    """Sum what moved on all accounts of a unit and of those below it, by code, on the side on which
    a code usually stands."""
    assert period.end is not None
    last = _sums(tx, unit_id, period.end - timedelta(days=1), currency_code=currency_code)
    before = _sums(tx, unit_id, period.start - timedelta(days=1), currency_code=currency_code)
    return {
        code: Money(currency_code, last.get(code, 0) - before.get(code, 0)) for code in AccountCode
    }


def _sums(
    tx: Transaction, unit_id: str, day: date, *, currency_code: str
) -> dict[AccountCode, int]:
    found = {}
    for line in ledger.trial_balance(tx, by=_of_unit(unit_id), as_of=day):
        if line.debits.currency_code == currency_code:
            minor = line.debits.amount_minor - line.credits.amount_minor
            found[line.code] = minor if line.code in DEBIT_CODES else -minor
    return found


def _of_unit(unit_id: str) -> Caller:
    """Name somebody who sees a unit and all below it."""
    return Caller(subject="", roles=frozenset(), unit_id=unit_id, actor="")
