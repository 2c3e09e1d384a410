"""Dates belong to a zone, months to the calendar."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.period import (
    DateRange,
    Month,
    PeriodInvalid,
    local_date,
    parse_date,
    start_of_day,
)
from tests.support.requirements import req

SHANGHAI = ZoneInfo("Asia/Shanghai")
months = st.builds(Month, st.integers(1900, 2200), st.integers(1, 12))
dates = st.dates(date(1900, 1, 1), date(2200, 1, 1))


@req("R-314")
def test_an_afternoon_in_utc_is_the_next_day_in_shanghai() -> None:
    opened = datetime(2026, 3, 1, 16, 30, tzinfo=UTC)

    day = local_date(opened, SHANGHAI)

    assert (day, day in Month.parse("2026-03")) == (date(2026, 3, 2), True)


def test_a_month_begins_and_ends_at_local_midnight() -> None:
    month = Month(2026, 3)

    instants = (month.starts(SHANGHAI), month.ends(SHANGHAI))

    assert instants == (
        datetime(2026, 2, 28, 16, tzinfo=UTC),
        datetime(2026, 3, 31, 16, tzinfo=UTC),
    )


@given(dates)
def test_a_day_begins_on_its_own_date(day: date) -> None:
    begins = start_of_day(day, SHANGHAI)

    before = begins - timedelta(microseconds=1)
    assert (local_date(begins, SHANGHAI), local_date(before, SHANGHAI)) == (
        day,
        day - timedelta(days=1),
    )


@given(months)
def test_a_month_survives_its_text(month: Month) -> None:
    result = Month.parse(str(month))

    assert result == month


@given(months, st.integers(-500, 500))
def test_months_are_counted_as_they_are_moved(month: Month, count: int) -> None:
    moved = month.plus(count)

    assert (month.months_until(moved), moved.plus(-count)) == (count, month)


@given(dates)
def test_a_date_lies_in_its_month_alone(day: date) -> None:
    month = Month.of(day)

    found = [day in other for other in (month.previous(), month, month.next())]

    assert (found, day in month.dates) == ([False, True, False], True)


def test_a_span_runs_over_the_new_year() -> None:
    span = Month(2026, 11).span(3)

    assert [str(month) for month in span] == ["2026-11", "2026-12", "2027-01"]


def test_the_31st_of_a_short_month_is_its_last_day() -> None:
    days = [Month(2024, 2).day(31), Month(2026, 2).day(31), Month(2026, 2).day(2)]

    assert days == [date(2024, 2, 29), date(2026, 2, 28), date(2026, 2, 2)]


def test_a_quarter_has_three_months() -> None:
    quarters = [month.quarter for month in Month(2026, 1).span(12)]

    assert quarters == [1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4]


def test_a_month_knows_the_month_of_an_instant_in_a_zone() -> None:
    month = Month.at(datetime(2026, 2, 28, 16, tzinfo=UTC), SHANGHAI)

    assert month == Month(2026, 3)


def test_a_range_has_its_start_and_not_its_end() -> None:
    window = DateRange(date(2026, 3, 1), date(2026, 3, 4))

    days = list(window.days())

    assert (days, date(2026, 3, 4) in window) == (
        [date(2026, 3, 1), date(2026, 3, 2), date(2026, 3, 3)],
        False,
    )


def test_a_closed_range_has_its_last_date() -> None:
    window = DateRange.closed(date(2026, 10, 1), date(2026, 10, 10))

    assert (date(2026, 10, 10) in window, date(2026, 10, 11) in window) == (True, False)


@given(dates, dates, dates, dates)
def test_ranges_overlap_where_their_intersection_is(a: date, b: date, c: date, d: date) -> None:
    one = DateRange.closed(min(a, b), max(a, b))
    other = DateRange.closed(min(c, d), max(c, d))

    shared = one.intersection(other)

    assert (
        (shared is not None)
        == one.overlaps(other)
        == (max(min(a, b), min(c, d)) <= min(max(a, b), max(c, d)))
    )


def test_two_ranges_without_an_end_share_all_later_dates() -> None:
    shared = DateRange(date(2026, 1, 1)).intersection(DateRange(date(2026, 2, 1)))

    assert shared == DateRange(date(2026, 2, 1))


@pytest.mark.parametrize(
    "text", ["2026-13", "2026-00", "2026-1", "26-01", "2026-01-01", "", "0000-01"]
)
def test_only_a_month_of_the_calendar_is_read(text: str) -> None:
    with pytest.raises(PeriodInvalid):
        Month.parse(text)


@pytest.mark.parametrize(
    "text", ["2026-02-30", "20260301", "2026-3-1", "2026-W01-1", "", "0000-01-01"]
)
def test_only_a_date_of_the_calendar_is_read(text: str) -> None:
    with pytest.raises(PeriodInvalid):
        parse_date(text)


def test_a_range_ends_after_it_begins() -> None:
    with pytest.raises(PeriodInvalid):
        DateRange(date(2026, 3, 1), date(2026, 3, 1))


def test_an_instant_has_a_zone() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        local_date(datetime(2026, 3, 1), SHANGHAI)


@pytest.mark.parametrize("number", [0, 32])
def test_a_day_number_is_1_to_31(number: int) -> None:
    with pytest.raises(PeriodInvalid):
        Month(2026, 3).day(number)
