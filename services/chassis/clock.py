"""Business time: what validity, expiry, quiet hours and deadlines of processes are measured by.

Tokens, call deadlines, leases and spans take real time and never ask here. On a local platform all
processes read one small file, so that a calendar can be simulated; in production the business clock
is the real one.
"""

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    """Tell the business time."""

    def now(self) -> datetime:
        """Tell the instant, as an aware datetime in UTC."""
        ...

    def today(self, zone: tzinfo) -> date:
        """Tell the date that a zone has at this instant."""
        ...


class SystemClock:
    """Tell real time."""

    def now(self) -> datetime:
        """Tell the real instant in UTC."""
        return datetime.now(UTC)

    def today(self, zone: tzinfo) -> date:
        """Tell the date that a zone has now."""
        return self.now().astimezone(zone).date()


class FixedClock:
    """Tell the time that a test sets."""

    def __init__(self, at: datetime) -> None:
        """Stand at an instant."""
        self._at = _utc(at)

    def now(self) -> datetime:
        """Tell the instant that was set last."""
        return self._at

    def today(self, zone: tzinfo) -> date:
        """Tell the date that a zone has at that instant."""
        return self._at.astimezone(zone).date()

    def set(self, at: datetime) -> None:
        """Stand at another instant."""
        self._at = _utc(at)

    def advance(self, by: timedelta) -> None:
        """Move by a duration."""
        self._at += by


class ClockFileInvalid(Exception):
    """The clock file of a local platform is not what this module writes."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Say how business time follows from real time.

    Shape: frozen at an instant, or running at an offset from real time.
    Units: microseconds.
    """

    frozen_time: datetime | None = None
    offset_us: int = 0

    def at(self, real: datetime) -> datetime:
        """Tell the business time at a real instant."""
        return self.frozen_time or real + timedelta(microseconds=self.offset_us)


def _real_now() -> datetime:
    return datetime.now(UTC)


class FileClock:
    """Tell the time that a small file sets for all processes of one machine.

    Shape: no file means real time. A change by any process is seen by the next call in every other;
        an unchanged file costs one `stat`.
    Errors: ClockFileInvalid when the file is damaged, because guessing a time would be worse.
    """

    def __init__(self, path: Path, *, real_now: Callable[[], datetime] = _real_now) -> None:
        """Read from this file; `real_now` is for tests."""
        self._path = path
        self._real_now = real_now
        self._cached: tuple[tuple[int, int, int] | None, Setting] = (None, Setting())

    def now(self) -> datetime:
        """Tell the business instant in UTC."""
        return self._setting().at(self._real_now())

    def today(self, zone: tzinfo) -> date:
        """Tell the date that a zone has at the business instant."""
        return self.now().astimezone(zone).date()

    def set(self, at: datetime, *, running: bool = True) -> datetime:
        """Set business time, and let it run on from there or stand still.

        Shape: answers the business time after the change, as the three methods below do.
        """
        instant = _utc(at)
        return self._change(lambda _, real: _setting_at(instant, real, running=running))

    def advance(self, by: timedelta) -> datetime:
        """Move business time by a duration; a frozen clock stays frozen."""
        return self._change(
            lambda old, real: _setting_at(old.at(real) + by, real, running=not old.frozen_time)
        )

    def freeze(self) -> datetime:
        """Let business time stand still where it is."""
        return self._change(lambda old, real: _setting_at(old.at(real), real, running=False))

    def run(self) -> datetime:
        """Let business time run on from where it is."""
        return self._change(lambda old, real: _setting_at(old.at(real), real, running=True))

    def reset(self) -> datetime:
        """Return to real time."""
        return self._change(lambda _, __: Setting())

    def _setting(self) -> Setting:
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            return Setting()
        # The file is replaced, never rewritten, and each has a later time than the one before.
        mark = (status.st_ino, status.st_mtime_ns, status.st_size)
        known, setting = self._cached
        if known != mark:
            setting = _read(self._path)
            self._cached = (mark, setting)
        return setting

    def _change(self, change: Callable[[Setting, datetime], Setting]) -> datetime:
        with _exclusive(self._path):
            real = self._real_now()
            setting = change(_read(self._path), real)
            _replace(self._path, setting)
        return setting.at(real)


def _setting_at(instant: datetime, real: datetime, *, running: bool) -> Setting:
    if not running:
        return Setting(frozen_time=instant)
    return Setting(offset_us=(instant - real) // timedelta(microseconds=1))


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone")
    return at.astimezone(UTC)


def _read(path: Path) -> Setting:
    try:
        content = json.loads(path.read_bytes())
        frozen = content["frozen_time"]
        frozen_time = _utc(datetime.fromisoformat(frozen)) if frozen else None
        return Setting(frozen_time=frozen_time, offset_us=int(content["offset_us"]))
    except FileNotFoundError:
        return Setting()
    except (ValueError, KeyError, TypeError) as error:
        raise ClockFileInvalid(f"{path} is not a clock file") from error


def _replace(path: Path, setting: Setting) -> None:
    frozen = setting.frozen_time.isoformat() if setting.frozen_time else None
    text = json.dumps({"frozen_time": frozen, "offset_us": setting.offset_us})
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fresh.write_text(text + "\n", encoding="utf-8")
    if path.exists():
        # Of three files within one tick of the system's own time the third may have the inode of
        # the first.
        later_ns = max(path.stat().st_mtime_ns + 1, time.time_ns())
        os.utime(fresh, ns=(later_ns, later_ns))
    os.replace(fresh, path)


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    """Let one process at a time read, change and replace the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path.with_name(f"{path.name}.lock"), "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
