"""The company's year that the demo plans: what people enter, in whole yuan and pieces.

What follows from it (net prices, sales, cost, commission, profit, budget) planning computes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

PRODUCTS: Final = {"P1": "SIM kit", "P2": "Home hub"}
CHANNELS: Final = {"OTC": "Shops", "RX": "Projects"}
AREAS: Final = ("a1", "a2")
OFFICES: Final = {"a1-o1": "a1", "a1-o2": "a1", "a2-o1": "a2"}
CHANNEL_FACTOR: Final = "0.90"
ALLOWANCE: Final = "0.05"
OTHER_ALLOWANCE: Final = "0.06"
COMMISSION: Final = "expense_sales_commission"
COMMISSION_SHARE: Final = "0.03"
PRESS: Final = "expense_press_advertising"
# What the product manager asks for first, and the challenge meeting finds too dear.
FIRST_PRESS: Final = 80_000


@dataclass(frozen=True, slots=True)
class Price:
    """Hold a product's list price and cost, as decimal texts."""

    list_price: str
    unit_cost: str


PRICES: Final[Mapping[str, Price]] = {"P1": Price("10.00", "3.00"), "P2": Price("25.00", "8.00")}
VOLUMES: Final[Mapping[str, Mapping[str, int]]] = {
    "a1": {"P1": 100_000, "P2": 40_000},
    "a2": {"P1": 60_000, "P2": 20_000},
}
AREA_EXPENSES: Final[Mapping[str, Mapping[str, int]]] = {
    "a1": {
        "expense_area_management": 60_000,
        "expense_hospital_promotion": 90_000,
        "expense_hospital_maintenance": 40_000,
        "expense_hospital_development": 30_000,
        "expense_clinical_verification": 20_000,
        "expense_bidding": 10_000,
    },
    "a2": {
        "expense_area_management": 40_000,
        "expense_hospital_promotion": 50_000,
        "expense_hospital_maintenance": 20_000,
        "expense_hospital_development": 50_000,
        "expense_clinical_verification": 15_000,
        "expense_bidding": 12_000,
    },
}
MARKET: Final[Mapping[str, Mapping[str, int]]] = {
    "P1": {
        "expense_experts": 30_000,
        PRESS: 60_000,
        "expense_market_research": 25_000,
        "expense_key_hospitals": 35_000,
    },
    "P2": {"expense_large_academic": 80_000, "expense_small_academic": 20_000},
}
HEADQUARTERS: Final[Mapping[str, int]] = {
    "expense_sales_hq": 120_000,
    "expense_administrative": 200_000,
    "expense_financial": 30_000,
    "expense_depreciation": 50_000,
    "expense_long_term_deferred": 20_000,
}
SALES_TARGET: Final = 2_600_000
PROFIT_TARGET: Final = 500_000
PRODUCT_TARGETS: Final = {"P1": 1_690_000, "P2": 910_000}
AREA_WEIGHTS: Final = {"a1": 65, "a2": 35}
CONTRIBUTIONS: Final = {"a1": 788_700, "a2": 385_285}
# Nine months that came and a quarter that is expected, by area; a year by product and channel.
AREA_YEARS: Final = {"a1": (840_000, 280_000), "a2": (510_000, 170_000)}
PRODUCT_YEARS: Final = {"P1": (400_000, 500_000), "P2": (300_000, 600_000)}
LAST_PLAN: Final = 2_400_000
SOLD_SO_FAR: Final = 1_980_000
FIRST_BASE: Final = 1_800_000
FIRST_BUDGET: Final = 500_000
GROWTH_PERCENT: Final = "8"
NEW_PARTNERS: Final = 12
KEPT_PARTNERS: Final = 50


def months_of(year: int) -> list[str]:
    """Return the twelve months of a year."""
    return [f"{year}-{number:02}" for number in range(1, 13)]
