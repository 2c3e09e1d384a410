"""Days and months of the ledger: for which day a posting may count, and sums at an end of one."""

from dataclasses import dataclass
from datetime import date

from chassis.errors import FailedPrecondition
from chassis.money import Money
from settlement.ledger.domain import AccountCode, AccountRef


class PeriodClosed(FailedPrecondition):
    """The month is closed, and nothing is posted into it by hand any more."""

    reason = "PERIOD_CLOSED"

    def __init__(self, day: date, open_from: date) -> None:
        """Name the day and the first one that is open."""
        super().__init__(
            f"{day.isoformat()} is in a closed month; postings are open from"
            f" {open_from.isoformat()} on",
            postDate=day.isoformat(),
            openFrom=open_from.isoformat(),
        )


class PostDateInFuture(FailedPrecondition):
    """A posting by hand would count for a day that has not come yet."""

    reason = "POST_DATE_IN_FUTURE"

    def __init__(self, day: date, today: date) -> None:
        """Name both days."""
        super().__init__(
            f"{day.isoformat()} is after today, {today.isoformat()}",
            postDate=day.isoformat(),
            today=today.isoformat(),
        )


def check_day(day: date, *, today: date, open_from: date | None) -> None:
    """Refuse a posting by hand for a day that is closed or has not come yet.

    Errors: PeriodClosed, PostDateInFuture.
    """
    if open_from is not None and day < open_from:
        raise PeriodClosed(day, open_from)
    if day > today:
        raise PostDateInFuture(day, today)


@dataclass(frozen=True, slots=True)
class TrialLine:
    """Hold the sums of all accounts of one code and currency."""

    code: AccountCode
    debits: Money
    credits: Money


@dataclass(frozen=True, slots=True)
class MonthLine:
    """Hold what the accounts of one unit, code and currency did in a closed month.

    Shape: `opening` and `closing` are all (debits, credits) up to its first and with its last day.
    Units: minor units of the currency of `ref`, whose holder is the unit.
    """

    ref: AccountRef
    opening: tuple[int, int]
    closing: tuple[int, int]

    @property
    def moved(self) -> tuple[int, int]:
        """Return the debits and credits of the month."""
        return self.closing[0] - self.opening[0], self.closing[1] - self.opening[1]
