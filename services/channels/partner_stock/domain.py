"""A partner's stock of a month: what it began with, what came in and went out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import FailedPrecondition


@dataclass(frozen=True, slots=True)
class Report:
    """Hold what a partner says of one product; `opening` is None when it says nothing of it."""

    product_id: str
    opening: int | None
    came_in: int
    went_out: int
    demand: int


@dataclass(frozen=True, slots=True)
class PartnerStock:
    """Hold the stock of one product in a month; `delivered` is what is known of deliveries here."""

    partner_id: str
    unit_id: str
    product_id: str
    month: str
    opening: int
    came_in: int
    went_out: int
    demand: int
    delivered: int
    reported_by: str
    report_time: datetime
    version: int = 1

    @property
    def closing(self) -> int:
        """Return the pieces at the end of the month.

        Source: R-291: 900 + 1,600 − 1,000 = 1,500.
        """
        return self.opening + self.came_in - self.went_out


@dataclass(frozen=True, slots=True)
class Filter:
    """Say which reports a list is to have; an empty text means all."""

    partner_id: str = ""
    product_id: str = ""
    month: str = ""


@dataclass(frozen=True, slots=True)
class PartnerStockReported:
    """A partner reported its stock of a month."""

    partner_id: str
    unit_id: str
    month: str
    stocks: Sequence[PartnerStock]


def opening_of(report: Report, before: PartnerStock | None) -> int:
    """Return what a report begins with: the closing before it, or what the first one says.

    Errors: PartnerStockOpeningDiffers.
    """
    if before is None:
        return report.opening or 0
    if report.opening is not None and report.opening != before.closing:
        raise PartnerStockOpeningDiffers(report.product_id, before.closing, report.opening)
    return before.closing


class PartnerStockNegative(FailedPrecondition):
    """More went out than there was."""

    reason = "PARTNER_STOCK_NEGATIVE"

    def __init__(self, product_id: str, closing: int) -> None:
        """Name the product and what would be left."""
        super().__init__(
            f"{closing} pieces of {product_id} would be left",
            productId=product_id,
            closingQuantity=closing,
        )


class PartnerStockOpeningDiffers(FailedPrecondition):
    """The report does not begin with what the one before ended with."""

    reason = "PARTNER_STOCK_OPENING_DIFFERS"

    def __init__(self, product_id: str, closing: int, opening: int) -> None:
        """Name the product and both numbers."""
        super().__init__(
            f"{product_id} ended with {closing} pieces and cannot begin with {opening}",
            productId=product_id,
            closingQuantity=closing,
            openingQuantity=opening,
        )


class PartnerStockSuperseded(FailedPrecondition):
    """A later month was reported already."""

    reason = "PARTNER_STOCK_SUPERSEDED"

    def __init__(self, product_id: str, month: str) -> None:
        """Name the product and the later month."""
        super().__init__(
            f"{month} of {product_id} was reported already", productId=product_id, month=month
        )
