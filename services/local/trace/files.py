"""The telemetry files as a stream of spans.

A file can hold a hundred thousand spans and its last line may be cut, because the service is still
writing or was killed. So lines are read one by one, a cheap search in the raw bytes decides which
are decoded at all, and what cannot be decoded is counted, not raised.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from local.trace.span import Span, spans_of

LineTest = Callable[[bytes], bool]

_LINE_START = b'{"resourceSpans":'


def every_line(_line: bytes) -> bool:
    """Accept every line."""
    return True


def containing(*texts: str) -> LineTest:
    """Accept the lines that contain one of the texts.

    Shape: the texts as they stand in JSON; ids and ASCII words do without escaping.
    """
    needles = [json.dumps(text)[1:-1].encode() for text in texts]
    return lambda line: any(needle in line for needle in needles)


class TelemetryFiles:
    """Read the JSON Lines files of all services in one folder."""

    def __init__(self, paths: Sequence[Path]) -> None:
        """Take the files to read; none is opened yet."""
        self._paths = tuple(sorted(paths))
        self._unreadable: set[tuple[Path, int]] = set()

    @classmethod
    def in_folder(cls, folder: Path) -> "TelemetryFiles":
        """Take all .jsonl files of a folder; a missing folder has none."""
        return cls(list(folder.glob("*.jsonl")))

    @property
    def paths(self) -> tuple[Path, ...]:
        """Give the files in the order they are read."""
        return self._paths

    @property
    def unreadable(self) -> int:
        """Count the lines met so far that could not be decoded."""
        return len(self._unreadable)

    def batches(self, wanted: LineTest = every_line) -> Iterator[dict[str, Any]]:
        """Read the OTLP objects of the lines that pass the test.

        Shape: one object per line, file after file; lines with logs or metrics are left out.
        """
        for path, number, line in self._lines(wanted):
            batch = _decoded(line)
            if batch is None:
                self._unreadable.add((path, number))
            elif "resourceSpans" in batch:
                yield batch

    def spans(self, wanted: LineTest = every_line) -> Iterator[Span]:
        """Read the spans of the lines that pass the test."""
        for batch in self.batches(wanted):
            yield from spans_of(batch)

    def _lines(self, wanted: LineTest) -> Iterator[tuple[Path, int, bytes]]:
        for path in self._paths:
            with path.open("rb") as stream:
                kept = (item for item in enumerate(stream) if wanted(item[1]) and item[1].strip())
                yield from ((path, number, line) for number, line in kept)


def _decoded(line: bytes) -> dict[str, Any] | None:
    """Decode a line, or its last whole object.

    A service that was killed while writing and then started again appends to its cut line; the
    second half of that line is good.
    """
    whole = _object(line)
    if whole is not None:
        return whole
    start = line.rfind(_LINE_START)
    return _object(line[start:]) if start > 0 else None


def _object(text: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None
