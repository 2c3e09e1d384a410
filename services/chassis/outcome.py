"""What a use case gives back: its result, and the facts that became true with it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from chassis.errors import MantleError

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T_co]):
    """Carry a result with its facts; the door writes the facts as events in the same transaction.

    Shape: `facts` in the order in which they became true; each is a frozen dataclass named in the
    past tense.
    """

    value: T_co
    facts: Sequence[object] = ()


class Drafted(Protocol[T_co]):
    """Describe what a batch is about to do and knows already, so that its answers are made while
    the database writes.

    Shape: an outcome or a refusal for each item, in their order. First `write` is called, then
        `is_as_drafted`; only when it is not, `mended`.
    """

    @property
    def drafted(self) -> Sequence[Outcome[T_co] | MantleError]:
        """Return the outcomes, which hold unless the database says otherwise."""
        ...

    def write(self) -> None:
        """Send the effect, without asking for an answer."""
        ...

    def is_as_drafted(self) -> bool:
        """Wait for the database, and tell whether everything went as drafted."""
        ...

    def mended(self) -> Sequence[Outcome[T_co] | MantleError]:
        """Return the outcomes as they became, after what has to be put right."""
        ...
