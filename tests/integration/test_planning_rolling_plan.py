"""The monthly rolling plan, through a real server (scenario T2)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from mantle.channels.v1 import events_pb2 as channels_pb
from mantle.channels.v1 import partner_stock_pb2 as stocks
from mantle.channels.v1 import product_pb2, return_pb2
from mantle.planning.v1 import cube_pb2, events_pb2, rolling_plan_pb2
from mantle.planning.v1 import cube_service_pb2 as cubes
from mantle.planning.v1 import monthly_plan_service_pb2 as monthly_plans
from mantle.planning.v1 import rolling_plan_service_pb2 as rolling
from mantle.policy.v1 import policy_service_pb2
from mantle.process.v1 import process_service_pb2

from chassis.period import Month
from local.supply import Ability
from tests.support.monthly_desk import (
    MARKET,
    PRODUCTS,
    SALES,
    RollingDesk,
    change,
    found_region,
    line,
    open_cycle,
    put_actuals,
    put_plan,
    refusal,
)
from tests.support.planning_world import Office, office
from tests.support.requirements import req
from tests.support.server import Refused, World, world

__all__ = ["office", "world"]

STATES = rolling_plan_pb2.RollingCycle
REASONS = rolling_plan_pb2.ForecastAdjustmentDraft
CHECKS = rolling_plan_pb2.SupplyCheck
LAYERS = [
    rolling_plan_pb2.FORECAST_LAYER_CHANNEL_MANAGER,
    rolling_plan_pb2.FORECAST_LAYER_REGIONAL_MANAGER,
    rolling_plan_pb2.FORECAST_LAYER_PLANNING,
]
RECIPIENTS = {
    rolling_plan_pb2.RECIPIENT_GROUP_REGIONAL_MANAGERS: "regional_manager",
    rolling_plan_pb2.RECIPIENT_GROUP_OFFICES: "channel_manager",
    rolling_plan_pb2.RECIPIENT_GROUP_MARKETING: "product_manager",
    rolling_plan_pb2.RECIPIENT_GROUP_PRODUCTION: "production",
    rolling_plan_pb2.RECIPIENT_GROUP_SUPPLY: "supply",
    rolling_plan_pb2.RECIPIENT_GROUP_STORAGE_AND_TRANSPORT: "logistics",
}


def merged(desk: RollingDesk, month: str = "") -> rolling.GetMergedForecastResponse:
    request = rolling.GetMergedForecastRequest(cycle_id=desk.cycle_id, month=month)
    reply: rolling.GetMergedForecastResponse = desk.world.call(request, role="planning")
    return reply


def two_offices(world: World) -> RollingDesk:
    """Open a cycle of a region with two offices."""
    region, offices = found_region(world, offices=2)
    return open_cycle(world, unit_id=region, offices=offices)


@req("R-042", "R-043")
def test_a_cycle_has_its_days_and_skips_a_month(office: Office) -> None:
    cycle = open_cycle(office.world).cycle()

    days = cycle.deadlines
    assert cycle.state == STATES.STATE_OPEN
    assert list(cycle.horizon) == ["2026-05", "2026-06", "2026-07"]
    assert (days.start_date, days.merge_date, days.coordination_date, days.approval_date) == (
        "2026-03-02",
        "2026-03-10",
        "2026-03-20",
        "2026-03-25",
    )


@req("R-042")
def test_an_office_that_has_not_submitted_is_named_by_one_alert(office: Office) -> None:
    desk = two_offices(office.world)
    late, done = desk.offices
    desk.office_done(done)
    overdue = process_service_pb2.ListOverdueStepsRequest()

    office.world.clock.set(datetime(2026, 3, 10, 15, 59, tzinfo=UTC))
    on_the_day = office.world.call(overdue, role="planning", service="planning").overdue_steps
    office.world.clock.set(datetime(2026, 3, 11, 1, 0, tzinfo=UTC))
    behind = office.world.call(overdue, role="planning", service="planning").overdue_steps

    assert list(on_the_day) == []
    assert [(one.step.key, one.step.number) for one in behind] == [(late, 1)]


@req("R-042")
def test_the_days_of_the_calendar_policy_go_before_those_of_the_process(office: Office) -> None:
    approve_days(office.world, [3, 12, 21, 28])
    desk = open_cycle(office.world)

    office.world.clock.set(datetime(2026, 3, 11, 1, 0, tzinfo=UTC))
    request = process_service_pb2.ListOverdueStepsRequest()
    overdue = office.world.call(request, role="planning", service="planning").overdue_steps

    assert list(overdue) == []
    assert desk.cycle().deadlines.merge_date == "2026-03-12"


def test_a_calendar_without_four_days_opens_no_cycle(office: Office) -> None:
    approve_days(office.world, [2, 10])

    assert refusal(lambda: open_cycle(office.world)) == "CALENDAR_INVALID"


@req("R-044")
def test_a_customer_s_demand_follows_from_sell_out_cover_and_stock(office: Office) -> None:
    desk = open_cycle(office.world)

    desk.talk(desk.offices[0])

    [found] = form_of(desk).customers
    assert found.suggested_quantity == 1_600


@req("R-044", "R-099")
def test_the_form_shows_what_partners_reported_and_what_came_back(office: Office) -> None:
    desk = open_cycle(office.world)
    [unit_id] = desk.offices
    for month, closing in (("2026-02", 900), ("2026-01", 700)):
        stock = stocks.PartnerStock(
            product_id="P1", closing_quantity=closing, demand_quantity=1_600
        )
        office.tell(
            "channels",
            channels_pb.PartnerStockReported(
                partner_id="D1", unit_id=unit_id, month=month, stocks=[stock]
            ),
        )
    risk = return_pb2.QualityRisk(
        risk_id="1",
        partner_id="D1",
        product_id="P1",
        unit_id=unit_id,
        year=2026,
        back_percent="10.0",
        percent_max="5.0",
    )
    elsewhere = return_pb2.QualityRisk(risk_id="2", unit_id="other", year=2026)
    elsewhere.back_percent, elsewhere.percent_max = "6.0", "5.0"
    for one in (risk, elsewhere):
        office.tell("channels", channels_pb.QualityRiskRaised(quality_risk=one))

    form = form_of(desk)

    [found] = form.stocks
    assert (found.partner_id, found.month, found.closing_quantity, found.demand_quantity) == (
        "D1",
        "2026-02",
        900,
        1_600,
    )
    [seen] = form.quality_risks
    assert (seen.product_id, seen.back_percent, seen.percent_max) == ("P1", "10.0", "5.0")


@req("R-292")
def test_a_product_is_not_forecast_before_its_launch_month(office: Office) -> None:
    desk = open_cycle(office.world)
    [unit_id] = desk.offices
    product = product_pb2.Product(
        product_id="P9",
        name="new",
        state=product_pb2.Product.STATE_IN_DEVELOPMENT,
        launch_month="2026-06",
        version=1,
    )
    office.tell("channels", channels_pb.ProductChanged(product=product))
    desk.talk(unit_id)
    desk.look(unit_id)

    early = refusal(lambda: desk.draft(unit_id, line(5, product="P9")))
    nothing = line(0, product="P9")
    desk.draft(unit_id, nothing, line(500, product="P9", month="2026-06"))
    put_right = refusal(lambda: desk.check(unit_id, line(5, product="P9")))
    desk.check(unit_id)

    assert (early, put_right) == ("PRODUCT_NOT_LAUNCHED", "PRODUCT_NOT_LAUNCHED")
    assert merged(desk).total_quantity == 500


@req("R-183")
def test_what_an_office_recorded_is_told_to_itself_and_not_with_every_cycle(
    office: Office,
) -> None:
    """Hundreds of offices with hundreds of customers each would be more than a reply can hold."""
    desk = two_offices(office.world)
    first, second = desk.offices

    replies = [desk.talk(one).offices for one in (first, second)]

    told = [{one.unit_id: len(one.customers) for one in offices} for offices in replies]
    assert [one[unit_id] for one, unit_id in zip(told, (first, second), strict=True)] == [1, 1]
    assert [len(one.customers) for one in desk.cycle().offices] == [0, 0]


def form_of(desk: RollingDesk) -> rolling.GetOfficeFormResponse:
    [unit_id] = desk.offices
    request = rolling.GetOfficeFormRequest(cycle_id=desk.cycle_id, unit_id=unit_id)
    reply: rolling.GetOfficeFormResponse = desk.world.call(
        request, role="channel_manager", unit_id=unit_id
    )
    return reply


@req("R-045")
def test_a_form_has_twelve_months_of_actuals(office: Office) -> None:
    desk = open_cycle(office.world)
    [unit_id] = desk.offices
    months = Month(2025, 2).span(14)
    put_actuals(
        office.world,
        [
            ("volume", unit_id, product, "OTC", str(month), 100 + number)
            for number, month in enumerate(months)
            for product in ("P1", "P2")
        ],
    )

    history = form_of(desk).history

    assert [(one.month, one.quantity) for one in history if one.product_id == "P1"] == [
        (str(month), 100 + number) for number, month in enumerate(months)
    ][1:13]
    assert len(history) == 24


@req("R-046")
def test_a_form_starts_from_the_cycle_before_and_shows_the_deviation(office: Office) -> None:
    region, [unit_id] = found_region(office.world)
    before = open_cycle(office.world, month="2026-02", unit_id=region, offices=[unit_id])
    before.office_done(unit_id, [line(7_600, month="2026-05")])
    finish(before)
    put_plan(
        office.world,
        region,
        [("volume", unit_id, "P1", "OTC", month, 8_000) for month in ("2026-05", "2026-06")],
    )
    desk = open_cycle(office.world, unit_id=region, offices=[unit_id])

    lines = {one.month: one for one in form_of(desk).lines}

    may, june, july = (lines[month] for month in ("2026-05", "2026-06", "2026-07"))
    assert (may.annual_quantity, may.last_quantity) == (8_000, 7_600)
    assert (may.quantity, may.deviation_percent) == (7_600, "-5.0")
    assert (june.quantity, june.deviation_percent) == (8_000, "0.0")
    assert (july.quantity, july.deviation_percent) == (0, "")
    assert not june.HasField("last_quantity")


@req("R-058")
def test_the_tools_suggest_and_the_chosen_one_is_kept_with_the_draft(office: Office) -> None:
    desk = open_cycle(office.world)
    [unit_id] = desk.offices
    sold = {"2025-05": 1_050, "2025-12": 900, "2026-01": 1_000, "2026-02": 1_100}
    put_actuals(
        office.world,
        [("volume", unit_id, "P1", "OTC", month, quantity) for month, quantity in sold.items()],
    )

    may = form_of(desk).lines[0]
    desk.prepare(unit_id)
    drafted = desk.draft(unit_id)

    assert {one.tool: one.quantity for one in may.suggestions} == {
        rolling_plan_pb2.FORECAST_TOOL_MOVING_AVERAGE: 1_000,
        rolling_plan_pb2.FORECAST_TOOL_SEASONAL: 1_092,
    }
    assert drafted.offices[0].tool == rolling_plan_pb2.FORECAST_TOOL_MOVING_AVERAGE


@req("R-043")
@pytest.mark.parametrize("month", ["2026-04", "2026-08"])
def test_a_month_outside_the_horizon_is_refused(office: Office, month: str) -> None:
    desk = open_cycle(office.world)
    desk.prepare(desk.offices[0])

    assert refusal(lambda: desk.draft(desk.offices[0], line(1, month=month))) == (
        "MONTH_OUTSIDE_HORIZON"
    )


@req("R-047")
def test_a_rejected_draft_is_submitted_again_as_its_next_version(office: Office) -> None:
    desk = open_cycle(office.world)
    [unit_id] = desk.offices
    desk.prepare(unit_id)
    desk.draft(unit_id, line(500), line(300, month="2026-06"))

    rejected = desk.check(unit_id, passed=False)
    again = desk.draft(unit_id, line(800))
    approved = desk.check(unit_id)

    answers = [entry.answer for entry in history(desk) if entry.step == 4 and entry.answer]
    assert (rejected.state, rejected.offices[0].comment) == (STATES.STATE_OPEN, "too low for May")
    assert again.offices[0].draft_version == 2
    assert approved.state == STATES.STATE_REGION_APPROVED
    assert answers == ["failed", "passed"]
    assert merged(desk).total_quantity == 800


@req("R-048", "R-056")
def test_what_each_layer_filed_is_frozen_and_compared_with_what_came(office: Office) -> None:
    desk = open_cycle(office.world)
    [unit_id] = desk.offices
    desk.office_done(unit_id, [line(1_000)], regional=[line(950)])
    desk.merge()
    desk.adjust(SALES, change(30, REASONS.REASON_SPECIAL_EVENT))
    desk.adjust(MARKET)
    supply(desk)
    desk.coordinate()
    desk.approve()
    desk.archive()
    put_actuals(office.world, [("volume", unit_id, "P1", "OTC", "2026-05", 900)])

    reply = office.world.call(
        rolling.GetForecastAccuracyRequest(cycle_id=desk.cycle_id), role="planning"
    )

    found = [
        (one.layer, one.forecast, one.error_percent, one.accuracy_percent)
        for one in reply.lines
        if one.unit_id == unit_id and one.month == "2026-05"
    ]
    assert found == [
        (LAYERS[0], 1_000, "11.11", "88.89"),
        (LAYERS[1], 950, "5.56", "94.44"),
        (LAYERS[2], 980, "8.89", "91.11"),
    ]
    frozen = office.world.rows(
        "planning", "SELECT frozen FROM cube_version WHERE name LIKE 'RF 2026-03%%'"
    )
    assert frozen == [(True,)] * 3


@req("R-049")
def test_all_offices_are_merged_by_region_and_by_channel(office: Office) -> None:
    desk = two_offices(office.world)
    first, second = desk.offices
    desk.office_done(first, [line(25_000), line(35_000, channel="Rx")])
    desk.office_done(second, [line(15_000), line(30_000, channel="Rx")])
    desk.merge()

    found = merged(desk, "2026-05")

    assert found.total_quantity == 105_000
    assert {one.unit_id: one.quantity for one in found.units} == {
        desk.unit_id: 105_000,
        first: 60_000,
        second: 45_000,
    }
    assert {one.channel: one.quantity for one in found.channels} == {"OTC": 40_000, "Rx": 65_000}


def adjusted(desk: RollingDesk) -> None:
    """Let both directors make the four changes of R-050."""
    desk.adjust(
        SALES,
        change(5_000, REASONS.REASON_CHANNEL_PROMOTION),
        change(-2_000, REASONS.REASON_COMPETITOR),
    )
    desk.adjust(
        MARKET,
        change(3_000, REASONS.REASON_NEW_PRODUCT),
        change(-1_000, REASONS.REASON_PRICE_CHANGE),
    )


@req("R-050")
def test_directors_adjust_with_reasons(office: Office) -> None:
    desk = open_cycle(office.world)
    desk.office_done(desk.offices[0], [line(60_000), line(40_000, channel="Rx")])
    desk.merge()

    adjusted(desk)

    rows = desk.cycle().adjustments
    assert [row.adjustment.delta for row in rows] == [5_000, -2_000, 3_000, -1_000]
    assert all(row.adjustment.note and row.adjusted_by for row in rows)
    assert merged(desk).total_quantity == 105_000


@pytest.mark.parametrize(
    ("side", "draft", "reason"),
    [
        (SALES, change(1, REASONS.REASON_NEW_PRODUCT), "REQUEST_INVALID"),
        (SALES, change(-1_001, REASONS.REASON_COMPETITOR), "FORECAST_BELOW_ZERO"),
        (SALES, change(1, REASONS.REASON_COMPETITOR, month="2026-06"), "FORECAST_EMPTY"),
        (SALES, change(1, REASONS.REASON_COMPETITOR, month="2026-08"), "MONTH_OUTSIDE_HORIZON"),
        (SALES, change(1, REASONS.REASON_COMPETITOR, unit_id="r99"), "UNIT_NOT_FOUND"),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_its_reason(
    office: Office,
    side: int,
    draft: rolling_plan_pb2.ForecastAdjustmentDraft,
    reason: str,
) -> None:
    desk = open_cycle(office.world).merged()

    assert refusal(lambda: desk.adjust(side, draft)) == reason  # type: ignore[arg-type]


@req("R-051")
def test_there_is_no_draft_before_both_directors_consent(office: Office) -> None:
    desk = open_cycle(office.world).merged()
    desk.adjust_nothing()
    desk.agree()
    desk.consent(SALES)

    missing = refusal(desk.draft_plan)
    desk.consent(MARKET)
    desk.draft_plan()

    assert missing == "CONSENT_MISSING"
    assert desk.cycle().state == STATES.STATE_DRAFT_AGREED


def test_a_consent_can_be_taken_back_and_is_the_director_s_own(office: Office) -> None:
    desk = open_cycle(office.world).agreed()
    back = rolling.GiveConsentRequest(cycle_id=desk.cycle_id, side=MARKET, consent=False)
    foreign = rolling.GiveConsentRequest(cycle_id=desk.cycle_id, side=MARKET, consent=True)

    office.world.call(back, role="market_director")

    assert refusal(desk.draft_plan) == "CONSENT_MISSING"
    assert refusal(lambda: office.world.call(foreign, role="sales_director")) == (
        "PLAN_SIDE_FORBIDS"
    )


def test_a_consent_is_given_while_there_is_something_to_consent_to(office: Office) -> None:
    early = open_cycle(office.world).merged()
    late = open_cycle(office.world).drafted()

    assert refusal(lambda: early.consent(SALES)) == "STEP_NOT_OPEN"
    assert refusal(lambda: late.consent(SALES)) == "STEP_NOT_OPEN"


def supply(desk: RollingDesk) -> tuple[CHECKS, CHECKS]:
    """Go from the adjustments to what production and supply answer."""
    desk.agree()
    desk.consent(SALES)
    desk.consent(MARKET)
    desk.draft_plan()
    return desk.capacity(), desk.material()


def finish(desk: RollingDesk) -> None:
    """Go from the offices to the approval."""
    desk.merge()
    desk.adjust_nothing()
    supply(desk)
    desk.coordinate()
    desk.approve()


@req("R-052", "R-053", "R-054")
def test_the_draft_is_cut_to_what_production_and_supply_can_do(office: Office) -> None:
    office.world.supply.abilities = {
        "P1": Ability(finished_stock=15_000, capacity=95_000, material=90_000)
    }
    desk = two_offices(office.world)
    first, second = desk.offices
    desk.office_done(first, [line(72_000)])
    desk.office_done(second, [line(48_000)])
    desk.merge()
    desk.adjust_nothing()

    capacity, material = supply(desk)
    desk.coordinate()

    [made], [bought] = capacity.lines, material.lines
    assert (made.demand, made.supply, made.shortfall) == (120_000, 110_000, 10_000)
    assert (bought.supply, bought.shortfall) == (105_000, 15_000)
    assert {one.unit_id: one.quantity for one in merged(desk).units} == {
        desk.unit_id: 105_000,
        first: 63_000,
        second: 42_000,
    }


@req("R-052")
def test_a_neighbour_that_does_not_answer_in_time_leaves_the_draft_with_the_reason(
    office: Office,
) -> None:
    desk = open_cycle(office.world).drafted()
    office.world.supply.awake.clear()

    silent = desk.ask_production()
    blocked = refusal(desk.coordinate)
    office.world.supply.awake.set()
    answered = desk.capacity()

    assert (silent.state, silent.reason) == (CHECKS.STATE_UNAVAILABLE, "SUPPLY_UNAVAILABLE")
    assert blocked == "SUPPLY_UNAVAILABLE"
    assert answered.state == CHECKS.STATE_ANSWERED
    assert desk.cycle().state == STATES.STATE_DRAFT_AGREED
    assert merged(desk).total_quantity == 1_000


def test_a_check_before_the_draft_is_refused_whether_there_is_an_answer_or_not(
    office: Office,
) -> None:
    desk = open_cycle(office.world).merged()

    answered = refusal(desk.capacity)
    office.world.supply.stop()
    silent = refusal(desk.capacity)

    assert (answered, silent) == ("STEP_NOT_OPEN", "STEP_NOT_OPEN")


def acknowledge(desk: RollingDesk, group: int, *, role: str, unit_id: str) -> None:
    request = rolling.AcknowledgePlanRequest(cycle_id=desk.cycle_id, unit_id=unit_id)
    request.recipient_group = group  # type: ignore[assignment]
    desk.world.call(request, role=role, unit_id=unit_id)


@req("R-055")
def test_an_approved_plan_is_told_once_and_six_groups_acknowledge_it(office: Office) -> None:
    desk = two_offices(office.world).approved()
    request = rolling.GetDeliveryLogRequest(cycle_id=desk.cycle_id)
    before = office.world.call(request, role="planning").deliveries

    for group, role in RECIPIENTS.items():
        units = desk.offices if role == "channel_manager" else [desk.unit_id]
        for unit_id in units:
            acknowledge(desk, group, role=role, unit_id=unit_id)

    after = office.world.call(request, role="planning").deliveries
    [fact] = office.facts(events_pb2.MonthlyPlanApproved)
    assert [one.acknowledged for one in before] == [False] * 6
    assert [one.acknowledged for one in after] == [True] * 6
    assert (fact.cycle_id, fact.plan_version) == (desk.cycle_id, 1)
    assert [(one.unit_id, one.quantity) for one in fact.volumes] == [
        (unit_id, 1_000) for unit_id in desk.offices
    ]


@req("R-055")
def test_the_offices_have_acknowledged_when_each_of_them_has(office: Office) -> None:
    desk = two_offices(office.world).approved()
    offices = rolling_plan_pb2.RECIPIENT_GROUP_OFFICES

    acknowledge(desk, offices, role="channel_manager", unit_id=desk.offices[0])

    request = rolling.GetDeliveryLogRequest(cycle_id=desk.cycle_id)
    log = office.world.call(request, role="planning").deliveries
    [delivery] = [one for one in log if one.recipient_group == offices]
    assert not delivery.acknowledged
    assert [one.unit_id for one in delivery.acknowledgements] == desk.offices[:1]


@req("R-057")
def test_a_partner_s_part_of_the_plan_is_its_quota_in_channels(world: World) -> None:
    world.start("planning", "channels")
    desk = open_cycle(world)
    [unit_id] = desk.offices
    desk.office_done(unit_id, [line(5_000, partner="D1"), line(700)])
    finish(desk)
    world.settle()

    plan = world.call(
        monthly_plans.GetMonthlyPlanRequest(unit_id=unit_id, month="2026-05"), role="planning"
    ).monthly_plan

    quotas = world.rows(
        "channels",
        "SELECT unit_id, month, partner_id, product_id, quantity FROM partner_quota_copy",
    )
    assert [(one.partner_id, one.product_id, one.quantity) for one in plan.lines] == [
        ("D1", "P1", 5_000)
    ]
    assert quotas == [(unit_id, "2026-05", "D1", "P1", 5_000)]


@req("R-043")
def test_a_unit_has_one_cycle_a_month(office: Office) -> None:
    desk = open_cycle(office.world)

    again = lambda: open_cycle(office.world, unit_id=desk.unit_id, offices=desk.offices)  # noqa: E731

    assert refusal(again) == "ROLLING_CYCLE_ALREADY_EXISTS"


def test_an_office_of_another_region_takes_no_part(office: Office) -> None:
    region, _ = found_region(office.world)
    _, elsewhere = found_region(office.world)

    assert refusal(lambda: open_cycle(office.world, unit_id=region, offices=elsewhere)) == (
        "OFFICE_OUTSIDE_UNIT"
    )


@pytest.mark.parametrize(
    ("role", "unit", "key", "reason"),
    [
        ("channel_manager", 1, 0, "OUT_OF_SCOPE"),
        ("channel_manager", 1, 1, "STEP_NOT_FOUND"),
        ("regional_manager", 0, 0, "ROLE_FORBIDS"),
    ],
)
def test_an_office_is_drafted_by_its_own_channel_manager(
    office: Office, role: str, unit: int, key: int, reason: str
) -> None:
    desk = open_cycle(office.world)
    _, [stranger] = found_region(office.world)
    places = [desk.offices[0], stranger]
    request = rolling.RecordLocalSituationRequest(
        cycle_id=desk.cycle_id, unit_id=places[key], situation="?"
    )

    assert refusal(lambda: office.world.call(request, role=role, unit_id=places[unit])) == reason


def test_a_step_of_the_other_director_a_reopened_step_and_a_closed_cycle_have_their_reasons(
    office: Office,
) -> None:
    merged_desk = open_cycle(office.world).merged()
    request = rolling.AdjustForecastRequest(cycle_id=merged_desk.cycle_id, side=MARKET)
    reopened = open_cycle(office.world)
    reopened.prepare(reopened.offices[0])
    reopened.draft(reopened.offices[0])
    reopened.check(reopened.offices[0], passed=False)
    closed = open_cycle(office.world).approved()

    assert refusal(lambda: office.world.call(request, role="sales_director")) == "STEP_ROLE_FORBIDS"
    assert refusal(lambda: reopened.file_office(reopened.offices[0])) == "STEP_NOT_OPEN"
    assert refusal(lambda: closed.draft(closed.offices[0])) == "ROLLING_CYCLE_CLOSED"
    assert refusal(lambda: closed.adjust(SALES)) == "ROLLING_CYCLE_CLOSED"


def test_a_product_that_nobody_knows_is_refused(office: Office) -> None:
    desk = open_cycle(office.world)
    desk.prepare(desk.offices[0])

    assert refusal(lambda: desk.draft(desk.offices[0], line(1, product="P9"))) == (
        "CUBE_MEMBER_UNKNOWN"
    )


def test_a_plan_is_acknowledged_once_approved_and_by_those_whom_it_was_sent_to(
    office: Office,
) -> None:
    running = open_cycle(office.world).merged()
    desk = open_cycle(office.world).approved()
    production = rolling_plan_pb2.RECIPIENT_GROUP_PRODUCTION

    def take(one: RollingDesk, role: str) -> None:
        acknowledge(one, production, role=role, unit_id=one.unit_id)

    assert refusal(lambda: take(running, "production")) == "PLAN_NOT_APPROVED"
    assert refusal(lambda: take(desk, "supply")) == "RECIPIENT_ROLE_FORBIDS"


def test_the_list_has_the_latest_month_first_and_only_what_the_caller_may_see(
    office: Office,
) -> None:
    desk = open_cycle(office.world)
    later = open_cycle(office.world, month="2026-04", unit_id=desk.unit_id, offices=desk.offices)
    open_cycle(office.world)

    pages = []
    token = ""
    for _ in range(2):
        request = rolling.ListRollingCyclesRequest(page_size=1, page_token=token)
        reply = office.world.call(request, role="planning", unit_id=desk.unit_id)
        pages += [one.cycle_id for one in reply.cycles]
        token = reply.next_page_token

    assert pages == [later.cycle_id, desk.cycle_id]
    assert token == ""


def history(desk: RollingDesk) -> list[process_service_pb2.ListHistoryResponse]:
    """Return who did what in a cycle."""
    request = process_service_pb2.ListHistoryRequest(
        process_id=desk.cycle().process_id, page_size=100
    )
    reply = desk.world.call(request, role="planning", service="planning")
    return list(reply.entries)


def approve_days(world: World, days: list[int]) -> None:
    """Put a calendar with other days of the rolling plan in force from today on."""
    known = world.call(
        policy_service_pb2.ListPoliciesRequest(kind="calendar"), role="planning", service="planning"
    ).policies[0]
    create = policy_service_pb2.CreatePolicyRequest(
        kind="calendar",
        start_date="2026-03-02",
        summary="another calendar",
        parameters=known.parameters,
    )
    values = create.parameters["rolling_plan_days"].list.values
    del values[:]
    for day in days:
        values.add(integer=day)
    made = world.call(create, role="planning", service="planning", subject="writer")
    approve = policy_service_pb2.ApprovePolicyRequest(policy_id=made.policy.policy_id)
    world.call(approve, role="marketing_vp", service="planning", subject="approver")


def test_whoever_may_see_nothing_of_a_cycle_does_not_see_it(office: Office) -> None:
    desk = open_cycle(office.world)
    stranger, _ = found_region(office.world)
    request = rolling.GetRollingCycleRequest(cycle_id=desk.cycle_id)

    with pytest.raises(Refused) as refused:
        office.world.call(request, role="regional_manager", unit_id=stranger)
    seen = office.world.call(request, role="channel_manager", unit_id=desk.offices[0])

    assert refused.value.reason == "OUT_OF_SCOPE"
    assert seen.cycle.cycle_id == desk.cycle_id


def test_offices_that_submit_at_the_same_moment_all_have_their_figures(office: Office) -> None:
    region, offices = found_region(office.world, offices=4)
    desk = open_cycle(office.world, unit_id=region, offices=offices)
    for one in offices:
        desk.prepare(one)
    barrier = threading.Barrier(len(offices))

    def submit(one: str) -> None:
        barrier.wait(timeout=10)
        desk.draft(one, line(1_000))
        desk.check(one)

    with ThreadPoolExecutor(len(offices)) as pool:
        list(pool.map(submit, offices))

    assert desk.cycle().state == STATES.STATE_REGION_APPROVED
    assert merged(desk).total_quantity == 4_000


def test_a_cycle_that_two_open_at_the_same_moment_is_there_once(office: Office) -> None:
    region, offices = found_region(office.world)
    barrier = threading.Barrier(4)

    def begin(_number: int) -> str:
        barrier.wait(timeout=10)
        request = rolling.OpenRollingCycleRequest(
            unit_id=region, month="2026-03", office_ids=offices
        )
        try:
            office.world.call(request, role="planning")
        except Refused as refused:
            return refused.reason
        return "OK"

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(begin, range(4)))

    assert answers == ["OK", *["ROLLING_CYCLE_ALREADY_EXISTS"] * 3]


@req("R-047", "R-054", "R-055", "R-057")
def test_a_month_s_plan_goes_from_the_offices_to_the_quotas_of_the_partners(world: World) -> None:
    """The whole of scenario T2: a rejection, two directors, a cut, and what channels then holds."""
    world.start("planning", "channels")
    world.supply.abilities = {"P1": Ability(finished_stock=1_000, capacity=9_000, material=8_000)}
    desk = two_offices(world)
    first, second = desk.offices
    desk.prepare(first)
    desk.draft(first, line(1_000, partner="D1"))
    desk.check(first, passed=False)
    desk.draft(first, line(3_000, partner="D1"), line(2_000, channel="Rx", partner="D1"))
    desk.check(first)
    desk.file_office(first)
    desk.office_done(second, [line(4_000, partner="D2"), line(1_000)])
    desk.merge()
    desk.adjust(SALES, change(2_500, REASONS.REASON_CHANNEL_PROMOTION))
    desk.adjust(MARKET, change(-500, REASONS.REASON_PRICE_CHANGE))
    supply(desk)
    desk.coordinate()
    desk.approve()
    desk.archive()
    world.settle()

    quotas = world.rows(
        "channels",
        "SELECT unit_id, month, partner_id, product_id, quantity FROM partner_quota_copy"
        " ORDER BY unit_id",
    )
    assert merged(desk).total_quantity == 9_000
    assert quotas == [
        (first, "2026-05", "D1", "P1", 4_500),
        (second, "2026-05", "D2", "P1", 3_600),
    ]
    assert desk.cycle().state == STATES.STATE_ARCHIVED


@req("R-043")
def test_a_horizon_that_reaches_into_the_next_year_is_drafted_and_redrafted(
    office: Office,
) -> None:
    desk = open_cycle(office.world, month="2026-10")
    [unit_id] = desk.offices
    desk.prepare(unit_id)
    december, january = line(100, month="2026-12"), line(200, month="2027-01")
    desk.draft(unit_id, december, january)
    desk.check(unit_id, passed=False)

    desk.draft(unit_id, december, line(300, month="2027-01"))
    desk.check(unit_id)

    assert list(desk.cycle().horizon) == ["2026-12", "2027-01", "2027-02"]
    assert merged(desk, "2026-12").total_quantity == 100
    assert merged(desk, "2027-01").total_quantity == 300


def by_hand(version_id: str, unit_id: str) -> list[object]:
    """Return what could change a version of the cube past the steps of its process."""
    address = cube_pb2.CubeAddress(unit_id=unit_id, product_id="P1", channel="OTC", month="2026-05")
    cell = cube_pb2.CubeCell(measure="volume", address=address, value=9)
    even = cube_pb2.SpreadRule(even=cube_pb2.SpreadRule.Even())
    csv = f"measure,unit_id,product_id,channel,month,value\nvolume,{unit_id},P1,OTC,2026-05,9\n"
    fixed = cube_pb2.FixedTotal(
        measure="volume", unit_id=unit_id, first_month="2026-05", last_month="2026-05", total=9
    )
    return [
        cubes.WriteCellsRequest(version_id=version_id, cells=[cell]),
        cubes.SpreadTotalRequest(version_id=version_id, measure="volume", total=9, rule=even),
        cubes.ImportCellsRequest(version_id=version_id, name="x.csv", csv=csv.encode()),
        cubes.FixTotalsRequest(version_id=version_id, totals=[fixed]),
        cubes.ReleaseTotalsRequest(version_id=version_id, totals=[fixed]),
        cubes.FreezeVersionRequest(version_id=version_id),
    ]


@req("R-047", "R-048")
def test_a_cycle_s_figures_are_changed_by_its_steps_alone(office: Office) -> None:
    desk = open_cycle(office.world)
    [unit_id] = desk.offices
    desk.office_done(unit_id, [line(1_000)])
    cycle = desk.cycle()
    drafts = cycle.filed_forecasts[0].version_id

    reasons = {
        refusal(lambda request=request: office.world.call(request, role="planning"))  # type: ignore[misc]
        for version_id in (cycle.version_id, drafts)
        for request in by_hand(version_id, unit_id)
    }
    desk.merge()

    assert reasons == {"CUBE_VERSION_OWNED"}
    assert merged(desk).total_quantity == 1_000


def test_an_office_sees_of_a_cycle_no_more_than_its_own_part(office: Office) -> None:
    region, offices = found_region(office.world, offices=2)
    desk = open_cycle(office.world, unit_id=region, offices=offices)
    own, other = offices
    for unit_id, quantity in ((other, 700), (own, 1_000)):
        desk.prepare(unit_id)
        drafted = desk.draft(unit_id, line(quantity))
        desk.check(unit_id)
        desk.file_office(unit_id)
    desk.merge()
    desk.adjust(SALES, change(10, REASONS.REASON_COMPETITOR, unit_id=other))

    def ask(request: object) -> object:
        return office.world.call(request, role="channel_manager", unit_id=own)

    seen = ask(rolling.GetRollingCycleRequest(cycle_id=desk.cycle_id)).cycle
    sums = ask(rolling.GetMergedForecastRequest(cycle_id=desk.cycle_id))
    accuracy = ask(rolling.GetForecastAccuracyRequest(cycle_id=desk.cycle_id))

    assert [one.unit_id for one in drafted.offices] == [own]
    assert [one.unit_id for one in seen.offices] == [own]
    assert [one.unit_id for one in seen.filed_forecasts] == [own]
    assert not seen.adjustments
    assert (sums.total_quantity, [(one.unit_id, one.quantity) for one in sums.units]) == (
        1_000,
        [(own, 1_000)],
    )
    assert {one.unit_id for one in accuracy.lines} == {own}


@req("R-057")
def test_a_partner_that_a_later_plan_leaves_out_keeps_no_part_of_the_earlier(world: World) -> None:
    world.start("planning", "channels")
    first = open_cycle(world, month="2026-02")
    [unit_id] = first.offices
    first.office_done(unit_id, [line(5_000, partner="D1")])
    finish(first)
    second = open_cycle(world, month="2026-03", unit_id=first.unit_id, offices=first.offices)
    second.office_done(unit_id, [line(700, month="2026-05", partner="")])
    finish(second)
    world.settle()

    plan = world.call(
        monthly_plans.GetMonthlyPlanRequest(unit_id=unit_id, month="2026-05"), role="planning"
    ).monthly_plan
    quotas = world.rows("channels", "SELECT quantity FROM partner_quota_copy")

    assert (plan.plan_version, list(plan.lines), quotas) == (2, [], [])


@req("R-054")
def test_a_cut_of_many_products_is_one_act_on_the_figures(office: Office) -> None:
    desk = open_cycle(office.world)
    [unit_id] = desk.offices
    months = ("2026-05", "2026-06", "2026-07")
    lines = [line(1_001, month=month, product=product) for month in months for product in PRODUCTS]
    desk.office_done(unit_id, [*lines, *(line(500, month=one, channel="Rx") for one in months)])
    desk.merge()
    desk.adjust_nothing()
    desk.agree()
    desk.consent(SALES)
    desk.consent(MARKET)
    desk.draft_plan()
    office.world.supply.abilities = {
        "P1": Ability(finished_stock=0, capacity=1_000, material=1_000),
        "P2": Ability(finished_stock=1, capacity=900, material=1_000),
    }
    desk.capacity()
    desk.material()

    desk.coordinate()

    acts = office.world.rows(
        "planning",
        "SELECT count(*) FROM cube_act WHERE cause = 'cut to supply' AND version_id = %(id)s",
        id=desk.cycle().version_id,
    )
    assert acts == [(1,)]
    assert [merged(desk, month).total_quantity for month in months] == [1_901] * 3
