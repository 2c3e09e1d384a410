"""Fund plans and the next year's budget form, through the real planning."""

import pytest
from mantle.planning.v1 import budget_form_service_pb2 as forms
from mantle.planning.v1 import budget_service_pb2 as budgets
from mantle.planning.v1 import fund_plan_pb2
from mantle.planning.v1 import fund_plan_service_pb2 as pb
from mantle.settlement.v1 import events_pb2 as settlement

from chassis.ids import new_id
from tests.support import examples_planning as made
from tests.support.examples_planning import cny
from tests.support.examples_planning_funds import plan_of, submission_of
from tests.support.planning_world import Office, office
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, Refused

__all__ = ["office"]

MANAGER = "regional_manager"


@req("R-138", "R-141")
def test_plans_that_are_handed_in_make_the_companys_fund_plan(office: Office) -> None:
    region = made.a_unit(office.world)
    wanted = plan_of(unit_id=region)
    draft = office.world.call(plan_of(unit_id=region, opening_minor=1), role=MANAGER).fund_plan
    plan = office.world.call(wanted, role=MANAGER).fund_plan
    office.world.call(plan_of(), role="finance")
    submitted = office.world.call(submission_of(wanted), role=MANAGER).fund_plan

    half = fund_plan_pb2.FUND_HALF_FIRST
    company = office.world.call(
        pb.GetCompanyFundPlanRequest(
            unit_id=ROOT_UNIT, month="2026-03", half=half, currency_code="CNY"
        ),
        role="finance",
    ).company_fund_plan
    listed = office.world.call(
        pb.ListFundPlansRequest(month="2026-03", half=half), role="finance"
    ).fund_plans

    assert draft.closing == cny(1 + 30_000_000 - 42_000_000)
    assert (plan.closing, plan.minimum, plan.shortfall) == (
        cny(38_000_000),
        cny(40_000_000),
        cny(2_000_000),
    )
    assert (plan.capital.tied_up, plan.due_date) == (cny(17_000_000), "2026-02-25")
    assert (submitted.state, submitted.late) == (fund_plan_pb2.FundPlan.STATE_SUBMITTED, True)
    assert (company.plan_count, company.draft_count, company.shortfall) == (1, 1, cny(2_000_000))
    assert sorted(one.unit_id for one in listed) == sorted([ROOT_UNIT, region])
    for request in (wanted, submission_of(wanted)):
        request.request_id = new_id()
        with pytest.raises(Refused) as refused:
            office.world.call(request, role=MANAGER)
        assert refused.value.reason == "FUND_PLAN_SUBMITTED"


@req("R-109")
def test_what_expenses_brought_stands_on_the_next_years_budget_form(office: Office) -> None:
    line_id = made.a_line(office.world, 5_000_000)
    reservation_id = made.a_reservation(office.world, line_id, 2_000_000, confirmed=True)
    office.world.call(
        budgets.ConsumeReservationRequest(reservation_id=reservation_id, amount=cny(2_000_000)),
        role="finance",
    )
    fact = settlement.ExpenseEvaluated(
        expense_id=new_id(),
        unit_id=ROOT_UNIT,
        fiscal_year=2026,
        expense_type="campaign",
        purpose="spring fair",
        spent=cny(2_000_000),
        sales_before=cny(10_000_000),
        sales_after=cny(13_000_000),
        opinion="worth repeating",
        evaluated_by="sales_director@hq",
    )
    office.tell("settlement", fact)

    forms_of = {
        year: office.world.call(
            forms.GetBudgetFormRequest(unit_id=ROOT_UNIT, fiscal_year=year), role="planning"
        ).budget_form.lines
        for year in (2026, 2027)
    }
    opinions = office.world.call(
        forms.ListExpenseOpinionsRequest(fiscal_year=2026), role="planning"
    ).opinions

    [line] = forms_of[2027]
    assert list(forms_of[2026]) == []
    assert (line.expense_type, line.budget, line.spent) == (
        "campaign",
        cny(5_000_000),
        cny(2_000_000),
    )
    assert (line.evaluation_count, line.uplift_percent, line.return_ratio) == (1, "30.0", "1.50")
    assert [(one.expense_id, one.opinion) for one in opinions] == [
        (fact.expense_id, "worth repeating")
    ]
