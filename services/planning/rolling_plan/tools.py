"""The tools that planning gives the offices, and how good a forecast was: pure arithmetic.

Quantities are whole pieces; a fraction is rounded half up, once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum
from typing import Final

from chassis.period import Month

MONTHS_A_YEAR: Final = 12
_PIECE: Final = Decimal(1)
_HUNDREDTH: Final = Decimal("0.01")
_TENTH: Final = Decimal("0.1")


class Tool(StrEnum):
    """How a forecast was come by."""

    OWN_JUDGEMENT = "OWN_JUDGEMENT"
    MOVING_AVERAGE = "MOVING_AVERAGE"
    SEASONAL = "SEASONAL"
    LAST_CYCLE = "LAST_CYCLE"
    ANNUAL_PLAN = "ANNUAL_PLAN"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolRules:
    """Hold what policy `forecast` says about the tools.

    Units: cover in months of sell-out; `growth_share` is what a year adds, `0.04` is four percent.
    """

    cover_months: Decimal
    average_months: int
    growth_share: Decimal


def suggested_demand(sell_out: int, stock: int, *, cover_months: Decimal) -> int:
    """Tell how much to sell to a customer: a month's sell-out and the cover, less the stock.

    Units: pieces; 0 or more.
    Source: R-044; the formula is assumed.
    """
    wanted = _rounded(sell_out * (1 + cover_months)) - stock
    return max(wanted, 0)


def average(quantities: Sequence[int]) -> int:
    """Return the average of some months.

    Shape: one quantity or more.
    Source: R-058.
    """
    return _rounded(Decimal(sum(quantities)) / len(quantities))


def seasonal(last_year: int, *, growth_share: Decimal) -> int:
    """Return the same month of last year, grown.

    Source: R-058; without growth it is the seasonal-naive forecast.
    """
    return max(_rounded(last_year * (1 + growth_share)), 0)


def suggest(
    history: Mapping[Month, int], target: Month, *, latest: Month, rules: ToolRules
) -> dict[Tool, int]:
    """Apply the tools to what was sold of something, those that have enough history.

    Shape: the average needs all its months, which end with `latest`, one at least; the seasonal
        tool needs the month a year before the target.
    """
    found: dict[Tool, int] = {}
    count = min(max(rules.average_months, 1), MONTHS_A_YEAR)
    months = latest.plus(1 - count).span(count)
    if all(month in history for month in months):
        found[Tool.MOVING_AVERAGE] = average([history[month] for month in months])
    year_before = target.plus(-MONTHS_A_YEAR)
    if year_before in history:
        found[Tool.SEASONAL] = seasonal(history[year_before], growth_share=rules.growth_share)
    return found


def prefill(annual: int | None, last: int | None) -> int:
    """Choose where an office's draft starts: the cycle before, or else the annual plan.

    Source: R-046.
    """
    return next((one for one in (last, annual) if one is not None), 0)


def deviation_percent(quantity: int, annual: int | None) -> Decimal | None:
    """Tell how far a quantity is from the annual plan; None without a plan.

    Units: percent, one digit behind the point.
    Source: R-046.
    """
    if not annual:
        return None
    share = Decimal(quantity - annual) * 100 / annual
    return share.quantize(_TENTH, ROUND_HALF_UP)


def error_percent(forecast: int, actual: int) -> Decimal | None:
    """Tell how far a forecast was from what came; None when nothing came.

    Units: percent of the actual, two digits behind the point.
    Source: R-048.
    """
    if actual <= 0:
        return None
    share = Decimal(abs(forecast - actual)) * 100 / actual
    return share.quantize(_HUNDREDTH, ROUND_HALF_UP)


def accuracy_percent(forecast: int, actual: int) -> Decimal | None:
    """Tell how much of what came was forecast; None when nothing came.

    Units: percent, two digits behind the point, 0 or more.
    Source: R-056.
    """
    error = error_percent(forecast, actual)
    return None if error is None else max(100 - error, Decimal("0.00"))


def _rounded(quantity: Decimal) -> int:
    return int(quantity.quantize(_PIECE, ROUND_HALF_UP))
