"""Goods that are missing, on their way and with the partners, through a real server."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import pytest
from mantle.channels.v1 import (
    coordination_pb2,
    events_pb2,
    order_pb2,
    shipment_pb2,
)
from mantle.channels.v1 import coordination_service_pb2 as coordination
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import partner_stock_service_pb2 as partner_stock
from mantle.channels.v1 import shipment_service_pb2 as shipments
from mantle.channels.v1 import stock_service_pb2 as stock
from mantle.planning.v1 import events_pb2 as planning_pb
from mantle.planning.v1 import monthly_plan_pb2
from mantle.settlement.v1 import events_pb2 as settlement_pb

from channels.order import refilling
from chassis.ids import new_id
from tests.support import examples_channels as made
from tests.support import examples_channels_fulfilment as goods
from tests.support.channels_world import Shop, shop
from tests.support.requirements import req
from tests.support.server import Refused
from tests.support.waiting import until

__all__ = ["shop"]

Order = order_pb2.Order
Item = coordination_pb2.CoordinationItem
Shipment = shipment_pb2.Shipment
ENTRY = order_pb2.OrderTimelineEntry


def place(shop: Shop, partner_id: str, product_id: str, quantity: int) -> Any:
    request = made.order_of(partner_id, product_id, quantity)
    return shop.world.call(request, role="sales_administration").order


def a_stocked_product(shop: Shop, pieces: int) -> str:
    product_id = made.a_product(shop.world, stock_kept=True)
    if pieces:
        goods.receive(shop.world, product_id, pieces)
    return product_id


def stock_of(shop: Shop, product_id: str) -> tuple[int, int]:
    found = shop.world.call(stock.GetStockRequest(product_id=product_id)).stock
    return found.on_hand, found.allocated


def items(shop: Shop, **wanted: Any) -> list[Any]:
    return list(shop.world.call(coordination.ListCoordinationItemsRequest(**wanted)).items)


def logistics(shop: Shop, request: Any) -> Any:
    return shop.world.call(request, role="logistics")


def refused(shop: Shop, request: Any, *, role: str) -> tuple[str, str]:
    with pytest.raises(Refused) as answer:
        shop.world.call(request, role=role)
    return answer.value.code.name, answer.value.reason


def lacking(order: Any) -> tuple[int, int]:
    return order.state, order.lines[0].back_ordered_quantity


def back_order_answer(order: Any, day: str) -> coordination.AnswerCoordinationRequest:
    return coordination.AnswerCoordinationRequest(
        order_id=order.order_id,
        product_id=order.lines[0].priced.product_id,
        kind=Item.KIND_BACK_ORDER,
        promise_date=day,
        answer="the lorry comes that day",
    )


@req("R-087")
def test_what_is_there_is_set_aside_and_the_rest_is_promised(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), a_stocked_product(shop, 300)

    order = place(shop, partner_id, product_id, 600)
    [owed] = items(shop, kind=Item.KIND_BACK_ORDER, product_id=product_id)
    answer = back_order_answer(order, "2026-03-20")
    not_theirs = refused(shop, answer, role="production")
    answered = shop.world.call(answer, role="supply").item

    assert order.state == Order.STATE_PARTIALLY_ALLOCATED
    assert order.lines[0].back_ordered_quantity == 300
    assert order.lines[0].promise_date == "2026-03-16"
    assert stock_of(shop, product_id) == (300, 300)
    assert (owed.order_id, owed.quantity, owed.open_quantity) == (order.order_id, 300, 300)
    assert (owed.duty, owed.state) == ("supply", Item.STATE_OPEN)
    assert not_theirs == ("PERMISSION_DENIED", "COORDINATION_DUTY_FORBIDS")
    assert (answered.state, answered.answered_by) == (Item.STATE_ANSWERED, "supply@hq")
    assert shop.order(order.order_id).lines[0].promise_date == "2026-03-20"


@req("R-087")
def test_goods_that_come_in_are_set_aside_by_themselves_the_oldest_first(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), a_stocked_product(shop, 300)
    first, second = (place(shop, partner_id, product_id, pieces) for pieces in (600, 50))
    goods.receive(shop.world, product_id, 200)

    served = shop.order(first.order_id)
    goods.receive(shop.world, product_id, 120)
    whole, still = shop.order(first.order_id), shop.order(second.order_id)
    [done, _] = items(shop, kind=Item.KIND_BACK_ORDER, product_id=product_id)

    assert second.state == Order.STATE_APPROVED
    assert [lacking(one) for one in (served, whole, still)] == [
        (Order.STATE_PARTIALLY_ALLOCATED, 100),
        (Order.STATE_ALLOCATED, 0),
        (Order.STATE_PARTIALLY_ALLOCATED, 30),
    ]
    assert [(check.passed, check.reason) for check in whole.checks][-1] == (True, "")
    assert (done.state, done.open_quantity) == (Item.STATE_DONE, 0)
    late = refused(shop, back_order_answer(first, "2026-03-20"), role="supply")
    assert late == ("FAILED_PRECONDITION", "COORDINATION_STATE_FORBIDS")
    assert stock_of(shop, product_id) == (620, 620)
    told = [fact.order.order_id for fact in shop.facts(events_pb2.OrderAllocated)]
    assert told == [first.order_id, first.order_id, second.order_id]


@req("R-087")
def test_goods_that_become_free_go_to_the_oldest_order_that_waits(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), a_stocked_product(shop, 10)
    holder = place(shop, partner_id, product_id, 10)
    oldest = place(shop, partner_id, product_id, 6)
    newest = place(shop, partner_id, product_id, 6)

    shop.world.call(orders.CancelOrderRequest(order_id=holder.order_id, reason="no"))
    service = shop.world.services["channels"]
    with service.database.transaction() as tx:
        refilling.refill_due(tx, by="channels", at=service.clock.now())

    states = [shop.order(one.order_id).state for one in (oldest, newest)]
    assert states == [Order.STATE_ALLOCATED, Order.STATE_PARTIALLY_ALLOCATED]
    assert stock_of(shop, product_id) == (10, 10)


@req("R-087")
def test_two_that_bring_and_one_that_ships_at_once_lose_no_piece(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), a_stocked_product(shop, 0)
    waiting = [place(shop, partner_id, product_id, 4) for _ in range(3)]
    barrier = threading.Barrier(4)

    def at_once(request: Any) -> str:
        barrier.wait(timeout=10)
        try:
            logistics(shop, request)
        except Refused as answer:
            return answer.reason
        return "OK"

    requests = [
        stock.ReceiveStockRequest(product_id=product_id, quantity=4),
        stock.ReceiveStockRequest(product_id=product_id, quantity=3),
        orders.ShipOrderRequest(order_id=waiting[0].order_id),
        orders.ShipOrderRequest(order_id=waiting[1].order_id),
    ]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(at_once, requests))
    service = shop.world.services["channels"]
    with service.database.transaction() as tx:
        refilling.refill_due(tx, by="channels", at=service.clock.now())
    found = [shop.order(one.order_id) for one in waiting]
    shipped = 4 * sum(one.state == Order.STATE_SHIPPED for one in found)
    on_hand, allocated = stock_of(shop, product_id)
    held = sum(
        4 - one.lines[0].back_ordered_quantity
        for one in found
        if one.state in (Order.STATE_ALLOCATED, Order.STATE_PARTIALLY_ALLOCATED)
    )

    assert answers[:2] == ["OK", "OK"]
    assert set(answers[2:]) <= {"OK", "STOCK_INSUFFICIENT"}
    assert shipped == 4 * answers[2:].count("OK")
    assert on_hand == 7 - shipped
    assert allocated == held == on_hand


@req("R-086")
def test_what_is_beyond_the_plan_is_a_matter_for_production_and_the_order_goes_on(
    shop: Shop,
) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    line = monthly_plan_pb2.MonthlyPlanLine(
        partner_id=partner_id, product_id=product_id, quantity=5000
    )
    shop.tell(
        "planning",
        planning_pb.MonthlyPlanApproved(
            unit_id="hq", month="2026-03", plan_version=1, lines=[line]
        ),
    )
    place(shop, partner_id, product_id, 4600)

    order = place(shop, partner_id, product_id, 600)
    [excess] = items(shop, kind=Item.KIND_PLAN_EXCESS)
    answer = coordination.AnswerCoordinationRequest(
        order_id=order.order_id,
        product_id=product_id,
        kind=Item.KIND_PLAN_EXCESS,
        promise_date="2026-03-25",
    )
    answered = shop.world.call(answer, role="production").item
    shop.world.call(orders.CancelOrderRequest(order_id=order.order_id, reason="no"))
    [dropped] = items(shop, order_id=order.order_id)

    assert order.state == Order.STATE_ALLOCATED
    assert order.lines[0].excess_quantity == 200
    assert (excess.order_id, excess.quantity, excess.duty) == (order.order_id, 200, "production")
    assert (answered.state, answered.promise_date) == (Item.STATE_ANSWERED, "2026-03-25")
    assert dropped.state == Item.STATE_DROPPED


@req("R-289")
def test_never_more_is_picked_than_is_set_aside(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), a_stocked_product(shop, 300)
    order = place(shop, partner_id, product_id, 600)
    cancel = orders.CancelOrderRequest(order_id=order.order_id, reason="no")

    beyond = refused(shop, goods.pick_of(order, 301), role="logistics")
    first = logistics(shop, goods.pick_of(order, 300)).shipment
    nothing_left = refused(shop, goods.pick_of(order, 1), role="logistics")
    under_way = refused(shop, cancel, role="customer_service")
    back = logistics(shop, shipments.CancelShipmentRequest(shipment_id=first.shipment_id)).shipment
    ended = shop.world.call(cancel, role="customer_service").order

    assert beyond == nothing_left == ("FAILED_PRECONDITION", "SHIPMENT_EXCEEDS_ALLOCATION")
    assert under_way == ("FAILED_PRECONDITION", "SHIPMENT_UNDER_WAY")
    assert (first.state, back.state) == (Shipment.STATE_PICKED, Shipment.STATE_CANCELLED)
    assert ended.state == Order.STATE_CANCELLED
    assert stock_of(shop, product_id) == (300, 0)


@req("R-289")
def test_a_part_is_picked_sent_and_delivered_before_the_rest_is_there(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), a_stocked_product(shop, 300)
    order = place(shop, partner_id, product_id, 600)
    part = logistics(shop, goods.pick_of(order, 200, batch="B7")).shipment
    deliver = shipments.DeliverShipmentRequest(shipment_id=part.shipment_id, proof="slip 1")

    too_early = refused(shop, deliver, role="logistics")
    dispatch = shipments.DispatchShipmentRequest(shipment_id=part.shipment_id, carrier="SF")
    sent, left = logistics(shop, dispatch), stock_of(shop, product_id)
    handed = logistics(shop, deliver)
    goods.receive(shop.world, product_id, 300)
    logistics(shop, orders.ShipOrderRequest(order_id=order.order_id))
    done = logistics(shop, orders.DeliverOrderRequest(order_id=order.order_id, proof="slip 2"))
    listed = logistics(shop, shipments.ListShipmentsRequest(order_id=order.order_id)).shipments
    of_batch = logistics(shop, shipments.ListShipmentsRequest(batch="B7")).shipments

    assert too_early == ("FAILED_PRECONDITION", "SHIPMENT_STATE_FORBIDS")
    assert (sent.shipment.state, sent.shipment.carrier) == (Shipment.STATE_SHIPPED, "SF")
    assert handed.shipment.state == Shipment.STATE_DELIVERED
    assert {sent.order_state, handed.order_state} == {Order.STATE_PARTIALLY_ALLOCATED}
    assert (left, stock_of(shop, product_id)) == ((100, 100), (0, 0))
    assert done.order.state == Order.STATE_DELIVERED
    proofs = sorted((one.lines[0].quantity, one.delivery_proof) for one in listed)
    assert proofs == [(200, "slip 1"), (400, "slip 2")]
    assert [one.shipment_id for one in of_batch] == [part.shipment_id]
    assert len(shop.facts(events_pb2.OrderDelivered)) == 1


@req("R-289")
def test_an_order_is_delivered_with_its_last_shipment(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), a_stocked_product(shop, 10)
    order = place(shop, partner_id, product_id, 10)
    parts = [logistics(shop, goods.pick_of(order, pieces)).shipment for pieces in (4, 6)]
    waits = refused(shop, orders.ShipOrderRequest(order_id=order.order_id), role="logistics")

    requests = [
        *[shipments.DispatchShipmentRequest(shipment_id=one.shipment_id) for one in parts],
        *[
            shipments.DeliverShipmentRequest(shipment_id=one.shipment_id, proof="slip")
            for one in parts
        ],
    ]
    states = [logistics(shop, request).order_state for request in requests]

    assert waits == ("FAILED_PRECONDITION", "SHIPMENT_UNDER_WAY")
    assert states == [
        Order.STATE_ALLOCATED,
        Order.STATE_SHIPPED,
        Order.STATE_SHIPPED,
        Order.STATE_DELIVERED,
    ]
    assert stock_of(shop, product_id) == (0, 0)


@req("R-289")
def test_two_that_pick_the_last_pieces_of_an_order_get_them_once(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), a_stocked_product(shop, 5)
    order = place(shop, partner_id, product_id, 5)
    barrier = threading.Barrier(4)

    def pick() -> str:
        barrier.wait(timeout=10)
        try:
            return str(logistics(shop, goods.pick_of(order, 3)).shipment.shipment_id)
        except Refused as answer:
            return answer.reason

    with ThreadPoolExecutor(4) as pool:
        answers = [one.result() for one in [pool.submit(pick) for _ in range(4)]]

    assert sorted(answers)[1:] == ["SHIPMENT_EXCEEDS_ALLOCATION"] * 3


@req("R-288")
def test_nine_of_ten_deliveries_on_time_are_90_percent_and_none_goes_without_a_proof(
    shop: Shop,
) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    placed = [place(shop, partner_id, product_id, 1).order_id for _ in range(10)]
    for order_id in placed:
        logistics(shop, orders.ShipOrderRequest(order_id=order_id))
    unproved = refused(
        shop, orders.DeliverOrderRequest(order_id=placed[0], proof=""), role="logistics"
    )

    shop.on("2026-03-07")
    for order_id in placed[:9]:
        logistics(shop, orders.DeliverOrderRequest(order_id=order_id, proof="slip"))
    shop.on("2026-03-08")
    logistics(shop, orders.DeliverOrderRequest(order_id=placed[9], proof="slip"))
    asked = shipments.GetDeliveryPerformanceRequest(
        start_date="2026-03-01", end_date="2026-03-31", partner_id=partner_id
    )
    found = logistics(shop, asked).performance
    asked.end_date = "2026-03-07"
    before = logistics(shop, asked).performance

    assert unproved == ("INVALID_ARGUMENT", "REQUEST_INVALID")
    assert (found.deliveries, found.on_time, found.on_time_share) == (10, 9, "0.9000")
    assert (before.deliveries, before.on_time_share) == (9, "1.0000")


@req("R-291")
def test_a_partners_stock_goes_on_from_month_to_month(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), made.a_product(shop.world)
    order_id = place(shop, partner_id, product_id, 1600).order_id
    logistics(shop, orders.ShipOrderRequest(order_id=order_id))
    logistics(shop, orders.DeliverOrderRequest(order_id=order_id, proof="slip"))

    def report(month: str, came_in: int, went_out: int, opening: int | None) -> Any:
        line = partner_stock.PartnerStockLine(
            product_id=product_id, in_quantity=came_in, out_quantity=went_out, demand_quantity=70
        )
        if opening is not None:
            line.opening_quantity = opening
        request = partner_stock.ReportPartnerStockRequest(
            partner_id=partner_id, month=month, lines=[line]
        )
        [found] = shop.world.call(request, role="channel_manager").stocks
        return found

    reasons = []
    for month, *numbers in (
        ("2026-02", 0, 1, 0),
        ("2026-03", 1600, 1000, 900),
        ("2026-04", 0, 10, 1400),
        ("2026-04", 200, 300, None),
        ("2026-03", 1600, 999, 900),
    ):
        try:
            reasons.append(report(month, *numbers).closing_quantity)
        except Refused as answer:
            reasons.append(answer.reason)
    corrected = report("2026-04", 200, 400, 1500)
    listed = shop.world.call(
        partner_stock.ListPartnerStockRequest(partner_id=partner_id, product_id=product_id)
    ).stocks

    assert reasons == [
        "PARTNER_STOCK_NEGATIVE",
        1500,
        "PARTNER_STOCK_OPENING_DIFFERS",
        1400,
        "PARTNER_STOCK_SUPERSEDED",
    ]
    assert (corrected.closing_quantity, corrected.version) == (1300, 2)
    assert [(one.month, one.delivered_quantity) for one in listed] == [
        ("2026-03", 1600),
        ("2026-04", 0),
    ]
    told = shop.facts(events_pb2.PartnerStockReported)
    assert [fact.stocks[0].closing_quantity for fact in told] == [1500, 1400, 1300]


@req("R-085")
def test_orders_on_hold_are_asked_for_again_when_the_account_is_released(shop: Shop) -> None:
    product_id = made.a_product(shop.world)
    partner_id, other = shop.rich_partner(0), shop.rich_partner(0)
    oldest, tall, newest = (
        place(shop, partner_id, product_id, pieces).order_id for pieces in (10, 1000, 1)
    )
    elsewhere = place(shop, other, product_id, 1).order_id

    shop.desk.limits[partner_id] = 10_000
    shop.desk.limits[other] = 10_000
    shop.tell("settlement", settlement_pb.AccountReleased(partner_id=partner_id))
    until(
        lambda: shop.world.rows("channels", "SELECT count(*) FROM credit_recheck") == [(0,)],
        "the queue worked off",
        within_s=30,
    )

    found = [shop.order(order_id) for order_id in (oldest, tall, newest, elsewhere)]
    assert [one.state for one in found] == [
        Order.STATE_ALLOCATED,
        Order.STATE_CREDIT_HOLD,
        Order.STATE_ALLOCATED,
        Order.STATE_CREDIT_HOLD,
    ]
    assert found[0].moves[-1].moved_by == "channels"
    assert sorted(shop.desk.reserved) == sorted([oldest, newest])


@req("R-090")
def test_one_call_tells_an_order_from_the_first_move_to_the_money(shop: Shop) -> None:
    partner_id, product_id = shop.rich_partner(), a_stocked_product(shop, 3)
    order = place(shop, partner_id, product_id, 5)
    goods.receive(shop.world, product_id, 2)
    logistics(shop, orders.ShipOrderRequest(order_id=order.order_id, carrier="SF"))
    shop.on("2026-03-03")
    logistics(shop, orders.DeliverOrderRequest(order_id=order.order_id, proof="slip"))
    of_order = {"order_id": order.order_id, "partner_id": partner_id}
    invoice_id, receipt_id, entry_id, payment_id = (new_id() for _ in range(4))
    for day, fact in (
        (
            "2026-03-04",
            settlement_pb.InvoiceIssued(
                **of_order, invoice_id=invoice_id, amount=made.cny(4275), due_date="2026-04-03"
            ),
        ),
        (
            "2026-03-05",
            settlement_pb.CommissionAccrued(**of_order, entry_id=entry_id, amount=made.cny(128)),
        ),
        (
            "2026-03-06",
            settlement_pb.PaymentMatched(
                **of_order, invoice_id=invoice_id, receipt_id=receipt_id, amount=made.cny(4275)
            ),
        ),
        ("2026-03-07", settlement_pb.InvoicePaid(**of_order, invoice_id=invoice_id)),
        *(
            (
                # Before its cooling-off is over: then the service closes the order by itself.
                "2026-03-08",
                settlement_pb.RebatePaid(
                    partner_id=partner_id,
                    year=year,
                    payment_id=payment_id,
                    amount=made.cny(10_000),
                ),
            )
            for year in (2025, 2026)
        ),
    ):
        shop.on(day)
        shop.tell("settlement", fact)

    answer = shop.world.call(orders.GetOrderTimelineRequest(order_id=order.order_id))

    kinds = [ENTRY.Kind.Name(one.kind).removeprefix("KIND_") for one in answer.entries]
    money = [
        (one.reference, one.amount.amount_minor) for one in answer.entries if one.HasField("amount")
    ]
    times = [one.occur_time.ToDatetime() for one in answer.entries]
    assert answer.order.state == Order.STATE_SETTLED
    assert kinds.count("MOVED") == 9
    assert [kind for kind in kinds if kind != "MOVED"] == [
        "BACK_ORDERED",
        "SHIPMENT_PICKED",
        "SHIPMENT_SHIPPED",
        "SHIPMENT_DELIVERED",
        "INVOICE_ISSUED",
        "COMMISSION_ACCRUED",
        "PAYMENT_MATCHED",
        "INVOICE_PAID",
        "REBATE_PAID",
    ]
    assert money == [
        (invoice_id, 4275),
        (entry_id, 128),
        (receipt_id, 4275),
        (payment_id, 10_000),
    ]
    assert times == sorted(times)
    assert [one.state for one in answer.shipments] == [Shipment.STATE_DELIVERED]


@req("R-183")
def test_goods_of_another_unit_are_out_of_reach(shop: Shop) -> None:
    shop.add_unit("a1", "hq/a1/")
    shop.add_unit("a2", "hq/a2/")
    partner_id = made.a_partner(shop.world, unit_id="a1")
    shop.desk.limits[partner_id] = 10**9
    product_id = a_stocked_product(shop, 1)
    order = place(shop, partner_id, product_id, 2)
    shipment_id = logistics(shop, goods.pick_of(order, 1)).shipment.shipment_id

    for request in (
        goods.pick_of(order, 1),
        shipments.GetShipmentRequest(shipment_id=shipment_id),
        shipments.DispatchShipmentRequest(shipment_id=shipment_id),
        orders.GetOrderTimelineRequest(order_id=order.order_id),
    ):
        with pytest.raises(Refused) as answer:
            shop.world.call(request, role="logistics", unit_id="a2")
        assert answer.value.code is grpc.StatusCode.PERMISSION_DENIED
    others = [
        shop.world.call(request, role="logistics", unit_id="a2")
        for request in (
            shipments.ListShipmentsRequest(),
            coordination.ListCoordinationItemsRequest(),
        )
    ]

    assert [list(others[0].shipments), list(others[1].items)] == [[], []]
