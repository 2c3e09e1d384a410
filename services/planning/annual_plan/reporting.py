"""What is told of a year plan beside itself: its report, its targets, and what partners did."""

from collections.abc import Iterable, Sequence
from datetime import date, datetime, tzinfo

from chassis import scope
from chassis.database import Transaction
from chassis.money import Money, total
from chassis.paging import Page, Slice
from chassis.process import usecases as process
from chassis.scope import Caller
from planning.annual_plan import activity, figures, record_storage, target_storage, usecases
from planning.annual_plan import report as reports
from planning.annual_plan.content import (
    Content,
    ExpansionPlan,
    MarketPreliminary,
    RegionalSummary,
    SalesPreliminary,
    key_of,
)
from planning.annual_plan.domain import AnnualPlan
from planning.annual_plan.report import Comparison, Figure, Outlook, Progress, Report
from planning.annual_plan.targets import Measure, Target, View
from planning.organization import usecases as organization


def report(
    tx: Transaction, *, annual_plan_id: str, area_unit_id: str, by: Caller, zone: tzinfo
) -> Report:
    """Tell how a plan was made and how its parts agree, for the whole or for one area.

    Errors: AnnualPlanNotFound, OutOfScope.
    Source: R-006, R-007, R-012 … R-017, R-030, R-183.
    """
    plan = usecases.owned(tx, annual_plan_id, by=by, unit_id=area_unit_id)
    run = process.get(tx, plan.process_id)
    contents = record_storage.contents(tx, annual_plan_id)
    whole = not area_unit_id
    if not whole:
        contents = [one for one in contents if key_of(one) == area_unit_id]
    products = reports.product_figures(contents, currency_code=plan.currency_code)
    market = total(plan.currency_code, [one.planned for one in products])
    return Report(
        steps=reports.step_lines(run),
        done_count=reports.done_count(run),
        outlooks=_outlooks(tx, plan, contents),
        summaries=reports.summaries(contents, currency_code=plan.currency_code) if whole else None,
        preliminary=tuple(
            (isinstance(one, MarketPreliminary), one.plan)
            for one in contents
            if isinstance(one, SalesPreliminary | MarketPreliminary)
        ),
        views=_views(tx, plan) if whole else None,
        margin_percent=_margin(tx, plan) if whole else "",
        market_plan=market if whole else None,
        product_plans=products,
        sales_plan=_sales_plan(tx, plan) if whole else None,
        area_plans=_area_plans(tx, plan, [area_unit_id] if area_unit_id else plan.area_unit_ids),
        new_terminals=reports.new_terminals(contents),
        growths=reports.growths(contents),
        expansion=_expansion(tx, plan, contents, zone=zone),
    )


def list_targets(tx: Transaction, part: Page, *, annual_plan_id: str, by: Caller) -> Slice[Target]:
    """Return a page of the living targets in the caller's scope, with their values.

    Errors: AnnualPlanNotFound.
    """
    plan = usecases.readable(tx, annual_plan_id, by=by)
    found = target_storage.page(tx, part, annual_plan_id=annual_plan_id, units=scope.units_of(by))
    return Slice(tuple(figures.valued(tx, plan, found.items)), found.next_page_token)


def activate_partner(tx: Transaction, partner_id: str, *, unit_id: str, at: datetime) -> None:
    """Keep that a partner may order."""
    activity.activate(tx, partner_id, unit_id=unit_id, at=at)


def end_partner(tx: Transaction, partner_id: str, *, on: date) -> None:
    """Keep from which day on a partner has no agreement any more."""
    activity.end(tx, partner_id, on=on)


def approve_order(tx: Transaction, partner_id: str, *, unit_id: str, year: int) -> None:
    """Keep that a partner had an order approved in a year."""
    activity.order(tx, partner_id, unit_id=unit_id, year=year)


def _outlooks(
    tx: Transaction, plan: AnnualPlan, contents: Iterable[Content]
) -> tuple[Outlook, ...]:
    return tuple(
        Outlook(one, figures.actual_sales(tx, plan, unit_id=one.area_unit_id, last_quarter=True))
        for one in contents
        if isinstance(one, RegionalSummary)
    )


def _views(tx: Transaction, plan: AnnualPlan) -> Comparison:
    return Comparison(
        by_product=figures.target_total(tx, plan, view=View.PRODUCT, measure=Measure.SALES),
        by_area=figures.target_total(tx, plan, view=View.AREA, measure=Measure.SALES),
    )


def _margin(tx: Transaction, plan: AnnualPlan) -> str:
    """Tell the profit target in percent of the sales target.

    Source: R-010.
    """
    profit = figures.target_total(tx, plan, view=View.COMPANY, measure=Measure.PROFIT)
    sales = figures.target_total(tx, plan, view=View.COMPANY, measure=Measure.SALES)
    return reports.percent_of(profit, sales)


def _sales_plan(tx: Transaction, plan: AnnualPlan) -> Figure:
    target = figures.target_total(tx, plan, view=View.COMPANY, measure=Measure.SALES)
    planned = figures.sales(tx, plan, plan.cube_version_id)
    return Figure("", planned, target if target.amount_minor else None)


def _area_plans(tx: Transaction, plan: AnnualPlan, areas: Sequence[str]) -> tuple[Figure, ...]:
    living = target_storage.living(tx, plan.annual_plan_id)
    wanted = [one for one in living if one.view is View.AREA and one.measure is Measure.SALES]
    targets: dict[str, Money] = {
        one.place.unit_id: one.value for one in figures.valued(tx, plan, wanted) if one.value
    }
    return reports.area_figures(
        areas,
        planned=figures.sales_by_unit(tx, plan, plan.cube_version_id),
        targets=targets,
        currency_code=plan.currency_code,
    )


def _expansion(
    tx: Transaction, plan: AnnualPlan, contents: Iterable[Content], *, zone: tzinfo
) -> Progress | None:
    """Compute the progress of the channel expansion from what channels told.

    Source: R-016.
    """
    planned = next((one for one in contents if isinstance(one, ExpansionPlan)), None)
    if planned is None:
        return None
    start, end = plan.months[0].starts(zone), plan.months[-1].ends(zone)
    units = organization.subtree_on(tx, plan.unit_id, on=plan.months[0].first_day)
    return Progress(
        win_count=planned.win_count,
        won_count=activity.activated(tx, sorted(units), start=start, end=end),
        keep_count=len(planned.keep_partner_ids),
        kept_count=activity.still_active(tx, planned.keep_partner_ids, year=plan.fiscal_year),
    )
