"""One example of every write of planning, and the small steps that its tests are arranged with."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count

from mantle.planning.v1 import budget_pb2, campaign_pb2, monthly_plan_pb2, unit_pb2
from mantle.planning.v1 import budget_service_pb2 as budgets
from mantle.planning.v1 import campaign_service_pb2 as campaigns
from mantle.planning.v1 import monthly_plan_service_pb2 as plans
from mantle.planning.v1 import unit_service_pb2 as units
from mantle.type.v1 import money_pb2

from chassis.ids import new_id
from chassis.wire import from_time
from tests.support.examples import Example
from tests.support.server import ROOT_UNIT, World

BUDGET_MINOR = 10_000_000
TEAM = "planning_team_manager"
SIGNATORIES = {
    campaign_pb2.CAMPAIGN_PART_INITIATOR: TEAM,
    campaign_pb2.CAMPAIGN_PART_PRODUCT_AND_TARIFF: "market_director",
    campaign_pb2.CAMPAIGN_PART_WORDING: "customer_service",
    campaign_pb2.CAMPAIGN_PART_SUPPORT: "business_support",
}
_numbers = count(1)


def cny(amount_minor: int) -> money_pb2.Money:
    """Return an amount of fen."""
    return money_pb2.Money(currency_code="CNY", amount_minor=amount_minor)


def a_unit(
    world: World,
    unit_id: str = "",
    *,
    parent: str = ROOT_UNIT,
    kind: unit_pb2.OrgUnit.Kind.ValueType = unit_pb2.OrgUnit.KIND_REGION,
    valid_from: str = "2026-01-01",
) -> str:
    """Found a unit and return its id."""
    request = units.CreateUnitRequest(
        unit_id=unit_id or f"u{next(_numbers)}",
        name="a unit",
        kind=kind,
        parent_unit_id=parent,
        valid_from=valid_from,
    )
    world.call(request, role="business_support")
    return request.unit_id


def new_line(
    amount_minor: int = BUDGET_MINOR, *, unit_id: str = ROOT_UNIT
) -> budgets.CreateBudgetLineRequest:
    """Return the request for a budget line of 2026."""
    return budgets.CreateBudgetLineRequest(
        unit_id=unit_id,
        name="promotion",
        expense_type="campaign",
        start_date="2026-01-01",
        end_date="2027-01-01",
        amount=cny(amount_minor),
    )


def a_draft_line(world: World, amount_minor: int = BUDGET_MINOR) -> str:
    """Write a budget line and return its id."""
    reply = world.call(new_line(amount_minor), role="planning")
    return str(reply.budget_line.budget_line_id)


def a_line(world: World, amount_minor: int = BUDGET_MINOR, *, unit_id: str = ROOT_UNIT) -> str:
    """Write and approve a budget line, and return its id."""
    written = world.call(new_line(amount_minor, unit_id=unit_id), role="planning")
    line_id = str(written.budget_line.budget_line_id)
    world.call(budgets.ApproveBudgetLineRequest(budget_line_id=line_id), role="marketing_vp")
    return line_id


def a_hold(world: World, line_id: str, amount_minor: int) -> budgets.ReserveBudgetRequest:
    """Return the request to hold a part of a line for an hour."""
    return budgets.ReserveBudgetRequest(
        budget_line_id=line_id,
        amount=cny(amount_minor),
        owner_service="settlement",
        owner_kind="expense_claim",
        owner_id=new_id(),
        expire_time=from_time(world.clock.now() + timedelta(hours=1)),
    )


def a_reservation(
    world: World, line_id: str = "", amount_minor: int = 100_000, *, confirmed: bool = False
) -> str:
    """Hold a part of a line and return the reservation's id."""
    hold = a_hold(world, line_id or a_line(world), amount_minor)
    reply = world.call(hold, role="finance")
    reservation_id = str(reply.reservation.reservation_id)
    if confirmed:
        world.call(budgets.ConfirmReservationRequest(reservation_id=reservation_id), role="finance")
    return reservation_id


def line_of(world: World, line_id: str) -> budget_pb2.BudgetLine:
    """Return a budget line as it is now."""
    reply = world.call(budgets.GetBudgetLineRequest(budget_line_id=line_id), role="finance")
    line: budget_pb2.BudgetLine = reply.budget_line
    return line


def a_plan(
    world: World,
    *,
    offers: Sequence[campaign_pb2.Offer] = (),
    budget_minor: int = BUDGET_MINOR,
    segment: str = "family",
    margin_share: str = "0.60",
) -> campaign_pb2.CampaignPlan:
    """Return a plan that begins now and lasts a month."""
    now = world.clock.now()
    return campaign_pb2.CampaignPlan(
        name="spring",
        segment=segment,
        goals=[
            campaign_pb2.CampaignGoal(
                kind=campaign_pb2.CampaignGoal.KIND_SALES,
                unit="order",
                baseline="100",
                target="120.5",
            )
        ],
        offers=offers,
        wording="be kind",
        support="prepare the screen",
        budget=cny(budget_minor),
        start_time=from_time(now),
        end_time=from_time(now + timedelta(days=30)),
        margin_share=margin_share,
    )


def an_offer(product_id: str, offer_code: str = "O12") -> campaign_pb2.Offer:
    """Return an offer of a product to everybody, at every touchpoint."""
    return campaign_pb2.Offer(
        offer_code=offer_code,
        product_id=product_id,
        wording="another ten gigabytes",
        propensity="0.42",
        value=cny(3_000),
        valid_days=7,
    )


def a_campaign(
    world: World, plan: campaign_pb2.CampaignPlan | None = None, *, unit_id: str = ROOT_UNIT
) -> str:
    """Plan a campaign and return its id."""
    request = campaigns.CreateCampaignRequest(unit_id=unit_id, plan=plan or a_plan(world))
    return str(world.call(request, role=TEAM).campaign.campaign_id)


def the_parts(
    world: World, campaign_id: str, line_id: str = ""
) -> campaigns.AllocateResourcesRequest:
    """Return the request that takes the whole budget from one line."""
    campaign = world.call(campaigns.GetCampaignRequest(campaign_id=campaign_id), role=TEAM)
    budget = campaign.campaign.plan.budget
    part = campaigns.AllocationLine(
        budget_line_id=line_id or a_line(world, budget.amount_minor),
        unit_id=ROOT_UNIT,
        amount=budget,
    )
    return campaigns.AllocateResourcesRequest(campaign_id=campaign_id, lines=[part])


def an_allocated_campaign(
    world: World, plan: campaign_pb2.CampaignPlan | None = None, *, line_id: str = ""
) -> str:
    """Plan a campaign and reserve its budget."""
    campaign_id = a_campaign(world, plan)
    world.call(the_parts(world, campaign_id, line_id), role=TEAM)
    return campaign_id


def a_submitted_campaign(
    world: World, plan: campaign_pb2.CampaignPlan | None = None, *, line_id: str = ""
) -> str:
    """Put a campaign to its signatories."""
    campaign_id = an_allocated_campaign(world, plan, line_id=line_id)
    world.call(campaigns.SubmitCampaignRequest(campaign_id=campaign_id), role=TEAM)
    return campaign_id


def signed(world: World, campaign_id: str, parts: Sequence[int]) -> None:
    """Sign parts of a campaign, each by who may."""
    for part in parts:
        request = campaigns.SignCampaignRequest(campaign_id=campaign_id)
        request.part = part  # type: ignore[assignment]
        world.call(request, role=SIGNATORIES[part])  # type: ignore[index]


def a_signed_campaign(
    world: World, plan: campaign_pb2.CampaignPlan | None = None, *, line_id: str = ""
) -> str:
    """Sign all four parts of a campaign."""
    campaign_id = a_submitted_campaign(world, plan, line_id=line_id)
    signed(world, campaign_id, list(SIGNATORIES))
    return campaign_id


def an_approved_campaign(
    world: World, plan: campaign_pb2.CampaignPlan | None = None, *, line_id: str = ""
) -> str:
    """Let the office meeting agree to a campaign."""
    campaign_id = a_signed_campaign(world, plan, line_id=line_id)
    world.call(the_decision(campaign_id, agree=True), role="office_meeting")
    return campaign_id


def the_decision(campaign_id: str, *, agree: bool) -> campaigns.ApproveCampaignRequest:
    """Return the request by which the office meeting decides."""
    decision = campaigns.ApproveCampaignRequest
    return campaigns.ApproveCampaignRequest(
        campaign_id=campaign_id,
        decision=decision.DECISION_AGREE if agree else decision.DECISION_DISAGREE,
        reason="" if agree else "too dear",
    )


def a_live_campaign(
    world: World, plan: campaign_pb2.CampaignPlan | None = None, *, line_id: str = ""
) -> str:
    """Take a campaign to where its offers are made."""
    campaign_id = an_approved_campaign(world, plan, line_id=line_id)
    world.call(campaigns.StartCampaignRequest(campaign_id=campaign_id), role=TEAM)
    return campaign_id


def an_ended_campaign(
    world: World, plan: campaign_pb2.CampaignPlan | None = None, *, line_id: str = ""
) -> str:
    """Take a campaign to its end."""
    campaign_id = a_live_campaign(world, plan, line_id=line_id)
    world.call(campaigns.EndCampaignRequest(campaign_id=campaign_id), role=TEAM)
    return campaign_id


def create_unit(_world: World) -> Example:
    """Found a unit below the headquarters."""
    request = units.CreateUnitRequest(
        unit_id=f"u{next(_numbers)}",
        name="a region",
        kind=unit_pb2.OrgUnit.KIND_REGION,
        parent_unit_id=ROOT_UNIT,
        valid_from="2026-01-01",
    )
    return Example(request, role="business_support")


def move_unit(world: World) -> Example:
    """Move an office from one region to another."""
    office, to = a_unit(world, parent=a_unit(world)), a_unit(world)
    request = units.MoveUnitRequest(unit_id=office, parent_unit_id=to, valid_from="2026-07-01")
    return Example(request, role="business_support")


def create_budget_line(_world: World) -> Example:
    """Write a line; nothing must exist."""
    return Example(new_line(), role="planning")


def approve_budget_line(world: World) -> Example:
    """Approve another person's draft."""
    request = budgets.ApproveBudgetLineRequest(budget_line_id=a_draft_line(world))
    return Example(request, role="marketing_vp")


def adjust_budget_line(world: World) -> Example:
    """Lower a line."""
    request = budgets.AdjustBudgetLineRequest(
        budget_line_id=a_line(world), amount=cny(BUDGET_MINOR - 1)
    )
    return Example(request, role="marketing_vp")


def reserve_budget(world: World) -> Example:
    """Hold a part of a line."""
    return Example(a_hold(world, a_line(world), 100_000), role="finance")


def confirm_reservation(world: World) -> Example:
    """Keep a pending reservation."""
    request = budgets.ConfirmReservationRequest(reservation_id=a_reservation(world))
    return Example(request, role="finance")


def release_reservation(world: World) -> Example:
    """Give a pending reservation back."""
    request = budgets.ReleaseReservationRequest(reservation_id=a_reservation(world))
    return Example(request, role="finance")


def consume_reservation(world: World) -> Example:
    """Spend a part of a confirmed reservation."""
    request = budgets.ConsumeReservationRequest(
        reservation_id=a_reservation(world, confirmed=True), amount=cny(40_000)
    )
    return Example(request, role="finance")


def create_campaign(world: World) -> Example:
    """Plan a campaign without offers."""
    request = campaigns.CreateCampaignRequest(unit_id=ROOT_UNIT, plan=a_plan(world))
    return Example(request, role=TEAM)


def revise_campaign(world: World) -> Example:
    """Plan a campaign anew."""
    request = campaigns.ReviseCampaignRequest(
        campaign_id=a_campaign(world), plan=a_plan(world, segment="students")
    )
    return Example(request, role=TEAM)


def allocate_resources(world: World) -> Example:
    """Reserve the budget of a campaign on one line."""
    return Example(the_parts(world, a_campaign(world)), role=TEAM)


def submit_campaign(world: World) -> Example:
    """Put a campaign with its budget to its signatories."""
    request = campaigns.SubmitCampaignRequest(campaign_id=an_allocated_campaign(world))
    return Example(request, role=TEAM)


def sign_campaign(world: World) -> Example:
    """Sign the wording."""
    request = campaigns.SignCampaignRequest(
        campaign_id=a_submitted_campaign(world), part=campaign_pb2.CAMPAIGN_PART_WORDING
    )
    return Example(request, role="customer_service")


def approve_campaign(world: World) -> Example:
    """Agree to a campaign that all four have signed."""
    return Example(the_decision(a_signed_campaign(world), agree=True), role="office_meeting")


def start_campaign(world: World) -> Example:
    """Go live with an approved campaign."""
    request = campaigns.StartCampaignRequest(campaign_id=an_approved_campaign(world))
    return Example(request, role=TEAM)


def pause_campaign(world: World) -> Example:
    """Pause a live campaign."""
    request = campaigns.PauseCampaignRequest(campaign_id=a_live_campaign(world))
    return Example(request, role=TEAM)


def resume_campaign(world: World) -> Example:
    """Go on with a paused campaign."""
    campaign_id = a_live_campaign(world)
    world.call(campaigns.PauseCampaignRequest(campaign_id=campaign_id), role=TEAM)
    return Example(campaigns.ResumeCampaignRequest(campaign_id=campaign_id), role=TEAM)


def stop_campaign(world: World) -> Example:
    """End a live campaign before its time."""
    request = campaigns.StopCampaignRequest(campaign_id=a_live_campaign(world), reason="complaints")
    return Example(request, role=TEAM)


def end_campaign(world: World) -> Example:
    """End a live campaign."""
    request = campaigns.EndCampaignRequest(campaign_id=a_live_campaign(world))
    return Example(request, role=TEAM)


def evaluate_campaign(world: World) -> Example:
    """Fix the results of an ended campaign."""
    request = campaigns.EvaluateCampaignRequest(campaign_id=an_ended_campaign(world))
    return Example(request, role=TEAM)


def close_campaign(world: World) -> Example:
    """Keep the lesson of an evaluated campaign."""
    campaign_id = an_ended_campaign(world)
    world.call(campaigns.EvaluateCampaignRequest(campaign_id=campaign_id), role=TEAM)
    request = campaigns.CloseCampaignRequest(campaign_id=campaign_id, lesson="call earlier")
    return Example(request, role=TEAM)


def publish_monthly_plan(_world: World) -> Example:
    """Publish a plan of one line."""
    line = monthly_plan_pb2.MonthlyPlanLine(partner_id="D1", product_id="P1", quantity=1_000)
    request = plans.PublishMonthlyPlanRequest(unit_id=ROOT_UNIT, month="2026-04", lines=[line])
    return Example(request, role="planning")
