"""The arithmetic of a bench: in which order two halves run, and what their pairs prove.

Pure, so that it can be tested. Both halves run in one session, in slices that alternate A B B A: a
machine that slows down, or a neighbour that wakes up, then meets both alike. A figure is the median
of the pairs' ratios, with a 95 % interval from resampling them.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")

RESAMPLES = 4_000
LOW, HIGH = 2.5, 97.5
SEED = 20_260_302
# An A/A pair compares a half with itself. Beyond these bounds the machine, not the code, speaks.
VOID_BELOW, VOID_ABOVE = 0.85, 1.18
TRIES_MAX = 3


@dataclass(frozen=True, slots=True)
class Interval:
    """Hold a median with its 95 % interval."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} ({self.low:.2f}–{self.high:.2f})"

    @property
    def is_level(self) -> bool:
        """Tell whether the interval is narrow enough around 1 for an A/A pair."""
        return self.low >= VOID_BELOW and self.high <= VOID_ABOVE


class TooNoisy(Exception):
    """The machine was too noisy in every try; nothing passes and nothing fails."""


def abba(pairs: int) -> Iterator[tuple[str, str]]:
    """Yield the order of the halves of each pair: A B, then B A, and so on."""
    for number in range(pairs):
        yield ("a", "b") if number % 2 == 0 else ("b", "a")


def interval_of(ratios: Sequence[float]) -> Interval:
    """Return the median of ratios and its 95 % bootstrap interval.

    Shape: the same ratios always give the same interval.
    """
    values = np.asarray(ratios, dtype=float)
    assert values.size, "an interval needs at least one ratio"
    drawn = np.random.default_rng(SEED).integers(0, values.size, (RESAMPLES, values.size))
    medians = np.median(values[drawn], axis=1)
    low, high = np.percentile(medians, [LOW, HIGH])
    return Interval(float(np.median(values)), float(low), float(high))


def ratios_of(ours: Sequence[float], baseline: Sequence[float]) -> list[float]:
    """Return ours / baseline, pair by pair; a pair whose baseline did nothing is left out."""
    assert len(ours) == len(baseline)
    return [one / other for one, other in zip(ours, baseline, strict=True) if other > 0]


def first_level(measure: Callable[[], T], level_of: Callable[[T], Interval]) -> T:
    """Measure until the A/A interval of a try is level, three times at most.

    Errors: TooNoisy.
    """
    seen = []
    for _ in range(TRIES_MAX):
        result = measure()
        if level_of(result).is_level:
            return result
        seen.append(str(level_of(result)))
    raise TooNoisy(f"A/A was {', '.join(seen)}, outside {VOID_BELOW}–{VOID_ABOVE}")


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which a share (0 to 100) of the values lies; 0 when there is none."""
    return float(np.percentile(values, share)) if len(values) else 0.0
