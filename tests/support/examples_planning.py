"""One example of every write of planning, and the small steps that its tests are arranged with."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import count

from mantle.options.v1 import options_pb2
from mantle.planning.v1 import (
    adjustment_pb2,
    budget_pb2,
    campaign_pb2,
    cube_pb2,
    monthly_plan_pb2,
    profit_pb2,
    rolling_plan_pb2,
    unit_pb2,
)
from mantle.planning.v1 import adjustment_service_pb2 as adjustments
from mantle.planning.v1 import annual_plan_content_pb2 as annual_contents
from mantle.planning.v1 import annual_plan_pb2 as annual_plan_pb
from mantle.planning.v1 import annual_plan_service_pb2 as annual_plans
from mantle.planning.v1 import annual_plan_target_pb2 as annual_targets
from mantle.planning.v1 import budget_service_pb2 as budgets
from mantle.planning.v1 import campaign_service_pb2 as campaigns
from mantle.planning.v1 import cube_service_pb2 as cubes
from mantle.planning.v1 import monthly_plan_service_pb2 as plans
from mantle.planning.v1 import post_service_pb2 as posts
from mantle.planning.v1 import profit_service_pb2 as profits
from mantle.planning.v1 import rolling_plan_service_pb2 as rolling
from mantle.planning.v1 import unit_service_pb2 as units
from mantle.type.v1 import money_pb2

from chassis.ids import new_id
from chassis.wire import from_time
from tests.support import monthly_desk
from tests.support.examples import Example
from tests.support.server import ROOT_UNIT, World
from tests.support.year_plan import (
    MARKET,
    PRODUCTS,
    YearPlan,
    launch_request,
    launched,
    yuan,
)

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


def a_person(world: World, subject: str = "", *, unit_id: str = ROOT_UNIT) -> str:
    """Make somebody known who can hold posts, and return the subject."""
    subject = subject or f"person{next(_numbers)}"
    request = posts.RegisterPersonRequest(subject=subject, name=f"Mx {subject}", unit_id=unit_id)
    world.call(request, role="business_support")
    return subject


def new_post(
    role: options_pb2.Role.ValueType = options_pb2.ROLE_REGIONAL_MANAGER,
    *,
    unit_id: str = ROOT_UNIT,
    manager_post_id: str = "",
    name: str = "regional manager",
) -> posts.CreatePostRequest:
    """Return the request for a post from 2026 on."""
    return posts.CreatePostRequest(
        unit_id=unit_id,
        name=name,
        role=role,
        duties=["lead the offices", "answer for the region's sales"],
        kpis=["sales", "collection rate"],
        manager_post_id=manager_post_id or None,
        start_date="2026-01-01",
    )


def a_post(
    world: World,
    role: options_pb2.Role.ValueType = options_pb2.ROLE_REGIONAL_MANAGER,
    *,
    unit_id: str = ROOT_UNIT,
    manager_post_id: str = "",
) -> str:
    """Create a vacant post and return its id."""
    request = new_post(role, unit_id=unit_id, manager_post_id=manager_post_id)
    return str(world.call(request, role="business_support").post.post_id)


def a_filled_post(
    world: World,
    role: options_pb2.Role.ValueType = options_pb2.ROLE_REGIONAL_MANAGER,
    *,
    unit_id: str = ROOT_UNIT,
    subject: str = "",
) -> str:
    """Create a post that somebody holds, and return its id."""
    post_id = a_post(world, role, unit_id=unit_id)
    request = posts.AssignPostRequest(
        post_id=post_id, subject=a_person(world, subject), start_date="2026-01-01"
    )
    world.call(request, role="business_support")
    return post_id


def a_cap(world: World, amount_minor: int, *, unit_id: str = ROOT_UNIT) -> str:
    """Fix a total of 2026 and return the cap's id."""
    request = budgets.CreateBudgetCapRequest(
        unit_id=unit_id,
        name="provinces",
        start_date="2026-01-01",
        end_date="2027-01-01",
        amount=cny(amount_minor),
    )
    return str(world.call(request, role="decision_layer").budget_cap.budget_cap_id)


def a_capped_line(world: World, cap_id: str, amount_minor: int, *, unit_id: str = ROOT_UNIT) -> str:
    """Write and approve a line below a cap, and return its id."""
    request = new_line(amount_minor, unit_id=unit_id)
    request.budget_cap_id = cap_id
    line_id = str(world.call(request, role="planning").budget_line.budget_line_id)
    world.call(budgets.ApproveBudgetLineRequest(budget_line_id=line_id), role="marketing_vp")
    return line_id


def a_transfer_request(
    giver: str, taker: str, amount_minor: int = 50_000
) -> budgets.RequestBudgetTransferRequest:
    """Return the request that one line gives to another."""
    return budgets.RequestBudgetTransferRequest(
        from_budget_line_id=giver,
        to_budget_line_id=taker,
        amount=cny(amount_minor),
        reason="the north sells more",
    )


def a_transfer(world: World, giver: str = "", taker: str = "", amount_minor: int = 50_000) -> str:
    """Ask for a transfer and return its id."""
    request = a_transfer_request(giver or a_line(world), taker or a_line(world), amount_minor)
    return str(world.call(request, role="regional_manager").transfer.transfer_id)


def register_person(_world: World) -> Example:
    """Make a person of the headquarters known."""
    request = posts.RegisterPersonRequest(
        subject=f"person{next(_numbers)}", name="Li Wei", unit_id=ROOT_UNIT
    )
    return Example(request, role="business_support")


def create_post(_world: World) -> Example:
    """Create a post of the headquarters."""
    return Example(new_post(), role="business_support")


def assign_post(world: World) -> Example:
    """Fill a vacant post."""
    request = posts.AssignPostRequest(
        post_id=a_post(world), subject=a_person(world), start_date="2026-03-01"
    )
    return Example(request, role="business_support")


def vacate_post(world: World) -> Example:
    """Vacate a post that somebody holds."""
    request = posts.VacatePostRequest(post_id=a_filled_post(world), end_date="2026-07-01")
    return Example(request, role="business_support")


def abolish_post(world: World) -> Example:
    """End a post that nobody ever held."""
    request = posts.AbolishPostRequest(post_id=a_post(world), end_date="2026-07-01")
    return Example(request, role="business_support")


def create_budget_cap(_world: World) -> Example:
    """Fix a total of the headquarters."""
    request = budgets.CreateBudgetCapRequest(
        unit_id=ROOT_UNIT,
        name="provinces",
        start_date="2026-01-01",
        end_date="2027-01-01",
        amount=cny(BUDGET_MINOR),
    )
    return Example(request, role="decision_layer")


def request_budget_transfer(world: World) -> Example:
    """Ask for a transfer between two lines in force."""
    return Example(a_transfer_request(a_line(world), a_line(world)), role="regional_manager")


def approve_budget_transfer(world: World) -> Example:
    """Agree to another person's request."""
    request = budgets.ApproveBudgetTransferRequest(transfer_id=a_transfer(world))
    return Example(request, role="marketing_vp")


def refuse_budget_transfer(world: World) -> Example:
    """Refuse another person's request."""
    request = budgets.RefuseBudgetTransferRequest(transfer_id=a_transfer(world), note="no need")
    return Example(request, role="marketing_vp")


def carry_forward_budget_line(world: World) -> Example:
    """Close a line of January for one of the year behind it."""
    january = new_line()
    january.end_date = "2026-02-01"
    later = new_line()
    later.start_date = "2026-02-01"
    lines = []
    for request in (january, later):
        line_id = world.call(request, role="planning").budget_line.budget_line_id
        world.call(budgets.ApproveBudgetLineRequest(budget_line_id=line_id), role="marketing_vp")
        lines.append(line_id)
    carry = budgets.CarryForwardBudgetLineRequest(
        from_budget_line_id=lines[0], to_budget_line_id=lines[1]
    )
    return Example(carry, role="marketing_vp")


def a_version(world: World, name: str = "") -> str:
    """Begin a plan of numbers and return its id."""
    request = cubes.CreateVersionRequest(
        name=name or f"plan {new_id()}",
        kind=cube_pb2.CubeVersion.KIND_PLAN,
        unit_id=ROOT_UNIT,
        currency_code="CNY",
    )
    return str(world.call(request, role="planning").version.version_id)


def a_cell(
    value: int = 100, *, unit_id: str = ROOT_UNIT, month: str = "2026-03"
) -> cube_pb2.CubeCell:
    """Return sales of a unit in a month."""
    return cube_pb2.CubeCell(
        measure="sales", address=cube_pb2.CubeAddress(unit_id=unit_id, month=month), value=value
    )


def a_fixed_total(total: int = 100) -> cube_pb2.FixedTotal:
    """Return the company's sales of a year."""
    return cube_pb2.FixedTotal(
        measure="sales",
        unit_id=ROOT_UNIT,
        first_month="2026-01",
        last_month="2026-12",
        total=total,
    )


def create_version(_world: World) -> Example:
    """Begin a version."""
    request = cubes.CreateVersionRequest(
        name=f"plan {new_id()}",
        kind=cube_pb2.CubeVersion.KIND_PLAN,
        unit_id=ROOT_UNIT,
        currency_code="CNY",
    )
    return Example(request, role="planning")


def branch_version(world: World) -> Example:
    """Begin a what-if."""
    request = cubes.BranchVersionRequest(
        version_id=a_version(world),
        name=f"what if {new_id()}",
        kind=cube_pb2.CubeVersion.KIND_SCENARIO,
        unit_id=ROOT_UNIT,
    )
    return Example(request, role="planning")


def freeze_version(world: World) -> Example:
    """Freeze an empty version."""
    return Example(cubes.FreezeVersionRequest(version_id=a_version(world)), role="planning")


def fix_totals(world: World) -> Example:
    """Fix a total."""
    request = cubes.FixTotalsRequest(version_id=a_version(world), totals=[a_fixed_total()])
    return Example(request, role="planning")


def release_totals(world: World) -> Example:
    """Let a total go that is fixed."""
    version_id = a_version(world)
    fixed = cubes.FixTotalsRequest(version_id=version_id, totals=[a_fixed_total()])
    world.call(fixed, role="planning")
    request = cubes.ReleaseTotalsRequest(version_id=version_id, totals=[a_fixed_total()])
    return Example(request, role="planning")


def define_members(_world: World) -> Example:
    """Make a product known."""
    request = cubes.DefineMembersRequest(
        axis=cube_pb2.CUBE_MEMBER_AXIS_PRODUCT,
        members=[cube_pb2.CubeMember(code=f"P{next(_numbers)}", name="a pill", group="pills")],
    )
    return Example(request, role="planning")


def write_cells(world: World) -> Example:
    """Set a cell."""
    request = cubes.WriteCellsRequest(version_id=a_version(world), cells=[a_cell()])
    return Example(request, role="planning")


def spread_total(world: World) -> Example:
    """Spread a year over its months."""
    months = [f"2026-{number:02}" for number in range(1, 13)]
    grid = cube_pb2.CubeGrid(unit_ids=[ROOT_UNIT], months=months)
    rule = cube_pb2.SpreadRule(even=cube_pb2.SpreadRule.Even(over=grid))
    request = cubes.SpreadTotalRequest(
        version_id=a_version(world), measure="sales", total=1_000, rule=rule
    )
    return Example(request, role="planning")


def import_cells(world: World) -> Example:
    """Import a file of one row."""
    names = "measure,unit_id,product_id,channel,terminal_id,month,value"
    text = f"{names}\nsales,{ROOT_UNIT},,,,2026-03,12.50\n"
    request = cubes.ImportCellsRequest(
        version_id=a_version(world), csv=text.encode(), name="plan.csv"
    )
    return Example(request, role="planning")


def a_year_plan(world: World, *, until: int = 1) -> YearPlan:
    """Launch a year plan of two areas, and play it up to a step."""
    return launched(world, areas=[a_unit(world), a_unit(world)]).play(until)


def launch_annual_plan(world: World) -> Example:
    """Launch the plan of a year that has none."""
    return Example(launch_request([a_unit(world)]), role="decision_layer")


def provide_info_item(world: World) -> Example:
    """Provide last year's plan."""
    request = annual_plans.ProvideInfoItemRequest(
        annual_plan_id=a_year_plan(world).annual_plan_id,
        number=1,
        text="last year's plan",
        amount=yuan(2_400_000),
    )
    return Example(request, role="planning")


def record_plan_meeting(world: World) -> Example:
    """Call the kick-off."""
    request = annual_plans.RecordPlanMeetingRequest(
        annual_plan_id=a_year_plan(world).annual_plan_id,
        kind=annual_plan_pb.PLAN_MEETING_KIND_KICK_OFF,
        planned_date="2026-03-10",
    )
    return Example(request, role="planning")


def close_plan_phase(world: World) -> Example:
    """Close the first phase, of which nothing is missing."""
    plan = a_year_plan(world, until=8)
    plan.fill(1)
    request = annual_plans.ClosePlanPhaseRequest(annual_plan_id=plan.annual_plan_id, phase=1)
    return Example(request, role="planning")


def record_contribution(world: World) -> Example:
    """Merge the summaries of all regions."""
    request = annual_plans.RecordContributionRequest(
        annual_plan_id=a_year_plan(world, until=3).annual_plan_id,
        sales_summary=annual_contents.SalesSummary(text="all regions"),
    )
    return Example(request, role="sales_director")


def set_targets(world: World) -> Example:
    """Set the company's targets."""
    request = annual_plans.SetTargetsRequest(
        annual_plan_id=a_year_plan(world, until=9).annual_plan_id,
        sales=yuan(2_600_000),
        profit=yuan(500_000),
    )
    return Example(request, role="decision_layer")


def decompose_targets(world: World) -> Example:
    """Decompose sales to two products."""
    split = annual_targets.TargetSplit(
        measure=annual_targets.TARGET_MEASURE_SALES,
        parts=[annual_targets.TargetPart(product_id=one, weight=1) for one in PRODUCTS],
    )
    request = annual_plans.DecomposeTargetsRequest(
        annual_plan_id=a_year_plan(world, until=10).annual_plan_id,
        view=annual_targets.TARGET_VIEW_PRODUCT,
        splits=[split],
    )
    return Example(request, role="market_director")


def balance_targets(world: World) -> Example:
    """Agree on priorities."""
    request = annual_plans.BalanceTargetsRequest(
        annual_plan_id=a_year_plan(world, until=12).annual_plan_id, priorities="south first"
    )
    return Example(request, role="planning")


def submit_plan(world: World) -> Example:
    """Submit a product's plan."""
    plan = a_year_plan(world, until=13)
    plan.close_before(14)
    lines = [
        annual_contents.ProductPlanLine(activity="promote", expense_type=kind, amount=yuan(amount))
        for kind, amount in MARKET["P1"].items()
    ]
    request = annual_plans.SubmitPlanRequest(
        annual_plan_id=plan.annual_plan_id,
        product_plan=annual_contents.ProductPlan(product_id="P1", lines=lines),
    )
    return Example(request, role="product_manager")


def record_financial_analysis(world: World) -> Example:
    """Analyse both drafts."""
    plan = a_year_plan(world, until=19)
    plan.close_before(20)
    request = annual_plans.RecordFinancialAnalysisRequest(
        annual_plan_id=plan.annual_plan_id, analysis="profit 503,985"
    )
    return Example(request, role="finance")


def confirm_targets(world: World) -> Example:
    """Confirm the targets of an analysed plan."""
    request = annual_plans.ConfirmTargetsRequest(
        annual_plan_id=a_year_plan(world, until=20).annual_plan_id
    )
    return Example(request, role="decision_layer")


def decide_challenge(world: World) -> Example:
    """Agree to a confirmed plan."""
    plan = a_year_plan(world, until=21)
    plan.meet(annual_plan_pb.PLAN_MEETING_KIND_CHALLENGE)
    request = annual_plans.DecideChallengeRequest(
        annual_plan_id=plan.annual_plan_id,
        decision=annual_plan_pb.PlanRevision.DECISION_AGREE,
    )
    return Example(request, role="decision_layer")


def approve_annual_plan(world: World) -> Example:
    """Approve an agreed plan."""
    request = annual_plans.ApproveAnnualPlanRequest(
        annual_plan_id=a_year_plan(world, until=26).annual_plan_id
    )
    return Example(request, role="decision_layer")


def claim_plan(world: World) -> Example:
    """Claim the market plan."""
    request = annual_plans.ClaimPlanRequest(
        annual_plan_id=a_year_plan(world, until=27).annual_plan_id,
        part=annual_plan_pb.PLAN_CLAIM_PART_MARKET,
        signature="signed",
    )
    return Example(request, role="market_director")


def archive_annual_plan(world: World) -> Example:
    """Archive a plan that all have claimed."""
    plan = a_year_plan(world, until=31)
    plan.close_before(32)
    request = annual_plans.ArchiveAnnualPlanRequest(annual_plan_id=plan.annual_plan_id)
    return Example(request, role="finance")


def open_rolling_cycle(world: World) -> Example:
    """Open the cycle of a new region."""
    monthly_desk.know_members(world)
    region, offices = monthly_desk.found_region(world)
    request = rolling.OpenRollingCycleRequest(unit_id=region, month="2026-03", office_ids=offices)
    return Example(request, role="planning")


def record_customer_demand(world: World) -> Example:
    """Record that there was nobody to talk with."""
    desk = monthly_desk.open_cycle(world)
    request = rolling.RecordCustomerDemandRequest(cycle_id=desk.cycle_id, unit_id=desk.offices[0])
    return Example(request, role="channel_manager", unit_id=desk.offices[0])


def record_local_situation(world: World) -> Example:
    """Record the situation of an office that has talked."""
    desk = monthly_desk.open_cycle(world)
    desk.talk(desk.offices[0])
    request = rolling.RecordLocalSituationRequest(
        cycle_id=desk.cycle_id, unit_id=desk.offices[0], situation="a dry spring"
    )
    return Example(request, role="channel_manager", unit_id=desk.offices[0])


def submit_office_draft(world: World) -> Example:
    """Submit an office's first draft."""
    desk = monthly_desk.open_cycle(world)
    desk.prepare(desk.offices[0])
    request = rolling.SubmitOfficeDraftRequest(
        cycle_id=desk.cycle_id,
        unit_id=desk.offices[0],
        lines=[monthly_desk.line(1_000)],
        tool=rolling_plan_pb2.FORECAST_TOOL_OWN_JUDGEMENT,
    )
    return Example(request, role="channel_manager", unit_id=desk.offices[0])


def check_office_draft(world: World) -> Example:
    """Pass a draft as it is."""
    desk = monthly_desk.open_cycle(world)
    desk.prepare(desk.offices[0])
    desk.draft(desk.offices[0])
    request = rolling.CheckOfficeDraftRequest(
        cycle_id=desk.cycle_id,
        unit_id=desk.offices[0],
        decision=rolling.CheckOfficeDraftRequest.DECISION_PASSED,
    )
    return Example(request, role="regional_manager", unit_id=desk.unit_id)


def file_office_forecast(world: World) -> Example:
    """File what the channel manager forecast."""
    desk = monthly_desk.open_cycle(world)
    desk.prepare(desk.offices[0])
    desk.draft(desk.offices[0])
    desk.check(desk.offices[0])
    request = rolling.FileOfficeForecastRequest(cycle_id=desk.cycle_id, unit_id=desk.offices[0])
    return Example(request, role="regional_manager", unit_id=desk.unit_id)


def merge_forecasts(world: World) -> Example:
    """Merge the one office of a region."""
    desk = monthly_desk.open_cycle(world).offices_done()
    return Example(rolling.MergeForecastsRequest(cycle_id=desk.cycle_id), role="planning")


def file_regional_forecasts(world: World) -> Example:
    """File what the regional manager checked."""
    desk = monthly_desk.open_cycle(world).offices_done()
    world.call(rolling.MergeForecastsRequest(cycle_id=desk.cycle_id), role="planning")
    return Example(rolling.FileRegionalForecastsRequest(cycle_id=desk.cycle_id), role="planning")


def adjust_forecast(world: World) -> Example:
    """Add to a month because of a special event."""
    desk = monthly_desk.open_cycle(world).merged()
    event = rolling_plan_pb2.ForecastAdjustmentDraft.REASON_SPECIAL_EVENT
    request = rolling.AdjustForecastRequest(
        cycle_id=desk.cycle_id,
        side=monthly_desk.SALES,
        adjustments=[monthly_desk.change(50, event)],
    )
    return Example(request, role="sales_director")


def give_consent(world: World) -> Example:
    """Consent as the market director."""
    desk = monthly_desk.open_cycle(world).merged()
    desk.adjust_nothing()
    request = rolling.GiveConsentRequest(
        cycle_id=desk.cycle_id, side=monthly_desk.MARKET, consent=True
    )
    return Example(request, role="market_director")


def agree_forecast(world: World) -> Example:
    """Keep the minutes of the internal meeting."""
    desk = monthly_desk.open_cycle(world).merged()
    desk.adjust_nothing()
    request = rolling.AgreeForecastRequest(cycle_id=desk.cycle_id, minutes="all agreed")
    return Example(request, role="planning")


def draft_monthly_plan(world: World) -> Example:
    """Make the draft to which both directors consent."""
    desk = monthly_desk.open_cycle(world).agreed()
    return Example(rolling.DraftMonthlyPlanRequest(cycle_id=desk.cycle_id), role="planning")


def check_capacity(world: World) -> Example:
    """Ask production."""
    desk = monthly_desk.open_cycle(world).drafted()
    return Example(rolling.CheckCapacityRequest(cycle_id=desk.cycle_id), role="production")


def check_material(world: World) -> Example:
    """Ask supply after production."""
    desk = monthly_desk.open_cycle(world).drafted()
    desk.capacity()
    return Example(rolling.CheckMaterialRequest(cycle_id=desk.cycle_id), role="supply")


def coordinate_supply(world: World) -> Example:
    """Go on with a draft that can be supplied."""
    desk = monthly_desk.open_cycle(world).supplied()
    return Example(rolling.CoordinateSupplyRequest(cycle_id=desk.cycle_id), role="planning")


def approve_rolling_plan(world: World) -> Example:
    """Approve a plan."""
    desk = monthly_desk.open_cycle(world).coordinated()
    return Example(rolling.ApproveRollingPlanRequest(cycle_id=desk.cycle_id), role="decision_layer")


def archive_rolling_plan(world: World) -> Example:
    """File an approved plan."""
    desk = monthly_desk.open_cycle(world).approved()
    return Example(rolling.ArchiveRollingPlanRequest(cycle_id=desk.cycle_id), role="marketing_vp")


def acknowledge_plan(world: World) -> Example:
    """Acknowledge an approved plan for an office."""
    desk = monthly_desk.open_cycle(world).approved()
    request = rolling.AcknowledgePlanRequest(
        cycle_id=desk.cycle_id,
        recipient_group=rolling_plan_pb2.RECIPIENT_GROUP_OFFICES,
        unit_id=desk.offices[0],
    )
    return Example(request, role="channel_manager", unit_id=desk.offices[0])


def file_tracking_report(world: World) -> Example:
    """Report on a January that fell short."""
    request = adjustments.FileTrackingReportRequest(
        unit_id=monthly_desk.short_region(world), month="2026-01"
    )
    return Example(request, role="finance")


def review_variance(world: World) -> Example:
    """Call a major variance major."""
    desk = monthly_desk.file_report(world)
    request = adjustments.ReviewVarianceRequest(
        adjustment_id=desk.adjustment_id, decision=adjustments.ReviewVarianceRequest.DECISION_MAJOR
    )
    return Example(request, role="decision_layer")


def set_new_targets(world: World) -> Example:
    """Want the shortfall back."""
    desk = monthly_desk.file_report(world)
    desk.review()
    target = adjustment_pb2.AdjustmentTarget(
        measure="sales", unit_id=desk.unit_id, change=1_425_000
    )
    request = adjustments.SetNewTargetsRequest(
        adjustment_id=desk.adjustment_id,
        cause_code=adjustment_pb2.CAUSE_CODE_MARKET,
        cause="the market shrank",
        targets=[target],
    )
    return Example(request, role="decision_layer")


def compile_activities(world: World) -> Example:
    """Compile a year without campaigns."""
    desk = monthly_desk.file_report(world)
    desk.review()
    desk.target(1_425_000)
    request = adjustments.CompileActivitiesRequest(adjustment_id=desk.adjustment_id)
    return Example(request, role="planning")


def propose_package(world: World) -> Example:
    """Propose to catch up."""
    desk = monthly_desk.file_report(world).compiled()
    request = adjustments.ProposePackageRequest(
        adjustment_id=desk.adjustment_id,
        side=monthly_desk.SALES,
        shifts=monthly_desk.catch_up(desk.unit_id, 1_425_000),
    )
    return Example(request, role="sales_director")


def adjust_plan(world: World) -> Example:
    """Make the next version by both packages."""
    desk = monthly_desk.file_report(world).proposed()
    return Example(adjustments.AdjustPlanRequest(adjustment_id=desk.adjustment_id), role="planning")


def check_adjustment(world: World) -> Example:
    """Pass an adjusted plan."""
    desk = monthly_desk.file_report(world).proposed()
    desk.adjust()
    request = adjustments.CheckAdjustmentRequest(
        adjustment_id=desk.adjustment_id,
        decision=adjustments.CheckAdjustmentRequest.DECISION_PASSED,
    )
    return Example(request, role="finance")


def claim_adjustment(world: World) -> Example:
    """Put an adjusted plan in force by the second claim."""
    desk = monthly_desk.file_report(world).checked()
    desk.claim(monthly_desk.MARKET)
    request = adjustments.ClaimAdjustmentRequest(
        adjustment_id=desk.adjustment_id, side=monthly_desk.SALES
    )
    return Example(request, role="sales_director")


def archive_adjustment(world: World) -> Example:
    """Archive a claimed adjustment."""
    desk = monthly_desk.file_report(world).claimed()
    request = adjustments.ArchiveAdjustmentRequest(adjustment_id=desk.adjustment_id)
    return Example(request, role="finance")


def a_priced_version(world: World) -> str:
    """Begin a plan of a product's volume with its price, and return its id."""
    product_id = f"P{next(_numbers)}"
    members = [cube_pb2.CubeMember(code=product_id, name="a pill")]
    axis = cube_pb2.CUBE_MEMBER_AXIS_PRODUCT
    world.call(cubes.DefineMembersRequest(axis=axis, members=members), role="planning")
    version_id = a_version(world)
    cell = a_cell(1_000)
    cell.measure, cell.address.product_id = "volume", product_id
    world.call(cubes.WriteCellsRequest(version_id=version_id, cells=[cell]), role="planning")
    world.call(new_assumptions(version_id, product_id), role="finance")
    return version_id


def new_assumptions(version_id: str, product_id: str = "P1") -> profits.SetAssumptionsRequest:
    """Return the request that sets the price of a product, and a commission."""
    price = profit_pb2.PriceAssumption(
        product_id=product_id,
        list_price=money_pb2.UnitPrice(currency_code="CNY", amount="10.00"),
        channel_factor="0.90",
        allowance_share="0.05",
        unit_cost=money_pb2.UnitPrice(currency_code="CNY", amount="3.00"),
    )
    share = profit_pb2.SalesShare(expense_type="expense_sales_commission", share="0.03")
    return profits.SetAssumptionsRequest(
        version_id=version_id, prices=[price], sales_shares=[share]
    )


def set_assumptions(world: World) -> Example:
    """Set the price of a product."""
    return Example(new_assumptions(a_version(world)), role="finance")


def compute_profit(world: World) -> Example:
    """Compute a version that has a volume and a price."""
    request = profits.ComputeProfitRequest(version_id=a_priced_version(world))
    return Example(request, role="finance")


def run_what_if(world: World) -> Example:
    """Give one percent more away."""
    request = profits.RunWhatIfRequest(
        version_id=a_priced_version(world),
        name=f"6 % {new_id()}",
        changes=[profit_pb2.AssumptionChange(allowance_share="0.06")],
        unit_id=ROOT_UNIT,
        first_month="2026-01",
        last_month="2026-12",
    )
    return Example(request, role="finance")
