"""The monthly work of planning: rolling cycles and adjustments, taken step by step by who may."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeVar

import pytest
from mantle.planning.v1 import adjustment_pb2, plan_side_pb2, rolling_plan_pb2, unit_pb2
from mantle.planning.v1 import adjustment_service_pb2 as adjustments
from mantle.planning.v1 import rolling_plan_service_pb2 as rolling
from mantle.planning.v1 import unit_service_pb2 as units

from chassis.database import Transaction
from chassis.period import Month
from chassis.scope import Caller
from planning.adjustment import usecases as adjusting
from planning.cube import usecases as cube
from planning.cube.domain import ACTUAL, Act, Address, Axis, Cell, Kind, Member
from tests.support.server import ROOT_UNIT, Refused, World
from tests.support.waiting import until

T = TypeVar("T")
SALES = plan_side_pb2.PLAN_SIDE_SALES
MARKET = plan_side_pb2.PLAN_SIDE_MARKET
DIRECTORS = {SALES: "sales_director", MARKET: "market_director"}
PLANNER = Caller("planner", frozenset({"planning"}), ROOT_UNIT, "planner")
PRODUCTS = ("P1", "P2")
CHANNELS = ("OTC", "Rx")
_numbers = count(1)

Figure = tuple[str, str, str, str, str, int]


def quietly(world: World, act: Callable[[Transaction], T]) -> T:
    """Do something inside planning, as another of its capabilities would."""
    return world.start("planning").services["planning"].back_door.quietly(act)


def know_members(world: World) -> None:
    """Make the products and channels known."""

    def define(tx: Transaction) -> None:
        for axis, codes in ((Axis.PRODUCT, PRODUCTS), (Axis.CHANNEL, CHANNELS)):
            cube.define(tx, axis=axis, members=[Member(code, code) for code in codes], by=PLANNER)

    quietly(world, define)


def put_figures(world: World, name: str, kind: Kind, figures: Iterable[Figure]) -> str:
    """Write figures into a version of the cube, which begins now if it is not there; return its id.

    Shape: a figure is measure, unit, product, channel, month and value.
    """
    cells = [
        Cell(measure, Address(unit, product, channel, "", Month.parse(month)), value)
        for measure, unit, product, channel, month, value in figures
    ]

    def write(tx: Transaction) -> str:
        at = world.clock.now()
        version = cube.version_named(tx, name) or cube.create_version(
            tx, name=name, kind=kind, by=PLANNER, at=at
        )
        cube.write(tx, version.version_id, cells, by=PLANNER, at=at, act=Act.IMPORT)
        return version.version_id

    return quietly(world, write)


def put_actuals(world: World, figures: Iterable[Figure]) -> str:
    """Write what came."""
    return put_figures(world, ACTUAL, Kind.ACTUAL, figures)


def put_plan(world: World, unit_id: str, figures: Iterable[Figure], *, year: int = 2026) -> str:
    """Put a year's plan of a unit in force, as its approval does; return its cube version."""
    name = f"FY{year} {unit_id} {next(_numbers)}"
    version_id = put_figures(world, name, Kind.PLAN, figures)

    def put(tx: Transaction) -> str:
        cube.freeze(tx, version_id, by=PLANNER)
        at = world.clock.now()
        adjusting.put_plan(
            tx, unit_id=unit_id, fiscal_year=year, version_id=version_id, by=PLANNER, at=at
        )
        return version_id

    return quietly(world, put)


def found_unit(
    world: World, unit_id: str, parent: str, kind: unit_pb2.OrgUnit.Kind.ValueType
) -> str:
    """Found a unit and return its id."""
    request = units.CreateUnitRequest(
        unit_id=unit_id, name=unit_id, kind=kind, parent_unit_id=parent, valid_from="2026-01-01"
    )
    world.call(request, role="business_support")
    return unit_id


def found_region(world: World, *, offices: int = 1) -> tuple[str, list[str]]:
    """Found a region with offices; return its id and theirs."""
    region = found_unit(world, f"reg{next(_numbers)}", ROOT_UNIT, unit_pb2.OrgUnit.KIND_REGION)
    found = [
        found_unit(world, f"{region}-o{number}", region, unit_pb2.OrgUnit.KIND_OFFICE)
        for number in range(1, offices + 1)
    ]
    return region, found


def line(
    quantity: int,
    *,
    month: str = "2026-05",
    product: str = "P1",
    channel: str = "OTC",
    partner: str = "",
) -> rolling_plan_pb2.ForecastLine:
    """Return a line of a draft."""
    return rolling_plan_pb2.ForecastLine(
        product_id=product, channel=channel, partner_id=partner, month=month, quantity=quantity
    )


def change(
    delta: int,
    reason: rolling_plan_pb2.ForecastAdjustmentDraft.Reason.ValueType,
    *,
    month: str = "2026-05",
    unit_id: str = "",
) -> rolling_plan_pb2.ForecastAdjustmentDraft:
    """Return a director's change."""
    return rolling_plan_pb2.ForecastAdjustmentDraft(
        reason=reason, note="seen in the field", delta=delta, month=month, unit_id=unit_id
    )


@dataclass(slots=True)
class RollingDesk:
    """Take a cycle from step to step."""

    world: World
    cycle_id: str
    unit_id: str
    offices: list[str]

    def cycle(self) -> rolling_plan_pb2.RollingCycle:
        """Return the cycle."""
        reply = self.world.call(
            rolling.GetRollingCycleRequest(cycle_id=self.cycle_id), role="planning"
        )
        found: rolling_plan_pb2.RollingCycle = reply.cycle
        return found

    def talk(self, office: str) -> rolling_plan_pb2.RollingCycle:
        """Record what customers have."""
        note = rolling_plan_pb2.CustomerNote(
            partner_id="D1", product_id="P1", sell_out=1_000, stock=900
        )
        request = rolling.RecordCustomerDemandRequest(
            cycle_id=self.cycle_id, unit_id=office, customers=[note]
        )
        reply = self.world.call(request, role="channel_manager", unit_id=office)
        found: rolling_plan_pb2.RollingCycle = reply.cycle
        return found

    def look(self, office: str) -> None:
        """Record the local situation."""
        request = rolling.RecordLocalSituationRequest(
            cycle_id=self.cycle_id, unit_id=office, situation="a dry spring"
        )
        self.world.call(request, role="channel_manager", unit_id=office)

    def draft(
        self, office: str, *lines: rolling_plan_pb2.ForecastLine
    ) -> rolling_plan_pb2.RollingCycle:
        """Submit a draft, of 1,000 pieces unless told otherwise."""
        request = rolling.SubmitOfficeDraftRequest(
            cycle_id=self.cycle_id,
            unit_id=office,
            lines=lines or [line(1_000)],
            tool=rolling_plan_pb2.FORECAST_TOOL_MOVING_AVERAGE,
        )
        reply = self.world.call(request, role="channel_manager", unit_id=office)
        found: rolling_plan_pb2.RollingCycle = reply.cycle
        return found

    def check(
        self,
        office: str,
        *lines: rolling_plan_pb2.ForecastLine,
        passed: bool = True,
    ) -> rolling_plan_pb2.RollingCycle:
        """Check a draft."""
        decision = rolling.CheckOfficeDraftRequest
        request = rolling.CheckOfficeDraftRequest(
            cycle_id=self.cycle_id,
            unit_id=office,
            decision=decision.DECISION_PASSED if passed else decision.DECISION_NOT_PASSED,
            comment="" if passed else "too low for May",
            lines=lines,
        )
        reply = self.world.call(request, role="regional_manager", unit_id=self.unit_id)
        found: rolling_plan_pb2.RollingCycle = reply.cycle
        return found

    def file_office(self, office: str) -> None:
        """File the channel manager's forecast."""
        request = rolling.FileOfficeForecastRequest(cycle_id=self.cycle_id, unit_id=office)
        self.world.call(request, role="regional_manager", unit_id=self.unit_id)

    def prepare(self, office: str) -> None:
        """Take an office to where it can draft."""
        self.talk(office)
        self.look(office)

    def office_done(
        self,
        office: str,
        lines: Sequence[rolling_plan_pb2.ForecastLine] = (),
        *,
        regional: Sequence[rolling_plan_pb2.ForecastLine] = (),
    ) -> None:
        """Take an office through its five steps."""
        self.prepare(office)
        self.draft(office, *lines)
        self.check(office, *regional)
        self.file_office(office)

    def merge(self) -> None:
        """Merge and file the regional layer."""
        self.world.call(rolling.MergeForecastsRequest(cycle_id=self.cycle_id), role="planning")
        request = rolling.FileRegionalForecastsRequest(cycle_id=self.cycle_id)
        self.world.call(request, role="planning")

    def adjust(
        self,
        side: plan_side_pb2.PlanSide.ValueType,
        *changes: rolling_plan_pb2.ForecastAdjustmentDraft,
    ) -> None:
        """Adjust for one director."""
        request = rolling.AdjustForecastRequest(
            cycle_id=self.cycle_id, side=side, adjustments=changes
        )
        self.world.call(request, role=DIRECTORS[side])

    def adjust_nothing(self) -> None:
        """Let both directors leave the forecast as it is."""
        self.adjust(SALES)
        self.adjust(MARKET)

    def agree(self) -> None:
        """Hold the internal meeting."""
        request = rolling.AgreeForecastRequest(cycle_id=self.cycle_id, minutes="all agreed")
        self.world.call(request, role="planning")

    def consent(self, side: plan_side_pb2.PlanSide.ValueType) -> None:
        """Let a director consent."""
        request = rolling.GiveConsentRequest(cycle_id=self.cycle_id, side=side, consent=True)
        self.world.call(request, role=DIRECTORS[side])

    def draft_plan(self) -> None:
        """Make the draft of the plan."""
        self.world.call(rolling.DraftMonthlyPlanRequest(cycle_id=self.cycle_id), role="planning")

    def ask_production(self) -> rolling_plan_pb2.SupplyCheck:
        """Ask production once."""
        request = rolling.CheckCapacityRequest(cycle_id=self.cycle_id)
        reply = self.world.call(request, role="production")
        check: rolling_plan_pb2.SupplyCheck = reply.cycle.supply_checks[-1]
        return check

    def ask_supply(self) -> rolling_plan_pb2.SupplyCheck:
        """Ask supply once."""
        request = rolling.CheckMaterialRequest(cycle_id=self.cycle_id)
        reply = self.world.call(request, role="supply")
        check: rolling_plan_pb2.SupplyCheck = reply.cycle.supply_checks[-1]
        return check

    def capacity(self) -> rolling_plan_pb2.SupplyCheck:
        """Ask production until it answers."""
        return _answered(self.ask_production)

    def material(self) -> rolling_plan_pb2.SupplyCheck:
        """Ask supply until it answers."""
        return _answered(self.ask_supply)

    def coordinate(self) -> None:
        """Cut the draft to what can be supplied."""
        self.world.call(rolling.CoordinateSupplyRequest(cycle_id=self.cycle_id), role="planning")

    def approve(self) -> rolling_plan_pb2.RollingCycle:
        """Approve the plan."""
        request = rolling.ApproveRollingPlanRequest(cycle_id=self.cycle_id)
        reply = self.world.call(request, role="decision_layer")
        found: rolling_plan_pb2.RollingCycle = reply.cycle
        return found

    def archive(self) -> rolling_plan_pb2.RollingCycle:
        """File the plan."""
        request = rolling.ArchiveRollingPlanRequest(cycle_id=self.cycle_id)
        reply = self.world.call(request, role="marketing_vp")
        found: rolling_plan_pb2.RollingCycle = reply.cycle
        return found

    def offices_done(self) -> "RollingDesk":
        """Take all offices through their steps."""
        for office in self.offices:
            self.office_done(office)
        return self

    def merged(self) -> "RollingDesk":
        """Go on to where the directors adjust."""
        self.offices_done().merge()
        return self

    def agreed(self) -> "RollingDesk":
        """Go on to where the draft can be made."""
        self.merged().adjust_nothing()
        self.agree()
        self.consent(SALES)
        self.consent(MARKET)
        return self

    def drafted(self) -> "RollingDesk":
        """Go on to where production is asked."""
        self.agreed().draft_plan()
        return self

    def supplied(self) -> "RollingDesk":
        """Go on to where production and supply have answered."""
        self.drafted().capacity()
        self.material()
        return self

    def coordinated(self) -> "RollingDesk":
        """Go on to where the plan can be approved."""
        self.supplied().coordinate()
        return self

    def approved(self) -> "RollingDesk":
        """Go on to where the plan is in force."""
        self.coordinated().approve()
        return self


def _answered(ask: Callable[[], rolling_plan_pb2.SupplyCheck]) -> rolling_plan_pb2.SupplyCheck:
    """Ask again as somebody at a desk would, because a busy machine may miss the neighbour's two
    seconds."""
    checks: list[rolling_plan_pb2.SupplyCheck] = []

    def is_answered() -> bool:
        checks.append(ask())
        return checks[-1].state == rolling_plan_pb2.SupplyCheck.STATE_ANSWERED

    until(is_answered, "the neighbour's answer")
    return checks[-1]


def open_cycle(
    world: World, *, month: str = "2026-03", unit_id: str = "", offices: Sequence[str] = ()
) -> RollingDesk:
    """Open a cycle, of a new region with one office unless told otherwise."""
    know_members(world)
    if not unit_id:
        unit_id, offices = found_region(world)
    request = rolling.OpenRollingCycleRequest(unit_id=unit_id, month=month, office_ids=offices)
    reply = world.call(request, role="planning")
    return RollingDesk(world, reply.cycle.cycle_id, unit_id, list(offices))


@dataclass(slots=True)
class AdjustmentDesk:
    """Take an adjustment from step to step."""

    world: World
    adjustment_id: str
    unit_id: str

    def get(self) -> adjustment_pb2.Adjustment:
        """Return the adjustment."""
        request = adjustments.GetAdjustmentRequest(adjustment_id=self.adjustment_id)
        found: adjustment_pb2.Adjustment = self.world.call(request, role="finance").adjustment
        return found

    def review(self, *, major: bool = True, reason: str = "") -> adjustment_pb2.Adjustment:
        """Decide whether the variance is major."""
        kinds = adjustments.ReviewVarianceRequest
        request = adjustments.ReviewVarianceRequest(
            adjustment_id=self.adjustment_id,
            decision=kinds.DECISION_MAJOR if major else kinds.DECISION_NOT_MAJOR,
            reason=reason,
        )
        found: adjustment_pb2.Adjustment = self.world.call(
            request, role="decision_layer"
        ).adjustment
        return found

    def target(self, change: int, *, measure: str = "sales", unit_id: str = "") -> None:
        """Set what the rest of the year must bring."""
        target = adjustment_pb2.AdjustmentTarget(
            measure=measure, unit_id=unit_id or self.unit_id, change=change
        )
        request = adjustments.SetNewTargetsRequest(
            adjustment_id=self.adjustment_id,
            cause_code=adjustment_pb2.CAUSE_CODE_COMPETITION,
            cause="a rival cut its price",
            targets=[target],
        )
        self.world.call(request, role="decision_layer")

    def compile(self) -> adjustment_pb2.Adjustment:
        """Compile the activities."""
        request = adjustments.CompileActivitiesRequest(adjustment_id=self.adjustment_id)
        found: adjustment_pb2.Adjustment = self.world.call(request, role="planning").adjustment
        return found

    def propose(
        self, side: plan_side_pb2.PlanSide.ValueType, *shifts: adjustment_pb2.PlanShift
    ) -> None:
        """Propose a package."""
        request = adjustments.ProposePackageRequest(
            adjustment_id=self.adjustment_id, side=side, shifts=shifts, note="as agreed"
        )
        self.world.call(request, role=DIRECTORS[side])

    def adjust(self, *shifts: adjustment_pb2.PlanShift) -> adjustment_pb2.Adjustment:
        """Make the next version of the plan."""
        request = adjustments.AdjustPlanRequest(adjustment_id=self.adjustment_id, shifts=shifts)
        found: adjustment_pb2.Adjustment = self.world.call(request, role="planning").adjustment
        return found

    def check(self, *, passed: bool = True) -> adjustment_pb2.Adjustment:
        """Check the adjusted plan."""
        kinds = adjustments.CheckAdjustmentRequest
        request = adjustments.CheckAdjustmentRequest(
            adjustment_id=self.adjustment_id,
            decision=kinds.DECISION_PASSED if passed else kinds.DECISION_FAILED,
            comment="" if passed else "not what the meeting set",
        )
        found: adjustment_pb2.Adjustment = self.world.call(request, role="finance").adjustment
        return found

    def claim(self, side: plan_side_pb2.PlanSide.ValueType) -> adjustment_pb2.Adjustment:
        """Claim the adjusted plan."""
        request = adjustments.ClaimAdjustmentRequest(adjustment_id=self.adjustment_id, side=side)
        found: adjustment_pb2.Adjustment = self.world.call(request, role=DIRECTORS[side]).adjustment
        return found

    def archive(self) -> adjustment_pb2.Adjustment:
        """Archive the adjustment."""
        request = adjustments.ArchiveAdjustmentRequest(adjustment_id=self.adjustment_id)
        found: adjustment_pb2.Adjustment = self.world.call(request, role="finance").adjustment
        return found

    def compiled(self, change: int = 1_425_000) -> "AdjustmentDesk":
        """Go on to where the directors propose."""
        self.review()
        self.target(change)
        self.compile()
        return self

    def proposed(self, change: int = 1_425_000) -> "AdjustmentDesk":
        """Go on to where the plan is adjusted: the sales director catches up."""
        self.compiled(change).propose(MARKET)
        self.propose(SALES, *catch_up(self.unit_id, change))
        return self

    def checked(self, change: int = 1_425_000) -> "AdjustmentDesk":
        """Go on to where the directors claim."""
        self.proposed(change).adjust()
        self.check()
        return self

    def claimed(self, change: int = 1_425_000) -> "AdjustmentDesk":
        """Go on to where the adjusted plan is in force."""
        self.checked(change).claim(MARKET)
        self.claim(SALES)
        return self


def shift(
    change: int,
    *,
    unit_id: str,
    first: str,
    last: str,
    measure: str = "sales",
) -> adjustment_pb2.PlanShift:
    """Return a change of the plan."""
    return adjustment_pb2.PlanShift(
        measure=measure, unit_id=unit_id, first_month=first, last_month=last, change=change
    )


def catch_up(unit_id: str, change: int) -> list[adjustment_pb2.PlanShift]:
    """Return the changes that move January's shortfall to the eleven months behind."""
    return [
        shift(-change, unit_id=unit_id, first="2026-01", last="2026-01"),
        shift(change, unit_id=unit_id, first="2026-02", last="2026-12"),
    ]


def file_report(world: World, unit_id: str = "", *, month: str = "2026-01") -> AdjustmentDesk:
    """File a tracking report: of a new region whose January fell short, unless told otherwise."""
    unit_id = unit_id or short_region(world)
    request = adjustments.FileTrackingReportRequest(unit_id=unit_id, month=month)
    reply = world.call(request, role="finance")
    return AdjustmentDesk(world, reply.adjustment.adjustment_id, unit_id)


def short_region(world: World) -> str:
    """Found a region with the figures of R-032, and return its id: 142,500.00 a month planned and
    128,250.00 sold in January, 20,000.00 to spend and 23,600.00 spent."""
    know_members(world)
    region, [office] = found_region(world)
    year = [str(month) for month in Month(2026, 1).span(12)]
    sales = [
        ("sales", office, product, "OTC", month, value)
        for month in year
        for product, value in (("P1", 9_500_000), ("P2", 4_750_000))
    ]
    expenses = [("expense_bidding", office, "", "", month, 2_000_000) for month in year]
    put_plan(world, region, [*sales, *expenses])
    put_actuals(
        world,
        [
            ("sales", office, "P1", "OTC", "2026-01", 8_075_000),
            ("sales", office, "P2", "OTC", "2026-01", 4_750_000),
            ("expense_bidding", office, "", "", "2026-01", 2_360_000),
        ],
    )
    return region


def refusal(act: Callable[[], object]) -> str:
    """Return the reason with which something is refused."""
    with pytest.raises(Refused) as refused:
        act()
    return refused.value.reason
