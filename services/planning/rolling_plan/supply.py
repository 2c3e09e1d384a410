"""What production and supply can do for a plan: the arithmetic of capacity, stock and material."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from chassis.period import Month

Want = tuple[str, Month]


class CheckKind(StrEnum):
    """Who is asked."""

    CAPACITY = "CAPACITY"
    MATERIAL = "MATERIAL"


class CheckState(StrEnum):
    """Whether the neighbour answered."""

    ANSWERED = "ANSWERED"
    UNAVAILABLE = "UNAVAILABLE"


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyLine:
    """Hold what can be supplied of a product in a month.

    Shape: `material` is None while only production was asked.
    Units: pieces.
    """

    product_id: str
    month: Month
    demand: int
    finished_stock: int
    capacity: int
    material: int | None = None
    proposal: str = ""

    @property
    def supply(self) -> int:
        """Tell what can be supplied: what can be made, with the stock, at most the demand.

        Source: R-052, R-053.
        """
        made = self.capacity if self.material is None else min(self.capacity, self.material)
        return min(self.demand, made + self.finished_stock)

    @property
    def shortfall(self) -> int:
        """Tell what is missing."""
        return self.demand - self.supply


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyCheck:
    """Hold what was answered to a draft; no lines when nobody answered."""

    kind: CheckKind
    state: CheckState
    reason: str
    lines: tuple[SupplyLine, ...]
    asked_by: str
    ask_time: datetime


@dataclass(frozen=True, slots=True)
class Capacity:
    """Hold what production can do for a product in a month, in pieces."""

    finished_stock: int
    capacity: int
    proposal: str


@dataclass(frozen=True, slots=True)
class Material:
    """Hold for how many pieces of a product and month there is material."""

    material: int
    proposal: str


def with_capacity(
    demand: Mapping[Want, int], answers: Mapping[Want, Capacity]
) -> tuple[SupplyLine, ...]:
    """Lay what production can do beside the demand; what it does not speak of, it cannot do."""
    nothing = Capacity(0, 0, "")
    return tuple(
        SupplyLine(
            product_id=product_id,
            month=month,
            demand=quantity,
            finished_stock=answers.get((product_id, month), nothing).finished_stock,
            capacity=answers.get((product_id, month), nothing).capacity,
            proposal=answers.get((product_id, month), nothing).proposal,
        )
        for (product_id, month), quantity in sorted(demand.items())
    )


def with_material(
    lines: tuple[SupplyLine, ...], answers: Mapping[Want, Material]
) -> tuple[SupplyLine, ...]:
    """Lay what there is material for beside what production can do."""
    nothing = Material(0, "")
    found = [answers.get((line.product_id, line.month), nothing) for line in lines]
    return tuple(
        replace(line, material=one.material, proposal=one.proposal)
        for line, one in zip(lines, found, strict=True)
    )


def cuts(lines: tuple[SupplyLine, ...]) -> dict[Want, int]:
    """Tell to what the draft is to be cut, by product and month; what is covered is left out.

    Source: R-054.
    """
    return {(line.product_id, line.month): line.supply for line in lines if line.shortfall > 0}
