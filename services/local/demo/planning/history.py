"""Real history: seventeen years of drug sales, the year plan that November 2006 could make of them,
and eighteen rolling cycles against what then really came.

The data set counts million AUD a month, so that one AUD stands for one piece here.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from mantle.planning.v1 import cube_pb2
from mantle.planning.v1 import cube_service_pb2 as cube_rpc
from mantle.planning.v1 import rolling_plan_pb2 as pb
from mantle.planning.v1 import rolling_plan_service_pb2 as rolling_rpc
from mantle.policy.v1 import policy_pb2, policy_service_pb2

from chassis.period import Month
from local.demo.desk import all_pages
from local.demo.narrator import ZONE
from local.demo.planning import cycle as rolling
from local.demo.planning import figures, ground
from local.demo.planning.cycle import MARKET, SALES, Cycle
from local.demo.scene import Scene
from local.places import REPOSITORY

FILE: Final = REPOSITORY / "examples" / "data" / "drug_sales_monthly.csv"
REGION: Final = "au"
OFFICE: Final = "au-o1"
PRODUCT: Final = "A10"
CHANNEL: Final = "PHARMACY"
FIRST_CYCLE: Final = Month(2006, 11)
CYCLES: Final = 18
PLANNED_YEAR: Final = 2007
PLAN_NAME: Final = "Drug sales plan 2007"
AVERAGE: Final = pb.FORECAST_TOOL_MOVING_AVERAGE
SEASONAL: Final = pb.FORECAST_TOOL_SEASONAL
AUD_A_MILLION: Final = 1_000_000
# From the middle of twelve months that end with October to the middle of the year after the next.
MONTHS_AHEAD: Final = 14
_SHARE: Final = Decimal("0.0001")
_TENTH: Final = Decimal("0.1")


@dataclass(slots=True)
class History:
    """Hold what the history brought.

    Shape: errors in percent, one for each month that a forecast was compared with.
    """

    growth_share: Decimal = Decimal(0)
    plan: Mapping[str, int] = field(default_factory=dict)
    actual: Mapping[str, int] = field(default_factory=dict)
    cycles: list[str] = field(default_factory=list)
    layers: dict[str, list[Decimal]] = field(default_factory=dict)
    naive: list[Decimal] = field(default_factory=list)
    plan_errors: list[Decimal] = field(default_factory=list)
    plan_naive: list[Decimal] = field(default_factory=list)


def read_file() -> dict[Month, int]:
    """Read the data set: sales of each month, in AUD."""
    with FILE.open(encoding="utf-8", newline="") as lines:
        return {
            Month.parse(row["month"]): int(Decimal(row["sales_million_aud"]) * AUD_A_MILLION)
            for row in csv.DictReader(lines)
        }


def play(scene: Scene, *, cycles: int = CYCLES) -> None:
    """Play the year plan and the cycles that follow it."""
    known = read_file()
    scene.move_to(rolling.morning_of(FIRST_CYCLE, rolling.START_DAY))
    scene.narrator.chapter("Real history: drug sales")
    _found(scene)
    _import(scene, known, until=FIRST_CYCLE)
    growth = _plan_year(scene)
    _set_growth(scene, growth)
    for number in range(cycles):
        month = FIRST_CYCLE.plus(number)
        if number:
            _import(scene, known, since=month.previous(), until=month)
        _play_cycle(scene, month, number=number, cycles=cycles)
    end = max(known).plus(1)
    scene.move_to(rolling.morning_of(end, rolling.START_DAY))
    _import(scene, known, since=FIRST_CYCLE.plus(cycles - 1), until=end)


def read(scene: Scene) -> History:
    """Ask planning what came of it."""
    told = History()
    desk = scene.desk
    actual_id, plan_id = figures.actual_version(desk), figures.version_named(desk, PLAN_NAME)
    since = FIRST_CYCLE.plus(-24)
    told.actual = _volumes(scene, actual_id, [str(one) for one in since.span(60)])
    told.plan = _volumes(scene, plan_id, _year(PLANNED_YEAR))
    told.growth_share = _growth(told.actual, FIRST_CYCLE)
    for month, planned in told.plan.items():
        if month in told.actual:
            told.plan_errors.append(_error(planned, told.actual[month]))
            naive = last_known(told.actual, Month.parse(month), known=FIRST_CYCLE)
            told.plan_naive.append(_error(naive, told.actual[month]))
    for cycle_id in _cycles(scene):
        told.cycles.append(cycle_id)
        _compare(scene, told, cycle_id)
    return told


def mean(errors: Sequence[Decimal]) -> Decimal:
    """Return the mean of some errors, with one digit behind the point."""
    if not errors:
        return Decimal(0)
    return (sum(errors, Decimal(0)) / len(errors)).quantize(_TENTH, ROUND_HALF_UP)


def _found(scene: Scene) -> None:
    ground.found_region(scene, REGION, "Australia", offices={OFFICE: "Pharmacies"})
    product, channel = cube_pb2.CUBE_MEMBER_AXIS_PRODUCT, cube_pb2.CUBE_MEMBER_AXIS_CHANNEL
    figures.know(scene.desk, product, {PRODUCT: "Anti-diabetic drugs"})
    figures.know(scene.desk, channel, {CHANNEL: "Pharmacies"})


def _import(
    scene: Scene, known: Mapping[Month, int], *, until: Month, since: Month | None = None
) -> None:
    """Import the months before one, from a first one on if it is given."""
    months = [one for one in known if one < until and (since is None or one >= since)]
    if not months:
        return
    rows = figures.import_actuals(
        scene.desk,
        f"{FILE.name} to {months[-1]}",
        [("volume", OFFICE, PRODUCT, CHANNEL, str(one), str(known[one])) for one in months],
    )
    if rows > 1:
        scene.narrator.tell(f"{rows} months of sales imported", f"{months[0]} to {months[-1]}")


def _plan_year(scene: Scene) -> Decimal:
    """Plan the year: a total by the trend of two years, spread by the season; return the trend."""
    desk = scene.desk
    actual_id = figures.actual_version(desk)
    past = [str(one) for one in FIRST_CYCLE.plus(-24).span(24)]
    known = _volumes(scene, actual_id, past)
    before, last = (sum(known[one] for one in part) for part in (past[:12], past[12:]))
    total = last + (last - before) * MONTHS_AHEAD // 12
    plan_id = figures.begin_version(desk, PLAN_NAME, cube_pb2.CubeVersion.KIND_PLAN)
    over = cube_pb2.CubeGrid(
        unit_ids=[OFFICE], product_ids=[PRODUCT], channels=[CHANNEL], months=_year(PLANNED_YEAR)
    )
    figures.spread_by_season(desk, plan_id, history_id=actual_id, over=over, total=total)
    desk.person("planning").ask(cube_rpc.FreezeVersionRequest(version_id=plan_id))
    growth = _growth(known, FIRST_CYCLE)
    scene.narrator.tell(
        f"Plan of {PLANNED_YEAR}: {millions(total)} million AUD",
        f"trend {growth:.1%} a year, spread by the season learned from all years before",
    )
    return growth


def _set_growth(scene: Scene, growth: Decimal) -> None:
    """Let the seasonal tool reckon with the trend: a policy of the office, made by two people."""
    parameters = {
        "cover_months": policy_pb2.PolicyValue(text="1.5"),
        "average_months": policy_pb2.PolicyValue(integer=3),
        "growth_share": policy_pb2.PolicyValue(text=str(growth)),
    }
    draft = policy_service_pb2.CreatePolicyRequest(
        kind="forecast",
        scope=f"unit:{OFFICE}",
        start_date=scene.clock.today(ZONE).isoformat(),
        summary="Growth of the seasonal tool is the trend of two years",
        parameters=parameters,
    )
    made = scene.desk.person("planning").ask(draft, service="planning").policy
    approval = policy_service_pb2.ApprovePolicyRequest(policy_id=made.policy_id)
    scene.desk.person("marketing_vp").ask(approval, service="planning")


def _play_cycle(scene: Scene, month: Month, *, number: int, cycles: int) -> None:
    """Play one cycle: the channel manager takes the average, the region the season, planning both
    with the latest level."""
    cycle = rolling.open_cycle(scene, REGION, month, offices=[OFFICE])
    cycle.prepare(OFFICE, situation="as before", notes=[])
    form = cycle.form(OFFICE)
    cycle.draft(OFFICE, rolling.suggested(form, AVERAGE), AVERAGE)
    regional = rolling.suggested(form, SEASONAL)
    cycle.check(OFFICE, lines=regional)
    cycle.file(OFFICE)
    cycle.on_day(rolling.MERGE_DAY)
    cycle.merge()
    cycle.adjust(SALES, _changes(scene, month, regional))
    cycle.adjust(MARKET)
    cycle.on_day(rolling.COORDINATION_DAY)
    cycle.agree("between the season and the latest level")
    _supply(cycle)
    cycle.on_day(rolling.APPROVAL_DAY)
    cycle.issue()
    planned = millions(cycle.merged().total_quantity)
    horizon = [month.plus(2), month.plus(4)]
    scene.narrator.tell(
        f"Cycle {number + 1} of {cycles}, {month}: {planned} million AUD",
        f"for {horizon[0]} to {horizon[1]}",
    )


def _changes(
    scene: Scene, month: Month, regional: Sequence[pb.ForecastLine]
) -> list[pb.ForecastAdjustmentDraft]:
    """Move each month halfway from the region's figure to last year's month at the latest level."""
    months = [str(one) for one in month.plus(-15).span(15)]
    sold = _volumes(scene, figures.actual_version(scene.desk), months)
    then, now = (sum(sold[one] for one in part) for part in (months[:3], months[-3:]))
    return [
        pb.ForecastAdjustmentDraft(
            delta=(sold[str(Month.parse(target).plus(-12))] * now // then - quantity) // 2,
            reason=pb.ForecastAdjustmentDraft.REASON_SPECIAL_EVENT,
            note="level of the last three months against a year before",
            month=target,
        )
        for target, quantity in rolling.by_month(regional).items()
    ]


def _supply(cycle: Cycle) -> None:
    cycle.capacity()
    cycle.material()
    cycle.coordinate()


def _cycles(scene: Scene) -> list[str]:
    """Return the region's cycles, oldest first."""
    request = rolling_rpc.ListRollingCyclesRequest()
    found = all_pages(scene.desk.person("planning"), request, "cycles")
    own = sorted((one.month, one.cycle_id) for one in found if one.unit_id == REGION)
    return [cycle_id for _, cycle_id in own]


def _compare(scene: Scene, told: History, cycle_id: str) -> None:
    """Add the errors of a cycle: each layer's as planning tells them, and the naive forecast's."""
    lines = [one for one in rolling.accuracy(scene, cycle_id) if one.error_percent]
    for line in (one for one in lines if one.unit_id == REGION):
        name = pb.ForecastLayer.Name(line.layer)
        told.layers.setdefault(name, []).append(Decimal(line.error_percent))
        if line.layer == pb.FORECAST_LAYER_PLANNING:
            year_ago = str(Month.parse(line.month).plus(-12))
            told.naive.append(_error(told.actual[year_ago], line.actual))


def _volumes(scene: Scene, version_id: str, months: Sequence[str]) -> dict[str, int]:
    return figures.by_month(scene.desk, version_id, figures.VOLUME, unit_id=REGION, months=months)


def last_known(actual: Mapping[str, int], month: Month, *, known: Month) -> int:
    """Return the latest same month that was over before a cycle began."""
    before = month.plus(-12)
    while before >= known:
        before = before.plus(-12)
    return actual[str(before)]


def _growth(actual: Mapping[str, int], at: Month) -> Decimal:
    """Return what the last twelve months have more than the twelve before."""
    last = sum(actual[str(one)] for one in at.plus(-12).span(12))
    before = sum(actual[str(one)] for one in at.plus(-24).span(12))
    return (Decimal(last - before) / before).quantize(_SHARE, ROUND_HALF_UP)


def _error(forecast: int, actual: int) -> Decimal:
    return Decimal(abs(forecast - actual)) * 100 / actual


def _year(year: int) -> list[str]:
    return [str(one) for one in Month(year, 1).span(12)]


def millions(aud: int) -> str:
    """Write an amount of AUD in millions."""
    return f"{Decimal(aud) / AUD_A_MILLION:,.1f}"
