"""A year of rebate from the first purchase to the statement, as clients and peers see it."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random
from typing import Any

import grpc
import psycopg
import pytest
from mantle.channels.v1 import events_pb2 as channels
from mantle.channels.v1 import order_pb2, partner_pb2
from mantle.policy.v1 import policy_service_pb2 as policies
from mantle.settlement.v1 import events_pb2, invoice_service_pb2, ledger_service_pb2
from mantle.settlement.v1 import rebate_service_pb2 as pb
from mantle.settlement.v1.rebate_pb2 import (
    REBATE_FORFEIT_CAUSE_OVERDUE,
    REBATE_PAYOUT_ADVANCE,
    REBATE_PAYOUT_CASH,
    RebatePayout,
    RebateRun,
)
from mantle.work.v1 import work_service_pb2

from chassis.ids import new_id
from settlement.credit import usecases as credit
from settlement.ledger import storage as ledger_storage
from settlement.ledger import usecases as ledger
from settlement.rebate import usecases
from settlement.rebate.domain import BaseEntry, BaseKind
from tests.support.facts_settlement import (
    activate,
    an_order,
    approve,
    cancel,
    cny,
    deliver,
    events_of,
    open_units,
    tell,
    waiting,
)
from tests.support.rebate_desk import entry
from tests.support.requirements import req
from tests.support.server import Refused, World, libpq
from tests.support.waiting import until

REGION, EAST, WEST, OTHER = "hq/region/", "hq/region/east/", "hq/region/west/", "hq/other/"


def base(world: World, *entries: BaseEntry) -> None:
    """Let money and returns change what counts, as receipts do."""
    service = world.start("settlement").services["settlement"]
    with service.database.transaction() as tx:
        usecases.add_base(tx, entries)


def at(world: World, day: str) -> None:
    year, month, number = map(int, day.split("-"))
    world.clock.set(datetime(year, month, number, 2, 0, tzinfo=UTC))


def wait(world: World) -> None:
    """Wait until no work is under way."""
    until(
        lambda: (
            world.rows("settlement", "SELECT 1 FROM work_run WHERE state IN ('PENDING', 'RUNNING')")
            == []
        ),
        "the work is done",
    )
    failed = world.rows("settlement", "SELECT kind, message FROM work_run WHERE state = 'FAILED'")
    assert failed == []


def accrue(world: World, month: str, *, dry_run: bool = False) -> str:
    request = pb.AccrueRebatesRequest(month=month, unit_id="hq", dry_run=dry_run)
    work_run_id: str = world.call(request, role="finance").work_run_id
    wait(world)
    return work_run_id


def start(world: World, year: int = 2026, *, subject: str = "") -> Any:
    request = pb.StartRebateRunRequest(year=year, unit_id="hq")
    run = world.call(request, role="finance", subject=subject).run
    wait(world)
    return run


def settle(world: World, run_id: str) -> None:
    """Review and approve a run."""
    world.call(pb.ReviewRebateRunRequest(run_id=run_id, passed=True), role="sales_director")
    world.call(pb.ApproveRebateRunRequest(run_id=run_id, agreed=True), role="marketing_vp")
    wait(world)


def pay(world: World, run_id: str, payout: RebatePayout.ValueType = REBATE_PAYOUT_ADVANCE) -> Any:
    request = pb.PayRebateRunRequest(run_id=run_id, payout=payout)
    run = world.call(request, role="finance").run
    wait(world)
    return run


def statement(world: World, partner_id: str, year: int = 2026) -> Any:
    request = pb.GetRebateStatementRequest(partner_id=partner_id, year=year)
    return world.call(request, role="finance").statement


def balance(world: World, account_id: str) -> int:
    request = ledger_service_pb2.GetAccountRequest(account_id=account_id)
    minor: int = world.call(request, role="finance").account.balance.amount_minor
    return minor


def budgeted(world: World, start_date: str, budget_minor: int) -> str:
    """Let another version of the rules be written, with a budget, and return its id."""
    known = world.call(
        policies.ListPoliciesRequest(kind="rebate"), role="finance", service="settlement"
    ).policies[0]
    request = policies.CreatePolicyRequest(
        kind="rebate", start_date=start_date, parameters=known.parameters
    )
    request.parameters["budget_minor"].integer = budget_minor
    made = world.call(request, role="finance", service="settlement").policy
    return str(made.policy_id)


def a_company(world: World) -> None:
    open_units(world, REGION, EAST, WEST, OTHER)
    for partner_id, unit_id in (
        ("D1", "east"), ("D2", "west"), ("D5", "west"), ("D3", "other"), ("D4", "other"),
    ):  # fmt: skip
        activate(world, partner_id, unit_id=unit_id)
    tell(world, *(graded(partner_id, "C") for partner_id in ("D2", "D5")), graded("D1", "B"))


def graded(partner_id: str, grade: str) -> channels.CreditGradeChanged:
    return channels.CreditGradeChanged(
        partner_id=partner_id,
        credit_grade=partner_pb2.CreditGrade.Value(f"CREDIT_GRADE_{grade}"),
        credit_limit=cny(20_000_000),
        credit_days=30,
    )


def bought(world: World) -> None:
    """Let five partners buy, pay and give back in 2026."""
    base(
        world,
        entry("D1", 80_000_000, "2026-03-10", order_id="O1", unit_id="east"),
        entry("D1", 50_000_000, "2026-11-30", order_id="O2", unit_id="east"),
        entry("D1", 5_000_000, "2026-12-01", order_id="O2", unit_id="east", kind=BaseKind.RETURN),
        entry("D2", 125_000_000, "2026-04-01", unit_id="west"),
        entry("D5", 165_000_000, "2026-04-02", unit_id="west"),
        entry("D3", 30_000_000, "2026-04-03", unit_id="other"),
        entry("D4", 99_000_000, "2026-05-31", unit_id="other"),
        entry("D4", 2_000_000, "2026-06-01", unit_id="other"),
    )


@req("R-100", "R-101", "R-102", "R-103", "R-104", "R-105", "R-106", "R-151")
def test_a_year_of_rebate_is_accrued_settled_paid_and_explained(world: World) -> None:
    a_company(world)
    world.call(
        policies.ApprovePolicyRequest(policy_id=budgeted(world, "2026-01-01", 6_000_000)),
        role="marketing_vp",
        service="settlement",
    )
    agreement = partner_pb2.Agreement(agreement_id="A3", year=2026, target=cny(50_000_000))
    tell(world, channels.AgreementSigned(partner_id="D3", unit_id="other", agreement=agreement))
    bought(world)
    at(world, "2027-01-05")

    _a_tier_that_is_reached_trues_the_year_up(world)
    _a_run_is_paid_once_after_its_approval(world)
    _each_cent_is_explained(world)
    _the_cost_stands_beside_the_plan(world)
    _what_was_diverted_is_clawed_back_and_given_back(world)


def _a_tier_that_is_reached_trues_the_year_up(world: World) -> None:
    for month in ("2026-05", "2026-06"):
        accrue(world, month)

    assert [
        (one.period, one.base.amount_minor, one.rebate.amount_minor, one.change.amount_minor)
        for one in statement(world, "D4").accruals
    ] == [
        ("2026-05", 99_000_000, 990_000, 990_000),
        ("2026-06", 101_000_000, 2_020_000, 1_030_000),
    ]
    assert balance(world, "rebate_accrued:D4:CNY") == 2_020_000


def _a_run_is_paid_once_after_its_approval(world: World) -> None:
    assert previews(world) == 5
    run = start(world)
    with pytest.raises(Refused) as refused:
        pay(world, run.run_id)
    assert (run.state, refused.value.reason) == (RebateRun.STATE_ACCRUED, "STEP_NOT_OPEN")
    settle(world, run.run_id)
    paid = pay(world, run.run_id)
    transfers = world.rows("settlement", "SELECT count(*) FROM transfer")

    assert (pay(world, run.run_id), start(world).run_id) == (paid, run.run_id)

    assert world.rows("settlement", "SELECT count(*) FROM transfer") == transfers
    shown = world.call(pb.GetRebateRunRequest(run_id=run.run_id), role="finance")
    [total] = shown.totals
    assert (total.partner_count, total.amount, total.paid) == (5, cny(7_420_000), cny(7_420_000))
    told = events_of(world, events_pb2.RebatePaid)
    assert {one.partner_id: one.amount.amount_minor for one in told} == {
        "D1": 2_500_000, "D2": 1_250_000, "D4": 2_020_000, "D5": 1_650_000,
    }  # fmt: skip


def previews(world: World) -> int:
    """Try the year, and count the partners that the dry run shows."""
    tried = world.call(pb.SimulateRebateRunRequest(year=2026, unit_id="hq"), role="finance")
    wait(world)
    listed = work_service_pb2.ListPreviewRowsRequest(run_id=tried.work_run_id)
    return len(world.call(listed, role="finance", service="settlement").preview_rows)


def _each_cent_is_explained(world: World) -> None:
    d1, d3 = statement(world, "D1"), statement(world, "D3")

    assert (d1.purchases.amount_minor, d1.returns.amount_minor, d1.base.amount_minor) == (
        130_000_000, 5_000_000, 125_000_000,
    )  # fmt: skip
    assert [(one.rate, one.base, one.exact) for one in d1.parts] == [
        ("0.02", cny(125_000_000), "2500000")
    ]
    assert d1.amount == d1.settled.amount == d1.payments[0].amount == cny(2_500_000)
    assert (d1.payable, balance(world, "advance:D1:CNY")) == (cny(0), 2_500_000)
    capped = [statement(world, partner_id).amount.amount_minor for partner_id in ("D2", "D5")]
    assert capped == [1_250_000, 1_650_000]
    assert (d3.achieved_percent, d3.amount, len(d3.parts)) == ("60.0", cny(0), 0)


def _the_cost_stands_beside_the_plan(world: World) -> None:
    draft = budgeted(world, "2027-02-01", 7_000_000)

    asked = pb.GetRebateReportRequest(year=2026, unit_id="east")
    report = world.call(asked, role="finance").report
    wanted = pb.GetRebateProposalRequest(policy_id=draft, unit_id="region")
    proposal = world.call(wanted, role="finance").proposal

    assert (report.purchases, report.cost) == (cny(130_000_000), cny(2_500_000))
    assert (report.cost_percent, report.planned_percent) == ("1.92", "2.00")
    assert (proposal.last_year, proposal.budget, proposal.paid, proposal.execution_percent) == (
        2026, cny(6_000_000), cny(5_400_000), "90.0",
    )  # fmt: skip
    assert (proposal.simulated, proposal.partner_count) == (cny(5_400_000), 3)


def _what_was_diverted_is_clawed_back_and_given_back(world: World) -> None:
    request = pb.ExcludeFromRebateRequest(
        partner_id="D1", amount=cny(171_000), order_id="O1", reason="200 boxes diverted"
    )
    excluded = world.call(request, role="supervision").entry
    assert statement(world, "D1").payable == cny(-3_420)
    assert balance(world, "rebate_payable:D1:CNY") == -3_420

    for _ in range(2):
        world.call(pb.RestoreToRebateRequest(entry_id=excluded.entry_id), role="finance")

    d1 = statement(world, "D1")
    assert [one.change.amount_minor for one in d1.corrections] == [-3_420, 3_420]
    assert (d1.payable, balance(world, "rebate_expense:east:CNY")) == (cny(0), 2_500_000)


@req("R-096", "R-104")
def test_a_return_after_the_payment_is_taken_off_the_next_one(world: World) -> None:
    a_company(world)
    bought(world)
    at(world, "2027-01-05")
    run = start(world)
    settle(world, run.run_id)
    pay(world, run.run_id, REBATE_PAYOUT_CASH)
    back = entry("D1", 85_500, "2027-01-06", order_id="O1", unit_id="east", kind=BaseKind.RETURN)

    base(world, back)
    base(world, back)
    base(world, entry("D1", 60_000_000, "2027-02-01", unit_id="east"))
    at(world, "2028-01-05")
    accrue(world, "2027-12")
    run = start(world, 2027)
    settle(world, run.run_id)
    pay(world, run.run_id)

    d1 = statement(world, "D1")
    assert [one.change.amount_minor for one in d1.corrections] == [-1_710]
    assert balance(world, "cash:east:CNY") == -2_500_000
    assert statement(world, "D1", 2027).payments[0].amount == cny(600_000 - 1_710)
    assert balance(world, "rebate_payable:D1:CNY") == 0
    assert balance(world, "advance:D1:CNY") == 598_290
    nothing_is_left_of(world, 2026, 2027)


def nothing_is_left_of(world: World, before: int, year: int) -> None:
    """Look at two years, of which the later one's payment took off what the earlier one owed."""
    years = [statement(world, "D1", one) for one in (before, year)]
    offsets = [(one.payment_id, one.change.amount_minor) for two in years for one in two.offsets]
    payment_id = years[1].payments[0].payment_id
    assert [one.payable for one in years] == [cny(0), cny(0)]
    assert offsets == [(payment_id, 1_710), (payment_id, -1_710)]


@req("R-096")
def test_what_comes_back_in_parts_leaves_nothing_whatever_the_order(world: World) -> None:
    a_company(world)
    base(
        world,
        entry("D1", 60_000_000, "2026-03-10", order_id="O1", unit_id="east"),
        entry("D1", 20_000_000, "2027-01-02", order_id="O1", unit_id="east"),
    )
    at(world, "2027-01-05")
    run = start(world)
    settle(world, run.run_id)
    parts = [1, 9_999_999, 14_000_000, 56_000_000]
    Random(5).shuffle(parts)

    for part in parts:
        kind = BaseKind.RETURN
        base(world, entry("D1", part, "2027-01-06", order_id="O1", unit_id="east", kind=kind))

    for year, paid in ((2026, 60_000_000), (2027, 20_000_000)):
        now = statement(world, "D1", year)
        assert (now.purchases, now.returns, now.base) == (cny(paid), cny(paid), cny(0))
        listed = pb.ListRebateBaseRequest(partner_id="D1", year=year)
        entries = world.call(listed, role="finance").entries
        assert sum(one.amount.amount_minor for one in entries) == 2 * paid
    assert [balance(world, f"rebate_{code}:CNY") for code in ("payable:D1", "expense:east")] == [
        0,
        0,
    ]


@req("R-101")
def test_what_is_paid_counts_and_what_is_cancelled_does_not(world: World) -> None:
    open_units(world)
    activate(world)
    order = deliver(world, approve(world, an_order(("P1", 10, 85_500), ("P2", 1, 14_500))))
    receipt = invoice_service_pb2.RecordReceiptRequest(
        partner_id="D1", amount=cny(60_000), reference="BANK-1"
    )
    world.call(receipt, role="finance")
    paid = statement(world, "D1")

    cancel(world, order)

    undone = statement(world, "D1")
    assert (paid.purchases, paid.base) == (cny(60_000), cny(60_000))
    assert (undone.purchases, undone.returns, undone.base) == (cny(60_000), cny(60_000), cny(0))


def exclude(world: World, amount_minor: int, order_id: str, product_id: str) -> str:
    request = pb.ExcludeFromRebateRequest(
        partner_id="D1",
        amount=cny(amount_minor),
        order_id=order_id,
        product_id=product_id,
        reason="diverted",
    )
    entry_id: str = world.call(request, role="supervision").entry.entry_id
    return entry_id


def return_of(world: World, order: order_pb2.Order, product_id: str, quantity: int) -> None:
    line = channels.ReturnCreditedLine(product_id=product_id, quantity=quantity)
    tell(
        world,
        channels.ReturnCredited(
            return_id=new_id(),
            order_id=order.order_id,
            partner_id=order.partner_id,
            unit_id=order.unit_id,
            lines=[line],
        ),
    )


def sums_of(world: World) -> tuple[int, int, int, int]:
    now = statement(world, "D1")
    found = now.purchases, now.returns, now.exclusions, now.base
    one, two, three, four = (amount.amount_minor for amount in found)
    return one, two, three, four


@req("R-096", "R-105")
def test_what_was_excluded_and_comes_back_lowers_the_base_once(world: World) -> None:
    """Of ten pieces two were excluded and nine came back: one of these was excluded for sure."""
    open_units(world)
    activate(world)
    order = deliver(world, approve(world, an_order(("P1", 10, 100_000), ("P2", 10, 50_000))))
    receipt = invoice_service_pb2.RecordReceiptRequest(
        partner_id="D1", amount=cny(150_000), reference="BANK-1"
    )
    world.call(receipt, role="finance")
    excluded = exclude(world, 20_000, order.order_id, "P1")
    sums = [sums_of(world)]

    for quantity in (8, 1, 1):
        return_of(world, order, "P1", quantity)
        sums.append(sums_of(world))
    for _ in range(2):
        world.call(pb.RestoreToRebateRequest(entry_id=excluded), role="finance")

    assert [*sums, sums_of(world)] == [
        (150_000, 0, 20_000, 130_000),
        (150_000, 80_000, 20_000, 50_000),
        (150_000, 90_000, 10_000, 50_000),
        (150_000, 100_000, 0, 50_000),
        (150_000, 100_000, 0, 50_000),
    ]


@req("R-105")
def test_an_exclusion_ends_with_its_order_though_nothing_was_paid(world: World) -> None:
    open_units(world)
    activate(world)
    order = deliver(world, approve(world, an_order(("P1", 10, 100_000), ("P2", 10, 50_000))))
    first = exclude(world, 20_000, order.order_id, "")
    exclude(world, 10_000, order.order_id, "P1")
    return_of(world, order, "P2", 5)
    before = sums_of(world)
    world.call(pb.RestoreToRebateRequest(entry_id=first), role="finance")
    restored = sums_of(world)

    cancel(world, order)

    assert (before, restored) == ((0, 0, 30_000, -30_000), (0, 0, 10_000, -10_000))
    assert sums_of(world) == (0, 0, 0, 0)


@req("R-075")
def test_a_partner_that_leaves_gets_its_last_rebate_once(world: World) -> None:
    a_company(world)
    at(world, "2026-08-02")
    base(world, entry("D1", 80_000_000, "2026-03-10", unit_id="east"))
    ended = channels.AgreementTerminated(
        partner_id="D1", unit_id="east", agreement_id="A1", year=2026, end_date="2026-08-01"
    )

    tell(world, ended)
    tell(world, ended)
    wait(world)

    runs = world.call(pb.ListRebateRunsRequest(year=2026), role="finance").runs
    assert [(one.partner_id, one.year) for one in runs] == [("D1", 2026)]
    settle(world, runs[0].run_id)
    pay(world, runs[0].run_id, REBATE_PAYOUT_CASH)
    at(world, "2027-01-05")
    accrue(world, "2026-12")
    everybody = start(world)
    settle(world, everybody.run_id)
    pay(world, everybody.run_id)
    assert [one.amount for one in statement(world, "D1").payments] == [cny(800_000)]
    lines = world.call(pb.ListRebateLinesRequest(run_id=everybody.run_id), role="finance").lines
    assert list(lines) == []


@req("R-104")
def test_two_who_begin_or_pay_the_same_year_have_one_effect(world: World) -> None:
    a_company(world)
    bought(world)
    at(world, "2027-01-05")

    begun = at_once(lambda: world.call(pb.StartRebateRunRequest(year=2026, unit_id="hq")).run)
    wait(world)
    settle(world, begun[0].run_id)
    paying = pb.PayRebateRunRequest(run_id=begun[0].run_id, payout=REBATE_PAYOUT_CASH)
    paid = at_once(lambda: world.call(paying, role="finance").run)
    wait(world)

    assert len({one.run_id for one in begun}) == 1
    assert {one.state for one in paid} == {RebateRun.STATE_PAID}
    assert world.rows("settlement", "SELECT count(*), sum(amount_minor) FROM rebate_payment") == [
        (4, 7_420_000)
    ]
    assert len(events_of(world, events_pb2.RebatePaid)) == 4


@req("R-104")
@pytest.mark.parametrize("kind", ["rebate_run", "rebate_settle", "rebate_pay"])
def test_work_that_was_cancelled_is_taken_up_again(world: World, kind: str) -> None:
    """A run says that it is approved or paid before the work on it is done, so whoever cancels
    that work must not leave partners without their money."""
    a_company(world)
    bought(world)
    at(world, "2027-01-05")
    cancelled_at_once(world, kind)
    run = start(world)
    start(world)
    settle(world, run.run_id)
    start(world)
    pay(world, run.run_id)

    again = pay(world, run.run_id)

    assert (again.run_id, again.state) == (run.run_id, RebateRun.STATE_PAID)
    paid = world.rows("settlement", "SELECT count(*), sum(amount_minor) FROM rebate_payment")
    assert paid == [(4, 7_420_000)]
    ended = world.rows(
        "settlement", f"SELECT state FROM work_run WHERE kind = '{kind}' ORDER BY id"
    )
    assert ended == [("CANCELLED",), ("DONE",)]


@req("R-075", "R-104")
def test_the_run_of_a_partner_that_left_is_taken_up_again(world: World) -> None:
    """Nobody asks for it by hand, so it could neither go on after its work was cancelled nor after
    its lines were sent back."""
    a_company(world)
    at(world, "2026-08-02")
    base(world, entry("D1", 80_000_000, "2026-03-10", unit_id="east"))
    cancelled_at_once(world, "rebate_run")
    ended = channels.AgreementTerminated(
        partner_id="D1", unit_id="east", agreement_id="A1", year=2026, end_date="2026-08-01"
    )
    tell(world, ended)
    begin = pb.StartRebateRunRequest(year=2026, unit_id="east", partner_id="D1")
    stranger = pb.StartRebateRunRequest(year=2026, unit_id="west", partner_id="D2")

    run = world.call(begin, role="finance").run
    wait(world)
    world.call(pb.ReviewRebateRunRequest(run_id=run.run_id, passed=False), role="sales_director")
    begin.request_id = new_id()
    again = world.call(begin, role="finance").run
    wait(world)
    settle(world, run.run_id)
    pay(world, run.run_id, REBATE_PAYOUT_CASH)

    with pytest.raises(Refused) as refused:
        world.call(stranger, role="finance")
    assert (again.run_id, again.revision, again.partner_id) == (run.run_id, 2, "D1")
    assert [one.amount for one in statement(world, "D1").payments] == [cny(800_000)]
    assert refused.value.reason == "REBATE_RUN_NOT_FOUND"


def cancelled_at_once(world: World, kind: str) -> None:
    """Let the first work of a kind be cancelled before a runner takes it up."""
    world.start("settlement")
    with psycopg.connect(libpq(world.database("settlement").owner_url), autocommit=True) as tx:
        tx.execute(
            """
            CREATE FUNCTION cancelled_at_once() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
              UPDATE work_run SET state = 'CANCELLED', ended_time = now()
              WHERE id = NEW.id
                AND NOT EXISTS (SELECT 1 FROM work_run WHERE kind = NEW.kind AND id <> NEW.id);
              RETURN NULL;
            END $$
            """
        )
        tx.execute(
            f"""
            CREATE TRIGGER cancelled_at_once AFTER INSERT ON work_run
            FOR EACH ROW WHEN (NEW.kind = '{kind}') EXECUTE FUNCTION cancelled_at_once()
            """
        )


def test_settling_and_a_stretch_of_facts_do_not_wait_in_a_circle(world: World) -> None:
    """Facts lock the credit of the next partner while they hold the ledger; so whoever settles many
    must not hold credit while it waits for the ledger."""
    a_company(world)
    bought(world)
    at(world, "2027-01-05")
    accrue(world, "2026-05")
    run = start(world)
    database = world.services["settlement"].database

    with database.transaction() as stretch:
        ledger.take_turn(stretch)
        ledger_storage.lock_accounts(stretch, {"rebate_expense:other:CNY"})
        review = pb.ReviewRebateRunRequest(run_id=run.run_id, passed=True)
        world.call(review, role="sales_director")
        approval = pb.ApproveRebateRunRequest(run_id=run.run_id, agreed=True)
        world.call(approval, role="marketing_vp")
        until(lambda: waiting(world) > 0, "the work waits")
        stretch.exec_driver_sql("SET LOCAL lock_timeout = '500ms'")
        locked = credit.find_all(stretch, ["D4"], lock=True)

    wait(world)
    assert list(locked) == ["D4"]
    assert balance(world, "rebate_payable:D4:CNY") == 2_020_000


def at_once(act: Callable[[], Any], times: int = 2) -> list[Any]:
    with ThreadPoolExecutor(times) as pool:
        answers: Iterable[Any] = pool.map(lambda _: act(), range(times))
        return list(answers)


@req("R-104", "R-105")
def test_a_run_goes_its_steps_and_refuses_what_is_too_early(world: World) -> None:
    a_company(world)
    bought(world)
    at(world, "2026-12-31")
    early = [
        (pb.StartRebateRunRequest(year=2026, unit_id="hq"), "REBATE_YEAR_NOT_OVER"),
        (pb.AccrueRebatesRequest(month="2026-12", unit_id="hq"), "REBATE_MONTH_NOT_OVER"),
        (pb.StartRebateRunRequest(year=2025, unit_id="nowhere"), "OUT_OF_SCOPE"),
    ]
    for request, reason in early:
        with pytest.raises(Refused) as refused:
            world.call(request, role="finance")
        assert refused.value.reason == reason
    at(world, "2027-01-05")
    run = start(world)
    world.call(pb.ReviewRebateRunRequest(run_id=run.run_id, passed=False), role="sales_director")
    forfeit = pb.ForfeitRebateRequest(
        partner_id="D4", year=2026, cause=REBATE_FORFEIT_CAUSE_OVERDUE, note="paid late all year"
    )
    world.call(forfeit, role="finance")

    again = start(world)
    with pytest.raises(Refused) as refused:
        world.call(pb.ReviewRebateRunRequest(run_id=run.run_id, passed=True), role="finance")
    settle(world, run.run_id)

    assert refused.value.code is grpc.StatusCode.PERMISSION_DENIED
    assert (again.run_id, again.revision) == (run.run_id, 2)
    d4 = statement(world, "D4")
    assert (d4.rebate, d4.kept_rate, d4.amount, d4.settled.amount) == (
        cny(2_020_000), "0.5", cny(1_010_000), cny(1_010_000),
    )  # fmt: skip
    assert balance(world, "rebate_payable:D4:CNY") == 1_010_000
