"""Months and ranges of dates.

A date belongs to a zone, an instant does not: every step from one to the other names the zone.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final, Self

from chassis.errors import InvalidArgument

_MONTH_TEXT: Final = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_DATE_TEXT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


class PeriodInvalid(InvalidArgument):
    """A date, a month or a range is malformed or ends before it begins."""

    reason = "PERIOD_INVALID"

    def __init__(self, problem: str, value: object) -> None:
        """Say what is wrong with the value."""
        text = str(value)[:40]
        super().__init__(f"{text!r} {problem}", value=text, problem=problem)


def parse_date(text: str) -> date:
    """Read a date from its one allowed spelling, `2026-03-01`.

    Errors: PeriodInvalid.
    """
    if not _DATE_TEXT.fullmatch(text):
        raise PeriodInvalid("is not a date such as 2026-03-01", text)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise PeriodInvalid("is not a day of the calendar", text) from error


def local_date(at: datetime, zone: tzinfo) -> date:
    """Tell the date that a zone has at an instant.

    Errors: ValueError when the instant has no zone of its own, for then it is no instant.
    Source: R-314.
    """
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    return at.astimezone(zone).date()


def start_of_day(day: date, zone: tzinfo) -> datetime:
    """Tell the instant at which a date begins in a zone, in UTC."""
    return datetime.combine(day, time.min, tzinfo=zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class DateRange:
    """Hold the dates from `start` up to and without `end`; no end means for ever.

    Errors: PeriodInvalid when the end is not after the start, because an empty range contains no
        date and so hides a mistake.
    """

    start: date
    end: date | None = None

    def __post_init__(self) -> None:
        """Refuse an empty range."""
        if self.end is not None and self.end <= self.start:
            raise PeriodInvalid("ends before it begins", f"{self.start}..{self.end}")

    @classmethod
    def closed(cls, first: date, last: date) -> Self:
        """Make the range that has both its first and its last date."""
        return cls(first, last + timedelta(days=1))

    def __contains__(self, day: date) -> bool:
        """Tell whether a date lies in the range."""
        return self.start <= day and (self.end is None or day < self.end)

    def overlaps(self, other: "DateRange") -> bool:
        """Tell whether two ranges share a date."""
        return (other.end is None or self.start < other.end) and (
            self.end is None or other.start < self.end
        )

    def intersection(self, other: "DateRange") -> "DateRange | None":
        """Give the dates that two ranges share, or None."""
        if not self.overlaps(other):
            return None
        ends = [end for end in (self.end, other.end) if end is not None]
        return DateRange(max(self.start, other.start), min(ends, default=None))

    def days(self) -> Iterator[date]:
        """Give the dates in order; a range without an end never stops."""
        day = self.start
        while day in self:
            yield day
            day += timedelta(days=1)


@dataclass(frozen=True, slots=True, order=True)
class Month:
    """Hold a month of the calendar.

    Units: year 1 to 9998, month 1 to 12.
    Errors: PeriodInvalid.
    """

    year: int
    month: int

    def __post_init__(self) -> None:
        """Refuse a month that the calendar does not have."""
        if not (1 <= self.year <= 9998 and 1 <= self.month <= 12):
            raise PeriodInvalid("is not a month of the calendar", f"{self.year}-{self.month}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a month from its one allowed spelling, `2026-03`.

        Errors: PeriodInvalid.
        """
        match = _MONTH_TEXT.fullmatch(text)
        if not match:
            raise PeriodInvalid("is not a month such as 2026-03", text)
        return cls(int(match[1]), int(match[2]))

    @classmethod
    def of(cls, day: date) -> Self:
        """Give the month that a date lies in."""
        return cls(day.year, day.month)

    @classmethod
    def at(cls, instant: datetime, zone: tzinfo) -> Self:
        """Give the month that a zone has at an instant."""
        return cls.of(local_date(instant, zone))

    def __str__(self) -> str:
        """Write the month as `parse` reads it."""
        return f"{self.year:04d}-{self.month:02d}"

    def __contains__(self, day: date) -> bool:
        """Tell whether a date lies in the month."""
        return (day.year, day.month) == (self.year, self.month)

    @property
    def first_day(self) -> date:
        """Give the first date."""
        return date(self.year, self.month, 1)

    @property
    def last_day(self) -> date:
        """Give the last date."""
        return self.next().first_day - timedelta(days=1)

    @property
    def dates(self) -> DateRange:
        """Give the dates of the month as a range."""
        return DateRange(self.first_day, self.next().first_day)

    @property
    def quarter(self) -> int:
        """Give the quarter of the calendar year, 1 to 4."""
        return (self.month + 2) // 3

    def plus(self, months: int) -> "Month":
        """Move by a number of months, back when it is below zero."""
        year, month = divmod(self.year * 12 + self.month - 1 + months, 12)
        return Month(year, month + 1)

    def next(self) -> "Month":
        """Give the month after."""
        return self.plus(1)

    def previous(self) -> "Month":
        """Give the month before."""
        return self.plus(-1)

    def months_until(self, other: "Month") -> int:
        """Count the months to another; below zero when that lies before."""
        return (other.year - self.year) * 12 + other.month - self.month

    def span(self, count: int) -> list["Month"]:
        """Give so many months in order, beginning with this one."""
        return [self.plus(step) for step in range(count)]

    def day(self, number: int) -> date:
        """Give a date of the month by its number, the last date when the month is shorter.

        Units: 1 to 31.
        Errors: PeriodInvalid when the number is below 1 or above 31.
        """
        if not 1 <= number <= 31:
            raise PeriodInvalid("is not a day of a month", number)
        return date(self.year, self.month, min(number, self.last_day.day))

    def starts(self, zone: tzinfo) -> datetime:
        """Tell the instant at which the month begins in a zone, in UTC."""
        return start_of_day(self.first_day, zone)

    def ends(self, zone: tzinfo) -> datetime:
        """Tell the first instant after the month in a zone, in UTC."""
        return self.next().starts(zone)
