"""Targets: what the company is to reach, how it comes down to parts, and the life of a target."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from chassis.allocation import split
from chassis.money import Money, total
from planning.annual_plan.errors import TargetStateForbids, TargetSumDiffers


class Measure(StrEnum):
    """What a target measures; its value in lower case is the cube's measure."""

    SALES = "SALES"
    PROFIT = "PROFIT"
    CONTRIBUTION = "CONTRIBUTION"


class View(StrEnum):
    """By what a target is split."""

    COMPANY = "COMPANY"
    PRODUCT = "PRODUCT"
    AREA = "AREA"


class TargetState(StrEnum):
    """Where a target stands."""

    PRELIMINARY = "PRELIMINARY"
    UNDER_DISCUSSION = "UNDER_DISCUSSION"
    ISSUED = "ISSUED"
    EFFECTIVE = "EFFECTIVE"
    SUPERSEDED = "SUPERSEDED"


_S = TargetState
MOVES: Final[Mapping[TargetState, frozenset[TargetState]]] = {
    _S.PRELIMINARY: frozenset({_S.UNDER_DISCUSSION, _S.SUPERSEDED}),
    _S.UNDER_DISCUSSION: frozenset({_S.ISSUED, _S.SUPERSEDED}),
    _S.ISSUED: frozenset({_S.EFFECTIVE}),
    _S.EFFECTIVE: frozenset({_S.SUPERSEDED}),
    _S.SUPERSEDED: frozenset(),
}


@dataclass(frozen=True, slots=True)
class Place:
    """Say what a target is for; empty text means that it is not split by that."""

    unit_id: str
    product_id: str = ""
    channel: str = ""


@dataclass(frozen=True, slots=True)
class Move:
    """Hold one step in the life of a target."""

    state: TargetState
    time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Hold a target; its value stands in the cube and is put in when it is read."""

    target_id: str
    annual_plan_id: str
    measure: Measure
    view: View
    place: Place
    moves: tuple[Move, ...]
    value: Money | None = None

    @property
    def state(self) -> TargetState:
        """Tell where it stands."""
        return self.moves[-1].state

    def worth(self, value: Money) -> "Target":
        """Put its value in."""
        return replace(self, value=value)

    def move(self, to: TargetState, *, at: datetime) -> "Target":
        """Bring it to its next state.

        Errors: TargetStateForbids.
        Source: R-028.
        """
        if to not in MOVES[self.state]:
            raise TargetStateForbids(self.target_id, state=self.state, to=to)
        return replace(self, moves=(*self.moves, Move(to, at)))


@dataclass(frozen=True, slots=True)
class Part:
    """Hold one part of a figure, given either as an amount or as a weight."""

    place: Place
    amount: Money | None = None
    weight: int = 0


@dataclass(frozen=True, slots=True)
class Split:
    """Hold how a measure comes down to its parts."""

    measure: Measure
    parts: tuple[Part, ...]

    def amounts(self, whole: Money | None, *, currency_code: str) -> dict[Place, Money]:
        """Tell the amount of each part.

        Shape: parts with a weight share what the others leave; the amounts sum to the whole, where
            there is one.
        Errors: TargetSumDiffers.
        Source: R-011.
        """
        given = [part.amount for part in self.parts if part.amount is not None]
        weighted = [part for part in self.parts if part.amount is None]
        together = total(currency_code, given)
        whole = (Money(currency_code, 0) if weighted else together) if whole is None else whole
        rest = whole - together
        if rest.amount_minor < 0 or bool(weighted) != bool(rest.amount_minor):
            raise TargetSumDiffers(self.measure, target=whole, together=together)
        shares = iter(_shares(rest, [part.weight for part in weighted]))
        return {part.place: part.amount or next(shares) for part in self.parts}


def _shares(rest: Money, weights: Sequence[int]) -> list[Money]:
    if not weights:
        return []
    return [Money(rest.currency_code, minor) for minor in split(rest.amount_minor, weights)]
