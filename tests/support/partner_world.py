"""Many partners with agreements and invoices at once, made by the use cases of channels."""

from collections.abc import Sequence
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from mantle.channels.v1 import maintenance_service_pb2 as maintenance
from mantle.settlement.v1 import events_pb2 as settlement
from mantle.work.v1 import work_pb2, work_service_pb2

from channels.partner import agreeing, usecases
from channels.partner.domain import Credit, Grade, Kind, Terms, Territory
from channels.turnover.subscriber import TurnoverSubscriber
from chassis.events.domain import ReceivedEvent
from chassis.ids import new_id
from chassis.money import Money
from chassis.scope import Caller
from tests.support.examples_channels import cny
from tests.support.server import ROOT_UNIT, START, World
from tests.support.waiting import until

SYSTEM = Caller("system", frozenset({"service"}), "", "system")
DAY = date(2026, 3, 2)
TARGET = Money("CNY", 50_000_000)


def add_partner(
    world: World,
    partner_id: str,
    *,
    kind: Kind = Kind.DISTRIBUTOR,
    grade: Grade = Grade.B,
    target: Money | None = TARGET,
    territories: Sequence[Territory] = (),
    year: int = 2026,
) -> str:
    """Make a partner that may order, with an agreement for the year of the tests."""
    credit = Credit(Money("CNY", 20_000_000), 30)
    with world.services["channels"].database.transaction() as tx:
        usecases.create(
            tx,
            partner_id=partner_id,
            name=f"Partner {partner_id}",
            kind=kind,
            unit_id=ROOT_UNIT,
            grade=grade,
            by=SYSTEM,
            at=START,
        )
        agreeing.sign_agreement(
            tx,
            partner_id=partner_id,
            year=year,
            credit=credit,
            territory="",
            terms=Terms(target=target, territories=tuple(territories)),
            today=DAY,
            by=SYSTEM,
            at=START,
        )
        usecases.activate(tx, partner_id=partner_id, today=date(year, 3, 2), by=SYSTEM)
    return partner_id


def invoice(
    world: World, partner_id: str, *amounts_minor: int, late: int = 0, order_ids: Sequence[str] = ()
) -> None:
    """Let settlement tell invoices of a partner, all of them paid; the first ones late."""
    orders = [*order_ids, *(new_id() for _ in amounts_minor)]
    issued = [
        settlement.InvoiceIssued(
            order_id=order_id,
            invoice_id=new_id(),
            partner_id=partner_id,
            amount=cny(amount_minor),
            due_date="2026-03-31",
        )
        for order_id, amount_minor in zip(orders, amounts_minor, strict=False)
    ]
    paid = [
        settlement.InvoicePaid(
            order_id=one.order_id,
            invoice_id=one.invoice_id,
            paid_date="2026-04-01" if number < late else "2026-03-31",
        )
        for number, one in enumerate(issued)
    ]
    # Orders are not what these tests are about: only the turnover is told.
    turnover = TurnoverSubscriber(zone=ZoneInfo("Asia/Shanghai"))
    with world.services["channels"].database.transaction() as tx:
        turnover.invoices_issued(tx, [(_event(world), one) for one in issued])
        turnover.invoices_paid(tx, [(_event(world), one) for one in paid])


def start(world: World, *, dry_run: bool = False, year: int = 2026) -> Any:
    """Start a maintenance and wait until its run is done."""
    begun = world.call(
        maintenance.StartMaintenanceRequest(unit_id=ROOT_UNIT, year=year, dry_run=dry_run),
        role="sales_director",
    )
    until(lambda: _is_done(world, begun.run_id), "the run is done", within_s=20)
    return begun


def reviews(world: World, cycle_id: str) -> dict[str, Any]:
    """Return the reviews of a maintenance by partner."""
    request = maintenance.ListReviewsRequest(cycle_id=cycle_id, page_size=500)
    return {one.partner_id: one for one in world.call(request).reviews}


def decide(world: World, cycle_id: str, *decisions: Any) -> Any:
    """Decide on reviews; without any, as the rules propose."""
    request = maintenance.DecideReviewsRequest(cycle_id=cycle_id, decisions=decisions)
    return world.call(request, role="sales_director")


def approve(world: World, cycle_id: str) -> Any:
    """Approve all that is decided."""
    return world.call(maintenance.ApproveReviewsRequest(cycle_id=cycle_id), role="marketing_vp")


def _event(world: World) -> ReceivedEvent:
    at = world.clock.now()
    return ReceivedEvent(
        source="settlement",
        position=1,
        event_id=new_id(),
        type="",
        ordering_key="test",
        occur_time=at,
        record_time=at,
        actor="settlement",
        traceparent="",
        payload=b"",
    )


def _is_done(world: World, run_id: str) -> bool:
    request = work_service_pb2.GetRunRequest(run_id=run_id)
    run = world.call(request, role="business_support", service="channels").run
    return bool(run.state == work_pb2.Run.STATE_DONE)
