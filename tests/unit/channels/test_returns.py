"""The rules of returns: moves, how many pieces may come back, and what they had cost."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import product
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.returns.domain import (
    MOVES,
    SETTLES,
    Finding,
    GoodsReturn,
    Kind,
    Line,
    Replacement,
    Sold,
    State,
    credited_pieces,
    require_within,
)
from channels.returns.errors import (
    ExchangeDifferenceDue,
    InspectionDoesNotFit,
    ReturnExceedsDelivered,
    ReturnNeedsAnotherPerson,
    ReturnStateForbids,
)
from channels.returns.risk import ReturnRate
from chassis.ids import new_id
from chassis.money import Money, UnitPrice
from tests.support.requirements import req

NOW = datetime(2026, 3, 2, 2, tzinfo=UTC)
DAY = date(2026, 3, 2)
P1 = Sold(1_000, Money("CNY", 855_000))


def cny(minor: int) -> Money:
    return Money("CNY", minor)


def a_return(quantity: int = 100, *, paid_minor: int = 0, **fields: Any) -> GoodsReturn:
    """A return of P1, or an exchange for P2 that cost something."""
    given_for = (Replacement("P2", 20, UnitPrice("CNY", Decimal("21.375")), cny(paid_minor)),)
    made = GoodsReturn(
        return_id=new_id(),
        order_id="o-1",
        partner_id="D1",
        customer_id="",
        unit_id="hq",
        kind=Kind.EXCHANGE if paid_minor else Kind.RETURN,
        reason_code="DEFECT",
        note="",
        lines=(Line("P1", quantity, cny(0)),),
        replacements=given_for if paid_minor else (),
        requested_by="li.wei",
        request_time=NOW,
    )
    return replace(made.begin().priced({"P1": P1}, {}), **fields)


def inspected(own: GoodsReturn, *findings: Finding) -> GoodsReturn:
    came = own.approve(at=NOW, by="boss").moved(State.RECEIVED, at=NOW, by="store")
    return came.inspect(findings, at=NOW, by="store").priced({"P1": P1}, {})


def settled(own: GoodsReturn) -> GoodsReturn:
    return inspected(own).settle(SETTLES[own.kind], on=DAY, at=NOW, by="boss")


@req("R-098")
@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_a_return_moves_only_along_the_table(state: State, to: State) -> None:
    own = a_return(state=state)

    if to in MOVES[state]:
        assert own.moved(to, at=NOW, by="boss").state is to
    else:
        with pytest.raises(ReturnStateForbids):
            own.moved(to, at=NOW, by="boss")


@req("R-098")
@pytest.mark.parametrize("ending", [State.REJECTED, State.CLOSED])
def test_what_ends_before_it_is_settled_claims_nothing(ending: State) -> None:
    before = a_return() if ending is State.REJECTED else inspected(a_return())

    after = before.moved(ending, at=NOW, by="boss")

    assert (before.claimed(), after.claimed(), credited_pieces([after])) == ({"P1": 100}, {}, {})


def test_a_second_person_approves() -> None:
    with pytest.raises(ReturnNeedsAnotherPerson):
        a_return().approve(at=NOW, by="li.wei")


@req("R-094")
def test_a_return_is_worth_what_the_goods_had_cost() -> None:
    assert a_return().credit_amount == cny(85_500)


@req("R-095")
@pytest.mark.parametrize(("quantity", "fits"), [(900, True), (901, False)])
def test_no_more_comes_back_than_was_delivered(quantity: int, fits: bool) -> None:
    others = [settled(a_return(100)), a_return(50).moved(State.REJECTED, at=NOW, by="boss")]
    lines = [Line("P1", quantity, cny(0))]

    if fits:
        require_within("o-1", lines, delivered={"P1": 1_000}, others=others)
    else:
        with pytest.raises(ReturnExceedsDelivered) as refused:
            require_within("o-1", lines, delivered={"P1": 1_000}, others=others)
        assert refused.value.metadata["left"] == "900"


def test_a_product_that_was_not_in_the_order_does_not_come_back() -> None:
    with pytest.raises(ReturnExceedsDelivered):
        require_within("o-1", [Line("P9", 1, cny(0))], delivered={"P1": 9}, others=[])


@req("R-097")
def test_an_exchange_of_the_same_worth_ends_without_a_credit() -> None:
    done = settled(a_return(50, paid_minor=42_750))

    assert (done.state, done.returned_amount, done.credit_amount) == (
        State.CLOSED, cny(42_750), cny(0),
    )  # fmt: skip
    assert done.credits() == []


def test_an_exchange_for_less_credits_the_difference_without_pieces() -> None:
    done = settled(a_return(50, paid_minor=42_000))

    assert done.state is State.REPLACED
    assert [(one.quantity, one.amount) for one in done.credits()] == [(0, cny(750))]


def test_an_exchange_for_more_is_refused() -> None:
    with pytest.raises(ExchangeDifferenceDue):
        settled(a_return(50, paid_minor=42_751))


@pytest.mark.parametrize(
    ("own", "way"),
    [(a_return(), State.REPLACED), (a_return(50, paid_minor=42_750), State.CREDITED)],
)
def test_each_kind_is_settled_in_its_own_way(own: GoodsReturn, way: State) -> None:
    with pytest.raises(ReturnStateForbids):
        inspected(own).settle(way, on=DAY, at=NOW, by="boss")


def test_the_inspection_decides_what_is_taken_and_what_is_sold_again() -> None:
    found = inspected(a_return(100), Finding("P1", 90, 60, "ten are not ours"))

    assert (found.claimed(), found.restocked(), found.credit_amount) == (
        {"P1": 90}, {"P1": 60}, cny(76_950),
    )  # fmt: skip


@pytest.mark.parametrize(
    "finding",
    [Finding("P1", 101, 0), Finding("P1", 5, 6), Finding("P9", 1, 1)],
)
def test_an_inspection_that_does_not_fit_is_refused(finding: Finding) -> None:
    with pytest.raises(InspectionDoesNotFit):
        inspected(a_return(100), finding)


def test_with_nothing_taken_a_return_is_closed() -> None:
    done = inspected(a_return(100), Finding("P1", 0, 0))

    assert (done.state, done.claimed(), done.end_reason != "") == (State.CLOSED, {}, True)


@given(
    st.integers(1, 500),
    st.integers(0, 10**7),
    st.lists(st.integers(1, 60), max_size=30),
    st.randoms(use_true_random=False),
)
def test_parts_in_any_order_cost_what_the_whole_had_cost(
    quantity: int, minor: int, wanted: list[int], dice: Random
) -> None:
    sold = Sold(quantity, cny(minor))
    parts: list[int] = []
    for part in wanted:
        parts.append(min(part, quantity - sum(parts)))
    parts.append(quantity - sum(parts))
    dice.shuffle(parts)
    back, amount = 0, cny(0)

    for part in parts:
        amount = amount + sold.cost(part, after=back)
        back += part

    assert amount == cny(minor)


@req("R-099")
def test_a_rate_is_what_came_back_of_what_was_delivered() -> None:
    rate = ReturnRate("D1", "P1", 1_000, 100, 30)

    assert (rate.return_percent, rate.exchange_percent) == (Decimal("10.0"), Decimal("3.0"))


@req("R-099")
@pytest.mark.parametrize(
    ("delivered", "back", "is_risk"), [(1_000, 100, True), (1_000, 50, False), (1_000, 51, True),
                                       (0, 5, False)]
)  # fmt: skip
def test_more_than_the_threshold_is_a_risk(delivered: int, back: int, is_risk: bool) -> None:
    rate = ReturnRate("D1", "P1", delivered, back, 0)

    assert rate.exceeds(Decimal("0.05")) is is_risk
