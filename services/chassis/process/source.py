"""Read process definitions from files, and notice when a published one was changed.

`Definitions.load("…/processes")` reads every `*.toml`. `versions.lock` beside them, one line `name
version hash` each, says what was published; `changed` compares, so that a change without a new
version fails before it is deployed.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

from chassis.paging import Page, Slice
from chassis.process.definition import (
    DAY_MAX,
    Answer,
    Deadline,
    Definition,
    DefinitionInvalid,
    Step,
    Wait,
)
from chassis.process.errors import DefinitionNotFound

Table = Mapping[str, Any]

LOCK_FILE = "versions.lock"
LOWER = re.compile(r"[a-z][a-z0-9_]*")
UPPER = re.compile(r"[A-Z][A-Z0-9_]*")
RPC = re.compile(r"[A-Za-z0-9_.]+/[A-Za-z0-9]+")
ANY = re.compile(r".+", re.DOTALL)
DEFINITION_FIELDS = frozenset(
    {"name", "version", "title_en", "title_zh", "initial_state", "unit_keys", "step"}
)
STEP_FIELDS = frozenset(
    {"number", "name_en", "name_zh", "role", "role_from", "inputs", "outputs", "after", "deadline"}
    | {"rpc", "milestone", "dormant", "each", "answers", "not_by"}
)


@dataclass(frozen=True, slots=True)
class Definitions:
    """Hold the definitions that a service was shipped with, in the order of their names and
    versions."""

    all: tuple[Definition, ...]

    @classmethod
    def load(cls, directory: Path | str) -> Self:
        """Read every definition of a directory.

        Errors: DefinitionInvalid, whose text names the file; also when two files hold the same
            version.
        """
        return cls.of(_read(path) for path in sorted(Path(directory).glob("*.toml")))

    @classmethod
    def of(cls, definitions: Iterable[Definition]) -> Self:
        """Collect definitions that are already in memory.

        Errors: DefinitionInvalid when two have the same name and version.
        """
        ordered = tuple(sorted(definitions, key=lambda each: (each.name, each.version)))
        for one, other in zip(ordered, ordered[1:], strict=False):
            if (one.name, one.version) == (other.name, other.version):
                raise DefinitionInvalid(one.name, (f"version {one.version} is there twice",))
        return cls(ordered)

    def __getitem__(self, name: str) -> Definition:
        """Find the newest version of a definition.

        Errors: DefinitionNotFound.
        """
        return self.find(name)

    def __iter__(self) -> Iterator[Definition]:
        """Go through all definitions."""
        return iter(self.all)

    def find(self, name: str, version: int = 0) -> Definition:
        """Find a definition; version 0 means the newest.

        Errors: DefinitionNotFound.
        """
        found = [d for d in self.all if d.name == name and version in (0, d.version)]
        if not found:
            raise DefinitionNotFound(name, version)
        return found[-1]

    def listed(self, page: Page) -> Slice[Definition]:
        """List a page of the definitions, by name and version."""
        after = page.after or ()
        rows = [d for d in self.all if (d.name, d.version) > after]
        return page.slice(rows[: page.size + 1], key=lambda d: (d.name, d.version))


def parse(text: str) -> Definition:
    """Read a definition from the text of a file.

    Errors: DefinitionInvalid; tomllib.TOMLDecodeError when the text is not TOML.
    """
    return _build(tomllib.loads(text, parse_float=Decimal))


@lru_cache(maxsize=256)
def restore(content: str) -> Definition:
    """Build a definition again from its canonical content, as the database keeps it."""
    return _build(json.loads(content))


def lock_line(definition: Definition) -> str:
    """Write the line that publishes a definition in `versions.lock`."""
    return f"{definition.name} {definition.version} {definition.hash}"


def changed(definitions: Definitions, directory: Path | str) -> list[str]:
    """List what `versions.lock` does not agree with, as sentences that say how to mend it.

    Shape: empty when every definition is published and none was changed since.
    """
    lock = Path(directory) / LOCK_FILE
    lines = lock.read_text(encoding="utf-8").splitlines() if lock.exists() else []
    published = {(name, int(version)): found for name, version, found in map(str.split, lines)}
    problems: list[str] = []
    for definition in definitions:
        known = published.get((definition.name, definition.version))
        if known is None:
            problems.append(f"add to {LOCK_FILE}: {lock_line(definition)}")
        elif known != definition.hash:
            problems.append(
                f"{definition.name} version {definition.version} was changed; give it a new version"
            )
    return problems


def _read(path: Path) -> Definition:
    try:
        return parse(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise DefinitionInvalid(path.name, (f"not TOML: {error}",)) from error
    except DefinitionInvalid as error:
        raise DefinitionInvalid(path.name, error.problems) from error


def _build(table: Table) -> Definition:
    # Comments, order of keys and line breaks do not matter; everything else does.
    content = json.dumps(table, sort_keys=True, ensure_ascii=False, default=str)
    name = table.get("name")
    try:
        _known(table, DEFINITION_FIELDS)
        return Definition(
            name=_text(table, "name", LOWER),
            version=_number(table, "version"),
            title_en=_text(table, "title_en"),
            title_zh=_text(table, "title_zh"),
            initial_state=_text(table, "initial_state", UPPER),
            unit_keys=frozenset(_texts(table, "unit_keys")),
            steps=tuple(_step(step) for step in _tables(table, "step")),
            content=content,
            hash=hashlib.sha256(content.encode()).hexdigest(),
        )
    except _FieldInvalid as error:
        raise DefinitionInvalid(str(name), (str(error),)) from error


class _FieldInvalid(Exception):
    """A field is missing, unknown or of the wrong type."""


def _step(table: Table) -> Step:
    number = _number(table, "number")
    try:
        _known(table, STEP_FIELDS)
        return Step(
            number=number,
            name_en=_text(table, "name_en"),
            name_zh=_text(table, "name_zh"),
            role=_maybe(table, "role", LOWER),
            role_from=_maybe(table, "role_from", LOWER),
            inputs=_texts(table, "inputs"),
            outputs=_texts(table, "outputs"),
            after=tuple(_wait(entry) for entry in _list(table, "after")),
            deadline=_deadline(table),
            rpcs=_rpcs(table),
            milestone=_maybe(table, "milestone", UPPER),
            dormant=_flag(table, "dormant"),
            each=_maybe(table, "each", LOWER),
            answers=_answers(table),
            not_by=_numbers(table, "not_by"),
        )
    except _FieldInvalid as error:
        raise _FieldInvalid(f"step {number}: {error}") from error


def _wait(entry: object) -> Wait:
    """Read `21`, `"21"` or `"22=agree"`."""
    number, sign, answer = str(entry).partition("=")
    if not number.strip().isdigit() or (sign and not LOWER.fullmatch(answer.strip())):
        raise _FieldInvalid(f'`after` holds {entry!r}; write a number, or "22=agree"')
    return Wait(int(number), answer.strip() if sign else None)


def _answers(table: Table) -> tuple[Answer, ...]:
    """Read `agree = []`, `disagree = [23, 24]` or `agree = { milestone = "AGREED" }`."""
    return tuple(
        _answer(name, {"reopens": entry} if isinstance(entry, list) else entry)
        for name, entry in _mapping(table, "answers").items()
    )


def _answer(name: str, entry: object) -> Answer:
    if not LOWER.fullmatch(name) or not isinstance(entry, dict):
        raise _FieldInvalid(f"answer `{name}` must be a lower-case name with a list or a table")
    _known(entry, frozenset({"reopens", "milestone"}))
    return Answer(name, _numbers(entry, "reopens"), _maybe(entry, "milestone", UPPER))


def _deadline(table: Table) -> Deadline | None:
    """Read `{ within_days = 5 }`, `{ day = 10 }` or `{ month = 11, day = 15 }`."""
    entry = _mapping(table, "deadline")
    if not entry:
        return None
    limits = {"within_days": 3660, "month": 12, "day": DAY_MAX}
    if set(entry) not in ({"within_days"}, {"day"}, {"month", "day"}):
        raise _FieldInvalid("`deadline` has either `within_days`, or `day`, or `month` and `day`")
    for field, value in entry.items():
        if type(value) is not int or not 1 <= value <= limits[field]:
            raise _FieldInvalid(f"`deadline.{field}` must be 1 to {limits[field]}")
    return Deadline(**entry)


def _rpcs(table: Table) -> tuple[str, ...]:
    """Read one full method name, or a list of them."""
    entry = table.get("rpc", [])
    names = [entry] if isinstance(entry, str) else entry
    if not isinstance(names, list) or not all(RPC.fullmatch(str(name)) for name in names):
        raise _FieldInvalid("`rpc` must be a full method name, such as `a.b.v1.CService/DoD`")
    return tuple(names)


def _known(table: Table, fields: frozenset[str]) -> None:
    unknown = sorted(set(table) - fields)
    if unknown:
        raise _FieldInvalid(f"unknown field `{unknown[0]}`; known are {', '.join(sorted(fields))}")


def _text(table: Table, field: str, pattern: re.Pattern[str] = ANY) -> str:
    found = _maybe(table, field, pattern)
    if found is None:
        raise _FieldInvalid(f"`{field}` is missing")
    return found


def _maybe(table: Table, field: str, pattern: re.Pattern[str]) -> str | None:
    found = table.get(field)
    if found is not None and not (isinstance(found, str) and pattern.fullmatch(found)):
        raise _FieldInvalid(f"`{field}` is {found!r} and must be a text like {pattern.pattern}")
    return found


def _number(table: Table, field: str) -> int:
    found = table.get(field)
    if type(found) is not int or found < 1:
        raise _FieldInvalid(f"`{field}` must be a whole number, 1 or more")
    return found


def _flag(table: Table, field: str) -> bool:
    found = table.get(field, False)
    if not isinstance(found, bool):
        raise _FieldInvalid(f"`{field}` must be true or false")
    return found


def _list(table: Table, field: str) -> list[Any]:
    found = table.get(field, [])
    if not isinstance(found, list):
        raise _FieldInvalid(f"`{field}` must be a list")
    return found


def _mapping(table: Table, field: str) -> dict[str, Any]:
    found = table.get(field, {})
    if not isinstance(found, dict):
        raise _FieldInvalid(f"`{field}` must be a table")
    return found


def _texts(table: Table, field: str) -> tuple[str, ...]:
    found = _list(table, field)
    if not all(isinstance(entry, str) for entry in found):
        raise _FieldInvalid(f"`{field}` must be a list of texts")
    return tuple(found)


def _numbers(table: Table, field: str) -> tuple[int, ...]:
    found = _list(table, field)
    if not all(type(entry) is int for entry in found):
        raise _FieldInvalid(f"`{field}` must be a list of step numbers")
    return tuple(found)


def _tables(table: Table, field: str) -> list[Table]:
    found = _list(table, field)
    if not all(isinstance(entry, dict) for entry in found):
        raise _FieldInvalid(f"write each step as [[{field}]]")
    return found
