"""Planning a campaign up to its start, and from its end to its lesson, by the people in charge."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from threading import Barrier
from typing import Any, Final

from mantle.planning.v1 import (
    budget_service_pb2,
    campaign_pb2,
    campaign_service_pb2,
)

from chassis import telemetry
from local.demo import money
from local.demo.company import NOT_YET
from local.demo.desk import Person, Refused, all_pages, until
from local.demo.narrator import ZONE, cny, minor_text
from local.demo.scene import Scene, stamp

SHARES_MINOR: Final = {"a1": 6_000_000, "a2": 4_000_000}
LINES_MINOR: Final = {"a1": 8_000_000, "a2": 5_000_000}
RACE_MINOR: Final = 3_000_000
PLANNER: Final = "planning_team_manager"

SIGNATURES: Final = (
    ("planning_team_manager", campaign_pb2.CAMPAIGN_PART_INITIATOR, "business department"),
    ("market_director", campaign_pb2.CAMPAIGN_PART_PRODUCT_AND_TARIFF, "product and tariff"),
    ("customer_service", campaign_pb2.CAMPAIGN_PART_WORDING, "wording"),
    ("business_support", campaign_pb2.CAMPAIGN_PART_SUPPORT, "support"),
)


@dataclass(frozen=True, slots=True)
class Money:
    """Name where a campaign's budget comes from: unit → budget line, unit → minor units."""

    lines: Mapping[str, str]
    shares: Mapping[str, int]


def open_budget(scene: Scene) -> dict[str, str]:
    """Bring a budget line of each area into force.

    Shape: unit → budget line.
    """
    lines, first = {}, scene.clock.today(ZONE)
    vice = scene.desk.person("marketing_vp")
    for unit_id, amount_minor in LINES_MINOR.items():
        draft = budget_service_pb2.CreateBudgetLineRequest(
            unit_id=unit_id,
            name=f"Campaigns from {first.isoformat()}",
            expense_type="campaign",
            start_date=first.isoformat(),
            end_date=(first + timedelta(days=365)).isoformat(),
            amount=cny(amount_minor),
        )
        manager = scene.desk.person("regional_manager", unit_id)
        line = manager.ask_when_told(draft, reasons=NOT_YET).budget_line
        approval = budget_service_pb2.ApproveBudgetLineRequest(budget_line_id=line.budget_line_id)
        if unit_id == "a1":
            director = scene.desk.person("sales_director")
            scene.narrator.refused(
                f"The sales director approves {minor_text(amount_minor)} for a1",
                director.refusal(approval),
            )
        vice.ask(approval)
        lines[unit_id] = line.budget_line_id
    sums = ", ".join(f"{unit} {minor_text(amount)}" for unit, amount in LINES_MINOR.items())
    scene.narrator.tell(f"Budget in force: {sums}", "approved by the vice president for marketing")
    return lines


def race_for_budget(scene: Scene, line_id: str) -> list[str]:
    """Let two people reserve the same money at the same moment; give back what was reserved.

    Shape: the answer of each, `reserved` or the reason of the refusal.
    """
    barrier, parent = Barrier(2), telemetry.traceparent()
    person = scene.desk.person("planning", "a2")

    def reserve(number: int) -> str:
        request = budget_service_pb2.ReserveBudgetRequest(
            budget_line_id=line_id,
            amount=cny(RACE_MINOR),
            owner_service="planning",
            owner_kind="fair",
            owner_id=f"fair-{number}",
            expire_time=stamp(scene.clock.now() + timedelta(hours=1)),
        )
        with scene.desk.step(f"reserve, person {number}", parent):
            barrier.wait(timeout=10)
            return _reserved(person, request)

    with ThreadPoolExecutor(2) as pool:
        answers = sorted(pool.map(reserve, (1, 2)))
    won = [answer for answer in answers if answer.startswith("id:")]
    for answer in won:
        person.ask(
            budget_service_pb2.ReleaseReservationRequest(reservation_id=answer.removeprefix("id:"))
        )
    return ["reserved" if answer in won else answer for answer in answers]


def stop_left_over(scene: Scene, segments: Sequence[str]) -> None:
    """Stop what an earlier demo that was broken off has left running."""
    running = (campaign_pb2.Campaign.STATE_EXECUTING, campaign_pb2.Campaign.STATE_PAUSED)
    planner = scene.desk.person(PLANNER)
    for segment in segments:
        asked = campaign_service_pb2.ListCampaignsRequest(segment=segment)
        for one in all_pages(planner, asked, "campaigns"):
            if one.state in running:
                stop = campaign_service_pb2.StopCampaignRequest(
                    campaign_id=one.campaign_id, reason="left over"
                )
                act(scene, stop)


def create(scene: Scene, plan: campaign_pb2.CampaignPlan) -> Any:
    """Plan a campaign."""
    planner = scene.desk.person(PLANNER)
    request = campaign_service_pb2.CreateCampaignRequest(unit_id="hq", plan=plan)
    # The products come to planning as facts of channels, a moment after their release.
    return planner.ask_when_told(request, reasons=NOT_YET | {"PRODUCT_UNKNOWN"}).campaign


def allocate(scene: Scene, campaign_id: str, money: Money) -> Any:
    """Reserve the campaign's budget on its lines."""
    lines = [
        campaign_service_pb2.AllocationLine(
            budget_line_id=money.lines[unit_id], unit_id=unit_id, amount=cny(amount_minor)
        )
        for unit_id, amount_minor in money.shares.items()
    ]
    return (
        scene.desk.person(PLANNER)
        .ask(campaign_service_pb2.AllocateResourcesRequest(campaign_id=campaign_id, lines=lines))
        .campaign
    )


def submit_and_sign(scene: Scene, campaign_id: str) -> None:
    """Put a campaign to its signatories and let all four sign."""
    scene.desk.person(PLANNER).ask(
        campaign_service_pb2.SubmitCampaignRequest(campaign_id=campaign_id)
    )
    for role, part, _ in SIGNATURES:
        scene.desk.person(role).ask(_signature(campaign_id, part))


def sign_as_somebody_else(scene: Scene, campaign_id: str) -> str:
    """Let a role sign that has no part in it, and return the refusal."""
    signature = _signature(campaign_id, campaign_pb2.CAMPAIGN_PART_WORDING)
    return scene.desk.person("finance").refusal(signature)


def start_too_early(scene: Scene, campaign_id: str) -> str:
    """Try to start with four of five signatures, and return the refusal."""
    return scene.desk.person(PLANNER).refusal(
        campaign_service_pb2.StartCampaignRequest(campaign_id=campaign_id)
    )


def approve(scene: Scene, campaign_id: str) -> Any:
    """Let the office meeting agree."""
    return (
        scene.desk.person("office_meeting")
        .ask(
            campaign_service_pb2.ApproveCampaignRequest(
                campaign_id=campaign_id,
                decision=campaign_service_pb2.ApproveCampaignRequest.DECISION_AGREE,
            )
        )
        .campaign
    )


def act(scene: Scene, request: Any) -> Any:
    """Let the planning team's manager take a step of a campaign; return the campaign."""
    return scene.desk.person(PLANNER).ask(request).campaign


def await_actuals(scene: Scene, campaign_id: str) -> campaign_pb2.CampaignResult:
    """Wait until planning knows the cost and the revenue that settlement has booked."""
    booked = money.booked(scene, campaign_id)

    def result() -> campaign_pb2.CampaignResult:
        asked = campaign_service_pb2.GetCampaignResultRequest(campaign_id=campaign_id)
        found: campaign_pb2.CampaignResult = scene.desk.person(PLANNER).ask(asked).result
        return found

    def is_known() -> bool:
        now = result()
        return (now.cost.amount_minor, now.revenue.amount_minor) == booked

    until(is_known, f"cost and revenue {booked} of the campaign")
    return result()


def end(scene: Scene, campaign_id: str) -> Any:
    """End a campaign as planned."""
    return act(scene, campaign_service_pb2.EndCampaignRequest(campaign_id=campaign_id))


def evaluate(scene: Scene, campaign_id: str) -> Any:
    """Fix the results of a campaign; the rest of its budget is free again."""
    return act(scene, campaign_service_pb2.EvaluateCampaignRequest(campaign_id=campaign_id))


def close(scene: Scene, campaign_id: str, lesson: str) -> Any:
    """Put the lesson of a campaign into the library."""
    return act(
        scene, campaign_service_pb2.CloseCampaignRequest(campaign_id=campaign_id, lesson=lesson)
    )


def timeline(scene: Scene, campaign_id: str) -> Any:
    """Return the five stages of a campaign with their times."""
    return scene.desk.person(PLANNER).ask(
        campaign_service_pb2.GetCampaignTimelineRequest(campaign_id=campaign_id)
    )


def planning_form(scene: Scene, segment: str) -> Any:
    """Return what the next campaign of the segment starts from."""
    return scene.desk.person(PLANNER).ask(
        campaign_service_pb2.GetPlanningFormRequest(unit_id="hq", segment=segment)
    )


def reserved_minor(scene: Scene, lines: Mapping[str, str]) -> dict[str, int]:
    """Return what is reserved on each line; unit → minor units."""
    finance = scene.desk.person("finance")
    return {
        unit_id: finance.ask(
            budget_service_pb2.GetBudgetLineRequest(budget_line_id=line_id)
        ).budget_line.reserved.amount_minor
        for unit_id, line_id in lines.items()
    }


def names_of_signatures() -> Sequence[str]:
    """Return what is signed, in order."""
    return [what for _, _, what in SIGNATURES]


def _signature(campaign_id: str, part: campaign_pb2.CampaignPart.ValueType) -> Any:
    return campaign_service_pb2.SignCampaignRequest(campaign_id=campaign_id, part=part)


def _reserved(person: Person, request: Any) -> str:
    try:
        return f"id:{person.ask(request).reservation.reservation_id}"
    except Refused as refused:
        return refused.reason
