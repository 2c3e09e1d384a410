"""One rolling cycle, taken through its sixteen steps by the people who may take them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from google.protobuf.message import Message
from mantle.planning.v1 import plan_side_pb2
from mantle.planning.v1 import rolling_plan_pb2 as pb
from mantle.planning.v1 import rolling_plan_service_pb2 as rpc

from chassis.period import Month
from local.demo.narrator import ZONE
from local.demo.scene import MORNING, Scene

SALES: Final = plan_side_pb2.PLAN_SIDE_SALES
MARKET: Final = plan_side_pb2.PLAN_SIDE_MARKET
DIRECTORS: Final = {SALES: "sales_director", MARKET: "market_director"}
START_DAY, MERGE_DAY, COORDINATION_DAY, APPROVAL_DAY = 2, 10, 20, 25


@dataclass(frozen=True, slots=True)
class Cycle:
    """Act on one cycle of a region."""

    scene: Scene
    cycle_id: str
    unit_id: str
    month: Month

    def ask(self, request: Message, *, role: str, unit_id: str = "") -> Any:
        """Send a request about this cycle, as somebody of the headquarters or of a unit."""
        request.cycle_id = self.cycle_id  # type: ignore[attr-defined]
        desk = self.scene.desk
        person = desk.person(role, unit_id) if unit_id else desk.person(role)
        return person.ask(request)

    def on_day(self, day: int) -> None:
        """Let time pass until a day of the cycle's month."""
        self.scene.move_to(morning_of(self.month, day))

    def prepare(self, office: str, *, situation: str, notes: Sequence[pb.CustomerNote]) -> None:
        """Play steps 1 and 2 of an office."""
        self._office(rpc.RecordCustomerDemandRequest(customers=notes), office)
        self._office(rpc.RecordLocalSituationRequest(situation=situation), office)

    def form(self, office: str) -> rpc.GetOfficeFormResponse:
        """Return what the office starts its draft from."""
        request = rpc.GetOfficeFormRequest(unit_id=office)
        found: rpc.GetOfficeFormResponse = self.ask(request, role="channel_manager", unit_id=office)
        return found

    def draft(
        self, office: str, lines: Sequence[pb.ForecastLine], tool: pb.ForecastTool.ValueType
    ) -> pb.RollingCycle:
        """Play step 3 of an office."""
        return self._office(rpc.SubmitOfficeDraftRequest(lines=lines, tool=tool), office)

    def check(
        self, office: str, *, comment: str = "", lines: Sequence[pb.ForecastLine] = ()
    ) -> pb.RollingCycle:
        """Play step 4 of an office: a comment gives the draft back, lines go over it."""
        kinds = rpc.CheckOfficeDraftRequest
        request = rpc.CheckOfficeDraftRequest(
            unit_id=office,
            decision=kinds.DECISION_NOT_PASSED if comment else kinds.DECISION_PASSED,
            comment=comment,
            lines=lines,
        )
        found: pb.RollingCycle = self._region(request)
        return found

    def file(self, office: str) -> None:
        """Play step 5 of an office."""
        self._region(rpc.FileOfficeForecastRequest(unit_id=office))

    def merge(self) -> None:
        """Play steps 6 and 7."""
        self.ask(rpc.MergeForecastsRequest(), role="planning")
        self.ask(rpc.FileRegionalForecastsRequest(), role="planning")

    def adjust(
        self,
        side: plan_side_pb2.PlanSide.ValueType,
        changes: Sequence[pb.ForecastAdjustmentDraft] = (),
    ) -> None:
        """Play step 8 or 9."""
        request = rpc.AdjustForecastRequest(side=side, adjustments=changes)
        self.ask(request, role=DIRECTORS[side])

    def agree(self, minutes: str) -> None:
        """Play steps 10 and 11, with both directors' consent."""
        self.ask(rpc.AgreeForecastRequest(minutes=minutes), role="planning")
        for side, role in DIRECTORS.items():
            self.ask(rpc.GiveConsentRequest(side=side, consent=True), role=role)
        self.ask(rpc.DraftMonthlyPlanRequest(), role="planning")

    def capacity(self) -> pb.SupplyCheck:
        """Play step 12 and return the answer."""
        reply = self.ask(rpc.CheckCapacityRequest(), role="production")
        return _latest(reply.cycle)

    def material(self) -> pb.SupplyCheck:
        """Play step 13 and return the answer."""
        reply = self.ask(rpc.CheckMaterialRequest(), role="supply")
        return _latest(reply.cycle)

    def coordinate(self) -> None:
        """Play step 14."""
        self.ask(rpc.CoordinateSupplyRequest(minutes="cut to supply"), role="planning")

    def issue(self) -> None:
        """Play steps 15 and 16."""
        self.ask(rpc.ApproveRollingPlanRequest(), role="decision_layer")
        self.ask(rpc.ArchiveRollingPlanRequest(), role="marketing_vp")

    def merged(self) -> rpc.GetMergedForecastResponse:
        """Return the merged figures as they are now."""
        request = rpc.GetMergedForecastRequest()
        found: rpc.GetMergedForecastResponse = self.ask(request, role="planning")
        return found

    def _office(self, request: Message, office: str) -> pb.RollingCycle:
        request.unit_id = office  # type: ignore[attr-defined]
        reply = self.ask(request, role="channel_manager", unit_id=office)
        found: pb.RollingCycle = reply.cycle
        return found

    def _region(self, request: Message) -> pb.RollingCycle:
        reply = self.ask(request, role="regional_manager", unit_id=self.unit_id)
        found: pb.RollingCycle = reply.cycle
        return found


def open_cycle(scene: Scene, unit_id: str, month: Month, *, offices: Sequence[str]) -> Cycle:
    """Open a cycle on its first day."""
    scene.move_to(morning_of(month, START_DAY))
    request = rpc.OpenRollingCycleRequest(unit_id=unit_id, month=str(month), office_ids=offices)
    opened = scene.desk.person("planning").ask(request).cycle
    return Cycle(scene, opened.cycle_id, unit_id, month)


def suggested(
    form: rpc.GetOfficeFormResponse, tool: pb.ForecastTool.ValueType
) -> list[pb.ForecastLine]:
    """Take over what a tool suggests, for every line where it suggests something."""
    return [
        pb.ForecastLine(
            product_id=line.product_id,
            channel=line.channel,
            month=line.month,
            quantity=one.quantity,
        )
        for line in form.lines
        for one in line.suggestions
        if one.tool == tool
    ]


def by_month(lines: Sequence[pb.ForecastLine]) -> Mapping[str, int]:
    """Sum lines by month."""
    sums: dict[str, int] = {}
    for line in lines:
        sums[line.month] = sums.get(line.month, 0) + line.quantity
    return sums


def accuracy(scene: Scene, cycle_id: str) -> list[rpc.AccuracyLine]:
    """Return how good each layer's frozen forecast was."""
    request = rpc.GetForecastAccuracyRequest(cycle_id=cycle_id)
    return list(scene.desk.person("planning").ask(request).lines)


def morning_of(month: Month, day: int) -> datetime:
    """Return nine in the morning of a day of a month."""
    return datetime.combine(month.first_day + timedelta(days=day - 1), MORNING, ZONE)


def _latest(cycle: pb.RollingCycle) -> pb.SupplyCheck:
    return cycle.supply_checks[-1]
