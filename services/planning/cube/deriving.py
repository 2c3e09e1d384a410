"""Measures computed from another: each number is a factor of the row times what the row has.

The sum of a year is rounded once; a month has what the sum up to it adds, so the months of a year
sum to the rounded whole. Whole columns are computed at a time, because a plan has a row for each
product of each terminal.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from math import lcm
from typing import Final, TypeAlias

import numpy as np

from chassis.database import Transaction
from chassis.scope import Caller
from planning.cube import changing, storage
from planning.cube.changing import Differences
from planning.cube.domain import VALUE_MAX, Act
from planning.cube.errors import CellValueInvalid
from planning.cube.exact import Ints
from planning.cube.expense_types import require_measures
from planning.cube.memory import Book, memory_of
from planning.cube.rows import CHANNEL, PRODUCT, Rows
from planning.cube.storage import Doing

# Product, channel, and whether the source has numbers there → a factor for each target, or None to
# leave the targets as they are.
FactorsOf: TypeAlias = Callable[[str, str, bool], Mapping[str, Fraction] | None]

_INT64_MAX: Final = 2**63 - 1


def derive(
    tx: Transaction,
    version_id: str,
    *,
    source: str,
    targets: Sequence[str],
    factors_of: FactorsOf,
    by: Caller,
    at: datetime,
    cause: str,
    owner: str = "",
) -> int:
    """Compute measures from another, row by row; return how many cells changed.

    Shape: factors are asked for once a product and channel in which there are numbers.
    Errors: CubeVersionNotFound, CubeVersionOwned, CubeVersionFrozen, CubeVersionActual,
        MeasureUnknown, OutOfScope, CellValueInvalid, PartsNotBalanced; what `factors_of` raises.
    """
    storage.written_version(tx, version_id, owner=owner)
    require_measures(tx, {source, *targets})
    stored = storage.years(tx, version_id, (source, *targets))
    years = {one for some in stored.values() for one in some}
    rows = memory_of(tx).rows(tx)
    pairs = Pairs(rows, factors_of)
    differing = {}
    with memory_of(tx).opened(tx, version_id) as book:
        for year in sorted(years):
            for code, one in _of_year(tx, book, (source, *targets), year=year, pairs=pairs):
                differing[code, year] = one
    units = set[str]().union(*(rows.units(one.rows) for one in differing.values()))
    changing.require_scope(tx, units, by=by)
    doing = Doing(Act.WRITE, cause, by.subject, at)
    return changing.act(tx, version_id, doing, differing=differing)


def multiplied(values: Ints, numerators: Ints, denominator: int) -> Ints:
    """Multiply rows × months by a factor of each row, rounded half up once a year.

    Shape: a month has what the sum up to it adds.
    Errors: CellValueInvalid beyond what a cell can hold.
    """
    upto = np.cumsum(values, axis=1)
    largest = int(np.abs(upto).max(initial=0)) * int(np.abs(numerators).max(initial=0))
    if 2 * (largest + denominator) > _INT64_MAX:
        # Python's own numbers have no end, and so no overflow.
        upto, numerators = upto.astype(object), numerators.astype(object)
    scaled = upto * numerators[:, None]
    rounded = (2 * np.abs(scaled) + denominator) // (2 * denominator) * np.sign(scaled)
    months = np.diff(rounded, axis=1, prepend=0)
    reached = int(np.abs(months).max(initial=0))
    if reached > VALUE_MAX:
        raise CellValueInvalid(reached)
    exact: Ints = months.astype(np.int64)
    return exact


class Pairs:
    """Know the factors of each product and channel, asked for once."""

    def __init__(self, rows: Rows, factors_of: FactorsOf) -> None:
        """Number the products and channels of the rows."""
        self._ask = factors_of
        # Copies, because another thread may be numbering a new text behind these.
        self._products = list(rows.codes[PRODUCT].texts)
        self._channels = list(rows.codes[CHANNEL].texts)
        self.of_row = rows.columns[PRODUCT] * np.int64(len(self._channels)) + rows.columns[CHANNEL]

    def factors(self, pair: int, *, needed: bool) -> Mapping[str, Fraction] | None:
        """Return the factors of a number."""
        product, channel = divmod(pair, len(self._channels))
        return self._ask(self._products[product], self._channels[channel], needed)


def _of_year(
    tx: Transaction, book: Book, codes: Sequence[str], *, year: int, pairs: Pairs
) -> list[tuple[str, Differences]]:
    """Tell by how much the targets of a year change."""
    count = len(pairs.of_row)
    given, *befores = (book.sheet(tx, code, year).of_rows(count) for code in codes)
    has = (given != 0).any(axis=1)
    places = np.flatnonzero(np.logical_or.reduce([has, *(one.any(axis=1) for one in befores)]))
    numbers, of_place = np.unique(pairs.of_row[places], return_inverse=True)
    needed = np.bincount(of_place, weights=has[places], minlength=len(numbers)) > 0
    factors = [
        pairs.factors(int(pair), needed=bool(need))
        for pair, need in zip(numbers, needed, strict=True)
    ]
    kept = np.array([one is not None for one in factors], dtype=np.bool_)[of_place]
    places, of_place = places[kept], of_place[kept]
    found = []
    for code, before in zip(codes[1:], befores, strict=True):
        numerators, denominator = _whole([one[code] if one else Fraction(0) for one in factors])
        change = np.zeros_like(before)
        wanted = multiplied(given[places], numerators[of_place], denominator)
        change[places] = wanted - before[places]
        found.append((code, Differences.dense(change)))
    return found


def _whole(factors: Sequence[Fraction]) -> tuple[Ints, int]:
    """Write factors over one denominator."""
    denominator = lcm(*(one.denominator for one in factors))
    whole = [one.numerator * (denominator // one.denominator) for one in factors]
    fits = max(map(abs, whole), default=0) <= _INT64_MAX
    return np.array(whole, dtype=np.int64 if fits else object), denominator
