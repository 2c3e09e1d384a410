"""What is read of a cycle, as values: an office's form, the merged figures, how good it was."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from chassis.period import Month
from planning.rolling_plan.domain import CustomerNote, Layer, Line
from planning.rolling_plan.tools import (
    Tool,
    accuracy_percent,
    deviation_percent,
    error_percent,
    prefill,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FormLine:
    """Hold where an office's draft of one product, channel and month can start."""

    product_id: str
    channel: str
    month: Month
    annual: int | None
    last: int | None
    suggestions: Mapping[Tool, int]

    @property
    def quantity(self) -> int:
        """Tell what the form is filled with."""
        return prefill(self.annual, self.last)

    @property
    def deviation(self) -> Decimal | None:
        """Tell how far that is from the annual plan."""
        return deviation_percent(self.quantity, self.annual)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportedStock:
    """Hold what a partner reported last of a product.

    Units: pieces.
    """

    partner_id: str
    product_id: str
    unit_id: str
    month: Month
    closing_quantity: int
    demand_quantity: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductRisk:
    """Hold of which product too much came back from a partner in a year.

    Units: percent with one digit.
    """

    partner_id: str
    product_id: str
    unit_id: str
    year: int
    back_percent: Decimal
    percent_max: Decimal


@dataclass(frozen=True, slots=True)
class Form:
    """Hold what an office starts its draft from."""

    history: tuple[Line, ...]
    lines: tuple[FormLine, ...]
    customers: tuple[CustomerNote, ...]
    situation: str
    stocks: tuple[ReportedStock, ...]
    risks: tuple[ProductRisk, ...]


@dataclass(frozen=True, slots=True)
class Merged:
    """Hold a cycle's figures by unit and by channel; both sum to the total."""

    total: int
    units: tuple[tuple[str, int], ...]
    channels: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccuracyLine:
    """Hold how good a filed forecast of a unit and month was."""

    layer: Layer
    unit_id: str
    month: Month
    forecast: int
    actual: int

    @property
    def error(self) -> Decimal | None:
        """Tell the error."""
        return error_percent(self.forecast, self.actual)

    @property
    def accuracy(self) -> Decimal | None:
        """Tell the accuracy."""
        return accuracy_percent(self.forecast, self.actual)
