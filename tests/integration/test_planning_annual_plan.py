"""The year plan: 32 steps, gates, targets, revisions, claims and the archive, with fixture F1."""

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.channels.v1 import order_pb2, quota_service_pb2
from mantle.planning.v1 import annual_plan_content_pb2 as content_pb
from mantle.planning.v1 import annual_plan_pb2 as pb
from mantle.planning.v1 import annual_plan_service_pb2 as service_pb
from mantle.planning.v1 import annual_plan_target_pb2 as target_pb
from mantle.planning.v1 import (
    budget_service_pb2,
    cube_pb2,
    cube_service_pb2,
    events_pb2,
    profit_service_pb2,
)
from mantle.process.v1 import process_service_pb2
from mantle.settlement.v1 import budget_limit_service_pb2
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader, NumberDataPoint

from chassis.database import Transaction
from chassis.period import Month
from chassis.rpc import gauges
from chassis.scope import Caller
from planning.annual_plan import usecases as annual_plan
from planning.cube import usecases as cube
from planning.cube.domain import ACTUAL, Act, Address, Axis, Cell, Kind, Member
from tests.support.examples_planning import a_hold, a_unit
from tests.support.monthly_desk import PLANNER, quietly
from tests.support.planning_world import Office, office
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, Refused, World
from tests.support.waiting import until
from tests.support.year_plan import (
    DIRECTIONS,
    EXPENSES,
    VOLUMES,
    YearPlan,
    first_plan,
    launch_request,
    launched,
    price,
    regional_plan,
    strategy,
    yuan,
)

__all__ = ["office"]

STAFF = Caller("finance@hq", frozenset({"finance"}), ROOT_UNIT, "finance@hq")


def on(world: World, day: str) -> None:
    """Set the business clock to the morning of a day in the company's zone."""
    world.clock.set(datetime.fromisoformat(f"{day}T02:00:00").replace(tzinfo=UTC))


def areas(world: World) -> tuple[str, str]:
    """Found the two areas of F1 in time for FY2026."""
    a_unit(world, "A1", valid_from="2025-01-01")
    a_unit(world, "A2", valid_from="2025-01-01")
    return "A1", "A2"


@pytest.fixture
def plan(office: Office) -> Iterator[YearPlan]:
    """Give the plan of FY2026, launched on 8 October 2025."""
    on(office.world, "2025-10-08")
    yield launched(office.world, fiscal_year=2026, areas=areas(office.world))


def refused(plan: YearPlan, request: object, *, role: str, unit_id: str = ROOT_UNIT) -> Refused:
    """Send a request that must be refused, and return the refusal."""
    with pytest.raises(Refused) as caught:
        plan.call(request, role=role, unit_id=unit_id)  # type: ignore[arg-type]
    return caught.value


def post_actual(world: World, unit_id: str, month: Month, amount_minor: int) -> None:
    """Let sales come, as the ledger would tell them."""
    service = world.services["planning"]
    at = world.clock.now()
    with service.database.transaction() as tx:
        actual = cube.version_named(tx, ACTUAL) or cube.create_version(
            tx, name=ACTUAL, kind=Kind.ACTUAL, by=STAFF, at=at
        )
        cell = Cell("sales", Address(unit_id, "", "", "", month), amount_minor)
        cube.write(tx, actual.version_id, [cell], by=STAFF, at=at, act=Act.IMPORT)


@req("R-001")
def test_the_decision_layer_launches_one_plan_a_year(plan: YearPlan) -> None:
    found = plan.get()
    again = refused(plan, launch_request(plan.areas, fiscal_year=2026), role="decision_layer")
    other = refused(plan, launch_request(plan.areas, fiscal_year=2027), role="regional_manager")

    assert found.state == pb.AnnualPlan.STATE_LAUNCHED
    assert [one.state for one in found.phases] == [
        pb.PlanPhase.STATE_OPEN,
        *[pb.PlanPhase.STATE_WAITING] * 3,
    ]
    assert (again.code.name, again.reason) == ("ALREADY_EXISTS", "ANNUAL_PLAN_ALREADY_EXISTS")
    assert other.code.name == "PERMISSION_DENIED"


@req("R-001")
def test_the_areas_of_a_plan_lie_beside_each_other_and_its_offices_in_them(
    office: Office,
) -> None:
    world = office.world
    on(world, "2025-10-08")
    first, second = areas(world)
    inner = a_unit(world, "A1-inner", valid_from="2025-01-01", parent="A1")
    asked = [
        launch_request([first, inner]),
        launch_request([second], offices=[inner]),
    ]
    outside = launch_request([second])
    outside.unit_id = first

    reasons = []
    for request in (*asked, outside):
        with pytest.raises(Refused) as caught:
            world.call(request, role="decision_layer")
        reasons.append(caught.value.reason)

    assert reasons == ["PLAN_AREA_INVALID"] * 3


@req("R-002")
def test_the_windows_come_from_the_calendar_and_a_late_plan_is_told_once(plan: YearPlan) -> None:
    windows = plan.get().windows
    on(plan.world, "2025-11-20")
    before = plan.get().alerts
    on(plan.world, "2025-11-21")
    after = plan.get().alerts

    assert [(one.first_date, one.last_date) for one in windows] == [
        ("2025-10-01", "2025-10-10"),
        ("2025-11-01", "2025-11-10"),
        ("2025-11-11", "2025-11-20"),
    ]
    assert windows[0].done_date == "2025-10-08" and not windows[0].late
    assert [one.due_date for one in before] == ["2025-11-10"]
    assert [(one.kind, one.due_date) for one in after] == [(pb.PlanAlert.KIND_WINDOW, "2025-11-20")]


@req("R-002")
def test_what_is_late_is_measured_until_the_plan_is_archived(plan: YearPlan) -> None:
    on(plan.world, "2025-11-21")
    service = plan.world.services["planning"]
    reader = InMemoryMetricReader()
    gauges.count(
        MeterProvider([reader]).get_meter("test"),
        "mantle.annual_plan.alerts",
        lambda tx: annual_plan.alert_count(
            tx, at=service.clock.now(), zone=service.settings.time_zone
        ),
        database=service.database,
        unit="{alert}",
    )

    late = measured(reader)
    plan.play(until=32)

    assert (late, measured(reader)) == (1, 0)


def measured(reader: InMemoryMetricReader) -> int | float:
    """Return the one number that is measured now; a gauge that is not read in time tells none."""
    points: list[NumberDataPoint] = []

    def is_told() -> bool:
        points.extend(points_of(reader))
        return bool(points)

    until(is_told, "the gauge to be read")
    [point] = points
    return point.value


def points_of(reader: InMemoryMetricReader) -> list[NumberDataPoint]:
    """Return what one look at the only gauge brings."""
    found = reader.get_metrics_data()
    metrics = found.resource_metrics[0].scope_metrics[0].metrics if found else []
    return [
        point
        for metric in metrics
        for point in metric.data.data_points
        if isinstance(point, NumberDataPoint)
    ]


@req("R-002")
def test_a_meeting_that_was_called_and_not_held_is_told(plan: YearPlan) -> None:
    request = service_pb.RecordPlanMeetingRequest(
        kind=pb.PLAN_MEETING_KIND_KICK_OFF, planned_date="2025-10-09"
    )
    plan.call(request, role="planning")
    on(plan.world, "2025-10-10")

    assert [(one.kind, one.name_en) for one in plan.get().alerts] == [
        (pb.PlanAlert.KIND_MEETING, "Kick-off")
    ]


@req("R-003", "R-009")
def test_a_phase_closes_only_with_all_its_items(plan: YearPlan) -> None:
    plan.play(until=8).close_before(9)
    plan.contribute(role="decision_layer", strategy=strategy(DIRECTIONS[:5]))
    for play in (plan.set_targets, plan.decompose_products, plan.decompose_areas, plan.balance):
        play()
    plan.fill(2)

    lacking = refused(plan, service_pb.ClosePlanPhaseRequest(phase=2), role="planning")
    plan.contribute(role="decision_layer", strategy=strategy(DIRECTIONS[5:]))
    plan.close(2)

    assert (lacking.code.name, lacking.reason) == ("FAILED_PRECONDITION", "PLAN_PHASE_INCOMPLETE")
    assert lacking.metadata["missingItems"] == "10"
    assert lacking.metadata["missingMeetings"] == "" == lacking.metadata["missingSteps"]
    assert plan.get().phase == 3


@req("R-003")
def test_a_phase_waits_for_the_one_before(plan: YearPlan) -> None:
    plan.play(until=19)

    early = refused(plan, service_pb.ClosePlanPhaseRequest(phase=4), role="planning")
    step = refused(
        plan, service_pb.RecordFinancialAnalysisRequest(analysis="early"), role="finance"
    )

    assert [early.reason, step.reason] == ["PLAN_PHASE_NOT_OPEN"] * 2
    assert early.metadata["openPhase"] == "3"


@req("R-003")
def test_the_information_items_are_37_in_four_phases(plan: YearPlan) -> None:
    phases = plan.get().phases

    assert [len(one.items) for one in phases] == [4, 14, 8, 11]
    assert [item.number for one in phases for item in one.items] == list(range(1, 38))


def test_an_item_that_a_step_brings_is_not_provided_by_hand(plan: YearPlan) -> None:
    request = service_pb.ProvideInfoItemRequest(number=11, text="2,600,000")

    assert refused(plan, request, role="planning").reason == "PLAN_ITEM_DERIVED"


@req("R-004")
def test_the_meetings_are_five_in_order_and_gates_of_the_phases(plan: YearPlan) -> None:
    listed = [one.kind for one in plan.get().meetings]
    plan.play(until=27)
    plan.fill(4)
    plan.meet(pb.PLAN_MEETING_KIND_TASK_RELEASE, minutes="")

    lacking = refused(plan, service_pb.ClosePlanPhaseRequest(phase=4), role="planning")
    plan.meet(pb.PLAN_MEETING_KIND_TASK_RELEASE)
    plan.close(4)

    assert listed == [1, 2, 3, 4, 5]
    assert lacking.metadata["missingMeetings"] == "TASK_RELEASE"
    assert plan.get().phase == 5


@req("R-004", "R-024")
def test_minutes_need_somebody_in_each_wanted_role(plan: YearPlan) -> None:
    request = service_pb.RecordPlanMeetingRequest(
        kind=pb.PLAN_MEETING_KIND_CHALLENGE,
        held_date="2025-11-12",
        participants=[
            pb.MeetingParticipant(subject=role, role=role)
            for role in ("decision_layer", "market_director", "sales_director", "finance")
        ],
        minutes="production was missing",
    )

    refusal = refused(plan, request, role="planning")

    assert refusal.reason == "PLAN_MEETING_INCOMPLETE"
    assert refusal.metadata["missing"] == "production"


@req("R-006")
def test_a_region_expects_its_nine_months_and_its_forecast(plan: YearPlan) -> None:
    plan.play(until=2)
    summary = content_pb.RegionalSummary(
        area_unit_id="A1", text="a year", actual=yuan(1_350_000), forecast=yuan(450_000)
    )
    plan.contribute(role="regional_manager", unit_id="A1", regional_summary=summary)
    before = plan.report().outlooks[0]
    for month, amount in ((10, 135_000), (11, 135_000), (12, 135_000)):
        post_actual(plan.world, "A1", Month(2025, month), amount * 100)
    after = plan.report().outlooks[0]

    assert before.expected == yuan(1_800_000) and before.error_percent == ""
    assert (after.last_quarter, after.error_percent) == (yuan(405_000), "11.11")


@req("R-007")
def test_the_summaries_by_region_and_by_product_reconcile(plan: YearPlan) -> None:
    plan.play(until=6)
    agreed = plan.report().summaries
    plan.summarise_products(rx_of_p2=590_000)
    differing = plan.report().summaries

    assert (agreed.by_area, agreed.by_product) == (yuan(1_800_000), yuan(1_800_000))
    assert agreed.difference.amount_minor == 0
    assert differing.difference == yuan(-10_000)


@req("R-008")
def test_a_preliminary_plan_grows_from_its_base(plan: YearPlan) -> None:
    plan.play(until=5)
    [found] = plan.report().preliminary

    assert (found.sales, found.status) == (yuan(1_944_000), "PRELIMINARY")
    assert found.plan == first_plan()


@req("R-010")
def test_the_company_s_targets_are_preliminary(plan: YearPlan) -> None:
    plan.play(until=10)
    found = plan.targets(view=target_pb.TARGET_VIEW_COMPANY)

    assert {(one.measure, one.value.amount_minor, one.state) for one in found} == {
        (target_pb.TARGET_MEASURE_SALES, 260_000_000, target_pb.TARGET_STATE_PRELIMINARY),
        (target_pb.TARGET_MEASURE_PROFIT, 50_000_000, target_pb.TARGET_STATE_PRELIMINARY),
    }
    assert plan.report().margin_percent == "19.23"


@req("R-011")
def test_targets_come_down_by_weight_to_the_cent(plan: YearPlan) -> None:
    plan.play(until=12)

    found = plan.targets(view=target_pb.TARGET_VIEW_AREA, measure=target_pb.TARGET_MEASURE_SALES)

    assert {one.unit_id: one.value for one in found} == {
        "A1": yuan(1_690_000),
        "A2": yuan(910_000),
    }


@req("R-011")
def test_three_equal_parts_of_a_hundred_lose_no_cent(office: Office) -> None:
    thirds = [a_unit(office.world) for _ in range(3)]
    plan = launched(office.world, areas=thirds).play(until=9)
    plan.set_targets(sales=100)
    split = target_pb.TargetSplit(
        measure=target_pb.TARGET_MEASURE_SALES,
        parts=[target_pb.TargetPart(unit_id=one, weight=1) for one in thirds],
    )
    request = service_pb.DecomposeTargetsRequest(view=target_pb.TARGET_VIEW_AREA, splits=[split])
    plan.call(request, role="sales_director")

    found = {one.unit_id: one.value.amount_minor for one in plan.targets(view=request.view)}

    assert [found[one] for one in thirds] == [3334, 3333, 3333]


@req("R-011")
def test_parts_that_do_not_sum_are_refused_and_leave_nothing(plan: YearPlan) -> None:
    plan.play(until=10)
    split = target_pb.TargetSplit(
        measure=target_pb.TARGET_MEASURE_SALES,
        parts=[
            target_pb.TargetPart(unit_id="A1", amount=yuan(1_690_001)),
            target_pb.TargetPart(unit_id="A2", amount=yuan(910_000)),
        ],
    )
    request = service_pb.DecomposeTargetsRequest(view=target_pb.TARGET_VIEW_AREA, splits=[split])

    refusal = refused(plan, request, role="sales_director")

    assert refusal.reason == "TARGET_SUM_DIFFERS"
    assert refusal.metadata["sumMinor"] == "260000100"
    assert plan.targets(view=target_pb.TARGET_VIEW_AREA) == []


@req("R-012")
def test_views_that_differ_need_a_waiver(plan: YearPlan) -> None:
    plan.play(until=9)
    plan.set_targets(sales=2_640_000)
    plan.decompose_areas()
    plan.set_targets(sales=2_650_500)
    plan.decompose_products(sales=(1_368_000, 1_282_500))

    closed = refused(plan, service_pb.BalanceTargetsRequest(priorities="A1"), role="planning")
    gap = plan.report().views.difference
    plan.balance(waiver_reason="A2 is measured again in spring")

    assert closed.reason == "PLAN_VIEWS_DIFFER"
    assert closed.metadata["gapMinor"] == "1050000"
    assert gap == yuan(10_500)
    assert plan.get().waiver_reason == "A2 is measured again in spring"


@req("R-011", "R-012")
def test_views_that_agree_with_each_other_and_not_with_the_company_differ(plan: YearPlan) -> None:
    plan.play(until=12)
    plan.set_targets(sales=2_650_500)

    closed = refused(plan, service_pb.BalanceTargetsRequest(priorities="A1"), role="planning")
    plan.decompose_products(sales=(1_700_000, 950_500))
    plan.decompose_areas()
    plan.balance()

    assert (closed.reason, closed.metadata["gapMinor"]) == ("PLAN_VIEWS_DIFFER", "-5050000")
    assert plan.get().waiver_reason == ""


@req("R-013")
def test_the_market_plan_is_the_sum_of_the_product_plans(plan: YearPlan) -> None:
    plan.play(until=14)
    report = plan.report()

    assert {one.key: one.planned for one in report.product_plans} == {
        "P1": yuan(150_000),
        "P2": yuan(100_000),
    }
    assert report.market_plan == yuan(250_000)


@req("R-014", "R-017")
def test_area_plans_stand_beside_their_targets(plan: YearPlan) -> None:
    plan.play(until=19)
    report = plan.report()
    whole, a1, a2 = report.sales_plan, *report.area_plans

    assert (a1.planned, a1.difference) == (yuan(1_710_000), yuan(20_000))
    assert (a2.planned, a2.difference) == (yuan(940_500), yuan(30_500))
    assert (whole.planned, whole.target) == (yuan(2_650_500), yuan(2_600_000))
    assert (whole.difference, whole.difference_percent) == (yuan(50_500), "1.94")


@req("R-015")
def test_a_new_terminal_that_costs_more_than_it_brings_is_flagged(plan: YearPlan) -> None:
    plan.play(until=15)
    hospital = content_pb.NewTerminal(
        terminal_id="H4",
        product_id="P1",
        volume=4_000,
        unit_price=price("8.55"),
        unit_cost=price("3.00"),
        development=yuan(30_000),
        verification=yuan(10_000),
        bidding=yuan(5_000),
    )
    growth = content_pb.NaturalGrowth(product_id="P1", base_volume=20_000, growth_percent="5")
    submitted = regional_plan(
        "A1", VOLUMES[0], EXPENSES[0], new_terminals=[hospital], growths=[growth]
    )
    plan.submit(role="regional_manager", unit_id="A1", regional_plan=submitted)
    report = plan.report("A1")
    [found], [grown] = report.new_terminals, report.growths

    assert (found.spend, found.margin) == (yuan(45_000), yuan(22_200))
    assert (found.contribution, found.flagged) == (yuan(-22_800), True)
    assert grown.expected_volume == 21_000


@req("R-021")
def test_an_expense_type_that_the_catalogue_lacks_is_refused(plan: YearPlan) -> None:
    plan.play(until=15)
    unknown = regional_plan("A1", VOLUMES[0], {"expense_fireworks": 1})

    refusal = refused(
        plan,
        service_pb.SubmitPlanRequest(regional_plan=unknown),
        role="regional_manager",
        unit_id="A1",
    )

    assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "EXPENSE_TYPE_UNKNOWN")


@req("R-014")
def test_a_plan_that_is_submitted_again_replaces_the_first(plan: YearPlan) -> None:
    plan.play(until=16)
    fewer = regional_plan("A2", {"P1": 60_000}, {})
    plan.submit(role="regional_manager", unit_id="A2", regional_plan=fewer)

    assert plan.report().area_plans[1].planned == yuan(513_000)


@req("R-016")
def test_the_channel_expansion_is_measured_by_what_channels_tell(
    plan: YearPlan, office: Office
) -> None:
    plan.play(until=17)
    on(plan.world, "2025-06-01")
    for number in range(50):
        office.tell("channels", channels_pb.PartnerActivated(partner_id=f"D{number}", unit_id="A1"))
    on(plan.world, "2026-05-01")
    for number in range(9):
        office.tell("channels", channels_pb.PartnerActivated(partner_id=f"N{number}", unit_id="A2"))
    for number in range(48):
        order = order_pb2.Order(partner_id=f"D{number}", unit_id="A1")
        office.tell("channels", channels_pb.OrderApproved(order=order))
    for number, day in ((46, "2027-01-01"), (47, "2026-12-31")):
        ended = channels_pb.AgreementTerminated(partner_id=f"D{number}", end_date=day)
        office.tell("channels", ended)

    found = plan.report().expansion

    assert (found.win_count, found.won_count, found.won_percent) == (12, 9, "75.0")
    assert (found.keep_count, found.kept_count, found.kept_percent) == (50, 47, "94.0")


@req("R-023")
def test_targets_are_not_confirmed_without_an_analysis_of_the_revision(plan: YearPlan) -> None:
    plan.play(until=19).close_before(20)
    first = refused(plan, service_pb.ConfirmTargetsRequest(), role="decision_layer")
    plan.play(until=21)
    plan.challenge(agree=False)
    again = refused(plan, service_pb.ConfirmTargetsRequest(), role="decision_layer")

    assert [first.code.name, again.code.name] == ["FAILED_PRECONDITION"] * 2
    assert [first.reason, again.reason] == ["STEP_NOT_OPEN"] * 2


@req("R-024")
def test_after_a_disagreement_an_older_challenge_meeting_does_not_count(plan: YearPlan) -> None:
    plan.play(until=21)
    plan.challenge(agree=False)
    plan.revise()
    before = plan.world.clock.now().date() - timedelta(days=1)
    plan.meet(pb.PLAN_MEETING_KIND_CHALLENGE, held=before.isoformat())
    request = service_pb.DecideChallengeRequest(decision=pb.PlanRevision.DECISION_AGREE)

    refusal = refused(plan, request, role="decision_layer")
    plan.challenge(agree=True)

    assert refusal.reason == "PLAN_MEETING_INCOMPLETE"


@req("R-024")
def test_two_disagreements_make_a_third_revision_and_leave_two_read_only(plan: YearPlan) -> None:
    plan.play(until=21)
    for _ in range(2):
        plan.challenge(agree=False)
        plan.revise()
    plan.challenge(agree=True)
    found = plan.get()
    write = cube_service_pb2.WriteCellsRequest(
        version_id=found.revisions[0].cube_version_id,
        cells=[
            cube_pb2.CubeCell(
                measure="sales",
                address=cube_pb2.CubeAddress(unit_id="A1", month="2026-01"),
                value=1,
            )
        ],
    )
    with pytest.raises(Refused) as frozen:
        plan.world.call(write, role="planning")

    assert found.revision == 3 and found.state == pb.AnnualPlan.STATE_APPROVED
    assert [one.decision for one in found.revisions] == [
        pb.PlanRevision.DECISION_DISAGREE,
        pb.PlanRevision.DECISION_DISAGREE,
        pb.PlanRevision.DECISION_AGREE,
    ]
    assert [[op.comment for op in one.opinions] for one in found.revisions[:2]] == [
        ["too dear"],
        ["too dear"],
    ]
    assert len({one.cube_version_id for one in found.revisions}) == 3
    assert frozen.value.reason == "CUBE_VERSION_FROZEN"


@req("R-024")
def test_a_disagreement_reopens_the_revisions_and_all_behind_them(plan: YearPlan) -> None:
    plan.play(until=21)
    plan.challenge(agree=False)
    states = {one.number: one.state for one in plan.report().steps}
    early = refused(
        plan, service_pb.RecordFinancialAnalysisRequest(analysis="again"), role="finance"
    )

    opened = [number for number, state in states.items() if state == 2]
    waiting = [number for number, state in states.items() if state == 1]
    assert opened == [23, 24, 26]
    assert waiting == [18, 19, 20, 21, 22, 25, *range(27, 33)]
    assert early.reason == "STEP_NOT_OPEN"


@req("R-024")
def test_each_office_takes_part_in_the_revision_of_its_region(office: Office) -> None:
    world = office.world
    region = a_unit(world)
    first, second = a_unit(world, parent=region), a_unit(world, parent=region)
    plan = launched(world, areas=[region, a_unit(world)], offices=[first, second]).play(until=21)
    plan.challenge(agree=False)
    plan.submit_products()
    with pytest.raises(Refused) as foreign:
        plan.by_hand(25, role="channel_manager", unit_id=second, key=first)
    plan.take_part()

    [step] = [one for one in plan.report().steps if one.number == 25]

    assert foreign.value.reason == "OUT_OF_SCOPE"
    assert [one.key for one in step.signatures] == [first, second]
    assert [one.done_by for one in step.signatures] == [
        f"channel_manager@{first}",
        f"channel_manager@{second}",
    ]


@req("R-025")
def test_the_budget_is_there_from_the_approval_on(plan: YearPlan) -> None:
    plan.play(until=26)
    line_id = lines_of(plan, "A1")[0]
    with pytest.raises(Refused) as early:
        plan.world.call(a_hold(plan.world, line_id, 100), role="finance")
    plan.play(until=27)

    available = [
        plan.world.call(
            budget_service_pb2.GetBudgetLineRequest(budget_line_id=one), role="finance"
        ).budget_line.available.amount_minor
        for area in plan.areas
        for one in lines_of(plan, area)
    ]

    assert early.value.reason == "NOT_EFFECTIVE"
    assert sum(available) == 51_651_500
    assert plan.get().state == pb.AnnualPlan.STATE_EFFECTIVE


def lines_of(plan: YearPlan, unit_id: str) -> list[str]:
    """Return the ids of the budget lines of a unit."""
    request = budget_service_pb2.ListBudgetLinesRequest(unit_id=unit_id, page_size=100)
    found = plan.world.call(request, role="finance").budget_lines
    return [one.budget_line_id for one in found]


@req("R-025", "R-040")
def test_channels_get_quotas_and_settlement_limits_with_the_approval(plan: YearPlan) -> None:
    """Scenario T1, step 10."""
    plan.world.start("channels", "settlement")
    plan.play(until=27)
    plan.world.settle()

    targets = plan.world.call(
        quota_service_pb2.GetSalesTargetsRequest(unit_id=ROOT_UNIT, fiscal_year=2026, page_size=500)
    ).sales_targets
    limits = plan.world.call(
        budget_limit_service_pb2.GetBudgetLimitsRequest(
            unit_id=ROOT_UNIT, fiscal_year=2026, page_size=500
        )
    ).budget_limits

    sold = [one.value for one in targets.targets if one.measure == "sales"]
    spent = [one.amount.amount_minor for one in limits.limits if one.unit_id == "A1"]
    assert (targets.plan_version, limits.plan_version) == (1, 1)
    assert sum(sold) == 265_050_000
    assert sum(spent) == 30_130_000


@req("R-011", "R-024")
def test_a_target_set_anew_is_confirmed_when_its_parts_sum_to_it_again(plan: YearPlan) -> None:
    plan.play(until=20)
    plan.set_targets(sales=2_700_000)
    confirm = service_pb.ConfirmTargetsRequest()

    differs = refused(plan, confirm, role="decision_layer")
    plan.decompose_products(sales=(1_790_000, 910_000))
    areas_differ = refused(plan, confirm, role="decision_layer")
    plan.decompose_areas()
    plan.play(until=21)

    assert (differs.reason, areas_differ.reason) == ("TARGET_SUM_DIFFERS",) * 2
    assert differs.metadata["targetMinor"] == "270000000"


@req("R-023")
def test_what_was_analysed_is_not_written_by_hand_until_it_is_refused(plan: YearPlan) -> None:
    plan.play(until=20)
    address = cube_pb2.CubeAddress(unit_id="A1", product_id="P1", month="2026-01")
    cell = cube_pb2.CubeCell(measure="sales", address=address, value=1)

    def writing() -> cube_service_pb2.WriteCellsRequest:
        version_id = plan.get().revisions[-1].cube_version_id
        return cube_service_pb2.WriteCellsRequest(version_id=version_id, cells=[cell])

    analysed = refused(plan, writing(), role="planning")
    compute = profit_service_pb2.ComputeProfitRequest(
        version_id=plan.get().revisions[-1].cube_version_id
    )
    computed = refused(plan, compute, role="planning")
    plan.play(until=21)
    plan.challenge(agree=False)
    plan.call(writing(), role="planning")

    assert (analysed.reason, computed.reason) == ("CUBE_VERSION_OWNED",) * 2


def write_thousands(plan: YearPlan, *, products: int) -> int:
    """Plan 1 of volume and sales in every month of both areas for so many products; return how many
    figures that makes."""
    codes = [f"P-{number:038}" for number in range(products)]
    cells = [
        Cell(measure, Address(area, code, "OTC", "", month), 1)
        for area in plan.areas
        for code in codes
        for measure in ("volume", "sales")
        for month in Month(2026, 1).span(12)
    ]
    version_id = plan.get().revisions[-1].cube_version_id
    at = plan.world.clock.now()

    def write(tx: Transaction) -> None:
        cube.define(tx, axis=Axis.PRODUCT, members=[Member(one, one) for one in codes], by=PLANNER)
        cube.write(tx, version_id, cells, by=PLANNER, at=at)

    quietly(plan.world, write)
    return len(cells)


@req("R-025", "R-040")
def test_a_plan_of_tens_of_thousands_of_figures_is_approved_and_told_in_parts(
    plan: YearPlan, office: Office
) -> None:
    plan.world.start("channels", "settlement")
    plan.play(until=19)
    count = write_thousands(plan, products=1_000)
    plan.play(until=27)
    plan.world.settle()

    told = office.facts(events_pb2.AnnualPlanApproved)
    kept = plan.world.rows("channels", "SELECT count(*), sum(value) FROM sales_target_copy")
    [(_, summed)] = kept

    assert [one.part for one in told] == list(range(told[0].part_count))
    assert told[0].part_count > 1
    assert [one.HasField("annual_plan") for one in told] == [True] + [False] * (len(told) - 1)
    assert sum(len(one.quotas) for one in told) >= count
    assert kept == [(sum(len(one.quotas) for one in told), summed)]
    assert summed == sum(figure.value for one in told for figure in one.quotas)


@req("R-026")
def test_four_claims_open_the_budget_one_after_another(plan: YearPlan, office: Office) -> None:
    plan.play(until=29)
    half = plan.get()
    line_id = lines_of(plan, "A1")[0]
    hold = a_hold(plan.world, line_id, 100)
    with pytest.raises(Refused) as unsigned:
        plan.world.call(hold, role="finance")
    cascade = refused(
        plan,
        service_pb.ClaimPlanRequest(part=pb.PLAN_CLAIM_PART_REGION, key="A1", signature="early"),
        role="regional_manager",
        unit_id="A1",
    )
    plan.play(until=31)
    plan.world.call(hold, role="finance")

    assert half.state == pb.AnnualPlan.STATE_PARTIALLY_CLAIMED and half.claim_count == 2
    assert unsigned.value.reason == "BUDGET_LINE_UNSIGNED"
    assert cascade.reason == "STEP_NOT_OPEN"
    assert plan.get().state == pb.AnnualPlan.STATE_CLAIMED and plan.get().claim_count == 4
    assert len(office.facts(events_pb2.AnnualPlanClaimed)) == 1


@req("R-027")
def test_the_archive_keeps_its_hash_and_the_year_is_measured_by_it(plan: YearPlan) -> None:
    plan.play(until=31).close_before(32)
    made = plan.archive()
    adjust(plan, total_minor=200_000_000)
    post_actual(plan.world, "A1", Month(2026, 3), 132_525_000)

    found = plan.call(service_pb.GetPlanArchiveRequest(), role="finance")

    assert found.archive == made
    assert made.sha256 == hashlib.sha256(made.content.encode()).hexdigest()
    assert json.loads(made.content)["sales_minor"] == 265_050_000
    assert found.score.archived_sales == yuan(2_650_500)
    assert found.score.current_sales == yuan(2_000_000)
    assert (found.score.score_percent, found.score.current_percent) == ("50.00", "66.26")


@req("R-027")
def test_a_plan_that_is_archived_late_is_archived_as_it_was_approved(plan: YearPlan) -> None:
    plan.play(until=31).close_before(32)
    approved = plan.get().revisions[-1].cube_version_id
    adjust(plan, total_minor=200_000_000)

    made = plan.archive()

    content = json.loads(made.content)
    score = plan.call(service_pb.GetPlanArchiveRequest(), role="finance").score
    assert (content["sales_minor"], content["cube_version_id"]) == (265_050_000, approved)
    assert sum(one[-1] for one in content["figures"] if one[0] == "sales") == 265_050_000
    assert (score.archived_sales, score.current_sales) == (yuan(2_650_500), yuan(2_000_000))


def adjust(plan: YearPlan, *, total_minor: int) -> None:
    """Put a version with other sales in force, as an adjustment does."""
    service = plan.world.services["planning"]
    at = plan.world.clock.now()
    with service.database.transaction() as tx:
        before = plan.get().revisions[-1].cube_version_id
        version = cube.branch(tx, before, name="FY2026 v2", kind=Kind.PLAN, by=STAFF, at=at)
        left = cube.total(tx, version.version_id, "sales") - total_minor
        cell = Cell("sales", Address("A1", "", "", "", Month(2026, 12)), -left)
        cube.write(tx, version.version_id, [cell], by=STAFF, at=at)
        annual_plan.replace_version(
            tx, annual_plan_id=plan.annual_plan_id, cube_version_id=version.version_id
        )


@req("R-028")
def test_targets_take_their_four_steps_and_none_is_left_out(plan: YearPlan) -> None:
    plan.play(until=26)
    request = target_pb.TARGET_MEASURE_SALES
    discussed = {one.state for one in plan.targets(measure=request)}
    plan.play(until=27)
    found = plan.targets()

    assert discussed == {target_pb.TARGET_STATE_UNDER_DISCUSSION}
    assert {tuple(move.state for move in one.moves) for one in found} == {(1, 2, 3, 4)}
    assert all(move.HasField("move_time") for one in found for move in one.moves)


@req("R-028")
def test_nobody_agrees_to_a_target_that_was_not_discussed(plan: YearPlan) -> None:
    plan.play(until=21)
    plan.meet(pb.PLAN_MEETING_KIND_CHALLENGE)
    plan.set_targets(sales=2_650_500)
    request = service_pb.DecideChallengeRequest(decision=pb.PlanRevision.DECISION_AGREE)

    refusal = refused(plan, request, role="decision_layer")
    plan.challenge(agree=False)
    plan.decompose_products(sales=(1_740_500, 910_000))
    plan.decompose_areas()
    plan.revise()
    plan.challenge(agree=True)

    assert refusal.code.name == "FAILED_PRECONDITION"
    assert refusal.reason == "TARGET_STATE_FORBIDS"
    assert (refusal.metadata["state"], refusal.metadata["to"]) == ("PRELIMINARY", "ISSUED")


@req("R-029")
def test_a_year_below_the_floor_needs_reasons(plan: YearPlan) -> None:
    plan.play(until=8)
    plan.fill(1)
    plan.item(3, " ")

    refusal = refused(plan, service_pb.ClosePlanPhaseRequest(phase=1), role="planning")
    plan.item(3, "a new competitor")
    plan.close(1)

    assert refusal.reason == "PLAN_REASON_MISSING"
    assert refusal.metadata["completionPercent"] == "82.50"
    assert refusal.metadata["floorPercent"] == "95.00"
    assert plan.get().phase == 2


@req("R-003", "R-029")
def test_a_plan_and_sales_without_amounts_do_not_close_the_first_phase(plan: YearPlan) -> None:
    """Nothing could be compared, so a year below the floor would need no reasons."""
    plan.play(until=8)
    plan.fill(1)
    for number in (1, 2):
        plan.item(number, "to follow")
    plan.item(3, " ")

    refusal = refused(plan, service_pb.ClosePlanPhaseRequest(phase=1), role="planning")

    assert refusal.reason == "PLAN_PHASE_INCOMPLETE"
    assert refusal.metadata["missingItems"] == "1, 2"


@req("R-030")
def test_only_the_named_actor_completes_a_step(plan: YearPlan) -> None:
    plan.play(until=15)
    request = service_pb.SubmitPlanRequest(
        regional_plan=regional_plan("A1", VOLUMES[0], EXPENSES[0])
    )

    refusal = refused(plan, request, role="product_manager")

    assert (refusal.code.name, refusal.reason) == ("PERMISSION_DENIED", "STEP_ROLE_FORBIDS")


@req("R-030")
def test_the_steps_name_who_takes_part(plan: YearPlan) -> None:
    steps = plan.report().steps

    assert [one.number for one in steps] == list(range(1, 33))
    assert all(one.responsible and one.accountable for one in steps)
    assert all(one.consulted or one.informed for one in steps)


@req("R-183")
def test_one_area_does_not_read_another_s_plan(plan: YearPlan) -> None:
    plan.play(until=16)
    request = service_pb.GetPlanReportRequest(annual_plan_id=plan.annual_plan_id, area_unit_id="A1")

    own = plan.world.call(request, role="regional_manager", unit_id="A1").report
    refusal = refused(plan, request, role="regional_manager", unit_id="A2")
    targets = plan.world.call(
        service_pb.ListTargetsRequest(annual_plan_id=plan.annual_plan_id),
        role="regional_manager",
        unit_id="A2",
    ).targets

    assert [one.key for one in own.area_plans] == ["A1"]
    assert refusal.reason == "OUT_OF_SCOPE"
    assert {one.unit_id for one in targets} == {"A2"}


@req("R-183")
def test_whoever_takes_no_part_in_a_plan_gets_no_report_on_it(plan: YearPlan) -> None:
    stranger = a_unit(plan.world, "A3", valid_from="2025-01-01")
    request = service_pb.GetPlanReportRequest(area_unit_id=stranger)

    refusal = refused(plan, request, role="regional_manager", unit_id=stranger)

    assert (refusal.code.name, refusal.reason) == ("PERMISSION_DENIED", "OUT_OF_SCOPE")


def test_a_closed_phase_keeps_what_it_brought(plan: YearPlan) -> None:
    plan.play(until=8).close_before(9)
    late = service_pb.ProvideInfoItemRequest(number=1, text="late")
    summary = content_pb.SalesSummary(text="late")

    item = refused(plan, late, role="planning")
    content = refused(
        plan, service_pb.RecordContributionRequest(sales_summary=summary), role="sales_director"
    )

    with pytest.raises(Refused) as meeting:
        plan.meet(pb.PLAN_MEETING_KIND_KICK_OFF, minutes="rewritten")

    reasons = [item.reason, content.reason, meeting.value.reason]
    assert reasons == ["PLAN_PHASE_NOT_OPEN"] * 3


def test_agreed_targets_are_not_set_again(plan: YearPlan) -> None:
    plan.play(until=22)
    request = service_pb.SetTargetsRequest(sales=yuan(1), profit=yuan(1))

    assert refused(plan, request, role="decision_layer").reason == "TARGETS_FIXED"


def test_an_area_that_is_not_planned_gets_no_target(plan: YearPlan) -> None:
    plan.play(until=10)
    part = target_pb.TargetPart(unit_id="A9", amount=yuan(2_600_000))
    split = target_pb.TargetSplit(measure=target_pb.TARGET_MEASURE_SALES, parts=[part])
    request = service_pb.DecomposeTargetsRequest(view=target_pb.TARGET_VIEW_AREA, splits=[split])

    assert refused(plan, request, role="sales_director").reason == "PLAN_PART_UNKNOWN"


def test_a_plan_that_is_not_archived_has_no_archive(plan: YearPlan) -> None:
    refusal = refused(plan, service_pb.GetPlanArchiveRequest(), role="finance")

    assert refusal.reason == "PLAN_ARCHIVE_NOT_FOUND"


def test_a_region_sees_the_plans_it_takes_part_in(plan: YearPlan) -> None:
    launched(plan.world, areas=[a_unit(plan.world, "A3", valid_from="2025-01-01")])
    request = service_pb.ListAnnualPlansRequest()

    own = plan.world.call(request, role="regional_manager", unit_id="A1").annual_plans
    everything = plan.world.call(request, role="planning").annual_plans

    assert [one.annual_plan_id for one in own] == [plan.annual_plan_id]
    assert len(everything) == 2


@req("R-001", "R-018", "R-024", "R-026", "R-027", "R-030")
def test_a_year_plan_goes_from_the_launch_to_the_archive(plan: YearPlan, office: Office) -> None:
    """Scenario T1 inside planning: F1, one disagreement, 32 of 32 steps."""
    plan.play(until=18)
    plan.price()
    plan.play(until=21)
    plan.challenge(agree=False)
    plan.revise()
    plan.play(until=32)
    found, report = plan.get(), plan.report()
    history = plan.world.call(
        process_service_pb2.ListHistoryRequest(process_id=plan.process_id, page_size=500),
        role="planning",
        service="planning",
    ).entries

    assert found.state == pb.AnnualPlan.STATE_ARCHIVED and found.revision == 2
    assert (report.done_count, report.step_count) == (32, 32)
    assert [one.planned_sales for one in found.revisions] == [yuan(2_650_500)] * 2
    assert [one.planned_profit for one in found.revisions] == [yuan(503_985)] * 2
    assert all(
        one.done_by and one.HasField("done_time") for s in report.steps for one in s.signatures
    )
    assert [one.state for one in found.phases] == [pb.PlanPhase.STATE_CLOSED] * 4
    assert report.sales_plan.planned == yuan(2_650_500)
    assert report.market_plan == yuan(250_000)
    assert {one.revision for one in history} == {1, 2}
    [approved] = office.facts(events_pb2.AnnualPlanApproved)
    assert {one.state for one in approved.targets} == {target_pb.TARGET_STATE_EFFECTIVE}
    [archived] = office.facts(events_pb2.AnnualPlanArchived)
    assert len(archived.sha256) == 64
