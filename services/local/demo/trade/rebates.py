"""T10 and T8: a rebate year. Purchases and payments month by month, an accrual each month, a return
with its claw-back, and after the year the run, the statement, and the next order that it pays."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from mantle.settlement.v1 import rebate_pb2
from mantle.settlement.v1 import rebate_service_pb2 as rpc
from mantle.work.v1 import work_pb2
from mantle.work.v1 import work_service_pb2 as work_rpc

from chassis.period import Month
from local.demo.desk import until
from local.demo.narrator import minor_text, money_text
from local.demo.scene import Scene
from local.demo.trade import ground, ledger
from local.demo.trade.ground import UNIT, Year
from local.demo.trade.ledger import BooksDiffer
from local.demo.trade.returns import play as give_back

Day = tuple[int, int]

LOYAL_PIECES: Final = 30_000
LATE_PIECES: Final = 11_700
NEXT_PIECES: Final = 5_000
# Month and day of each order, and of its payment; the second of the late one comes too late.
LOYAL: Final = (((4, 7), (4, 28)), ((6, 8), (6, 29)), ((9, 7), (9, 28)), ((11, 9), (11, 30)))
LATE: Final = (((4, 8), (4, 29)), ((7, 6), (8, 10)), ((10, 8), (10, 29)))
RETURN_DAY: Final = (12, 10)


def play(scene: Scene, year: Year) -> None:
    """Play the purchases of the year, with an accrual after each month."""
    scene.narrator.chapter("A rebate year")
    acts = sorted([*_days(year.loyal, LOYAL, LOYAL_PIECES), *_days(year.late, LATE, LATE_PIECES)])
    month = ground.FIRST_MONTH
    for (at_month, day), partner_id, pieces in acts:
        month = _accrue_until(scene, year, since=month, end=at_month)
        scene.move_to(year.morning(at_month, day))
        if pieces:
            ground.hand_over(scene, ground.order(scene, partner_id, pieces))
        else:
            ground.pay(scene, partner_id)
    month = _accrue_until(scene, year, since=month, end=RETURN_DAY[0])
    _print_accruals(scene, year)
    scene.move_to(year.morning(*RETURN_DAY))
    give_back(scene, year)
    _accrue_until(scene, year, since=month, end=13)


def settle(scene: Scene, year: Year) -> rebate_pb2.RebateStatement:
    """Play the run of the year, by four people; print and return the loyal partner's statement."""
    narrator = scene.narrator
    scene.move_to(year.morning(13, 12))
    narrator.chapter("The rebate run")
    finance = scene.desk.person("finance")
    _simulate(scene, year)
    run = finance.ask(rpc.StartRebateRunRequest(year=year.year, unit_id=UNIT)).run
    _await(scene, "rebate_run")
    review = rpc.ReviewRebateRunRequest(run_id=run.run_id, passed=True, note="as accrued")
    scene.desk.person("sales_director").ask(review)
    approval = rpc.ApproveRebateRunRequest(run_id=run.run_id, agreed=True, note="agreed")
    scene.desk.person("marketing_vp").ask(approval)
    _await(scene, "rebate_settle")
    payment = rpc.PayRebateRunRequest(run_id=run.run_id, payout=rebate_pb2.REBATE_PAYOUT_ADVANCE)
    scene.desk.person("finance", UNIT).ask(payment)
    _await(scene, "rebate_pay")
    found = statement(scene, year.loyal, year.year)
    _print_statement(scene, found)
    _print_report(scene, year)
    return found


def use_up(scene: Scene, year: Year) -> None:
    """Let what is on account, the rebate and the return, pay a part of the next order."""
    placed = ground.order(scene, year.loyal, NEXT_PIECES)
    ground.hand_over(scene, placed)
    invoice = ground.invoices_of(scene, placed.order_id)[0]
    paid = invoice.amount.amount_minor - invoice.open_amount.amount_minor
    scene.narrator.tell(
        f"{year.loyal} orders {NEXT_PIECES:,} pieces for {money_text(invoice.amount)}",
        f"rebate and return pay {minor_text(paid)}, {money_text(invoice.open_amount)} are due",
    )


def statement(scene: Scene, partner_id: str, year: int) -> rebate_pb2.RebateStatement:
    """Return the statement of a partner's year."""
    asked = rpc.GetRebateStatementRequest(partner_id=partner_id, year=year)
    found: rebate_pb2.RebateStatement = scene.desk.person("finance").ask(asked).statement
    return found


def _days(
    partner_id: str, orders: Sequence[tuple[Day, Day]], pieces: int
) -> Iterator[tuple[Day, str, int]]:
    """Yield what a partner does on which day: an order of some pieces, or a payment of all."""
    for ordered_on, paid_on in orders:
        yield ordered_on, partner_id, pieces
        yield paid_on, partner_id, 0


def _accrue_until(scene: Scene, year: Year, *, since: int, end: int) -> int:
    """Accrue the months from one to before another, and return that."""
    for number in range(since, end):
        scene.move_to(year.morning(number + 1, 2))
        request = rpc.AccrueRebatesRequest(month=str(Month(year.year, number)), unit_id=UNIT)
        run_id = scene.desk.person("finance").ask(request).work_run_id
        ledger.await_run(scene, run_id, f"the rebates of {year.year}-{number:02}")
    return end


def _print_accruals(scene: Scene, year: Year) -> None:
    found = statement(scene, year.loyal, year.year)
    scene.narrator.tell(
        f"Accruals of {year.loyal}", "the year so far, less what was accrued before"
    )
    rows: list[tuple[str, ...]] = [("", "paid so far", "rebate", "booked")]
    rows += [
        (one.period, money_text(one.base), money_text(one.rebate), money_text(one.change))
        for one in found.accruals
    ]
    scene.narrator.table(rows, right=(1, 2, 3))


def _simulate(scene: Scene, year: Year) -> None:
    request = rpc.SimulateRebateRunRequest(year=year.year, unit_id=UNIT)
    run_id = scene.desk.person("finance").ask(request).work_run_id
    ended = ledger.await_run(scene, run_id, "the simulation")
    scene.narrator.tell(f"Simulated before anything is booked: {ended.done_count} partners")


def _await(scene: Scene, kind: str) -> None:
    """Wait until no run of a kind is under way."""
    finance = scene.desk.person("finance")
    open_states = (work_pb2.Run.STATE_PENDING, work_pb2.Run.STATE_RUNNING)

    def done() -> bool:
        asked = work_rpc.ListRunsRequest(kind=kind, states=open_states)
        return not finance.ask(asked, service="settlement").runs

    until(done, f"runs of {kind}", within_s=ledger.RUN_S, pause_s=ledger.LOOK_S)


def _print_statement(scene: Scene, found: rebate_pb2.RebateStatement) -> None:
    """Print what the partner gets, and recompute it from the parts to the cent.

    Errors: BooksDiffer.
    """
    narrator = scene.narrator
    narrator.tell(
        f"Statement of {found.partner_id} for {found.year}",
        f"{found.mode}, grade {found.credit_grade}",
    )
    rows = [
        ("purchases that were paid", money_text(found.purchases)),
        ("returned", minor_text(-found.returns.amount_minor)),
        ("does not count", minor_text(-found.exclusions.amount_minor)),
        ("base", money_text(found.base)),
        (f"target {money_text(found.target)}", f"{found.achieved_percent} %"),
    ]
    exact = Decimal(0)
    for one in found.parts:
        exact += Decimal(one.exact)
        rows.append((f"{money_text(one.base)} x {one.rate}", minor_text(round(Decimal(one.exact)))))
    rows += [
        ("rebate", money_text(found.rebate)),
        *((f"paid {one.pay_date}, on account", money_text(one.amount)) for one in found.payments),
        ("still payable", money_text(found.payable)),
    ]
    narrator.table(rows, right=(1,))
    booked = sum(one.change.amount_minor for one in found.accruals)
    if found.amount.amount_minor != booked:
        raise BooksDiffer("accruals", expected=found.amount.amount_minor, found=booked)
    narrator.tell(
        f"{len(found.accruals)} accruals sum to {minor_text(booked)}", "the same, to the cent"
    )


def _print_report(scene: Scene, year: Year) -> None:
    asked = rpc.GetRebateReportRequest(year=year.year, unit_id=UNIT)
    found = scene.desk.person("finance").ask(asked).report
    scene.narrator.tell(
        f"Rebate cost {money_text(found.cost)}, {found.cost_percent} % of {money_text(found.base)}",
        f"planned {found.planned_percent} %",
    )
