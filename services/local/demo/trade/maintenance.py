"""T11: the yearly maintenance: each distributor is judged by its settled year."""

from collections.abc import Sequence
from typing import Final

from mantle.channels.v1 import maintenance_pb2, partner_pb2
from mantle.channels.v1 import maintenance_service_pb2 as rpc
from mantle.work.v1 import work_pb2
from mantle.work.v1 import work_service_pb2 as work_rpc

from local.demo.desk import all_pages, until
from local.demo.narrator import money_text
from local.demo.scene import Scene
from local.demo.trade.ground import UNIT, Year

WAIT_S: Final = 60.0
LOOK_S: Final = 0.1
_REVIEW: Final = maintenance_pb2.PartnerReview


def play(scene: Scene, year: Year) -> Sequence[maintenance_pb2.PartnerReview]:
    """Play the maintenance: tried, run, decided by one person, approved by another, closed.

    Shape: what was found of each partner, by partner.
    """
    narrator = scene.narrator
    scene.move_to(year.morning(13, 19))
    narrator.chapter("The yearly maintenance")
    director = scene.desk.person("sales_director")
    _start(scene, year, dry_run=True)
    cycle_id = _start(scene, year, dry_run=False)
    found = all_pages(director, rpc.ListReviewsRequest(cycle_id=cycle_id), "reviews")
    reviews = sorted(found, key=lambda one: str(one.partner_id))
    rows: list[tuple[str, ...]] = [("", "bought", "of target", "late", "points", "proposed")]
    rows += [
        (
            one.partner_id,
            money_text(one.figures.purchases),
            f"{one.figures.target_percent} %",
            f"{one.figures.late_percent} %",
            one.points,
            _proposed(one),
        )
        for one in reviews
    ]
    narrator.table(rows, right=(1, 2, 3, 4))
    director.ask(rpc.DecideReviewsRequest(cycle_id=cycle_id))
    scene.desk.person("marketing_vp").ask(rpc.ApproveReviewsRequest(cycle_id=cycle_id))
    closed = director.ask(rpc.CloseMaintenanceRequest(cycle_id=cycle_id)).maintenance
    narrator.tell(
        f"{closed.renewed} renewed, {closed.adjusted} adjusted, {closed.terminated} terminated",
        "decided by the sales director, approved by the marketing VP",
    )
    return reviews


def _proposed(one: maintenance_pb2.PartnerReview) -> str:
    """Say what the rules propose, with the grade that goes with it."""
    grades = [
        partner_pb2.CreditGrade.Name(grade).removeprefix("CREDIT_GRADE_")
        for grade in (one.from_grade, one.to_grade)
        if grade
    ]
    proposal = _REVIEW.Decision.Name(one.proposal).removeprefix("DECISION_").lower()
    return f"{proposal}, grade {' to '.join(dict.fromkeys(grades))}"


def _start(scene: Scene, year: Year, *, dry_run: bool) -> str:
    """Start the maintenance or try it, and wait until its run is done."""
    request = rpc.StartMaintenanceRequest(unit_id=UNIT, year=year.year, dry_run=dry_run)
    begun = scene.desk.person("sales_director").ask(request)
    asked = work_rpc.GetRunRequest(run_id=begun.run_id)
    person = scene.desk.person("business_support")

    def done() -> bool:
        run = person.ask(asked, service="channels").run
        return bool(run.state == work_pb2.Run.STATE_DONE)

    until(done, "the yearly maintenance", within_s=WAIT_S, pause_s=LOOK_S)
    return str(begun.maintenance.cycle_id)
