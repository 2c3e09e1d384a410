"""A spread of one total over many cells in int64, to the last unit.

The same rule as `chassis.allocation.split`: floors, then the units left over to the largest
remainders, ties to the first, the sign put back. A total is taken in digits small enough that
digit times weight fits 63 bits, so a million cells need no big integer.
"""

from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from chassis.allocation import EmptySplit, WeightInvalid
from chassis.allocation import split as split_slowly

Ints: TypeAlias = npt.NDArray[np.int64]

WEIGHT_BITS_MAX: Final = 57
_WORD_BITS: Final = 62


def split(total: int, weights: Ints) -> Ints:
    """Split a whole by weight so that no unit is lost.

    Shape: as `chassis.allocation.split`, share by share.
    Units: the whole within ±10^17, weights 0 or more.
    Errors: EmptySplit; WeightInvalid.
    """
    _check(total, weights)
    if float(weights.sum(dtype=np.float64)) >= 2.0 ** (WEIGHT_BITS_MAX - 1):
        return np.array(split_slowly(total, weights.tolist()), dtype=np.int64)
    whole = int(weights.sum())
    if whole == 0:
        weights, whole = np.ones_like(weights), len(weights)
    shares, rests = _floors(abs(total), weights, whole)
    _give_rest(shares, rests, left=abs(total) - int(shares.sum()))
    return shares if total >= 0 else -shares


def whole(values: Ints) -> int:
    """Sum numbers to the last unit, however large the sum is."""
    if float(np.abs(values).sum(dtype=np.float64)) < 2.0**_WORD_BITS:
        return int(values.sum())
    return sum(values.tolist())


def _check(total: int, weights: Ints) -> None:
    if not len(weights):
        raise EmptySplit(total)
    if int(weights.min()) < 0:
        position = int(np.argmax(weights < 0))
        raise WeightInvalid(position, int(weights[position]))


def _floors(size: int, weights: Ints, whole: int) -> tuple[Ints, Ints]:
    """Divide size × weight by the whole, digit by digit, as one does on paper."""
    bits = _WORD_BITS - whole.bit_length()
    mask = (1 << bits) - 1
    shares, rests = np.zeros_like(weights), np.zeros_like(weights)
    for place in reversed(range(-(-size.bit_length() // bits))):
        digit = (size >> (place * bits)) & mask
        rests = (rests << bits) + digit * weights
        quotients = rests // whole
        rests -= quotients * whole
        shares = (shares << bits) + quotients
    return shares, rests


def _give_rest(shares: Ints, rests: Ints, *, left: int) -> None:
    if not left:
        return
    bound = np.partition(rests, len(rests) - left)[len(rests) - left]
    above = rests > bound
    shares[above] += 1
    ties = np.flatnonzero(rests == bound)[: left - int(above.sum())]
    shares[ties] += 1
