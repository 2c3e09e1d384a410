"""The handbook of all processes, written from their definitions: `python -m
chassis.process.handbook`.

One page for people: each definition as a picture with a lane for each role, and each step with who
does it, who decides on it, what it builds on and to whom it goes. A test compares the page with the
definitions, so the page is never edited by hand.
"""

import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from chassis.process.definition import Answer, Deadline, Definition, Step
from chassis.process.mermaid import to_mermaid
from chassis.process.source import Definitions

SERVICES: Final = Path(__file__).resolve().parents[2]
PAGE: Final = SERVICES.parent / "docs" / "handbook.md"
NOTHING: Final = "–"
HEAD: Final = """# Handbook of processes

Written from `services/*/processes/*.toml` by `./run handbook`; edit those files, not this page. How
processes work is in [process.md](process.md).

Who is what in a step: **R** does it. **A** decides on it: the role of the next decision that it
leads to. **C** has done what it builds on. **I** goes on from it. A role is written as in the role
catalogue; `authority` means that the amount and the unit pick the role while the process runs.
"""
COLUMNS: Final = ("No.", "Step", "R", "A", "C", "I", "Inputs", "Outputs", "Due", "Completed by")


def handbook(definitions: Iterable[tuple[str, Definition]]) -> str:
    """Write the page.

    Shape: pairs of the owning service and a definition, in the order of the page.
    """
    chapters = ["\n".join(_chapter(owner, one)) for owner, one in definitions]
    return "\n".join([HEAD, *chapters])


def collect(services: Path) -> list[tuple[str, Definition]]:
    """Read the newest version of each definition of all services, by service and name.

    Errors: DefinitionInvalid.
    """
    found = []
    for directory in sorted(services.glob("*/processes")):
        definitions = Definitions.load(directory)
        names = sorted({one.name for one in definitions})
        found += [(directory.parent.name, definitions[name]) for name in names]
    return found


def _chapter(owner: str, definition: Definition) -> Iterator[str]:
    steps = definition.steps
    yield f"## {definition.title_en} ({definition.title_zh})"
    yield ""
    yield (
        f"`{definition.name}`, version {definition.version}, of {owner}: {len(steps)} steps, begins"
        f" as {definition.initial_state}."
    )
    yield ""
    yield "```mermaid"
    yield to_mermaid(definition).rstrip()
    yield "```"
    yield ""
    yield _row(COLUMNS)
    yield _row(["---"] * len(COLUMNS))
    for step in steps:
        yield _row(_cells(definition, step))
    yield ""
    yield from _notes(steps)


def _cells(definition: Definition, step: Step) -> Sequence[str]:
    before = [definition.by_number[wait.step] for wait in step.after]
    behind = [one for one in definition.steps if step.number in {w.step for w in one.after}]
    return (
        str(step.number),
        f"{step.name_en} {step.name_zh}",
        _actor(step),
        _decider(definition, step),
        _actors(before),
        _actors(behind),
        _listed(step.inputs),
        _listed(step.outputs),
        _due(step.deadline),
        _listed(f"`{rpc.rpartition('.')[2]}`" for rpc in step.rpcs) if step.rpcs else "by hand",
    )


def _decider(definition: Definition, step: Step) -> str:
    """Find the role of the nearest decision that the step is or leads to."""
    left, seen = [step], {step.number}
    while left:
        one = left.pop(0)
        if one.answers:
            return _actor(one)
        for other in definition.steps:
            if one.number in {wait.step for wait in other.after} and other.number not in seen:
                seen.add(other.number)
                left.append(other)
    return NOTHING


def _notes(steps: Sequence[Step]) -> Iterator[str]:
    """Say in sentences what does not fit into the table."""
    notes = [f"* Step {step.number} {note}." for step in steps for note in _notes_of(step)]
    yield from [*notes, ""] if notes else []


def _notes_of(step: Step) -> Iterator[str]:
    if step.each:
        yield f"repeats for each {step.each}"
    if step.dormant:
        yield "counts as done until an answer asks for it"
    if step.milestone:
        yield f"done makes the state {step.milestone}"
    if step.not_by:
        others = ", ".join(map(str, step.not_by))
        yield f"is done by another person than step {others}"
    yield from map(_meaning, step.answers)
    for wait in filter(lambda one: one.answer, step.after):
        yield f"opens when step {wait.step} is answered *{wait.answer}*"


def _meaning(answer: Answer) -> str:
    what = "goes on"
    if answer.reopens:
        what = f"reopens {', '.join(map(str, answer.reopens))}"
    if answer.milestone:
        what = f"makes the state {answer.milestone}"
    return f"answered *{answer.name}* {what}"


def _actor(step: Step) -> str:
    return f"`{step.role or step.role_from}`"


def _actors(steps: Iterable[Step]) -> str:
    return _listed(sorted({_actor(step) for step in steps}))


def _listed(texts: Iterable[str]) -> str:
    return "<br/>".join(texts) or NOTHING


def _due(deadline: Deadline | None) -> str:
    if deadline is None:
        return NOTHING
    if deadline.within_days is not None:
        return f"{deadline.within_days} days after it opened"
    if deadline.month is None:
        return f"day {deadline.day} of the month"
    return f"{deadline.month:02}-{deadline.day:02}"


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> int:
    """Write the page beside the other documents."""
    PAGE.write_text(handbook(collect(SERVICES)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
