"""The two sides that a plan has, each with a director of its own."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class Side(StrEnum):
    """The two sides of a plan: sales by area, market by product."""

    SALES = "SALES"
    MARKET = "MARKET"


DIRECTORS: Final[Mapping[Side, str]] = {
    Side.SALES: "sales_director",
    Side.MARKET: "market_director",
}
