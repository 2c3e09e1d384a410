"""Commission through the real server: what is earned, confirmed, taken back and paid."""

import threading
from datetime import timedelta

import grpc
import pytest
from mantle.channels.v1 import order_pb2
from mantle.settlement.v1 import commission_pb2, events_pb2, invoice_service_pb2, ledger_service_pb2
from mantle.settlement.v1 import commission_service_pb2 as pb
from mantle.settlement.v1.commission_pb2 import CommissionEntry

from chassis.ids import new_id
from tests.support.facts_settlement import (
    activate,
    an_order,
    approve,
    cancel,
    cny,
    confirm_commission,
    deliver,
    events_of,
    open_units,
    unbalanced,
)
from tests.support.requirements import req
from tests.support.server import Refused, World

CAMPAIGN = "0199a1b2-0000-7000-8000-000000000001"


@pytest.fixture
def books(world: World) -> World:
    open_units(world, "hq/r1/")
    activate(world, "A1")
    return world


def offer_order(world: World) -> order_pb2.Order:
    order = an_order(
        ("P1", 1, 1_000),
        partner_id="A1",
        source=order_pb2.ORDER_SOURCE_OFFER,
        offer_id=new_id(),
        campaign_id=CAMPAIGN,
    )
    return approve(world, order)


def card_order(world: World, quantity: int) -> order_pb2.Order:
    line = ("CARD-8", quantity, quantity * 5_000)
    return approve(world, an_order(line, partner_id="A1", source=order_pb2.ORDER_SOURCE_PARTNER))


def confirm(world: World, *orders: order_pb2.Order) -> None:
    """Deliver orders and do what the tick does after their cooling-off."""
    for order in orders:
        deliver(world, order)
    world.clock.advance(timedelta(days=8))
    confirm_commission(world)


def statement(world: World, month: str = "2026-03") -> commission_pb2.CommissionStatement:
    request = pb.GetCommissionStatementRequest(partner_id="A1", month=month)
    found: commission_pb2.CommissionStatement = world.call(request, role="finance").statement
    return found


def entries(world: World, **filters: str) -> list[CommissionEntry]:
    request = pb.ListCommissionEntriesRequest(**filters)  # type: ignore[arg-type]
    return list(world.call(request, role="finance").entries)


def pay(world: World) -> commission_pb2.CommissionPayment:
    payment: commission_pb2.CommissionPayment = world.call(
        pb.PayCommissionRequest(partner_id="A1"), role="finance"
    ).payment
    return payment


def balance(world: World, account_id: str) -> int:
    request = ledger_service_pb2.GetAccountRequest(account_id=account_id)
    found: int = world.call(request, role="finance").account.balance.amount_minor
    return found


@req("R-118", "R-119")
def test_forty_accepted_offers_less_three_cancelled_and_a_hundred_cards(books: World) -> None:
    orders = [offer_order(books) for _ in range(40)]
    card_order(books, 100)
    before = statement(books)

    for order in orders[:3]:
        cancel(books, order)

    after = statement(books)
    offers, cards = after.lines
    assert before.total == cny(220_000)
    assert (offers.event_kind, offers.accrued_count, offers.reversed_count) == (
        "offer_realised",
        40,
        3,
    )
    assert (offers.total, cards.total) == (cny(18_500), cny(200_000))
    assert after.total == cny(218_500)
    assert balance(books, "commission_accrued:A1:CNY") == 218_500
    assert balance(books, "commission_expense:hq:CNY") == 218_500


def test_an_entry_says_what_earned_it(books: World) -> None:
    order = offer_order(books)

    [entry] = entries(books, order_id=order.order_id)

    assert (entry.offer_id, entry.campaign_id) == (order.offer_id, CAMPAIGN)
    assert (entry.rate, entry.amount, entry.state) == (
        cny(500),
        cny(500),
        CommissionEntry.STATE_ACCRUED,
    )
    assert (entry.accrue_date, entry.confirm_date) == ("2026-03-02", "")
    assert entry.policy_id != ""
    [fact] = events_of(books, events_pb2.CommissionAccrued)
    [actual] = events_of(books, events_pb2.ActualPosted)
    assert (fact.entry_id, fact.offer_id) == (entry.entry_id, order.offer_id)
    assert (actual.kind, actual.campaign_id, actual.amount) == (
        events_pb2.ActualPosted.KIND_COMMISSION,
        CAMPAIGN,
        cny(500),
    )


def test_an_order_through_an_office_earns_nothing(books: World) -> None:
    approve(books, an_order(("CARD-8", 1, 1_000), partner_id="A1"))

    assert entries(books, partner_id="A1") == []


@req("R-124")
def test_a_fact_that_comes_twice_earns_once_and_is_taken_back_once(books: World) -> None:
    order = approve(books, offer_order(books))

    cancel(books, cancel(books, order))

    [entry] = entries(books, order_id=order.order_id)
    assert entry.state == CommissionEntry.STATE_REVERSED
    assert [one.reversal for one in events_of(books, events_pb2.ActualPosted)] == [False, True]
    assert len(events_of(books, events_pb2.CommissionReversed)) == 1
    assert balance(books, "commission_accrued:A1:CNY") == 0


def test_commission_is_confirmed_after_the_cooling_off_and_not_before(books: World) -> None:
    order = deliver(books, offer_order(books))
    books.clock.advance(timedelta(days=7, hours=13, minutes=59))
    confirm_commission(books)
    [before] = entries(books, order_id=order.order_id)

    books.clock.advance(timedelta(minutes=1))
    confirm_commission(books)

    [after] = entries(books, order_id=order.order_id)
    assert (before.state, after.state) == (
        CommissionEntry.STATE_ACCRUED,
        CommissionEntry.STATE_CONFIRMED,
    )
    assert before.confirm_date == "2026-03-10"
    assert balance(books, "commission_accrued:A1:CNY") == 0
    assert balance(books, "commission_payable:A1:CNY") == 500


def test_confirmed_commission_is_paid_once(books: World) -> None:
    confirm(books, card_order(books, 3), offer_order(books))

    payment = pay(books)

    assert (payment.amount, payment.entry_count) == (cny(6_500), 2)
    assert balance(books, "commission_payable:A1:CNY") == 0
    with pytest.raises(Refused) as found:
        pay(books)
    assert found.value.code is grpc.StatusCode.FAILED_PRECONDITION
    assert found.value.reason == "COMMISSION_NOTHING_TO_PAY"


@req("R-124")
def test_a_return_after_the_payment_is_taken_off_the_next_one(books: World) -> None:
    order = offer_order(books)
    confirm(books, order)
    pay(books)
    books.clock.set(books.clock.now().replace(month=4))
    card = card_order(books, 1)
    cancel(books, order)
    confirm(books, card)

    payment = pay(books)

    assert statement(books, "2026-04").total == cny(1_500)
    assert payment.amount == cny(1_500)
    assert balance(books, "commission_payable:A1:CNY") == 0
    assert unbalanced(books) == []


def test_commission_is_not_paid_before_the_delivery(books: World) -> None:
    """Until then nothing says how long the order can be cancelled."""
    offer_order(books)
    confirm(books)

    with pytest.raises(Refused) as found:
        pay(books)

    assert found.value.reason == "COMMISSION_NOTHING_TO_PAY"


def test_commission_waits_as_long_as_its_order_can_be_cancelled(books: World) -> None:
    order = offer_order(books)
    books.clock.advance(timedelta(days=5))
    deliver(books, order, cooling_off=timedelta(days=14))
    confirm(books)

    with pytest.raises(Refused) as found:
        pay(books)

    [entry] = entries(books, order_id=order.order_id)
    assert found.value.reason == "COMMISSION_NOTHING_TO_PAY"
    assert (entry.state, entry.confirm_date) == (CommissionEntry.STATE_ACCRUED, "2026-03-22")


def test_commission_in_its_cooling_off_is_not_paid(books: World) -> None:
    deliver(books, offer_order(books))

    with pytest.raises(Refused) as found:
        pay(books)

    assert found.value.reason == "COMMISSION_NOTHING_TO_PAY"


def test_of_two_payments_at_once_one_pays(books: World) -> None:
    confirm(books, card_order(books, 1))
    barrier = threading.Barrier(2)
    answers: list[str] = []

    def run() -> None:
        barrier.wait()
        try:
            answers.append(str(pay(books).amount.amount_minor))
        except Refused as error:
            answers.append(error.reason)

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answers) == ["2000", "COMMISSION_NOTHING_TO_PAY"]
    assert balance(books, "cash:hq:CNY") == -2_000


def test_the_partners_statement_has_its_commission(books: World) -> None:
    cancel(books, offer_order(books))
    offer_order(books)

    request = invoice_service_pb2.GetPartnerStatementRequest(partner_id="A1", month="2026-03")
    found = books.call(request, role="finance").statement

    assert [one.purpose for one in found.commission_lines] == [
        "commission_accrued",
        "commission_reversed",
        "commission_accrued",
    ]
    assert (found.commission_opening, found.commission_closing) == (cny(0), cny(500))


def test_entries_are_listed_by_what_they_belong_to(books: World) -> None:
    offer_order(books)
    card_order(books, 1)

    by_campaign = entries(books, campaign_id=CAMPAIGN)
    by_month = [entries(books, month=month) for month in ("2026-02", "2026-03")]

    assert [one.event_kind for one in by_campaign] == ["offer_realised"]
    assert [len(found) for found in by_month] == [0, 2]


@req("R-183")
def test_another_region_sees_no_commission(books: World) -> None:
    offer_order(books)
    requests = [
        pb.GetCommissionStatementRequest(partner_id="A1", month="2026-03"),
        pb.PayCommissionRequest(partner_id="A1"),
    ]

    for request in requests:
        with pytest.raises(Refused) as found:
            books.call(request, role="finance", unit_id="r1")
        assert found.value.reason == "OUT_OF_SCOPE"
    listed = books.call(pb.ListCommissionEntriesRequest(), role="finance", unit_id="r1")
    assert list(listed.entries) == []


def test_a_partner_that_is_not_known_has_no_statement(books: World) -> None:
    requests = [
        pb.GetCommissionStatementRequest(partner_id="A9", month="2026-03"),
        pb.PayCommissionRequest(partner_id="A9"),
    ]

    for request in requests:
        with pytest.raises(Refused) as found:
            books.call(request, role="finance")
        assert found.value.reason == "CREDIT_ACCOUNT_NOT_FOUND"
