"""Months and exports: their moves, when a month may be closed, how balances become lines."""

from datetime import UTC, date, datetime
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.money import Money
from chassis.period import Month
from settlement.ledger.domain import AccountCode, unit_account
from settlement.ledger.periods import MonthLine, PeriodClosed, PostDateInFuture, check_day
from settlement.period_close.domain import (
    MOVES,
    Period,
    PeriodNotOver,
    PeriodStateForbids,
    PeriodUnbalanced,
    State,
    balanced_totals,
    check_over,
)
from settlement.period_close.export import (
    EXPORT_MOVES,
    Destination,
    Export,
    ExportState,
    LedgerExportStateForbids,
    LedgerExportTotalDiffers,
    export_lines,
    totals_of,
)

JANUARY = Month(2026, 1)
AT = datetime(2026, 2, 1, tzinfo=UTC)


def a_line(
    code: AccountCode, debits: int, credits_: int, *, currency_code: str = "CNY"
) -> MonthLine:
    return MonthLine(
        unit_account(code, "hq", currency_code), opening=(7, 3), closing=(7 + debits, 3 + credits_)
    )


@pytest.mark.parametrize(("state", "to"), list(product(State, State)))
def test_a_month_moves_only_along_the_table(state: State, to: State) -> None:
    period = Period(JANUARY, state)

    if to in MOVES[state]:
        period.require_move(to)
    else:
        with pytest.raises(PeriodStateForbids):
            period.require_move(to)


@pytest.mark.parametrize(("state", "to"), list(product(ExportState, ExportState)))
def test_an_export_moves_only_along_the_table(state: ExportState, to: ExportState) -> None:
    export = Export("e", JANUARY, (), 0, AT, state)

    if to in EXPORT_MOVES[state]:
        export.require_move(to)
    else:
        with pytest.raises(LedgerExportStateForbids):
            export.require_move(to)


@pytest.mark.parametrize(("wait", "today"), [(0, date(2026, 2, 1)), (4, date(2026, 2, 5))])
def test_a_month_is_over_on_the_day_that_the_policy_leaves(wait: int, today: date) -> None:
    check_over(JANUARY, today=today, days_before_close=wait)

    with pytest.raises(PeriodNotOver):
        check_over(JANUARY, today=today.fromordinal(today.toordinal() - 1), days_before_close=wait)


def test_by_hand_is_posted_for_open_days_up_to_today() -> None:
    today, open_from = date(2026, 3, 2), date(2026, 2, 1)

    check_day(today, today=today, open_from=None)
    check_day(open_from, today=today, open_from=open_from)

    with pytest.raises(PeriodClosed):
        check_day(date(2026, 1, 31), today=today, open_from=open_from)
    with pytest.raises(PostDateInFuture):
        check_day(date(2026, 3, 3), today=today, open_from=open_from)


def test_a_month_whose_sides_differ_is_not_closed() -> None:
    lines = [a_line(AccountCode.CASH, 855_000, 0), a_line(AccountCode.REVENUE, 0, 855_001)]

    with pytest.raises(PeriodUnbalanced) as found:
        Period(JANUARY, State.CLOSING).closed(Period(JANUARY).counts, lines, head=None, at=AT)

    assert found.value.metadata["creditsMinor"] in (855_001, "855001")


def test_an_export_nets_what_each_code_did_and_leaves_out_what_is_even() -> None:
    lines = export_lines(
        [
            a_line(AccountCode.CASH, 855_000, 0),
            a_line(AccountCode.RECEIVABLE, 855_000, 855_000),
            a_line(AccountCode.REVENUE, 5_000, 860_000),
        ]
    )

    assert [
        (one.line_number, one.debit.amount_minor, one.credit.amount_minor) for one in lines
    ] == [
        (1, 855_000, 0),
        (2, 0, 855_000),
    ]
    assert lines[0].destinations == [Destination.GENERAL_LEDGER, Destination.TREASURY]
    assert lines[1].destinations == [
        Destination.GENERAL_LEDGER,
        Destination.MANAGEMENT_ACCOUNTING,
    ]


codes = st.sampled_from([*AccountCode])
moves = st.tuples(codes, codes, st.integers(1, 10**12), st.sampled_from(["CNY", "USD"]))


@given(st.lists(moves, max_size=30))
def test_an_export_of_balanced_lines_is_balanced_in_each_currency(
    made: list[tuple[AccountCode, AccountCode, int, str]],
) -> None:
    lines = [
        line
        for debit, credited, amount, currency in made
        for line in (
            a_line(debit, amount, 0, currency_code=currency),
            a_line(credited, 0, amount, currency_code=currency),
        )
    ]

    found = export_lines(lines)

    credits_: dict[str, int] = {}
    for line in found:
        code = line.credit.currency_code
        credits_[code] = credits_.get(code, 0) + line.credit.amount_minor
    assert {one.currency_code: one.amount_minor for one in totals_of(found)} == credits_
    assert sum(one.amount_minor for one in balanced_totals(JANUARY, lines)) == sum(
        amount for _, _, amount, _ in made
    )


@pytest.mark.parametrize(
    "booked", [[], [Money("CNY", 1)], [Money("CNY", 2), Money("USD", 1)], [Money("USD", 2)]]
)
def test_other_totals_do_not_confirm_an_export(booked: list[Money]) -> None:
    export = Export("e", JANUARY, (Money("CNY", 2),), 2, AT, ExportState.SENT)

    with pytest.raises(LedgerExportTotalDiffers):
        export.confirmed("GL-1", booked, at=AT)
