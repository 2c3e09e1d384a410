"""The scenarios of the trade over the four services, and the spans that each of their steps leaves.

What a step computes is tested where it lives; here it is that every service takes its part, and
that what one act causes is one trace.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from mantle.channels.v1 import contract_pb2, maintenance_pb2, order_pb2
from mantle.channels.v1 import contract_service_pb2 as contracts
from mantle.channels.v1 import diversion_service_pb2 as diversion
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import return_service_pb2 as returns
from mantle.crm.v1 import partner_file_pb2
from mantle.crm.v1 import partner_file_service_pb2 as files
from mantle.crm.v1 import service_case_service_pb2 as pb
from mantle.planning.v1 import monthly_plan_pb2
from mantle.planning.v1 import monthly_plan_service_pb2 as monthly_plans
from mantle.settlement.v1 import credit_service_pb2 as credit
from mantle.settlement.v1 import invoice_service_pb2 as invoices

from chassis.settings import SERVICES
from tests.support import examples_channels as made
from tests.support import examples_channels_contract as papers
from tests.support import examples_channels_fulfilment as goods
from tests.support import examples_crm_service_case as cases
from tests.support import expense_desk, partner_world
from tests.support.examples_channels_returns import DECIDES, STORES, call, deliver
from tests.support.examples_channels_selection import POOR, Desk, a_prospect
from tests.support.examples_crm import a_customer
from tests.support.examples_planning import a_unit
from tests.support.requirements import req
from tests.support.server import World
from tests.support.waiting import until

Case = cases.Case
Step = tuple[str, str]


@pytest.fixture
def company(world: World) -> Iterator[World]:
    """Give the four services, which know the organisation."""
    world.start(*SERVICES).settle()
    yield world


def traces(world: World) -> dict[str, set[Step]]:
    """Return what each trace went through: services, and what they did there."""
    found: dict[str, set[Step]] = {}
    for span in world.spans():
        step = (span["service"], span["name"].rpartition("/")[2])
        found.setdefault(span["traceId"], set()).add(step)
    return found


def in_one_trace(world: World, *steps: Step) -> None:
    """Wait until a trace has gone through all of some steps."""
    until(
        lambda: any(set(steps) <= one for one in traces(world).values()),
        f"a trace with {steps}",
        within_s=20,
    )


def linked(world: World, name: str) -> set[str]:
    """Return the traces that the spans of an RPC link to."""
    return {
        link["traceId"]
        for span in world.spans()
        if span["name"].endswith(name)
        for link in span.get("links", ())
    }


def links_to_the_opening(world: World) -> bool:
    """Say whether the call back at a case's end links to the trace that opened the case."""
    opened = {key for key, steps in traces(world).items() if ("crm", "OpenCase") in steps}
    return bool(opened) and linked(world, "RecordCallback") == opened


def case_of(world: World, **wanted: Any) -> Any:
    """Return the one case that there is of a kind."""
    request = pb.ListCasesRequest(**wanted)
    [found] = world.call(request, role="customer_service").cases
    return found


def pay(world: World, partner_id: str, amount_minor: int) -> None:
    """Let a partner's money come in."""
    receipt = invoices.RecordReceiptRequest(
        partner_id=partner_id, amount=made.cny(amount_minor), reference="BANK-1"
    )
    world.call(receipt, role="finance")
    world.settle()


def quota(world: World, partner_id: str, product_id: str, quantity: int) -> None:
    """Plan what a partner is to be sold this month."""
    line = monthly_plan_pb2.MonthlyPlanLine(
        partner_id=partner_id, product_id=product_id, quantity=quantity
    )
    plan = monthly_plans.PublishMonthlyPlanRequest(unit_id="hq", month="2026-03", lines=[line])
    world.call(plan, role="sales_director")
    world.settle()


@req("R-064", "R-066", "R-068", "R-069", "R-070")
def test_a_new_distributor_is_found_approved_signed_and_counted(company: World) -> None:
    """T6."""
    desk = Desk(company, prospects=[a_prospect("D4"), a_prospect("D5")]).listing()
    desk.evaluated(POOR)
    desk.decide(accepted=False)
    desk.substitute("D5")
    report = desk.evaluated()
    desk.decide()
    desk.approve()
    desk.sign()
    desk.acknowledge()
    desk.file()
    company.settle()

    asked = credit.GetCreditAccountRequest(partner_id="D5")
    account = company.call(asked, role="finance").account
    file = company.call(files.GetCustomerFileRequest(customer_id="D5")).file
    notice = case_of(company, customer_id="D5")
    won = company.rows("planning", "SELECT activate_time IS NOT NULL FROM partner_activity_copy")
    assert account.limit == made.cny(20_000_000)
    assert list(file.report_ids) == [report.report_id]
    assert (notice.kind, report.report_id in notice.subject) == (Case.KIND_NOTICE, True)
    assert won == [(True,)]
    in_one_trace(company, ("channels", "ApproveCandidate"), ("crm", "apply SelectionNotified"))
    in_one_trace(
        company,
        ("channels", "SignCandidateAgreement"),
        ("settlement", "apply PartnerActivated"),
        ("crm", "apply AgreementSigned"),
        ("planning", "apply PartnerActivated"),
    )


@req("R-080", "R-086", "R-136", "R-226")
def test_a_call_becomes_an_order_that_is_paid(company: World) -> None:
    """T7."""
    partner_id = made.a_partner(company)
    product_id = made.a_product(company)
    company.settle()
    quota(company, partner_id, product_id, 60)
    enquiry = cases.case_of(partner_id, Case.KIND_ENQUIRY, subject="wants a hundred")
    case_id = cases.call(company, enquiry).case_id
    lines = [pb.CaseLine(product_id=product_id, quantity=100)]
    case = cases.call(company, pb.PlaceCaseOrderRequest(case_id=case_id, lines=lines))
    [order_id] = case.order_ids
    company.settle()
    deliver(company, order_id)
    company.settle()

    pay(company, partner_id, 85_500)

    order = company.call(orders.GetOrderRequest(order_id=order_id), role="finance").order
    beyond = [one.excess_quantity for one in order.lines]
    assert (order.state, order.total) == (order_pb2.Order.STATE_SETTLED, made.cny(85_500))
    assert (beyond, bool(order.contract_number)) == ([40], True)
    in_one_trace(
        company,
        ("crm", "PlaceCaseOrder"),
        ("channels", "PlaceOrder"),
        ("settlement", "ReserveCredits"),
        ("settlement", "apply OrderApproved"),
    )
    in_one_trace(
        company, ("planning", "PublishMonthlyPlan"), ("channels", "apply MonthlyPlanApproved")
    )
    in_one_trace(
        company,
        ("channels", "DeliverOrder"),
        ("settlement", "apply OrderDelivered"),
        ("channels", "apply InvoiceIssued"),
        ("planning", "apply ActualPosted"),
    )
    in_one_trace(company, ("settlement", "RecordReceipt"), ("channels", "apply InvoicePaid"))


def a_delivered_order(world: World) -> order_pb2.Order:
    """Sell ten pieces to a partner, and hand them over."""
    partner_id = made.a_partner(world)
    product_id = made.a_product(world)
    world.settle()
    placed = made.order_of(partner_id, product_id, 10)
    order: order_pb2.Order = world.call(placed, role="sales_administration").order
    deliver(world, order.order_id)
    world.settle()
    return order


@req("R-094", "R-099", "R-224", "R-225")
def test_a_complaint_goes_back_as_goods_and_comes_back_as_a_call(company: World) -> None:
    """T8."""
    order = a_delivered_order(company)
    complaint = cases.case_of(order.partner_id, order_id=order.order_id)
    case_id = cases.call(company, complaint).case_id
    request = pb.RequestCaseReturnRequest(
        case_id=case_id,
        order_id=order.order_id,
        lines=[pb.CaseLine(product_id=order.lines[0].priced.product_id, quantity=1)],
        reason_code="DEFECT",
    )
    [return_id] = cases.call(company, request).return_ids
    call(company, returns.ApproveReturnRequest(return_id=return_id), DECIDES)
    call(company, returns.ReceiveReturnRequest(return_id=return_id, receipt_slip="W-1"), STORES)
    call(company, returns.InspectReturnRequest(return_id=return_id), STORES)
    call(company, returns.CreditReturnRequest(return_id=return_id), DECIDES)
    company.settle()
    callback = pb.RecordCallbackRequest(case_id=case_id, satisfied=True, note="thanks")
    cases.call(company, callback)

    closed = cases.call(company, pb.CloseCaseRequest(case_id=case_id))

    credited = returns.GetReturnRequest(return_id=return_id)
    goods_return = company.call(credited, role="finance").goods_return
    risks = company.rows("planning", "SELECT back_percent, percent_max FROM quality_risk_copy")
    assert (closed.state, closed.satisfied) == (Case.STATE_CLOSED, True)
    assert (goods_return.credit_note_issued, goods_return.credit_amount) == (True, made.cny(855))
    assert [(str(back), str(most)) for back, most in risks] == [("10.0", "5.0")]
    in_one_trace(company, ("crm", "RequestCaseReturn"), ("channels", "RequestReturn"))
    in_one_trace(
        company,
        ("channels", "CreditReturn"),
        ("settlement", "apply ReturnCredited"),
        ("planning", "apply ActualPosted"),
        ("crm", "apply ReturnCredited"),
        ("planning", "apply QualityRiskRaised"),
    )
    until(lambda: links_to_the_opening(company), "the link of the call back")


@req("R-073", "R-075")
def test_a_distributor_that_is_not_kept_is_filed_and_counted_as_gone(company: World) -> None:
    """T11."""
    order = a_delivered_order(company)
    partner_id = order.partner_id
    cycle_id = partner_world.start(company).maintenance.cycle_id
    review = partner_world.reviews(company, cycle_id)[partner_id]
    decision = maintenance_pb2.ReviewDecision(
        review_id=review.review_id,
        decision=maintenance_pb2.PartnerReview.DECISION_TERMINATE,
        reason="pays late",
    )
    partner_world.decide(company, cycle_id, decision)

    partner_world.approve(company, cycle_id)
    company.settle()

    file = company.call(files.GetCustomerFileRequest(customer_id=partner_id)).file
    gone = company.rows("planning", "SELECT end_date::text FROM partner_activity_copy")
    owed = credit.GetCreditAccountRequest(partner_id=partner_id)
    account = company.call(owed, role="finance").account
    assert file.state == partner_file_pb2.CustomerFile.STATE_TERMINATED
    assert [(one.review_id, one.year) for one in file.reviews] == [(review.review_id, 2026)]
    assert gone == [("2026-03-02",)]
    assert account.receivable == order.total
    in_one_trace(company, ("crm", "apply PartnerReviewed"))
    in_one_trace(
        company,
        ("channels", "ApproveReviews"),
        ("settlement", "apply AgreementTerminated"),
        ("crm", "apply AgreementTerminated"),
        ("planning", "apply AgreementTerminated"),
    )


def visit_of(order: order_pb2.Order) -> pb.OpenCaseRequest:
    """Return a request to visit the customer of an order."""
    return cases.case_of(
        order.customer_id,
        Case.KIND_SERVICE,
        subject="do the uniforms fit?",
        order_id=order.order_id,
    )


@req("R-144", "R-145", "R-147")
def test_a_filed_client_is_measured_signed_served_and_visited(company: World) -> None:
    """T12."""
    client_id = a_customer(company)
    partner_id, product_id = made.a_partner(company), made.a_product(company)
    company.settle()
    filing = papers.a_confirmed_filing(company, client_id)
    company.call(papers.measure_of(filing.filing_id, 10, L=10), role="group_uniform")
    contract = papers.a_contract(
        company,
        partner_id,
        papers.line(product_id, 10, "8.55"),
        kind=contract_pb2.Contract.KIND_GROUP_UNIFORM,
        customer_id=client_id,
        filing_id=filing.filing_id,
    )
    signed = papers.signed(company, contract.contract_id)
    placed = made.order_of(partner_id, product_id, 10, customer_id=client_id)
    order = company.call(placed, role="sales_administration").order
    add = contracts.AddContractOrderRequest(contract_id=signed.contract_id, order_id=order.order_id)
    company.call(add, role="group_uniform")
    deliver(company, order.order_id)
    company.settle()

    case = cases.call(company, visit_of(order))

    asked = contracts.GetContractProgressRequest(contract_id=signed.contract_id)
    progress = company.call(asked, role="finance").progress
    second = papers.a_filing(company, client_id)
    assert second.first_filing_id == filing.filing_id
    assert progress.invoiced == made.cny(8_550)
    assert (case.customer_id, list(case.order_ids)) == (client_id, [order.order_id])
    for step in (
        ("channels", "FileClient"),
        ("crm", "ImportCustomers"),
        ("channels", "RecordMeasuring"),
        ("channels", "ReviewContract"),
        ("channels", "ApproveSealUse"),
        ("channels", "SignContract"),
    ):
        in_one_trace(company, step)
    in_one_trace(company, ("channels", "PlaceOrder"), ("settlement", "ReserveCredits"))
    in_one_trace(
        company,
        ("channels", "DeliverOrder"),
        ("settlement", "apply OrderDelivered"),
        ("channels", "apply InvoiceIssued"),
    )


@req("R-209", "R-210")
def test_diverted_goods_are_fined_the_grade_is_reviewed_and_the_victim_is_told(
    company: World,
) -> None:
    """T14."""
    source_unit, victim_unit = a_unit(company), a_unit(company)
    company.settle()
    partner_id = made.a_partner(company, unit_id=source_unit, limit_minor=10**9)
    victim_id = made.a_partner(company, unit_id=victim_unit)
    product_id = made.a_product(company, stock_kept=True)
    goods.receive(company, product_id, 300)
    company.settle()
    placed = made.order_of(partner_id, product_id, 300)
    order = company.call(placed, role="sales_administration").order
    papers.send_batch(company, order, 300, "B7")
    deliver_all = orders.DeliverOrderRequest(order_id=order.order_id, proof="slip")
    company.call(deliver_all, role="logistics")
    company.settle()
    visit_id = papers.a_visit(company, product_id, victim_id, unit_id=victim_unit)
    finding = papers.a_finding(company, visit_id, batch="B7", unit_id=victim_unit)
    scan = papers.scan_of(
        "B7",
        product_id,
        victim_unit,
        found_partner_id=victim_id,
        finding_id=finding.finding_id,
    )
    traced = company.call(scan, role="supervision", unit_id=victim_unit).diversion_case
    confirm = diversion.ConfirmDiversionRequest(case_id=traced.case_id, decision="coded to them")

    company.call(confirm, role="sales_director")
    company.settle()

    notice = case_of(company, customer_id=victim_id)
    assert (notice.kind, notice.cause) == (Case.KIND_NOTICE, f"diversion/{traced.case_id}")
    assert notice.unit_id == victim_unit
    in_one_trace(
        company,
        ("channels", "ConfirmDiversion"),
        ("settlement", "apply DiversionConfirmed"),
        ("channels", "apply DiversionPenalised"),
        ("planning", "apply ActualPosted"),
        ("crm", "apply DiversionConfirmed"),
    )


@req("R-107", "R-109")
def test_an_expense_takes_its_budget_and_is_judged_for_the_next(company: World) -> None:
    """T9."""
    line_id = expense_desk.a_line(company)
    expense = expense_desk.ask(company, line_id, 950_000)
    expense_desk.spend(company, expense, 900_000)

    company.call(expense_desk.evaluation_of(expense), role="sales_director")
    company.settle()

    judged = company.rows("planning", "SELECT spent_minor FROM expense_evaluation_copy")
    assert judged == [(900_000,)]
    in_one_trace(company, ("settlement", "RequestExpense"), ("planning", "ReserveBudget"))
    in_one_trace(company, ("settlement", "SpendExpense"), ("planning", "ConsumeReservation"))
    in_one_trace(company, ("settlement", "EvaluateExpense"), ("planning", "apply ExpenseEvaluated"))
