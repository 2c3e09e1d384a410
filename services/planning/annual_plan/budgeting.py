"""The budget of a year plan: one line for each expense type of an area, or of the headquarters and
a product, with whoever answers for it."""

from datetime import date, datetime

from chassis.database import Transaction
from chassis.outcome import Outcome
from chassis.period import DateRange
from chassis.scope import Caller
from planning.annual_plan import figures
from planning.annual_plan.domain import APPROVED_VERSION, CLAIMANTS, AnnualPlan, Step
from planning.budget import plan_lines
from planning.budget.domain import BudgetLine, LineOwner
from planning.budget.plan_lines import PlanLine
from planning.profit import usecases as profit
from planning.profit.catalogue import Label


def draft(tx: Transaction, plan: AnnualPlan, *, by: Caller, at: datetime) -> None:
    """Write the budget lines of the agreed revision as drafts.

    Source: R-025: before the approval they have no money to spend.
    """
    year = DateRange(date(plan.fiscal_year, 1, 1), date(plan.fiscal_year + 1, 1, 1))
    labels = _labels(tx, plan)
    wanted = [
        PlanLine(
            unit_id=unit_id,
            name=" ".join(filter(None, (plan.name, expense_type, product_id))),
            expense_type=expense_type,
            period=year,
            amount=plan.money(amount),
            owner=_owner(plan, labels[expense_type], unit_id=unit_id, product_id=product_id),
        )
        for (expense_type, unit_id, product_id), amount in _amounts(tx, plan).items()
        if expense_type in labels
    ]
    plan_lines.create_lines(tx, plan.annual_plan_id, APPROVED_VERSION, wanted=wanted, by=by, at=at)


def enforce(
    tx: Transaction, plan: AnnualPlan, *, by: Caller, at: datetime
) -> Outcome[list[BudgetLine]]:
    """Put the budget in force; each line still waits for its claim."""
    return plan_lines.enforce_plan(tx, plan.annual_plan_id, APPROVED_VERSION, by=by, at=at)


def claim(
    tx: Transaction, plan: AnnualPlan, step: Step, *, key: str, by: Caller, at: datetime
) -> Outcome[list[BudgetLine]]:
    """Open the lines of whoever signed a claim."""
    owner = LineOwner(CLAIMANTS[step], key)
    return plan_lines.claim_lines(tx, plan.annual_plan_id, owner, by=by, at=at)


def _amounts(tx: Transaction, plan: AnnualPlan) -> dict[tuple[str, str, str], int]:
    """Sum expenses by type, unit and product; an area's are not split by product."""
    amounts: dict[tuple[str, str, str], int] = {}
    for (expense_type, unit_id, product_id), value in figures.expenses(tx, plan).items():
        key = (expense_type, unit_id, product_id if unit_id == plan.unit_id else "")
        amounts[key] = amounts.get(key, 0) + value
    return amounts


def _labels(tx: Transaction, plan: AnnualPlan) -> dict[str, Label]:
    """Tell of each expense type to which plan it belongs; the company's own costs belong to none,
    so nobody claims them.

    Source: R-022.
    """
    catalogue = profit.catalogue_on(tx, plan.months[-1].last_day)
    return {one.code: one.label for one in catalogue.types if one.label is not Label.COMPANY}


def _owner(plan: AnnualPlan, label: Label, *, unit_id: str, product_id: str) -> LineOwner:
    """Tell who claims a line: each belongs to exactly one of the four claims."""
    if unit_id != plan.unit_id:
        return LineOwner(CLAIMANTS[Step.CLAIM_REGION], unit_id)
    if product_id:
        return LineOwner(CLAIMANTS[Step.CLAIM_PRODUCT], product_id)
    step = Step.CLAIM_SALES if label is Label.SALES else Step.CLAIM_MARKET
    return LineOwner(CLAIMANTS[step])
