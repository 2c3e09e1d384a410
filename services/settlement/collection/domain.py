"""Ages of what is open, dunning levels, and how much of a target came in; pure."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Final

from chassis.money import Money, ratio
from chassis.period import Month
from chassis.policy.parameters import Parameters, Value

NOT_DUE: Final = "not due"
NO_INVOICE: Final = "no invoice"
MONTHS_MAX: Final = 36


@dataclass(frozen=True, slots=True)
class DunningRules:
    """Hold the ranges of overdue days and the days after which each dunning level is reached.

    Shape: both ascend; `bucket_ends` are the last days of all ranges but the last.
    """

    bucket_ends: tuple[int, ...]
    after_days: tuple[int, ...]

    @classmethod
    def read(cls, parameters: Parameters) -> "DunningRules":
        """Read them from a version of the dunning policy."""
        return cls(
            tuple(parameters.integers("bucket_ends")),
            tuple(one.integer("after_days") for one in parameters.records("levels")),
        )

    @property
    def labels(self) -> list[str]:
        """Name the ranges: what is not due, and then those of overdue days."""
        starts = [1, *(end + 1 for end in self.bucket_ends)]
        ends = [*map(str, self.bucket_ends), ""]
        ranges = [f"{start}-{end}" for start, end in zip(starts, ends, strict=True)]
        return [NOT_DUE, *ranges]

    def bucket_of(self, overdue_days: int) -> str:
        """Name the range of so many overdue days; 0 or less is not due.

        Source: R-134.
        """
        if overdue_days <= 0:
            return NOT_DUE
        return self.labels[1 + bisect_left(self.bucket_ends, overdue_days)]


def problems(parameters: Mapping[str, Value]) -> list[str]:
    """Tell what is wrong with a dunning policy whose shape is right."""
    rules = DunningRules.read(Parameters(parameters))
    found = []
    if not _ascends(rules.bucket_ends):
        found.append("bucket_ends: must be 1 or more and ascend")
    if not _ascends(rules.after_days):
        found.append("levels: after_days must be 1 or more and ascend")
    return found


def _ascends(numbers: Sequence[int]) -> bool:
    return all(low < high for low, high in pairwise((0, *numbers)))


@dataclass(frozen=True, slots=True)
class Bucket:
    """Hold what is open within a range of overdue days."""

    label: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Ageing:
    """Hold what a partner has open by age; the buckets sum to it."""

    partner_id: str
    unit_id: str
    overdue_days: int
    buckets: tuple[Bucket, ...]

    @property
    def open_amount(self) -> Money:
        """Return what is open in all."""
        first, *rest = [one.amount for one in self.buckets]
        return sum(rest, start=first)


@dataclass(frozen=True, slots=True)
class OverdueInvoice:
    """Hold an invoice that was not paid in time."""

    invoice_id: str
    order_id: str
    partner_id: str
    due_date: date
    overdue_days: int
    bucket: str
    open_amount: Money
    dunning_level: int


@dataclass(frozen=True, slots=True)
class Notice:
    """Hold a reminder that an invoice is overdue; an invoice gets one of each level at most."""

    notice_id: str
    invoice_id: str
    order_id: str
    partner_id: str
    unit_id: str
    level: int
    overdue_days: int
    open_amount: Money
    notice_date: date
    sequence: int = 0


@dataclass(frozen=True, slots=True)
class DunningLevelReached:
    """An invoice was overdue long enough for the next level."""

    notice: Notice


@dataclass(frozen=True, slots=True)
class Target:
    """Hold what a unit is to collect within a month."""

    unit_id: str
    month: Month
    amount: Money


@dataclass(frozen=True, slots=True)
class Collected:
    """Hold what came in within a month, or a range of them when `month` is None, and the target."""

    month: Month | None
    target: Money | None
    received: Money

    @property
    def rate_percent(self) -> str:
        """Return received in per cent of the target with two decimals, or nothing without one.

        Source: R-135.
        """
        if self.target is None or not self.target.amount_minor:
            return ""
        return str(ratio(self.received.amount_minor * 100, self.target.amount_minor, decimals=2))


@dataclass(frozen=True, slots=True)
class Statistics:
    """Hold what a unit collected month by month, and in all of them together."""

    months: tuple[Collected, ...]
    total: Collected


def statistics(
    months: Sequence[Month],
    targets: Mapping[str, int],
    received: Mapping[str, int],
    *,
    currency_code: str,
) -> Statistics:
    """Put targets and receipts of months together; both are minor units by month."""
    lines = [
        Collected(
            month,
            Money(currency_code, targets[str(month)]) if str(month) in targets else None,
            Money(currency_code, received.get(str(month), 0)),
        )
        for month in months
    ]
    whole = Collected(
        None,
        Money(currency_code, sum(targets.values())) if targets else None,
        Money(currency_code, sum(received.values())),
    )
    return Statistics(tuple(lines), whole)


@dataclass(frozen=True, slots=True)
class Exposure:
    """Hold what uses a partner's credit up, what eases it, and the receivable by age."""

    partner_id: str
    limit: Money
    receivable: Money
    open_orders: Money
    advance: Money
    pending_bills: Money
    buckets: tuple[Bucket, ...]

    @property
    def exposure(self) -> Money:
        """Return receivable and open orders less advance."""
        return self.receivable + self.open_orders - self.advance

    @property
    def available(self) -> Money:
        """Return what the limit leaves; below zero when it is exceeded."""
        return self.limit - self.exposure
