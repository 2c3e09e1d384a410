"""Cases of customers: taken, dealt with, counted, and opened by what channels decided."""

from datetime import timedelta
from typing import Any

import pytest
from mantle.channels.v1 import order_pb2, return_pb2
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import return_service_pb2 as returns
from mantle.crm.v1 import service_case_service_pb2 as pb

from tests.support import examples_channels as made
from tests.support import examples_crm_service_case as cases
from tests.support.examples_channels_returns import (
    DECIDES,
    STORES,
    a_delivered_order,
    call,
    return_of,
)
from tests.support.examples_crm import a_customer
from tests.support.requirements import req
from tests.support.server import Refused, World

Case = cases.Case


@pytest.fixture(autouse=True)
def known_units(world: World) -> None:
    """Let crm know the organisation."""
    world.start("planning", "crm").settle()


def found(world: World, case_id: str) -> Any:
    return world.call(pb.GetCaseRequest(case_id=case_id), role="customer_service").case


def listed(world: World, **wanted: Any) -> list[Any]:
    reply = world.call(pb.ListCasesRequest(**wanted), role="customer_service")
    return list(reply.cases)


def ended(world: World, *, satisfied: bool | None) -> None:
    """Take a case to its end, with a call back or without."""
    case_id = cases.a_solved_case(world)
    if satisfied is not None:
        callback = pb.RecordCallbackRequest(case_id=case_id, satisfied=satisfied)
        if cases.call(world, callback).state == Case.STATE_REOPENED:
            cases.call(world, pb.SolveCaseRequest(case_id=case_id, solution="as before"))
    cases.call(world, pb.CloseCaseRequest(case_id=case_id))


def test_cases_are_opened_one_after_another_by_the_same_prepared_statement(world: World) -> None:
    """What comes often is prepared on its connection, and in the end planned without values."""
    customer_id = a_customer(world)

    opened = {cases.call(world, cases.case_of(customer_id)).case_id for _ in range(40)}

    assert {one.case_id for one in listed(world, customer_id=customer_id)} == opened


@req("R-224")
def test_a_complaint_goes_from_the_call_to_the_callback_within_its_day(world: World) -> None:
    customer_id = a_customer(world)
    opened = cases.call(world, cases.case_of(customer_id))
    assigned = cases.call(world, cases.assignment(opened.case_id))
    solution = pb.SolveCaseRequest(case_id=opened.case_id, solution="replaced")
    solved = cases.call(world, solution)
    world.clock.set(world.clock.now() + timedelta(hours=20))
    callback = pb.RecordCallbackRequest(case_id=opened.case_id, satisfied=True, note="thanks")
    called = cases.call(world, callback)

    closed = cases.call(world, pb.CloseCaseRequest(case_id=opened.case_id))

    assert [one.state for one in (opened, assigned, solved, called, closed)] == [
        Case.STATE_OPEN,
        Case.STATE_ASSIGNED,
        Case.STATE_SOLVED,
        Case.STATE_CALLED_BACK,
        Case.STATE_CLOSED,
    ]
    assert opened.due_time.seconds - opened.open_time.seconds == 24 * 3600
    assert (assigned.category, assigned.department) == ("DAMAGED_GOODS", "storage and transport")
    assert (closed.in_time, closed.satisfied, closed.unit_id) == (True, True, "hq")
    assert [one.case_id for one in listed(world, customer_id=customer_id)] == [opened.case_id]


@req("R-225")
def test_the_report_counts_callbacks_and_who_was_content(world: World) -> None:
    for satisfied in (True, True, False, None):
        ended(world, satisfied=satisfied)
    late = cases.a_case(world)
    world.clock.set(world.clock.now() + timedelta(hours=25))
    cases.call(world, pb.SolveCaseRequest(case_id=late, solution="late"))
    overdue = listed(world, overdue_only=True)
    cases.call(world, pb.CloseCaseRequest(case_id=late))
    cases.a_case(world)

    march = pb.GetCaseReportRequest(start_date="2026-03-01", end_date="2026-03-31")
    report = world.call(march, role="customer_service").report

    assert [one.case_id for one in overdue] == [late]
    assert (report.opened, report.closed, report.closed_in_time) == (6, 5, 4)
    assert (report.called_back, report.satisfied) == (3, 2)
    assert (report.in_time_percent, report.callback_percent) == ("80.00", "60.00")
    assert report.satisfied_percent == "66.67"
    april = pb.GetCaseReportRequest(start_date="2026-04-01", end_date="2026-04-30")
    nothing = world.call(april, role="customer_service").report
    assert (nothing.opened, nothing.callback_percent) == (0, "")


def a_caller(world: World) -> tuple[str, str]:
    """Return a partner that crm has a file of, and a product."""
    partner_id = made.a_partner(made.a_world(world))
    product_id = made.a_product(world)
    world.settle()
    return partner_id, product_id


@req("R-081", "R-226")
def test_a_call_becomes_an_order_of_the_call_centre(world: World) -> None:
    partner_id, product_id = a_caller(world)
    enquiry = cases.case_of(partner_id, Case.KIND_ENQUIRY, subject="wants five more")
    case_id = cases.call(world, enquiry).case_id
    lines = [pb.CaseLine(product_id=product_id, quantity=5)]

    case = cases.call(world, pb.PlaceCaseOrderRequest(case_id=case_id, lines=lines))

    [order_id] = case.order_ids
    asked = orders.GetOrderRequest(order_id=order_id)
    order = world.call(asked, role="customer_service").order
    assert (order.partner_id, order.customer_id) == (partner_id, "")
    assert order.source == order_pb2.ORDER_SOURCE_CALL_CENTRE
    assert order.lines[0].priced.quantity == 5


def test_an_order_that_channels_refuses_leaves_the_case_as_it_was(world: World) -> None:
    _, product_id = a_caller(world)
    case_id = cases.a_case(world)
    lines = [pb.CaseLine(product_id=product_id, quantity=5)]

    with pytest.raises(Refused) as nobody:
        cases.call(world, pb.PlaceCaseOrderRequest(case_id=case_id, lines=lines))
    with pytest.raises(Refused) as stranger:
        request = pb.PlaceCaseOrderRequest(case_id=case_id, partner_id="nobody", lines=lines)
        cases.call(world, request)

    assert nobody.value.reason == "SERVICE_CASE_PARTNER_MISSING"
    assert stranger.value.reason == "SERVICE_CASE_REFUSED"
    assert stranger.value.metadata["peerReason"] == "PARTNER_NOT_FOUND"
    assert found(world, case_id).version == 1


def complained(world: World, order: order_pb2.Order, *, customer_id: str = "") -> Any:
    """Take a complaint of an order, and ask for pieces of it to be taken back."""
    case_id = cases.a_case(world, customer_id or order.partner_id)
    request = pb.RequestCaseReturnRequest(
        case_id=case_id,
        order_id=order.order_id,
        lines=[pb.CaseLine(product_id=order.lines[0].priced.product_id, quantity=1)],
        reason_code="DEFECT",
    )
    return cases.call(world, request)


@req("R-098")
def test_a_return_that_is_credited_solves_the_complaint_behind_it(world: World) -> None:
    order = a_delivered_order(world)
    world.settle()

    case = complained(world, order)
    [return_id] = case.return_ids
    call(world, returns.ApproveReturnRequest(return_id=return_id), DECIDES)
    call(world, returns.ReceiveReturnRequest(return_id=return_id, receipt_slip="W-1"), STORES)
    call(world, returns.InspectReturnRequest(return_id=return_id), STORES)
    call(world, returns.CreditReturnRequest(return_id=return_id), DECIDES)
    world.settle()

    assert (case.state, list(case.order_ids)) == (Case.STATE_OPEN, [order.order_id])
    assert found(world, case.case_id).state == Case.STATE_SOLVED
    assert "credited" in found(world, case.case_id).solution


@req("R-098")
def test_a_return_that_is_rejected_is_told_to_the_customer(world: World) -> None:
    order = a_delivered_order(world)
    world.settle()
    behind = complained(world, order)
    [of_complaint] = behind.return_ids
    alone = call(world, return_of(order), "customer_service").return_id

    for return_id in (of_complaint, alone):
        rejection = returns.RejectReturnRequest(return_id=return_id, reason="opened")
        rejected = call(world, rejection, DECIDES)
    world.settle()

    [notice] = listed(world, kind=Case.KIND_NOTICE)
    solved = found(world, behind.case_id)
    assert rejected.state == return_pb2.GoodsReturn.STATE_REJECTED
    assert (notice.customer_id, notice.cause) == (order.partner_id, f"return/{alone}")
    assert list(notice.order_ids) == [order.order_id]
    assert "opened" in notice.subject
    assert (solved.state, solved.order_ids) == (Case.STATE_SOLVED, behind.order_ids)
    assert "opened" in solved.solution


def test_nobody_gives_back_what_another_bought(world: World) -> None:
    order = a_delivered_order(world)
    world.settle()

    with pytest.raises(Refused) as refused:
        complained(world, order, customer_id=a_customer(world))

    assert refused.value.reason == "SERVICE_CASE_ORDER_FOREIGN"
