"""What a client knows: one line for everything it asked and everything it was told.

A line is written before a request is sent and after each answer, so that a journal never knows less
than the client did. A request is `ok`, `refused`, or, when its last word was neither, `unknown`.
"""

import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ASKED, OK, REFUSED, UNKNOWN = "asked", "ok", "refused", "unknown"


class Journal:
    """Write one client's file; a line is on its way to the disk when `write` returns.

    Shape: `last` is the last line.
    """

    def __init__(self, path: Path) -> None:
        """Open the file to go on at its end."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", encoding="utf-8", buffering=1)
        self._lock = threading.Lock()
        self.last: dict[str, Any] = {}

    def write(self, act: str, **fields: object) -> None:
        """Add a line.

        Units: `at_s` seconds since 1970.
        """
        entry = {"at_s": time.time(), "act": act, **fields}
        line = json.dumps(entry)
        with self._lock:
            self.last = entry
            self._file.write(line + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


@dataclass(slots=True)
class Request:
    """Hold everything a client knows of one request.

    Shape: `asked` has what was asked for; `answers` the fields of each success, in their order.
    """

    request_id: str
    method: str
    asked: dict[str, Any]
    at_s: float
    answers: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    last: str = UNKNOWN

    @property
    def outcome(self) -> str:
        """Return ok, refused or unknown; who was told ok once holds on to it."""
        if self.answers:
            return OK
        return REFUSED if self.last == REFUSED else UNKNOWN


def lines(folder: Path) -> Iterator[dict[str, Any]]:
    """Yield all lines of all journals in the order of time."""
    found = [
        json.loads(line)
        for path in sorted(folder.glob("*.jsonl"))
        for line in path.read_text(encoding="utf-8").splitlines()
    ]
    yield from sorted(found, key=lambda line: line["at_s"])


def requests(folder: Path) -> dict[str, Request]:
    """Return every request that any client sent, by its id."""
    known: dict[str, Request] = {}
    for line in lines(folder):
        request_id = line.get("request_id")
        if request_id is None:
            continue
        if line["act"] == ASKED:
            known.setdefault(
                request_id, Request(request_id, line["method"], line["asked"], line["at_s"])
            )
            continue
        request = known[request_id]
        request.last = line["act"]
        if line["act"] == OK:
            request.answers.append(line["answer"])
        elif line["act"] == REFUSED:
            request.refusals.append(line["reason"])
    return known
