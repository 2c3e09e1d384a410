"""The rows that numbers can stand in, in memory: unit, product, channel and terminal by number.

Only combinations that somebody used have a row, so an empty corner of the cube costs nothing; a
row, once numbered, keeps its number in every version, so versions compare place by place.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from planning.cube.domain import Axis

Places: TypeAlias = npt.NDArray[np.int32]
Mask: TypeAlias = npt.NDArray[np.bool_]
Key: TypeAlias = tuple[str, str, str, str]

UNIT, PRODUCT, CHANNEL, TERMINAL = range(4)
COLUMN_OF: Final[Mapping[Axis, int]] = {
    Axis.UNIT: UNIT,
    Axis.OWN_UNIT: UNIT,
    Axis.PRODUCT: PRODUCT,
    Axis.PRODUCT_GROUP: PRODUCT,
    Axis.CHANNEL: CHANNEL,
    Axis.CHANNEL_GROUP: CHANNEL,
    Axis.TERMINAL: TERMINAL,
}


@dataclass(slots=True)
class Codes:
    """Number the texts of one axis; a number is never given to another text."""

    texts: list[str] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    def number(self, text: str) -> int:
        """Return the number of a text, a new one when it has none."""
        found = self.numbers.get(text)
        if found is None:
            found = len(self.texts)
            self.texts.append(text)
            self.numbers[text] = found
        return found

    def table(self, fits: Callable[[str], bool]) -> Mask:
        """Tell of each number whether its text fits."""
        return np.fromiter(map(fits, self.texts), dtype=np.bool_, count=len(self.texts))


@dataclass(frozen=True, slots=True)
class Rows:
    """Hold all rows that a transaction can see.

    Shape: four columns of numbers, by row; `codes` says what they mean.
    """

    codes: tuple[Codes, Codes, Codes, Codes]
    columns: tuple[Places, Places, Places, Places]

    @classmethod
    def none(cls) -> "Rows":
        """Begin without a row."""
        empty = np.zeros(0, dtype=np.int32)
        return cls((Codes(), Codes(), Codes(), Codes()), (empty, empty, empty, empty))

    def __len__(self) -> int:
        return len(self.columns[0])

    def plus(self, keys: Sequence[Key]) -> "Rows":
        """Return these rows with more behind them."""
        if not keys:
            return self
        columns = []
        for codes, column, texts in zip(
            self.codes, self.columns, zip(*keys, strict=True), strict=True
        ):
            numbers = np.fromiter(map(codes.number, texts), dtype=np.int32, count=len(keys))
            columns.append(np.concatenate([column, numbers]))
        first, second, third, fourth = columns
        return Rows(self.codes, (first, second, third, fourth))

    def key(self, row: int) -> Key:
        """Name a row."""
        unit, product, channel, terminal = (
            codes.texts[column[row]] for codes, column in zip(self.codes, self.columns, strict=True)
        )
        return unit, product, channel, terminal

    def mask(self, column: int, wanted: Collection[str] | None) -> Mask | None:
        """Tell of each row whether its text in a column is wanted; None when all are."""
        if wanted is None:
            return None
        return self.codes[column].table(wanted.__contains__)[self.columns[column]]

    def units(self, rows: npt.NDArray[np.integer]) -> set[str]:
        """Name the units of some rows."""
        texts = self.codes[UNIT].texts
        return {texts[number] for number in np.unique(self.columns[UNIT][rows])}


def all_of(masks: Iterable[Mask | None]) -> Mask | None:
    """Join what must hold together; None when nothing must."""
    found: Mask | None = None
    for mask in masks:
        if mask is not None:
            found = mask if found is None else found & mask
    return found
