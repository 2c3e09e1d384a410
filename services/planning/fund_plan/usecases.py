"""What fund plans do: they are written, handed in, read, and summed by accounting."""

from datetime import date, datetime

from chassis import scope
from chassis.database import Transaction
from chassis.money import CurrencyMismatch
from chassis.outcome import Outcome
from chassis.paging import Page, Slice
from chassis.period import Month
from chassis.policy import usecases as policy
from chassis.scope import Caller
from planning.fund_plan import storage
from planning.fund_plan.domain import (
    KIND,
    Capital,
    CompanyPlan,
    FundPlan,
    Funds,
    Half,
    Key,
    Rules,
    State,
    company_plan,
)
from planning.organization import usecases as organization


def write(
    tx: Transaction,
    *,
    key: Key,
    funds: Funds,
    capital: Capital,
    by: Caller,
    at: datetime,
    today: date,
) -> Outcome[FundPlan]:
    """Write a unit's plan for half a month, or its draft anew.

    Errors: UnitNotFound, OutOfScope, PolicyNotFound, CurrencyMismatch, FundPlanSubmitted.
    Source: R-138, R-141.
    """
    organization.require_unit(tx, key.unit_id, by=by)
    found = policy.in_force(tx, kind=KIND, scopes=[f"unit:{key.unit_id}", ""], on=today)
    rules = Rules.read(found.parameters)
    amounts = (funds.opening, funds.receipts, funds.payments)
    for amount in (*amounts, capital.receivable, capital.stock, capital.payable):
        if amount.currency_code != rules.minimum.currency_code:
            raise CurrencyMismatch(rules.minimum.currency_code, amount.currency_code)
    plan = FundPlan(
        key=key,
        funds=funds,
        capital=capital,
        minimum=rules.minimum,
        due_date=rules.due_date(key.month, key.half),
        written_by=by.subject,
        write_time=at,
    )
    stored = storage.put(tx, plan)
    stored.require_draft(State.DRAFT)
    return Outcome(stored)


def submit(tx: Transaction, *, key: Key, by: Caller, today: date) -> Outcome[FundPlan]:
    """Hand a plan in.

    Errors: OutOfScope, FundPlanNotFound, FundPlanSubmitted.
    """
    scope.require(tx, by, key.unit_id)
    plan = storage.get(tx, key, lock=True).submit(by=by.subject, on=today)
    storage.save(tx, plan)
    return Outcome(plan)


def get(tx: Transaction, *, key: Key, by: Caller) -> FundPlan:
    """Return a plan.

    Errors: OutOfScope, FundPlanNotFound.
    """
    scope.require(tx, by, key.unit_id)
    return storage.get(tx, key)


def list_plans(
    tx: Transaction, part: Page, *, month: Month, half: Half, by: Caller
) -> Slice[FundPlan]:
    """Return a page of the plans in the caller's scope for half a month."""
    return storage.page(tx, part, month=month, half=half, units=scope.units_of(by))


def company(tx: Transaction, *, key: Key, currency_code: str, by: Caller) -> CompanyPlan:
    """Sum the plans of a unit and all below it.

    Errors: OutOfScope.
    Source: R-138.
    """
    scope.require(tx, by, key.unit_id)
    units = scope.units_of(Caller(subject="", roles=frozenset(), unit_id=key.unit_id, actor=""))
    plans = storage.of_half(
        tx, month=key.month, half=key.half, units=units, currency_code=currency_code
    )
    return company_plan(key, plans, currency_code=currency_code)
