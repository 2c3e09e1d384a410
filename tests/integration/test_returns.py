"""Goods that come back, over channels and settlement: T8, races, and the exact inverse."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from google.protobuf.message import Message
from mantle.channels.v1 import (
    events_pb2,
    order_pb2,
    partner_service_pb2,
    return_pb2,
    stock_service_pb2,
)
from mantle.channels.v1 import order_service_pb2 as orders
from mantle.channels.v1 import return_service_pb2 as pb
from mantle.settlement.v1 import (
    commission_service_pb2,
    invoice_service_pb2,
    rebate_service_pb2,
)
from mantle.settlement.v1 import events_pb2 as settlement

from chassis.ids import new_id
from chassis.policy.parameters import Value
from tests.support import examples_channels as made
from tests.support.channels_world import Shop, shop
from tests.support.examples_channels_fulfilment import receive
from tests.support.examples_channels_returns import (
    ASKS,
    DECIDES,
    STORES,
    call,
    credited,
    deliver,
    inspected,
    return_of,
)
from tests.support.facts_settlement import cny, confirm_commission, events_of
from tests.support.policies_settlement import in_force
from tests.support.replayed import apply
from tests.support.requirements import req
from tests.support.return_books import actuals, balances, picture, stocks, turnover
from tests.support.server import Refused, World
from tests.support.waiting import until

__all__ = ["shop"]

State = return_pb2.GoodsReturn
TWO_PERCENT: Mapping[str, Value] = {
    "currency_code": "CNY",
    "mode": "whole_volume",
    "tiers": [{"from_minor": 0, "rate": "0.02"}],
}
THREE_PERCENT: Mapping[str, Value] = {"sales": {"rate": "0.03", "basis": "posting"}}
ALL_WAYS: Mapping[str, Value] = {
    "sales": {"rate": "0.03", "basis": "posting"},
    "money": {"rate": "0.017", "basis": "cash"},
}


def at(world: World, day: str) -> None:
    world.clock.set(datetime.fromisoformat(f"{day}T02:00:00").replace(tzinfo=UTC))


def placed(world: World, partner_id: str, lines: Mapping[str, int]) -> order_pb2.Order:
    request = orders.PlaceOrderRequest(
        partner_id=partner_id,
        source=order_pb2.ORDER_SOURCE_OFFICE,
        lines=[
            orders.PlaceOrderLine(product_id=product_id, quantity=quantity)
            for product_id, quantity in lines.items()
        ],
    )
    order: order_pb2.Order = world.call(request, role="sales_administration").order
    return order


def pay(world: World, partner_id: str, amount_minor: int) -> None:
    request = invoice_service_pb2.RecordReceiptRequest(
        partner_id=partner_id, amount=cny(amount_minor), reference=new_id()
    )
    world.call(request, role="finance")


def accrue(world: World, month: str) -> None:
    request = rebate_service_pb2.AccrueRebatesRequest(month=month, unit_id="hq")
    world.call(request, role="finance")
    open_runs = "SELECT 1 FROM work_run WHERE state IN ('PENDING', 'RUNNING')"
    until(lambda: world.rows("settlement", open_runs) == [], "the accrual", within_s=20)


def told(world: World, kind: type[Message]) -> list[Any]:
    rows = world.rows(
        "channels",
        "SELECT payload FROM event WHERE type = %(type)s ORDER BY id",
        type=kind.DESCRIPTOR.full_name,
    )
    return [kind.FromString(bytes(payload)) for (payload,) in rows]


@req("R-094", "R-095", "R-096", "R-097", "R-098", "R-099", "R-124")
def test_a_return_takes_back_all_that_its_goods_caused_and_an_exchange_moves_goods_alone(
    world: World,
) -> None:
    """T8."""
    order = _sold_and_paid(world)
    accrue(world, "2026-03")

    returned = credited(world, return_of(order, 100))
    world.settle()

    _money_is_back(world, returned)
    _rebate_and_commission_are_clawed_back(world)
    _no_more_comes_back_than_was_delivered(world, order)
    _an_exchange_of_the_same_worth_has_no_credit_note(world, order)
    _rates_and_the_risk_are_reported(world, returned)


def _sold_and_paid(world: World) -> order_pb2.Order:
    made.a_partner(made.a_world(world), "D1")
    for product_id, amount, pieces in (("P1", "10.00", 1_000), ("P2", "25.00", 20)):
        made.a_product(world, product_id, amount=amount, stock_kept=True)
        receive(world, product_id, pieces)
    in_force(world, "rebate", TWO_PERCENT, scope="partner:D1")
    sales = {"sales": "amount_minor > 0"}
    in_force(world, "commission", {"per_amount": THREE_PERCENT}, sales, scope="partner:D1")
    world.settle()
    order = placed(world, "D1", {"P1": 1_000})
    deliver(world, order.order_id)
    world.settle()
    pay(world, "D1", 855_000)
    world.settle()
    at(world, "2026-04-02")
    # Else the service would move it in the books while balances are compared.
    confirm_commission(world)
    assert order.total == cny(855_000)
    return order


def _money_is_back(world: World, returned: str) -> None:
    record = world.call(pb.GetReturnRequest(return_id=returned), role="finance").goods_return
    assert (record.state, record.credit_amount, record.credit_note_issued) == (
        State.STATE_CLOSED, cny(85_500), True,
    )  # fmt: skip
    assert [move.to for move in record.moves] == [
        State.STATE_REQUESTED, State.STATE_APPROVED, State.STATE_RECEIVED, State.STATE_INSPECTED,
        State.STATE_CREDITED, State.STATE_CLOSED,
    ]  # fmt: skip
    [note] = events_of(world, settlement.CreditNoteIssued)
    assert (note.credit_note_id, note.amount, note.given_back, note.reason) == (
        returned, cny(85_500), cny(85_500), "return",
    )  # fmt: skip
    found = balances(world)
    assert (found["advance:D1:CNY"], found["revenue:hq:CNY"]) == (-85_500, -769_500)
    assert "receivable:D1:CNY" not in found
    assert actuals(world, "D1")["KIND_REVENUE", "P1"] == (769_500, 900)
    assert stocks(world)["P1"] == (100, 0)
    year = partner_service_pb2.GetPartnerYearRequest(partner_id="D1", year=2026)
    assert world.call(year, role="finance").figures.purchases == cny(769_500)
    assert turnover(world, "D1") == 769_500


def _rebate_and_commission_are_clawed_back(world: World) -> None:
    at(world, "2026-05-02")
    accrue(world, "2026-04")

    request = rebate_service_pb2.GetRebateStatementRequest(partner_id="D1", year=2026)
    rebate = world.call(request, role="finance").statement
    assert (rebate.returns, rebate.base) == (cny(85_500), cny(769_500))
    assert [one.change for one in rebate.accruals] == [cny(17_100), cny(-1_710)]
    entries = commission_service_pb2.ListCommissionEntriesRequest(partner_id="D1")
    [entry] = world.call(entries, role="finance").entries
    assert (entry.amount, entry.reversed_amount) == (cny(25_650), cny(2_565))
    assert balances(world)["commission_expense:hq:CNY"] == 25_650 - 2_565


def _no_more_comes_back_than_was_delivered(world: World, order: order_pb2.Order) -> None:
    before = balances(world), stocks(world)
    with pytest.raises(Refused) as refused:
        call(world, return_of(order, 901), ASKS)
    whole = call(world, return_of(order, 900), ASKS)
    rejection = pb.RejectReturnRequest(return_id=whole.return_id, reason="sold for good")
    call(world, rejection, DECIDES)

    assert (refused.value.reason, refused.value.metadata["left"]) == (
        "RETURN_EXCEEDS_DELIVERED", "900",
    )  # fmt: skip
    [fact] = told(world, events_pb2.ReturnRejected)
    assert (fact.return_id, fact.partner_id, fact.reason) == (
        whole.return_id, "D1", "sold for good",
    )  # fmt: skip
    assert (balances(world), stocks(world)) == before


def _an_exchange_of_the_same_worth_has_no_credit_note(world: World, order: order_pb2.Order) -> None:
    before = balances(world)
    dearer = return_of(order, 49, wanted={"P2": 20})
    with pytest.raises(Refused) as refused:
        call(world, dearer, ASKS)
    exchange = inspected(world, return_of(order, 50, wanted={"P2": 20}))
    with pytest.raises(Refused) as wrong_way:
        call(world, pb.CreditReturnRequest(return_id=exchange), DECIDES)
    done = call(world, pb.ReplaceReturnRequest(return_id=exchange, carrier="van 3"), STORES)
    world.settle()

    assert (refused.value.reason, wrong_way.value.reason) == (
        "EXCHANGE_DIFFERENCE_DUE", "RETURN_STATE_FORBIDS",
    )  # fmt: skip
    assert (done.kind, done.state) == (return_pb2.RETURN_KIND_EXCHANGE, State.STATE_CLOSED)
    assert (done.returned_amount, done.replacement_amount, done.credit_amount) == (
        cny(42_750), cny(42_750), cny(0),
    )  # fmt: skip
    assert len(events_of(world, settlement.CreditNoteIssued)) == 1
    assert balances(world) == before
    assert stocks(world) == {"P1": (150, 0), "P2": (0, 0)}


def _rates_and_the_risk_are_reported(world: World, returned: str) -> None:
    request = pb.ListReturnRatesRequest(start_date="2026-01-01", end_date="2026-12-31")
    [rate] = world.call(request, role="finance").rates
    assert (rate.partner_id, rate.product_id, rate.delivered_quantity) == ("D1", "P1", 1_000)
    assert (rate.return_percent, rate.exchange_percent) == ("10.0", "5.0")
    [risk] = world.call(pb.ListQualityRisksRequest(year=2026), role="finance").quality_risks
    assert (risk.return_id, risk.back_percent, risk.percent_max) == (returned, "10.0", "5.0")
    assert [one.quality_risk for one in told(world, events_pb2.QualityRiskRaised)] == [risk]


@req("R-096", "R-124")
def test_partial_returns_in_any_order_leave_every_balance_where_it_was(world: World) -> None:
    """Odd prices, several products, paid in part and whole, commission in three ways."""
    made.a_world(world)
    for seed, paid_minor in ((1, 7_777), (2, 10**7)):
        dice = Random(seed)
        partner_id, products = _a_shop(world, dice)
        pay(world, partner_id, paid_minor)
        world.settle()
        before = picture(world, partner_id)
        order = placed(world, partner_id, {one: dice.randint(3, 7) for one in products})
        deliver(world, order.order_id)
        world.settle()
        sold = picture(world, partner_id)

        for request in _in_parts(order, dice):
            credited(world, request)
        world.settle()

        assert sold["rebate base"] == min(order.total.amount_minor, paid_minor)
        assert [name for name in before if sold[name] == before[name]] == []
        assert picture(world, partner_id) == before


def _a_shop(world: World, dice: Random) -> tuple[str, list[str]]:
    """Return a partner that earns in three ways, and products with odd prices."""
    partner_id = made.a_partner(world, limit_minor=10**9)
    prices = [f"{dice.randint(100, 9_999) / 100:.2f}" for _ in range(2)]
    products = [made.a_product(world, amount=amount, stock_kept=True) for amount in prices]
    for product_id in products:
        receive(world, product_id, 20)
    ways: dict[str, Value] = {
        "per_amount": ALL_WAYS,
        "per_piece": {"piece": {"amount_minor": 77, "currency_code": "CNY"}},
    }
    always = {name: "amount_minor > 0" for name in ("sales", "money", "piece")}
    in_force(world, "commission", ways, always, scope=f"partner:{partner_id}")
    world.settle()
    return partner_id, products


def _in_parts(order: order_pb2.Order, dice: Random) -> list[pb.RequestReturnRequest]:
    """Deal the pieces of an order out among three returns."""
    hands: list[Counter[str]] = [Counter() for _ in range(3)]
    for line in order.lines:
        for _ in range(line.priced.quantity):
            dice.choice(hands)[line.priced.product_id] += 1
    requests = []
    for hand in filter(None, hands):
        request = return_of(order)
        del request.lines[:]
        for product_id, quantity in hand.items():
            request.lines.add(product_id=product_id, quantity=quantity)
        requests.append(request)
    return requests


@req("R-097")
def test_an_exchange_for_less_gives_the_difference_back(world: World) -> None:
    partner_id = made.a_partner(made.a_world(world))
    dear, cheap = made.a_product(world, amount="10.00"), made.a_product(world, amount="9.00")
    world.settle()
    order = placed(world, partner_id, {dear: 10})
    deliver(world, order.order_id)
    world.settle()

    exchange = inspected(world, return_of(order, 4, wanted={cheap: 4}))
    replaced = call(world, pb.ReplaceReturnRequest(return_id=exchange), STORES)
    world.settle()
    difference = balances(world)[f"receivable:{partner_id}:CNY"]
    credited(world, return_of(order, 6))
    world.settle()

    done = world.call(pb.GetReturnRequest(return_id=exchange), role="finance").goods_return
    notes = events_of(world, settlement.CreditNoteIssued)
    assert (replaced.state, done.state) == (State.STATE_REPLACED, State.STATE_CLOSED)
    assert [(one.amount, one.lines[0].quantity) for one in notes] == [
        (cny(3_420 - 3_078), 0), (cny(5_130), 6),
    ]  # fmt: skip
    assert difference == 8_550 - 342
    assert balances(world)[f"receivable:{partner_id}:CNY"] == 3_078


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Do things at the same moment, and return the reason of each: empty where it was done."""
    barrier = threading.Barrier(len(acts))

    def one(act: Callable[[], object]) -> str:
        barrier.wait(timeout=10)
        try:
            act()
        except Refused as refused:
            return refused.reason
        return ""

    with ThreadPoolExecutor(len(acts)) as pool:
        return sorted(pool.map(one, acts))


def a_delivery(shop: Shop, quantity: int) -> order_pb2.Order:
    """Deliver a product whose stock is kept, channels alone."""
    product_id = made.a_product(shop.world, stock_kept=True)
    receive(shop.world, product_id, quantity)
    order = placed(shop.world, shop.rich_partner(), {product_id: quantity})
    deliver(shop.world, order.order_id)
    return order


@req("R-095")
def test_of_two_returns_of_the_same_line_at_once_one_is_taken(shop: Shop) -> None:
    order = a_delivery(shop, 10)

    reasons = at_once(*[lambda: call(shop.world, return_of(order, 6), ASKS)] * 2)

    listed = shop.world.call(pb.ListReturnsRequest(order_id=order.order_id), role="finance")
    assert reasons == ["", "RETURN_EXCEEDS_DELIVERED"]
    assert len(listed.goods_returns) == 1


def test_a_return_that_is_credited_twice_at_once_has_one_effect(shop: Shop) -> None:
    order = a_delivery(shop, 10)
    return_id = inspected(shop.world, return_of(order, 6))
    request = pb.CreditReturnRequest(return_id=return_id)

    reasons = at_once(*[lambda: call(shop.world, request, DECIDES)] * 2)

    [fact] = shop.facts(events_pb2.ReturnCredited)
    stock = stock_service_pb2.GetStockRequest(product_id=order.lines[0].priced.product_id)
    assert reasons == ["", "RETURN_STATE_FORBIDS"]
    assert (fact.return_id, fact.lines[0].quantity, fact.lines[0].amount) == (
        return_id, 6, cny(5_130),
    )  # fmt: skip
    assert shop.world.call(stock, role="logistics").stock.on_hand == 6


def test_an_order_whose_goods_were_exchanged_cannot_be_cancelled(shop: Shop) -> None:
    """Its invoice would be credited whole, and the partner would keep the other goods."""
    other = made.a_product(shop.world)
    first, second = a_delivery(shop, 10), a_delivery(shop, 10)
    exchanges = [
        inspected(shop.world, return_of(one, 4, wanted={other: 4})) for one in (first, second)
    ]
    call(shop.world, pb.ReplaceReturnRequest(return_id=exchanges[0]), STORES)

    with pytest.raises(Refused) as refused:
        cancel(shop, first)
    cancelled = cancel(shop, second)
    with pytest.raises(Refused) as late:
        call(shop.world, pb.ReplaceReturnRequest(return_id=exchanges[1]), STORES)

    assert (refused.value.reason, late.value.reason) == ("ORDER_EXCHANGED", "ORDER_NOT_RETURNABLE")
    assert cancelled.state == order_pb2.Order.STATE_CANCELLED


def cancel(shop: Shop, order: order_pb2.Order) -> order_pb2.Order:
    """Take a delivered order back within its cooling-off time."""
    request = orders.CancelOrderRequest(order_id=order.order_id, reason="changed my mind")
    cancelled: order_pb2.Order = shop.world.call(request, role="sales_administration").order
    return cancelled


@req("R-098")
def test_nothing_moves_before_a_return_is_settled(shop: Shop) -> None:
    order = a_delivery(shop, 10)
    before = stocks(shop.world)
    unknown = return_of(order, 1)
    unknown.reason_code = "TOO_BLUE"
    inspected(shop.world, return_of(order, 3))
    closing = inspected(shop.world, return_of(order, 7))
    closed = call(shop.world, pb.CloseReturnRequest(return_id=closing, reason="kept"), DECIDES)

    again = call(shop.world, return_of(order, 7), ASKS)
    with pytest.raises(Refused) as same_person:
        shop.world.call(
            pb.ApproveReturnRequest(return_id=again.return_id),
            role=DECIDES,
            subject=f"{ASKS}@hq",
        )
    with pytest.raises(Refused) as no_reason:
        call(shop.world, unknown, ASKS)

    assert (closed.state, stocks(shop.world)) == (State.STATE_CLOSED, before)
    assert shop.facts(events_pb2.ReturnCredited) == []
    assert (same_person.value.reason, no_reason.value.reason) == (
        "RETURN_NEEDS_ANOTHER_PERSON", "RETURN_REASON_UNKNOWN",
    )  # fmt: skip


def test_goods_that_were_not_delivered_do_not_come_back(shop: Shop) -> None:
    product_id = made.a_product(shop.world)
    order = placed(shop.world, shop.rich_partner(), {product_id: 2})

    with pytest.raises(Refused) as refused:
        call(shop.world, return_of(order), ASKS)

    assert refused.value.reason == "ORDER_NOT_RETURNABLE"


def test_the_catalogue_of_reasons_is_a_policy(shop: Shop) -> None:
    reasons = shop.world.call(pb.GetReturnReasonsRequest(), role="finance").reasons

    assert [one.reason_code for one in reasons] == [
        "DAMAGED", "EXPIRY", "WRONG_GOODS", "DEFECT", "UNSOLD",
    ]  # fmt: skip


def test_a_credit_note_that_is_told_twice_lowers_a_purchase_once(world: World) -> None:
    _sold_and_paid(world)
    world.settle()
    [(invoice_id, order_id, before)] = world.rows(
        "channels", "SELECT invoice_id, order_id, credited_minor FROM invoice_copy"
    )
    note = settlement.CreditNoteIssued(
        credit_note_id=new_id(),
        invoice_id=invoice_id,
        order_id=str(order_id),
        partner_id="D1",
        amount=cny(300),
    )

    apply(world, "channels", note, source="settlement")
    apply(world, "channels", note, source="settlement")

    assert world.rows("channels", "SELECT credited_minor FROM invoice_copy") == [(before + 300,)]
