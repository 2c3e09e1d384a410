"""Goods of orders: what waits, what is promised, what travels, and what partners have."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.coordination import domain as coordination
from channels.coordination.wire import from_item
from channels.order.domain import CheckKind, Missing, Order, OrderLine, Origin, Source, State
from channels.partner_stock.domain import (
    PartnerStock,
    PartnerStockOpeningDiffers,
    Report,
    opening_of,
)
from channels.pricing.domain import PricedLine
from channels.shipment import domain as shipping
from channels.shipment.wire import from_shipment
from channels.timeline.domain import Entry, Kind, timeline_of
from channels.timeline.wire import got
from chassis.money import Money, UnitPrice
from tests.support.requirements import req

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
DAY = date(2026, 3, 16)


def an_order(*quantities: int, state: State = State.CHECKED) -> Order:
    lines = tuple(
        OrderLine(
            PricedLine(
                f"P{place}",
                quantity,
                UnitPrice("CNY", Decimal("8.55")),
                Money("CNY", 855 * quantity),
                factors=(),
            )
        )
        for place, quantity in enumerate(quantities, start=1)
    )
    return Order(
        order_id="0199a1b2-0000-7000-8000-000000000001",
        partner_id="D1",
        unit_id="hq",
        origin=Origin(Source.OFFICE),
        order_date=date(2026, 3, 2),
        lines=lines,
        total=Money("CNY", 855 * sum(quantities)),
        create_time=AT,
        state=state,
    )


def a_shipment(
    state: shipping.State, *, pieces: int = 4, on: date | None = None
) -> shipping.Shipment:
    sent = AT if state in (shipping.State.SHIPPED, shipping.State.DELIVERED) else None
    return shipping.Shipment(
        shipment_id="0199a1b2-0000-7000-8000-000000000002",
        order_id="0199a1b2-0000-7000-8000-000000000001",
        partner_id="D1",
        unit_id="hq",
        lines=(shipping.Line("P1", pieces, "B7"),),
        due_date=DAY,
        pick_time=AT,
        state=state,
        ship_time=sent,
        deliver_time=AT if on else None,
        deliver_date=on,
    )


def an_item(state: coordination.State) -> coordination.Item:
    return coordination.Item(
        order_id="0199a1b2-0000-7000-8000-000000000001",
        product_id="P1",
        kind=coordination.Kind.BACK_ORDER,
        partner_id="D1",
        unit_id="hq",
        quantity=300,
        open_quantity=300,
        promise_date=DAY,
        duty="supply",
        create_time=AT,
        state=state,
    )


@req("R-087")
def test_300_of_600_pieces_are_set_aside_and_300_are_promised() -> None:
    order = an_order(600).approve("SC-1", {"P1": Missing(300, DAY)}, at=AT, by="li.wei")

    assert order.state is State.PARTIALLY_ALLOCATED
    assert (order.set_aside(), order.waited_for()) == ({"P1": 300}, {"P1": 300})
    assert order.lines[0].promise_date == DAY
    [goods] = [check for check in order.checks if check.kind is CheckKind.STOCK]
    assert (goods.passed, goods.reason) == (False, "STOCK_INSUFFICIENT")


@req("R-087")
@pytest.mark.parametrize(
    ("missing", "state"),
    [
        ({}, State.ALLOCATED),
        ({"P1": 6}, State.PARTIALLY_ALLOCATED),
        ({"P1": 6, "P2": 3}, State.PARTIALLY_ALLOCATED),
        ({"P1": 6, "P2": 4}, State.APPROVED),
    ],
)
def test_an_approved_order_is_where_its_goods_are(missing: dict[str, int], state: State) -> None:
    lacks = {product_id: Missing(pieces, DAY) for product_id, pieces in missing.items()}

    order = an_order(6, 4).approve("SC-1", lacks, at=AT, by="li.wei")

    assert order.state is state
    assert order.stocked({}, at=AT, by="channels").state is State.ALLOCATED


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 50)), min_size=1, max_size=5).map(
        lambda pairs: [(quantity, min(quantity, lack)) for quantity, lack in pairs]
    )
)
def test_what_is_set_aside_and_what_is_waited_for_are_the_whole(
    pairs: list[tuple[int, int]],
) -> None:
    missing = {
        f"P{place}": Missing(lack, DAY) for place, (_, lack) in enumerate(pairs, start=1) if lack
    }
    order = an_order(*[quantity for quantity, _ in pairs])

    lacking = order.lacking(missing)

    both = [lacking.set_aside(), lacking.waited_for()]
    assert {
        product_id: sum(one.get(product_id, 0) for one in both) for product_id in order.quantities()
    } == order.quantities()
    assert lacking.lacking({}) == order


@req("R-289")
@pytest.mark.parametrize(("state", "to"), list(product(shipping.State, shipping.State)))
def test_a_shipment_moves_only_along_the_table(state: shipping.State, to: shipping.State) -> None:
    moves = {
        shipping.State.SHIPPED: lambda one: one.dispatch(carrier="SF", at=AT),
        shipping.State.DELIVERED: lambda one: one.deliver(proof="slip", at=AT, on=DAY),
        shipping.State.CANCELLED: lambda one: one.cancel(),
    }
    if to not in moves:
        assert to not in shipping.MOVES[state]
    elif to in shipping.MOVES[state]:
        assert moves[to](a_shipment(state)).state is to
    else:
        with pytest.raises(shipping.ShipmentStateForbids):
            moves[to](a_shipment(state))


@req("R-288")
def test_nine_of_ten_deliveries_are_90_percent() -> None:
    assert str(shipping.Performance(10, 9).share) == "0.9000"
    assert shipping.Performance(0, 0).share is None


@pytest.mark.parametrize(("days", "on_time"), [(0, True), (1, False)])
def test_a_delivery_is_on_time_on_its_last_day(days: int, on_time: bool) -> None:
    shipment = a_shipment(shipping.State.DELIVERED, on=DAY + timedelta(days=days))

    assert shipment.on_time is on_time
    assert from_shipment(shipment).on_time is on_time


def test_a_shipment_that_was_put_back_carries_nothing() -> None:
    found = [a_shipment(shipping.State.PICKED), a_shipment(shipping.State.CANCELLED)]

    assert shipping.pieces(found) == {"P1": 4}


@pytest.mark.parametrize("state", list(coordination.State))
def test_only_what_is_still_to_come_is_answered(state: coordination.State) -> None:
    item = an_item(state)

    if coordination.State.ANSWERED in coordination.MOVES[state]:
        answered = item.answered(
            promise_date=date(2026, 3, 20), answer="soon", by="wang", roles=["supply"]
        )
        assert (answered.state, answered.version) == (coordination.State.ANSWERED, 2)
    else:
        with pytest.raises(coordination.CoordinationStateForbids):
            item.answered(promise_date=DAY, answer="", by="wang", roles=["supply"])
    assert from_item(item).promise_date == "2026-03-16"


@req("R-087")
def test_only_the_role_whose_duty_it_is_answers() -> None:
    with pytest.raises(coordination.CoordinationDutyForbids):
        an_item(coordination.State.OPEN).answered(
            promise_date=DAY, answer="", by="wang", roles=["production", "logistics"]
        )


@req("R-291")
def test_what_came_in_less_what_went_out_is_left() -> None:
    stock = PartnerStock("D1", "hq", "P1", "2026-03", 900, 1600, 1000, 0, 1600, "li.wei", AT)

    assert stock.closing == 1500
    assert opening_of(Report("P1", None, 0, 0, 0), stock) == 1500
    assert opening_of(Report("P1", 1500, 0, 0, 0), stock) == 1500
    assert opening_of(Report("P1", 900, 0, 0, 0), None) == 900
    with pytest.raises(PartnerStockOpeningDiffers):
        opening_of(Report("P1", 1499, 0, 0, 0), stock)


def test_a_timeline_is_in_the_order_of_time_and_within_an_instant_of_the_process() -> None:
    order = an_order(4).approve("SC-1", {}, at=AT, by="li.wei")
    later = AT + timedelta(seconds=1)
    rest = [Entry(later, kind, "settlement", amount=Money("CNY", 5)) for kind in reversed(Kind)]

    timeline = timeline_of(order, [a_shipment(shipping.State.SHIPPED)], rest)

    kinds = [entry.kind for entry in timeline.entries]
    assert kinds[:4] == [Kind.MOVED, Kind.MOVED, Kind.SHIPMENT_PICKED, Kind.SHIPMENT_SHIPPED]
    assert kinds[4:] == list(Kind)
    assert len(got(timeline).entries) == len(kinds)
