"""How figures that are more than one event can hold are told in several."""

from collections.abc import Sequence
from typing import Any


def in_parts(*series: Sequence[Any], most: int) -> list[tuple[Sequence[Any], ...]]:
    """Cut series, laid end to end, into parts of so many items.

    Shape: one part at least; each has a piece of every series, which may be empty.
    """
    whole = sum(map(len, series))
    begins = range(0, max(whole, 1), most)
    return [tuple(_pieces(series, begin, begin + most)) for begin in begins]


def _pieces(series: Sequence[Sequence[Any]], begin: int, end: int) -> list[Sequence[Any]]:
    found, before = [], 0
    for one in series:
        found.append(one[max(begin - before, 0) : max(end - before, 0)])
        before += len(one)
    return found
