"""docs/performance.md: the table of figures, and who measured them where."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from tests.bench.machine import describe

FILE = Path(__file__).resolve().parents[2] / "docs" / "performance.md"
BEGIN, END = "<!-- figures: written by ./run bench -->", "<!-- end of figures -->"
HEAD = "| bench | what | goal | figure (95 % interval) | gap | A/A | date |"
RULE = "| --- | --- | --- | --- | --- | --- | --- |"
OPEN = "not measured yet"


@dataclass(frozen=True, slots=True)
class Row:
    """Hold one line of the table.

    Shape: `bench` is unique; `gap` says `met`, how much is missing, or `–` where nothing is asked.
    """

    bench: str
    what: str
    goal: str
    figure: str
    gap: str = "–"
    same: str = "–"
    day: str = ""

    def line(self) -> str:
        """Return the row as Markdown."""
        day = self.day or date.today().isoformat()
        cells = (self.bench, self.what, self.goal, self.figure, self.gap, self.same, day)
        return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"


def at_least(value: float, goal: float) -> str:
    """Return what is missing of a goal that is to be reached from below."""
    return "met" if value >= goal else f"{goal - value:.2f} missing"


def at_most(value: float, goal: float) -> str:
    """Return what is too much over a goal that is not to be passed."""
    return "met" if value <= goal else f"{value - goal:.2f} over"


def merged(text: str, rows: Iterable[Row]) -> str:
    """Return the document with these rows in the place of older ones of the same name.

    Shape: rows keep the order of their names; text outside the marks stays as it is.
    """
    head, _, rest = text.partition(BEGIN)
    known, _, tail = rest.partition(END)
    lines = {
        match.group(1): match.group(0)
        for match in re.finditer(r"^\| (?!bench|---)([^|]+?) \|.*$", known, re.MULTILINE)
    }
    lines |= {row.bench: row.line() for row in rows}
    table = "\n".join([HEAD, RULE, *(lines[name] for name in sorted(lines, key=_order))])
    place = f"Machine of the newest rows: {describe()}."
    return f"{head}{BEGIN}\n\n{place}\n\n{table}\n\n{END}{tail}"


def write(rows: Iterable[Row]) -> None:
    """Write rows into docs/performance.md."""
    FILE.write_text(merged(FILE.read_text(encoding="utf-8"), rows), encoding="utf-8")


def _order(name: str) -> tuple[int, str]:
    number = re.match(r"B(\d+)", name)
    return (int(number.group(1)) if number else 99, name)
