"""Seams: inert without a word, and exact when one is armed."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chassis.faults import Faults

PASSES = """
import sys
from chassis.faults import seam
for _ in range(3):
    seam("PlaceOrder", "after_commit")
    print("passed", flush=True)
"""


def passed(setting: str) -> tuple[int, int]:
    """Pass a seam three times in a process of its own; return how often it got by, and its end."""
    around = {**os.environ, "MANTLE_SERVICE": "channels", "MANTLE_FAULT": setting}
    done = subprocess.run(
        [sys.executable, "-c", PASSES], env=around, capture_output=True, text=True, check=False
    )
    return done.stdout.count("passed"), done.returncode


def test_a_seam_is_inert_without_a_word() -> None:
    faults = Faults({})

    assert faults.inert


@pytest.mark.parametrize(
    ("setting", "times"),
    [
        ("channels/PlaceOrder/after_commit", 0),
        ("channels/PlaceOrder/after_commit#3", 2),
        ("*/*/after_commit#2", 1),
        ("crm/PlaceOrder/after_commit channels/PlaceOrder/after_commit#2", 1),
    ],
)
def test_the_process_ends_at_the_passing_that_was_armed(setting: str, times: int) -> None:
    assert passed(setting) == (times, -signal.SIGKILL)


@pytest.mark.parametrize(
    "setting",
    [
        "crm/PlaceOrder/after_commit",
        "channels/ShipOrder/after_commit",
        "channels/PlaceOrder/before_commit",
        "channels/PlaceOrder/after_commit#4",
    ],
)
def test_another_seam_is_passed(setting: str) -> None:
    assert passed(setting) == (3, 0)


def test_what_is_armed_by_a_file_may_change_and_goes_on_counting(tmp_path: Path) -> None:
    file = tmp_path / "fault"
    file.write_text("channels/A/one#2 channels/B/one")
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import pathlib, sys\n"
            "from chassis.faults import seam\n"
            "seam('A', 'one')\n"
            "pathlib.Path(sys.argv[1]).write_text('channels/A/one#2')\n"
            "seam('B', 'one')\n"
            "print('B is disarmed', flush=True)\n"
            "seam('A', 'one')\n",
            str(file),
        ],
        env={**os.environ, "MANTLE_SERVICE": "channels", "MANTLE_FAULT": f"@{file}"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("B is disarmed\n", -signal.SIGKILL)
