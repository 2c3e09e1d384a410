"""Commission: what a sale earns, and what becomes of it."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import product

import pytest

from chassis.money import Money
from settlement.commission.domain import (
    MOVES,
    CommissionNothingToPay,
    Earning,
    Entry,
    Per,
    Rate,
    Sale,
    SaleLine,
    State,
    earnings,
    payment,
)
from tests.support.requirements import req

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)
DAY = date(2026, 3, 2)
OFFER = Rate("offer_realised", Per.ORDER, Money("CNY", 500))
CARD = Rate("product_sale", Per.PIECE, Money("CNY", 2_000))


def an_entry(rate: Rate = OFFER, quantity: int = 1, state: State = State.ACCRUED) -> Entry:
    entry = Entry("e", "A1", "hq", "o", "", "", Earning(rate, "", quantity), "p", DAY, NOW, DAY)
    match state:
        case State.ACCRUED:
            return entry
        case State.CONFIRMED:
            return entry.confirm()
        case State.PAID:
            return entry.confirm().pay("pay")
        case State.REVERSED:
            return entry.reverse(on=DAY)


def a_sale(*quantities: int) -> Sale:
    lines = [SaleLine(f"P{n}", quantity, Money("CNY", 1)) for n, quantity in enumerate(quantities)]
    return Sale("o", "A1", "hq", "PARTNER", "", "", tuple(lines))


def test_an_order_earns_once_and_a_piece_each_time() -> None:
    kinds = [["offer_realised", "product_sale"], ["offer_realised"]]

    found = earnings(a_sale(3, 4), [OFFER, CARD], kinds)

    assert found == [Earning(OFFER, "", 1), Earning(CARD, "P0", 3)]


def test_a_sale_that_matches_nothing_earns_nothing() -> None:
    assert earnings(a_sale(1), [OFFER, CARD], [[]]) == []


@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_an_entry_moves_only_along_the_table(state: State, to: State) -> None:
    entry = an_entry(state=state)
    moves: dict[State, Callable[[], Entry]] = {
        State.CONFIRMED: entry.confirm,
        State.PAID: lambda: entry.pay("pay"),
        State.REVERSED: lambda: entry.reverse(on=DAY),
    }

    if to is State.ACCRUED:
        assert to not in MOVES[state]
    elif to in MOVES[state]:
        assert moves[to]().state is to
    else:
        with pytest.raises(AssertionError):
            moves[to]()


@req("R-124")
def test_what_was_taken_back_after_a_payment_is_taken_off_the_next_one() -> None:
    due = [an_entry(CARD, 2, State.CONFIRMED)]
    back = [an_entry(OFFER, 1, State.PAID).reverse(on=DAY)]

    paid = payment("pay", "A1", due=due, taken_back=back, on=DAY)

    assert paid.amount == Money("CNY", 3_500)


def test_nothing_is_paid_when_more_was_taken_back() -> None:
    back = [an_entry(OFFER, 1, State.PAID).reverse(on=DAY)]

    with pytest.raises(CommissionNothingToPay):
        payment("pay", "A1", due=[], taken_back=back, on=DAY)
