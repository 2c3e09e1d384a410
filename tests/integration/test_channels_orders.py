"""Orders through a real server, with a stand-in for settlement's credit that speaks gRPC."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import Any

import grpc
import pytest
from mantle.channels.v1 import events_pb2, order_pb2
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import product_service_pb2 as products
from mantle.channels.v1 import stock_service_pb2 as stock
from mantle.planning.v1 import events_pb2 as planning_pb
from mantle.planning.v1 import monthly_plan_pb2
from mantle.settlement.v1 import events_pb2 as settlement_pb

from channels.order import usecases
from channels.order.errors import OrderNotFound
from chassis.errors import InvalidArgument
from chassis.ids import new_id
from chassis.money import CurrencyMismatch
from chassis.policy.domain import PolicyNotFound
from tests.support import examples_channels as made
from tests.support.channels_world import Shop, shop
from tests.support.requirements import req
from tests.support.server import Refused
from tests.support.waiting import until

__all__ = ["shop"]

Order = order_pb2.Order
CHECK = order_pb2.OrderCheck


def place(shop: Shop, request: orders.PlaceOrderRequest, **how: str) -> Any:
    return shop.world.call(request, role="sales_administration", **how).order


def delivered(shop: Shop, order_id: str) -> Any:
    shop.world.call(orders.ShipOrderRequest(order_id=order_id), role="logistics")
    return shop.world.call(
        orders.DeliverOrderRequest(order_id=order_id, proof="slip 7"), role="logistics"
    ).order


def checks(order: Any) -> dict[int, tuple[bool, str]]:
    return {check.kind: (check.passed, check.reason) for check in order.checks}


def a_plan(version: int, quantity: int, *, partner_id: str, product_id: str) -> Any:
    line = monthly_plan_pb2.MonthlyPlanLine(
        partner_id=partner_id, product_id=product_id, quantity=quantity
    )
    return planning_pb.MonthlyPlanApproved(
        unit_id="hq", month="2026-03", plan_version=version, lines=[line]
    )


@req("R-080", "R-082")
def test_an_order_that_passes_its_checks_is_a_contract(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    shop.tell("planning", a_plan(1, 5000, partner_id=partner_id, product_id=product_id))

    order = place(shop, made.order_of(partner_id, product_id, 1000))

    assert order.state == Order.STATE_ALLOCATED
    assert order.contract_number == "SC-2026-00000001"
    assert order.total.amount_minor == 855_000
    assert all(passed for passed, _ in checks(order).values())
    assert len(order.checks) == 5
    assert [move.to for move in order.moves] == [
        Order.STATE_SUBMITTED,
        Order.STATE_CHECKED,
        Order.STATE_APPROVED,
        Order.STATE_ALLOCATED,
    ]
    assert [fact.order.order_id for fact in shop.facts(events_pb2.OrderApproved)] == [
        order.order_id
    ]
    assert shop.order(order.order_id) == order


@req("R-081")
def test_an_order_comes_through_every_door(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    sources = (
        order_pb2.ORDER_SOURCE_CALL_CENTRE,
        order_pb2.ORDER_SOURCE_OFFICE,
        order_pb2.ORDER_SOURCE_OFFER,
    )
    for source in sources:
        offer_id = new_id() if source == order_pb2.ORDER_SOURCE_OFFER else ""
        place(
            shop,
            made.order_of(
                partner_id, product_id, offer_id=offer_id, source=source, customer_id="C1"
            ),
        )

    listed = shop.world.call(orders.ListOrdersRequest(customer_id="C1")).orders

    assert sorted(order.source for order in listed) == sorted(sources)


@req("R-090")
def test_the_happy_path_ends_closed_after_nine_moves(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    order_id = place(shop, made.order_of(partner_id, product_id)).order_id
    delivered(shop, order_id)
    shop.tell("settlement", settlement_pb.InvoiceIssued(order_id=order_id))
    shop.tell("settlement", settlement_pb.InvoicePaid(order_id=order_id))
    shop.on("2026-03-10")

    more = close(shop)
    # It passes over what the service's own turn has at hand just now.
    until(lambda: shop.order(order_id).state == Order.STATE_CLOSED, "the order is closed")
    order = shop.order(order_id)

    assert more is False
    assert len(order.moves) == 9
    assert [move.moved_by for move in order.moves][-3:] == ["settlement", "settlement", "channels"]


def close(shop: Shop) -> bool:
    service = shop.world.services["channels"]
    with service.database.transaction() as tx:
        return usecases.close_due(tx, by="channels", at=service.clock.now()).value


def test_a_payment_that_is_told_first_moves_over_the_invoice(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    order_id = place(shop, made.order_of(partner_id, product_id)).order_id
    delivered(shop, order_id)

    for _ in range(2):
        shop.tell("settlement", settlement_pb.InvoicePaid(order_id=order_id))
        shop.tell("settlement", settlement_pb.InvoiceIssued(order_id=order_id))

    assert shop.order(order_id).state == Order.STATE_SETTLED


def test_what_settlement_tells_of_many_orders_moves_each_by_itself(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    told = [place(shop, made.order_of(partner_id, product_id)).order_id for _ in range(4)]
    invoiced, paid, taken_back, sent = told
    for order_id in (invoiced, paid, taken_back):
        delivered(shop, order_id)
    shop.world.call(orders.CancelOrderRequest(order_id=taken_back, reason="no"))

    for facts in (
        [settlement_pb.InvoiceIssued(order_id=one) for one in (*told, invoiced)],
        [settlement_pb.InvoicePaid(order_id=one) for one in (paid, paid, taken_back)],
    ):
        shop.tell("settlement", *facts)

    found = {order_id: shop.order(order_id) for order_id in told}
    assert [found[one].state for one in (invoiced, paid, taken_back, sent)] == [
        Order.STATE_INVOICED,
        Order.STATE_SETTLED,
        Order.STATE_CANCELLED,
        Order.STATE_ALLOCATED,
    ]
    assert [len(found[one].moves) for one in (invoiced, paid)] == [7, 8]
    assert [found[one].version for one in (invoiced, paid)] == [8, 9]


def test_an_invoice_of_an_order_that_is_not_there_moves_no_other(shop: Shop) -> None:
    """The whole batch is refused; the subscription then applies its events one by one."""
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    order_id = place(shop, made.order_of(partner_id, product_id)).order_id
    delivered(shop, order_id)

    with pytest.raises(OrderNotFound):
        shop.tell(
            "settlement",
            *[settlement_pb.InvoiceIssued(order_id=one) for one in (order_id, new_id())],
        )

    assert shop.order(order_id).state == Order.STATE_DELIVERED


@req("R-090")
def test_a_delivered_order_is_not_shipped_again(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    order_id = place(shop, made.order_of(partner_id, product_id)).order_id
    delivered(shop, order_id)

    for request in (
        orders.ShipOrderRequest(order_id=order_id),
        orders.DeliverOrderRequest(order_id=order_id, proof="slip 8"),
        orders.ReleaseHoldRequest(order_id=order_id),
        orders.RejectOrderRequest(order_id=order_id, reason="no"),
    ):
        with pytest.raises(Refused) as refused:
            shop.world.call(request, role="sales_administration")

        assert refused.value.code is grpc.StatusCode.FAILED_PRECONDITION
        assert refused.value.reason == "ORDER_STATE_FORBIDS"


@req("R-093")
def test_a_repeat_makes_one_order(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    request = made.order_of(partner_id, product_id, request_id=new_id())

    first, second = place(shop, request), place(shop, request)

    assert first == second
    assert len(shop.world.call(orders.ListOrdersRequest()).orders) == 1
    assert len(shop.desk.reserved) == 1


@req("R-084")
def test_without_credit_an_order_is_kept_on_hold(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(5_000_000), made.a_product(shop.world)
    cent = made.a_product(shop.world, amount="0.01")
    made.a_policy(
        shop.world,
        kind="channel_terms",
        scope="",
        start_date="2026-03-03",
        values={"channel_factor": "1", "allowance": "0"},
    )
    shop.on("2026-03-03")

    within = place(shop, made.order_of(partner_id, product_id, 5000))
    beyond = place(shop, made.order_of(partner_id, cent, 1))

    assert within.state == Order.STATE_ALLOCATED
    assert beyond.state == Order.STATE_CREDIT_HOLD
    assert beyond.contract_number == ""
    assert checks(beyond)[CHECK.KIND_CREDIT] == (False, "CREDIT_LIMIT_EXCEEDED")
    assert len(shop.facts(events_pb2.OrderHeld)) == 1


def test_a_hold_is_released_when_there_is_credit(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(0), made.a_product(shop.world)
    order_id = place(shop, made.order_of(partner_id, product_id)).order_id
    release = orders.ReleaseHoldRequest(order_id=order_id)

    with pytest.raises(Refused) as refused:
        shop.world.call(release, role="finance")
    shop.desk.limits[partner_id] = 10**6
    order = shop.world.call(release, role="finance").order

    assert refused.value.reason == "CREDIT_REFUSED"
    assert refused.value.metadata["creditReason"] == "CREDIT_LIMIT_EXCEEDED"
    assert order.state == Order.STATE_ALLOCATED
    assert checks(order)[CHECK.KIND_CREDIT] == (True, "")
    assert list(shop.desk.reserved) == [order_id]


def credit_is_gone(shop: Shop, order_id: str, *, owner_kind: str = "order") -> None:
    fact = settlement_pb.CreditConfirmRefused(
        owner_kind=owner_kind, owner_id=order_id, partner_id="D1", reason="CREDIT_LIMIT_EXCEEDED"
    )
    shop.tell("settlement", fact)


@pytest.mark.parametrize("pieces", [3, 0])
def test_an_order_whose_credit_is_gone_is_on_hold_again(shop: Shop, pieces: int) -> None:
    """Whether its goods are set aside already or it waits for them."""
    partner_id = shop.rich_partner()
    product_id = made.a_product(shop.world, stock_kept=True)
    arrival = stock.ReceiveStockRequest(product_id=product_id, quantity=3)
    if pieces:
        shop.world.call(arrival, role="logistics")
    placed = place(shop, made.order_of(partner_id, product_id, 3))

    credit_is_gone(shop, placed.order_id)
    held = shop.order(placed.order_id)
    left = shop.world.call(stock.GetStockRequest(product_id=product_id)).stock
    if not pieces:
        shop.world.call(arrival, role="logistics")
    released = shop.world.call(orders.ReleaseHoldRequest(order_id=placed.order_id)).order

    assert held.state == Order.STATE_CREDIT_HOLD
    assert held.moves[-1].moved_by == "settlement"
    assert checks(held)[CHECK.KIND_CREDIT] == (False, "CREDIT_LIMIT_EXCEEDED")
    assert (left.on_hand, left.allocated) == (pieces, 0)
    assert [fact.order.order_id for fact in shop.facts(events_pb2.OrderHeld)] == [placed.order_id]
    assert released.state == Order.STATE_ALLOCATED
    assert released.contract_number == placed.contract_number != ""
    assert checks(released)[CHECK.KIND_CREDIT] == (True, "")


def test_an_order_on_its_way_goes_on_though_its_credit_is_gone(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    order_id = place(shop, made.order_of(partner_id, product_id)).order_id
    shipped = shop.world.call(orders.ShipOrderRequest(order_id=order_id), role="logistics").order

    credit_is_gone(shop, order_id)
    order = shop.order(order_id)

    assert order.state == Order.STATE_SHIPPED
    assert checks(order)[CHECK.KIND_CREDIT] == (False, "CREDIT_LIMIT_EXCEEDED")
    assert order.version == shipped.version + 1
    assert shop.facts(events_pb2.OrderHeld) == []


def test_an_order_that_ended_stays_as_it_is(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    order_id = place(shop, made.order_of(partner_id, product_id)).order_id
    ended = shop.world.call(orders.CancelOrderRequest(order_id=order_id, reason="no")).order

    credit_is_gone(shop, order_id)

    assert shop.order(order_id) == ended


def test_credit_of_another_kind_of_owner_moves_no_order(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    order = place(shop, made.order_of(partner_id, product_id))

    credit_is_gone(shop, order.order_id, owner_kind="contract")

    assert shop.order(order.order_id) == order


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("CURRENCY_MISMATCH", grpc.StatusCode.INVALID_ARGUMENT),
        ("POLICY_NOT_FOUND", grpc.StatusCode.NOT_FOUND),
        ("AMOUNT_INVALID", grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
def test_what_settlement_refuses_is_told_in_the_words_of_the_contract(
    shop: Shop, reason: str, code: grpc.StatusCode
) -> None:
    partner_id, product_id = shop.rich_partner(0), made.a_product(shop.world)
    held = place(shop, made.order_of(partner_id, product_id))
    answers = {
        "CURRENCY_MISMATCH": CurrencyMismatch("USD", "CNY"),
        "POLICY_NOT_FOUND": PolicyNotFound.in_force("payment_terms", [""], held_day(held)),
        "AMOUNT_INVALID": InvalidArgument("the request breaks 1 rule"),
    }
    shop.desk.refuses = answers[reason]

    for request in (
        made.order_of(partner_id, product_id),
        orders.ReleaseHoldRequest(order_id=held.order_id),
    ):
        with pytest.raises(Refused) as refused:
            shop.world.call(request, role="sales_administration")
        assert (refused.value.code, refused.value.reason) == (code, reason)
    assert refused.value.metadata != {}


def held_day(order: Any) -> date:
    return date.fromisoformat(order.order_date)


@req("R-093")
def test_a_repeat_whose_reply_is_gone_makes_no_second_order_on_its_day(shop: Shop) -> None:
    """So does a twin that looked for the first one's reply a moment too early."""
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    request = made.order_of(partner_id, product_id, request_id=new_id())
    first = place(shop, request)
    forget_replies(shop)

    with pytest.raises(Refused) as refused:
        place(shop, request)

    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.ABORTED,
        "WRITE_CONFLICT",
    )
    assert list(shop.desk.reserved) == [first.order_id]


def test_a_request_id_that_comes_again_after_its_time_makes_a_new_order(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    request = made.order_of(partner_id, product_id, request_id=new_id())
    first = place(shop, request)
    forget_replies(shop)
    shop.on("2026-03-10")

    second = place(shop, request)

    assert second.order_id != first.order_id
    assert sorted(shop.desk.reserved) == sorted([first.order_id, second.order_id])


def forget_replies(shop: Shop) -> None:
    """Do what happens to replies after seven days."""
    shop.world.rows("channels", "DELETE FROM idempotency_key RETURNING 1")


def test_the_facts_of_a_partners_orders_are_one_readers(shop: Shop) -> None:
    """They use up one limit, so two readers of them would wait for each other; and each order has
    a key of its own, so that one that cannot be applied stops no other."""
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    for _ in range(2):
        delivered(shop, place(shop, made.order_of(partner_id, product_id)).order_id)

    keys = shop.world.rows(
        "channels",
        "SELECT count(DISTINCT partition), count(DISTINCT ordering_key) FROM event"
        " WHERE type LIKE '%%.Order%%' OR type LIKE '%%.Partner%%'",
    )

    assert keys == [(1, 3)]


@pytest.mark.parametrize(
    ("request_type", "state"),
    [
        (orders.RejectOrderRequest, Order.STATE_REJECTED),
        (orders.CancelOrderRequest, Order.STATE_CANCELLED),
    ],
)
def test_a_hold_can_be_ended(shop: Shop, request_type: Any, state: int) -> None:
    partner_id, product_id = shop.rich_partner(0), made.a_product(shop.world)
    order_id = place(shop, made.order_of(partner_id, product_id)).order_id

    order = shop.world.call(request_type(order_id=order_id, reason="no credit")).order

    assert (order.state, order.end_reason) == (state, "no credit")
    assert len(shop.facts(events_pb2.OrderCancelled)) == 1


@req("R-086")
def test_what_goes_beyond_the_plan_is_flagged_and_not_lost(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    shop.tell("planning", a_plan(1, 5000, partner_id=partner_id, product_id=product_id))
    place(shop, made.order_of(partner_id, product_id, 4600))

    order = place(shop, made.order_of(partner_id, product_id, 600))

    assert order.state == Order.STATE_ALLOCATED
    assert order.lines[0].excess_quantity == 200
    assert checks(order)[CHECK.KIND_PLAN] == (False, "PLAN_EXCEEDED")


@req("R-086")
def test_orders_that_come_at_once_share_one_plan(shop: Shop) -> None:
    """Those that are placed together count for each other, as if they came in turn."""
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    shop.tell("planning", a_plan(1, 500, partner_id=partner_id, product_id=product_id))
    barrier = threading.Barrier(8)

    def order() -> Any:
        barrier.wait(timeout=10)
        return place(shop, made.order_of(partner_id, product_id, 100))

    with ThreadPoolExecutor(8) as pool:
        placed = [one.result() for one in [pool.submit(order) for _ in range(8)]]

    assert sorted(one.lines[0].excess_quantity for one in placed) == [0] * 5 + [100] * 3
    assert len({one.contract_number for one in placed}) == 8
    assert {one.order_id for one in placed} == {
        fact.order.order_id for fact in shop.facts(events_pb2.OrderApproved)
    }


def test_without_a_plan_there_is_nothing_to_exceed(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)

    order = place(shop, made.order_of(partner_id, product_id, 600))

    assert checks(order)[CHECK.KIND_PLAN] == (True, "NO_PLAN")


@req("R-040")
def test_an_older_plan_never_replaces_a_newer_one(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    for version, quantity in ((2, 50), (1, 5000)):
        shop.tell(
            "planning", a_plan(version, quantity, partner_id=partner_id, product_id=product_id)
        )

    order = place(shop, made.order_of(partner_id, product_id, 60))
    plans = shop.world.rows("channels", "SELECT month, plan_version FROM monthly_plan_copy")

    assert order.lines[0].excess_quantity == 10
    assert plans == [("2026-03", 2)]


def test_an_order_waits_for_stock_and_takes_it_when_it_is_shipped(shop: Shop) -> None:
    partner_id = shop.rich_partner()
    product_id = made.a_product(shop.world, stock_kept=True)
    order = place(shop, made.order_of(partner_id, product_id, 3))
    ship = orders.ShipOrderRequest(order_id=order.order_id, carrier="SF")

    with pytest.raises(Refused) as refused:
        shop.world.call(ship, role="logistics")
    shop.world.call(stock.ReceiveStockRequest(product_id=product_id, quantity=5), role="logistics")
    shipped = shop.world.call(ship, role="logistics").order
    left = shop.world.call(stock.GetStockRequest(product_id=product_id)).stock

    assert order.state == Order.STATE_APPROVED
    assert checks(order)[CHECK.KIND_STOCK] == (False, "STOCK_INSUFFICIENT")
    assert refused.value.reason == "STOCK_INSUFFICIENT"
    assert (shipped.state, shipped.carrier) == (Order.STATE_SHIPPED, "SF")
    assert (left.on_hand, left.allocated) == (2, 0)


def test_a_cancelled_order_gives_its_goods_back(shop: Shop) -> None:
    partner_id = shop.rich_partner()
    product_id = made.a_product(shop.world, stock_kept=True)
    shop.world.call(stock.ReceiveStockRequest(product_id=product_id, quantity=3), role="logistics")
    order_id = place(shop, made.order_of(partner_id, product_id, 3)).order_id

    order = shop.world.call(orders.CancelOrderRequest(order_id=order_id, reason="no")).order
    left = shop.world.call(stock.GetStockRequest(product_id=product_id)).stock

    assert order.state == Order.STATE_CANCELLED
    assert (left.on_hand, left.allocated) == (3, 0)
    assert [fact.order.order_id for fact in shop.facts(events_pb2.OrderCancelled)] == [order_id]


@req("R-119")
def test_a_delivered_order_is_cancelled_only_in_its_cooling_off_time(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    first, second = (place(shop, made.order_of(partner_id, product_id)).order_id for _ in range(2))
    handed_over = delivered(shop, first)
    delivered(shop, second)

    cancelled = shop.world.call(orders.CancelOrderRequest(order_id=first, reason="no")).order
    shop.on("2026-03-10")
    with pytest.raises(Refused) as refused:
        shop.world.call(orders.CancelOrderRequest(order_id=second, reason="no"))

    end, at = handed_over.cooling_off_end_time, handed_over.moves[-1].move_time
    assert end.ToDatetime() - at.ToDatetime() == timedelta(days=7)
    assert cancelled.state == Order.STATE_CANCELLED
    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "COOLING_OFF_OVER",
    )


def test_an_offer_has_one_living_order(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    offer_id = new_id()
    first = place(shop, made.order_of(partner_id, product_id, offer_id=offer_id))

    with pytest.raises(Refused) as refused:
        place(shop, made.order_of(partner_id, product_id, offer_id=offer_id))
    shop.world.call(orders.CancelOrderRequest(order_id=first.order_id, reason="no"))
    again = place(shop, made.order_of(partner_id, product_id, offer_id=offer_id))

    assert (refused.value.code, refused.value.reason) == (
        grpc.StatusCode.FAILED_PRECONDITION,
        "OFFER_ALREADY_ORDERED",
    )
    assert again.state == Order.STATE_ALLOCATED


def test_of_orders_that_race_for_one_offer_exactly_one_wins(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    place(shop, made.order_of(partner_id, product_id))
    offer_id, barrier = new_id(), threading.Barrier(6)

    def accept() -> str:
        barrier.wait(timeout=10)
        try:
            return str(
                place(shop, made.order_of(partner_id, product_id, offer_id=offer_id)).order_id
            )
        except Refused as refused:
            return refused.reason

    with ThreadPoolExecutor(6) as pool:
        answers = [one.result() for one in [pool.submit(accept) for _ in range(6)]]
    won = [answer for answer in answers if answer != "OFFER_ALREADY_ORDERED"]
    until(lambda: len(shop.desk.reserved) == 2, "the losers' credit given back")

    assert len(won) == 1
    assert won[0] in shop.desk.reserved


def test_without_settlement_nothing_is_stored(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    request = made.order_of(partner_id, product_id, request_id=new_id())
    shop.desk.silent = True

    with pytest.raises(Refused) as refused:
        place(shop, request)
    stored = shop.world.call(orders.ListOrdersRequest()).orders
    shop.desk.silent = False
    order = place(shop, request)

    assert refused.value.code is grpc.StatusCode.UNAVAILABLE
    assert list(stored) == []
    assert order.state == Order.STATE_ALLOCATED


def test_who_may_not_order_is_told_why(shop: Shop) -> None:
    product_id = made.a_product(shop.world)
    signed, active = made.a_signed_partner(shop.world), shop.rich_partner()
    for one in ("P1", "P2"):
        made.a_product(shop.world, one)
    shop.world.call(
        products.ChangeProductRulesRequest(product_id="P1", excludes_product_ids=["P2"])
    )
    both = made.order_of(active, "P1")
    both.lines.add(product_id="P2", quantity=1)
    answers = {}
    for name, request in (
        ("unknown partner", made.order_of("none", product_id)),
        ("not active", made.order_of(signed, product_id)),
        ("unknown product", made.order_of(active, "none")),
        ("excluded", both),
    ):
        with pytest.raises(Refused) as refused:
            place(shop, request)
        answers[name] = (refused.value.code.name, refused.value.reason)
    shop.on("2027-01-02")
    with pytest.raises(Refused) as next_year:
        place(shop, made.order_of(active, product_id))

    assert answers == {
        "unknown partner": ("NOT_FOUND", "PARTNER_NOT_FOUND"),
        "not active": ("FAILED_PRECONDITION", "PARTNER_STATE_FORBIDS"),
        "unknown product": ("NOT_FOUND", "PRODUCT_NOT_FOUND"),
        "excluded": ("FAILED_PRECONDITION", "PRODUCTS_EXCLUDE_EACH_OTHER"),
    }
    assert next_year.value.reason == "AGREEMENT_MISSING"
    assert shop.desk.asked == []


def test_an_order_without_an_offer_cannot_say_that_it_comes_from_one(shop: Shop) -> None:
    request = made.order_of("D1", "P1", source=order_pb2.ORDER_SOURCE_OFFER)

    with pytest.raises(Refused) as refused:
        place(shop, request)

    assert refused.value.code is grpc.StatusCode.INVALID_ARGUMENT
    assert refused.value.reason == "REQUEST_INVALID"


@req("R-183")
def test_orders_of_another_unit_are_out_of_reach(shop: Shop) -> None:
    shop.add_unit("a1", "hq/a1/")
    shop.add_unit("a2", "hq/a2/")
    partner_id = made.a_partner(shop.world, unit_id="a1")
    shop.desk.limits[partner_id] = 10**9
    product_id = made.a_product(shop.world)
    order_id = place(shop, made.order_of(partner_id, product_id), unit_id="a1").order_id

    for request in (
        orders.GetOrderRequest(order_id=order_id),
        orders.CancelOrderRequest(order_id=order_id, reason="no"),
        made.order_of(partner_id, product_id),
    ):
        with pytest.raises(Refused) as refused:
            shop.world.call(request, role="customer_service", unit_id="a2")
        assert (refused.value.code, refused.value.reason) == (
            grpc.StatusCode.PERMISSION_DENIED,
            "OUT_OF_SCOPE",
        )
    own = shop.world.call(orders.ListOrdersRequest(), role="customer_service", unit_id="a1")
    other = shop.world.call(orders.ListOrdersRequest(), role="customer_service", unit_id="a2")
    denied = shop.world.rows(
        "channels", "SELECT method FROM audit_entry WHERE outcome = 'OUT_OF_SCOPE' ORDER BY id"
    )

    assert [order.order_id for order in own.orders] == [order_id]
    assert list(other.orders) == []
    assert denied == [("GetOrder",), ("CancelOrder",), ("PlaceOrder",)]


def test_orders_are_listed_newest_first_page_by_page(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    placed = []
    for day in ("2026-03-03", "2026-03-04", "2026-03-05"):
        shop.on(day)
        placed.append(place(shop, made.order_of(partner_id, product_id)).order_id)

    first = shop.world.call(orders.ListOrdersRequest(page_size=2))
    second = shop.world.call(
        orders.ListOrdersRequest(page_size=2, page_token=first.next_page_token)
    )
    none = shop.world.call(orders.ListOrdersRequest(state=Order.STATE_SHIPPED))

    found = [order.order_id for page in (first, second) for order in page.orders]
    assert found == placed[::-1]
    assert (second.next_page_token, list(none.orders)) == ("", [])


@pytest.mark.parametrize(
    "request_type",
    [
        orders.GetOrderRequest,
        orders.ShipOrderRequest,
        orders.ReleaseHoldRequest,
    ],
)
def test_an_unknown_order_is_not_found(shop: Shop, request_type: Any) -> None:
    with pytest.raises(Refused) as refused:
        shop.world.call(request_type(order_id=new_id()), role="sales_administration")

    assert refused.value.code is grpc.StatusCode.NOT_FOUND
    assert refused.value.reason == "ORDER_NOT_FOUND"
