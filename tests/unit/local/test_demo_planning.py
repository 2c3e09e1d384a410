"""What the demo's history rests on: the data set, and a naive forecast that does not look ahead."""

from decimal import Decimal

from chassis.period import Month
from local.demo.planning.history import FIRST_CYCLE, last_known, mean, read_file


def test_the_file_has_every_month_of_seventeen_years() -> None:
    known = read_file()

    assert list(known) == Month(1991, 7).span(204)
    assert known[Month(1991, 7)] == 3_526_591
    assert known[Month(2008, 6)] > 0


def test_the_naive_forecast_takes_the_last_same_month_that_was_over() -> None:
    figures = {str(month): number for number, month in enumerate(Month(2004, 1).span(48))}

    october = last_known(figures, Month(2007, 10), known=FIRST_CYCLE)
    november = last_known(figures, Month(2007, 11), known=FIRST_CYCLE)

    assert october == figures["2006-10"]
    assert november == figures["2005-11"]


def test_a_mean_has_one_digit_and_that_of_nothing_is_zero() -> None:
    assert mean([Decimal("1.25"), Decimal("1.25")]) == Decimal("1.3")
    assert mean([]) == 0
