"""What the planning part brought, as planning answers when it is asked."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from mantle.planning.v1 import (
    adjustment_pb2,
    annual_plan_pb2,
    cube_pb2,
    profit_pb2,
    rolling_plan_pb2,
)
from mantle.planning.v1 import adjustment_service_pb2 as adjustment_rpc
from mantle.planning.v1 import annual_plan_report_pb2 as report_pb
from mantle.planning.v1 import annual_plan_service_pb2 as plan_rpc
from mantle.planning.v1 import profit_service_pb2 as profit_rpc
from mantle.planning.v1 import rolling_plan_service_pb2 as rolling_rpc

from local.demo.desk import all_pages
from local.demo.planning import cycle as rolling
from local.demo.planning import figures
from local.demo.planning import fixture as f1
from local.demo.planning.monthly import AREA
from local.demo.planning.variance import SHORT_AREA
from local.demo.scene import Scene
from local.errors import LocalError
from local.tokens import ROOT_UNIT_ID


@dataclass(frozen=True, slots=True)
class Year:
    """Hold a year plan with its figures, its profit tree, and the tree of the what-if.

    Shape: `figures` by unit and product: pieces and minor units.
    """

    plan: annual_plan_pb2.AnnualPlan
    report: report_pb.PlanReport
    figures: dict[figures.Keys, tuple[int, ...]]
    tree: profit_pb2.ProfitTree
    what_if: profit_pb2.ProfitTree


@dataclass(frozen=True, slots=True)
class Variance:
    """Hold an adjustment, and an area's sales by month before and after it.

    Units: minor units.
    """

    adjustment: adjustment_pb2.Adjustment
    before: dict[str, int]
    after: dict[str, int]


@dataclass(frozen=True, slots=True)
class Monthly:
    """Hold a rolling cycle and how good its frozen forecasts were."""

    cycle: rolling_plan_pb2.RollingCycle
    accuracy: Sequence[rolling_rpc.AccuracyLine]


class PlanningBrokenOff(LocalError):
    """An earlier demo ended in the middle of the planning."""

    def __init__(self, missing: str) -> None:
        """Name what is missing."""
        super().__init__(
            f"the planning of an earlier demo was broken off, {missing} is missing;"
            " ./run reset clears everything, ./run demo --only campaign goes on without it"
        )


def what_if_name(year: int) -> str:
    """Name the branch of the what-if."""
    return f"FY{year} allowance {f1.OTHER_ALLOWANCE}"


def run_what_if(scene: Scene, year: int, annual_plan_id: str) -> None:
    """Compute a branch of the plan with another allowance."""
    person = scene.desk.person("finance")
    plan = person.ask(plan_rpc.GetAnnualPlanRequest(annual_plan_id=annual_plan_id)).annual_plan
    request = profit_rpc.RunWhatIfRequest(
        version_id=plan.revisions[-1].cube_version_id,
        name=what_if_name(year),
        changes=[profit_pb2.AssumptionChange(allowance_share=f1.OTHER_ALLOWANCE)],
        unit_id=ROOT_UNIT_ID,
        first_month=f"{year}-01",
        last_month=f"{year}-12",
    )
    person.ask(request)


def read_year(scene: Scene, year: int) -> Year:
    """Ask for the year plan."""
    person = scene.desk.person("planning")
    listed = all_pages(person, plan_rpc.ListAnnualPlansRequest(), "annual_plans")
    plan_id = _first(
        (one.annual_plan_id for one in listed if one.fiscal_year == year), f"the plan of {year}"
    )
    plan = person.ask(plan_rpc.GetAnnualPlanRequest(annual_plan_id=plan_id)).annual_plan
    version_id = plan.revisions[-1].cube_version_id
    table = figures.table(
        scene.desk,
        version_id,
        [figures.VOLUME, figures.SALES],
        by=[cube_pb2.CUBE_AXIS_OWN_UNIT, cube_pb2.CUBE_AXIS_PRODUCT],
        where=cube_pb2.CubeSelection(months=f1.months_of(year)),
    )
    return Year(
        plan,
        person.ask(plan_rpc.GetPlanReportRequest(annual_plan_id=plan_id)).report,
        table,
        _tree(scene, version_id, year),
        _tree(scene, figures.version_named(scene.desk, what_if_name(year)), year),
    )


def read_variance(scene: Scene, year: int) -> Variance:
    """Ask for January's adjustment."""
    person = scene.desk.person("planning")
    found = all_pages(person, adjustment_rpc.ListAdjustmentsRequest(), "adjustments")
    january = (ROOT_UNIT_ID, f"{year}-01")
    one = _first(
        (one for one in found if (one.unit_id, one.month) == january), "January's adjustment"
    )
    before, after = (
        figures.by_month(
            scene.desk,
            version_id,
            figures.SALES,
            unit_id=SHORT_AREA,
            months=f1.months_of(year),
        )
        for version_id in (one.base_version_id, one.version_id)
    )
    return Variance(one, before, after)


def read_monthly(scene: Scene, year: int) -> Monthly:
    """Ask for the cycle of March."""
    person = scene.desk.person("planning")
    found = all_pages(person, rolling_rpc.ListRollingCyclesRequest(), "cycles")
    march = (AREA, f"{year}-03")
    one = _first((one for one in found if (one.unit_id, one.month) == march), "March's cycle")
    return Monthly(one, rolling.accuracy(scene, one.cycle_id))


def _first(found: Iterator[Any], what: str) -> Any:
    for one in found:
        return one
    raise PlanningBrokenOff(what)


def _tree(scene: Scene, version_id: str, year: int) -> profit_pb2.ProfitTree:
    request = profit_rpc.GetProfitTreeRequest(
        version_id=version_id,
        unit_id=ROOT_UNIT_ID,
        first_month=f"{year}-01",
        last_month=f"{year}-12",
        split=profit_rpc.GetProfitTreeRequest.SPLIT_UNIT,
    )
    found: profit_pb2.ProfitTree = scene.desk.person("finance").ask(request).tree
    return found
