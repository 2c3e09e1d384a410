"""What the handbook says of the year plan beside its steps: phases, information items, meetings,
and who takes part. It stands in `agenda.toml`."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Phase:
    """Hold one of the four phases with the steps that belong to it."""

    number: int
    name_en: str
    name_zh: str
    steps: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Item:
    """Hold one of the 37 information items; without a `step` it is provided by hand."""

    number: int
    phase: int
    name_en: str
    name_zh: str
    status: str
    step: int


@dataclass(frozen=True, slots=True)
class MeetingKind:
    """Hold one of the five meetings: who must take part, and what it is to bring."""

    kind: str
    phase: int
    name_en: str
    name_zh: str
    roles: tuple[str, ...]
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Participation:
    """Hold who takes part in a step beside whoever does it."""

    accountable: str
    consulted: tuple[str, ...]
    informed: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Agenda:
    """Hold the whole of it, each part in the handbook's order."""

    phases: tuple[Phase, ...]
    items: tuple[Item, ...]
    meetings: tuple[MeetingKind, ...]
    participation: Mapping[int, Participation]

    @property
    def phase_after_all(self) -> int:
        """Tell the number that stands for: all phases are closed."""
        return len(self.phases) + 1

    def phase_of(self, step: int) -> int:
        """Tell the phase of a step; a step behind the phases belongs to the first."""
        return next((one.number for one in self.phases if step in one.steps), 1)

    def item(self, number: int) -> Item:
        """Find an item by its number, which the contract keeps in its range."""
        return self.items[number - 1]

    def items_of_step(self, step: int) -> list[int]:
        """List the items that a step brings."""
        return [one.number for one in self.items if one.step == step]

    def meeting(self, kind: str) -> MeetingKind:
        """Find a meeting by its kind."""
        return next(one for one in self.meetings if one.kind == kind)


def _read(table: Mapping[str, Any]) -> Agenda:
    return Agenda(
        phases=tuple(
            Phase(one["number"], one["name_en"], one["name_zh"], tuple(one["steps"]))
            for one in table["phase"]
        ),
        items=tuple(
            Item(int(number), one["phase"], one["en"], one["zh"], one["status"], one.get("step", 0))
            for number, one in table["items"].items()
        ),
        meetings=tuple(
            MeetingKind(
                one["kind"],
                one["phase"],
                one["name_en"],
                one["name_zh"],
                tuple(one["roles"]),
                tuple(one["results"]),
            )
            for one in table["meeting"]
        ),
        participation={
            int(number): Participation(
                one["accountable"],
                tuple(one.get("consulted", ())),
                tuple(one.get("informed", ())),
            )
            for number, one in table["participation"].items()
        },
    )


AGENDA: Final = _read(
    tomllib.loads((Path(__file__).parent / "agenda.toml").read_text(encoding="utf-8"))
)
