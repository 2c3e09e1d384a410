"""Quotas and the targets of a year's plan, as planning told them."""

from collections.abc import Mapping
from dataclasses import dataclass

from chassis.errors import NotFound

# (partner, product) → pieces.
Quotas = Mapping[tuple[str, str], int]


@dataclass(frozen=True, slots=True)
class Target:
    """Hold what a unit is to sell of a product in a month, in pieces or minor units."""

    month: str
    unit_id: str
    product_id: str
    measure: str
    value: int

    @property
    def key(self) -> tuple[str, ...]:
        """Name what no two targets of a plan have alike, in the order in which they are listed."""
        return self.month, self.unit_id, self.product_id, self.measure


@dataclass(frozen=True, slots=True)
class Targets:
    """Hold targets of a unit's plan of a year, of one version: all of them, or a page."""

    unit_id: str
    fiscal_year: int
    plan_version: int
    currency_code: str
    targets: tuple[Target, ...]
    next_page_token: str = ""


class SalesTargetsNotFound(NotFound):
    """Planning has told no targets of this unit and year yet."""

    reason = "SALES_TARGETS_NOT_FOUND"

    def __init__(self, unit_id: str, fiscal_year: int) -> None:
        """Name the unit and the year."""
        super().__init__(
            f"no targets of unit {unit_id} are known for {fiscal_year}",
            unitId=unit_id,
            fiscalYear=fiscal_year,
        )
