"""The year plan, played from its launch to its archive: 32 steps, four phases, five meetings, and
one disagreement."""

from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any, Final

from google.protobuf.message import Message
from mantle.planning.v1 import annual_plan_content_pb2 as content
from mantle.planning.v1 import annual_plan_pb2 as pb
from mantle.planning.v1 import annual_plan_service_pb2 as rpc
from mantle.planning.v1 import cube_pb2
from mantle.planning.v1 import profit_service_pb2 as profit
from mantle.process.v1 import process_service_pb2
from mantle.type.v1 import money_pb2

from local.demo.narrator import ZONE
from local.demo.planning import figures
from local.demo.planning import fixture as f1
from local.demo.planning import year_forms as forms
from local.demo.scene import MORNING, Scene
from local.tokens import ROOT_UNIT_ID

DECISION: Final = pb.PlanRevision


@dataclass(frozen=True, slots=True)
class YearPlan:
    """Act on one year's plan, as the people who make it."""

    scene: Scene
    annual_plan_id: str
    process_id: str
    year: int

    def ask(self, request: Message, *, role: str, unit_id: str = ROOT_UNIT_ID) -> Any:
        """Send a request about this plan."""
        if "annual_plan_id" in request.DESCRIPTOR.fields_by_name:
            request.annual_plan_id = self.annual_plan_id  # type: ignore[attr-defined]
        return self.scene.desk.person(role, unit_id).ask(request)

    def get(self) -> pb.AnnualPlan:
        """Return the plan as it is now."""
        found: pb.AnnualPlan = self.ask(rpc.GetAnnualPlanRequest(), role="planning").annual_plan
        return found

    def version_id(self) -> str:
        """Return the version that holds the figures of the current revision."""
        return str(self.get().revisions[-1].cube_version_id)

    def move_to(self, month: int, day: int) -> None:
        """Let time pass until a day of the year before."""
        at = datetime.combine(date(self.year - 1, month, day), MORNING, ZONE)
        self.scene.move_to(at)

    def by_hand(self, step: int, *, role: str, key: str = "") -> None:
        """Complete a step that has no RPC of its own; `key` is the office that does it."""
        request = process_service_pb2.CompleteStepRequest(process_id=self.process_id, step=step)
        if key:
            request.key = key
        self.scene.desk.person(role, key or ROOT_UNIT_ID).ask(request, service="planning")

    def contribute(self, *, role: str, unit_id: str = ROOT_UNIT_ID, **what: Message) -> None:
        """Record what a step brings."""
        request = rpc.RecordContributionRequest(**what)  # type: ignore[arg-type]
        self.ask(request, role=role, unit_id=unit_id)

    def submit(self, *, role: str, unit_id: str = ROOT_UNIT_ID, **what: Message) -> None:
        """Submit a plan."""
        self.ask(rpc.SubmitPlanRequest(**what), role=role, unit_id=unit_id)  # type: ignore[arg-type]

    def meet(self, kind: pb.PlanMeetingKind.ValueType, decision: str) -> None:
        """Record a meeting with its minutes."""
        request = rpc.RecordPlanMeetingRequest(
            kind=kind,
            held_date=self.scene.clock.today(ZONE).isoformat(),
            participants=[
                pb.MeetingParticipant(subject=f"{role}.{ROOT_UNIT_ID}", role=role)
                for role in forms.ATTENDANTS[kind]
            ],
            minutes=decision,
            decisions=[decision],
        )
        self.ask(request, role="planning")

    def close_phase(self, phase: int) -> None:
        """Close a phase."""
        self.ask(rpc.ClosePlanPhaseRequest(phase=phase), role="planning")


def play(scene: Scene, year: int) -> str:
    """Play the whole plan and return its id."""
    morning = datetime.combine(date(year - 1, 10, 8), time(9), ZONE)
    scene.move_to(morning)
    scene.narrator.chapter(f"The year plan of {year}")
    plan = _launch(scene, year)
    _look_back(plan)
    _set_targets(plan)
    _draft(plan)
    _decide(plan)
    _claim(plan)
    return plan.annual_plan_id


def _launch(scene: Scene, year: int) -> YearPlan:
    request = rpc.LaunchAnnualPlanRequest(
        unit_id=ROOT_UNIT_ID,
        fiscal_year=year,
        currency_code=figures.CURRENCY,
        area_unit_ids=f1.AREAS,
        office_unit_ids=list(f1.OFFICES),
        product_ids=list(f1.PRODUCTS),
    )
    made = scene.desk.person("decision_layer").ask(request).annual_plan
    scene.narrator.tell(
        f"FY{year} launched: four phases, five meetings",
        "the process has 32 steps; planning, finance, directors, areas and offices take part",
    )
    return YearPlan(scene, made.annual_plan_id, made.process_id, year)


def _look_back(plan: YearPlan) -> None:
    """Play steps 2 to 8 and close phase 1."""
    plan.by_hand(2, role="finance")
    for area, (actual, forecast) in f1.AREA_YEARS.items():
        summary = content.RegionalSummary(
            area_unit_id=area,
            text="a year",
            actual=forms.yuan(actual),
            forecast=forms.yuan(forecast),
        )
        plan.contribute(role="regional_manager", unit_id=area, regional_summary=summary)
    summary_of_sales = content.SalesSummary(text="both areas")
    plan.contribute(role="sales_director", sales_summary=summary_of_sales)
    first = content.PreliminaryPlan(
        text="a growing market",
        base=forms.yuan(f1.FIRST_BASE),
        growth_percent=f1.GROWTH_PERCENT,
        budget=forms.yuan(f1.FIRST_BUDGET),
    )
    plan.contribute(role="sales_director", sales_plan=first)
    for product_id, amounts in f1.PRODUCT_YEARS.items():
        lines = [
            content.ChannelSales(channel=channel, amount=forms.yuan(amount))
            for channel, amount in zip(f1.CHANNELS, amounts, strict=True)
        ]
        summary_of_product = content.ProductSummary(
            product_id=product_id, text="a year", lines=lines
        )
        plan.contribute(role="product_manager", product_summary=summary_of_product)
    summary_of_market = content.MarketSummary(text="both products")
    plan.contribute(role="market_director", market_summary=summary_of_market)
    plan.contribute(role="market_director", market_plan=first)
    _close_first_phase(plan)


def _close_first_phase(plan: YearPlan) -> None:
    items = {1: ("plan of this year", f1.LAST_PLAN), 2: ("sales so far", f1.SOLD_SO_FAR)}
    for number, (text, amount) in items.items():
        request = rpc.ProvideInfoItemRequest(number=number, text=text, amount=forms.yuan(amount))
        plan.ask(request, role="planning")
    for number, text in {3: "a new competitor", 4: "a growing market"}.items():
        plan.ask(rpc.ProvideInfoItemRequest(number=number, text=text), role="planning")
    plan.meet(pb.PLAN_MEETING_KIND_KICK_OFF, "the year is planned by areas and products")
    plan.close_phase(1)


def _set_targets(plan: YearPlan) -> None:
    """Play steps 9 to 13 and close phase 2."""
    plan.move_to(10, 20)
    directions = content.Strategy(
        directions=[
            content.StrategyDirection(kind=kind, text="a direction")
            for kind in content.StrategyDirection.Kind.values()
            if kind
        ]
    )
    plan.contribute(role="decision_layer", strategy=directions)
    wanted = rpc.SetTargetsRequest(
        sales=forms.yuan(f1.SALES_TARGET), profit=forms.yuan(f1.PROFIT_TARGET)
    )
    plan.ask(wanted, role="decision_layer")
    plan.ask(forms.product_targets(), role="market_director")
    plan.ask(forms.area_targets(), role="sales_director")
    plan.ask(rpc.BalanceTargetsRequest(priorities="a1 first"), role="planning")
    plan.meet(pb.PLAN_MEETING_KIND_TARGET_CONFIRMATION, "targets as decomposed")
    plan.close_phase(2)
    plan.scene.narrator.tell(
        f"Targets: sales {f1.SALES_TARGET:,}, profit {f1.PROFIT_TARGET:,}",
        "decomposed to products and to areas, both views balanced",
    )


def _draft(plan: YearPlan) -> None:
    """Play steps 14 to 19 and close phase 3."""
    plan.move_to(11, 3)
    _submit_products(plan, press=f1.FIRST_PRESS)
    plan.by_hand(15, role="market_director")
    prices = _set_prices(plan)
    _submit_areas(plan, prices)
    _submit_expansion(plan)
    _enter_headquarters(plan)
    plan.by_hand(18, role="sales_director")
    plan.by_hand(19, role="planning")
    plan.meet(pb.PLAN_MEETING_KIND_AREA_WORKSHOP, "area plans as drafted")
    plan.close_phase(3)


def _set_prices(plan: YearPlan) -> dict[str, money_pb2.UnitPrice]:
    """Set price layers and the share that follows sales; return what planning makes of them."""
    request = forms.assumptions(plan.version_id())
    found = plan.ask(request, role="finance").assumptions
    net = {one.assumption.product_id: one.net_price for one in found.prices}
    text = ", ".join(f"{product_id} {price.amount}" for product_id, price in net.items())
    plan.scene.narrator.tell(f"Net prices: {text}", "list price x channel x (1 - allowance)")
    return net


def _submit_products(plan: YearPlan, *, press: int) -> None:
    for product_id, leaves in f1.MARKET.items():
        asked = {**leaves, f1.PRESS: press} if f1.PRESS in leaves else leaves
        lines = [
            content.ProductPlanLine(
                activity="promote", expense_type=expense_type, amount=forms.yuan(amount)
            )
            for expense_type, amount in asked.items()
        ]
        made = content.ProductPlan(product_id=product_id, lines=lines)
        plan.submit(role="product_manager", product_plan=made)


def _submit_areas(plan: YearPlan, prices: dict[str, money_pb2.UnitPrice]) -> None:
    for area, volumes in f1.VOLUMES.items():
        made = forms.regional_plan(area, volumes, prices)
        plan.submit(role="regional_manager", unit_id=area, regional_plan=made)


def _submit_expansion(plan: YearPlan) -> None:
    made = content.ExpansionPlan(
        win_count=f1.NEW_PARTNERS,
        keep_partner_ids=[f"D{number}" for number in range(f1.KEPT_PARTNERS)],
        text="win and keep",
    )
    plan.submit(role="sales_development", expansion_plan=made)


def _enter_headquarters(plan: YearPlan) -> None:
    """Spread the headquarters' expenses over the year, and compute what follows from volumes."""
    version_id = plan.version_id()
    for measure, amount in f1.HEADQUARTERS.items():
        figures.spread_evenly(
            plan.scene.desk,
            version_id,
            measure,
            unit_id=ROOT_UNIT_ID,
            months=f1.months_of(plan.year),
            total=amount * 100,
        )
    plan.ask(profit.ComputeProfitRequest(version_id=version_id), role="finance")
    _level(plan, version_id)


def _level(plan: YearPlan, version_id: str) -> None:
    """Let every month of an area have the same sales and the same commission."""
    desk, months = plan.scene.desk, f1.months_of(plan.year)
    for area in f1.AREAS:
        for product_id in f1.PRODUCTS:
            where = cube_pb2.CubeSelection(unit_ids=[area], product_ids=[product_id], months=months)
            figures.level(desk, version_id, figures.SALES, where=where)
        whole = cube_pb2.CubeSelection(unit_ids=[area], months=months)
        figures.level(desk, version_id, f1.COMMISSION, where=whole)


def _analyse(plan: YearPlan) -> None:
    """Play steps 20 and 21."""
    analysis = rpc.RecordFinancialAnalysisRequest(analysis="margins hold in both areas")
    plan.ask(analysis, role="finance")
    plan.ask(rpc.ConfirmTargetsRequest(), role="decision_layer")


def _decide(plan: YearPlan) -> None:
    """Play steps 20 to 27 with one disagreement."""
    plan.move_to(11, 9)
    _analyse(plan)
    plan.move_to(11, 11)
    plan.meet(pb.PLAN_MEETING_KIND_CHALLENGE, "press advertising is too dear")
    opinion = pb.PlanOpinion(part=pb.PlanOpinion.PART_PRODUCT, comment="too dear")
    plan.ask(
        rpc.DecideChallengeRequest(decision=DECISION.DECISION_DISAGREE, opinions=[opinion]),
        role="decision_layer",
    )
    early = rpc.ApproveAnnualPlanRequest(annual_plan_id=plan.annual_plan_id)
    reason = plan.scene.desk.person("decision_layer").refusal(early)
    plan.scene.narrator.tell("The challenge meeting disagrees: steps 23 to 26 open again")
    plan.scene.narrator.refused("An approval without a fresh financial analysis", reason)
    _revise(plan)
    plan.move_to(11, 13)
    plan.meet(pb.PLAN_MEETING_KIND_CHALLENGE, "press advertising is cut by half")
    agree = rpc.DecideChallengeRequest(decision=DECISION.DECISION_AGREE)
    plan.ask(agree, role="decision_layer")
    plan.ask(rpc.ApproveAnnualPlanRequest(), role="decision_layer")


def _revise(plan: YearPlan) -> None:
    """Play what a disagreement reopens, up to the next challenge."""
    _submit_products(plan, press=f1.MARKET["P1"][f1.PRESS])
    found = plan.ask(
        profit.GetAssumptionsRequest(version_id=plan.version_id()), role="finance"
    ).assumptions
    _submit_areas(plan, {one.assumption.product_id: one.net_price for one in found.prices})
    for office in f1.OFFICES:
        plan.by_hand(25, role="channel_manager", key=office)
    _submit_expansion(plan)
    plan.by_hand(18, role="sales_director")
    plan.by_hand(19, role="planning")
    _analyse(plan)


def _claim(plan: YearPlan) -> None:
    """Play steps 28 to 32 and close phase 4."""
    plan.move_to(11, 20)
    part = pb.PlanClaimPart
    signers = [(part.PLAN_CLAIM_PART_MARKET, "market_director", "", ROOT_UNIT_ID)]
    signers += [
        (part.PLAN_CLAIM_PART_PRODUCT, "product_manager", product_id, ROOT_UNIT_ID)
        for product_id in f1.PRODUCTS
    ]
    signers += [(part.PLAN_CLAIM_PART_SALES, "sales_director", "", ROOT_UNIT_ID)]
    signers += [(part.PLAN_CLAIM_PART_REGION, "regional_manager", area, area) for area in f1.AREAS]
    for which, role, key, unit_id in signers:
        request = rpc.ClaimPlanRequest(part=which, key=key, signature="signed")
        plan.ask(request, role=role, unit_id=unit_id)
    plan.meet(pb.PLAN_MEETING_KIND_TASK_RELEASE, "tasks are released")
    plan.close_phase(4)
    plan.ask(rpc.ArchiveAnnualPlanRequest(), role="finance")
