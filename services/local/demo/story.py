"""The story of one campaign, from the company it belongs to up to its lesson.

The demo plays it with a thousand touches, the end-to-end tests with a few.
"""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from mantle.channels.v1 import order_pb2, order_service_pb2
from mantle.crm.v1.customer_pb2 import CustomerImport, RowError
from mantle.planning.v1 import campaign_pb2
from mantle.settlement.v1 import invoice_pb2

from local.demo import audience, campaign, company, execution, money, offers, tally
from local.demo.execution import Live
from local.demo.narrator import ZONE, day_text, minor_text, money_text, roi_text
from local.demo.scene import Scene
from local.demo.touches import Visit

TOUCHES: Final = 1_000
TOUCHES_AGAIN: Final = 200
APPROVAL_DAYS: Final = 1
START_DAYS: Final = 2
LESSON: Final = "Help first: after a solved question customers say yes most often."
FLASH_LESSON: Final = "Never promise what is not in the tariff sheet."
STATED_PARTNER: Final = "AG-1"
BUDGET_MINOR: Final = sum(campaign.SHARES_MINOR.values())


@dataclass(slots=True)
class Told:
    """Hold everything the story brought about.

    Units: minor units.
    """

    run: str
    touches: int = 0
    month: str = ""
    taken: CustomerImport = field(default_factory=CustomerImport)
    refused_rows: list[RowError] = field(default_factory=list)
    campaign_id: str = ""
    traceparent: str = ""
    flash_id: str = ""
    race: list[str] = field(default_factory=list)
    sixth: str = ""
    too_early: str = ""
    live: Live = field(default_factory=Live)
    cancelled: list[Visit] = field(default_factory=list)
    too_late: str = ""
    receipts: dict[str, int] = field(default_factory=dict)
    commission_paid: dict[str, int] = field(default_factory=dict)
    trial_balance: dict[str, tuple[int, int]] = field(default_factory=dict)
    result: campaign_pb2.CampaignResult = field(default_factory=campaign_pb2.CampaignResult)
    reserved: int = -1
    timeline: Any = None
    form: Any = None
    funnel: tally.Funnel | None = None
    statement: invoice_pb2.PartnerStatement = field(default_factory=invoice_pb2.PartnerStatement)

    @property
    def trace_id(self) -> str:
        """Return the trace of the campaign."""
        return self.traceparent.split("-")[1]


def tell(scene: Scene) -> Told:
    """Play all chapters.

    Errors: LocalError when a service answers otherwise than the story expects.
    """
    scene.sleep_until_morning(0 if scene.morning(0) > scene.clock.now() else 1)
    told = Told(run=f"{scene.clock.today(ZONE):%Y-%m-%d}")
    _company(scene)
    earlier = campaign.planning_form(scene, offers.SEGMENT).lessons
    told.touches = scene.size.touches or (TOUCHES_AGAIN if earlier else TOUCHES)
    _customers(scene, told)
    campaign.stop_left_over(scene, offers.SEGMENTS)
    with scene.desk.root("campaign") as told.traceparent:
        budget = _planning(scene, told)
        _approval(scene, told)
        _execution(scene, told, budget)
        _money(scene, told)
        _evaluation(scene, told, budget)
    return told


def _company(scene: Scene) -> None:
    scene.narrator.chapter("The company")
    today = scene.clock.today(ZONE)
    company.found_units(scene.desk, scene.narrator, today=today)
    company.release_products(scene.desk, scene.narrator, today=today)
    company.sign_partners(scene.desk, scene.narrator, today=today)
    company.fill_stock(scene.desk, scene.narrator)
    months = sorted({f"{today + timedelta(days=days):%Y-%m}" for days in (0, 28)})
    company.publish_plan(scene.desk, scene.narrator, months=months)
    company.quote(scene.desk, scene.narrator)


def _customers(scene: Scene, told: Told) -> None:
    scene.narrator.chapter("The customers")
    taken, errors = told.taken, told.refused_rows = audience.import_customers(scene)
    scene.narrator.tell(
        f"{taken.rows_new:,} customers of a telecom company, with tags, products and consents",
        "a public data set; names and phones are made up, consents assumed",
    )
    if taken.create_time.ToDatetime(ZONE).date() < scene.clock.today(ZONE):
        scene.narrator.tell(f"They are here since {day_text(taken.create_time.ToDatetime(ZONE))}")
    for error in errors:
        scene.narrator.refused(f"Row {error.row_number:,}, {error.field}", error.problem)


def _planning(scene: Scene, told: Told) -> campaign.Money:
    scene.narrator.chapter("Planning and resources")
    for earlier in campaign.planning_form(scene, offers.SEGMENT).lessons[:1]:
        scene.narrator.tell(
            f"The planning form knows {earlier.name!r}: {roi_text(earlier.result)}",
            earlier.lesson,
        )
    with scene.desk.step("planning", told.traceparent):
        lines = campaign.open_budget(scene)
        begin = scene.morning(APPROVAL_DAYS + START_DAYS)
        made = campaign.create(scene, offers.home_campaign(begin, budget_minor=BUDGET_MINOR))
        told.campaign_id = made.campaign_id
        company.quote_offers(scene.desk, scene.narrator)
    budget = campaign.Money(lines, campaign.SHARES_MINOR)
    scene.pass_hours(3)
    with scene.desk.step("allocation", told.traceparent):
        told.race = campaign.race_for_budget(scene, lines["a2"])
        campaign.allocate(scene, told.campaign_id, budget)
    scene.narrator.tell(
        f"Campaign {made.plan.name!r}: {len(made.plan.offers)} offers, 21 days",
        f"budget {money_text(made.plan.budget)}",
    )
    race = minor_text(campaign.RACE_MINOR)
    scene.narrator.tell(f"Two at once reserve {race} of 50,000.00: {' and '.join(told.race)}")
    shares = " + ".join(minor_text(share) for share in campaign.SHARES_MINOR.values())
    scene.narrator.tell(f"Reserved for the campaign: {shares} on the lines of a1 and a2")
    return budget


def _approval(scene: Scene, told: Told) -> None:
    scene.sleep_until_morning(APPROVAL_DAYS)
    scene.narrator.chapter("Approval")
    with scene.desk.step("approval", told.traceparent):
        campaign.submit_and_sign(scene, told.campaign_id)
        told.sixth = campaign.sign_as_somebody_else(scene, told.campaign_id)
        told.too_early = campaign.start_too_early(scene, told.campaign_id)
        scene.pass_hours(5)
        campaign.approve(scene, told.campaign_id)
    signed = ", ".join(campaign.names_of_signatures())
    scene.narrator.tell(f"Signed, in any order: {signed}")
    scene.narrator.refused("Finance, which has no part in it, signs", told.sixth)
    scene.narrator.refused("Start with four of five signatures", told.too_early)
    scene.narrator.tell("The office meeting agrees: 5 of 5, approved")


def _execution(scene: Scene, told: Told, budget: campaign.Money) -> None:
    scene.sleep_until_morning(START_DAYS)
    scene.narrator.chapter("Execution")
    told.month = f"{scene.clock.today(ZONE):%Y-%m}"
    drawn = audience.draw_touches(scene, told.run, count=told.touches)
    audience.score(scene, drawn)
    probes = execution.Probes(scene, told.run, purpose="probe")
    with scene.desk.step("execution", told.traceparent):
        told.live = live = execution.play(scene, told.campaign_id, drawn, probes=probes)
    told.flash_id = execution.play_flash(scene, run=told.run, money=budget, live=live)
    scene.narrator.tell(
        f"A second campaign is stopped: no offer {live.stop_s * 1000:.0f} ms after StopCampaign",
        f"its {live.withdrawn} open offers were taken back within {live.withdraw_s * 1000:.0f} ms",
    )


def _money(scene: Scene, told: Told) -> None:
    visits = told.live.visits
    ordered = [one for one in visits if one.order is not None]
    money.await_commission(scene, told.campaign_id, count=_approved(ordered))
    bulk = money.sell_to_distributor(scene)
    scene.sleep_until_morning(3)
    scene.narrator.chapter("Orders and money")
    waiting = [one for one in ordered if one.order.state not in tally.HANDED_OVER]
    told.cancelled = money.cancel_some(scene, visits, told.campaign_id)
    held, short = money.work_off_waiting(scene, waiting)
    money.await_invoices(scene, told.campaign_id, count=len(ordered))
    scene.narrator.tell(
        f"Distributor {bulk.partner_id} orders 1,000 SIM kits by phone: {money_text(bulk.total)}",
        f"contract {bulk.contract_number}, credit, plan, price and stock checked",
    )
    scene.narrator.tell(
        f"{len(ordered)} orders from accepted offers, each at 5.00 commission for its seller",
        f"{held} waited for a receipt, {short} for new goods",
    )
    scene.narrator.tell(
        f"{len(told.cancelled)} cancelled within the cooling-off: credit note, commission reversed"
    )
    scene.sleep_until_morning(9)
    _try_late_cancellation(scene, told, ordered)
    told.receipts = money.receive_payments(scene)
    told.commission_paid = money.pay_commission(scene, told.campaign_id)
    received, paid = sum(told.receipts.values()), sum(told.commission_paid.values())
    scene.narrator.tell(
        f"Received {minor_text(received)} from {len(told.receipts)} partners",
        f"{money.SLOW_PAYER} pays 60 %, its oldest invoices first",
    )
    scene.narrator.tell(f"Commission paid after the cooling-off: {minor_text(paid)}")


def _try_late_cancellation(scene: Scene, told: Told, ordered: list[Visit]) -> None:
    gone = {one.touch.key for one in told.cancelled}
    kept = [one for one in ordered if one.touch.key not in gone]
    if kept:
        request = order_service_pb2.CancelOrderRequest(
            order_id=kept[0].order.order_id, reason="too late"
        )
        told.too_late = scene.desk.person("customer_service").refusal(request)
        scene.narrator.refused("A cancellation twelve days after the delivery", told.too_late)


def _evaluation(scene: Scene, told: Told, budget: campaign.Money) -> None:
    scene.sleep_until_morning(10)
    scene.narrator.chapter("Evaluation")
    with scene.desk.step("evaluation", told.traceparent):
        told.trial_balance = dict(money.trial_balance(scene))
        campaign.await_actuals(scene, told.campaign_id)
        campaign.end(scene, told.campaign_id)
        campaign.evaluate(scene, told.campaign_id)
        told.result = campaign.close(scene, told.campaign_id, LESSON).result
    campaign.evaluate(scene, told.flash_id)
    campaign.close(scene, told.flash_id, FLASH_LESSON)
    told.reserved = reserved = sum(campaign.reserved_minor(scene, budget.lines).values())
    scene.narrator.tell(
        "Ended as planned, evaluated, and the lesson is in the library",
        f"{minor_text(reserved)} of the budget lines are still reserved",
    )
    told.timeline = campaign.timeline(scene, told.campaign_id)
    told.form = campaign.planning_form(scene, offers.SEGMENT)
    told.funnel = _counted(scene, told)
    told.statement = money.statement(scene, STATED_PARTNER, told.month)


def _counted(scene: Scene, told: Told) -> tally.Funnel:
    own = [one for one in money.invoices(scene) if one.campaign_id == told.campaign_id]
    paid = sum(one.state == invoice_pb2.Invoice.STATE_PAID for one in own)
    return tally.funnel(told.live.visits, cancelled=len(told.cancelled), paid=paid)


def _approved(ordered: list[Visit]) -> int:
    return sum(one.order.state != order_pb2.Order.STATE_CREDIT_HOLD for one in ordered)
