"""Expenses through the real settlement and the real planning: from the request to the opinion."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import grpc
import pytest
from mantle.crm.v1 import events_pb2 as crm
from mantle.crm.v1 import offer_pb2
from mantle.planning.v1 import budget_form_service_pb2 as forms
from mantle.planning.v1 import budget_service_pb2 as budgets
from mantle.planning.v1 import events_pb2 as planning
from mantle.process.v1 import process_service_pb2 as processes
from mantle.settlement.v1 import expense_service_pb2 as pb
from mantle.settlement.v1.expense_pb2 import (
    EXPENSE_BOOK_SALES,
    EXPENSE_BOOK_SERVICE,
    Expense,
)

from chassis.ids import new_id
from chassis.wire import from_time
from settlement.expense import usecases as expenses
from tests.support import expense_desk as desk
from tests.support.expense_desk import approve, ask, balance, cny, line_of, post, spend
from tests.support.facts_settlement import tell
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, Refused, World, world

__all__ = ["world"]


@pytest.fixture
def desks(world: World) -> World:
    world.start("planning", "settlement").settle()
    return world


def refused(world: World, request: object, role: str, **who: str) -> str:
    with pytest.raises(Refused) as found:
        world.call(request, role=role, **who)  # type: ignore[arg-type]
    return found.value.reason


def inbox(world: World, role: str) -> list[str]:
    request = processes.ListOpenStepsRequest()
    steps = world.call(request, role=role, service="settlement").open_steps
    return [one.subject_id for one in steps]


def finished(world: World, expense: Expense) -> tuple[str, Expense, Expense]:
    """Pay, evaluate and close an expense between two months of sales; say why it cannot be closed
    before, and wait until planning knows."""
    world.call(pb.PayExpenseRequest(expense_id=expense.expense_id), role="finance")
    post(world, "cash", "revenue", 10_000_000, day="2026-01-15")
    post(world, "cash", "revenue", 11_725_000, day="2026-02-15")
    close = pb.CloseExpenseRequest(expense_id=expense.expense_id)
    unjudged = refused(world, close, "finance")
    judged = world.call(desk.evaluation_of(expense), role="sales_director").expense
    closed = world.call(close, role="finance").expense
    world.settle()
    return unjudged, judged, closed


@req("R-107", "R-109")
def test_an_expense_goes_from_the_request_to_the_next_budget(desks: World) -> None:
    """Scenario T9: request, reservation, authority, spend, release, sales before and after."""
    line_id = desk.a_line(desks, 5_000_000)
    expense = ask(desks, line_id, 1_200_000)
    reserved = line_of(desks, line_id).available
    more = pb.SpendExpenseRequest(expense_id=expense.expense_id, amount=cny(1_200_001))
    refusals = [refused(desks, more, "finance")]
    states = [expense.state, approve(desks, expense, "sales_director").state]
    refusals.append(refused(desks, more, "finance"))
    states.append(spend(desks, expense, 1_150_000).state)
    released = line_of(desks, line_id)
    owed = balance(desks, "expense_payable")

    unjudged, judged, closed = finished(desks, expense)
    [line] = desks.call(
        forms.GetBudgetFormRequest(unit_id=ROOT_UNIT, fiscal_year=2027), role="planning"
    ).budget_form.lines

    amounts = [one.amount_minor for one in (reserved, released.available, released.spent)]
    assert amounts == [3_800_000, 3_850_000, 1_150_000]
    assert [*refusals, unjudged] == ["STEP_NOT_OPEN", "EXPENSE_EXCEEDED", "STEP_NOT_OPEN"]
    assert [Expense.State.Name(one) for one in (*states, judged.state, closed.state)] == [
        "STATE_BUDGET_CHECKED",
        "STATE_APPROVED",
        "STATE_SPENT",
        "STATE_EVALUATED",
        "STATE_CLOSED",
    ]
    assert (owed, balance(desks, "expense_payable")) == (1_150_000, 0)
    found = closed.evaluation
    assert (found.sales_before, found.sales_after) == (cny(10_000_000), cny(11_725_000))
    assert (line.spent, line.evaluated_spent) == (cny(1_150_000), cny(1_150_000))
    assert (found.return_ratio, line.return_ratio, closed.pay_date) == (
        "1.50",
        "1.50",
        "2026-03-02",
    )


@req("R-108")
def test_the_amount_picks_who_approves(desks: World) -> None:
    line_id = desk.a_line(desks, 20_000_000)

    own, director, vp = (ask(desks, line_id, minor) for minor in (950_000, 1_200_000, 6_000_000))

    assert (own.state, [(one.approved_by, one.role) for one in own.approvals]) == (
        Expense.STATE_APPROVED,
        [("regional_manager@hq", "regional_manager")],
    )
    assert {role: inbox(desks, role) for role in ("sales_director", "marketing_vp")} == {
        "sales_director": [director.expense_id],
        "marketing_vp": [vp.expense_id],
    }
    above = pb.ApproveExpenseRequest(expense_id=vp.expense_id)
    assert refused(desks, above, "sales_director") == "AUTHORITY_INSUFFICIENT"
    rejection = pb.RejectExpenseRequest(expense_id=vp.expense_id, note="too dear")
    rejected = desks.call(rejection, role="marketing_vp").expense
    withdrawal = pb.WithdrawExpenseRequest(expense_id=own.expense_id, note="cancelled")
    withdrawn = desks.call(withdrawal, role="finance").expense
    for one in (vp, own):
        desk.budget_is(desks, one, Expense.BUDGET_STATE_RELEASED)
    assert [rejected.state, withdrawn.state] == [Expense.STATE_REJECTED, Expense.STATE_WITHDRAWN]
    assert line_of(desks, line_id).available == cny(20_000_000 - 1_200_000)


@req("R-115")
def test_a_sensitive_expense_needs_evidence_a_payee_and_two_persons(desks: World) -> None:
    line_id = desk.a_line(desks, expense_type=desk.SENSITIVE)
    with pytest.raises(Refused) as bare:
        ask(desks, line_id, 500_000, payee="Dr. Chen")
    no_payee = desk.request_of(line_id, 500_000, attachments=["contract-7"])
    unnamed = refused(desks, no_payee, desk.MANAGER)
    untouched = line_of(desks, line_id).reserved
    expense = ask(desks, line_id, 500_000, payee="Dr. Chen", attachments=["contract-7"])

    first = approve(desks, expense, "sales_director")

    assert (bare.value.code, bare.value.reason) == (
        grpc.StatusCode.INVALID_ARGUMENT,
        "EXPENSE_EVIDENCE_MISSING",
    )
    assert (unnamed, untouched) == ("EXPENSE_EVIDENCE_MISSING", cny(0))
    assert (first.state, len(first.approvals), first.approvals_needed) == (
        Expense.STATE_BUDGET_CHECKED,
        1,
        2,
    )
    again = pb.ApproveExpenseRequest(expense_id=expense.expense_id)
    payment = pb.SpendExpenseRequest(expense_id=expense.expense_id, amount=cny(1))
    assert refused(desks, again, "sales_director") == "EXPENSE_NEEDS_ANOTHER_PERSON"
    assert refused(desks, again, desk.MANAGER) == "EXPENSE_NEEDS_ANOTHER_PERSON"
    assert refused(desks, payment, "finance") == "STEP_NOT_OPEN"
    second = approve(desks, expense, "marketing_vp")
    assert (second.state, len(second.approvals)) == (Expense.STATE_APPROVED, 2)
    assert refused(desks, again, "president") == "EXPENSE_STATE_FORBIDS"


@req("R-107", "R-110")
def test_of_two_requests_for_the_last_budget_one_gets_it(desks: World) -> None:
    line_id = desk.a_line(desks, 1_000_000)
    barrier = threading.Barrier(2)

    def race(_: int) -> str:
        barrier.wait(timeout=10)
        try:
            ask(desks, line_id, 600_000)
        except Refused as found:
            return found.reason
        return "OK"

    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(race, range(2)))

    assert sorted(answers) == ["BUDGET_INSUFFICIENT", "OK"]
    assert line_of(desks, line_id).available == cny(400_000)
    [kept] = desks.call(pb.ListExpensesRequest(), role="finance").expenses
    assert kept.amount == cny(600_000)


def test_budget_without_a_living_owner_comes_back(desks: World) -> None:
    """A request that died behind the question leaves a reservation that nobody confirms."""
    line_id = desk.a_line(desks, 1_000_000)
    kept = ask(desks, line_id, 300_000)
    desk.budget_is(desks, kept, Expense.BUDGET_STATE_HELD)
    dead = budgets.ReserveBudgetRequest(
        budget_line_id=line_id,
        amount=cny(700_000),
        owner_service="settlement",
        owner_kind="expense",
        owner_id=new_id(),
        expire_time=from_time(desks.clock.now() + timedelta(minutes=2)),
    )
    desks.call(dead, role="service")
    full = refused(desks, desk.request_of(line_id, 100_000), desk.MANAGER)

    desks.clock.advance(timedelta(minutes=3))

    assert full == "BUDGET_INSUFFICIENT"
    assert line_of(desks, line_id).available == cny(700_000)
    assert refused(desks, desk.request_of(new_id()), desk.MANAGER) == "BUDGET_LINE_NOT_FOUND"


def test_an_expense_whose_budget_was_lost_is_on_hold(desks: World) -> None:
    """As after a confirmation that came too late: planning does not know the reservation."""
    model = ask(desks, desk.a_line(desks), 1_200_000)
    columns = (
        "unit_id, expense_type, book, purpose, payee, attachments, budget_line_id, amount_minor,"
        " spent_minor, currency_code, state, approvals_needed, budget_wanted, requested_by,"
        " request_time"
    )
    database = desks.services["settlement"].database
    before = database.read(expenses.count_lost)
    desks.rows(
        "settlement",
        f"INSERT INTO expense (expense_id, process_id, reservation_id, budget_state, {columns})"
        f" SELECT %(id)s, %(id)s, %(id)s, 'PENDING', {columns} FROM expense RETURNING 1",
        id=(lost := new_id()),
    )
    on_hold = Expense(expense_id=lost)

    desk.budget_is(desks, on_hold, Expense.BUDGET_STATE_LOST)

    assert database.read(expenses.count_lost) == before + 1

    approval = pb.ApproveExpenseRequest(expense_id=lost)
    assert refused(desks, approval, "sales_director") == "EXPENSE_BUDGET_NOT_HELD"
    desk.budget_is(desks, model, Expense.BUDGET_STATE_HELD)


@req("R-113")
def test_sales_and_service_expenses_stand_in_two_books(desks: World) -> None:
    sales = desk.a_line(desks)
    service = desk.a_line(desks, expense_type="expense_after_sales")
    for line_id, minor in ((sales, 300_000), (sales, 200_000), (service, 70_000)):
        spend(desks, ask(desks, line_id, minor), minor)

    listed = {
        book: [
            one.spent.amount_minor
            for one in desks.call(pb.ListExpensesRequest(book=book), role="finance").expenses
        ]
        for book in (EXPENSE_BOOK_SALES, EXPENSE_BOOK_SERVICE)
    }

    assert listed == {EXPENSE_BOOK_SALES: [300_000, 200_000], EXPENSE_BOOK_SERVICE: [70_000]}
    assert (balance(desks, "selling_expense"), balance(desks, "service_expense")) == (
        500_000,
        70_000,
    )


@req("R-112", "R-116")
def test_the_books_tell_the_use_of_the_budget_and_the_cost_of_a_success(desks: World) -> None:
    limit = planning.AdjustedFigure(
        measure="selling_expense", unit_id=ROOT_UNIT, month="2026-02", value=88_651_500
    )
    plan = planning.PlanAdjusted(
        adjustment_id=new_id(),
        unit_id=ROOT_UNIT,
        fiscal_year=2026,
        plan_version=2,
        currency_code="CNY",
        limits=[limit],
    )
    tell(desks, plan, source="planning")
    post(desks, "cash", "revenue", 265_050_000, day="2026-02-10")
    post(desks, "selling_expense", "cash", 81_999_500 - 39_500, day="2026-02-11")
    post(desks, "service_expense", "cash", 40_000, day="2026-02-12")
    use = desks.call(
        pb.GetExpenseUseRequest(unit_id=ROOT_UNIT, fiscal_year=2026), role="finance"
    ).expense_use

    assert (use.budget, use.spent) == (cny(88_651_500), cny(82_000_000))
    assert (use.use_percent, use.budget_to_sales_percent) == ("92.50", "33.45")

    def succeed(count: int) -> None:
        answers = [
            crm.OfferAnswered(offer_id=new_id(), unit_id=ROOT_UNIT, answer=answer)
            for answer in (*[offer_pb2.ANSWER_ACCEPT] * count, offer_pb2.ANSWER_DECLINE)
        ]
        tell(desks, *answers, source="crm")

    succeed(1)
    post(desks, "selling_expense", "cash", 5_000, day="2026-03-02")
    desks.clock.advance(timedelta(days=1))
    succeed(2)
    post(desks, "service_expense", "cash", 7_900, day="2026-03-03")
    cost = desks.call(
        pb.GetSuccessCostRequest(
            unit_id=ROOT_UNIT,
            baseline_start="2026-03-02",
            baseline_end="2026-03-03",
            start_date="2026-03-03",
            end_date="2026-03-04",
            currency_code="CNY",
        ),
        role="finance",
    ).success_cost

    assert (cost.baseline.cost_per_success, cost.period.cost_per_success) == (
        cny(5_000),
        cny(3_950),
    )
    assert (cost.change_percent, cost.goal_percent, cost.goal_reached) == ("-21.0", "-20", True)
