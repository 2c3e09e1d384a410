"""Business time can be set, moved and stopped; every process of the machine sees it."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from chassis.clock import ClockFileInvalid, FileClock, FixedClock, SystemClock
from tests.support.requirements import req

REAL = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
OCTOBER = datetime(2025, 10, 8, 1, 0, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")


class RealTime:
    """Stands for the machine's clock."""

    def __init__(self) -> None:
        self.at = REAL

    def __call__(self) -> datetime:
        return self.at

    def passes(self, by: timedelta) -> None:
        self.at += by


@pytest.fixture
def real() -> RealTime:
    return RealTime()


@pytest.fixture
def open_clock(tmp_path: Path, real: RealTime) -> Callable[[], FileClock]:
    return lambda: FileClock(tmp_path / "run" / "clock.json", real_now=real)


@req("R-318")
def test_a_time_that_one_process_sets_is_seen_by_another(
    open_clock: Callable[[], FileClock], real: RealTime
) -> None:
    ours, theirs = open_clock(), open_clock()
    before = theirs.now()

    ours.set(OCTOBER)
    real.passes(timedelta(minutes=5))

    assert (before, theirs.now()) == (REAL, OCTOBER + timedelta(minutes=5))


@req("R-318")
def test_a_calendar_can_be_walked_through(open_clock: Callable[[], FileClock]) -> None:
    clock = open_clock()
    clock.set(datetime(2025, 10, 1, tzinfo=UTC), running=False)

    seen = [clock.advance(timedelta(days=10)).date() for _ in range(5)]

    assert seen == [
        date(2025, 10, 11),
        date(2025, 10, 21),
        date(2025, 10, 31),
        date(2025, 11, 10),
        date(2025, 11, 20),
    ]


def test_a_frozen_clock_stands_still_until_it_runs(
    open_clock: Callable[[], FileClock], real: RealTime
) -> None:
    clock = open_clock()
    clock.set(OCTOBER, running=False)
    real.passes(timedelta(hours=1))
    frozen = clock.now()

    clock.run()
    real.passes(timedelta(hours=1))

    assert (frozen, clock.now()) == (OCTOBER, OCTOBER + timedelta(hours=1))


def test_a_running_clock_can_be_frozen_where_it_is(
    open_clock: Callable[[], FileClock], real: RealTime
) -> None:
    clock = open_clock()
    clock.set(OCTOBER)
    real.passes(timedelta(hours=1))

    clock.freeze()
    real.passes(timedelta(hours=1))

    assert clock.now() == OCTOBER + timedelta(hours=1)


def test_an_advanced_clock_keeps_running(
    open_clock: Callable[[], FileClock], real: RealTime
) -> None:
    clock = open_clock()
    clock.set(OCTOBER)

    clock.advance(timedelta(days=3))
    real.passes(timedelta(seconds=1))

    assert clock.now() == OCTOBER + timedelta(days=3, seconds=1)


def test_a_reset_clock_tells_real_time(open_clock: Callable[[], FileClock]) -> None:
    clock = open_clock()
    clock.set(OCTOBER, running=False)

    clock.reset()

    assert clock.now() == REAL


def test_a_removed_file_means_real_time(
    open_clock: Callable[[], FileClock], tmp_path: Path
) -> None:
    clock = open_clock()
    clock.set(OCTOBER)

    (tmp_path / "run" / "clock.json").unlink()

    assert clock.now() == REAL


def test_two_changes_within_one_tick_of_the_file_time_are_both_seen(
    open_clock: Callable[[], FileClock], tmp_path: Path
) -> None:
    ours, theirs = open_clock(), open_clock()
    path = tmp_path / "run" / "clock.json"
    ours.set(OCTOBER, running=False)
    os.utime(path, ns=(0, 0))
    theirs.now()

    ours.advance(timedelta(days=1))
    os.utime(path, ns=(0, 0))

    assert theirs.now() == OCTOBER + timedelta(days=1)


def test_each_change_gives_the_file_a_later_time(
    open_clock: Callable[[], FileClock], tmp_path: Path
) -> None:
    """An inode that is free again may come back within a tick, and the size is mostly the same."""
    clock, path = open_clock(), tmp_path / "run" / "clock.json"
    clock.set(OCTOBER)
    later_ns = path.stat().st_mtime_ns + 3_600 * 10**9
    os.utime(path, ns=(later_ns, later_ns))

    clock.advance(timedelta(days=1))

    assert path.stat().st_mtime_ns > later_ns


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", '{"frozen_time": "2025-10-08T00:00:00", "offset_us": 0}', "\xff"]
)
def test_a_damaged_file_is_refused(
    open_clock: Callable[[], FileClock], tmp_path: Path, content: str
) -> None:
    path = tmp_path / "run" / "clock.json"
    path.parent.mkdir()
    path.write_text(content, encoding="latin-1")

    with pytest.raises(ClockFileInvalid):
        open_clock().now()


@pytest.mark.parametrize("make", [FixedClock, FixedClock(OCTOBER).set])
def test_an_instant_without_a_zone_is_refused(make: Callable[[datetime], object]) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        make(datetime(2026, 3, 1))


def test_today_depends_on_the_zone() -> None:
    clock = FixedClock(datetime(2026, 3, 1, 16, 30, tzinfo=UTC))

    days = (clock.today(UTC), clock.today(SHANGHAI))

    assert days == (date(2026, 3, 1), date(2026, 3, 2))


def test_a_fixed_clock_moves_only_when_it_is_moved() -> None:
    clock = FixedClock(OCTOBER)

    clock.advance(timedelta(days=1))

    assert (clock.now(), clock.now()) == (OCTOBER + timedelta(days=1),) * 2


def test_the_system_clock_tells_real_time_in_utc() -> None:
    before = datetime.now(UTC)

    now = SystemClock().now()

    assert before <= now <= datetime.now(UTC)
