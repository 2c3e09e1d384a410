"""Ages, levels, rates and bills as values."""

from datetime import date
from itertools import product

import pytest

from chassis.money import Money
from chassis.period import Month
from chassis.policy.parameters import Value
from settlement.bill.domain import MOVES, Bill, BillStateForbids, State
from settlement.collection.domain import Collected, DunningRules, problems, statistics
from settlement.credit.domain import terms_problems
from tests.support.requirements import req

RULES = DunningRules((30, 60, 90), (1, 15, 30))
DAY = date(2026, 3, 2)


def cny(minor: int) -> Money:
    return Money("CNY", minor)


@req("R-134")
@pytest.mark.parametrize(
    ("due", "today", "bucket"),
    [
        (date(2026, 1, 31), date(2026, 3, 17), "31-60"),
        (date(2026, 3, 17), date(2026, 3, 17), "not due"),
        (date(2026, 3, 16), date(2026, 3, 17), "1-30"),
        (date(2026, 2, 15), date(2026, 3, 17), "1-30"),
        (date(2026, 2, 14), date(2026, 3, 17), "31-60"),
        (date(2025, 12, 17), date(2026, 3, 17), "61-90"),
        (date(2025, 12, 16), date(2026, 3, 17), "91-"),
    ],
)
def test_an_invoice_is_in_the_bucket_of_its_overdue_days(
    due: date, today: date, bucket: str
) -> None:
    assert RULES.bucket_of((today - due).days) == bucket


@req("R-135")
@pytest.mark.parametrize(
    ("target", "received", "rate"),
    [
        (100_000_000, 90_000_000, "90.00"),
        (300, 100, "33.33"),
        (100, 250, "250.00"),
        (0, 100, ""),
        (None, 100, ""),
    ],
)
def test_what_came_in_is_a_rate_of_the_target(target: int | None, received: int, rate: str) -> None:
    found = Collected(None, None if target is None else cny(target), cny(received))

    assert found.rate_percent == rate


@req("R-135")
def test_months_sum_to_the_whole_range() -> None:
    months = Month(2026, 1).span(3)

    found = statistics(
        months, {"2026-01": 100, "2026-03": 300}, {"2026-02": 50}, currency_code="CNY"
    )

    assert [one.target for one in found.months] == [cny(100), None, cny(300)]
    assert [one.received for one in found.months] == [cny(0), cny(50), cny(0)]
    assert (found.total.target, found.total.rate_percent) == (cny(400), "12.50")


@req("R-137")
@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_a_bill_moves_only_along_the_table(state: State, to: State) -> None:
    bill = Bill("b", "D1", "hq", "B-1", "bank", cny(1), DAY, DAY, state)
    moves = {
        State.HONOURED: lambda: bill.honour(receipt_id="r", on=DAY),
        State.DISHONOURED: lambda: bill.dishonour(note="no", on=DAY),
    }

    if to is State.PENDING:
        assert to not in MOVES[state]
    elif to in MOVES[state]:
        assert moves[to]().state is to
    else:
        with pytest.raises(BillStateForbids):
            moves[to]()


def test_rules_whose_days_do_not_ascend_are_refused() -> None:
    levels: list[Value] = [{"after_days": days, "name": "n"} for days in (1, 1)]

    assert problems({"bucket_ends": [0, 30], "levels": levels}) == [
        "bucket_ends: must be 1 or more and ascend",
        "levels: after_days must be 1 or more and ascend",
    ]
    assert problems({"bucket_ends": [30], "levels": levels[:1]}) == []


def test_terms_of_payment_have_days_that_a_calendar_has() -> None:
    terms = {"credit_days": 30, "reservation_minutes": 2}

    assert terms_problems(terms) == []
    assert terms_problems({**terms, "grace_days": -1}) == ["grace_days: must be 0 to 36500"]
