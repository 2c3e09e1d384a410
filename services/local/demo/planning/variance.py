"""January comes: sales fall short and expenses run over, and the rest of the year makes up for it
in the eleven steps of an adjustment."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from google.protobuf.message import Message
from mantle.planning.v1 import adjustment_pb2 as pb
from mantle.planning.v1 import adjustment_service_pb2 as rpc
from mantle.planning.v1 import plan_side_pb2

from local.demo.narrator import ZONE, minor_text
from local.demo.planning import figures
from local.demo.scene import MORNING, Scene
from local.tokens import ROOT_UNIT_ID

SALES: Final = plan_side_pb2.PLAN_SIDE_SALES
MARKET: Final = plan_side_pb2.PLAN_SIDE_MARKET
DIRECTORS: Final = {SALES: "sales_director", MARKET: "market_director"}
SHORT_AREA: Final = "a1"
EXPENSE: Final = "expense"
CUT_EXPENSE: Final = "expense_hospital_promotion"
# What January brings, in yuan: ten percent less than planned in one area, and a dear fair.
JANUARY: Final = (
    ("sales", "a1", "P1", "57000.00"),
    ("sales", "a1", "P2", "71250.00"),
    ("sales", "a2", "P1", "42750.00"),
    ("sales", "a2", "P2", "35625.00"),
    (EXPENSE, "a1", "", "29627.83"),
    (EXPENSE, "a2", "", "17934.58"),
    (EXPENSE, "hq", "", "30833.33"),
)


@dataclass(frozen=True, slots=True)
class Meeting:
    """Act on one adjustment, as the people who make it."""

    scene: Scene
    adjustment_id: str

    def ask(self, request: Message, *, role: str) -> Any:
        """Send a request about this adjustment."""
        request.adjustment_id = self.adjustment_id  # type: ignore[attr-defined]
        return self.scene.desk.person(role).ask(request)


def play(scene: Scene, year: int) -> str:
    """Play January's adjustment and return its id."""
    scene.move_to(datetime.combine(date(year, 2, 2), MORNING, ZONE))
    scene.narrator.chapter("January misses the plan")
    _bring_january(scene, year)
    request = rpc.FileTrackingReportRequest(unit_id=ROOT_UNIT_ID, month=f"{year}-01")
    filed = scene.desk.person("finance").ask(request).adjustment
    meeting = Meeting(scene, filed.adjustment_id)
    decision = rpc.ReviewVarianceRequest.DECISION_MAJOR
    meeting.ask(rpc.ReviewVarianceRequest(decision=decision), role="decision_layer")
    sales = line_of(filed, "sales", SHORT_AREA)
    expense = line_of(filed, EXPENSE, SHORT_AREA)
    short, over = sales.target - sales.actual, expense.actual - expense.target
    _set_targets(meeting, short=short, over=over)
    meeting.ask(rpc.CompileActivitiesRequest(), role="planning")
    _propose(meeting, year, short=short, over=over)
    meeting.ask(rpc.AdjustPlanRequest(), role="planning")
    passed = rpc.CheckAdjustmentRequest.DECISION_PASSED
    meeting.ask(rpc.CheckAdjustmentRequest(decision=passed), role="finance")
    for side, role in DIRECTORS.items():
        meeting.ask(rpc.ClaimAdjustmentRequest(side=side), role=role)
    meeting.ask(rpc.ArchiveAdjustmentRequest(), role="finance")
    return meeting.adjustment_id


def line_of(adjustment: pb.Adjustment, measure: str, unit_id: str) -> pb.TrackingLine:
    """Return a line of the tracking report."""
    return next(
        one for one in adjustment.report.lines if (one.measure, one.unit_id) == (measure, unit_id)
    )


def _bring_january(scene: Scene, year: int) -> None:
    rows = figures.import_actuals(
        scene.desk,
        f"january-{year}.csv",
        [
            (measure, unit_id, product_id, "", f"{year}-01", value)
            for measure, unit_id, product_id, value in JANUARY
        ],
    )
    scene.narrator.tell(f"January {year} came: {rows} figures imported")


def _set_targets(meeting: Meeting, *, short: int, over: int) -> None:
    """Let the rest of the year bring what January lacks, and save what it overspent."""
    targets = [
        pb.AdjustmentTarget(measure="sales", unit_id=SHORT_AREA, change=short),
        pb.AdjustmentTarget(measure=CUT_EXPENSE, unit_id=SHORT_AREA, change=-over),
    ]
    request = rpc.SetNewTargetsRequest(
        cause_code=pb.CAUSE_CODE_COMPETITION, cause="a rival cut its price", targets=targets
    )
    meeting.ask(request, role="decision_layer")
    meeting.scene.narrator.tell(
        f"The rest of the year is to sell {minor_text(short)} more",
        f"and to spend {minor_text(over)} less; cause: competition",
    )


def _propose(meeting: Meeting, year: int, *, short: int, over: int) -> None:
    """Let each director propose a package; a year's total is not for a month to change."""
    packages = {
        MARKET: [_shift(year, CUT_EXPENSE, over), _shift(year, CUT_EXPENSE, -over, rest=True)],
        SALES: [_shift(year, "sales", -short), _shift(year, "sales", short, rest=True)],
    }
    for side, shifts in packages.items():
        request = rpc.ProposePackageRequest(side=side, shifts=shifts, note="as the meeting set")
        meeting.ask(request, role=DIRECTORS[side])


def _shift(year: int, measure: str, change: int, *, rest: bool = False) -> pb.PlanShift:
    return pb.PlanShift(
        measure=measure,
        unit_id=SHORT_AREA,
        first_month=f"{year}-02" if rest else f"{year}-01",
        last_month=f"{year}-12" if rest else f"{year}-01",
        change=change,
    )
