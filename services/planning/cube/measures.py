"""The list of measures, which is data: `measures.toml`, and the types of expenses beside it.

A type of the expense catalogue is a measure under its own code, listed here or not, so that another
industry needs no change of the list.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from planning.cube.errors import MeasureUnknown

FILE: Final = Path(__file__).with_name("measures.toml")
EXPENSE: Final = "expense"
# The policy whose types are measures.
EXPENSE_CATALOGUE: Final = "expense_catalogue"
_EXPENSE_TYPE: Final = re.compile(rf"{EXPENSE}_[a-z0-9_]{{1,32}}")


class Unit(StrEnum):
    """What a number of a measure counts."""

    MONEY = "money"
    PIECES = "pieces"


class Nature(StrEnum):
    """What a measure has in several months: their sum, or what the last one has."""

    FLOW = "flow"
    STOCK = "stock"


@dataclass(frozen=True, slots=True)
class Measure:
    """Hold one thing that the cube counts."""

    code: str
    name: str
    name_zh: str
    unit: Unit
    nature: Nature


def load(text: str) -> dict[str, Measure]:
    """Read a list of measures.

    Errors: KeyError or ValueError when the list is not what it should be; the service then does not
        start.
    """
    return {
        code: Measure(code, one["name"], one["name_zh"], Unit(one["unit"]), Nature(one["kind"]))
        for code, one in tomllib.loads(text).items()
    }


MEASURES: Final[Mapping[str, Measure]] = load(FILE.read_text(encoding="utf-8"))


def measure(code: str) -> Measure:
    """Return a measure; what has the code of an expense type is money that adds up.

    Errors: MeasureUnknown.
    """
    found = MEASURES.get(code)
    if found is not None:
        return found
    if not _EXPENSE_TYPE.fullmatch(code):
        raise MeasureUnknown(code)
    return Measure(code, code, code, Unit.MONEY, Nature.FLOW)
