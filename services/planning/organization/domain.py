"""Units of the organisation, and the rule that they always form one tree.

A unit has places: each says from which day on it stands below which parent. The tree of a day
follows from the places of all units, so a move changes no day before it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from chassis.errors import AlreadyExists, FailedPrecondition, NotFound

ROOT_UNIT: Final = "hq"
FOUNDED: Final = date(2000, 1, 1)


class Kind(StrEnum):
    """What a unit is."""

    HQ = "HQ"
    REGION = "REGION"
    PROVINCE = "PROVINCE"
    BRANCH = "BRANCH"
    OFFICE = "OFFICE"
    PROVINCIAL_BUSINESS_UNIT = "PROVINCIAL_BUSINESS_UNIT"
    MARKETING_CENTRE = "MARKETING_CENTRE"
    REGIONAL_BODY = "REGIONAL_BODY"
    DEPARTMENT = "DEPARTMENT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """Hold a unit as it stands on a day.

    Shape: `path` has the ids from the root down to the unit, each followed by `/`; `valid_from` is
        the first day with this parent; `version` counts the changes of the place; `functions` are
        what the unit is there for.
    """

    unit_id: str
    name: str
    kind: Kind
    parent_unit_id: str
    valid_from: date
    path: str
    version: int
    functions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitPlaced:
    """A unit has a place in the tree that it did not have before."""

    unit_id: str
    path: str
    version: int


def path_below(parent: str, unit_id: str) -> str:
    """Write the path of a unit below the path of its parent; the root's parent is empty."""
    return f"{parent}{unit_id}/"


def common_unit(paths: Iterable[str]) -> str:
    """Find the lowest unit that all paths go through; the root goes through every path."""
    parts = [path.rstrip("/").split("/") for path in paths]
    shared = [level[0] for level in zip(*parts, strict=False) if len(set(level)) == 1]
    return str(shared[-1])


def require_tree(parents: Mapping[str, str], unit_id: str, parent_unit_id: str) -> None:
    """Refuse a parent that is the unit itself or lies below it.

    Shape: `parents` are those of one day, without the root's.
    Errors: UnitMoveMakesCycle.
    """
    above = parent_unit_id
    while above and above != unit_id:
        above = parents.get(above, "")
    if above:
        raise UnitMoveMakesCycle(unit_id, parent_unit_id)


def require_day(unit_id: str, valid_from: date, *, today: date, places: Iterable[date]) -> None:
    """Refuse a move that would change a day that is over, or a place that is planned already.

    Shape: `places` are the first days of all places of the unit.
    Errors: UnitMoveBackdated.
    """
    earliest = max([today, *(place + timedelta(days=1) for place in places)])
    if valid_from < earliest:
        raise UnitMoveBackdated(unit_id, valid_from, earliest)


def placed(known: Mapping[str, Unit], now: Iterable[Unit]) -> list[UnitPlaced]:
    """Tell which units have another path now than the one that is known of them.

    Shape: in the order of `now`; each with the next version.
    """
    return [
        UnitPlaced(unit.unit_id, unit.path, known[unit.unit_id].version + 1)
        for unit in now
        if unit.path != known[unit.unit_id].path
    ]


class UnitNotFound(NotFound):
    """No unit has this id, or not on this day."""

    reason = "UNIT_NOT_FOUND"

    def __init__(self, unit_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is no unit {unit_id} on this day", unitId=unit_id)


class UnitAlreadyExists(AlreadyExists):
    """A unit with this id is there already."""

    reason = "UNIT_ALREADY_EXISTS"

    def __init__(self, unit_id: str) -> None:
        """Name the id."""
        super().__init__(f"there is a unit {unit_id} already", unitId=unit_id)


class RootUnitFixed(FailedPrecondition):
    """The root of the organisation cannot be moved."""

    reason = "ROOT_UNIT_FIXED"

    def __init__(self) -> None:
        """Name the root."""
        super().__init__(f"unit {ROOT_UNIT} has no parent and stays so", unitId=ROOT_UNIT)


class UnitMoveBackdated(FailedPrecondition):
    """The move would begin too early."""

    reason = "UNIT_MOVE_BACKDATED"

    def __init__(self, unit_id: str, valid_from: date, earliest: date) -> None:
        """Name the unit, the day and the earliest day possible."""
        super().__init__(
            f"unit {unit_id} cannot move on {valid_from}, on {earliest} at the earliest",
            unitId=unit_id,
            validFrom=valid_from,
            earliest=earliest,
        )


class UnitMoveMakesCycle(FailedPrecondition):
    """The new parent is the unit itself or lies below it."""

    reason = "UNIT_MOVE_MAKES_CYCLE"

    def __init__(self, unit_id: str, parent_unit_id: str) -> None:
        """Name both units."""
        super().__init__(
            f"unit {parent_unit_id} is or lies below {unit_id}",
            unitId=unit_id,
            parentUnitId=parent_unit_id,
        )
