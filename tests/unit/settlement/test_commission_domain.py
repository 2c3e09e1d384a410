"""Commission: what a sale earns, and what becomes of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.allocation import split
from chassis.money import Money
from settlement.commission.cash import CashOrder, Promise
from settlement.commission.domain import (
    MOVES,
    CommissionNothingToPay,
    CommissionSplitForbidden,
    Entry,
    Share,
    State,
    payment,
)
from settlement.commission.earning import (
    NOTHING,
    Basis,
    Earning,
    Per,
    Rate,
    Returned,
    Sale,
    SaleLine,
    earnings,
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
        case State.STATED:
            return replace(entry.confirm(), state=State.STATED)
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

    assert found == [Earning(OFFER, "", 1, 2, 7), Earning(CARD, "P0", 3, 1, 3)]


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

    if to is State.STATED:
        assert (to in MOVES[state]) is (state is State.CONFIRMED)
    elif to is State.ACCRUED:
        assert to not in MOVES[state]
    elif to in MOVES[state]:
        assert moves[to]().state is to
    else:
        with pytest.raises(AssertionError):
            moves[to]()


@req("R-124")
def test_what_was_taken_back_after_a_payment_is_taken_off_the_next_one() -> None:
    due = [an_entry(CARD, 2, State.CONFIRMED)]

    paid = payment("pay", "A1", due=due, taken_back_minor=500, on=DAY)

    assert paid.amount == Money("CNY", 3_500)


def test_nothing_is_paid_when_more_was_taken_back() -> None:
    with pytest.raises(CommissionNothingToPay):
        payment("pay", "A1", due=[], taken_back_minor=500, on=DAY)


SALES = Rate("sales_commission", Per.AMOUNT, Money("ZZZ", 0), "0.03")


def share_of(amount_minor: int, quantity: int = 1) -> Entry:
    sale = Sale("o", "A1", "hq", "OFFICE", "", "", (SaleLine("P1", quantity, cny(amount_minor)),))
    [earning] = earnings(sale, [SALES], [["sales_commission"]])
    return replace(an_entry(), earning=earning)


def cny(amount_minor: int) -> Money:
    return Money("CNY", amount_minor)


@req("R-117")
def test_a_salesperson_earns_a_share_of_the_sales() -> None:
    assert share_of(171_000_000).amount == cny(5_130_000)


@req("R-117")
def test_on_cash_a_share_of_what_was_collected_is_earned() -> None:
    promised = a_promise(171_000_000)

    assert promised.due(CashOrder("o", 171_000_000, 153_900_000)) == 4_617_000
    assert promised.due(CashOrder("o", 171_000_000, 171_000_000)) == 5_130_000
    assert promised.due(CashOrder("o", 171_000_000, 999_000_000)) == 5_130_000


@given(
    total=st.integers(17, 10**9),
    parts=st.lists(st.integers(1, 10**9), min_size=1, max_size=8),
)
def test_what_is_collected_by_parts_earns_what_the_whole_does(total: int, parts: list[int]) -> None:
    promised = a_promise(total)
    collected, earned = 0, 0

    for part in split(total, parts):
        collected += part
        earned += promised.due(CashOrder("o", total, collected)) - earned

    assert earned == share_of(total).amount.amount_minor


@req("R-096", "R-124")
def test_a_return_takes_back_its_share() -> None:
    entry = share_of(855_000, quantity=1_000)

    counted, minor = entry.give_back(Returned(100, 85_500))

    assert minor == 2_565
    assert counted.take_back(minor, on=DAY).left == cny(25_650 - 2_565)


@req("R-096")
@given(
    rate=st.sampled_from([OFFER, CARD, SALES, replace(CARD, per=Per.LINE)]),
    quantity=st.integers(1, 500),
    unit_minor=st.integers(0, 10_000),
    cuts=st.lists(st.integers(1, 500), min_size=1, max_size=6),
    random=st.randoms(use_true_random=False),
)
def test_partial_returns_in_any_order_that_are_all_take_back_all(
    rate: Rate, quantity: int, unit_minor: int, cuts: list[int], random: Random
) -> None:
    sale = a_sale(quantity)
    line = SaleLine("P0", quantity, cny(quantity * unit_minor))
    found = earnings(replace(sale, lines=(line,)), [rate], [[rate.event_kind]])
    pieces = [part for part in split(quantity, cuts) if part]
    random.shuffle(pieces)

    for earning in found:
        entry = replace(an_entry(), earning=earning)
        for part in pieces:
            entry, minor = entry.give_back(Returned(part, part * unit_minor))
            entry = entry.take_back(minor, on=DAY) if minor else entry
        assert (entry.state, entry.left) == (State.REVERSED, cny(0))


@req("R-125")
def test_a_shared_commission_is_split_to_the_cent() -> None:
    entry = replace(an_entry(), earning=Earning(replace(OFFER, amount=cny(50_000)), "", 1, 1, 1))
    shares = [Share("A1", 60), Share("A2", 40)]

    found = entry.split(shares, ids=["e1", "e2"], on=DAY, at=NOW)

    assert [(one.partner_id, one.amount) for one in found] == [
        ("A1", cny(30_000)),
        ("A2", cny(20_000)),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        replace(an_entry(), reversed_minor=1),
        replace(an_entry(), returned=Returned(1, 0)),
        replace(an_entry(), earning=Earning(replace(OFFER, basis=Basis.CASH), "", 1)),
        an_entry(state=State.STATED),
        an_entry(state=State.PAID),
    ],
)
def test_what_is_not_as_it_was_earned_is_not_split(entry: Entry) -> None:
    with pytest.raises(CommissionSplitForbidden):
        entry.require_whole()


@req("R-122")
@given(sales=st.integers(17, 10**12), more=st.integers(34, 10**9))
def test_who_sells_more_earns_more(sales: int, more: int) -> None:
    """By a cent of commission at least, which 34 cents of sales make at 3 %."""
    assert share_of(sales + more).amount > share_of(sales).amount


def a_promise(amount_minor: int) -> Promise:
    rate = replace(SALES, amount=cny(0), basis=Basis.CASH)
    earning = Earning(rate, "P1", 1, amount_minor, 1)
    return Promise("o", "A1", "hq", "", "", "p", earning, NOTHING, 0, 0)
