"""Contracts from the filing to the money, and diversion from the scan to the fine, over the real
services."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from mantle.channels.v1 import (
    contract_pb2,
    diversion_pb2,
    grading_pb2,
    group_filing_pb2,
    inspection_pb2,
    partner_pb2,
)
from mantle.channels.v1 import contract_service_pb2 as contracts
from mantle.channels.v1 import diversion_service_pb2 as diversion
from mantle.channels.v1 import grading_service_pb2 as gradings
from mantle.channels.v1 import group_filing_service_pb2 as filings
from mantle.channels.v1 import inspection_service_pb2 as inspections
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import pricing_service_pb2 as pricing
from mantle.planning.v1 import cube_pb2
from mantle.planning.v1 import cube_service_pb2 as cube
from mantle.settlement.v1 import invoice_service_pb2 as invoices
from mantle.settlement.v1 import ledger_service_pb2 as ledger
from mantle.settlement.v1 import penalty_service_pb2 as penalties
from mantle.settlement.v1 import rebate_service_pb2 as rebates

from chassis.policy.parameters import Value
from tests.support import examples_channels as made
from tests.support import examples_channels_contract as papers
from tests.support import examples_channels_fulfilment as goods
from tests.support.examples_planning import a_unit
from tests.support.policies_settlement import in_force
from tests.support.requirements import req
from tests.support.server import Refused, World

Contract = contract_pb2.Contract
Filing = group_filing_pb2.GroupFiling
Case = diversion_pb2.DiversionCase
Change = grading_pb2.CreditChange
Finding = inspection_pb2.Finding
TWO_PERCENT: Mapping[str, Value] = {
    "currency_code": "CNY",
    "mode": "whole_volume",
    "tiers": [{"from_minor": 0, "rate": "0.02"}],
}


def refused(world: World, request: Any, **who: Any) -> str:
    with pytest.raises(Refused) as answer:
        world.call(request, **who)
    return answer.value.reason


def balance(world: World, account_id: str) -> int:
    request = ledger.GetAccountRequest(account_id=account_id)
    found: int = world.call(request, role="finance").account.balance.amount_minor
    return found


def a_uniform(world: World, amount: str = "680") -> str:
    """Put a product on sale for 680 a piece, with two versions of its contract template."""
    product_id = made.a_product(world, amount=amount)
    made.a_policy(
        world,
        kind="channel_terms",
        scope=f"product:{product_id}",
        start_date="2026-03-02",
        values={"channel_factor": "1", "allowance": "0"},
    )
    template = contracts.PublishContractTemplateRequest(
        product_id=product_id, reference="templates/1.docx", sha256=papers.SHA
    )
    for _ in range(2):
        world.call(template, role="product_manager")
    world.settle()
    return product_id


def sign_step_by_step(world: World, contract_id: str) -> tuple[Any, list[str]]:
    """Sign a draft, and tell why it was refused before each step."""
    sign = contracts.SignContractRequest(contract_id=contract_id)
    reasons = [refused(world, sign, role="sales_director")]
    papers.review(world, contract_id)
    reasons.append(refused(world, sign, role="sales_director"))
    papers.attach(world, contract_id)
    reasons.append(refused(world, sign, role="sales_director"))
    use = papers.request_seal(world, contract_id)
    reasons.append(refused(world, sign, role="sales_director"))
    papers.approve_seal(world, use.seal_use_id)
    return papers.sign(world, contract_id), reasons


def deliver_and_pay(world: World, order: Any, amount_minor: int) -> None:
    """Send an order in two shipments, hand it over, and pay a part of its invoice."""
    for pieces, batch in ((200, "U1"), (300, "U2")):
        papers.send_batch(world, order, pieces, batch)
    world.call(orders.DeliverOrderRequest(order_id=order.order_id, proof="slip"), role="logistics")
    world.settle()
    receipt = invoices.RecordReceiptRequest(
        partner_id=order.partner_id, amount=made.cny(amount_minor), reference="BANK-1"
    )
    world.call(receipt, role="finance")
    world.settle()


@req("R-144", "R-145", "R-146", "R-147", "R-149")
def test_group_uniforms_go_from_the_filing_to_the_signature(world: World) -> None:
    partner_id = made.a_partner(made.a_world(world), limit_minor=10**9)
    product_id = a_uniform(world)
    filing = papers.a_confirmed_filing(world, "X")
    second = papers.a_filing(world, "X")
    measure = papers.measure_of(filing.filing_id, 500, L=200, M=280)
    measured = world.call(measure, role="group_uniform").filing.measuring
    contract = papers.a_contract(
        world,
        partner_id,
        papers.line(product_id, 500, "680"),
        kind=Contract.KIND_GROUP_UNIFORM,
        customer_id="X",
        filing_id=filing.filing_id,
    )

    signed, reasons = sign_step_by_step(world, contract.contract_id)

    archive = world.call(contracts.ListContractsRequest(customer_id="X"), role="finance").contracts
    register = world.call(contracts.ListSealUsesRequest(), role="finance").seal_uses
    assert (second.state, second.first_filing_id) == (Filing.STATE_CONFLICT, filing.filing_id)
    assert measured.measured_percent == "96.0"
    assert contract.terms.value == made.cny(34_000_000)
    assert contract.terms.lines[0].template_version == 2
    assert reasons == [
        "CONTRACT_STATE_FORBIDS",
        "CONTRACT_WITHOUT_ATTACHMENT",
        "SEAL_USE_MISSING",
        "SEAL_USE_MISSING",
    ]
    assert signed.state == Contract.STATE_SIGNED
    assert [one.contract_id for one in archive] == [contract.contract_id]
    assert [(one.used_by, one.contract_id) for one in register] == [
        ("sales_director@hq", contract.contract_id)
    ]
    unmeasured_order_waits_and_is_carried_out(world, signed)


def unmeasured_order_waits_and_is_carried_out(world: World, signed: Any) -> None:
    """Play the second half of the story: the order, the goods, the invoice, the progress."""
    product_id = signed.terms.lines[0].product_id
    request = made.order_of(signed.partner_id, product_id, 500, customer_id="X")
    order = world.call(request, role="sales_administration").order
    add = contracts.AddContractOrderRequest(contract_id=signed.contract_id, order_id=order.order_id)
    waits = refused(world, add, role="group_uniform")
    waive = filings.WaiveMeasuringRequest(
        filing_id=signed.filing_id, reason="on leave", reference="letter 3"
    )
    world.call(waive, role="sales_director")

    performing = world.call(add, role="group_uniform").contract
    deliver_and_pay(world, order, 30_000_000)

    ask = contracts.GetContractProgressRequest(contract_id=signed.contract_id)
    progress = world.call(ask, role="finance").progress
    assert waits == "MEASURING_INCOMPLETE"
    assert performing.state == Contract.STATE_PERFORMING
    assert list(performing.order_ids) == [order.order_id]
    assert (progress.shipped, progress.invoiced) == (made.cny(34_000_000), made.cny(34_000_000))
    assert (progress.shipped_percent, progress.received_percent) == ("100.0", "88.2")
    assert (progress.receivable, progress.unbilled) == (made.cny(4_000_000), made.cny(0))


@req("R-149")
def test_a_product_has_one_template_in_all_channels(world: World) -> None:
    made.a_world(world)
    product_id = a_uniform(world)
    sellers = [
        made.a_partner(world, kind=kind)
        for kind in ("DISTRIBUTOR", "AGENT", "FRANCHISEE", "ELECTRONIC")
    ]
    world.settle()

    drafted = [papers.a_contract(world, one, papers.line(product_id, 1, "680")) for one in sellers]

    wanted = contracts.GetContractTemplateRequest(product_id=product_id)
    template = world.call(wanted, role="finance").template
    assert {one.partner_id for one in drafted} == set(sellers)
    assert [one.terms.lines[0].template_version for one in drafted] == [2, 2, 2, 2]
    assert template.template_version == 2


@req("R-143")
def test_the_progress_of_a_contract_follows_its_goods_and_their_money(world: World) -> None:
    partner_id = made.a_partner(made.a_world(world), limit_minor=10**9)
    product_id = a_uniform(world, "100")
    contract = papers.a_contract(world, partner_id, papers.line(product_id, 10_000, "100"))
    papers.signed(world, contract.contract_id)
    delivered, sent = (ordered(world, contract, pieces) for pieces in (3_500, 500))

    papers.send_batch(world, delivered, 3_500, "B1")
    papers.send_batch(world, sent, 500, "B2")
    deliver = orders.DeliverOrderRequest(order_id=delivered.order_id, proof="slip")
    world.call(deliver, role="logistics")
    world.settle()
    receipt = invoices.RecordReceiptRequest(
        partner_id=partner_id, amount=made.cny(30_000_000), reference="BANK-1"
    )
    world.call(receipt, role="finance")
    world.settle()

    ask = contracts.GetContractProgressRequest(contract_id=contract.contract_id)
    progress = world.call(ask, role="finance").progress
    assert contract.terms.value == made.cny(100_000_000)
    amounts = progress.shipped, progress.invoiced, progress.received
    assert amounts == (made.cny(40_000_000), made.cny(35_000_000), made.cny(30_000_000))
    shares = progress.shipped_percent, progress.invoiced_percent, progress.received_percent
    assert shares == ("40.0", "35.0", "30.0")
    assert (progress.receivable, progress.unbilled) == (made.cny(5_000_000), made.cny(5_000_000))


def ordered(world: World, contract: Any, pieces: int) -> Any:
    """Order pieces of a contract's product under it."""
    [line] = contract.terms.lines
    request = made.order_of(contract.partner_id, line.product_id, pieces)
    order = world.call(request, role="sales_administration").order
    add = contracts.AddContractOrderRequest(
        contract_id=contract.contract_id, order_id=order.order_id
    )
    world.call(add, role="sales_administration")
    return order


@req("R-142", "R-148")
def test_a_price_below_the_floor_is_approved_before_the_signature_and_a_change_is_signed_again(
    world: World,
) -> None:
    made.a_world(world)
    partner_id, product_id = made.a_partner(world), made.a_product(world)
    contract = papers.a_contract(world, partner_id, papers.line(product_id, 10, "8.30"))
    [line] = contract.terms.lines
    papers.attach(world, contract.contract_id)
    papers.review(world, contract.contract_id)
    papers.approve_seal(world, papers.request_seal(world, contract.contract_id).seal_use_id)
    sign = contracts.SignContractRequest(contract_id=contract.contract_id)
    reason = refused(world, sign, role="sales_director")
    world.call(
        pricing.ApprovePriceOverrideRequest(override_id=line.price_override_id),
        role="sales_director",
    )
    papers.sign(world, contract.contract_id)

    change = contracts.ChangeContractRequest(
        contract_id=contract.contract_id,
        lines=[papers.line(product_id, 20, "8.55")],
        reason="twice as many",
        **papers.DAYS,
    )
    changed = world.call(change, role="sales_administration").contract
    papers.review(world, contract.contract_id)
    unsealed = refused(world, sign, role="sales_director")
    papers.attach(world, contract.contract_id)
    papers.approve_seal(world, papers.request_seal(world, contract.contract_id).seal_use_id)
    again = papers.sign(world, contract.contract_id)

    assert (line.floor_unit_price.amount, reason) == ("8.55", "CONTRACT_PRICE_NEEDS_APPROVAL")
    assert (changed.state, changed.terms.terms_version) == (Contract.STATE_CHANGED, 2)
    assert changed.terms.reason == "twice as many"
    assert unsealed == "CONTRACT_WITHOUT_ATTACHMENT"
    assert again.state == Contract.STATE_SIGNED
    assert [one.value.amount_minor for one in again.all_terms] == [8_300, 17_100]
    assert again.terms.lines[0].price_override_id == ""


@req("R-144")
def test_of_two_branches_that_file_at_once_one_is_first(world: World) -> None:
    made.a_world(world)
    barrier, found = threading.Barrier(2), []

    def run() -> None:
        barrier.wait()
        found.append(world.call(papers.file_of("X"), role="channel_manager").filing)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    first, second = sorted(found, key=lambda one: one.state)
    assert (first.state, second.state) == (Filing.STATE_FILED, Filing.STATE_CONFLICT)
    assert (second.first_filing_id, second.first_unit_id) == (first.filing_id, first.unit_id)


@dataclass(frozen=True, slots=True)
class Market:
    """Hold two units with a partner each; three hundred pieces of batch B7 were sold to the first,
    and it paid for them."""

    source_unit: str
    victim_unit: str
    partner_id: str
    victim_id: str
    product_id: str


def a_market(world: World) -> Market:
    """Sell a batch to a partner of one unit."""
    made.a_world(world)
    source_unit, victim_unit = a_unit(world), a_unit(world)
    world.settle()
    partner_id = made.a_partner(world, unit_id=source_unit, limit_minor=10**9)
    victim_id = made.a_partner(world, unit_id=victim_unit)
    product_id = made.a_product(world, stock_kept=True)
    goods.receive(world, product_id, 300)
    world.settle()
    request = made.order_of(partner_id, product_id, 300)
    order = world.call(request, role="sales_administration").order
    papers.send_batch(world, order, 300, "B7")
    world.call(orders.DeliverOrderRequest(order_id=order.order_id, proof="slip"), role="logistics")
    world.settle()
    receipt = invoices.RecordReceiptRequest(
        partner_id=partner_id, amount=order.total, reference="BANK-1"
    )
    world.call(receipt, role="finance")
    in_force(world, "rebate", TWO_PERCENT, scope=f"partner:{partner_id}")
    return Market(source_unit, victim_unit, partner_id, victim_id, product_id)


def sales_by_unit(world: World) -> dict[str, int]:
    """Return what planning counts as sold by each unit."""
    [actual] = world.call(
        cube.ListVersionsRequest(kind=cube_pb2.CubeVersion.KIND_ACTUAL), role="planning"
    ).versions
    query = cube.QueryCellsRequest(
        version_id=actual.version_id, measures=["sales"], by=[cube_pb2.CUBE_AXIS_OWN_UNIT]
    )
    lines = world.call(query, role="planning").lines
    return {one.keys[0]: one.values[0] for one in lines}


@req("R-079", "R-208", "R-213")
def test_an_inspection_finds_what_is_put_right_and_looked_at_again(world: World) -> None:
    partner_id = made.a_partner(made.a_world(world))
    product_id = made.a_product(world)
    planned = papers.a_plan(world, partner_id, 2)
    done, missed = (one.visit_id for one in planned.visits)
    visit = world.call(papers.report_of(done, product_id), role="supervision").visit
    miss = inspections.MissVisitRequest(visit_id=missed, reason="closed")
    world.call(miss, role="supervision")
    ask = inspections.GetVisitPlanRequest(plan_id=planned.plan.plan_id)
    plan = world.call(ask, role="supervision").plan
    finding = papers.a_finding(world, done)
    papers.correct(world, finding.finding_id)
    recheck = inspections.RecheckFindingRequest(
        finding_id=finding.finding_id, passed=False, note="some are left"
    )

    reopened = world.call(recheck, role="supervision").finding

    assert (plan.planned, plan.done, plan.missed, plan.done_percent) == (2, 1, 1, "50.0")
    assert (visit.report.points, visit.report.points_max) == (86, 100)
    assert visit.report.stock_counts[0].quantity == 40
    assert visit.report.orders[0].quantity == 10
    assert visit.report.display == "two shelves"
    assert visit.report.competitor_note == "a rival gives 5 %"
    assert (finding.due_date, reopened.reopened_count) == ("2026-03-09", 1)
    assert reopened.state == Finding.STATE_REOPENED


@req("R-209", "R-210")
def test_diverted_goods_cost_the_fine_the_rebate_and_the_sales(world: World) -> None:
    market = a_market(world)
    who: dict[str, Any] = {"role": "supervision", "unit_id": market.victim_unit}
    visit_id = papers.a_visit(
        world, market.product_id, market.victim_id, unit_id=market.victim_unit
    )
    finding = papers.a_finding(world, visit_id, batch="B7", unit_id=market.victim_unit)
    scan = papers.scan_of(
        "B7",
        market.product_id,
        market.victim_unit,
        found_partner_id=market.victim_id,
        finding_id=finding.finding_id,
    )
    traced = world.call(scan, **who)
    at_home = papers.scan_of("B7", market.product_id, market.source_unit)
    regular = world.call(at_home, role="supervision")
    more = papers.scan_of("B7", market.product_id, market.victim_unit, 101)
    too_many = refused(world, more, **who)
    case_id = traced.diversion_case.case_id
    confirm = diversion.ConfirmDiversionRequest(case_id=case_id, decision="coded to them")
    alone = refused(world, confirm, subject="eve", **who)
    scanner = f"supervision@{market.victim_unit}"
    same = refused(world, confirm, role="supervision", subject=scanner)

    before = rebate_of(world, market.partner_id)
    world.call(confirm, role="sales_director")
    world.settle()

    assert rebate_of(world, market.partner_id) - before == -3_420
    assert traced.source_partner_id == market.partner_id
    assert traced.diversion_case.amount == made.cny(171_000)
    assert not regular.HasField("diversion_case")
    assert too_many == "BATCH_QUANTITY_EXCEEDED"
    assert (alone, same) == ("OUT_OF_SCOPE", "DIVERSION_NEEDS_ANOTHER_PERSON")
    case_is_settled(world, market, case_id)


def rebate_of(world: World, partner_id: str) -> int:
    """Return what a partner's year earns so far."""
    request = rebates.GetRebateStatementRequest(partner_id=partner_id, year=2026)
    found: int = world.call(request, role="finance").statement.amount.amount_minor
    return found


def case_is_settled(world: World, market: Market, case_id: str) -> None:
    """Look at the case, the books, the rebate and the sales after the confirmation."""
    ask = diversion.GetDiversionCaseRequest(case_id=case_id)
    case = world.call(ask, role="finance").diversion_case
    booked = penalties.GetDiversionPenaltyRequest(case_id=case_id)
    penalty = world.call(booked, role="finance").penalty
    listed = rebates.ListRebateBaseRequest(partner_id=market.partner_id, year=2026)
    base = world.call(listed, role="finance").entries
    reviews = gradings.ListCreditChangesRequest(partner_id=market.partner_id)
    [review] = world.call(reviews, role="finance").changes

    assert (case.state, case.fine) == (Case.STATE_PENALISED, made.cny(342_000))
    assert (penalty.factor, penalty.fine) == ("2", made.cny(342_000))
    assert (review.state, review.proposed_by) == (Change.STATE_PROPOSED, "settlement")
    assert (review.from_grade, review.rating.credit_grade) == (
        partner_pb2.CREDIT_GRADE_B,
        partner_pb2.CREDIT_GRADE_C,
    )
    assert case_id in review.reason
    assert balance(world, f"penalty_receivable:{market.partner_id}:CNY") == 342_000
    assert sorted(one.amount.amount_minor for one in base) == [171_000, 256_500]
    assert balance(world, f"revenue:{market.victim_unit}:CNY") == 171_000
    assert balance(world, f"clearing:{market.victim_unit}:CNY") == 0
    assert sales_by_unit(world) == {market.source_unit: 85_500, market.victim_unit: 171_000}
