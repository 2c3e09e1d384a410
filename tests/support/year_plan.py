"""Plays the year plan of the fixture F1 through the public API, step by step and gate by gate."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from google.protobuf.message import Message
from mantle.planning.v1 import annual_plan_content_pb2 as content_pb
from mantle.planning.v1 import annual_plan_pb2 as pb
from mantle.planning.v1 import annual_plan_report_pb2 as report_pb
from mantle.planning.v1 import annual_plan_service_pb2 as service_pb
from mantle.planning.v1 import annual_plan_target_pb2 as target_pb
from mantle.planning.v1 import cube_pb2, cube_service_pb2, profit_pb2, profit_service_pb2
from mantle.process.v1 import process_service_pb2
from mantle.type.v1 import money_pb2

from tests.support.server import ROOT_UNIT, World

PRODUCTS = ("P1", "P2")
CHANNELS = ("OTC", "RX")
PRICES = {"P1": "8.55", "P2": "21.375"}
# F1: pieces of each product in the first and the second area.
VOLUMES = ({"P1": 100_000, "P2": 40_000}, {"P1": 60_000, "P2": 20_000})
# F1: expenses of the first and the second area, in yuan.
EXPENSES = (
    {
        "expense_area_management": 60_000,
        "expense_hospital_promotion": 90_000,
        "expense_hospital_maintenance": 40_000,
        "expense_sales_commission": 51_300,
        "expense_hospital_development": 30_000,
        "expense_clinical_verification": 20_000,
        "expense_bidding": 10_000,
    },
    {
        "expense_area_management": 40_000,
        "expense_hospital_promotion": 50_000,
        "expense_hospital_maintenance": 20_000,
        "expense_sales_commission": 28_215,
        "expense_hospital_development": 50_000,
        "expense_clinical_verification": 15_000,
        "expense_bidding": 12_000,
    },
)
# F1: expenses of the headquarters' market projects by product, in yuan.
MARKET = {
    "P1": {
        "expense_experts": 30_000,
        "expense_press_advertising": 60_000,
        "expense_market_research": 25_000,
        "expense_key_hospitals": 35_000,
    },
    "P2": {"expense_large_academic": 80_000, "expense_small_academic": 20_000},
}
# F1: expenses of the company that no product and no area has, in yuan.
HEADQUARTERS = {
    "expense_sales_hq": 120_000,
    "expense_administrative": 200_000,
    "expense_financial": 30_000,
    "expense_depreciation": 50_000,
    "expense_long_term_deferred": 20_000,
}
DIRECTIONS = [one for one in content_pb.StrategyDirection.Kind.values() if one]
ATTENDANTS: Mapping[int, Sequence[str]] = {
    pb.PLAN_MEETING_KIND_KICK_OFF: ("market_director", "sales_director", "finance"),
    pb.PLAN_MEETING_KIND_TARGET_CONFIRMATION: (
        "decision_layer",
        "market_director",
        "sales_director",
    ),
    pb.PLAN_MEETING_KIND_AREA_WORKSHOP: ("regional_manager", "sales_director"),
    pb.PLAN_MEETING_KIND_CHALLENGE: (
        "decision_layer",
        "market_director",
        "sales_director",
        "production",
        "finance",
    ),
    pb.PLAN_MEETING_KIND_TASK_RELEASE: ("decision_layer", "market_director", "sales_director"),
}
_years = count(2100)


def yuan(amount: int) -> money_pb2.Money:
    """Return an amount of whole yuan."""
    return money_pb2.Money(currency_code="CNY", amount_minor=amount * 100)


def price(amount: str) -> money_pb2.UnitPrice:
    """Return a unit price in yuan."""
    return money_pb2.UnitPrice(currency_code="CNY", amount=amount)


def launch_request(
    areas: Sequence[str], *, fiscal_year: int = 0, offices: Sequence[str] = ()
) -> service_pb.LaunchAnnualPlanRequest:
    """Return the request that launches a plan, of a year that no other plan has unless given."""
    return service_pb.LaunchAnnualPlanRequest(
        unit_id=ROOT_UNIT,
        fiscal_year=fiscal_year or next(_years),
        currency_code="CNY",
        area_unit_ids=areas,
        office_unit_ids=offices,
        product_ids=PRODUCTS,
    )


def launched(
    world: World, *, areas: Sequence[str], fiscal_year: int = 0, offices: Sequence[str] = ()
) -> "YearPlan":
    """Make products and channels known, and launch a plan."""
    for axis, codes in (
        (cube_pb2.CUBE_MEMBER_AXIS_PRODUCT, PRODUCTS),
        (cube_pb2.CUBE_MEMBER_AXIS_CHANNEL, CHANNELS),
    ):
        members = [cube_pb2.CubeMember(code=code, name=code) for code in codes]
        world.call(
            cube_service_pb2.DefineMembersRequest(axis=axis, members=members), role="planning"
        )
    request = launch_request(areas, fiscal_year=fiscal_year, offices=offices)
    plan = world.call(request, role="decision_layer").annual_plan
    return YearPlan(world, plan.annual_plan_id, plan.process_id, tuple(areas))


@dataclass(slots=True)
class YearPlan:
    """Hold a plan that is being played."""

    world: World
    annual_plan_id: str
    process_id: str
    areas: tuple[str, ...]
    played: list[int] = field(default_factory=lambda: [1])

    def call(self, request: Message, *, role: str, unit_id: str = ROOT_UNIT) -> Any:
        """Send a request about this plan."""
        if "annual_plan_id" in request.DESCRIPTOR.fields_by_name:
            request.annual_plan_id = self.annual_plan_id  # type: ignore[attr-defined]
        return self.world.call(request, role=role, unit_id=unit_id)

    def get(self) -> pb.AnnualPlan:
        """Return the plan as it is now."""
        found: pb.AnnualPlan = self.call(
            service_pb.GetAnnualPlanRequest(), role="planning"
        ).annual_plan
        return found

    def report(self, area: str = "") -> report_pb.PlanReport:
        """Return the report, of the whole or of one area."""
        request = service_pb.GetPlanReportRequest(area_unit_id=area)
        found: report_pb.PlanReport = self.call(request, role="planning").report
        return found

    def targets(self, **wanted: int) -> list[target_pb.AnnualTarget]:
        """Return the living targets, of a view or a measure."""
        request = service_pb.ListTargetsRequest(page_size=500)
        found = self.call(request, role="planning").targets
        return [
            one
            for one in found
            if all(getattr(one, name) == value for name, value in wanted.items())
        ]

    def play(self, until: int) -> "YearPlan":
        """Play all steps up to one, in the order of their numbers, and close phases on the way."""
        for step in range(self.played[-1] + 1, until + 1):
            self.close_before(step)
            if step in STEPS:
                STEPS[step](self)
            self.played.append(step)
        return self

    def close_before(self, step: int) -> None:
        """Close the phases that must be closed before a step."""
        for first, phase in ((9, 1), (14, 2), (20, 3), (32, 4)):
            if step == first and self.get().phase == phase:
                self.fill(phase)
                self.close(phase)

    def fill(self, phase: int) -> None:
        """Provide by hand what a phase needs, and minute its meetings."""
        if phase == 1:
            self.item(1, "plan of last year", yuan(2_400_000))
            self.item(2, "sales so far", yuan(1_980_000))
            self.item(3, "a new competitor")
            self.item(4, "a growing market")
        kinds = {1: (1,), 2: (2,), 3: (3,), 4: (4, 5)}[phase]
        for kind in kinds:
            self.meet(kind)

    def item(self, number: int, text: str, amount: money_pb2.Money | None = None) -> None:
        """Provide an information item."""
        request = service_pb.ProvideInfoItemRequest(number=number, text=text, amount=amount)
        self.call(request, role="planning")

    def meet(self, kind: int, *, minutes: str = "all agreed", held: str = "2025-11-03") -> None:
        """Record that a meeting was held, with its minutes."""
        request = service_pb.RecordPlanMeetingRequest(
            kind=kind,  # type: ignore[arg-type]
            held_date=held,
            participants=[
                pb.MeetingParticipant(subject=f"{role}@hq", role=role) for role in ATTENDANTS[kind]
            ],
            minutes=minutes,
            decisions=["go on"],
        )
        self.call(request, role="planning")

    def close(self, phase: int) -> None:
        """Close a phase."""
        self.call(service_pb.ClosePlanPhaseRequest(phase=phase), role="planning")

    def by_hand(self, step: int, *, role: str, unit_id: str = ROOT_UNIT, key: str = "") -> None:
        """Complete a step that has no RPC of its own."""
        request = process_service_pb2.CompleteStepRequest(process_id=self.process_id, step=step)
        if key:
            request.key = key
        self.world.call(request, role=role, unit_id=unit_id, service="planning")

    def contribute(self, *, role: str, unit_id: str = ROOT_UNIT, **content: Message) -> None:
        """Record what a step brings."""
        request = service_pb.RecordContributionRequest(**content)  # type: ignore[arg-type]
        self.call(request, role=role, unit_id=unit_id)

    def summarise_regions(self) -> None:
        """Play step 3: 1,120,000 and 680,000 together."""
        amounts = [(840_000, 280_000), (510_000, 170_000), (0, 0)]
        for area, (actual, forecast) in zip(self.areas, amounts, strict=False):
            summary = content_pb.RegionalSummary(
                area_unit_id=area, text="a year", actual=yuan(actual), forecast=yuan(forecast)
            )
            self.contribute(role="regional_manager", unit_id=area, regional_summary=summary)

    def summarise_products(self, rx_of_p2: int = 600_000) -> None:
        """Play step 6: 1,800,000 together, unless the last figure is another."""
        for product_id, amounts in (("P1", (400_000, 500_000)), ("P2", (300_000, rx_of_p2))):
            lines = [
                content_pb.ChannelSales(channel=channel, amount=yuan(amount))
                for channel, amount in zip(CHANNELS, amounts, strict=True)
            ]
            summary = content_pb.ProductSummary(product_id=product_id, text="a year", lines=lines)
            self.contribute(role="product_manager", product_summary=summary)

    def set_targets(self, sales: int = 2_600_000, profit: int = 500_000) -> None:
        """Play step 10."""
        request = service_pb.SetTargetsRequest(sales=yuan(sales), profit=yuan(profit))
        self.call(request, role="decision_layer")

    def decompose_products(self, sales: Sequence[int] = (1_690_000, 910_000)) -> None:
        """Play step 11: sales as given, profit evenly."""
        request = service_pb.DecomposeTargetsRequest(
            view=target_pb.TARGET_VIEW_PRODUCT,
            splits=[
                target_pb.TargetSplit(
                    measure=target_pb.TARGET_MEASURE_SALES,
                    parts=[
                        target_pb.TargetPart(product_id=product_id, amount=yuan(amount))
                        for product_id, amount in zip(PRODUCTS, sales, strict=True)
                    ],
                ),
                target_pb.TargetSplit(
                    measure=target_pb.TARGET_MEASURE_PROFIT,
                    parts=[
                        target_pb.TargetPart(product_id=product_id, weight=1)
                        for product_id in PRODUCTS
                    ],
                ),
            ],
        )
        self.call(request, role="market_director")

    def decompose_areas(self, weights: Sequence[int] = (65, 35)) -> None:
        """Play step 12: sales by weight, contribution as F1 has it."""
        request = service_pb.DecomposeTargetsRequest(
            view=target_pb.TARGET_VIEW_AREA,
            splits=[
                target_pb.TargetSplit(
                    measure=target_pb.TARGET_MEASURE_SALES,
                    parts=[
                        target_pb.TargetPart(unit_id=area, weight=weight)
                        for area, weight in zip(self.areas, weights, strict=True)
                    ],
                ),
                target_pb.TargetSplit(
                    measure=target_pb.TARGET_MEASURE_CONTRIBUTION,
                    parts=[
                        target_pb.TargetPart(unit_id=area, amount=yuan(amount))
                        for area, amount in zip(self.areas, (788_700, 385_285), strict=True)
                    ],
                ),
            ],
        )
        self.call(request, role="sales_director")

    def balance(self, waiver_reason: str = "") -> None:
        """Play step 13."""
        request = service_pb.BalanceTargetsRequest(
            priorities="A1 first", waiver_reason=waiver_reason
        )
        self.call(request, role="planning")

    def submit_products(self) -> None:
        """Play step 14, or its revision 23."""
        for product_id, leaves in MARKET.items():
            lines = [
                content_pb.ProductPlanLine(
                    activity="promote", expense_type=expense_type, amount=yuan(amount)
                )
                for expense_type, amount in leaves.items()
            ]
            self.submit(
                role="product_manager",
                product_plan=content_pb.ProductPlan(product_id=product_id, lines=lines),
            )

    def submit_areas(self) -> None:
        """Play step 16, or its revision 24."""
        for number, area in enumerate(self.areas):
            self.submit(
                role="regional_manager",
                unit_id=area,
                regional_plan=regional_plan(area, VOLUMES[number], EXPENSES[number]),
            )

    def submit_expansion(self, win_count: int = 12, keep: int = 50) -> None:
        """Play step 17, or its revision 26."""
        plan = content_pb.ExpansionPlan(
            win_count=win_count,
            keep_partner_ids=[f"D{number}" for number in range(keep)],
            text="win and keep",
        )
        self.submit(role="sales_development", expansion_plan=plan)

    def submit(self, *, role: str, unit_id: str = ROOT_UNIT, **content: Message) -> None:
        """Submit a plan."""
        request = service_pb.SubmitPlanRequest(**content)  # type: ignore[arg-type]
        self.call(request, role=role, unit_id=unit_id)

    def take_part(self) -> None:
        """Play step 25 for every office."""
        for office in self.get().office_unit_ids:
            self.by_hand(25, role="channel_manager", unit_id=office, key=office)

    def analyse(self) -> None:
        """Play step 20."""
        request = service_pb.RecordFinancialAnalysisRequest(analysis="profit 503,985")
        self.call(request, role="finance")

    def challenge(self, *, agree: bool) -> None:
        """Play step 22, with a meeting of its own."""
        today = self.world.clock.now().date()
        self.meet(pb.PLAN_MEETING_KIND_CHALLENGE, held=today.isoformat())
        decision = pb.PlanRevision.DECISION_AGREE if agree else pb.PlanRevision.DECISION_DISAGREE
        opinion = pb.PlanOpinion(part=pb.PlanOpinion.PART_PRODUCT, comment="too dear")
        request = service_pb.DecideChallengeRequest(
            decision=decision, opinions=[] if agree else [opinion]
        )
        self.call(request, role="decision_layer")

    def revise(self) -> None:
        """Play what a disagreement reopens, up to the next challenge meeting."""
        self.submit_products()
        self.submit_areas()
        self.take_part()
        self.submit_expansion()
        for step in (18, 19, 20, 21):
            STEPS[step](self)

    def approve(self) -> None:
        """Play step 27."""
        self.call(service_pb.ApproveAnnualPlanRequest(), role="decision_layer")

    def claim(self, part: int, *, role: str, key: str = "", unit_id: str = ROOT_UNIT) -> None:
        """Sign a claim."""
        request = service_pb.ClaimPlanRequest(
            part=part,  # type: ignore[arg-type]
            key=key,
            signature="signed",
        )
        self.call(request, role=role, unit_id=unit_id)

    def claim_products(self) -> None:
        """Play step 29."""
        for product_id in PRODUCTS:
            self.claim(pb.PLAN_CLAIM_PART_PRODUCT, role="product_manager", key=product_id)

    def claim_regions(self) -> None:
        """Play step 31."""
        for area in self.areas:
            self.claim(pb.PLAN_CLAIM_PART_REGION, role="regional_manager", key=area, unit_id=area)

    def price(self) -> None:
        """Set the prices, the costs and the expenses of the headquarters that F1 has."""
        version_id = self.get().revisions[-1].cube_version_id
        prices = [
            profit_pb2.PriceAssumption(
                product_id=product_id,
                list_price=price(list_price),
                channel_factor="0.90",
                allowance_share="0.05",
                unit_cost=price(unit_cost),
            )
            for product_id, list_price, unit_cost in (("P1", "10", "3"), ("P2", "25", "8"))
        ]
        set_prices = profit_service_pb2.SetAssumptionsRequest(version_id=version_id, prices=prices)
        self.world.call(set_prices, role="planning")
        address = cube_pb2.CubeAddress(unit_id=ROOT_UNIT, month=f"{self.get().fiscal_year}-01")
        cells = [
            cube_pb2.CubeCell(measure=measure, address=address, value=amount * 100)
            for measure, amount in HEADQUARTERS.items()
        ]
        write = cube_service_pb2.WriteCellsRequest(version_id=version_id, cells=cells)
        self.world.call(write, role="planning")
        compute = profit_service_pb2.ComputeProfitRequest(version_id=version_id)
        self.world.call(compute, role="planning")

    def archive(self) -> report_pb.PlanArchive:
        """Play step 32."""
        found: report_pb.PlanArchive = self.call(
            service_pb.ArchiveAnnualPlanRequest(), role="finance"
        ).archive
        return found


def regional_plan(
    area: str,
    volumes: Mapping[str, int],
    expenses: Mapping[str, int],
    **more: Any,
) -> content_pb.RegionalPlan:
    """Return the plan of an area with one terminal a product."""
    return content_pb.RegionalPlan(
        area_unit_id=area,
        lines=[
            content_pb.RegionalPlanLine(
                product_id=product_id,
                terminal_id=f"H-{product_id}",
                volume=volume,
                unit_price=price(PRICES[product_id]),
            )
            for product_id, volume in volumes.items()
        ],
        expenses=[
            content_pb.AreaExpense(expense_type=expense_type, amount=yuan(amount))
            for expense_type, amount in expenses.items()
        ],
        competition="one rival",
        countermeasures="more visits",
        **more,
    )


def first_plan(base: int = 1_800_000, growth: str = "8") -> content_pb.PreliminaryPlan:
    """Return a preliminary plan."""
    return content_pb.PreliminaryPlan(
        text="macro factors", base=yuan(base), growth_percent=growth, budget=yuan(500_000)
    )


def strategy(kinds: Sequence[int] = ()) -> content_pb.Strategy:
    """Return directions of the given kinds, all six when none is given."""
    return content_pb.Strategy(
        directions=[
            content_pb.StrategyDirection(kind=kind, text="a direction")  # type: ignore[arg-type]
            for kind in kinds or DIRECTIONS
        ]
    )


STEPS: Mapping[int, Callable[[YearPlan], Any]] = {
    2: lambda plan: plan.by_hand(2, role="finance"),
    3: YearPlan.summarise_regions,
    4: lambda plan: plan.contribute(
        role="sales_director", sales_summary=content_pb.SalesSummary(text="all regions")
    ),
    5: lambda plan: plan.contribute(role="sales_director", sales_plan=first_plan()),
    6: YearPlan.summarise_products,
    7: lambda plan: plan.contribute(
        role="market_director", market_summary=content_pb.MarketSummary(text="all products")
    ),
    8: lambda plan: plan.contribute(role="market_director", market_plan=first_plan()),
    9: lambda plan: plan.contribute(role="decision_layer", strategy=strategy()),
    10: YearPlan.set_targets,
    11: YearPlan.decompose_products,
    12: YearPlan.decompose_areas,
    13: YearPlan.balance,
    14: YearPlan.submit_products,
    15: lambda plan: plan.by_hand(15, role="market_director"),
    16: YearPlan.submit_areas,
    17: YearPlan.submit_expansion,
    18: lambda plan: plan.by_hand(18, role="sales_director"),
    19: lambda plan: plan.by_hand(19, role="planning"),
    20: YearPlan.analyse,
    21: lambda plan: plan.call(service_pb.ConfirmTargetsRequest(), role="decision_layer"),
    22: lambda plan: plan.challenge(agree=True),
    27: YearPlan.approve,
    28: lambda plan: plan.claim(pb.PLAN_CLAIM_PART_MARKET, role="market_director"),
    29: YearPlan.claim_products,
    30: lambda plan: plan.claim(pb.PLAN_CLAIM_PART_SALES, role="sales_director"),
    31: YearPlan.claim_regions,
    32: YearPlan.archive,
}
