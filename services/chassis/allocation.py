"""Splits that lose no minor unit.

A whole is cut by weight: each share gets its floor, the units left over go to the largest
remainders, ties to the first. The sign is taken off before and put back after, so that a reversal
splits exactly as its original did.
"""

from collections.abc import Sequence
from decimal import Decimal
from math import lcm

from chassis.errors import InvalidArgument
from chassis.money import Money


class EmptySplit(InvalidArgument):
    """There is no part to give the whole to."""

    reason = "SPLIT_EMPTY"

    def __init__(self, total_minor: int) -> None:
        """Name the amount that has nowhere to go."""
        super().__init__(f"{total_minor} has no part to go to", totalMinor=total_minor)


class WeightInvalid(InvalidArgument):
    """A weight is below zero or is not a finite number."""

    reason = "SPLIT_WEIGHT_INVALID"

    def __init__(self, position: int, weight: object) -> None:
        """Name the weight and where it stands."""
        super().__init__(
            f"weight {weight} at {position} is not zero or more",
            position=position,
            weight=weight,
        )


def split(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Split a whole by weight so that no minor unit is lost.

    Shape: one share per weight, in the order of the weights; the shares sum to the whole, and each
        is less than one unit away from its exact part. Weights that are all 0 count as equal.
    Units: the whole in minor units, of any size; weights are relative, 0 or more.
    Errors: EmptySplit when there is no weight; WeightInvalid when one is below 0.
    Source: largest-remainder rule on the absolute value, ties to the first, sign back.
    """
    if not weights:
        raise EmptySplit(total_minor)
    _check_weights(weights)
    weight_sum = sum(weights)
    if weight_sum == 0:
        weights, weight_sum = [1] * len(weights), len(weights)
    size = abs(total_minor)
    parts = [divmod(size * weight, weight_sum) for weight in weights]
    shares = [floor for floor, _ in parts]
    # sorted() is stable, so equal remainders keep their order: ties go to the first.
    by_remainder = sorted(range(len(parts)), key=lambda position: -parts[position][1])
    for position in by_remainder[: size - sum(shares)]:
        shares[position] += 1
    return shares if total_minor >= 0 else [-share for share in shares]


def split_money(whole: Money, weights: Sequence[int]) -> list[Money]:
    """Split an amount by weight so that no minor unit is lost.

    Shape: as `split`.
    Errors: as `split`.
    """
    return [Money(whole.currency_code, share) for share in split(whole.amount_minor, weights)]


def weights_of(values: Sequence[Decimal]) -> list[int]:
    """Turn decimal weights into whole ones in the same proportion.

    Shape: 12.5 and 37.50 become 25 and 75.
    Errors: WeightInvalid when one is below zero, not finite or beyond 10^-30.
    """
    for position, value in enumerate(values):
        if not value.is_finite() or value < 0 or not -30 <= value.adjusted() <= 30:
            raise WeightInvalid(position, value)
    fractions = [value.as_integer_ratio() for value in values]
    common = lcm(*(denominator for _, denominator in fractions))
    return [numerator * (common // denominator) for numerator, denominator in fractions]


def _check_weights(weights: Sequence[int]) -> None:
    for position, weight in enumerate(weights):
        if weight < 0:
            raise WeightInvalid(position, weight)
