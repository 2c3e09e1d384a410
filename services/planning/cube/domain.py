"""Cells of the cube, what selects them, and how a total comes down to them.

A cell is one number of one measure at one address. What is above a cell is never stored: it is the
sum of what is below it. Deliberately absent: arrays, which `exact` and `sheet` have.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from itertools import product
from typing import Final, TypeAlias

from chassis.period import Month

VALUE_MAX: Final = 10**15
TOTAL_MAX: Final = 10**17
ACTUAL: Final = "ACTUAL"
CURRENCY: Final = "CNY"


class Kind(StrEnum):
    """What the numbers of a version are."""

    PLAN = "PLAN"
    FORECAST = "FORECAST"
    ACTUAL = "ACTUAL"
    SCENARIO = "SCENARIO"


class Act(StrEnum):
    """What changes cells."""

    WRITE = "WRITE"
    SPREAD = "SPREAD"
    IMPORT = "IMPORT"
    POST = "POST"


class Axis(StrEnum):
    """What a table can be grouped by.

    Shape: `UNIT` gives every unit of the tree with all that is below it, so its rows overlap; `OWN_
        UNIT` gives the units at which numbers stand, and its rows do not. Groups of products and
        channels are those of `Member`; a code without a group stands in the empty one.
    """

    UNIT = "UNIT"
    OWN_UNIT = "OWN_UNIT"
    PRODUCT = "PRODUCT"
    PRODUCT_GROUP = "PRODUCT_GROUP"
    CHANNEL = "CHANNEL"
    CHANNEL_GROUP = "CHANNEL_GROUP"
    TERMINAL = "TERMINAL"
    MONTH = "MONTH"
    QUARTER = "QUARTER"
    YEAR = "YEAR"


@dataclass(frozen=True, slots=True)
class Address:
    """Say where a cell stands.

    Shape: empty text means that the number is not split by that axis; an expense of an area has no
        product. The unit is never empty.
    """

    unit_id: str
    product_id: str
    channel: str
    terminal_id: str
    month: Month


@dataclass(frozen=True, slots=True)
class Cell:
    """Hold a number at an address.

    Units: minor units of the version's currency, or pieces, as the measure says.
    """

    measure: str
    address: Address
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Select cells; what is None selects everything of that axis.

    Shape: a unit stands for its whole subtree as the tree was on the day `on`, today's tree when
        that is None; with `own_units` it stands for itself alone.
    """

    unit_ids: Collection[str] | None = None
    products: Collection[str] | None = None
    channels: Collection[str] | None = None
    terminals: Collection[str] | None = None
    months: Collection[Month] | None = None
    on: date | None = None
    own_units: bool = False

    @classmethod
    def of(cls, address: Address) -> "Where":
        """Select the cell of one address."""
        return cls(
            unit_ids={address.unit_id},
            products={address.product_id},
            channels={address.channel},
            terminals={address.terminal_id},
            months={address.month},
            own_units=True,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Name cells by what they are made of: every combination is one.

    Shape: units stand for themselves alone. Their order is the order of the ties of a spread: by
        unit, product, channel, terminal, month.
    """

    units: tuple[str, ...]
    products: tuple[str, ...] = ("",)
    channels: tuple[str, ...] = ("",)
    terminals: tuple[str, ...] = ("",)
    months: tuple[Month, ...]

    @property
    def size(self) -> int:
        """Tell how many cells it has."""
        rows = len(self.units) * len(self.products) * len(self.channels) * len(self.terminals)
        return rows * len(self.months)

    def keys(self) -> list[tuple[str, str, str, str]]:
        """Name what the cells have beside their months, in order."""
        return list(product(self.units, self.products, self.channels, self.terminals))

    def addresses(self) -> list[Address]:
        """Name the cells in order."""
        return [Address(*key, month) for key in self.keys() for month in self.months]

    def where(self) -> Where:
        """Select the cells."""
        return Where(
            unit_ids=frozenset(self.units),
            products=frozenset(self.products),
            channels=frozenset(self.channels),
            terminals=frozenset(self.terminals),
            months=frozenset(self.months),
            own_units=True,
        )


EVERYWHERE: Final = Where()


@dataclass(frozen=True, slots=True)
class Even:
    """Give every cell the same: those of a grid, or those that the version has already."""

    over: Grid | None = None


@dataclass(frozen=True, slots=True)
class Weighted:
    """Give each of some cells by its weight, 0 or more."""

    parts: tuple[tuple[Address, int], ...]


@dataclass(frozen=True, slots=True)
class Proportional:
    """Give in proportion to what a version has at the same addresses; the spread version itself is
    one that can be named, and then its cells keep their proportions.

    Shape: the measure of the spread when `measure` is empty. `year` takes the months of another
        year, in place of those that are spread over.
    """

    version_id: str
    measure: str = ""
    year: int | None = None


@dataclass(frozen=True, slots=True)
class Season:
    """Give each month what it had of a year in history.

    Shape: a month's share is learned from all years that the version has in the selection; each
        month is then divided over the rows of the grid evenly, or without a grid over the rows that
        the version has, by their share of the whole history.
    """

    version_id: str
    measure: str = ""
    over: Grid | None = None


Rule: TypeAlias = Even | Weighted | Proportional | Season


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """Hold a set of numbers under a name.

    Shape: `unit_id` is the unit that answers for it; `base_version_id` is what it was branched
        from, empty when it began empty. `owner` names the capability whose steps alone change it,
        empty when it is written by hand.
    """

    version_id: str
    name: str
    kind: Kind
    unit_id: str
    currency_code: str
    base_version_id: str
    frozen: bool
    created_by: str
    create_time: datetime
    owner: str = ""

    def freeze(self) -> "Version":
        """Let nothing change it any more; a frozen one stays as it is."""
        return replace(self, frozen=True)


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one line of a table.

    Shape: `keys` in the order of the axes asked for, months as `2026-03`, quarters as `2026-Q1`;
        `values` in the order of the measures.
    """

    keys: tuple[str, ...]
    values: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Hold a cell that two versions do not have alike."""

    address: Address
    before: int
    after: int

    @property
    def change(self) -> int:
        """Tell how much more the second has."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Hold what was once done to a cell.

    Shape: `version_id` is the version in which it was done: the one asked for, or one that it was
        branched from. `cause` says what for, as the writer told it: a spread's rule, an import's
        name, a transfer of the ledger.
    """

    act_id: int
    version_id: str
    act: Act
    cause: str
    before: int
    after: int
    changed_by: str
    record_time: datetime


@dataclass(frozen=True, slots=True)
class Member:
    """Hold a product or a channel that numbers can have, with the group that it may stand in."""

    code: str
    name: str
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pin:
    """Hold a total that the parts of a version must sum to, whatever is written.

    Shape: an empty text means all of that axis; `unit_id` stands for its whole subtree; the months
        run from the first to the last.
    """

    measure: str
    unit_id: str
    product_id: str = ""
    channel: str = ""
    terminal_id: str = ""
    first_month: Month
    last_month: Month
    total: int

    def where(self) -> Where:
        """Select the parts."""
        months = self.first_month.span(self.first_month.months_until(self.last_month) + 1)
        return Where(
            unit_ids={self.unit_id},
            products={self.product_id} if self.product_id else None,
            channels={self.channel} if self.channel else None,
            terminals={self.terminal_id} if self.terminal_id else None,
            months=frozenset(months),
        )


Totals: TypeAlias = Mapping[tuple[str, ...], int]
