"""The log of a service: one JSON object a line, the message a constant, variables as fields.

Lines of calls are many, so they are collected and written by a thread every 50 ms; a crash may lose
the last of them, which is why nothing is ever proved by a log line.
"""

import atexit
import contextlib
import json
import logging
import sys
import threading
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple, TextIO

from opentelemetry import trace
from opentelemetry.trace import SpanContext

WRITE_PERIOD_S = 0.05
LINES_MAX = 100_000


class CallLine(NamedTuple):
    """Hold what is told of one call; it becomes a line only when it is written.

    Units: `at_s` since the epoch, `duration_s` of the whole call.
    """

    at_s: float
    method: str
    code: str
    reason: str
    duration_s: float
    span: SpanContext

    def __str__(self) -> str:
        """Return the line; none of its values needs escaping."""
        at = datetime.fromtimestamp(self.at_s, UTC).isoformat(timespec="milliseconds")
        return (
            f'{{"time":"{at}","level":"INFO","message":"call","method":"{self.method}",'
            f'"code":"{self.code}","reason":"{self.reason}",'
            f'"duration_ms":{self.duration_s * 1000:.2f},'
            f'"trace_id":"{self.span.trace_id:032x}","span_id":"{self.span.span_id:016x}"}}'
        )


class LineWriter:
    """Write lines to a stream, many at a time.

    Units: every 50 ms, and at the end of the process.
    """

    def __init__(self, stream: TextIO) -> None:
        """Begin to write."""
        self._stream = stream
        self._lines: deque[object] = deque(maxlen=LINES_MAX)
        self._writing = threading.Lock()
        self._ended = threading.Event()
        threading.Thread(target=self._run, name="lines", daemon=True).start()
        atexit.register(self.flush)

    def write(self, line: object) -> None:
        """Take what `str` makes a line of, without its end."""
        self._lines.append(line)

    def flush(self) -> None:
        """Write what was taken so far."""
        with self._writing:
            taken = [self._lines.popleft() for _ in range(len(self._lines))]
            if taken:
                self._stream.write("\n".join(map(str, taken)) + "\n")
                self._stream.flush()

    def close(self) -> None:
        """Write the rest and end the thread."""
        self._ended.set()
        self.flush()

    def _run(self) -> None:
        while not self._ended.wait(WRITE_PERIOD_S):
            # A stream that takes nothing must end neither the thread nor the service.
            with contextlib.suppress(OSError, ValueError):
                self.flush()


class JsonLines(logging.Formatter):
    """Write a record as one JSON object: the message is a constant, variables are fields."""

    STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

    def format(self, record: logging.LogRecord) -> str:
        """Return the line; an exception gives its class and place, never its text."""
        context = trace.get_current_span().get_span_context()
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if context.is_valid:
            line["trace_id"] = f"{context.trace_id:032x}"
            line["span_id"] = f"{context.span_id:016x}"
        line |= {key: value for key, value in vars(record).items() if key not in self.STANDARD}
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["stack"] = _frames(record)
        return json.dumps(line, default=str, ensure_ascii=False)


def _frames(record: logging.LogRecord) -> list[str]:
    assert record.exc_info is not None
    frames = []
    step = record.exc_info[2]
    while step is not None:
        code = step.tb_frame.f_code
        frames.append(f"{Path(code.co_filename).name}:{step.tb_lineno} {code.co_name}")
        step = step.tb_next
    return frames


def set_up_logs(*, stream: TextIO = sys.stdout, level: str = "INFO") -> None:
    """Send all log records of this process to one stream as JSON lines."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    logging.getLogger("alembic").setLevel("WARNING")
