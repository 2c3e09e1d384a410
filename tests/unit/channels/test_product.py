"""Products: the table of moves, the release, and a stock that never goes below zero."""

from dataclasses import replace
from datetime import UTC, date, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.product.domain import (
    MOVES,
    Product,
    ProductNotPriced,
    ProductStateForbids,
    Stage,
    State,
    Stock,
    StockInsufficient,
    find_exclusion,
)
from channels.product.wire import STATES, from_product
from tests.support.requirements import req

TODAY = date(2026, 3, 2)


def a_product(
    state: State = State.IN_DEVELOPMENT,
    product_id: str = "P1",
    *,
    stock_kept: bool = False,
    excludes: tuple[str, ...] = (),
) -> Product:
    return Product(
        product_id=product_id,
        name="Product",
        line="",
        state=state,
        stock_kept=stock_kept,
        excludes_product_ids=excludes,
        requires_product_ids=(),
        review_opinion="",
        version=1,
        create_time=datetime(2026, 3, 2, tzinfo=UTC),
    )


@req("R-091")
@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_a_product_moves_only_along_the_table(state: State, to: State) -> None:
    moves = {
        State.REVIEWED: lambda one: one.review(opinion="fit"),
        State.PRICED: lambda one: one.release(today=TODAY, priced_today=False, priced_later=True),
        State.ON_SALE: lambda one: one.release(today=TODAY, priced_today=True, priced_later=False),
        State.WITHDRAWN: lambda one: one.withdraw(),
    }
    if to not in moves:
        assert not any(to in targets for targets in MOVES.values())
    elif to in MOVES[state]:
        assert moves[to](a_product(state)).state is to
    else:
        with pytest.raises(ProductStateForbids):
            moves[to](a_product(state))


@req("R-091")
def test_a_product_without_a_price_is_not_released() -> None:
    with pytest.raises(ProductNotPriced):
        a_product(State.REVIEWED).release(today=TODAY, priced_today=False, priced_later=False)


def test_a_withdrawn_product_keeps_its_rules() -> None:
    with pytest.raises(ProductStateForbids):
        a_product(State.WITHDRAWN).change_rules(excludes=["P2"], requires=[])


@pytest.mark.parametrize(
    ("state", "stock_kept", "pieces", "available"),
    [
        (State.ON_SALE, False, 0, True),
        (State.ON_SALE, True, 0, False),
        (State.ON_SALE, True, 1, True),
        (State.PRICED, False, 5, False),
    ],
)
def test_what_is_on_sale_and_there_can_be_sold(
    state: State, stock_kept: bool, pieces: int, available: bool
) -> None:
    one = a_product(state, stock_kept=stock_kept)

    assert one.is_available(pieces) is available


def test_an_exclusion_counts_whoever_names_it() -> None:
    products = [a_product(product_id="P1"), a_product(product_id="P2", excludes=("P1",))]

    assert find_exclusion(products) == ("P2", "P1")
    assert find_exclusion(products[:1]) is None


@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["receive", "allocate", "free", "ship"]), st.integers(1, 50)),
        max_size=40,
    )
)
def test_a_stock_never_goes_below_zero(steps: list[tuple[str, int]]) -> None:
    stock = Stock("P1", 0, 0)
    for step, quantity in steps:
        if step in ("free", "ship") and quantity > stock.allocated:
            continue
        try:
            stock = getattr(stock, step)(quantity)
        except StockInsufficient:
            assert quantity > stock.available

        assert 0 <= stock.allocated <= stock.on_hand


def test_every_state_has_its_number_in_the_contract() -> None:
    assert set(STATES) == set(State)
    assert from_product(a_product(State.ON_SALE)).state == STATES[State.ON_SALE]


@req("R-091")
@pytest.mark.parametrize(
    ("launch_month", "state"),
    [("", State.ON_SALE), ("2026-03", State.ON_SALE), ("2026-04", State.PRICED)],
)
def test_a_product_is_not_sold_before_its_launch_month(launch_month: str, state: State) -> None:
    product = replace(a_product(State.REVIEWED), launch_month=launch_month)

    released = product.release(today=TODAY, priced_today=True, priced_later=False)

    assert released.state is state


@pytest.mark.parametrize("state", list(State))
def test_a_launch_that_was_is_not_moved(state: State) -> None:
    product = a_product(state)

    for launch_month, is_allowed in (
        ("", state is not State.WITHDRAWN),
        ("2026-04", state not in (State.ON_SALE, State.WITHDRAWN)),
    ):
        if is_allowed:
            changed = product.change_life_cycle(stage=Stage.GROWTH, launch_month=launch_month)
            assert (changed.stage, changed.launch_month) == (Stage.GROWTH, launch_month)
        else:
            with pytest.raises(ProductStateForbids):
                product.change_life_cycle(stage=Stage.GROWTH, launch_month=launch_month)
