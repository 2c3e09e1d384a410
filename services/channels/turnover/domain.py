"""The figures of a partner's year, and shares of them in percent."""

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from chassis.money import Money

TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class Invoice:
    """Hold an invoice as settlement told it."""

    invoice_id: str
    order_id: str
    partner_id: str
    amount: Money
    issue_date: date
    due_date: date


@dataclass(frozen=True, slots=True)
class PartnerYear:
    """Hold what settlement told of a partner's year, as of a day.

    Shape: no purchases when nothing was invoiced, no target when nothing was agreed.
    """

    partner_id: str
    year: int
    purchases: Money | None
    target: Money | None
    invoices: int
    late_invoices: int

    @property
    def target_percent(self) -> Decimal | None:
        """Return the purchases in percent of the target; None without a target."""
        if self.target is None:
            return None
        bought = self.purchases.amount_minor if self.purchases else 0
        return percent(bought, self.target.amount_minor)

    @property
    def late_percent(self) -> Decimal | None:
        """Return the late invoices in percent of all; None without invoices."""
        return percent(self.late_invoices, self.invoices) if self.invoices else None


@dataclass(frozen=True, slots=True)
class CustomerYear:
    """Hold what a customer was invoiced in a year."""

    customer_id: str
    unit_id: str
    revenue: Money


def percent(part: int, whole: int) -> Decimal:
    """Return a share in percent with one digit, rounded half up once.

    Source: R-073.
    """
    return (Decimal(100 * part) / Decimal(whole)).quantize(TENTH, ROUND_HALF_UP)
