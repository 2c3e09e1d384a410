"""Credit through the real server: a limit is never exceeded, whoever asks at once."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import grpc
import psycopg
import pytest
from mantle.channels.v1 import events_pb2 as channels
from mantle.channels.v1 import order_pb2
from mantle.settlement.v1 import credit_pb2, events_pb2
from mantle.settlement.v1 import credit_service_pb2 as pb

from chassis.ids import new_id
from tests.support.facts_settlement import (
    activate,
    an_order,
    approve,
    cancel,
    cny,
    deliver,
    events_of,
    open_units,
    opening_receivable,
    tell,
    waiting,
)
from tests.support.requirements import req
from tests.support.server import Refused, World, libpq
from tests.support.waiting import until


@pytest.fixture
def books(world: World) -> World:
    open_units(world, "hq/r1/")
    activate(world)
    return world


def reserve(
    world: World, amount_minor: int, owner_id: str = "", partner_id: str = "D1"
) -> credit_pb2.CreditReservation:
    request = pb.ReserveCreditRequest(
        partner_id=partner_id,
        amount=cny(amount_minor),
        owner_kind="order",
        owner_id=owner_id or new_id(),
        order_date="2026-03-02",
    )
    reservation: credit_pb2.CreditReservation = world.call(request, role="service").reservation
    return reservation


def refused(world: World, amount_minor: int, partner_id: str = "D1") -> Refused:
    with pytest.raises(Refused) as found:
        reserve(world, amount_minor, partner_id=partner_id)
    return found.value


def account(world: World, **options: str) -> credit_pb2.CreditAccount:
    request = pb.GetCreditAccountRequest(partner_id="D1")
    found: credit_pb2.CreditAccount = world.call(request, role="finance", **options).account
    return found


def release(world: World, owner_id: str) -> bool:
    request = pb.ReleaseCreditRequest(owner_kind="order", owner_id=owner_id)
    released: bool = world.call(request, role="service").released
    return released


@req("R-084")
def test_an_order_fits_into_the_limit_to_the_cent(books: World) -> None:
    opening_receivable(books, 15_000_000)

    answer = refused(books, 5_000_001)

    assert reserve(books, 5_000_000).state == credit_pb2.CreditReservation.STATE_PENDING
    assert answer.code is grpc.StatusCode.FAILED_PRECONDITION
    assert answer.reason == "CREDIT_LIMIT_EXCEEDED"
    assert answer.metadata["availableMinor"] == "5000000"


@req("R-084")
def test_open_orders_count_against_the_limit(books: World) -> None:
    order = approve(books, an_order(("P1", 1, 15_000_000)))

    found = account(books)

    assert (found.reserved, found.available) == (cny(15_000_000), cny(5_000_000))
    assert refused(books, 5_000_001).reason == "CREDIT_LIMIT_EXCEEDED"
    deliver(books, order)
    invoiced = account(books)
    assert (invoiced.receivable, invoiced.reserved) == (cny(15_000_000), cny(0))
    assert invoiced.available == cny(5_000_000)


def test_a_limit_is_not_exceeded_by_orders_that_come_at_once(books: World) -> None:
    barrier = threading.Barrier(8)
    granted: list[str] = []
    reasons: list[str] = []

    def run() -> None:
        barrier.wait()
        try:
            granted.append(reserve(books, 6_000_000).reservation_id)
        except Refused as error:
            reasons.append(error.reason)

    threads = [threading.Thread(target=run) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (len(granted), reasons) == (3, ["CREDIT_LIMIT_EXCEEDED"] * 5)
    assert account(books).available == cny(2_000_000)


def test_repeats_of_one_owner_that_come_at_once_count_once(books: World) -> None:
    """An order that is asked for again has its own part to itself."""
    owner = new_id()
    barrier = threading.Barrier(6)

    def run() -> str:
        barrier.wait(10)
        return reserve(books, 15_000_000, owner).reservation_id

    with ThreadPoolExecutor(6) as pool:
        ids = {future.result() for future in [pool.submit(run) for _ in range(6)]}

    assert len(ids) == 1
    assert account(books).available == cny(5_000_000)


def test_an_expired_reservation_stops_counting_by_itself(books: World) -> None:
    reserve(books, 20_000_000)
    before = account(books).available

    books.clock.advance(timedelta(minutes=3))

    assert (before, account(books).available) == (cny(0), cny(20_000_000))


def confirm_refusals(world: World) -> list[tuple[str, str, str, str]]:
    return [
        (one.owner_kind, one.owner_id, one.partner_id, one.reason)
        for one in events_of(world, events_pb2.CreditConfirmRefused)
    ]


def test_an_approval_that_comes_too_late_reserves_again(books: World) -> None:
    order = an_order(("P1", 1, 20_000_000))
    reserve(books, 20_000_000, order.order_id)
    books.clock.advance(timedelta(minutes=3))

    approve(books, order)

    assert account(books).available == cny(0)
    assert confirm_refusals(books) == []


def test_an_approval_that_comes_too_late_never_exceeds_the_limit(books: World) -> None:
    """It comes late when it is applied late, whenever channels approved the order."""
    late, next_one = an_order(("P1", 1, 20_000_000)), an_order(("P1", 1, 15_000_000))
    reserve(books, 20_000_000, late.order_id)
    approved_at = books.clock.now()
    books.clock.advance(timedelta(minutes=3))
    reserve(books, 15_000_000, next_one.order_id)

    tell(books, channels.OrderApproved(order=late), at=approved_at)
    approve(books, next_one)

    assert account(books).available == cny(5_000_000)
    assert confirm_refusals(books) == [("order", late.order_id, "D1", "CREDIT_LIMIT_EXCEEDED")]


def test_an_approval_whose_credit_was_given_back_reserves_again_or_is_refused(
    books: World,
) -> None:
    kept, refused_ = an_order(("P1", 1, 15_000_000)), an_order(("P1", 1, 15_000_000))
    for order in (kept, refused_):
        reserve(books, 15_000_000, order.order_id)
        release(books, order.order_id)

    approve(books, kept)
    approve(books, refused_)

    assert account(books).reserved == cny(15_000_000)
    assert [owner for _, owner, _, _ in confirm_refusals(books)] == [refused_.order_id]


def test_an_approval_in_time_holds_whatever_became_of_the_limit(books: World) -> None:
    order = an_order(("P1", 1, 20_000_000))
    reserve(books, 20_000_000, order.order_id)
    books.call(pb.BlockCreditRequest(partner_id="D1", reason="overdue"), role="finance")
    activate(books, limit_minor=1)

    approve(books, order)

    assert account(books).reserved == cny(20_000_000)
    assert confirm_refusals(books) == []


@pytest.mark.parametrize(
    ("partner_id", "reason"), [("D1", "CREDIT_BLOCKED"), ("D9", "CREDIT_ACCOUNT_NOT_FOUND")]
)
def test_an_approval_without_credit_is_told_why(books: World, partner_id: str, reason: str) -> None:
    books.call(pb.BlockCreditRequest(partner_id="D1", reason="overdue"), role="finance")

    order = approve(books, an_order(("P1", 1, 1), partner_id=partner_id))

    assert confirm_refusals(books) == [("order", order.order_id, partner_id, reason)]


def release_pending(world: World, order: order_pb2.Order) -> None:
    release(world, order.order_id)


def cancel_approved(world: World, order: order_pb2.Order) -> None:
    cancel(world, order)


def book_by_hand(world: World, _order: order_pb2.Order) -> None:
    opening_receivable(world, 1)


@pytest.mark.parametrize("change", [release_pending, cancel_approved, book_by_hand, approve])
def test_what_uses_up_a_limit_locks_the_partners_credit_first(
    books: World, change: Callable[[World, order_pb2.Order], object]
) -> None:
    """Two that lock the same rows in different orders end in a deadlock."""
    order = an_order(("P1", 1, 1_000))
    reserve(books, 1_000, order.order_id)
    writer = threading.Thread(target=change, args=(books, order))

    with psycopg.connect(libpq(books.database("settlement").owner_url)) as other:
        other.execute("SELECT 1 FROM credit_account WHERE partner_id = 'D1' FOR UPDATE")
        writer.start()
        until(lambda: waiting(books) == 1, "the writer waits for the partner's credit")
        other.execute("SELECT 1 FROM credit_reservation FOR UPDATE NOWAIT")
        other.execute("SELECT 1 FROM account FOR UPDATE NOWAIT")
    writer.join(timeout=10)

    assert not writer.is_alive()


def test_an_owner_has_one_reservation(books: World) -> None:
    owner = new_id()
    first = reserve(books, 15_000_000, owner)

    second = reserve(books, 18_000_000, owner)

    assert second.reservation_id == first.reservation_id
    assert account(books).reserved == cny(18_000_000)


def test_a_confirmed_reservation_is_neither_replaced_nor_released(books: World) -> None:
    activate(books, "D2")
    order = approve(books, an_order(("P1", 1, 1_000)))

    again = reserve(books, 1_000, order.order_id)
    reasons = []
    for amount_minor, partner_id in ((9_000, "D1"), (999, "D1"), (1_000, "D2")):
        with pytest.raises(Refused) as found:
            reserve(books, amount_minor, order.order_id, partner_id)
        reasons.append(found.value.reason)

    assert (again.amount, again.state) == (cny(1_000), credit_pb2.CreditReservation.STATE_CONFIRMED)
    assert reasons == ["CREDIT_RESERVATION_FIXED"] * 3
    assert release(books, order.order_id) is False
    assert account(books).reserved == cny(1_000)


def test_a_pending_reservation_is_given_back_once(books: World) -> None:
    owner = new_id()
    reserve(books, 1_000, owner)

    answers = [release(books, owner), release(books, owner)]

    assert answers == [True, False]
    assert account(books).reserved == cny(0)


def test_a_cancelled_order_gives_its_credit_back(books: World) -> None:
    cancel(books, approve(books, an_order(("P1", 1, 1_000))))

    assert account(books).reserved == cny(0)


def test_a_partner_that_was_never_activated_has_no_credit(books: World) -> None:
    answer = refused(books, 1, partner_id="D9")

    assert (answer.code, answer.reason) == (
        grpc.StatusCode.NOT_FOUND,
        "CREDIT_ACCOUNT_NOT_FOUND",
    )


def test_blocked_credit_reserves_nothing_until_it_is_free_again(books: World) -> None:
    books.call(pb.BlockCreditRequest(partner_id="D1", reason="overdue"), role="finance")
    answer = refused(books, 1)

    reply = books.call(pb.UnblockCreditRequest(partner_id="D1"), role="finance")

    assert (answer.code, answer.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "CREDIT_BLOCKED")
    assert reply.account.blocked is False
    assert reserve(books, 1).amount == cny(1)


def test_credit_has_one_currency(books: World) -> None:
    request = pb.ReserveCreditRequest(
        partner_id="D1", owner_kind="order", owner_id="1", order_date="2026-03-02"
    )
    request.amount.currency_code = "USD"

    with pytest.raises(Refused) as found:
        books.call(request, role="service")

    assert found.value.reason == "CURRENCY_MISMATCH"


def test_a_new_grade_changes_the_limit_at_once(books: World) -> None:
    reserve(books, 10_000_000)

    tell(
        books,
        channels.CreditGradeChanged(partner_id="D1", credit_limit=cny(5_000_000), credit_days=15),
    )

    found = account(books)
    assert (found.available, found.credit_days) == (cny(-5_000_000), 15)


@req("R-183")
def test_another_region_does_not_see_a_partners_credit(books: World) -> None:
    for request in (
        pb.GetCreditAccountRequest(partner_id="D1"),
        pb.BlockCreditRequest(partner_id="D1", reason="overdue"),
        pb.UnblockCreditRequest(partner_id="D1"),
    ):
        with pytest.raises(Refused) as found:
            books.call(request, role="finance", unit_id="r1")
        assert found.value.reason == "OUT_OF_SCOPE"


def test_a_fact_that_comes_twice_counts_once(books: World) -> None:
    order = an_order(("P1", 1, 1_000))

    approve(books, approve(books, order))

    assert account(books).reserved == cny(1_000)
