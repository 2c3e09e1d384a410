"""Budgets through a real server: never more than there is, also when all come at once."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, timedelta

import grpc
import pytest
from google.protobuf.message import Message
from mantle.planning.v1 import budget_pb2
from mantle.planning.v1 import budget_service_pb2 as budgets
from mantle.type.v1 import money_pb2

from chassis.ids import new_id
from chassis.money import Money
from chassis.outcome import Outcome
from chassis.scope import Caller
from planning.budget import usecases
from planning.budget.domain import BudgetInsufficient, Owner, Part
from planning.budget.usecases import Wanted
from tests.support import examples_planning as made
from tests.support.examples_planning import cny
from tests.support.planning_world import Office, office
from tests.support.requirements import req
from tests.support.server import ROOT_UNIT, Refused
from tests.support.waiting import until

__all__ = ["office"]

STATE = budget_pb2.BudgetReservation
MISSING = new_id()
STAFF = Caller("finance@hq", frozenset({"finance"}), ROOT_UNIT, "finance@hq")


def consume(reservation_id: str, amount_minor: int) -> budgets.ConsumeReservationRequest:
    return budgets.ConsumeReservationRequest(
        reservation_id=reservation_id, amount=cny(amount_minor)
    )


def adjust(line_id: str, amount_minor: int) -> budgets.AdjustBudgetLineRequest:
    return budgets.AdjustBudgetLineRequest(budget_line_id=line_id, amount=cny(amount_minor))


def refusal(office: Office, request: Message, *, role: str) -> tuple[str, str]:
    with pytest.raises(Refused) as refused:
        office.world.call(request, role=role)
    return refused.value.reason, refused.value.code.name


@req("R-110")
def test_of_two_at_once_that_do_not_both_fit_exactly_one_succeeds(office: Office) -> None:
    line_id = made.a_line(office.world, 5_000_000)
    barrier = threading.Barrier(2)

    def reserve() -> str:
        request = made.a_hold(office.world, line_id, 3_000_000)
        barrier.wait(timeout=10)
        try:
            office.world.call(request, role="finance")
        except Refused as refused:
            assert refused.code is grpc.StatusCode.FAILED_PRECONDITION
            return refused.reason
        return "OK"

    with ThreadPoolExecutor(2) as pool:
        answers = [future.result() for future in [pool.submit(reserve) for _ in range(2)]]

    assert sorted(answers) == ["BUDGET_INSUFFICIENT", "OK"]
    assert made.line_of(office.world, line_id).available == cny(2_000_000)


@req("R-110")
def test_ten_at_once_leave_the_rest_that_fits_none(office: Office) -> None:
    line_id = made.a_line(office.world, 1_000)
    barrier = threading.Barrier(10)

    def reserve() -> bool:
        request = made.a_hold(office.world, line_id, 150)
        barrier.wait(timeout=10)
        try:
            office.world.call(request, role="finance")
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(10) as pool:
        held = [future.result() for future in [pool.submit(reserve) for _ in range(10)]]

    assert sum(held) == 6
    assert made.line_of(office.world, line_id).available == cny(100)


@req("R-039")
def test_a_line_is_never_adjusted_below_what_is_spent_and_reserved(office: Office) -> None:
    line_id = made.a_line(office.world, 10_000_000)
    spent = made.a_reservation(office.world, line_id, 6_000_000, confirmed=True)
    office.world.call(consume(spent, 6_000_000), role="finance")
    made.a_reservation(office.world, line_id, 2_500_000)

    with pytest.raises(Refused) as refused:
        office.world.call(adjust(line_id, 8_000_000), role="marketing_vp")
    adjusted = office.world.call(adjust(line_id, 8_500_000), role="marketing_vp").budget_line

    assert refused.value.reason == "BUDGET_BELOW_COMMITTED"
    assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert refused.value.metadata["minimumMinor"] == "8500000"
    assert adjusted.available == cny(0)


@req("R-039", "R-167")
def test_a_line_is_changed_by_who_may_decide_on_both_amounts_and_did_not_write_it(
    office: Office,
) -> None:
    """Whoever may decide on little could else take much away, and an author grant it to himself."""
    line_id = made.a_line(office.world, 10_000_000)
    author = made.line_of(office.world, line_id).created_by

    lowered = refusal(office, adjust(line_id, 100), role="regional_manager")
    with pytest.raises(Refused) as own:
        office.world.call(adjust(line_id, 100), role="marketing_vp", subject=author)
    adjusted = office.world.call(adjust(line_id, 100), role="marketing_vp").budget_line

    assert lowered == ("AUTHORITY_INSUFFICIENT", "PERMISSION_DENIED")
    assert own.value.reason == "APPROVER_IS_AUTHOR"
    assert adjusted.amount == cny(100)


def test_what_is_consumed_stays_spent_and_the_rest_goes_back(office: Office) -> None:
    line_id = made.a_line(office.world, 1_000)
    reservation_id = made.a_reservation(office.world, line_id, 600, confirmed=True)

    reservation = office.world.call(consume(reservation_id, 250), role="finance").reservation

    line = made.line_of(office.world, line_id)
    assert reservation.state == STATE.STATE_CONSUMED
    assert (line.spent, line.reserved, line.available) == (cny(250), cny(0), cny(750))


def test_an_expired_reservation_stops_counting_by_itself(office: Office) -> None:
    line_id = made.a_line(office.world, 1_000)
    made.a_reservation(office.world, line_id, 1_000)

    office.world.clock.advance(timedelta(hours=1))

    assert made.line_of(office.world, line_id).available == cny(1_000)
    query = "SELECT state FROM budget_reservation"
    until(lambda: office.world.rows("planning", query) == [("EXPIRED",)], "the tick")


def test_a_late_confirmation_reserves_again_if_the_money_is_there(office: Office) -> None:
    line_id = made.a_line(office.world, 1_000)
    first = made.a_reservation(office.world, line_id, 600)
    second = made.a_reservation(office.world, line_id, 400)
    office.world.clock.advance(timedelta(hours=2))
    confirm = budgets.ConfirmReservationRequest

    confirmed = office.world.call(confirm(reservation_id=first), role="finance").reservation
    made.a_reservation(office.world, line_id, 100)

    assert confirmed.state == STATE.STATE_CONFIRMED
    late = confirm(reservation_id=second)
    assert refusal(office, late, role="finance")[0] == "BUDGET_INSUFFICIENT"


@req("R-110")
def test_a_confirmation_whose_clock_is_behind_takes_no_money_that_another_got(
    office: Office,
) -> None:
    """It read the clock before the reservation expired, and waited for the line until after."""
    line_id = made.a_line(office.world, 1_000)
    hold = made.a_hold(office.world, line_id, 600)
    first = office.world.call(hold, role="finance").reservation
    expired = first.expire_time.ToDatetime(UTC)
    other = Wanted(
        Part(line_id, Money("CNY", 600)),
        Owner("settlement", "expense_claim", new_id()),
        expired + timedelta(hours=1),
    )

    with office.world.services["planning"].database.transaction() as tx:
        after, before = expired + timedelta(seconds=1), expired - timedelta(seconds=1)
        [held] = usecases.reserve_together(tx, [(STAFF, other)], at=after)
        with pytest.raises(BudgetInsufficient):
            usecases.confirm(tx, reservation_id=first.reservation_id, by=STAFF, at=before)

    assert isinstance(held, Outcome)
    assert made.line_of(office.world, line_id).amount == cny(1_000)


def test_a_released_reservation_is_over(office: Office) -> None:
    line_id = made.a_line(office.world, 1_000)
    reservation_id = made.a_reservation(office.world, line_id, 600)
    release = budgets.ReleaseReservationRequest(reservation_id=reservation_id)

    released = office.world.call(release, role="finance").reservation

    confirm = budgets.ConfirmReservationRequest(reservation_id=reservation_id)
    forbidden = ("RESERVATION_STATE_FORBIDS", "FAILED_PRECONDITION")
    assert released.state == STATE.STATE_RELEASED
    assert made.line_of(office.world, line_id).available == cny(1_000)
    assert refusal(office, confirm, role="finance") == forbidden
    assert refusal(office, release, role="finance") == forbidden
    assert refusal(office, consume(reservation_id, 1), role="finance") == forbidden


@pytest.mark.parametrize(
    ("role", "amount_minor", "reason"),
    [
        ("regional_manager", 1_000_000, ""),
        ("regional_manager", 1_000_001, "AUTHORITY_INSUFFICIENT"),
        ("sales_director", 5_000_000, ""),
        ("sales_director", 5_000_001, "AUTHORITY_INSUFFICIENT"),
        ("marketing_vp", 10**12, ""),
    ],
)
def test_an_amount_is_approved_by_whoever_has_the_authority_over_it(
    office: Office, role: str, amount_minor: int, reason: str
) -> None:
    line_id = made.a_draft_line(office.world, amount_minor)
    request = budgets.ApproveBudgetLineRequest(budget_line_id=line_id)

    try:
        office.world.call(request, role=role)
        answer = ""
    except Refused as refused:
        answer = refused.reason

    assert answer == reason


def test_nobody_approves_what_they_wrote(office: Office) -> None:
    written = office.world.call(made.new_line(100), role="sales_director")
    request = budgets.ApproveBudgetLineRequest(budget_line_id=written.budget_line.budget_line_id)

    answer = refusal(office, request, role="sales_director")

    assert answer == ("APPROVER_IS_AUTHOR", "PERMISSION_DENIED")


def test_a_line_is_approved_once_and_holds_money_only_then(office: Office) -> None:
    line_id = made.a_draft_line(office.world)
    approve = budgets.ApproveBudgetLineRequest(budget_line_id=line_id)
    forbidden = ("BUDGET_LINE_STATE_FORBIDS", "FAILED_PRECONDITION")

    before = [
        refusal(office, made.a_hold(office.world, line_id, 1), role="finance"),
        refusal(office, adjust(line_id, 1), role="marketing_vp"),
    ]
    line = office.world.call(approve, role="marketing_vp").budget_line

    assert before == [("NOT_EFFECTIVE", "FAILED_PRECONDITION"), forbidden]
    assert line.state == budget_pb2.BudgetLine.STATE_EFFECTIVE
    assert line.approved_by == "marketing_vp@hq"
    assert refusal(office, approve, role="marketing_vp") == forbidden


def test_a_budget_is_refused_with_its_reason(office: Office) -> None:
    line_id = made.a_line(office.world, 1_000)
    reservation_id = made.a_reservation(office.world, line_id, 100, confirmed=True)
    late = made.a_hold(office.world, line_id, 1)
    office.world.clock.advance(timedelta(hours=1))
    dollars = made.a_hold(office.world, line_id, 1)
    dollars.amount.CopyFrom(money_pb2.Money(currency_code="USD", amount_minor=1))
    backwards = made.new_line()
    backwards.end_date = backwards.start_date

    answers = [
        refusal(office, made.new_line(unit_id="r9"), role="planning"),
        refusal(office, backwards, role="planning"),
        refusal(office, made.a_hold(office.world, MISSING, 1), role="finance"),
        refusal(office, dollars, role="finance"),
        refusal(office, late, role="finance"),
        refusal(office, consume(reservation_id, 101), role="finance"),
        refusal(office, consume(MISSING, 1), role="finance"),
        refusal(office, budgets.GetBudgetLineRequest(budget_line_id=MISSING), role="finance"),
        refusal(office, made.new_line(0), role="planning"),
    ]

    assert answers == [
        ("UNIT_NOT_FOUND", "NOT_FOUND"),
        ("PERIOD_INVALID", "INVALID_ARGUMENT"),
        ("BUDGET_LINE_NOT_FOUND", "NOT_FOUND"),
        ("CURRENCY_MISMATCH", "INVALID_ARGUMENT"),
        ("RESERVATION_EXPIRED", "FAILED_PRECONDITION"),
        ("RESERVATION_EXCEEDED", "FAILED_PRECONDITION"),
        ("RESERVATION_NOT_FOUND", "NOT_FOUND"),
        ("BUDGET_LINE_NOT_FOUND", "NOT_FOUND"),
        ("REQUEST_INVALID", "INVALID_ARGUMENT"),
    ]


@req("R-183")
def test_a_budget_of_another_area_is_neither_listed_nor_read(office: Office) -> None:
    made.a_unit(office.world, "A1")
    made.a_unit(office.world, "A2")
    own = made.a_line(office.world, unit_id="A2")
    other = made.a_line(office.world, unit_id="A1")

    listed = office.world.call(budgets.ListBudgetLinesRequest(), role="finance", unit_id="A2")
    with pytest.raises(Refused) as refused:
        office.world.call(
            budgets.GetBudgetLineRequest(budget_line_id=other), role="finance", unit_id="A2"
        )

    assert [line.budget_line_id for line in listed.budget_lines] == [own]
    assert refused.value.reason == "OUT_OF_SCOPE"


def test_lines_are_listed_page_by_page_in_the_order_of_their_creation(office: Office) -> None:
    made_lines = [made.a_line(office.world) for _ in range(5)]

    found, token = [], ""
    for _ in range(3):
        request = budgets.ListBudgetLinesRequest(page_size=2, page_token=token, unit_id="hq")
        reply = office.world.call(request, role="finance")
        found += [line.budget_line_id for line in reply.budget_lines]
        token = reply.next_page_token

    assert found == made_lines
    assert token == ""
