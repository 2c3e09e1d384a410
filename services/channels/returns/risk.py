"""How much of what was delivered came back, and when that is a risk; pure."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Final

from chassis.money import ratio

TENTH: Final = Decimal("0.1")


@dataclass(frozen=True, slots=True)
class ReturnRate:
    """Count the pieces of a product that a partner was delivered, and those that came back."""

    partner_id: str
    product_id: str
    delivered: int
    returned: int
    exchanged: int

    @property
    def back(self) -> int:
        """Return the pieces that came back, exchanged ones included."""
        return self.returned + self.exchanged

    @property
    def return_percent(self) -> Decimal | None:
        """Return the share that was returned in percent; None when nothing was delivered.

        Source: R-099: 100 of 1,000 are 10.0 %.
        """
        return self.percent(self.returned)

    @property
    def exchange_percent(self) -> Decimal | None:
        """Return the share that was exchanged in percent; None when nothing was delivered."""
        return self.percent(self.exchanged)

    def percent(self, pieces: int) -> Decimal | None:
        """Return a share of what was delivered in percent with one digit, rounded once."""
        if not self.delivered:
            return None
        return ratio(100 * pieces, self.delivered, decimals=1)

    def exceeds(self, share_max: Decimal) -> bool:
        """Tell whether more came back than a share of what was delivered, if anything was."""
        return self.delivered > 0 and Decimal(self.back) > share_max * self.delivered


@dataclass(frozen=True, slots=True)
class QualityRisk:
    """Hold that more of a product came back from a partner in a year than is allowed."""

    risk_id: str
    rate: ReturnRate
    unit_id: str
    year: int
    share_max: Decimal
    return_id: str
    raise_time: datetime

    @property
    def percent_max(self) -> Decimal:
        """Return what was allowed, in percent with one digit."""
        return (100 * self.share_max).quantize(TENTH, ROUND_HALF_UP)


@dataclass(frozen=True, slots=True)
class RiskFilter:
    """Say which items a list is to have; an empty text and 0 mean all."""

    partner_id: str = ""
    product_id: str = ""
    year: int = 0


@dataclass(frozen=True, slots=True)
class RateFilter:
    """Say over which days and of whom rates are wanted; an empty text means all."""

    first_day: date
    last_day: date
    partner_id: str = ""
    product_id: str = ""
