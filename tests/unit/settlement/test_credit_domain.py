"""Credit: what is left of a limit, and what becomes of a reservation."""

from datetime import UTC, datetime
from itertools import product

import pytest

from chassis.money import CurrencyMismatch, Money
from settlement.credit.domain import (
    MOVES,
    CreditAccount,
    CreditBlocked,
    CreditLimitExceeded,
    Owner,
    Position,
    Reservation,
    State,
)
from tests.support.requirements import req

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


def cny(amount_minor: int) -> Money:
    return Money("CNY", amount_minor)


def a_position(*, blocked: bool = False) -> Position:
    account = CreditAccount("D1", "hq", cny(20_000_000), 30, blocked)
    return Position(account, receivable=cny(15_000_000), advance=cny(0), reserved=cny(0))


@req("R-084")
def test_a_limit_of_200000_with_150000_owed_leaves_50000_and_not_a_cent_more() -> None:
    position = a_position()

    position.admit(cny(5_000_000))

    with pytest.raises(CreditLimitExceeded) as refused:
        position.admit(cny(5_000_001))
    assert refused.value.metadata["availableMinor"] == "5000000"


def test_blocked_credit_leaves_nothing() -> None:
    with pytest.raises(CreditBlocked):
        a_position(blocked=True).admit(cny(1))


def test_credit_has_one_currency() -> None:
    with pytest.raises(CurrencyMismatch):
        a_position().admit(Money("USD", 1))


@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_a_reservation_moves_only_along_the_table(state: State, to: State) -> None:
    reservation = Reservation("r", Owner("order", "1"), "D1", cny(1), state, NOW)

    moved = reservation.move(to)

    assert moved.state is (to if to in MOVES[state] else state)
