"""The policies that come with the platform, as files beside the service that owns their kinds.

One file is one policy. It is a starting value, not a setting: once version 1 of its kind and scope
is in the database, the file is not looked at again.
"""

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from chassis.period import DateRange
from chassis.policy.domain import WHOLE_COMPANY, Draft

_KEYS: Final[Mapping[str, type]] = {
    "kind": str,
    "scope": str,
    "start": date,
    "end": date,
    "assumed": bool,
    "summary": str,
    "parameters": dict,
    "conditions": dict,
}


class PolicyFileInvalid(Exception):
    """A file of default policies is wrong, so the service must not start."""

    def __init__(self, path: Path, problem: str) -> None:
        """Name the file and what is wrong in it."""
        super().__init__(f"{path.name}: {problem}")


def read_drafts(directory: Path) -> list[Draft]:
    """Read all policy files of a directory, by name.

    Errors: PolicyFileInvalid; also for a fraction written as a number, because it would not be
        exact.
    """
    return [_draft(path) for path in sorted(directory.glob("*.toml"))]


def _draft(path: Path) -> Draft:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise PolicyFileInvalid(path, str(error)) from error
    for name, value in content.items():
        if name not in _KEYS or type(value) is not _KEYS[name]:
            raise PolicyFileInvalid(path, f"{name} is no key of a policy, or of another type")
    for name in ("kind", "start"):
        if name not in content:
            raise PolicyFileInvalid(path, f"{name} is missing")
    for problem in _inexact(content.get("parameters", {}), "parameters"):
        raise PolicyFileInvalid(path, problem)
    return Draft(
        kind=content["kind"],
        scope=content.get("scope", WHOLE_COMPANY),
        valid=DateRange(content["start"], content.get("end")),
        parameters=_plain(content.get("parameters", {})),
        conditions=content.get("conditions", {}),
        summary=content.get("summary", ""),
        assumed=content.get("assumed", True),
    )


def _inexact(value: Any, path: str) -> Iterator[str]:
    """Find the numbers with a fraction."""
    if isinstance(value, Decimal):
        yield f'{path} is {value}: write a decimal number as a text, "{value}"'
    elif isinstance(value, dict):
        for name, inner in value.items():
            yield from _inexact(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _inexact(inner, f"{path}[{number}]")


def _plain(value: Any) -> Any:
    """Write TOML's own dates and times as the texts that parameters have."""
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, bool | int | str):
        return value
    text: str = value.isoformat()
    return text.removesuffix(":00") if isinstance(value, time) else text
