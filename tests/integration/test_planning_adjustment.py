"""The adjustment of targets and budget, through a real server (scenario T3)."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from mantle.channels.v1 import quota_service_pb2 as quotas
from mantle.planning.v1 import adjustment_pb2, budget_service_pb2, cube_pb2, events_pb2
from mantle.planning.v1 import adjustment_service_pb2 as adjustments
from mantle.planning.v1 import cube_service_pb2 as cubes
from mantle.planning.v1 import profit_service_pb2 as profits
from mantle.process.v1 import process_service_pb2
from mantle.settlement.v1 import budget_limit_service_pb2 as budget_limits

from chassis.period import Month
from planning.cube import usecases as cube
from planning.cube.domain import Where
from tests.support.examples_planning import a_campaign, a_unit
from tests.support.monthly_desk import (
    MARKET,
    SALES,
    AdjustmentDesk,
    catch_up,
    file_report,
    found_region,
    put_actuals,
    quietly,
    refusal,
    shift,
    short_region,
)
from tests.support.planning_world import Office, office
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, Refused, World, world
from tests.support.year_plan import launched

__all__ = ["office", "world"]

STATES = adjustment_pb2.Adjustment
SHORTFALL = 1_425_000


def months_of(world: World, version_id: str, unit_id: str, measure: str = "sales") -> list[int]:
    """Return a measure of each month of 2026."""
    return quietly(
        world,
        lambda tx: [
            cube.total(
                tx, version_id, measure, where=Where(unit_ids={unit_id}, months={Month(2026, one)})
            )
            for one in range(1, 13)
        ],
    )


@req("R-032")
def test_the_report_shows_how_a_month_kept_to_plan_and_budget(office: Office) -> None:
    desk = file_report(office.world)

    found = desk.get()

    lines = {
        (line.measure, line.unit_id): (line.target, line.actual, line.variance_percent, line.major)
        for line in found.report.lines
    }
    assert found.state == STATES.STATE_REPORTED
    assert lines[("sales", desk.unit_id)] == (14_250_000, 12_825_000, "-10.00", False)
    assert lines[("expense", desk.unit_id)] == (2_000_000, 2_360_000, "18.00", True)
    assert {unit for _, unit in lines} == {desk.unit_id, f"{desk.unit_id}-o1"}


@req("R-033")
def test_a_variance_that_is_not_major_ends_the_adjustment_and_leaves_the_plan(
    office: Office,
) -> None:
    desk = file_report(office.world, month="2026-02", unit_id=kept_region(office.world))

    found = desk.review(major=False)

    assert (found.state, found.major) == (STATES.STATE_NO_CHANGE, False)
    assert refusal(lambda: desk.target(1)) == "ADJUSTMENT_CLOSED"
    assert office.facts(events_pb2.PlanAdjusted) == []


@req("R-033")
def test_the_meeting_decides_otherwise_than_the_rule_only_with_a_reason(office: Office) -> None:
    desk = file_report(office.world)

    reason = refusal(lambda: desk.review(major=False))
    found = desk.review(major=False, reason="a one-off, paid back in February")

    assert reason == "REVIEW_REASON_MISSING"
    assert found.review_reason == "a one-off, paid back in February"


@req("R-034")
def test_an_adjustment_without_a_cause_code_is_refused(office: Office) -> None:
    desk = file_report(office.world)
    desk.review()
    target = adjustment_pb2.AdjustmentTarget(measure="sales", unit_id=desk.unit_id, change=1)
    request = adjustments.SetNewTargetsRequest(
        adjustment_id=desk.adjustment_id, cause="somehow", targets=[target]
    )

    with pytest.raises(Refused) as refused:
        office.world.call(request, role="decision_layer")

    assert (refused.value.code.name, refused.value.reason) == (
        "INVALID_ARGUMENT",
        "REQUEST_INVALID",
    )


@req("R-035")
def test_the_year_s_sales_and_campaigns_come_in_one_report(office: Office) -> None:
    desk = file_report(office.world)
    for cost in (10_000_000, 4_000_000):
        office.post(a_campaign(office.world, unit_id=desk.unit_id), cost_minor=cost)
    office.post(a_campaign(office.world), cost_minor=7)
    desk.review()
    desk.target(SHORTFALL)

    found = desk.compile()

    assert sorted(one.cost.amount_minor for one in found.activities.activities) == [
        4_000_000,
        10_000_000,
    ]
    assert [one.sales.amount_minor for one in found.activities.months] == [12_825_000, *[0] * 11]
    assert found.activities.months[11].month == "2026-12"


@req("R-036")
def test_the_plan_is_not_adjusted_before_both_directors_proposed(office: Office) -> None:
    desk = file_report(office.world).compiled()
    desk.propose(SALES, *catch_up(desk.unit_id, SHORTFALL))

    assert refusal(desk.adjust) == "STEP_NOT_OPEN"
    desk.propose(MARKET)
    assert desk.adjust().plan_version == 2


@req("R-037")
def test_a_shortfall_is_spread_exactly_and_the_year_stays(office: Office) -> None:
    desk = file_report(office.world).proposed()

    found = desk.adjust()

    before = months_of(office.world, found.base_version_id, desk.unit_id)
    after = months_of(office.world, found.version_id, desk.unit_id)
    assert [new - old for new, old in zip(after, before, strict=True)] == [
        -SHORTFALL,
        *[129_546] * 5,
        *[129_545] * 6,
    ]
    assert sum(before) == sum(after) == 171_000_000


@req("R-037")
def test_a_failed_check_goes_back_to_the_adjusting(office: Office) -> None:
    desk = file_report(office.world).proposed()
    first = desk.adjust()

    desk.check(passed=False)

    assert refusal(lambda: desk.claim(SALES)) == "STEP_NOT_OPEN"
    second = desk.adjust()
    assert second.version_id != first.version_id
    assert desk.check().state == STATES.STATE_CHECKED


@req("R-037")
def test_a_plan_that_misses_what_the_meeting_set_does_not_pass(office: Office) -> None:
    desk = file_report(office.world).proposed()
    desk.adjust(*catch_up(desk.unit_id, SHORTFALL - 1))

    assert refusal(desk.check) == "ADJUSTMENT_MISSES_TARGET"


@req("R-038")
def test_the_adjusted_plan_is_in_force_with_the_second_claim(office: Office) -> None:
    desk = file_report(office.world).checked()

    first = desk.claim(SALES)
    second = desk.claim(MARKET)

    assert (first.effective, second.effective) == (False, True)
    assert second.state == STATES.STATE_CHECKED
    assert (second.base_plan_version, second.plan_version) == (1, 2)
    assert sum(months_of(office.world, second.base_version_id, desk.unit_id)) == 171_000_000


@req("R-038")
def test_an_archived_adjustment_has_eleven_entries_and_a_hash(office: Office) -> None:
    desk = file_report(office.world).claimed()

    found = desk.archive()

    history = office.world.call(
        process_service_pb2.ListHistoryRequest(process_id=found.process_id, page_size=100),
        role="finance",
        service="planning",
    )
    done = [entry for entry in history.entries if entry.act == type(entry).ACT_COMPLETED]
    assert [entry.step for entry in done] == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert found.state == STATES.STATE_ARCHIVED
    assert len(found.archive_hash) == 64
    assert audited(office.world) == 11


@req("R-040")
def test_one_event_gives_channels_its_quotas_and_settlement_its_limits(world: World) -> None:
    world.start("planning", "channels", "settlement")
    desk = file_report(world).claimed()
    world.settle()

    targets = world.call(
        quotas.GetSalesTargetsRequest(unit_id=desk.unit_id, fiscal_year=2026), role="planning"
    ).sales_targets
    limits = world.call(
        budget_limits.GetBudgetLimitsRequest(unit_id=desk.unit_id, fiscal_year=2026),
        role="finance",
    ).budget_limits

    [(events,)] = world.rows(
        "planning", "SELECT count(*) FROM event WHERE type = 'mantle.planning.v1.PlanAdjusted'"
    )
    january = [one.value for one in targets.targets if one.month == "2026-01"]
    assert events == 1
    assert (targets.plan_version, limits.plan_version) == (2, 2)
    assert sum(january) == 12_825_000
    assert [(one.expense_type, one.amount.amount_minor) for one in limits.limits] == [
        ("expense_bidding", 2_000_000)
    ] * 12


def test_a_second_month_begins_with_the_version_that_the_first_made(office: Office) -> None:
    desk = file_report(office.world).claimed()
    put_actuals(office.world, [("sales", f"{desk.unit_id}-o1", "P1", "OTC", "2026-02", 1)])

    second = file_report(office.world, desk.unit_id, month="2026-02").get()

    assert second.base_plan_version == 2
    assert [line.target for line in second.report.lines if line.measure == "sales"] == [
        14_250_000 + 129_546
    ] * 2


def february(world: World, unit_id: str) -> AdjustmentDesk:
    """File February's report, and let the directors move 1 of it to the months behind."""
    put_actuals(world, [("sales", f"{unit_id}-o1", "P1", "OTC", "2026-02", 1)])
    desk = file_report(world, unit_id, month="2026-02")
    desk.compiled(change=1).propose(MARKET)
    desk.propose(
        SALES,
        shift(-1, unit_id=unit_id, first="2026-02", last="2026-02"),
        shift(1, unit_id=unit_id, first="2026-03", last="2026-12"),
    )
    return desk


def test_of_two_adjustments_at_once_the_later_goes_on_from_the_plan_of_the_first(
    office: Office,
) -> None:
    unit_id = short_region(office.world)
    first = file_report(office.world, unit_id).checked()
    second = february(office.world, unit_id)

    first.claim(SALES)
    made = first.claim(MARKET)
    found = second.adjust()

    assert (found.base_plan_version, found.plan_version) == (2, 3)
    assert found.base_version_id == made.version_id
    assert second.check().state == STATES.STATE_CHECKED


def test_an_adjustment_waits_for_the_claims_of_the_one_before_and_is_then_made_anew(
    office: Office,
) -> None:
    """Both were made from one plan; whichever came second could never be claimed."""
    unit_id = short_region(office.world)
    first, second = file_report(office.world, unit_id).proposed(), february(office.world, unit_id)
    first.adjust()
    second.adjust()
    first.check()

    waiting = refusal(second.check)
    first.claim(SALES)
    first.claim(MARKET)
    replaced = refusal(second.check)
    second.check(passed=False)
    second.adjust()
    second.check()
    second.claim(SALES)

    assert (waiting, replaced) == ("ADJUSTMENT_AHEAD", "PLAN_NOT_IN_FORCE")
    assert second.claim(MARKET).plan_version == 3


def test_a_month_that_is_not_over_has_no_report(office: Office) -> None:
    unit_id = short_region(office.world)

    office.world.clock.set(datetime(2026, 1, 31, 15, 59, tzinfo=UTC))
    early = refusal(lambda: file_report(office.world, unit_id))
    office.world.clock.set(datetime(2026, 1, 31, 16, 0, tzinfo=UTC))
    found = file_report(office.world, unit_id).get()

    assert early == "MONTH_NOT_OVER"
    assert found.state == STATES.STATE_REPORTED


@req("R-037")
def test_a_region_s_target_is_met_by_what_its_offices_shift(office: Office) -> None:
    desk = file_report(office.world).compiled()
    desk.propose(MARKET)
    desk.propose(SALES, *catch_up(f"{desk.unit_id}-o1", SHORTFALL))

    desk.adjust()

    assert desk.check().state == STATES.STATE_CHECKED


@req("R-037")
def test_the_amounts_of_an_adjusted_plan_follow_its_volumes_until_it_is_checked(
    office: Office,
) -> None:
    desk = file_report(office.world).proposed()
    version_id = desk.adjust().version_id
    compute = profits.ComputeProfitRequest(version_id=version_id)

    office.world.call(compute, role="planning")
    desk.check()

    assert refusal(lambda: office.world.call(compute, role="planning")) == "CUBE_VERSION_FROZEN"


def test_claims_at_the_same_moment_put_the_plan_in_force_once(office: Office) -> None:
    desk = file_report(office.world).checked()
    barrier = threading.Barrier(2)

    def claim(side: int) -> bool:
        barrier.wait(timeout=10)
        return desk.claim(side).effective  # type: ignore[arg-type]

    with ThreadPoolExecutor(2) as pool:
        effective = list(pool.map(claim, [SALES, MARKET]))

    assert sorted(effective) == [False, True]
    assert len(office.facts(events_pb2.PlanAdjusted)) == 1


@pytest.mark.parametrize(
    ("shifts", "reason"),
    [
        ([(1, "2026-02", "2026-12")], "ADJUSTMENT_CHANGES_YEAR"),
        ([(1, "2026-11", "2027-02"), (-1, "2026-01", "2026-01")], "ADJUSTMENT_OUTSIDE_YEAR"),
        ([(1, "2026-05", "2026-03"), (-1, "2026-01", "2026-01")], "ADJUSTMENT_OUTSIDE_YEAR"),
        (
            [(-(10**12), "2026-02", "2026-02"), (10**12, "2026-03", "2026-03")],
            "PLAN_BELOW_ZERO",
        ),
    ],
)
def test_a_change_that_cannot_be_is_refused_with_its_reason(
    office: Office, shifts: list[tuple[int, str, str]], reason: str
) -> None:
    desk = file_report(office.world).proposed()
    changes = [
        shift(change, unit_id=desk.unit_id, first=first, last=last)
        for change, first, last in shifts
    ]

    assert refusal(lambda: desk.adjust(*changes)) == reason


def test_an_unknown_measure_and_a_unit_elsewhere_are_refused(office: Office) -> None:
    desk = file_report(office.world).proposed()
    elsewhere, _ = found_region(office.world)
    there = catch_up(elsewhere, 1)
    unknown = [
        shift(change, unit_id=desk.unit_id, first="2026-02", last="2026-02", measure="moonlight")
        for change in (1, -1)
    ]

    assert refusal(lambda: desk.adjust(*there)) == "OUT_OF_SCOPE"
    assert refusal(lambda: desk.adjust(*unknown)) == "MEASURE_UNKNOWN"


@pytest.mark.parametrize(
    ("take", "reason", "code"),
    [
        (lambda desk: desk.adjust(), "STEP_NOT_OPEN", "FAILED_PRECONDITION"),
        (
            lambda desk: desk.world.call(
                adjustments.ProposePackageRequest(
                    adjustment_id=desk.adjustment_id, side=SALES, note=""
                ),
                role="market_director",
            ),
            "STEP_ROLE_FORBIDS",
            "PERMISSION_DENIED",
        ),
        (
            lambda desk: desk.world.call(
                adjustments.CompileActivitiesRequest(adjustment_id=desk.adjustment_id),
                role="planning",
                unit_id=f"{desk.unit_id}-o1",
            ),
            "OUT_OF_SCOPE",
            "PERMISSION_DENIED",
        ),
        (
            lambda desk: file_report(desk.world, desk.unit_id),
            "ADJUSTMENT_ALREADY_EXISTS",
            "ALREADY_EXISTS",
        ),
        (
            lambda desk: file_report(desk.world, f"{desk.unit_id}-o1"),
            "PLAN_NOT_IN_FORCE",
            "FAILED_PRECONDITION",
        ),
    ],
)
def test_whoever_may_not_or_not_now_is_told_why(
    office: Office, take: object, reason: str, code: str
) -> None:
    desk = file_report(office.world)

    with pytest.raises(Refused) as refused:
        take(desk)  # type: ignore[operator]

    assert (refused.value.reason, refused.value.code.name) == (reason, code)


def kept_region(world: World) -> str:
    """Return a region that sold and spent in February as planned, less ten percent."""
    region = short_region(world)
    put_actuals(
        world,
        [
            ("sales", f"{region}-o1", "P1", "OTC", "2026-02", 12_825_000),
            ("expense_bidding", f"{region}-o1", "", "", "2026-02", 2_200_000),
        ],
    )
    return region


def audited(world: World) -> int:
    """Count the audit entries of adjustments' writes."""
    short = sorted(
        one.name
        for one in adjustments.DESCRIPTOR.services_by_name["AdjustmentService"].methods
        if not one.name.startswith(("Get", "List"))
    )
    [(found,)] = world.rows(
        "planning",
        "SELECT count(*) FROM audit_entry WHERE outcome = 'DONE' AND method = ANY(%(names)s)",
        names=short,
    )
    return int(found)


def test_the_list_has_the_latest_month_first_and_only_what_the_caller_may_see(
    office: Office,
) -> None:
    desk: AdjustmentDesk = file_report(office.world)
    later = file_report(office.world, desk.unit_id, month="2026-02")
    file_report(office.world)

    found = office.world.call(
        adjustments.ListAdjustmentsRequest(page_size=1), role="finance", unit_id=desk.unit_id
    )
    rest = office.world.call(
        adjustments.ListAdjustmentsRequest(page_size=5, page_token=found.next_page_token),
        role="finance",
        unit_id=desk.unit_id,
    )

    assert [one.adjustment_id for one in (*found.adjustments, *rest.adjustments)] == [
        later.adjustment_id,
        desk.adjustment_id,
    ]


@req("R-038", "R-040")
def test_an_adjusted_year_plan_takes_its_figures_and_its_budget_to_the_next_version(
    office: Office,
) -> None:
    areas = [a_unit(office.world, name, valid_from="2025-01-01") for name in ("A1", "A2")]
    office.world.clock.set(datetime(2025, 10, 8, 2, 0, tzinfo=UTC))
    plan = launched(office.world, areas=areas, fiscal_year=2026).play(31)
    office.world.clock.set(datetime(2026, 2, 2, 2, 0, tzinfo=UTC))
    first = plan.get().revisions[-1].cube_version_id

    desk = file_report(office.world, ROOT_UNIT)
    found = desk.claimed(change=100).get()

    lines = office.world.call(
        budget_service_pb2.GetPlanBudgetRequest(plan_id=plan.annual_plan_id), role="finance"
    )
    assert (found.base_version_id, found.plan_version, found.effective) == (first, 2, True)
    assert sum(months_of(office.world, found.version_id, ROOT_UNIT)) == sum(
        months_of(office.world, first, ROOT_UNIT)
    )
    assert lines.plan_version == 2
    assert {fact.plan_version for fact in office.facts(events_pb2.BudgetLineAdjusted)[-5:]} == {2}


@req("R-037")
def test_an_adjusted_plan_is_changed_by_its_steps_alone(office: Office) -> None:
    """Whoever could write into it after the check would change what finance has passed."""
    desk = file_report(office.world).checked()
    version_id = desk.get().version_id
    address = cube_pb2.CubeAddress(unit_id=desk.unit_id, month="2026-12")
    cell = cube_pb2.CubeCell(measure="sales", address=address, value=1)
    write = cubes.WriteCellsRequest(version_id=version_id, cells=[cell])

    assert refusal(lambda: office.world.call(write, role="planning")) == "CUBE_VERSION_FROZEN"
