"""What a use case gives back: its result, and the facts that became true with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T_co]):
    """Carry a result with its facts; the door writes the facts as events in the same transaction.

    Shape: `facts` in the order in which they became true; each is a frozen dataclass named in the
    past tense.
    """

    value: T_co
    facts: Sequence[object] = ()
