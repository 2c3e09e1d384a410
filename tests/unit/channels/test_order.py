"""Orders: the table of moves, the cooling-off time and the excess over the plan."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.order.domain import (
    MOVES,
    ON_INVOICE,
    ON_PAYMENT,
    Check,
    CheckKind,
    Order,
    OrderLine,
    Origin,
    Source,
    State,
    excess_of,
)
from channels.order.errors import CoolingOffOver, OrderStateForbids
from channels.order.wire import from_order
from channels.pricing.domain import PricedLine
from chassis.money import Money, UnitPrice
from tests.support.requirements import req

AT = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
HAPPY = (
    State.SUBMITTED,
    State.CHECKED,
    State.APPROVED,
    State.ALLOCATED,
    State.SHIPPED,
    State.DELIVERED,
    State.INVOICED,
    State.SETTLED,
    State.CLOSED,
)


def an_order(state: State = State.DRAFT) -> Order:
    priced = PricedLine("P1", 10, UnitPrice("CNY", Decimal("8.55")), Money("CNY", 8550), factors=())
    return Order(
        order_id="0199a1b2-0000-7000-8000-000000000001",
        partner_id="D1",
        unit_id="hq",
        origin=Origin(Source.OFFICE),
        order_date=date(2026, 3, 2),
        lines=(OrderLine(priced),),
        total=Money("CNY", 8550),
        create_time=AT,
        state=state,
    )


@req("R-090")
def test_the_happy_path_has_nine_moves() -> None:
    order = an_order().moved(*HAPPY, at=AT, by="li.wei")

    assert order.state is State.CLOSED
    assert len(order.moves) == 9
    assert order.version == 10


@req("R-090")
@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_an_order_moves_only_along_the_table(state: State, to: State) -> None:
    order = an_order(state)

    if to in MOVES[state]:
        assert order.moved(to, at=AT, by="li.wei").state is to
    else:
        with pytest.raises(OrderStateForbids):
            order.moved(to, at=AT, by="li.wei")


@req("R-090")
def test_a_shipped_order_cannot_be_submitted_again() -> None:
    with pytest.raises(OrderStateForbids) as refused:
        an_order(State.SHIPPED).moved(State.SUBMITTED, at=AT, by="li.wei")

    assert refused.value.metadata["state"] == "SHIPPED"
    assert refused.value.metadata["to"] == "SUBMITTED"


@pytest.mark.parametrize("steps", [ON_INVOICE, ON_PAYMENT])
def test_settlements_facts_move_an_order_along_the_table(
    steps: Mapping[State, Sequence[State]],
) -> None:
    moved = {state: an_order(state).moved(*to, at=AT, by="li.wei") for state, to in steps.items()}

    assert {order.state for order in moved.values()} <= {State.INVOICED, State.SETTLED}
    assert {state: order.state for state, order in moved.items()} == {
        state: to[-1] for state, to in steps.items()
    }


@pytest.mark.parametrize("state", [State.DELIVERED, State.INVOICED, State.SETTLED])
def test_a_delivered_order_can_be_cancelled_until_the_cooling_off_time_is_over(
    state: State,
) -> None:
    end = AT + timedelta(days=7)
    order = replace(an_order(state), cooling_off_end_time=end)

    cancelled = order.cancel(reason="no", at=end - timedelta(microseconds=1), by="li.wei")

    assert cancelled.state is State.CANCELLED
    assert cancelled.end_reason == "no"
    with pytest.raises(CoolingOffOver):
        order.cancel(reason="no", at=end, by="li.wei")


def test_a_later_check_replaces_an_earlier_one_of_its_kind() -> None:
    order = an_order().checked([Check(CheckKind.CREDIT, passed=False, reason="X")], {"P1": 4})

    again = order.checked([Check(CheckKind.CREDIT, passed=True)], {})

    assert again.checks == (Check(CheckKind.CREDIT, passed=True),)
    assert again.lines[0].excess_quantity == 4


@req("R-086")
def test_what_goes_beyond_the_plan_is_the_excess() -> None:
    excess = excess_of({"P1": 600}, planned={"P1": 5000}, ordered={"P1": 4600})

    assert excess == {"P1": 200}


amounts = st.integers(min_value=0, max_value=10_000)


@given(quantity=st.integers(min_value=1, max_value=10_000), planned=amounts, ordered=amounts)
def test_the_excess_is_never_more_than_was_ordered_now(
    quantity: int, planned: int, ordered: int
) -> None:
    excess = excess_of({"P1": quantity}, planned={"P1": planned}, ordered={"P1": ordered})["P1"]

    assert 0 <= excess <= quantity
    assert excess == 0 or ordered + quantity - excess == max(planned, ordered)


def test_every_state_and_check_has_its_number_in_the_contract() -> None:
    order = an_order().moved(*HAPPY, at=AT, by="li.wei")
    order = order.checked([Check(kind, passed=True) for kind in CheckKind], {})

    message = from_order(order)

    assert len(message.moves) == 9
    assert getattr(message.moves[0], "from") != message.moves[0].to
    assert [check.kind for check in message.checks] == [1, 2, 3, 4, 5]
